#pragma once
// Structured klog lines through the file sink to /dev/null; baseline: a line made by snprintf and
// strftime.

#include "bench.h"

int bench_log(const mcr_bench *self, int runs);
