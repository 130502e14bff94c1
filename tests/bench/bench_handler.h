#pragma once

#include "bench.h"

int bench_handler(const mcr_bench *self, int runs);
int bench_handlers_200(const mcr_bench *self, int runs);
