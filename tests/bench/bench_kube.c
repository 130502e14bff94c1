// deliver, deliver-h2: CPU time of the sink's thread (URLs, encoding, deliveries, HTTP, reading the
// answers) and of bare curl with a body of the same length and the same headers, in turns. The
// ratio is how many requests the sink makes in the time bare curl takes for one. Both get a whole
// event as the answer, as from a real server.

#include "bench_kube.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "bench_curl.h"
#include "bench_events.h"
#include "bench_server.h"
#include "event/encode.h"
#include "net/http_client.h"
#include "support/nghttpd.h"

enum {
    IN_FLIGHT = 32,
    AT_ONCE = 64, // as a watcher gives them
    REQUESTS = 20000,
    REQUESTS_H2 = 8000
};

static const char *const header_lines[] = { "Accept: application/json, */*",
                                            "Content-Type: application/json",
                                            "Accept-Encoding: gzip",
                                            "User-Agent: mooncrier/" MCR_VERSION, NULL };

mcr_sink *bench_kube_open(const mcr_kube_options *options)
{
    mcr_errbuf err;
    mcr_sink *sink = mcr_sink_kind_find("kube")->open(options, &err);
    if (!sink) {
        fprintf(stderr, "bench: %s\n", err.text);
        exit(1);
    }
    sink->name = sink->watcher = "bench";
    return sink;
}

static void on_turn(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
    (void)revents;
    const mcr_sink *sink = prepare->data;
    if (sink->counts.in_flight == 0)
        ev_break(loop, EVBREAK_ALL);
}

static void wait_for_all(mcr_sink *sink, struct ev_loop *loop)
{
    ev_prepare turn;
    ev_prepare_init(&turn, on_turn);
    turn.data = sink;
    ev_prepare_start(loop, &turn);
    if (sink->counts.in_flight)
        ev_run(loop, 0);
    ev_prepare_stop(loop, &turn);
}

// Gives the sink the events as fast as it has room, as a host does, and waits for their end.
static void deliver_all(mcr_sink *sink, struct ev_loop *loop, mcr_event *const *events, size_t n)
{
    for (size_t given = 0; given < n;) {
        size_t some = n - given < AT_ONCE ? n - given : AT_ONCE;
        if (sink->kind->room(sink) < some) {
            ev_run(loop, EVRUN_ONCE);
            continue;
        }
        sink->kind->write(sink, events + given, some, BENCH_START);
        ev_run(loop, EVRUN_NOWAIT);
        given += some;
    }
    wait_for_all(sink, loop);
}

static bench_cost run_sink(const mcr_kube_options *options, mcr_event *const *events, size_t n)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    mcr_sink *sink = bench_kube_open(options);
    sink->kind->start(sink, loop);
    deliver_all(sink, loop, events, 2 * IN_FLIGHT);
    double cpu = bench_cpu_ns();
    int64_t wall = mcr_clock_monotonic();
    deliver_all(sink, loop, events + (size_t)2 * IN_FLIGHT, n);
    const bench_cost cost = { .cpu_ns = (bench_cpu_ns() - cpu) / (double)n,
                              .wall_ns = (double)(mcr_clock_monotonic() - wall) / (double)n,
                              .failed = sink->counts.assigned - sink->counts.delivered };
    sink->kind->close(sink);
    ev_loop_destroy(loop);
    return cost;
}

