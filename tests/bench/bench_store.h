#pragma once
// store: events into the event store, as the sink of that kind brings them there.

#include "bench.h"

int bench_store(const mcr_bench *self, int runs);
