#pragma once
// The correlator with client-go's keys: events to a result, with patch and update_state for what
// passes; baseline: one JSON encoding of the same events (client-go makes two for each patch).

#include "bench.h"

int bench_correlate(const mcr_bench *self, int runs);
