#pragma once
// The benches of the whole program (bench_run.c). Each prints one JSON line and returns an exit
// code. They need the program built beside them and luajit with lua-cjson on PATH.

// bench_run measures `mooncrier run` with a workload of tests/bench/workloads: "filter", "enrich",
// "route" or "null".
int bench_run(const char *workload);

// bench_memory prints the resident size, idle with one script and in the filter workload.
int bench_memory(void);

// bench_start prints how long `version` takes, and how long until the first event is out.
int bench_start(void);
