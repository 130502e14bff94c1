#pragma once

#include "bench.h"
#include "broadcast/hooks.h"

enum {
    BENCH_DECODED = 4096
};

// Events to call hooks with.
typedef struct bench_decoded {
    mcr_event *events[BENCH_DECODED];
    uint32_t n; // a multiple of MCR_BATCH
} bench_decoded;

void bench_decode_some(bench_decoded *in, const bench_input *input);
void bench_release_decoded(bench_decoded *in);

// bench_pass takes every event once through the hooks, `batch` at a time; how many passed.
uint32_t bench_pass(const mcr_hooks *hooks, const bench_decoded *in, uint32_t batch);

// bench_filter is the filter that `handler` measures.
extern const char bench_filter[];

int bench_handler(const mcr_bench *self, int runs);
int bench_handlers_200(const mcr_bench *self, int runs);
