// The benches of the whole program, file to file: events per CPU second of `mooncrier run` on a
// million events and of the script that people write without it (baseline.lua) beside it, in turns,
// so that a noisy machine hurts both. Before anything is timed, both must have written the same.
//
// Also `memory` (resident size idle and under load) and `start` (time until `version` has ended and
// until the first event is out).

#include "bench_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "bench_program.h"

static const char *const suffixes[] = { "", ".backoff", ".scheduling", ".rest" };

// The program appends; every run begins with no output.
static void remove_output(const char *output)
{
    char room[BENCH_PATH];
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (unlink(bench_path(room, "%s%s", output, suffixes[i])) < 0 && errno != ENOENT)
            bench_fail("%s: %s", room, strerror(errno));
}

// `command` is "run" or "replay", which is given the input by its name.
static bench_usage run_command(const bench_place *p, const char *command, const char *workload,
                               const char *input, const char *output)
{
    char program[BENCH_PATH];
    bench_path(program, "%s/mooncrier", p->build);
    setenv("BENCH_WORKLOAD", workload, 1);
    setenv("BENCH_INPUT", input, 1);
    setenv("BENCH_OUTPUT", output, 1);
    setenv("BENCH_SCRIPTS", MCR_SOURCE_DIR "/tests/bench/workloads", 1);
    remove_output(output);
    return bench_command((const char *[]){ program, command, "-q", "-c",
                                           MCR_SOURCE_DIR "/tests/bench/workloads/mooncrier.lua",
                                           strcmp(command, "replay") == 0 ? input : NULL, NULL });
}

static bench_usage run_program(const bench_place *p, const char *workload, const char *input,
                               const char *output)
{
    return run_command(p, "run", workload, input, output);
}

static bench_usage run_script(const char *workload, const char *input, const char *output)
{
    remove_output(output);
    return bench_command((const char *[]){ "luajit", MCR_SOURCE_DIR "/tests/bench/baseline.lua",
                                           workload, input, output, NULL });
}

// Both must have chosen the same events and made the same of them; exits when they have not.
static void check_agreement(bench_place *p, const char *workload)
{
    char input[BENCH_PATH], ours[BENCH_PATH], theirs[BENCH_PATH], a[BENCH_PATH], b[BENCH_PATH];
    bench_input_file(p, BENCH_SMALL, input);
    bench_path(ours, "%s/%s.ours", p->work, workload);
    bench_path(theirs, "%s/%s.theirs", p->work, workload);
    run_program(p, workload, input, ours);
    run_script(workload, input, theirs);
    int compared = 0;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        bench_path(a, "%s%s", theirs, suffixes[i]);
        bench_path(b, "%s%s", ours, suffixes[i]);
        if (access(a, R_OK) < 0)
            continue;
        compared++;
        bench_command((const char *[]){ "luajit", MCR_SOURCE_DIR "/tests/bench/baseline.lua",
                                        "compare", a, b, NULL });
    }
    if (!compared && strcmp(workload, "null") != 0)
        bench_fail("%s wrote nothing to compare", workload);
    remove_output(ours);
    remove_output(theirs);
}

int bench_run(const mcr_bench *self, int runs)
{
    const char *workload = self->name + strlen("run-");
    bench_place p = bench_find_place();
    char large[BENCH_PATH], middle[BENCH_PATH], output[BENCH_PATH];
    check_agreement(&p, workload);
    bench_input_file(&p, BENCH_LARGE, large);
    bench_input_file(&p, BENCH_MIDDLE, middle);
    bench_path(output, "%s/%s.out", p.work, workload);
    double *figures = mcr_alloc(4 * (size_t)runs * sizeof *figures);
    double *ours = figures, *theirs = ours + runs, *ratio = theirs + runs, *wall = ratio + runs;
    long rss_kb = 0;
    for (int i = 0; i < runs; i++) {
        bench_usage program = run_program(&p, workload, large, output);
        bench_usage script = run_script(workload, middle, output);
        ours[i] = BENCH_LARGE / program.cpu_s;
        theirs[i] = BENCH_MIDDLE / script.cpu_s;
        ratio[i] = ours[i] / theirs[i];
        wall[i] = BENCH_LARGE / program.wall_s;
        rss_kb = program.rss_kb > rss_kb ? program.rss_kb : rss_kb;
    }
    remove_output(output);
    printf("{\"bench\":\"%s\",\"events\":%d,\"events_per_cpu_s\":%.0f,"
           "\"baseline_events_per_cpu_s\":%.0f,\"ratio\":%.2f,\"events_per_s\":%.0f,"
           "\"rss_mb\":%.1f,\"input\":\"%s\",\"runs\":%d}\n",
           self->name, BENCH_LARGE, bench_median(ours, (size_t)runs),
           bench_median(theirs, (size_t)runs), bench_median(ratio, (size_t)runs),
           bench_median(wall, (size_t)runs), (double)rss_kb / 1024, p.input_name, runs);
    free(figures);
    return 0;
}

