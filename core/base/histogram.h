#pragma once
// A histogram of numbers between 0 and 2^37: how they spread, in 280 counters. Below 8 each number
// has a counter of its own; above, each doubling has eight, so that what is read back is off by a
// sixteenth at most.
//
// One thread adds, any thread reads meanwhile: it sees each counter as it was at some moment.
// Zero-initialised is empty.

#include <stdatomic.h>
#include <stdint.h>

enum {
    MCR_HISTOGRAM_BUCKETS = 280
};

typedef struct mcr_histogram {
    _Atomic uint64_t n[MCR_HISTOGRAM_BUCKETS];
} mcr_histogram;

// mcr_histogram_add counts `value` as if it had come `times` times. What is too large counts as the
// largest. On one thread.
void mcr_histogram_add(mcr_histogram *h, uint64_t value, uint64_t times);

// mcr_histogram_quantile is a number that the share `q` (0 … 1) of all is not above: the middle of
// the counter it falls in. 0 when nothing was added. Any thread.
uint64_t mcr_histogram_quantile(const mcr_histogram *h, double q);
