#include "script/hook_calls.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "script/guard.h"
#include "script/memory.h"

mcr_hook *mcr_lua_hook(mcr_lua *st, const char *stage, const char *script)
{
    for (size_t i = 0; i < st->hooks_n; i++)
        if (strcmp(st->hooks[i]->stage, stage) == 0 && strcmp(st->hooks[i]->script, script) == 0)
            return st->hooks[i];
    mcr_hook *hook = mcr_zalloc(sizeof *hook);
    *hook = (mcr_hook){ .stage = stage, .script = mcr_strdup(script), .deadline = st->deadline };
    st->hooks = mcr_realloc(st->hooks, (st->hooks_n + 1) * sizeof *st->hooks);
    st->hooks[st->hooks_n++] = hook;
    return hook;
}

mcr_hook *mcr_lua_hook_at(mcr_lua *st, const char *stage)
{
    lua_State *L = st->L;          // table
    lua_getfield(L, -1, "script"); // table script
    lua_getfield(L, -2, "where");  // table script where
    mcr_hook *hook = mcr_lua_hook(st, stage, lua_tostring(L, -2));
    const char *where = lua_tostring(L, -1);
    size_t len = where ? strlen(where) : 0;
    if (!hook->where && len > 2) { // without ": "
        hook->where = mcr_strdup(where);
        hook->where[len - 2] = '\0';
    }
    lua_pop(L, 2); // table
    return hook;
}

void mcr_lua_hooks_fini(mcr_lua *st)
{
    for (size_t i = 0; i < st->hooks_n; i++) {
        free(st->hooks[i]->script);
        free(st->hooks[i]->where);
        free(st->hooks[i]);
    }
    free(st->hooks);
}

void mcr_lua_push_stop(mcr_lua *st)
{
    lua_State *L = st->L;
    const mcr_stop_trace *trace = mcr_guard_trace(st->guarded);
    double seconds = st->run.deadline / 1e9;
    lua_pushlstring(L, trace->place.ptr, trace->place.len);      // place
    lua_pushfstring(L, "deadline: stopped after %f s", seconds); // place what
    lua_pushlstring(L, trace->lines.ptr, trace->lines.len);      // place what lines
    lua_concat(L, 3);                                            // text
}

// Calls within the limit of memory.
static bool limited_pcall(mcr_lua *st, int args, int results, bool traced)
{
    if (!st->arena)
        return mcr_lua_pcall(st->L, args, results, traced);
    bool before = mcr_arena_enforce(st->arena, true);
    bool ok = mcr_lua_pcall(st->L, args, results, traced);
    mcr_arena_enforce(st->arena, before);
    return ok;
}

static mcr_call guarded_pcall(mcr_lua *st, int args, int results, bool traced)
{
    mcr_guard_enter(st->guarded);
    bool ok = limited_pcall(st, args, results, traced);
    bool stopped = mcr_guard_leave(st->guarded);
    if (ok)
        return MCR_CALL_OK;
    return stopped ? MCR_CALL_STOPPED : MCR_CALL_FAILED;
}

// What ran was cut off: the state is in no order. `height` values were below it on the stack.
static mcr_call start_anew(mcr_lua *st, int height)
{
    mcr_guard_leave(st->guarded);
    st->counts.discards++;
    double seconds = st->run.deadline / 1e9;
    mcr_log(MCR_LOG_ERROR,
            "watcher '%s': a script was in a library function past its deadline of %g s, and had "
            "to be cut off: all scripts of the watcher start anew",
            st->watcher, seconds);
    mcr_lua_end_hook(st);
    mcr_lua_discard(st);
    st->renew(st);
    lua_settop(st->L, height);
    lua_pushfstring(st->L, // message
                    "deadline: cut off after %f s, in a library function that does not end",
                    seconds);
    return MCR_CALL_STOPPED;
}

// A function of its own, since the compiler keeps nothing in registers around mcr_exit_set:
// inlined, that made each call several times as long. True: what ran was cut off; else `*call` is
// how it went.
static __attribute__((noinline)) bool was_cut_off(mcr_lua *st, int args, int results, bool traced,
                                                  mcr_call *call)
{
    mcr_exit exit;
    if (mcr_exit_set(&exit) != 0)
        return true;
    mcr_guard_set_exit(st->guarded, &exit);
    *call = guarded_pcall(st, args, results, traced);
    return false;
}

mcr_call mcr_lua_call(mcr_lua *st, int args, int results, bool traced, int64_t deadline)
{
    mcr_call call = MCR_CALL_OK;
    if (st->guarded) {
        double ns = (double)deadline;
        __atomic_store(&st->run.deadline, &ns, __ATOMIC_RELAXED);
        int height = lua_gettop(st->L) - args - 1;
        if (!st->renew || !st->arena)
            call = guarded_pcall(st, args, results, traced);
        else if (was_cut_off(st, args, results, traced, &call))
            return start_anew(st, height);
    } else if (!limited_pcall(st, args, results, traced)) {
        call = MCR_CALL_FAILED;
    }
    if (call == MCR_CALL_OK) {
        mcr_lua_relieve(st);
    } else if (call == MCR_CALL_STOPPED) {
        lua_pop(st->L, 1);     // [error]
        mcr_lua_push_stop(st); // message
    }
    return call;
}

bool mcr_hook_asks_breaker(mcr_lua *st, mcr_hook *hook)
{
    if (st->lost)
        return false;
    if (mcr_breaker_allows(&hook->breaker, st->now_ns))
        return true;
    st->counts.breaker_skipped++;
    return false;
}

void mcr_hook_failed(mcr_lua *st, mcr_hook *hook, bool deadline)
{
    mcr_breaker *b = &hook->breaker;
    bool again = b->state == MCR_BREAKER_HALF_OPEN;
    if (!mcr_breaker_failed(b, deadline, st->now_ns))
        return;
    st->counts.breaker_trips++;
    const char *what = b->deadlines ? "deadlines" : "failures";
    uint32_t n = b->deadlines ? b->deadlines : b->failures;
    if (again)
        mcr_log(MCR_LOG_ERROR, "watcher '%s': %s of %s failed once more: not called for %.0f s",
                st->watcher, hook->stage, hook->script, (double)b->wait / 1e9);
    else
        mcr_log(MCR_LOG_ERROR,
                "watcher '%s': %s of %s: %u %s in a row: not called for %.0f s, then tried with "
                "one call",
                st->watcher, hook->stage, hook->script, n, what, (double)b->wait / 1e9);
}

void mcr_hook_works_again(mcr_lua *st, mcr_hook *hook)
{
    if (mcr_breaker_worked(&hook->breaker))
        mcr_log(MCR_LOG_WARN, "watcher '%s': %s of %s works again", st->watcher, hook->stage,
                hook->script);
}

void mcr_hook_failed_at(mcr_lua *st, uint32_t slot, bool deadline)
{
    if (!st->batch_hook)
        return;
    if (slot > st->batch_next)
        mcr_hook_worked(st, st->batch_hook); // for those in between
    mcr_hook_failed(st, st->batch_hook, deadline);
    st->batch_next = slot + 1;
}
