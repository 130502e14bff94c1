#pragma once

#include "bench.h"

int bench_reload(const mcr_bench *self, int runs);
