// The benches of the whole program, file to file: events per CPU second of `mooncrier run` on a
// million events and of the script that people write without it (baseline.lua) beside it, in turns,
// so that a noisy machine hurts both. Before anything is timed, both must have written the same.
//
// Also `memory` (resident size idle and under load) and `start` (time until `version` has ended and
// until the first event is out).

#include "bench_run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
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

enum {
    SMALL = 20000,
    MIDDLE = 100000, // the baseline's share: it takes five to ten times as long
    LARGE = 1000000,
    PATH_SIZE = PATH_MAX
};

typedef struct place {
    char build[PATH_SIZE / 2]; // build/release
    char work[PATH_SIZE / 2];  // build/release/bench
    const char *input_name;
} place;

typedef struct usage {
    double cpu_s;
    double wall_s;
    long rss_kb;
} usage;

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static const char *path_of(char *room, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static const char *path_of(char *room, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(room, PATH_SIZE, format, args);
    va_end(args);
    if (n < 0 || n >= PATH_SIZE)
        fail("a path is too long");
    return room;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

// Where the child's standard streams go; -1: as the parent's stdin, /dev/null for the others.
typedef struct streams {
    int in;
    int out;
    int err;
} streams;

static pid_t spawn(const char *const *argv, streams to)
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
        fail("cannot run %s: %s", argv[0], strerror(error));
    return pid;
}

static usage wait_for(pid_t pid, double started, const char *what)
{
    int status;
    struct rusage spent;
    while (wait4(pid, &status, 0, &spent) < 0)
        if (errno != EINTR)
            fail("wait4: %s", strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail("%s failed (status %d)", what, status);
    return (usage){ seconds_of(spent.ru_utime) + seconds_of(spent.ru_stime),
                    seconds_now() - started, spent.ru_maxrss };
}

static usage run(const char *const *argv)
{
    double started = seconds_now();
    return wait_for(spawn(argv, (streams){ -1, -1, -1 }), started, argv[0]);
}

static place find_place(void)
{
    place p = { .input_name = "events-bench-20k" };
    char exe[PATH_SIZE];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0)
        fail("/proc/self/exe: %s", strerror(errno));
    exe[n] = '\0';
    // build/release/tests/bench
    for (int up = 0; up < 2; up++)
        if (strrchr(exe, '/'))
            *strrchr(exe, '/') = '\0';
    if (strlen(exe) + sizeof "/bench" > sizeof p.work)
        fail("the path of the build folder is too long");
    memcpy(p.build, exe, strlen(exe) + 1);
    snprintf(p.work, sizeof p.work, "%.*s/bench", (int)(sizeof p.work - sizeof "/bench"), exe);
    if (mkdir(p.work, 0777) < 0 && errno != EEXIST)
        fail("%s: %s", p.work, strerror(errno));
    return p;
}

// Writes `lines` lines to `path`, those of the (gzipped) file `from` over and over.
static void repeat_lines(const char *from, const char *path, long lines)
{
    enum {
        LINE_MAX_BYTES = 1 << 20
    };
    char room[PATH_SIZE];
    const char *part = path_of(room, "%s.part", path);
    FILE *out = fopen(part, "we");
    char *line = mcr_alloc(LINE_MAX_BYTES);
    if (!out)
        fail("%s: %s", part, strerror(errno));
    for (long written = 0; written < lines;) {
        gzFile in = gzopen(from, "rbe");
        if (!in)
            fail("%s: %s", from, strerror(errno));
        long before = written;
        while (written < lines && gzgets(in, line, LINE_MAX_BYTES)) {
            fputs(line, out);
            written++;
        }
        gzclose(in);
        if (written == before)
            fail("%s holds no lines", from);
    }
    free(line);
    if (fclose(out) != 0 || rename(part, path) < 0)
        fail("%s: %s", path, strerror(errno));
}

// The path of a file of so many events, made once and kept.
static const char *input_of(place *p, long events, char *room)
{
    char from[PATH_SIZE];
    path_of(from, "%s/../shared/data/events-bench-20k.jsonl.gz", MCR_SOURCE_DIR);
    if (access(from, R_OK) < 0) {
        path_of(from, "%s/examples/data/events.jsonl", MCR_SOURCE_DIR);
        p->input_name = "examples/data/events.jsonl, repeated";
    }
    path_of(room, "%s/%s-%ld.jsonl", p->work,
            strchr(p->input_name, '/') ? "examples" : p->input_name, events);
    if (access(room, R_OK) < 0)
        repeat_lines(from, room, events);
    return room;
}

static const char *const suffixes[] = { "", ".backoff", ".scheduling", ".rest" };

// The program appends; every run begins with no output.
static void remove_output(const char *output)
{
    char room[PATH_SIZE];
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (unlink(path_of(room, "%s%s", output, suffixes[i])) < 0 && errno != ENOENT)
            fail("%s: %s", room, strerror(errno));
}

// `command` is "run" or "replay", which is given the input by its name.
static usage run_command(const place *p, const char *command, const char *workload,
                         const char *input, const char *output)
{
    char program[PATH_SIZE];
    path_of(program, "%s/mooncrier", p->build);
    setenv("BENCH_WORKLOAD", workload, 1);
    setenv("BENCH_INPUT", input, 1);
    setenv("BENCH_OUTPUT", output, 1);
    setenv("BENCH_SCRIPTS", MCR_SOURCE_DIR "/tests/bench/workloads", 1);
    remove_output(output);
    return run((const char *[]){ program, command, "-q", "-c",
                                 MCR_SOURCE_DIR "/tests/bench/workloads/mooncrier.lua",
                                 strcmp(command, "replay") == 0 ? input : NULL, NULL });
}

static usage run_program(const place *p, const char *workload, const char *input,
                         const char *output)
{
    return run_command(p, "run", workload, input, output);
}

static usage run_script(const char *workload, const char *input, const char *output)
{
    remove_output(output);
    return run((const char *[]){ "luajit", MCR_SOURCE_DIR "/tests/bench/baseline.lua", workload,
                                 input, output, NULL });
}

// Both must have chosen the same events and made the same of them; exits when they have not.
static void check_agreement(place *p, const char *workload)
{
    char input[PATH_SIZE], ours[PATH_SIZE], theirs[PATH_SIZE], a[PATH_SIZE], b[PATH_SIZE];
    input_of(p, SMALL, input);
    path_of(ours, "%s/%s.ours", p->work, workload);
    path_of(theirs, "%s/%s.theirs", p->work, workload);
    run_program(p, workload, input, ours);
    run_script(workload, input, theirs);
    int compared = 0;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        path_of(a, "%s%s", theirs, suffixes[i]);
        path_of(b, "%s%s", ours, suffixes[i]);
        if (access(a, R_OK) < 0)
            continue;
        compared++;
        run((const char *[]){ "luajit", MCR_SOURCE_DIR "/tests/bench/baseline.lua", "compare", a, b,
                              NULL });
    }
    if (!compared && strcmp(workload, "null") != 0)
        fail("%s wrote nothing to compare", workload);
    remove_output(ours);
    remove_output(theirs);
}

