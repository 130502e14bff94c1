#include "base/alloc.h"
#include "base/log.h"
#include "script/core_module.h"
#include "script/state.h"
#include "sink/dead_letters.h"

// Sends an event straight to one sink of the watcher; false when too many wait already.
static bool deliver_to(mcr_lua *st, mcr_event *ev, uint32_t sink, uint32_t place)
{
    if (!place && st->emitted_n == MCR_MAX_EMITTED)
        return false;
    if (st->direct_n == st->direct_cap) {
        st->direct_cap = st->direct_cap ? st->direct_cap * 2 : 64;
        st->direct = mcr_realloc(st->direct, st->direct_cap * sizeof *st->direct);
    }
    st->direct[st->direct_n++] = (mcr_direct){ mcr_event_ref(ev), sink, place };
    st->emitted_n += place == 0;
    return true;
}

static mcr_event *event_at(lua_State *L, int index)
{
    const mcr_view *view = lua_topointer(L, index);
    return (mcr_event *)(uintptr_t)view->handle;
}

// core.deliver(view, sink index[, place]): whether there was room
static int deliver(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    bool taken = deliver_to(st, event_at(L, 1), (uint32_t)luaL_checkint(L, 2),
                            (uint32_t)luaL_optinteger(L, 3, 0));
    if (!taken)
        st->counts.emit_full++;
    lua_pushboolean(L, taken); // taken
    return 1;
}

// core.emit(view): whether there was room
static int emit(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    if (!st->broadcaster)
        return luaL_error(L, "emit: there are no other watchers here");
    if (!st->watch)
        return luaL_error(L, "emit: nothing runs yet; emit from a tick or a handler");
    bool taken = mcr_broadcaster_emit(st->broadcaster, event_at(L, 1), st->watch);
    if (taken) {
        st->counts.emitted++;
    } else {
        st->counts.emit_full++;
        mcr_log_once_a_minute(MCR_LOG_WARN,
                              "watcher '%s': emit: not taken: too many emitted events wait, or the "
                              "event answers others over %d hops",
                              st->watcher, MCR_MAX_HOPS);
    }
    lua_pushboolean(L, taken); // taken
    return 1;
}

// core.use_fallback(slot): where an event goes whose route named no sink that there is
static int use_fallback(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    st->run.slot[luaL_checkint(L, 1)].sinks = st->fallback;
    return 0;
}

// core.unknown_sink(script, name)
static int unknown_sink(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    st->counts.unknown_sinks++;
    mcr_log_once_a_minute(MCR_LOG_ERROR,
                          "watcher '%s': %s names sink '%s', which the watcher does not have",
                          st->watcher, luaL_checkstring(L, 1), luaL_checkstring(L, 2));
    return 0;
}

static void log_failure(mcr_lua *st, const char *stage, const char *script, const char *text)
{
    st->counts.script_errors++;
    mcr_log_once_a_minute(MCR_LOG_ERROR, "watcher '%s': %s of %s failed: %s", st->watcher, stage,
                          script, text);
}

// core.script_failed(stage, script, text): a hook without an event (tick, fini) raised
static int script_failed(lua_State *L)
{
    log_failure(mcr_lua_of(L), luaL_checkstring(L, 1), luaL_checkstring(L, 2),
                luaL_checkstring(L, 3));
    return 0;
}

static void keep_dead_letter(mcr_lua *st, const char *stage, const char *script, mcr_str text,
                             const mcr_event *ev)
{
    const char *line_end = memchr(text.ptr, '\n', text.len);
    mcr_dead_letter letter = { .watcher = st->watcher, .stage = stage, .script = script, .ev = ev };
    letter.reason = mcr_str_n(text.ptr, line_end ? (size_t)(line_end - text.ptr) : text.len);
    if (line_end)
        letter.traceback = mcr_str_n(line_end + 1, text.len - letter.reason.len - 1);
    // What cannot be written is logged there; the event is counted `refused` either way.
    mcr_dead_letters_add(st->dead, &letter);
}

void mcr_lua_fail_event(mcr_lua *st, const char *stage, const char *script, mcr_slot *slot,
                        mcr_str text)
{
    log_failure(st, stage, script, text.ptr);
    if (strcmp(stage, "route") == 0) {
        slot->sinks = st->fallback;
        return;
    }
    if (st->on_error == MCR_ON_ERROR_PASS)
        return;
    slot->outcome = MCR_REFUSED;
    if (st->on_error == MCR_ON_ERROR_DEAD_LETTER && st->dead)
        keep_dead_letter(st, stage, script, text, (const mcr_event *)(uintptr_t)slot->handle);
}

// core.hook_failed(stage, script, slot, text): a hook raised, or gave an answer without meaning
static int hook_failed(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    const char *stage = luaL_checkstring(L, 1);
    const char *script = luaL_checkstring(L, 2);
    mcr_slot *slot = &st->run.slot[luaL_checkint(L, 3)];
    size_t len;
    const char *text = luaL_checklstring(L, 4, &len);
    mcr_lua_fail_event(st, stage, script, slot, mcr_str_n(text, len));
    return 0;
}

// core.log(level, text)
static int log_text(lua_State *L)
{
    mcr_log((mcr_log_level)luaL_checkint(L, 1), "%s", luaL_checkstring(L, 2));
    return 0;
}

void mcr_lua_register_outcomes(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "deliver", deliver },
        { "emit", emit },
        { "unknown_sink", unknown_sink },
        { "use_fallback", use_fallback },
        { "script_failed", script_failed },
        { "hook_failed", hook_failed },
        { "log", log_text },
        { NULL, NULL },
    };
    luaL_register(L, NULL, functions);
}
