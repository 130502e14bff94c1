// The benches of the commands for people.
//
// eval: a filter by `type` as `mooncrier eval` and as jq's select, file to file, in turns. Before
// anything is timed both must have let the same events through: ours, as jq prints them, byte for
// byte. jq gets a tenth of the events, since it takes some fifteen times as long.
//
// tap: run-null with a tap attached that shows all five stages, and without, in turns; CPU time of
// the program that is tapped. On a busy machine `best_ratio`, of the best run of each, says more
// than the median of the ratios: what others cost is in neither. `tapped` is the share of its
// events that passed while it was.
//
// diff: run-enrich's script against one that decides a little otherwise, and one run of it, in
// turns; `runs_worth` is how many runs' CPU time a diff takes.

#include "bench_tools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "bench_program.h"

static int open_new(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        bench_fail("%s: %s", path, strerror(errno));
    return fd;
}

static bench_usage run_into(const char *const *argv, const char *output)
{
    int out = open_new(output);
    double started = bench_seconds();
    pid_t pid = bench_spawn(argv, (bench_streams){ -1, out, -1 });
    close(out);
    return bench_wait_for(pid, started, argv[0]);
}

static bench_usage run_eval(const bench_place *p, const char *input, const char *output)
{
    char program[BENCH_PATH];
    bench_path(program, "%s/mooncrier", p->build);
    return run_into(
        (const char *[]){ program, "eval", "-q", "event.type == \"Warning\"", input, NULL },
        output);
}

static bench_usage run_jq(const char *input, const char *output)
{
    return run_into((const char *[]){ "jq", "-c", "select(.type == \"Warning\")", input, NULL },
                    output);
}

static void check_agreement(bench_place *p, const char *ours, const char *theirs)
{
    char input[BENCH_PATH], plain[BENCH_PATH];
    bench_input_file(p, BENCH_SMALL, input);
    run_eval(p, input, ours);
    run_jq(input, theirs);
    bench_path(plain, "%s.jq", ours);
    run_into((const char *[]){ "jq", "-c", ".", ours, NULL }, plain);
    bench_command((const char *[]){ "cmp", plain, theirs, NULL });
    unlink(plain);
}

int bench_eval(const mcr_bench *self, int runs)
{
    bench_place p = bench_find_place();
    char large[BENCH_PATH], middle[BENCH_PATH], ours_at[BENCH_PATH], theirs_at[BENCH_PATH];
    bench_path(ours_at, "%s/eval.ours", p.work);
    bench_path(theirs_at, "%s/eval.theirs", p.work);
    check_agreement(&p, ours_at, theirs_at);
    bench_input_file(&p, BENCH_LARGE, large);
    bench_input_file(&p, BENCH_MIDDLE, middle);
    size_t n = (size_t)runs;
    double *ours = mcr_alloc(3 * n * sizeof *ours), *theirs = ours + n, *ratio = theirs + n;
    for (size_t i = 0; i < n; i++) {
        ours[i] = BENCH_LARGE / run_eval(&p, large, ours_at).cpu_s;
        theirs[i] = BENCH_MIDDLE / run_jq(middle, theirs_at).cpu_s;
        ratio[i] = ours[i] / theirs[i];
    }
    unlink(ours_at);
    unlink(theirs_at);
    printf("{\"bench\":\"%s\",\"events\":%d,\"events_per_cpu_s\":%.0f,\"baseline\":\"jq select\","
           "\"baseline_events_per_cpu_s\":%.0f,\"ratio\":%.2f,\"input\":\"%s\",\"runs\":%d}\n",
           self->name, BENCH_LARGE, bench_median(ours, n), bench_median(theirs, n),
           bench_median(ratio, n), p.input_name, runs);
    free(ours);
    return 0;
}

// A tap that ends with the program; what it says at its end goes to `err`.
static pid_t start_tap(const bench_place *p, const char *err)
{
    char program[BENCH_PATH], socket[BENCH_PATH];
    bench_path(program, "%s/mooncrier", p->build);
    bench_path(socket, "%s/control.sock", p->work);
    int fd = open_new(err);
    pid_t pid = bench_spawn((const char *[]){ program, "tap", "-s", socket, "--at",
                                              "source,filtered,recorded,delivered,dropped", NULL },
                            (bench_streams){ -1, -1, fd });
    close(fd);
    return pid;
}

// How many events the tap says it was told of.
static double told_of(const char *err)
{
    static const char before[] = "mooncrier: ", between[] = " of ";
    char line[256];
    double told = 0;
    FILE *said = fopen(err, "re");
    if (!said)
        bench_fail("%s: %s", err, strerror(errno));
    while (fgets(line, sizeof line, said)) {
        const char *of = strstr(line, between);
        if (strncmp(line, before, sizeof before - 1) == 0 && of && strstr(of, "events shown"))
            told = strtod(of + sizeof between - 1, NULL);
    }
    fclose(said);
    return told;
}

