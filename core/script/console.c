#include "script/console.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "script/hook_calls.h"
#include "script/memory.h"
#include "script/script_parts.h"

struct mcr_console {
    mcr_scripts *scripts;
    int64_t deadline;
    int module; // registry reference of lua/mooncrier/repl.lua
    atomic_bool interrupted;
    mcr_event **events;
    size_t n;
    mcr_buf script; // what the last :script that went well was given; empty: there was none
};

// Gives the Lua half an event, or has it forget all when `ev` is NULL.
static void add_event(mcr_console *c, mcr_event *ev)
{
    mcr_lua *lua = &c->scripts->lua;
    lua_State *L = lua->L;
    if (ev)
        mcr_lua_made(lua, mcr_event_ref(ev));
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->module); // repl
    lua_getfield(L, -1, "add");                   // repl add
    lua_remove(L, -2);                            // add
    if (!mcr_lua_pcall(L, 0, 0, true)) {          // [message]
        mcr_log(MCR_LOG_ERROR, "%s", lua_tostring(L, -1));
        lua_pop(L, 1); //
    }
}

// Loads the Lua half into the state that there is now.
static void open_module(mcr_console *c)
{
    lua_State *L = c->scripts->lua.L;
    lua_getglobal(L, "require");          // require
    lua_pushliteral(L, "mooncrier.repl"); // require name
    if (!mcr_lua_pcall(L, 1, 1, true)) {  // repl or message
        // Only our own embedded files run here: a failure is a broken build.
        mcr_log(MCR_LOG_ERROR, "the prompt does not load: %s", lua_tostring(L, -1));
        abort();
    }
    c->module = luaL_ref(L, LUA_REGISTRYINDEX); //
}

mcr_console *mcr_console_new(const mcr_console_options *options)
{
    mcr_console *c = mcr_zalloc(sizeof *c);
    c->deadline = options->deadline ? options->deadline : MCR_DEADLINE_NS;
    c->scripts = mcr_scripts_new(&(mcr_script_options){
        .watcher = "repl",
        .scripts_dir = options->scripts_dir,
        .clock = options->clock ? options->clock : &mcr_clock_wall,
        .memory = options->memory,
    });
    open_module(c);
    return c;
}

static void drop_events(mcr_console *c)
{
    for (size_t i = 0; i < c->n; i++)
        mcr_event_unref(c->events[i]);
    free(c->events);
    c->events = NULL;
    c->n = 0;
}

void mcr_console_free(mcr_console *c)
{
    if (!c)
        return;
    mcr_scripts_free(c->scripts);
    drop_events(c);
    mcr_buf_fini(&c->script);
    free(c);
}

void mcr_console_take_events(mcr_console *c, mcr_event *const *events, size_t n)
{
    add_event(c, NULL);
    drop_events(c);
    c->events = mcr_alloc((n ? n : 1) * sizeof(mcr_event *));
    c->n = n;
    for (size_t i = 0; i < n; i++) {
        c->events[i] = events[i];
        add_event(c, events[i]);
    }
}

mcr_event *const *mcr_console_events(const mcr_console *c, size_t *n)
{
    *n = c->n;
    return c->events;
}

void mcr_console_interrupt(mcr_console *c)
{
    double now = 0;
    atomic_store(&c->interrupted, true);
    // The guard, which looks every few milliseconds while something runs, finds it long past.
    __atomic_store(&c->scripts->lua.run.deadline, &now, __ATOMIC_RELAXED);
}

static void add_lines(mcr_buf *out, const char *text, size_t len)
{
    mcr_buf_append(out, text, len);
    if (len && text[len - 1] != '\n')
        mcr_buf_putc(out, '\n');
}

static mcr_console_result call(mcr_console *c, const char *name, mcr_str text, mcr_buf *out,
                               mcr_buf *why);

// The state was thrown away: makes the prompt in the new one what it was, as far as that goes.
static void start_anew(mcr_console *c, mcr_buf *why)
{
    mcr_buf nothing = { 0 };
    open_module(c);
    for (size_t i = 0; i < c->n; i++)
        add_event(c, c->events[i]);
    mcr_buf_puts(why, "the session starts anew: variables are lost\n");
    if (c->n)
        call(c, "next", mcr_str_of("1"), &nothing, why);
    if (c->script.len)
        call(c, "script", mcr_buf_str(&c->script), &nothing, why);
    mcr_buf_fini(&nothing);
}

// After a failure: the state may have been thrown away (there are more discards than before), or be
// full of what variables hold on to, so that nothing can be done in it any more.
static void give_up_state(mcr_console *c, uint64_t discards, mcr_buf *why)
{
    mcr_lua *lua = &c->scripts->lua;
    if (lua->spent) {
        mcr_lua_end_hook(lua);
        mcr_lua_discard(lua);
        lua->renew(lua);
        start_anew(c, why);
    } else if (lua->counts.discards != discards) {
        start_anew(c, why);
    }
}

// What is at `index` of the stack, if it is a string.
static void take_lines(lua_State *L, int index, mcr_buf *out)
{
    size_t len = 0;
    const char *text = lua_tolstring(L, index, &len);
    if (text)
        add_lines(out, text, len);
}

static mcr_console_result call(mcr_console *c, const char *name, mcr_str text, mcr_buf *out,
                               mcr_buf *why)
{
    mcr_lua *lua = &c->scripts->lua;
    uint64_t discards = lua->counts.discards;
    lua_State *L = lua->L;
    mcr_lua_set_now(lua, mcr_clock_now(&lua->clock));
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->module);                  // repl
    lua_getfield(L, -1, "call");                                   // repl call
    lua_remove(L, -2);                                             // call
    lua_pushstring(L, name);                                       // call name
    lua_pushlstring(L, text.ptr, text.len);                        // call name text
    mcr_call outcome = mcr_lua_call(lua, 2, 3, true, c->deadline); // status out why, or message
    L = lua->L;
    if (outcome != MCR_CALL_OK) {
        add_lines(why, mcr_lua_failure(lua, lua_tostring(L, -1)),
                  strlen(mcr_lua_failure(lua, lua_tostring(L, -1))));
        lua_pop(L, 1); //
        mcr_lua_end_hook(lua);
        give_up_state(c, discards, why);
        return MCR_CONSOLE_FAILED;
    }
    const char *status = lua_tostring(L, -3);
    mcr_console_result result = strcmp(status, "more") == 0   ? MCR_CONSOLE_MORE
                                : strcmp(status, "done") == 0 ? MCR_CONSOLE_DONE
                                                              : MCR_CONSOLE_FAILED;
    take_lines(L, -2, out);
    take_lines(L, -1, why);
    lua_pop(L, 3); //
    if (result == MCR_CONSOLE_FAILED)
        give_up_state(c, discards, why);
    return result;
}

mcr_console_result mcr_console_call(mcr_console *c, const char *name, mcr_str text, mcr_buf *out,
                                    mcr_buf *why)
{
    atomic_store(&c->interrupted, false);
    size_t before = why->len;
    mcr_console_result result = call(c, name, text, out, why);
    if (result == MCR_CONSOLE_DONE && strcmp(name, "script") == 0) {
        c->script.len = 0;
        mcr_buf_add(&c->script, text);
    }
    if (result == MCR_CONSOLE_FAILED && atomic_load(&c->interrupted)) {
        why->len = before;
        mcr_buf_puts(why, "interrupted\n");
    }
    return result;
}
