#pragma once
// The commands for people, beside what they cost or what people would take instead.

#include "bench.h"

// bench_eval: events per CPU second of `mooncrier eval` and of jq's select, over the same events.
int bench_eval(const mcr_bench *self, int runs);

// bench_tap: what a tap costs the program that it taps (run-null).
int bench_tap(const mcr_bench *self, int runs);

// bench_diff runs `mooncrier diff` and `mooncrier run` in turns.
int bench_diff(const mcr_bench *self, int runs);
