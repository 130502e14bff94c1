// The life of a watcher's scripts: init, self_test, save, restore, and what they inherit.
#include <stdlib.h>

#include "base/log.h"
#include "script/core_module.h"
#include "script/memory.h"
#include "script/script_parts.h"

const char *mcr_scripts_name(mcr_scripts *s)
{
    lua_State *L = s->lua.L;
    mcr_scripts_push_function(s, "list");       // list
    lua_rawgeti(L, -1, (int)s->lua.run.script); // list script
    const char *name = "the script layer";
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, "name"); // list script name
        name = lua_tostring(L, -1);  // the script keeps it
        lua_pop(L, 1);               // list script
    }
    lua_pop(L, 2); //
    return name;
}

mcr_err mcr_scripts_ask(mcr_scripts *s, const char *name, int args, int64_t now, mcr_errbuf *err)
{
    lua_State *L = s->lua.L; // args…
    mcr_lua_set_now(&s->lua, now);
    mcr_scripts_push_function(s, name); // args… function
    lua_insert(L, -1 - args);           // function args…
    mcr_call call =
        mcr_lua_call(&s->lua, args, 1, true, mcr_scripts_unhurried(s)); // message or nil
    L = s->lua.L;
    const char *message = lua_tostring(L, -1);
    if (call)
        message = mcr_lua_failure(&s->lua, message);
    mcr_err result = MCR_OK;
    if (call == MCR_CALL_STOPPED)
        result = mcr_errf(err, MCR_ESCRIPT, "%s: %s: %s", mcr_scripts_name(s), name, message);
    else if (call || message)
        result = mcr_errf(err, MCR_ESCRIPT, "%s", message);
    if (call)
        mcr_lua_end_hook(&s->lua);
    lua_pop(L, 1); //
    return result;
}

mcr_err mcr_scripts_init(mcr_scripts *s, int64_t now, mcr_errbuf *err)
{
    mcr_scripts_push_function(s, "start"); // start
    if (!mcr_lua_pcall(s->lua.L, 0, 0, true))
        abort();
    mcr_err code = mcr_scripts_ask(s, "init", 0, now, err);
    s->started |= code == MCR_OK;
    return code;
}

mcr_err mcr_scripts_self_test(mcr_scripts *s, int64_t now, mcr_errbuf *err)
{
    return mcr_scripts_ask(s, "self_test", 0, now, err);
}

// What was emitted to a sink since there were `before`: after the switch nobody would ask this
// state for it. False: there was nothing.
static bool drop_directs(mcr_lua *lua, uint32_t before)
{
    bool any = lua->direct_n > before;
    while (lua->direct_n > before)
        mcr_event_unref(lua->direct[--lua->direct_n].ev);
    return any;
}

mcr_err mcr_scripts_save(mcr_scripts *s, int64_t now, mcr_buf *out, mcr_errbuf *err)
{
    uint32_t before = s->lua.direct_n;
    mcr_lua_set_now(&s->lua, now);
    mcr_scripts_push_function(s, "save"); // save
    mcr_call call =
        mcr_lua_call(&s->lua, 0, 2, true, mcr_scripts_unhurried(s)); // bytes why, or message
    bool emitted = drop_directs(&s->lua, before);
    lua_State *L = s->lua.L; // after the call: it may be another one
    mcr_err result = MCR_OK;
    if (call)
        result = mcr_errf(err, MCR_ESCRIPT, "%s: save: %s", mcr_scripts_name(s),
                          mcr_lua_failure(&s->lua, lua_tostring(L, -1)));
    else if (!lua_isstring(L, -2))
        result = mcr_errf(err, MCR_ESCRIPT, "%s", lua_tostring(L, -1));
    else if (emitted)
        result =
            mcr_errf(err, MCR_ESCRIPT, "%s: save must not emit to a sink", mcr_scripts_name(s));
    else
        mcr_buf_append(out, lua_tostring(L, -2), lua_objlen(L, -2));
    if (call)
        mcr_lua_end_hook(&s->lua);
    lua_pop(L, call ? 1 : 2); //
    return result;
}

mcr_err mcr_scripts_restore(mcr_scripts *s, int64_t now, mcr_str saved, mcr_errbuf *err)
{
    lua_pushlstring(s->lua.L, saved.ptr, saved.len); // saved
    return mcr_scripts_ask(s, "restore", 1, now, err);
}

static void inherit_reason(void *arg, mcr_str reason, uint64_t n)
{
    const mcr_scripts *s = arg;
    lua_State *L = s->lua.L;
    mcr_scripts_push_function(s, "add_reason"); // add
    lua_pushlstring(L, reason.ptr, reason.len); // add reason
    lua_pushnumber(L, (lua_Number)n);           // add reason n
    if (!mcr_lua_pcall(L, 2, 0, true)) {        // [message]
        mcr_log(MCR_LOG_ERROR, "watcher '%s': %s", s->lua.watcher, lua_tostring(L, -1));
        lua_pop(L, 1); //
    }
}

void mcr_scripts_inherit(mcr_scripts *s, mcr_scripts *old)
{
    mcr_script_counts *mine = &s->lua.counts;
    const mcr_script_counts *its = &old->lua.counts;
    mine->script_errors += its->script_errors;
    mine->deadlines += its->deadlines;
    mine->discards += its->discards;
    mine->breaker_trips += its->breaker_trips;
    mine->breaker_skipped += its->breaker_skipped;
    mine->emitted += its->emitted;
    mine->emit_full += its->emit_full;
    mine->unknown_sinks += its->unknown_sinks;
    mine->memory_full += its->memory_full;
    mcr_scripts_each_reason(old, inherit_reason, s);
    s->lua.watch = old->lua.watch;
    s->lua.last_name_ns = old->lua.last_name_ns;
}
