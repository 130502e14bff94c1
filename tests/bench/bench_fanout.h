#pragma once
// Publishing to 1, 4 and 16 watches that wait, nothing lost; baseline: a mutex and condition
// variable per watch.

#include "bench.h"

int bench_fanout(const mcr_bench *self, int runs);
