#include "bench_program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"

void bench_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

const char *bench_path(char *room, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(room, BENCH_PATH, format, args);
    va_end(args);
    if (n < 0 || n >= BENCH_PATH)
        bench_fail("a path is too long");
    return room;
}

double bench_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

pid_t bench_spawn(const char *const *argv, bench_streams to)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (to.in >= 0)
        posix_spawn_file_actions_adddup2(&actions, to.in, 0);
    else
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (to.out >= 0)
        posix_spawn_file_actions_adddup2(&actions, to.out, 1);
    else
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    if (to.err >= 0)
        posix_spawn_file_actions_adddup2(&actions, to.err, 2);
    extern char **environ;
    pid_t pid;
    int error =
        posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        bench_fail("cannot run %s: %s", argv[0], strerror(error));
    return pid;
}

bench_usage bench_wait_for(pid_t pid, double started, const char *what)
{
    int status;
    struct rusage spent;
    while (wait4(pid, &status, 0, &spent) < 0)
        if (errno != EINTR)
            bench_fail("wait4: %s", strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        bench_fail("%s failed (status %d)", what, status);
    return (bench_usage){ seconds_of(spent.ru_utime) + seconds_of(spent.ru_stime),
                          bench_seconds() - started, spent.ru_maxrss };
}

bench_usage bench_command(const char *const *argv)
{
    double started = bench_seconds();
    return bench_wait_for(bench_spawn(argv, (bench_streams){ -1, -1, -1 }), started, argv[0]);
}

bench_place bench_find_place(void)
{
    bench_place p = { .input_name = "events-bench-20k" };
    char exe[BENCH_PATH];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0)
        bench_fail("/proc/self/exe: %s", strerror(errno));
    exe[n] = '\0';
    // build/release/tests/bench
    for (int up = 0; up < 2; up++)
        if (strrchr(exe, '/'))
            *strrchr(exe, '/') = '\0';
    if (strlen(exe) + sizeof "/bench" > sizeof p.work)
        bench_fail("the path of the build folder is too long");
    memcpy(p.build, exe, strlen(exe) + 1);
    snprintf(p.work, sizeof p.work, "%.*s/bench", (int)(sizeof p.work - sizeof "/bench"), exe);
    if (mkdir(p.work, 0777) < 0 && errno != EEXIST)
        bench_fail("%s: %s", p.work, strerror(errno));
    return p;
}

// Writes `lines` lines to `path`, those of the (gzipped) file `from` over and over.
static void repeat_lines(const char *from, const char *path, long lines)
{
    enum {
        LINE_MAX_BYTES = 1 << 20
    };
    char room[BENCH_PATH];
    const char *part = bench_path(room, "%s.part", path);
    FILE *out = fopen(part, "we");
    char *line = mcr_alloc(LINE_MAX_BYTES);
    if (!out)
        bench_fail("%s: %s", part, strerror(errno));
    for (long written = 0; written < lines;) {
        gzFile in = gzopen(from, "rbe");
        if (!in)
            bench_fail("%s: %s", from, strerror(errno));
        long before = written;
        while (written < lines && gzgets(in, line, LINE_MAX_BYTES)) {
            fputs(line, out);
            written++;
        }
        gzclose(in);
        if (written == before)
            bench_fail("%s holds no lines", from);
    }
    free(line);
    if (fclose(out) != 0 || rename(part, path) < 0)
        bench_fail("%s: %s", path, strerror(errno));
}

const char *bench_input_file(bench_place *p, long events, char *room)
{
    char from[BENCH_PATH];
    bench_path(from, "%s/../shared/data/events-bench-20k.jsonl.gz", MCR_SOURCE_DIR);
    if (access(from, R_OK) < 0) {
        bench_path(from, "%s/examples/data/events.jsonl", MCR_SOURCE_DIR);
        p->input_name = "examples/data/events.jsonl, repeated";
    }
    bench_path(room, "%s/%s-%ld.jsonl", p->work,
               strchr(p->input_name, '/') ? "examples" : p->input_name, events);
    if (access(room, R_OK) < 0)
        repeat_lines(from, room, events);
    return room;
}
