#pragma once
#include "bench.h"

// The bench `pipeline`; see bench_pipeline.c.
int bench_pipeline(const mcr_bench *self, int runs);
