#pragma once
// The correlator with client-go's keys written in Lua (scripts/keys/client_go.lua); baseline: the
// same run with those written in C.

#include "bench.h"

int bench_correlate_lua(const mcr_bench *self, int runs);
