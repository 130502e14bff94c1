#pragma once

#include "bench.h"

int bench_guard(const mcr_bench *self, int runs);
int bench_guard_stop(const mcr_bench *self, int runs);
