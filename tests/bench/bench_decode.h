#pragma once
// Line to event, all fields, one thread; baseline cJSON.

#include "bench.h"

int bench_decode(const mcr_bench *self, int runs);
