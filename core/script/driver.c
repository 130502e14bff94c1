#include "script/driver.h"

#include "script/core_module.h"
#include "script/memory.h"

static const char *hook_name(const char *name)
{
    static const char *const names[] = { "filter", "handle", "route" };
    for (size_t i = 0; i + 1 < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return names[i];
    return "route";
}

mcr_lua_driver mcr_lua_take_driver(mcr_lua *lua)
{
    lua_State *L = lua->L;
    mcr_lua_driver d;
    lua_getfield(L, -1, "stage");  // driver stage
    lua_getfield(L, -2, "script"); // driver stage script
    d.hook = mcr_lua_hook(lua, hook_name(lua_tostring(L, -2)), lua_tostring(L, -1));
    lua_pop(L, 2);                            // driver
    lua_getfield(L, -1, "batch");             // driver batch
    d.batch = luaL_ref(L, LUA_REGISTRYINDEX); // driver
    lua_getfield(L, -1, "one");               // driver one
    d.one = luaL_ref(L, LUA_REGISTRYINDEX);   // driver
    lua_pop(L, 1);                            //
    return d;
}

// Enters a driver for slots [first, last); returns where it came to.
static uint32_t enter(mcr_lua *lua, const mcr_lua_driver *d, uint32_t first, uint32_t last)
{
    lua_State *L = lua->L;
    mcr_run *run = &lua->run;
    run->first = first;
    run->last = last;
    lua_rawgeti(L, LUA_REGISTRYINDEX, last - first == 1 ? d->one : d->batch); // driver
    mcr_call call = mcr_lua_call(lua, 0, 0, false, d->hook->deadline);        // [message]
    if (call == MCR_CALL_OK)
        return last;
    // Errors of scripts end in the driver's own xpcall. So the hook was stopped; or it is out of
    // memory, or a fault of ours. It is this one event's: it goes the way of a failed hook, and the
    // rest of the batch on.
    bool stopped = call == MCR_CALL_STOPPED;
    mcr_lua_end_hook(lua);
    L = lua->L;
    const char *message = mcr_lua_failure(lua, lua_tostring(L, -1));
    mcr_lua_fail_event(lua, d->hook->stage, stopped ? d->hook->script : "the script layer",
                       run->first, stopped ? MCR_FAILED_DEADLINE : MCR_FAILED_ERROR,
                       mcr_str_of(message));
    lua_pop(L, 1); //
    return run->first + 1;
}

void mcr_lua_drive(mcr_lua *lua, const mcr_lua_driver *d, uint32_t first, uint32_t last)
{
    mcr_hook_begin_batch(lua, d->hook, first);
    while (first < last) {
        if (!mcr_hook_may_run(lua, d->hook)) {
            mcr_lua_skip_event(lua, d->hook->stage, d->hook->script, first);
            lua->batch_next = ++first;
            continue;
        }
        // Half open, it is tried with one event.
        bool probes = d->hook->breaker.state != MCR_BREAKER_CLOSED;
        uint32_t end = probes ? first + 1 : last;
        first = enter(lua, d, first, end);
        if (probes && lua->batch_next != first)
            mcr_hook_worked(lua, d->hook);
        while (first < last && lua->run.slot[first].outcome != MCR_PASS)
            first++;
    }
    mcr_hook_end_batch(lua, last);
}