// Runs the null workload on a million events; `tapped` is the share that a tap was told of, NULL:
// nobody taps.
static bench_usage run_null(bench_place *p, double *tapped)
{
    static const char config[] = MCR_SOURCE_DIR "/tests/bench/workloads/tapped.lua";
    char program[BENCH_PATH], input[BENCH_PATH], err[BENCH_PATH], socket[BENCH_PATH];
    bench_path(program, "%s/mooncrier", p->build);
    bench_path(err, "%s/tap.err", p->work);
    bench_path(socket, "%s/control.sock", p->work);
    setenv("BENCH_WORKLOAD", "null", 1);
    setenv("BENCH_INPUT", bench_input_file(p, BENCH_LARGE, input), 1);
    setenv("BENCH_OUTPUT", "/dev/null", 1);
    setenv("BENCH_SCRIPTS", MCR_SOURCE_DIR "/tests/bench/workloads", 1);
    setenv("BENCH_CONTROL", socket, 1);
    unlink(socket);
    double started = bench_seconds();
    const char *const run[] = { program, "run", "-q", "-c", config, NULL };
    pid_t pid = bench_spawn(run, (bench_streams){ -1, -1, -1 });
    pid_t tap = 0;
    if (tapped) {
        while (access(socket, F_OK) < 0 && bench_seconds() - started < 10)
            nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        tap = start_tap(p, err);
    }
    bench_usage spent = bench_wait_for(pid, started, "mooncrier run");
    if (tapped) {
        bench_wait_for(tap, started, "mooncrier tap");
        // Each event passes twice: as it comes in, and as the watcher has had it.
        *tapped = told_of(err) / BENCH_LARGE / 2;
        unlink(err);
    }
    return spent;
}

int bench_tap(const mcr_bench *self, int runs)
{
    bench_place p = bench_find_place();
    size_t n = (size_t)runs;
    double *with = mcr_alloc(4 * n * sizeof *with);
    double *without = with + n, *ratio = without + n, *tapped = ratio + n;
    for (size_t i = 0; i < n; i++) {
        with[i] = BENCH_LARGE / run_null(&p, &tapped[i]).cpu_s;
        without[i] = BENCH_LARGE / run_null(&p, NULL).cpu_s;
        ratio[i] = with[i] / without[i];
    }
    double usual = bench_median(with, n), untapped = bench_median(without, n); // sorts them
    printf("{\"bench\":\"%s\",\"events\":%d,\"events_per_cpu_s\":%.0f,\"baseline\":\"untapped\","
           "\"baseline_events_per_cpu_s\":%.0f,\"ratio\":%.3f,\"best_ratio\":%.3f,\"tapped\":%.2f,"
           "\"input\":\"%s\",\"runs\":%d}\n",
           self->name, BENCH_LARGE, usual, untapped, bench_median(ratio, n),
           with[n - 1] / without[n - 1], bench_median(tapped, n), p.input_name, runs);
    free(with);
    return 0;
}

// `diff` exits with 1 when it has found what it should.
static bench_usage run_diff(const bench_place *p, const char *input)
{
    static const char old[] = MCR_SOURCE_DIR "/tests/bench/workloads/enrich.lua";
    static const char new[] = MCR_SOURCE_DIR "/tests/bench/workloads/enrich_changed.lua";
    char program[BENCH_PATH];
    bench_path(program, "%s/mooncrier", p->build);
    return bench_command((const char *[]){ "sh", "-c", "\"$@\"; test $? = 1", "sh", program, "diff",
                                           "-q", old, new, input, NULL });
}

static bench_usage run_enrich(const bench_place *p, const char *input, const char *output)
{
    static const char config[] = MCR_SOURCE_DIR "/tests/bench/workloads/mooncrier.lua";
    char program[BENCH_PATH];
    bench_path(program, "%s/mooncrier", p->build);
    setenv("BENCH_WORKLOAD", "enrich", 1);
    setenv("BENCH_INPUT", input, 1);
    setenv("BENCH_OUTPUT", output, 1);
    setenv("BENCH_SCRIPTS", MCR_SOURCE_DIR "/tests/bench/workloads", 1);
    unlink(output);
    return bench_command((const char *[]){ program, "run", "-q", "-c", config, NULL });
}

int bench_diff(const mcr_bench *self, int runs)
{
    bench_place p = bench_find_place();
    char input[BENCH_PATH], output[BENCH_PATH];
    bench_input_file(&p, BENCH_LARGE, input);
    bench_path(output, "%s/diff.out", p.work);
    size_t n = (size_t)runs;
    double *diffed = mcr_alloc(3 * n * sizeof *diffed), *ran = diffed + n, *ratio = ran + n;
    for (size_t i = 0; i < n; i++) {
        ran[i] = run_enrich(&p, input, output).cpu_s;
        diffed[i] = run_diff(&p, input).cpu_s;
        ratio[i] = diffed[i] / ran[i];
    }
    unlink(output);
    printf("{\"bench\":\"%s\",\"events\":%d,\"cpu_s\":%.2f,\"run_enrich_cpu_s\":%.2f,"
           "\"runs_worth\":%.2f,\"input\":\"%s\",\"runs\":%d}\n",
           self->name, BENCH_LARGE, bench_median(diffed, n), bench_median(ran, n),
           bench_median(ratio, n), p.input_name, runs);
    free(diffed);
    return 0;
}
