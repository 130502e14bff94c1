#pragma once
// Slow hooks are named: one that takes a good part of what it may take is logged once it is over,
// with the line it was at, at most once a minute. Part of the guard (script/guard.h), whose thread
// sees how long a hook has been running: hooks that are not slow pay nothing.
//
// Slow is what computes for a tenth of its deadline, or takes half of it (it may wait for others),
// and at least MCR_SLOW_LEAST_NS.

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MCR_SLOW_LEAST_NS (10 * INT64_C(1000000))

enum {
    MCR_SLOW_NAME = 256
};

// Who tells what runs.
typedef struct mcr_slow_namer {
    const char *watcher; // for messages; outlives the guard
    // Writes what is at work, "handle of x.lua", and " on default/web-1", within it on its thread;
    // nothing of what is not known. Each has room for MCR_SLOW_NAME bytes. Must not call Lua.
    void (*name)(const void *self, char *hook, char *event);
    const void *self;
} mcr_slow_namer;

typedef struct mcr_slow {
    mcr_slow_namer namer;
    // The guard's.
    int64_t cpu_since; // CPU time of the thread when the hook was seen first
    bool is_slow;
    uint32_t asked_n;
    // Where is it? Asked by the guard's thread with the run.gen of the hook (NAN: not), answered on
    // the hook's.
    _Atomic double asked;
    atomic_bool answered;
    char hook[MCR_SLOW_NAME];
    char event[MCR_SLOW_NAME];
    char place[96]; // "file:line"; empty: in no function of a script
} mcr_slow;

// mcr_slow_init: nothing is told without a namer.
void mcr_slow_init(mcr_slow *s);

// mcr_slow_begin: the guard has seen another hook, on the thread `tid`.
void mcr_slow_begin(mcr_slow *s, int tid);

// mcr_slow_look: that one has been running for `ns`. True: ask the thread where it is, in such a
// way that it calls mcr_slow_answer in the hook whose run.gen is `gen`.
bool mcr_slow_look(mcr_slow *s, double gen, int64_t ns, int64_t deadline, int tid);

// mcr_slow_is_asked is whether the hook with `gen` is to answer. In signal handlers, too.
static inline bool mcr_slow_is_asked(const mcr_slow *s, double gen)
{
    return atomic_load_explicit(&s->asked, memory_order_relaxed) == gen;
}

// mcr_slow_answer notes where `L`, the main state or a coroutine of it, is. Within a Lua hook.
void mcr_slow_answer(mcr_slow *s, lua_State *L, lua_State *main_state);

// mcr_slow_end: the hook is over after `ns`. Logs it if it was slow, unless it was `stopped`, which
// others say.
void mcr_slow_end(mcr_slow *s, int64_t ns, int64_t deadline, bool stopped);