static int compare(const char *name, const mcr_kube_options *options, const bench_curl *bare,
                   size_t n, int runs)
{
    size_t all = n + (size_t)2 * IN_FLIGHT, m = (size_t)runs, failed = 0;
    mcr_event **events = (mcr_event **)mcr_alloc(all * sizeof(mcr_event *));
    for (size_t i = 0; i < all; i++)
        events[i] = bench_event(i);
    double *ours = mcr_alloc(m * 5 * sizeof *ours);
    double *curl = ours + m, *ratio = curl + m, *wall_ratio = ratio + m, *wall = wall_ratio + m;
    for (size_t i = 0; i < m; i++) {
        bench_cost sink = run_sink(options, events, n), alone = bench_curl_run(bare, n);
        ours[i] = sink.cpu_ns;
        curl[i] = alone.cpu_ns;
        ratio[i] = alone.cpu_ns / sink.cpu_ns;
        wall_ratio[i] = alone.wall_ns / sink.wall_ns;
        wall[i] = sink.wall_ns;
        failed += sink.failed + alone.failed;
    }
    double our_ns = bench_median(ours, m), curl_ns = bench_median(curl, m);
    printf("{\"bench\":\"%s\",\"requests\":%zu,\"in_flight\":%d,\"bytes\":%u,\"runs\":%d,"
           "\"us_per_event\":%.2f,\"events_per_cpu_s\":%.0f,\"events_per_s\":%.0f,\"failed\":%zu,"
           "\"baseline\":\"bare curl multi on libev\",\"baseline_requests_per_cpu_s\":%.0f,"
           "\"ratio\":%.2f,\"wall_ratio\":%.2f}\n",
           name, n, IN_FLIGHT, bare->body.len, runs, our_ns / 1e3, 1e9 / our_ns,
           1e9 / bench_median(wall, m), failed, 1e9 / curl_ns, bench_median(ratio, m),
           bench_median(wall_ratio, m));
    for (size_t i = 0; i < all; i++)
        mcr_event_unref(events[i]);
    free((void *)events);
    free(ours);
    return failed ? 1 : 0;
}

// A kubeconfig for the server, in a file that the caller removes.
static const char *write_kubeconfig(const char *server)
{
    static char path[] = "/tmp/bench-kubeconfig-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file) {
        perror("bench: a kubeconfig in /tmp");
        exit(1);
    }
    fprintf(file,
            "apiVersion: v1\nkind: Config\ncurrent-context: bench\n"
            "clusters: [{name: bench, cluster: {server: \"%s\", certificate-authority: \"%s\"}}]\n"
            "contexts: [{name: bench, context: {cluster: bench, user: bench}}]\n"
            "users: [{name: bench, user: {}}]\n",
            server, MCR_SOURCE_DIR "/tests/data/tls/ca.pem");
    fclose(file);
    return path;
}

static int http2(const char *name, mcr_kube_options *options, bench_curl *bare, int runs)
{
    nghttpd server;
    if (!nghttpd_start(&server, MCR_SOURCE_DIR "/tests/data/tls/server.pem",
                       MCR_SOURCE_DIR "/tests/data/tls/server-key.pem")) {
        printf("{\"bench\":\"%s\",\"skipped\":\"no nghttpd\"}\n", name);
        return 0;
    }
    mcr_buf url = { 0 };
    mcr_buf_printf(&url, "%s/api/v1/namespaces/prod/events", server.url);
    bare->url = mcr_buf_cstr(&url);
    bare->ca_file = MCR_SOURCE_DIR "/tests/data/tls/ca.pem";
    bare->http2 = options->http2 = true;
    options->access.kubeconfig = write_kubeconfig(server.url);
    int code = compare(name, options, bare, REQUESTS_H2, runs);
    unlink(options->access.kubeconfig);
    nghttpd_stop(&server);
    mcr_buf_fini(&url);
    return code;
}

static int http1(const char *name, mcr_kube_options *options, bench_curl *bare, const char *answer,
                 int runs)
{
    mcr_buf url = { 0 };
    bench_server *server = bench_server_start("201 Created", answer);
    mcr_buf_printf(&url, "%s/api/v1/namespaces/prod/events", bench_server_url(server));
    bare->url = mcr_buf_cstr(&url);
    options->access.server = bench_server_url(server);
    int code = compare(name, options, bare, REQUESTS, runs);
    bench_server_stop(server);
    mcr_buf_fini(&url);
    return code;
}

int bench_deliver_kube(const mcr_bench *self, int runs)
{
    mcr_http_global_init();
    mcr_kube_options options = { 0 };
    mcr_sink_kind_find("kube")->defaults(&options);
    options.max_in_flight = IN_FLIGHT;
    mcr_event *one = bench_event(0);
    mcr_buf body = { 0 };
    mcr_event_encode(&body, one, false);
    bench_curl bare = { .headers = header_lines,
                        .body = mcr_buf_str(&body),
                        .in_flight = IN_FLIGHT };
    int code = strcmp(self->name, "deliver-h2") == 0
                   ? http2(self->name, &options, &bare, runs)
                   : http1(self->name, &options, &bare, mcr_buf_cstr(&body), runs);
    mcr_event_unref(one);
    mcr_buf_fini(&body);
    return code;
}
