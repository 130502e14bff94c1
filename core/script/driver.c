#include "script/driver.h"

#include <string.h>

#include "script/core_module.h"
#include "script/memory.h"
#include "script/observed.h"

static const char *hook_name(const char *name)
{
    static const char *const names[] = { "filter", "handle", "route" };
    for (size_t i = 0; i + 1 < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return names[i];
    return "route";
}

// Where a chain is: before hook `k` of slot `i`.
typedef struct chain_walk {
    mcr_lua *lua;
    const mcr_lua_driver *chain;
    uint32_t n;
    uint32_t last;
    uint32_t i, k;
} chain_walk;

// Calls one hook after the other in one protected call, until a breaker has to be asked.
static int walk(lua_State *L)
{
    chain_walk *w = lua_touserdata(L, 1);
    mcr_lua *lua = w->lua;
    for (; w->i < w->last; w->i++, w->k = 0) {
        for (; w->k < w->n && lua->run.slot[w->i].outcome == MCR_PASS; w->k++) {
            const mcr_lua_driver *d = &w->chain[w->k];
            if (d->hook->breaker.state != MCR_BREAKER_CLOSED)
                return 0;
            double deadline = (double)d->hook->deadline;
            __atomic_store(&lua->run.deadline, &deadline, __ATOMIC_RELAXED);
            lua->run.first = w->i;
            lua->run.last = w->i + 1;
            mcr_hook_begin_batch(lua, d->hook, w->i);
            lua_rawgeti(L, LUA_REGISTRYINDEX, d->one); // walk driver
            if (mcr_hook_cost_due(&d->hook->cost)) {
                mcr_hook_cost_mark mark = mcr_hook_cost_begin(lua->arena);
                lua_call(L, 0, 0); // walk
                mcr_hook_cost_end(&d->hook->cost, &mark, lua->arena);
            } else {
                mcr_hook_cost_pass(&d->hook->cost, 1);
                lua_call(L, 0, 0); // walk
            }
            mcr_hook_end_batch(lua, w->i + 1);
        }
    }
    return 0;
}

// Kept in the registry: a protected call needs no memory before it protects.
static const char walk_key;

static void keep_walk(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&walk_key); // key
    lua_pushcfunction(L, walk);                  // key walk
    lua_rawset(L, LUA_REGISTRYINDEX);            //
}

mcr_lua_driver mcr_lua_take_driver(mcr_lua *lua)
{
    lua_State *L = lua->L;
    mcr_lua_driver d;
    lua_getfield(L, -1, "stage"); // driver stage
    const char *stage = hook_name(lua_tostring(L, -1));
    lua_pop(L, 1); // driver
    d.hook = mcr_lua_hook_at(lua, stage);
    lua_getfield(L, -1, "batch");             // driver batch
    d.batch = luaL_ref(L, LUA_REGISTRYINDEX); // driver
    lua_getfield(L, -1, "timed");             // driver timed
    d.timed = luaL_ref(L, LUA_REGISTRYINDEX); // driver
    lua_getfield(L, -1, "one");               // driver one
    d.one = luaL_ref(L, LUA_REGISTRYINDEX);   // driver
    lua_pop(L, 1);                            //
    keep_walk(L);
    return d;
}

// The call of a driver failed. Errors of scripts end in the driver's own xpcall. So the hook was
// stopped; or it is out of memory, or a fault of ours. It is the one event's at run.first: it goes
// the way of a failed hook, and the rest of the batch on.
static void entry_failed(mcr_lua *lua, const mcr_hook *hook, mcr_call call)
{
    bool stopped = call == MCR_CALL_STOPPED; // message
    mcr_lua_end_hook(lua);
    const char *message = mcr_lua_failure(lua, lua_tostring(lua->L, -1));
    mcr_lua_fail_event(lua, hook->stage, stopped ? hook->script : "the script layer",
                       lua->run.first, stopped ? MCR_FAILED_DEADLINE : MCR_FAILED_ERROR,
                       mcr_str_of(message));
    lua_pop(lua->L, 1); //
}

// Enters a driver, in the registry at `ref`, for slots [first, last); returns where it came to.
static uint32_t enter(mcr_lua *lua, const mcr_lua_driver *d, int ref, uint32_t first, uint32_t last)
{
    mcr_run *run = &lua->run;
    run->first = first;
    run->last = last;
    lua_rawgeti(lua->L, LUA_REGISTRYINDEX, ref);                       // driver
    mcr_call call = mcr_lua_call(lua, 0, 0, false, d->hook->deadline); // [message]
    if (call == MCR_CALL_OK)
        return last;
    entry_failed(lua, d->hook, call);
    return run->first + 1;
}