int bench_run(const mcr_bench *self, int runs)
{
    const char *workload = self->name + strlen("run-");
    place p = find_place();
    char large[PATH_SIZE], middle[PATH_SIZE], output[PATH_SIZE];
    check_agreement(&p, workload);
    input_of(&p, LARGE, large);
    input_of(&p, MIDDLE, middle);
    path_of(output, "%s/%s.out", p.work, workload);
    double *figures = mcr_alloc(4 * (size_t)runs * sizeof *figures);
    double *ours = figures, *theirs = ours + runs, *ratio = theirs + runs, *wall = ratio + runs;
    long rss_kb = 0;
    for (int i = 0; i < runs; i++) {
        usage program = run_program(&p, workload, large, output);
        usage script = run_script(workload, middle, output);
        ours[i] = LARGE / program.cpu_s;
        theirs[i] = MIDDLE / script.cpu_s;
        ratio[i] = ours[i] / theirs[i];
        wall[i] = LARGE / program.wall_s;
        rss_kb = program.rss_kb > rss_kb ? program.rss_kb : rss_kb;
    }
    remove_output(output);
    printf("{\"bench\":\"%s\",\"events\":%d,\"events_per_cpu_s\":%.0f,"
           "\"baseline_events_per_cpu_s\":%.0f,\"ratio\":%.2f,\"events_per_s\":%.0f,"
           "\"rss_mb\":%.1f,\"input\":\"%s\",\"runs\":%d}\n",
           self->name, LARGE, bench_median(ours, (size_t)runs), bench_median(theirs, (size_t)runs),
           bench_median(ratio, (size_t)runs), bench_median(wall, (size_t)runs),
           (double)rss_kb / 1024, p.input_name, runs);
    free(figures);
    return 0;
}

