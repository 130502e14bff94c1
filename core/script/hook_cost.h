#pragma once
// What one hook costs, always measured: how long its calls take and what they allocate.
//
// Reading the clock for each event would cost more than most hooks do. So:
// - of batches (MCR_HOOK_COST_BATCH events or more) one in MCR_HOOK_COST_EVERY_BATCH is timed, from
//   its first event to its last, and stands for those since;
// - in one batch of some hundred, each event is timed by itself, and stands for those since;
// - of calls that are no batches, one in some hundred is measured, and stands for those since;
// - calls that take MCR_HOOK_COST_SLOW ns or longer are all timed, each by itself.
// Which ones is left to chance; a hook that was called seldom so far is measured more often.
//
// Time is the wall's, with what the machine did in between; of calls that are no batches, with
// entering Lua (some 0.1 µs). What it takes to read the clock is taken off. Allocated is what was
// asked for, whatever was freed again, and what LuaJIT itself needed to compile the hook.
//
// One thread measures; mcr_hook_cost_now may be called on any meanwhile.

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/histogram.h"
#include "script/arena.h"

enum {
    MCR_HOOK_COST_BATCH = 16,  // events
    MCR_HOOK_COST_SLOW = 4000, // ns
    MCR_HOOK_COST_EVERY = 128, // calls one by one
    MCR_HOOK_COST_EVERY_BATCH = 4,
    MCR_HOOK_COST_EVERY_LAP = 16384, // events in batches, to the next that are timed one by one
};

// What was read before a call, or several.
typedef struct mcr_hook_cost_mark {
    const mcr_arena *arena; // NULL: what is allocated is not known
    size_t allocated;
    int64_t at; // monotonic ns
} mcr_hook_cost_mark;

// Zero-initialised: nothing was called.
typedef struct mcr_hook_cost {
    mcr_histogram time;   // ns
    mcr_histogram memory; // bytes
    _Atomic uint64_t calls;
    _Atomic uint64_t measured; // … by themselves
    _Atomic uint64_t ns;
    _Atomic uint64_t bytes;
    _Atomic uint64_t max_ns;
    _Atomic uint64_t max_bytes;
    // The measuring thread's.
    bool slow;        // what was measured last was
    uint32_t wait;    // calls that are not measured before the next that is
    uint64_t told;    // `calls` when one was measured last
    uint64_t batched; // calls in timed batches since then, and those that these stand for
    uint32_t skips;   // batches that are not timed before the next that is
    uint64_t skipped; // calls in them so far
    double usual;     // ns of a call in a batch
    uint32_t chance;
    struct {
        mcr_hook_cost_mark since;
        uint64_t stands_for;
        uint32_t n;
        uint64_t ns, bytes; // of these n
    } lap;                  // of a batch whose events are timed one by one
} mcr_hook_cost;

typedef struct mcr_hook_cost_spread {
    uint64_t p50, p99, max;
} mcr_hook_cost_spread;

// Sums are estimates as far as calls were not timed. max of `time` is of what was timed: of a batch
// that took longer than usual, one event is taken to be the reason. max of `memory` is of the calls
// that were measured by themselves.
typedef struct mcr_hook_cost_sums {
    uint64_t calls;
    uint64_t measured; // one by one
    uint64_t ns;
    uint64_t bytes;
    mcr_hook_cost_spread time;   // ns
    mcr_hook_cost_spread memory; // bytes
} mcr_hook_cost_sums;

mcr_hook_cost_sums mcr_hook_cost_now(const mcr_hook_cost *cost);

// mcr_hook_cost_pass: `n` calls are not timed.
static inline void mcr_hook_cost_pass(mcr_hook_cost *cost, uint32_t n)
{
    // Nobody else writes: no locked instruction is needed.
    uint64_t before = atomic_load_explicit(&cost->calls, memory_order_relaxed);
    atomic_store_explicit(&cost->calls, before + n, memory_order_relaxed);
    cost->wait -= n < cost->wait ? n : cost->wait;
}

// mcr_hook_cost_due: whether the next call, or the events of the next batch, are to be measured by
// themselves.
static inline bool mcr_hook_cost_due(const mcr_hook_cost *cost)
{
    return cost->slow || cost->wait == 0;
}

static inline mcr_hook_cost_mark mcr_hook_cost_begin(const mcr_arena *arena)
{
    return (mcr_hook_cost_mark){ .arena = arena,
                                 .allocated = arena ? mcr_arena_allocated(arena) : 0,
                                 .at = mcr_clock_monotonic() };
}

// mcr_hook_cost_end ends what mcr_hook_cost_begin has begun: one call. `arena` may be another one
// by now.
void mcr_hook_cost_end(mcr_hook_cost *cost, const mcr_hook_cost_mark *mark, const mcr_arena *arena);

// mcr_hook_cost_skips: a batch of `n` calls is not timed; mcr_hook_cost_pass must follow. Else it
// is to be timed, until mcr_hook_cost_end_batch.
static inline bool mcr_hook_cost_skips(mcr_hook_cost *cost, uint32_t n)
{
    if (n < MCR_HOOK_COST_BATCH)
        return true;
    if (cost->skips == 0)
        return false;
    cost->skips--;
    cost->skipped += n;
    return true;
}

// mcr_hook_cost_end_batch: it was `n` calls.
void mcr_hook_cost_end_batch(mcr_hook_cost *cost, const mcr_hook_cost_mark *mark,
                             const mcr_arena *arena, uint32_t n);

// A batch of `n` events at most whose events are timed by themselves: mcr_hook_cost_lap is called
// after each. mcr_hook_cost_end_laps: `n` was how many it came to; there was no lap after the last
// one if it was stopped.
void mcr_hook_cost_begin_laps(mcr_hook_cost *cost, const mcr_arena *arena, uint32_t n);
void mcr_hook_cost_lap(mcr_hook_cost *cost, const mcr_arena *arena);
void mcr_hook_cost_end_laps(mcr_hook_cost *cost, const mcr_arena *arena, uint32_t n);
