#pragma once
// The baseline of deliveries: curl's multi interface on libev with nothing around it. Done well
// (LIMITS §5): easy handles and header list used again, ended transfers taken out in one place, the
// answer's body thrown away.

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

typedef struct bench_curl {
    const char *url;
    const char *const *headers; // "Name: value", NULL-terminated
    mcr_str body;
    size_t in_flight;
    bool http2;          // by TLS, one connection
    const char *ca_file; // NULL: plain
} bench_curl;

// What a run cost.
typedef struct bench_cost {
    double cpu_ns;  // of this thread, a request
    double wall_ns; // the same
    size_t failed;  // requests without an answer of 200 or 201
} bench_cost;

// bench_curl_run POSTs the body `n` times, `in_flight` at once. Connections are made anew each run,
// before the clocks start.
bench_cost bench_curl_run(const bench_curl *setup, size_t n);
