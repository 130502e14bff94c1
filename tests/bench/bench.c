// bench NAME [--runs N] … measures, bench list says what there is.

#include "bench.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"

enum {
    RUNS = 7,
    INPUT_BYTES = 20 << 20,
    PAD = 64
};

static double clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

double bench_cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

double bench_process_cpu_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_doubles);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double bench_memcpy_ns(const bench_input *input)
{
    enum {
        COPIES = 9
    };
    double ns[COPIES];
    char *to = mcr_alloc(input->len);
    memcpy(to, input->bytes, input->len); // pages in
    for (int i = 0; i < COPIES; i++) {
        double start = bench_cpu_ns();
        memcpy(to, input->bytes, input->len);
        bench_keep(to);
        ns[i] = (bench_cpu_ns() - start) / (double)input->n;
    }
    free(to);
    return bench_median(ns, COPIES);
}

// Appends the whole of the (gzipped) file; false when it cannot be opened.
static bool append_file(bench_input *input, const char *path)
{
    gzFile file = gzopen(path, "rbe");
    if (!file)
        return false;
    size_t cap = input->len;
    for (int n = 1; n > 0; input->len += (size_t)n) {
        if (cap < input->len + (1 << 20)) {
            cap = 2 * cap + (4 << 20);
            input->bytes = mcr_realloc(input->bytes, cap);
        }
        n = gzread(file, input->bytes + input->len, 1 << 20);
        if (n < 0) {
            fprintf(stderr, "bench: cannot read %s\n", path);
            exit(1);
        }
    }
    gzclose(file);
    return true;
}

static void repeat(bench_input *input, size_t until)
{
    size_t once = input->len;
    size_t times = once ? (until + once - 1) / once : 0;
    if (times < 2)
        return;
    input->bytes = mcr_realloc(input->bytes, once * times);
    for (size_t i = 1; i < times; i++)
        memcpy(input->bytes + i * once, input->bytes, once);
    input->len = once * times;
}

static void cut_lines(bench_input *input)
{
    size_t cap = 0;
    const char *at = input->bytes, *end = at + input->len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        if (input->n == cap) {
            cap = cap ? 2 * cap : 32768;
            input->lines = mcr_realloc(input->lines, cap * sizeof *input->lines);
        }
        if (stop > at)
            input->lines[input->n++] = mcr_str_n(at, (size_t)(stop - at));
        at = stop + 1;
    }
}

bench_input bench_input_load(void)
{
    bench_input input = { .name = "events-bench-20k" };
    if (!append_file(&input, MCR_SOURCE_DIR "/../shared/data/events-bench-20k.jsonl.gz")) {
        input.name = "examples/data/events.jsonl, repeated";
        if (!append_file(&input, MCR_SOURCE_DIR "/examples/data/events.jsonl")) {
            fprintf(stderr, "bench: there is no " MCR_SOURCE_DIR "/examples/data/events.jsonl\n");
            exit(1);
        }
        repeat(&input, INPUT_BYTES);
    }
    input.bytes = mcr_realloc(input.bytes, input.len + PAD);
    memset(input.bytes + input.len, 0, PAD);
    cut_lines(&input);
    return input;
}

void bench_input_free(bench_input *input)
{
    free(input->bytes);
    free(input->lines);
    *input = (bench_input){ 0 };
}

static int usage(FILE *to, int code)
{
    fputs("usage: bench NAME… [--runs N]\n       bench list\n\nbenches:\n", to);
    for (const mcr_bench *b = mcr_benches; b->name; b++)
        fprintf(to, "  %-18s %s\n", b->name, b->doc);
    return code;
}

static const mcr_bench *find(const char *name)
{
    const mcr_bench *b = mcr_benches;
    while (b->name && strcmp(b->name, name) != 0)
        b++;
    return b->name ? b : NULL;
}

int main(int argc, char **argv)
{
    int runs = RUNS, names = 0, worst = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc) {
            runs = (int)strtol(argv[++i], NULL, 10);
            if (runs < 1)
                return usage(stderr, 2);
        } else if (strcmp(argv[i], "list") == 0 || strcmp(argv[i], "--help") == 0) {
            return usage(stdout, 0);
        } else if (!find(argv[i])) {
            fprintf(stderr, "bench: there is no bench named '%s'\n", argv[i]);
            return usage(stderr, 2);
        } else {
            argv[1 + names++] = argv[i];
        }
    }
    if (!names)
        return usage(stderr, 2);
    for (int i = 1; i <= names; i++) {
        const mcr_bench *b = find(argv[i]);
        int code = b->run(b, runs);
        fflush(stdout);
        worst = code > worst ? code : worst;
    }
    return worst;
}
