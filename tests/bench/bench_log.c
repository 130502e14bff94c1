// Structured klog lines: the "file" sink writing to /dev/null through its 64 KiB buffer, and the
// line that one writes without thinking (localtime_r, strftime and snprintf for each) beside it, in
// turns, on the same events. CPU time of this thread.

#include "bench_log.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"
#include "event/decode.h"
#include "sink/sink.h"

enum {
    EVENTS = 1024, // as many as a watcher's ring holds
    BATCH = 64,
    ROUNDS = 400, // over all events, per run
    RUNS = 7,
    LINE_SIZE = 1 << 20
};

typedef struct input {
    mcr_event **events;
    size_t size;
    const char *name;
} input;

static double cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_doubles);
    return values[n / 2];
}

static bool load(input *in, const char *path)
{
    gzFile file = gzopen(path, "rbe");
    if (!file)
        return false;
    mcr_decoder *decoder = mcr_decoder_new();
    char *line = mcr_alloc(LINE_SIZE);
    in->events = mcr_alloc(EVENTS * sizeof *in->events);
    while (in->size < EVENTS && gzgets(file, line, LINE_SIZE)) {
        mcr_decode_error error;
        mcr_event *ev;
        if (mcr_decode(decoder, mcr_str_of(line), 0, &ev, &error) == MCR_DECODED_EVENT)
            in->events[in->size++] = ev;
    }
    in->size -= in->size % BATCH;
    free(line);
    mcr_decoder_free(decoder);
    gzclose(file);
    return in->size > 0;
}

static const int64_t START = (int64_t)1700000000 * 1000000000;

// Time goes on by 10 µs from line to line.
static double run_sink(const mcr_sink_kind *kind, mcr_sink *sink, const input *in)
{
    int64_t now = START;
    double before = cpu_now();
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < in->size; i += BATCH) {
            kind->write(sink, in->events + i, BATCH, now);
            now += BATCH * (int64_t)10000;
        }
    }
    kind->flush(sink, now);
    return (cpu_now() - before) / (double)(in->size * ROUNDS);
}

static size_t naive_line(char *room, size_t size, const mcr_event *ev, int64_t now)
{
    char stamp[32];
    struct tm tm;
    time_t second = now / 1000000000;
    strftime(stamp, sizeof stamp, "%m%d %H:%M:%S", localtime_r(&second, &tm));
    const mcr_object_reference *object = &ev->involvedObject;
    int n = snprintf(
        room, size,
        "I%s.%06d %7d %s] \"Event occurred\" object=\"%.*s/%.*s\" fieldPath=\"%.*s\" "
        "kind=\"%.*s\" apiVersion=\"%.*s\" type=\"%.*s\" reason=\"%.*s\" message=\"%.*s\"\n",
        stamp, (int)(now % 1000000000 / 1000), (int)getpid(), "event.go:389",
        (int)object->namespace.len, object->namespace.ptr, (int)object->name.len, object->name.ptr,
        (int)object->fieldPath.len, object->fieldPath.ptr, (int)object->kind.len, object->kind.ptr,
        (int)object->apiVersion.len, object->apiVersion.ptr, (int)ev->type.len, ev->type.ptr,
        (int)ev->reason.len, ev->reason.ptr, (int)ev->message.len, ev->message.ptr);
    return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size;
}

static double run_naive(FILE *out, const input *in)
{
    static char room[64 * 1024];
    int64_t now = START;
    double before = cpu_now();
    for (int round = 0; round < ROUNDS / 4; round++) {
        for (size_t i = 0; i < in->size; i++) {
            fwrite(room, 1, naive_line(room, sizeof room, in->events[i], now), out);
            now += 10000;
        }
    }
    fflush(out);
    return (cpu_now() - before) / (double)(in->size * (ROUNDS / 4));
}

int bench_log(void)
{
    static const char shared[] = MCR_SOURCE_DIR "/../shared/data/events-bench-20k.jsonl.gz";
    static const char example[] = MCR_SOURCE_DIR "/examples/data/events.jsonl";
    input in = { .name = "events-bench-20k" };
    if (!load(&in, shared)) {
        in.name = "examples/data/events.jsonl";
        if (!load(&in, example)) {
            fprintf(stderr, "bench: cannot read %s\n", example);
            return 1;
        }
    }
    const mcr_sink_kind *kind = mcr_sink_kind_find("file");
    void *options = mcr_zalloc(kind->options_size);
    kind->defaults(options);
    mcr_errbuf err;
    const mcr_option_value path = { .kind = MCR_VALUE_STRING, .string = "/dev/null" };
    const mcr_option_value format = { .kind = MCR_VALUE_STRING, .string = "structured" };
    mcr_sink *sink = NULL;
    if (mcr_option_set(options, kind->options, "path", &path, &err) == MCR_OK &&
        mcr_option_set(options, kind->options, "format", &format, &err) == MCR_OK)
        sink = kind->open(options, &err);
    FILE *out = fopen("/dev/null", "we");
    if (!sink || !out) {
        fprintf(stderr, "bench: %s\n", sink ? "cannot open /dev/null" : err.text);
        return 1;
    }
    setvbuf(out, NULL, _IOFBF, 64 * 1024);

    double ours[RUNS], naive[RUNS], ratio[RUNS];
    for (int i = 0; i < RUNS; i++) {
        ours[i] = run_sink(kind, sink, &in);
        naive[i] = run_naive(out, &in);
        ratio[i] = naive[i] / ours[i];
    }
    bool all_out = sink->counts.delivered == (uint64_t)RUNS * ROUNDS * in.size;
    double line_s = median(ours, RUNS), naive_s = median(naive, RUNS);
    printf("{\"bench\":\"log\",\"events\":%zu,\"runs\":%d,\"ns_per_line\":%.1f,"
           "\"lines_per_cpu_s\":%.0f,\"baseline_lines_per_cpu_s\":%.0f,\"ratio\":%.2f,"
           "\"input\":\"%s\"}\n",
           in.size * ROUNDS, RUNS, line_s * 1e9, 1 / line_s, 1 / naive_s, median(ratio, RUNS),
           in.name);

    fclose(out);
    kind->close(sink);
    mcr_options_fini(options, kind->options);
    free(options);
    for (size_t i = 0; i < in.size; i++)
        mcr_event_unref(in.events[i]);
    free(in.events);
    return all_out ? 0 : 1;
}
