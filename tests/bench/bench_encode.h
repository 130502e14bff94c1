#pragma once
// bench_encode measures mcr_event_encode of decoded events, never the copy of original bytes.
// bench_merge measures mcr_json_merge: a new message and one more top-level field, as enriching
// handlers have it, without decoding the result.

#include "bench.h"

int bench_encode(const mcr_bench *self, int runs);
int bench_merge(const mcr_bench *self, int runs);
