#pragma once
// What the benches of the whole program share: where it and their files are, programs started and
// measured, the input file. All of them end the bench with a message when something is not as it
// should be.

#include <limits.h>
#include <sys/types.h>

enum {
    BENCH_SMALL = 20000,   // events
    BENCH_MIDDLE = 100000, // the share of a baseline that takes five to ten times as long
    BENCH_LARGE = 1000000,
    BENCH_PATH = PATH_MAX
};

typedef struct bench_place {
    char build[BENCH_PATH / 2]; // build/release
    char work[BENCH_PATH / 2];  // build/release/bench
    const char *input_name;
} bench_place;

// bench_find_place makes the work folder, too.
bench_place bench_find_place(void);

// bench_input_file is the path, in `room` of BENCH_PATH bytes, of a file of so many events, made
// once and kept.
const char *bench_input_file(bench_place *p, long events, char *room);

void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

// bench_path prints into `room` of BENCH_PATH bytes.
const char *bench_path(char *room, const char *format, ...) __attribute__((format(printf, 2, 3)));

// bench_seconds is a clock that never goes back.
double bench_seconds(void);

typedef struct bench_usage {
    double cpu_s; // user and system
    double wall_s;
    long rss_kb;
} bench_usage;

// Where a child's standard streams go; -1: input is empty, output is /dev/null, errors are ours.
typedef struct bench_streams {
    int in;
    int out;
    int err;
} bench_streams;

// bench_spawn starts the program argv[0].
pid_t bench_spawn(const char *const *argv, bench_streams to);

// bench_wait_for waits for its end, which must be a success; `started` by bench_seconds.
bench_usage bench_wait_for(pid_t pid, double started, const char *what);

// bench_command is both, for a program without input.
bench_usage bench_command(const char *const *argv);