int bench_replay(const mcr_bench *self, int runs)
{
    bench_place p = bench_find_place();
    char input[BENCH_PATH], output[BENCH_PATH];
    size_t n = (size_t)runs;
    bench_input_file(&p, BENCH_LARGE, input);
    bench_path(output, "%s/replay.out", p.work);
    double *figures = mcr_alloc(4 * n * sizeof *figures);
    double *replayed = figures, *ran = replayed + n, *ratio = ran + n, *wall = ratio + n;
    for (size_t i = 0; i < n; i++) {
        bench_usage live = run_command(&p, "run", "null", input, output);
        bench_usage replay = run_command(&p, "replay", "null", input, output);
        ran[i] = BENCH_LARGE / live.cpu_s;
        replayed[i] = BENCH_LARGE / replay.cpu_s;
        ratio[i] = replayed[i] / ran[i];
        wall[i] = BENCH_LARGE / replay.wall_s;
    }
    printf("{\"bench\":\"%s\",\"events\":%d,\"events_per_cpu_s\":%.0f,"
           "\"run_null_events_per_cpu_s\":%.0f,\"ratio\":%.2f,\"events_per_s\":%.0f,"
           "\"input\":\"%s\",\"runs\":%d}\n",
           self->name, BENCH_LARGE, bench_median(replayed, n), bench_median(ran, n),
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

static piped start_piped(const bench_place *p)
{
    char program[BENCH_PATH];
    int in[2], out[2];
    bench_path(program, "%s/mooncrier", p->build);
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        bench_fail("pipe2: %s", strerror(errno));
    piped child = { .in = in[1], .out = out[0], .started = bench_seconds() };
    child.pid =
        bench_spawn((const char *[]){ program, "run", "-q", "-c",
                                      MCR_SOURCE_DIR "/tests/bench/workloads/piped.lua", NULL },
                    (bench_streams){ in[0], out[1], -1 });
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
        bench_fail("the program does not read: %s", strerror(errno));
    if (read(child->out, room, sizeof room) <= 0)
        bench_fail("the program wrote nothing");
    return bench_seconds() - child->started;
}

static void end_piped(const piped *child)
{
    close(child->in);
    bench_wait_for(child->pid, child->started, "mooncrier run");
    close(child->out);
}

static long resident_kb(pid_t pid)
{
    char room[BENCH_PATH], line[256];
    FILE *status = fopen(bench_path(room, "/proc/%d/status", (int)pid), "re");
    long kb = 0;
    if (!status)
        bench_fail("%s: %s", room, strerror(errno));
    while (fgets(line, sizeof line, status))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    fclose(status);
    return kb;
}

int bench_memory(const mcr_bench *self, int runs)
{
    (void)runs; // sizes do not vary as times do
    bench_place p = bench_find_place();
    char large[BENCH_PATH], output[BENCH_PATH];
    piped child = start_piped(&p);
    pass_one(&child);
    long idle_kb = resident_kb(child.pid);
    end_piped(&child);
    bench_path(output, "%s/memory.out", p.work);
    bench_usage program =
        run_program(&p, "filter", bench_input_file(&p, BENCH_LARGE, large), output);
    remove_output(output);
    printf("{\"bench\":\"%s\",\"idle_mb\":%.1f,\"run_filter_mb\":%.1f}\n", self->name,
           (double)idle_kb / 1024, (double)program.rss_kb / 1024);
    return 0;
}

int bench_start(const mcr_bench *self, int runs)
{
    bench_place p = bench_find_place();
    char program[BENCH_PATH];
    runs *= 3; // milliseconds each, and a scheduler between them
    size_t n = (size_t)runs;
    double *figures = mcr_alloc(3 * n * sizeof *figures);
    double *version = figures, *cpu = version + n, *first = cpu + n;
    bench_path(program, "%s/mooncrier", p.build);
    for (int i = 0; i < runs; i++) {
        bench_usage spent = bench_command((const char *[]){ program, "version", NULL });
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
