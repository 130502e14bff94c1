#pragma once
// The whole program, file to file, against the script that people write without it (baseline.lua).
// They need the program built beside them, and luajit with lua-cjson on PATH.

#include "bench.h"

// bench_run measures `mooncrier run`; the bench's name is "run-" and a script of workloads/.
int bench_run(const mcr_bench *self, int runs);

// bench_replay runs `mooncrier replay` and `mooncrier run` in turns, with a handler that does
// nothing and no sinks.
int bench_replay(const mcr_bench *self, int runs);

// bench_memory prints the resident size, idle with one script and in the filter workload.
int bench_memory(const mcr_bench *self, int runs);

// bench_start prints how long `version` takes, and how long until the first event is out.
int bench_start(const mcr_bench *self, int runs);
