#pragma once
// Calling hooks, from C: under guard, each behind its breaker. Internal to core/script.

#include "script/breaker.h"
#include "script/hook_cost.h"
#include "script/state.h"

// One hook of one script, as C sees it: its name, its breaker, how long it may take and does take.
typedef struct mcr_hook {
    const char *stage; // "filter", "tick"…
    char *script;      // the script's name
    char *where;       // "file:line" of its function; NULL: not known
    int64_t deadline;  // ns
    mcr_breaker breaker;
    mcr_hook_cost cost;
} mcr_hook;

// mcr_lua_hook finds the hook, or makes it, with the deadline of scripts that are loaded now. It
// lives as long as `st`, also when the Lua state is made anew. `stage` must be a literal.
mcr_hook *mcr_lua_hook(mcr_lua *st, const char *stage, const char *script);

// mcr_lua_hook_at is mcr_lua_hook for the table on top of the stack, which describes the hook: its
// `script`, and `where` its function stands.
mcr_hook *mcr_lua_hook_at(mcr_lua *st, const char *stage);

// mcr_lua_hooks_fini frees them all.
void mcr_lua_hooks_fini(mcr_lua *st);

typedef enum mcr_call {
    MCR_CALL_OK,
    MCR_CALL_FAILED, // an error was raised
    MCR_CALL_STOPPED // it ran past its deadline; st->L may be another one since
} mcr_call;

// mcr_lua_call is mcr_lua_pcall under guard: what is called may take `deadline` ns, and so may each
// hook in it that raises run.gen. When it is not MCR_CALL_OK, one string is on the stack: the
// message, with a traceback when `traced` or stopped. When nothing but cutting it off
// (script/cut_off.h) helped, the Lua state is another one by then, as if what was called had failed
// in it: st->L must be read again, and references into its registry.
mcr_call mcr_lua_call(mcr_lua *st, int args, int results, bool traced, int64_t deadline);

// mcr_lua_push_stop pushes what a stopped hook did: "file:line: deadline: …" and its traceback.
void mcr_lua_push_stop(mcr_lua *st);

// mcr_hook_may_run tells whether the breaker lets the hook be called; when not, that is counted.
bool mcr_hook_asks_breaker(mcr_lua *st, mcr_hook *hook);
static inline bool mcr_hook_may_run(mcr_lua *st, mcr_hook *hook)
{
    return (!st->lost && hook->breaker.state == MCR_BREAKER_CLOSED) ||
           mcr_hook_asks_breaker(st, hook);
}

// mcr_hook_failed and mcr_hook_worked tell the breaker how a call went, and the log what it makes
// of it.
void mcr_hook_failed(mcr_lua *st, mcr_hook *hook, bool deadline);
void mcr_hook_works_again(mcr_lua *st, mcr_hook *hook);
static inline void mcr_hook_worked(mcr_lua *st, mcr_hook *hook)
{
    if (hook->breaker.state != MCR_BREAKER_CLOSED || hook->breaker.failures)
        mcr_hook_works_again(st, hook);
}

// For a driver that calls the hook over a batch: what fails in it is told by slot. begin … end.
static inline void mcr_hook_begin_batch(mcr_lua *st, mcr_hook *hook, uint32_t first)
{
    st->batch_hook = hook;
    st->batch_next = first;
}

void mcr_hook_failed_at(mcr_lua *st, uint32_t slot, bool deadline);

static inline void mcr_hook_end_batch(mcr_lua *st, uint32_t last)
{
    if (last > st->batch_next)
        mcr_hook_worked(st, st->batch_hook);
    st->batch_hook = NULL;
}
