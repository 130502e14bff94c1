#pragma once
// What the benches share: their list, their input, CPU time and medians.
//
// A bench prints one JSON line for each result on stdout and returns an exit code. Every figure is
// CPU time, the median of the runs, and comes with a baseline measured in the same run: the machine
// is noisy, ratios travel.

#include <stddef.h>

#include "base/str.h"

typedef struct mcr_bench {
    const char *name; // as on the command line
    const char *doc;  // one line for `bench list`
    int (*run)(const struct mcr_bench *self, int runs);
} mcr_bench;

// Every bench; the one with a NULL name ends it. Its file is benches.c: add yours there.
extern const mcr_bench mcr_benches[];

// The benchmark's events: ../shared/data/events-bench-20k.jsonl.gz when it is there, else
// examples/data/events.jsonl repeated to about as many bytes. Each line is followed by at least 64
// readable bytes.
typedef struct bench_input {
    char *bytes;
    size_t len;
    mcr_str *lines; // without line ends
    size_t n;
    const char *name;
} bench_input;

// bench_input_load exits with a message when there is no input.
bench_input bench_input_load(void);
void bench_input_free(bench_input *input);

// bench_cpu_ns is the CPU time of this thread.
double bench_cpu_ns(void);

// bench_process_cpu_ns is the CPU time of all threads of the process.
double bench_process_cpu_ns(void);

// bench_median sorts `values`.
double bench_median(double *values, size_t n);

// bench_memcpy_ns is what copying `input` once costs here and now, per line: the ceiling.
double bench_memcpy_ns(const bench_input *input);

// bench_keep makes the compiler believe that `value` is used.
static inline void bench_keep(const void *value)
{
    __asm__ volatile("" : : "g"(value) : "memory");
}
