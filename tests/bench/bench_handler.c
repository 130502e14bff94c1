// What calling Lua costs: a filter that reads type, reason, namespace and count, called for one
// event at a time and for batches of 64, and 200 different filters in one state. CPU time of this
// thread; the events are decoded beforehand. Beside it the same decision made in C.

#include "bench_handler.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "event/decode.h"
#include "script/script.h"

enum {
    BATCH = MCR_BATCH,
    HANDLERS = 200
};

void bench_decode_some(bench_decoded *in, const bench_input *input)
{
    mcr_decoder *decoder = mcr_decoder_new();
    for (size_t i = 0; i < input->n && in->n < BENCH_DECODED; i++) {
        mcr_decode_error error;
        mcr_event *ev;
        if (mcr_decode(decoder, input->lines[i], 0, &ev, &error) == MCR_DECODED_EVENT)
            in->events[in->n++] = ev;
    }
    in->n -= in->n % BATCH;
    mcr_decoder_free(decoder);
}

void bench_release_decoded(bench_decoded *in)
{
    for (uint32_t i = 0; i < in->n; i++)
        mcr_event_unref(in->events[i]);
}

uint32_t bench_pass(const mcr_hooks *hooks, const bench_decoded *in, uint32_t batch)
{
    mcr_verdict v[BATCH];
    uint32_t passed = 0;
    for (uint32_t i = 0; i + batch <= in->n; i += batch) {
        for (uint32_t k = 0; k < batch; k++)
            v[k] = (mcr_verdict){ .ev = in->events[i + k] };
        hooks->handle(hooks->self, v, batch, 0);
        for (uint32_t k = 0; k < batch; k++)
            passed += v[k].outcome == MCR_PASS;
    }
    return passed;
}

static double measure(const mcr_hooks *hooks, const bench_decoded *in, uint32_t batch, int runs,
                      int rounds)
{
    double *ns = calloc((size_t)runs, sizeof *ns);
    for (int warm = 0; warm < 5; warm++)
        bench_pass(hooks, in, batch);
    for (int run = 0; run < runs; run++) {
        double before = bench_cpu_ns();
        uint32_t passed = 0;
        for (int round = 0; round < rounds; round++)
            passed += bench_pass(hooks, in, batch);
        bench_keep(&passed);
        ns[run] = (bench_cpu_ns() - before) / ((double)in->n * rounds);
    }
    double median = bench_median(ns, (size_t)runs);
    free(ns);
    return median;
}

// The same decision without Lua: what the call itself adds is the difference.
static void handle_in_c(void *self, mcr_verdict *v, uint32_t n, int64_t now)
{
    (void)self, (void)now;
    for (uint32_t i = 0; i < n; i++) {
        const mcr_event *ev = v[i].ev;
        bool passes = mcr_str_is(ev->type, "Warning") && mcr_str_is(ev->reason, "BackOff") &&
                      !mcr_str_is(ev->metadata.namespace, "kube-system") && ev->count > 3;
        v[i].outcome = passes ? MCR_PASS : MCR_DROP;
    }
}

static void load(mcr_scripts *scripts, const char *text, const char *name)
{
    mcr_errbuf err;
    if (mcr_scripts_load_text(scripts, mcr_str_of(text), name, &err)) {
        fprintf(stderr, "bench: %s\n", err.text);
        exit(1);
    }
}

const char bench_filter[] =
    "return { filter = function(event)\n"
    "  return event.type == 'Warning' and event.reason == 'BackOff'\n"
    "    and event.metadata.namespace ~= 'kube-system' and event.count > 3\n"
    "end }\n";

int bench_handler(const mcr_bench *self, int runs)
{
    bench_input input = bench_input_load();
    bench_decoded in = { .n = 0 };
    bench_decode_some(&in, &input);
    mcr_scripts *scripts = mcr_scripts_new(&(mcr_script_options){ .watcher = "bench" });
    load(scripts, bench_filter, "filter");
    const mcr_hooks *hooks = mcr_scripts_hooks(scripts);
    const mcr_hooks in_c = { .handle = handle_in_c };
    double single = measure(hooks, &in, 1, runs, 50);
    double batches = measure(hooks, &in, BATCH, runs, 100);
    double c = measure(&in_c, &in, BATCH, runs, 100);
    printf("{\"bench\":\"%s\",\"ns_single\":%.1f,\"ns_batch\":%.1f,\"baseline\":\"the same in C\","
           "\"baseline_ns\":%.1f,\"ratio\":%.2f,\"input\":\"%s\",\"runs\":%d}\n",
           self->name, single, batches, c, batches / c, input.name, runs);
    mcr_scripts_free(scripts);
    bench_release_decoded(&in);
    bench_input_free(&input);
    return 0;
}

int bench_handlers_200(const mcr_bench *self, int runs)
{
    bench_input input = bench_input_load();
    bench_decoded in = { .n = 0 };
    bench_decode_some(&in, &input);
    in.n = in.n < 1024 ? in.n : 1024;
    mcr_scripts *scripts = mcr_scripts_new(&(mcr_script_options){ .watcher = "bench" });
    mcr_buf text = { 0 };
    for (int i = 0; i < HANDLERS; i++) {
        // Each differs from the others; all pass everything, so that every handler runs for every
        // event.
        static const char *const fields[] = { "event.reason", "event.involvedObject.kind",
                                              "event.metadata.namespace", "event.type" };
        text.len = 0;
        mcr_buf_printf(&text,
                       "return { filter = function(event)\n"
                       "  if %s == 'no such %d' then return false end\n"
                       "  return event.count ~= %d\nend }\n",
                       fields[i % 4], i, 1000000 + i);
        char name[32];
        snprintf(name, sizeof name, "filter %d", i);
        load(scripts, mcr_buf_cstr(&text), name);
    }
    mcr_buf_fini(&text);
    double batches = measure(mcr_scripts_hooks(scripts), &in, BATCH, runs, 3) / HANDLERS;
    printf("{\"bench\":\"%s\",\"ns_per_event_and_handler\":%.1f,\"handlers\":%d,"
           "\"input\":\"%s\",\"runs\":%d}\n",
           self->name, batches, HANDLERS, input.name, runs);
    mcr_scripts_free(scripts);
    bench_release_decoded(&in);
    bench_input_free(&input);
    return 0;
}
