#pragma once
// deliver-http, deliver-h2: the HTTP client against bare curl multi on libev.

#include "bench.h"

int bench_deliver(const mcr_bench *self, int runs);
