// The events of the input through the webhook sink, as JSON arrays of 64 KB, 8 requests at once, to
// a trivial server in a thread of this process. CPU time of this thread: joining, deliveries, HTTP.
// The baseline is bare curl multi on libev with as many bodies of that length.

#include "bench_webhook.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "bench_curl.h"
#include "bench_server.h"
#include "event/decode.h"
#include "event/event.h"
#include "net/http_client.h"
#include "sink/sink.h"
#include "sink/webhook.h"

enum {
    EVENTS = 200000, // a run
    AT_ONCE = 64,    // as a watcher gives them
    BODY = 64 * 1024,
    IN_FLIGHT = 8
};

typedef struct events {
    mcr_event **at;
    size_t n;
} events;

static events decode_all(const bench_input *input)
{
    events all = { (mcr_event **)mcr_alloc(input->n * sizeof(mcr_event *)), 0 };
    mcr_decoder *decoder = mcr_decoder_new();
    for (size_t i = 0; i < input->n; i++) {
        mcr_event *ev;
        mcr_decode_error err;
        if (mcr_decode(decoder, input->lines[i], 0, &ev, &err) == MCR_DECODED_EVENT)
            all.at[all.n++] = ev;
    }
    mcr_decoder_free(decoder);
    return all;
}

// Before every sleep: what ended the last delivery may have been the last thing to happen for long.
static void on_turn(struct ev_loop *loop, ev_prepare *turn, int revents)
{
    (void)revents;
    const mcr_sink *sink = turn->data;
    if (sink->counts.in_flight == 0)
        ev_break(loop, EVBREAK_ALL);
}

typedef struct figures {
    double cpu_ns; // of one event
    uint64_t delivered;
} figures;

static figures run_sink(const mcr_webhook_options *options, const events *all)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    mcr_errbuf err;
    const mcr_sink_kind *kind = mcr_sink_kind_find("webhook");
    mcr_sink *sink = kind->open(options, &err);
    if (!sink) {
        fprintf(stderr, "bench: %s\n", err.text);
        exit(1);
    }
    sink->name = "bench";
    kind->start(sink, loop);
    ev_prepare turn;
    ev_prepare_init(&turn, on_turn);
    turn.data = sink;
    double cpu = bench_cpu_ns();
    for (size_t given = 0; given < EVENTS;) {
        if (kind->room(sink) < AT_ONCE) {
            ev_run(loop, EVRUN_ONCE);
            continue;
        }
        mcr_event *batch[AT_ONCE];
        size_t n = EVENTS - given < AT_ONCE ? EVENTS - given : AT_ONCE;
        for (size_t i = 0; i < n; i++)
            batch[i] = all->at[(given + i) % all->n];
        kind->write(sink, batch, n, mcr_clock_now(&mcr_clock_wall));
        ev_run(loop, EVRUN_NOWAIT);
        given += n;
    }
    kind->drain(sink, mcr_clock_now(&mcr_clock_wall));
    ev_prepare_start(loop, &turn);
    if (sink->counts.in_flight)
        ev_run(loop, 0);
    ev_prepare_stop(loop, &turn);
    figures result = { (bench_cpu_ns() - cpu) / EVENTS, sink->counts.delivered };
    kind->close(sink);
    ev_loop_destroy(loop);
    return result;
}

int bench_webhook(const mcr_bench *self, int runs)
{
    static const char *const headers[] = { "Content-Type: application/json", NULL };
    mcr_http_global_init();
    bench_input input = bench_input_load();
    events all = decode_all(&input);
    bench_server *server = bench_server_start("200 OK", "{}");
    mcr_webhook_options options = { 0 };
    mcr_sink_kind_find("webhook")->defaults(&options);
    options.url = bench_server_url(server);
    options.proxy = "";
    options.batch_events = 100000;
    options.queue = 100000;
    options.batch_bytes = BODY;
    options.max_in_flight = IN_FLIGHT;
    options.ordered = false;
    char *body = mcr_zalloc(BODY);
    const bench_curl bare = { .url = options.url,
                              .headers = headers,
                              .body = mcr_str_n(body, BODY),
                              .in_flight = IN_FLIGHT };
    double *ours = mcr_alloc((size_t)runs * 2 * sizeof *ours), *curl = ours + runs;
    uint64_t lost = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < EVENTS; i++)
        bytes += all.at[i % all.n]->raw.len + 1;
    size_t requests = bytes / BODY + 1;
    for (int i = 0; i < runs; i++) {
        figures f = run_sink(&options, &all);
        bench_cost cost = bench_curl_run(&bare, requests);
        ours[i] = f.cpu_ns;
        curl[i] = cost.cpu_ns * (double)requests / EVENTS;
        lost += EVENTS - f.delivered + cost.failed;
    }
    double our_ns = bench_median(ours, (size_t)runs), curl_ns = bench_median(curl, (size_t)runs);
    printf("{\"bench\":\"%s\",\"events\":%d,\"input\":\"%s\",\"bytes\":%d,\"runs\":%d,"
           "\"ns_per_event\":%.0f,\"events_per_cpu_s\":%.0f,\"lost\":%llu,"
           "\"baseline\":\"bare curl multi on libev with such bodies\","
           "\"baseline_events_per_cpu_s\":%.0f,\"ratio\":%.2f}\n",
           self->name, EVENTS, input.name, BODY, runs, our_ns, 1e9 / our_ns,
           (unsigned long long)lost, 1e9 / curl_ns, curl_ns / our_ns);
    for (size_t i = 0; i < all.n; i++)
        mcr_event_unref(all.at[i]);
    bench_server_stop(server);
    bench_input_free(&input);
    free((void *)all.at);
    free(body);
    free(ours);
    return lost ? 1 : 0;
}