static uint32_t enter_one(mcr_lua *lua, const mcr_lua_driver *d, uint32_t first)
{
    mcr_hook_cost *cost = &d->hook->cost;
    if (!mcr_hook_cost_due(cost)) {
        mcr_hook_cost_pass(cost, 1);
        return enter(lua, d, d->one, first, first + 1);
    }
    mcr_hook_cost_mark mark = mcr_hook_cost_begin(lua->arena);
    uint32_t to = enter(lua, d, d->one, first, first + 1);
    mcr_hook_cost_end(cost, &mark, lua->arena);
    return to;
}

static uint32_t enter_batch(mcr_lua *lua, const mcr_lua_driver *d, uint32_t first, uint32_t last)
{
    mcr_hook_cost *cost = &d->hook->cost;
    if (mcr_hook_cost_due(cost)) {
        mcr_hook_cost_begin_laps(cost, lua->arena, last - first);
        uint32_t to = enter(lua, d, d->timed, first, last);
        mcr_hook_cost_end_laps(cost, lua->arena, to - first);
        return to;
    }
    if (mcr_hook_cost_skips(cost, last - first)) {
        uint32_t to = enter(lua, d, d->batch, first, last);
        mcr_hook_cost_pass(cost, to - first);
        return to;
    }
    mcr_hook_cost_mark mark = mcr_hook_cost_begin(lua->arena);
    uint32_t to = enter(lua, d, d->batch, first, last);
    mcr_hook_cost_end_batch(cost, &mark, lua->arena, to - first);
    return to;
}

static void drive(mcr_lua *lua, const mcr_lua_driver *d, uint32_t first, uint32_t last)
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
        first = end - first == 1 ? enter_one(lua, d, first) : enter_batch(lua, d, first, end);
        if (probes && lua->batch_next != first)
            mcr_hook_worked(lua, d->hook);
        while (first < last && lua->run.slot[first].outcome != MCR_PASS)
            first++;
    }
    mcr_hook_end_batch(lua, last);
}

// The sinks that the route of slot `i` gave events of their own.
static uint64_t own_sinks(const mcr_lua *lua, uint32_t i)
{
    uint64_t sinks = 0;
    for (uint32_t k = lua->direct_first; k < lua->direct_n; k++)
        if (lua->direct[k].place == i + 1)
            sinks |= UINT64_C(1) << lua->direct[k].sink;
    return sinks;
}

static void drive_observed(mcr_lua *lua, const mcr_lua_driver *d, uint32_t i)
{
    const mcr_slot *slot = &lua->run.slot[i];
    mcr_event *before = mcr_event_ref((mcr_event *)(uintptr_t)slot->handle);
    mcr_lua_observed_begin(lua);
    drive(lua, d, i, i + 1);
    mcr_hook_result result = { .did = MCR_HOOK_PASSED, .before = before };
    result.after = (mcr_event *)(uintptr_t)slot->handle;
    if (strcmp(d->hook->stage, "route") == 0) {
        result.did = MCR_HOOK_ROUTED;
        result.sinks = slot->sinks & lua->all_sinks;
        result.own = own_sinks(lua, i);
    } else if (slot->outcome != MCR_PASS) {
        result.did = MCR_HOOK_DROPPED;
    } else if (result.after != before) {
        result.did = MCR_HOOK_CHANGED;
    }
    mcr_lua_observed_tell(lua, d->hook, result);
    mcr_event_unref(before);
}

void mcr_lua_drive(mcr_lua *lua, const mcr_lua_driver *d, uint32_t first, uint32_t last)
{
    if (!mcr_lua_is_observed(lua)) {
        drive(lua, d, first, last);
        return;
    }
    for (uint32_t i = first; i < last; i++)
        if (lua->run.slot[i].outcome == MCR_PASS)
            drive_observed(lua, d, i);
}

void mcr_lua_drive_chain(mcr_lua *lua, const mcr_lua_driver *chain, uint32_t n, uint32_t last)
{
    chain_walk w = { .lua = lua, .chain = chain, .n = n, .last = last };
    while (w.i < last) {
        if (w.k == n || lua->run.slot[w.i].outcome != MCR_PASS) {
            w.i++;
            w.k = 0;
            continue;
        }
        const mcr_hook *hook = chain[w.k].hook;
        if (lua->lost || mcr_lua_is_observed(lua) || hook->breaker.state != MCR_BREAKER_CLOSED) {
            mcr_lua_drive(lua, &chain[w.k++], w.i, w.i + 1);
            continue;
        }
        lua_pushlightuserdata(lua->L, (void *)&walk_key);               // key
        lua_rawget(lua->L, LUA_REGISTRYINDEX);                          // walk
        lua_pushlightuserdata(lua->L, &w);                              // walk w
        mcr_call call = mcr_lua_call(lua, 1, 0, false, hook->deadline); // [message]
        if (call == MCR_CALL_OK)
            continue;
        entry_failed(lua, chain[w.k++].hook, call);
        mcr_hook_end_batch(lua, lua->run.first + 1);
    }
}
