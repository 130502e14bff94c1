#pragma once
// Events and orders of them that the benches of recording share.

#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

enum {
    BENCH_OBJECTS = 1000 // of Zipf's law
};

#define BENCH_START (INT64_C(1700000000) * 1000000000) // Unix ns of the events

// bench_event makes the event of pod `number`: about 760 bytes of JSON, a name of its own.
mcr_event *bench_event(size_t number);

// A law of chance: the number k below BENCH_OBJECTS comes as often as 1 / (k + 1)^exponent.
typedef struct bench_zipf {
    double sums[BENCH_OBJECTS];
    uint64_t seed;
} bench_zipf;

void bench_zipf_init(bench_zipf *zipf, double exponent);

uint32_t bench_zipf_draw(bench_zipf *zipf);
