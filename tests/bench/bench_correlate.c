// correlate-same, -distinct, -zipf: one event again and again; 20,000 objects in turn, so that each
// cache of 4096 always misses; 1000 objects by Zipf's law. Each is run as client-go's defaults are
// ("default": the spam filter drops most repeats) and with a burst that lets everything pass
// ("passing": each repeat makes an event and a patch). The events are just made, as a decoder has
// them. CPU time of this thread.

#include "bench_correlate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bench_events.h"
#include "correlate/correlator.h"
#include "correlate/patch.h"
#include "event/encode.h"

enum {
    STEPS = 200000,
    BATCH = 64, // divides STEPS
    DISTINCT = 20000
};

static const int64_t STEP = 1000000;

typedef struct workload {
    mcr_event **events; // that there are
    size_t n;
    uint32_t *order; // of STEPS
} workload;

static workload make_workload(const char *name)
{
    workload w = { .n = strstr(name, "distinct") ? DISTINCT
                        : strstr(name, "zipf")   ? BENCH_OBJECTS
                                                 : 1 };
    w.events = mcr_alloc(w.n * sizeof *w.events);
    w.order = mcr_alloc(STEPS * sizeof *w.order);
    bench_zipf zipf;
    bench_zipf_init(&zipf, 1);
    for (size_t i = 0; i < w.n; i++)
        w.events[i] = bench_event(i);
    for (uint32_t i = 0; i < STEPS; i++)
        w.order[i] = w.n == BENCH_OBJECTS ? bench_zipf_draw(&zipf) : i % (uint32_t)w.n;
    return w;
}

typedef struct figures {
    double ns;
    size_t passed;
    size_t patches;
} figures;

// Events `from` and on as they come from a decoder: just made, near the processor.
static void make_batch(const workload *w, size_t from, mcr_event **batch)
{
    for (size_t i = 0; i < BATCH; i++)
        batch[i] = mcr_event_copy(w->events[w->order[from + i]]);
}

static void free_batch(mcr_event **batch)
{
    for (size_t i = 0; i < BATCH; i++)
        mcr_event_unref(batch[i]);
}

static void record(mcr_correlator *c, mcr_event *ev, const mcr_clock *clock, mcr_buf *patch,
                   figures *f)
{
    mcr_correlated out;
    mcr_correlator_run(c, ev, clock, &out);
    if (!out.ev)
        return;
    f->passed++;
    f->patches += out.counted;
    patch->len = 0;
    if (out.counted)
        mcr_count_patch(patch, out.ev);
    bench_keep(patch->ptr);
    mcr_correlator_update(c, out.ev);
    mcr_event_unref(out.ev);
}

static figures run(const workload *w, const mcr_correlator_options *options)
{
    figures f = { 0 };
    mcr_correlator *c = mcr_correlator_new(options);
    int64_t now = BENCH_START;
    mcr_clock clock = mcr_clock_fixed(&now);
    mcr_buf patch = { 0 };
    mcr_event *batch[BATCH];
    // The first round is not measured: it fills the caches.
    for (int round = 0; round < 2; round++) {
        f = (figures){ 0 };
        for (size_t from = 0; from < STEPS; from += BATCH) {
            make_batch(w, from, batch);
            double before = bench_cpu_ns();
            for (size_t i = 0; i < BATCH; i++, now += STEP)
                record(c, batch[i], &clock, &patch, &f);
            f.ns += (bench_cpu_ns() - before) / STEPS;
            free_batch(batch);
        }
    }
    mcr_correlator_free(c);
    mcr_buf_fini(&patch);
    return f;
}

static double encode(const workload *w)
{
    mcr_buf out = { 0 };
    mcr_event *batch[BATCH];
    double ns = 0;
    for (size_t from = 0; from < STEPS; from += BATCH) {
        make_batch(w, from, batch);
        double before = bench_cpu_ns();
        for (size_t i = 0; i < BATCH; i++) {
            out.len = 0;
            mcr_event_encode(&out, batch[i], false);
        }
        ns += (bench_cpu_ns() - before) / STEPS;
        free_batch(batch);
    }
    mcr_buf_fini(&out);
    return ns;
}

static void run_with(const mcr_bench *self, const workload *w, int runs, const char *name,
                     const mcr_correlator_options *options)
{
    double *ours = mcr_alloc((size_t)runs * 3 * sizeof *ours);
    double *encoding = ours + runs, *ratio = encoding + runs;
    figures f = { 0 };
    for (int i = 0; i < runs; i++) {
        f = run(w, options);
        ours[i] = f.ns;
        encoding[i] = encode(w);
        ratio[i] = encoding[i] / ours[i];
    }
    double ns = bench_median(ours, (size_t)runs);
    printf("{\"bench\":\"%s\",\"options\":\"%s\",\"events\":%d,\"passed\":%zu,\"patches\":%zu,"
           "\"runs\":%d,\"ns_per_event\":%.1f,\"events_per_cpu_s\":%.0f,"
           "\"baseline\":\"one encoding\",\"baseline_ns\":%.1f,\"ratio\":%.2f}\n",
           self->name, name, STEPS, f.passed, f.patches, runs, ns, 1e9 / ns,
           bench_median(encoding, (size_t)runs), bench_median(ratio, (size_t)runs));
    free(ours);
}

int bench_correlate(const mcr_bench *self, int runs)
{
    workload w = make_workload(self->name);
    mcr_correlator_options options = { 0 };
    run_with(self, &w, runs, "default", &options);
    options.burst_size = INT32_MAX;
    run_with(self, &w, runs, "passing", &options);
    for (size_t i = 0; i < w.n; i++)
        mcr_event_unref(w.events[i]);
    free(w.events);
    free(w.order);
    return 0;
}
