// Structured klog lines: the "file" sink writing to /dev/null through its 64 KiB buffer, and the
// line that one writes without thinking (localtime_r, strftime and snprintf for each) beside it, in
// turns, on the same events. CPU time of this thread.

#include "bench_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "event/decode.h"
#include "sink/sink.h"

enum {
    EVENTS = 1024, // as many as a watcher's ring holds
    BATCH = 64,
    ROUNDS = 400 // over all events, per run
};

typedef struct decoded {
    mcr_event *events[EVENTS];
    size_t size;
} decoded;

static void decode(decoded *in, const bench_input *input)
{
    mcr_decoder *decoder = mcr_decoder_new();
    for (size_t i = 0; i < input->n && in->size < EVENTS; i++) {
        mcr_decode_error error;
        mcr_event *ev;
        if (mcr_decode(decoder, input->lines[i], 0, &ev, &error) == MCR_DECODED_EVENT)
            in->events[in->size++] = ev;
    }
    in->size -= in->size % BATCH;
    mcr_decoder_free(decoder);
}

static const int64_t START = (int64_t)1700000000 * 1000000000;

// Time goes on by 10 µs from line to line.
static double run_sink(const mcr_sink_kind *kind, mcr_sink *sink, const decoded *in)
{
    int64_t now = START;
    double before = bench_cpu_ns();
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < in->size; i += BATCH) {
            kind->write(sink, in->events + i, BATCH, now);
            now += BATCH * (int64_t)10000;
        }
    }
    kind->flush(sink, now);
    return (bench_cpu_ns() - before) / (double)(in->size * ROUNDS);
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

static double run_naive(FILE *out, const decoded *in)
{
    static char room[64 * 1024];
    int64_t now = START;
    double before = bench_cpu_ns();
    for (int round = 0; round < ROUNDS / 4; round++) {
        for (size_t i = 0; i < in->size; i++) {
            fwrite(room, 1, naive_line(room, sizeof room, in->events[i], now), out);
            now += 10000;
        }
    }
    fflush(out);
    return (bench_cpu_ns() - before) / (double)(in->size * (ROUNDS / 4));
}

static mcr_sink *open_sink(const mcr_sink_kind *kind, void *options)
{
    static const mcr_option_value path = { .kind = MCR_VALUE_STRING, .string = "/dev/null" };
    static const mcr_option_value format = { .kind = MCR_VALUE_STRING, .string = "structured" };
    mcr_errbuf err;
    mcr_sink *sink = NULL;
    kind->defaults(options);
    if (mcr_option_set(options, kind->options, "path", &path, &err) == MCR_OK &&
        mcr_option_set(options, kind->options, "format", &format, &err) == MCR_OK)
        sink = kind->open(options, &err);
    if (!sink)
        fprintf(stderr, "bench: %s\n", err.text);
    return sink;
}

int bench_log(const mcr_bench *self, int runs)
{
    bench_input input = bench_input_load();
    decoded in = { .size = 0 };
    decode(&in, &input);
    const mcr_sink_kind *kind = mcr_sink_kind_find("file");
    void *options = mcr_zalloc(kind->options_size);
    mcr_sink *sink = open_sink(kind, options);
    FILE *out = fopen("/dev/null", "we");
    if (!sink || !out || !in.size)
        return 1;
    setvbuf(out, NULL, _IOFBF, 64 * 1024);

    double *ours = mcr_alloc((size_t)runs * 3 * sizeof *ours);
    double *naive = ours + runs, *ratio = naive + runs;
    for (int i = 0; i < runs; i++) {
        ours[i] = run_sink(kind, sink, &in);
        naive[i] = run_naive(out, &in);
        ratio[i] = naive[i] / ours[i];
    }
    double line_ns = bench_median(ours, (size_t)runs), naive_ns = bench_median(naive, (size_t)runs);
    printf("{\"bench\":\"%s\",\"lines\":%zu,\"runs\":%d,\"ns_per_line\":%.1f,"
           "\"lines_per_cpu_s\":%.0f,\"baseline\":\"snprintf and strftime\","
           "\"baseline_lines_per_cpu_s\":%.0f,\"ratio\":%.2f,\"input\":\"%s\"}\n",
           self->name, in.size * ROUNDS, runs, line_ns, 1e9 / line_ns, 1e9 / naive_ns,
           bench_median(ratio, (size_t)runs), input.name);
    bool all_out = sink->counts.delivered == (uint64_t)runs * ROUNDS * in.size;

    free(ours);
    fclose(out);
    kind->close(sink);
    mcr_options_fini(options, kind->options);
    free(options);
    for (size_t i = 0; i < in.size; i++)
        mcr_event_unref(in.events[i]);
    bench_input_free(&input);
    return all_out ? 0 : 1;
}