int bench_replay(const mcr_bench *self, int runs)
{
    place p = find_place();
    char input[PATH_SIZE], output[PATH_SIZE];
    size_t n = (size_t)runs;
    input_of(&p, LARGE, input);
    path_of(output, "%s/replay.out", p.work);
    double *figures = mcr_alloc(4 * n * sizeof *figures);
    double *replayed = figures, *ran = replayed + n, *ratio = ran + n, *wall = ratio + n;
    for (size_t i = 0; i < n; i++) {
        usage live = run_command(&p, "run", "null", input, output);
        usage replay = run_command(&p, "replay", "null", input, output);
        ran[i] = LARGE / live.cpu_s;
        replayed[i] = LARGE / replay.cpu_s;
        ratio[i] = replayed[i] / ran[i];
        wall[i] = LARGE / replay.wall_s;
    }
    printf("{\"bench\":\"%s\",\"events\":%d,\"events_per_cpu_s\":%.0f,"
           "\"run_null_events_per_cpu_s\":%.0f,\"ratio\":%.2f,\"events_per_s\":%.0f,"
           "\"input\":\"%s\",\"runs\":%d}\n",
           self->name, LARGE, bench_median(replayed, n), bench_median(ran, n),
           bench_median(ratio, n), bench_median(wall, n), p.input_name, runs);
    free(figures);
    return 0;
}

// A program with one script, standard input and output on pipes.
typedef struct piped {
    pid_t pid;
    int in;
    int out;
    double started;
} piped;

static piped start_piped(const place *p)
{
    char program[PATH_SIZE];
    int in[2], out[2];
    path_of(program, "%s/mooncrier", p->build);
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        fail("pipe2: %s", strerror(errno));
    piped child = { .in = in[1], .out = out[0], .started = seconds_now() };
    child.pid = spawn((const char *[]){ program, "run", "-q", "-c",
                                        MCR_SOURCE_DIR "/tests/bench/workloads/piped.lua", NULL },
                      (streams){ in[0], out[1], -1 });
    close(in[0]);
    close(out[1]);
    return child;
}

// Sends one event and waits until it has come out; returns the seconds since the start.
static double pass_one(const piped *child)
{
    static const char event[] =
        "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"x\","
        "\"namespace\":\"default\"},\"reason\":\"BackOff\",\"type\":\"Warning\"}\n";
    char room[4096];
    if (write(child->in, event, sizeof event - 1) != (ssize_t)sizeof event - 1)
        fail("the program does not read: %s", strerror(errno));
    if (read(child->out, room, sizeof room) <= 0)
        fail("the program wrote nothing");
    return seconds_now() - child->started;
}

static void end_piped(const piped *child)
{
    close(child->in);
    wait_for(child->pid, child->started, "mooncrier run");
    close(child->out);
}

static long resident_kb(pid_t pid)
{
    char room[PATH_SIZE], line[256];
    FILE *status = fopen(path_of(room, "/proc/%d/status", (int)pid), "re");
    long kb = 0;
    if (!status)
        fail("%s: %s", room, strerror(errno));
    while (fgets(line, sizeof line, status))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    fclose(status);
    return kb;
}

int bench_memory(const mcr_bench *self, int runs)
{
    (void)runs; // sizes do not vary as times do
    place p = find_place();
    char large[PATH_SIZE], output[PATH_SIZE];
    piped child = start_piped(&p);
    pass_one(&child);
    long idle_kb = resident_kb(child.pid);
    end_piped(&child);
    path_of(output, "%s/memory.out", p.work);
    usage program = run_program(&p, "filter", input_of(&p, LARGE, large), output);
    remove_output(output);
    printf("{\"bench\":\"%s\",\"idle_mb\":%.1f,\"run_filter_mb\":%.1f}\n", self->name,
           (double)idle_kb / 1024, (double)program.rss_kb / 1024);
    return 0;
}

int bench_start(const mcr_bench *self, int runs)
{
    place p = find_place();
    char program[PATH_SIZE];
    runs *= 3; // milliseconds each, and a scheduler between them
    size_t n = (size_t)runs;
    double *figures = mcr_alloc(3 * n * sizeof *figures);
    double *version = figures, *cpu = version + n, *first = cpu + n;
    path_of(program, "%s/mooncrier", p.build);
    for (int i = 0; i < runs; i++) {
        usage spent = run((const char *[]){ program, "version", NULL });
        version[i] = spent.wall_s * 1e3;
        cpu[i] = spent.cpu_s * 1e3;
        piped child = start_piped(&p);
        first[i] = pass_one(&child) * 1e3;
        end_piped(&child);
    }
    printf("{\"bench\":\"%s\",\"version_ms\":%.1f,\"version_cpu_ms\":%.1f,"
           "\"first_event_ms\":%.1f,\"runs\":%d}\n",
           self->name, bench_median(version, n), bench_median(cpu, n), bench_median(first, n),
           runs);
    free(figures);
    return 0;
}
