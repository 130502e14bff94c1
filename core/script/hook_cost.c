#include "script/hook_cost.h"

#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t clock_ns; // what reading the clock takes

static void time_clock(void)
{
    clock_ns = UINT64_MAX;
    for (int i = 0; i < 100; i++) {
        int64_t before = mcr_clock_monotonic();
        uint64_t took = (uint64_t)(mcr_clock_monotonic() - before);
        clock_ns = took < clock_ns ? took : clock_ns;
    }
}

// Only one thread writes: no locked instructions are needed.
static void add(_Atomic uint64_t *to, uint64_t n)
{
    uint64_t before = atomic_load_explicit(to, memory_order_relaxed);
    atomic_store_explicit(to, before + n, memory_order_relaxed);
}

static void raise_to(_Atomic uint64_t *max, uint64_t n)
{
    if (n > atomic_load_explicit(max, memory_order_relaxed))
        atomic_store_explicit(max, n, memory_order_relaxed);
}

static uint64_t read(const _Atomic uint64_t *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

static uint64_t bytes_since(const mcr_hook_cost_mark *mark, const mcr_arena *arena)
{
    // Another arena is that of a state made anew after what ran was cut off.
    if (!arena || arena != mark->arena)
        return 0;
    return mcr_arena_allocated(arena) - mark->allocated;
}

static uint64_t ns_since(const mcr_hook_cost_mark *mark, int64_t now)
{
    pthread_once(&once, time_clock);
    uint64_t ns = now > mark->at ? (uint64_t)(now - mark->at) : 0;
    return ns > clock_ns ? ns - clock_ns : 0;
}

// One call that was measured, for as many.
static void note(mcr_hook_cost *cost, uint64_t ns, uint64_t bytes, uint64_t stands_for)
{
    mcr_histogram_add(&cost->time, ns, stands_for);
    mcr_histogram_add(&cost->memory, bytes, stands_for);
    raise_to(&cost->max_ns, ns);
    raise_to(&cost->max_bytes, bytes);
}

// Between 0 and 2 * mean - 1.
static uint32_t some(mcr_hook_cost *cost, uint64_t mean)
{
    cost->chance = cost->chance * 1664525 + 1013904223;
    return (uint32_t)((cost->chance * (2 * mean)) >> 32);
}

// Ends what `n` calls, which are counted by now, took together: those since the last one that were
// not timed are taken to be like them.
static void settle(mcr_hook_cost *cost, uint64_t ns, uint64_t bytes, uint32_t n, uint32_t most)
{
    uint64_t calls = read(&cost->calls);
    double share = (double)(calls - cost->told - cost->batched) / n;
    add(&cost->ns, (uint64_t)((double)ns * share));
    add(&cost->bytes, (uint64_t)((double)bytes * share));
    add(&cost->measured, n);
    cost->told = calls;
    cost->batched = cost->skipped = 0;
    cost->slow = ns / n >= MCR_HOOK_COST_SLOW;
    // Of a hook that was called seldom so far, more is wanted.
    uint64_t mean = calls / 8 + 1;
    cost->wait = some(cost, mean < most ? mean : most);
}

void mcr_hook_cost_end(mcr_hook_cost *cost, const mcr_hook_cost_mark *mark, const mcr_arena *arena)
{
    uint64_t ns = ns_since(mark, mcr_clock_monotonic()), bytes = bytes_since(mark, arena);
    mcr_hook_cost_pass(cost, 1);
    note(cost, ns, bytes, read(&cost->calls) - cost->told);
    settle(cost, ns, bytes, 1, MCR_HOOK_COST_EVERY);
}

void mcr_hook_cost_begin_laps(mcr_hook_cost *cost, const mcr_arena *arena, uint32_t n)
{
    cost->lap.stands_for = (read(&cost->calls) - cost->told + n) / n;
    cost->lap.n = 0;
    cost->lap.ns = cost->lap.bytes = 0;
    cost->lap.since = mcr_hook_cost_begin(arena);
}

void mcr_hook_cost_lap(mcr_hook_cost *cost, const mcr_arena *arena)
{
    int64_t now = mcr_clock_monotonic();
    uint64_t ns = ns_since(&cost->lap.since, now), bytes = bytes_since(&cost->lap.since, arena);
    note(cost, ns, bytes, cost->lap.stands_for);
    cost->lap.n++;
    cost->lap.ns += ns;
    cost->lap.bytes += bytes;
    cost->lap.since.at = now;
    cost->lap.since.allocated += bytes;
}

void mcr_hook_cost_end_laps(mcr_hook_cost *cost, const mcr_arena *arena, uint32_t n)
{
    if (cost->lap.n < n)
        mcr_hook_cost_lap(cost, arena);
    mcr_hook_cost_pass(cost, n);
    if (cost->lap.n)
        settle(cost, cost->lap.ns, cost->lap.bytes, cost->lap.n, MCR_HOOK_COST_EVERY_LAP);
}

void mcr_hook_cost_end_batch(mcr_hook_cost *cost, const mcr_hook_cost_mark *mark,
                             const mcr_arena *arena, uint32_t n)
{
    uint64_t ns = ns_since(mark, mcr_clock_monotonic());
    double each = (double)ns / n;
    mcr_hook_cost_pass(cost, n);
    double share = 1 + (double)cost->skipped / n;
    cost->batched += n + cost->skipped;
    cost->skipped = 0;
    cost->skips = some(cost, MCR_HOOK_COST_EVERY_BATCH - 1);
    add(&cost->ns, (uint64_t)((double)ns * share));
    add(&cost->bytes, (uint64_t)((double)bytes_since(mark, arena) * share));
    if (cost->usual == 0 || each < cost->usual)
        cost->usual = each;
    else
        cost->usual += (each - cost->usual) / 64;
    double slowest = (double)ns - (n - 1) * cost->usual;
    raise_to(&cost->max_ns, (uint64_t)(slowest > each ? slowest : each));
    cost->slow = each >= MCR_HOOK_COST_SLOW;
}

static mcr_hook_cost_spread spread_of(const mcr_histogram *h, uint64_t max)
{
    mcr_hook_cost_spread s = { mcr_histogram_quantile(h, 0.5), mcr_histogram_quantile(h, 0.99),
                               max };
    // They are the middle of a range that the largest may lie in.
    s.p50 = s.p50 < max ? s.p50 : max;
    s.p99 = s.p99 < max ? s.p99 : max;
    return s;
}

mcr_hook_cost_sums mcr_hook_cost_now(const mcr_hook_cost *cost)
{
    return (mcr_hook_cost_sums){
        .calls = read(&cost->calls),
        .measured = read(&cost->measured),
        .ns = read(&cost->ns),
        .bytes = read(&cost->bytes),
        .time = spread_of(&cost->time, read(&cost->max_ns)),
        .memory = spread_of(&cost->memory, read(&cost->max_bytes)),
    };
}
