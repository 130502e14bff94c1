#pragma once
// The most trivial HTTP/1.1 server that keeps connections: one thread, epoll, the same answer to
// every request. What it costs is not the client's: its thread's CPU time is told apart.

#include <stdint.h>

typedef struct bench_server bench_server;

// bench_server_start listens on a free port of 127.0.0.1 and answers every request with `status`
// ("201 Created") and the JSON `body`. Exits when it cannot.
bench_server *bench_server_start(const char *status, const char *body);

// bench_server_stop ends the thread and returns how many requests it has answered.
uint64_t bench_server_stop(bench_server *server);

// bench_server_cpu_ns is the CPU time of its thread so far.
double bench_server_cpu_ns(const bench_server *server);

// "http://127.0.0.1:PORT"
const char *bench_server_url(const bench_server *server);
