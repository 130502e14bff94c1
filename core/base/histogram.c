#include "base/histogram.h"

// A doubling has 1 << PARTS counters.
enum {
    PARTS = 3,
    EXACT = 1 << PARTS
};

static uint32_t bucket_of(uint64_t value)
{
    if (value < EXACT)
        return (uint32_t)value;
    uint32_t log2 = 63 - (uint32_t)__builtin_clzll(value);
    uint32_t at = ((log2 - PARTS) << PARTS) + EXACT + (uint32_t)(value >> (log2 - PARTS)) - EXACT;
    return at < MCR_HISTOGRAM_BUCKETS ? at : MCR_HISTOGRAM_BUCKETS - 1;
}

static uint64_t middle_of(uint32_t bucket)
{
    if (bucket < 2 * EXACT) // up to there a counter is one number
        return bucket;
    uint32_t shift = (bucket >> PARTS) - 1;
    uint64_t low = (uint64_t)(EXACT + (bucket & (EXACT - 1))) << shift;
    return low + ((UINT64_C(1) << shift) - 1) / 2;
}

void mcr_histogram_add(mcr_histogram *h, uint64_t value, uint64_t times)
{
    _Atomic uint64_t *n = &h->n[bucket_of(value)];
    // Nobody else writes: no locked instruction is needed.
    uint64_t before = atomic_load_explicit(n, memory_order_relaxed);
    atomic_store_explicit(n, before + times, memory_order_relaxed);
}

uint64_t mcr_histogram_quantile(const mcr_histogram *h, double q)
{
    uint64_t n[MCR_HISTOGRAM_BUCKETS], all = 0, below = 0;
    for (uint32_t i = 0; i < MCR_HISTOGRAM_BUCKETS; i++)
        all += n[i] = atomic_load_explicit(&h->n[i], memory_order_relaxed);
    if (!all)
        return 0;
    double wanted = q * (double)all;
    for (uint32_t i = 0; i < MCR_HISTOGRAM_BUCKETS; i++) {
        below += n[i];
        if (n[i] && (double)below >= wanted)
            return middle_of(i);
    }
    return middle_of(MCR_HISTOGRAM_BUCKETS - 1);
}
