// pipeline: 100,000 events of five reasons about 1000 objects by Zipf's law through all there is
// for recording: recorder, broadcaster (a thread), watcher with correlator and kube sink (a host's
// thread), HTTP to a trivial server. Everybody waits for room, so that nothing is lost. CPU time of
// the process without the server's thread.
//
// With the policy "client-go", which makes the requests that client-go makes, one by one; with the
// default one, which has many under way and merges repeats that wait; and with a short queue, where
// few wait long enough. The baseline is bare curl multi on libev with as many requests of the same
// size, as many at once.

#include "bench_pipeline.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "bench_curl.h"
#include "bench_events.h"
#include "bench_kube.h"
#include "bench_server.h"
#include "broadcast/broadcaster.h"
#include "broadcast/host.h"
#include "broadcast/recorder.h"
#include "event/encode.h"
#include "net/http_client.h"

enum {
    EVENTS = 100000,
    QUEUE = 1000,
    REASONS = 5
};

static const double EXPONENT = 1.1;

typedef struct occurrence {
    uint32_t object, reason;
} occurrence;

typedef struct world {
    mcr_object_reference objects[BENCH_OBJECTS];
    char texts[BENCH_OBJECTS][2][64];
    occurrence order[EVENTS];
    bench_server *server;
    mcr_buf answer; // an event, as a real server answers
    mcr_buf url;
} world;

typedef struct figures {
    double cpu_ns, wall_ns; // of an event
    double requests;
    uint64_t passed, merged, lost;
} figures;

static const struct {
    const char *reason, *message;
} reasons[REASONS] = {
    { "Scheduled", "Successfully assigned prod/web-7d4b9c6f5-x2x7p to node-17.example.org" },
    { "Pulled", "Container image \"registry.example.org/web:1.4.2\" already present on machine" },
    { "Created", "Created container: app" },
    { "Started", "Started container app" },
    { "BackOff", "Back-off restarting failed container app in pod web-7d4b9c6f5-x2x7p_prod" },
};

static world *new_world(void)
{
    world *w = mcr_zalloc(sizeof *w);
    bench_zipf zipf;
    bench_zipf_init(&zipf, EXPONENT);
    for (uint32_t i = 0; i < BENCH_OBJECTS; i++) {
        char *name = w->texts[i][0], *uid = w->texts[i][1];
        snprintf(name, sizeof w->texts[i][0], "web-%06u-7d4b9c6f5-x2x7p", i);
        snprintf(uid, sizeof w->texts[i][1], "8d0b6f0e-5d2c-4f3a-9a53-%012x", i);
        w->objects[i] = (mcr_object_reference){ .kind = MCR_STR("Pod"),
                                                .namespace = MCR_STR("prod"),
                                                .name = mcr_str_of(name),
                                                .uid = mcr_str_of(uid),
                                                .apiVersion = MCR_STR("v1"),
                                                .resourceVersion = MCR_STR("4711") };
    }
    for (uint32_t i = 0; i < EVENTS; i++) {
        w->order[i].object = bench_zipf_draw(&zipf);
        w->order[i].reason = (uint32_t)(zipf.seed >> 33) % REASONS;
    }
    mcr_event *one = bench_event(0);
    mcr_event_encode(&w->answer, one, false);
    mcr_event_unref(one);
    w->server = bench_server_start("200 OK", mcr_buf_cstr(&w->answer));
    mcr_buf_printf(&w->url, "%s/api/v1/namespaces/prod/events", bench_server_url(w->server));
    return w;
}

static void free_world(world *w)
{
    bench_server_stop(w->server);
    mcr_buf_fini(&w->answer);
    mcr_buf_fini(&w->url);
    free(w);
}

static mcr_err publish(void *self, mcr_event *ev, bool *accepted, mcr_errbuf *err)
{
    *accepted = true;
    return mcr_broadcaster_action(self, ev, err);
}

// Returns how many were not published.
static uint64_t record_all(const world *w, mcr_broadcaster *to)
{
    uint64_t lost = 0;
    mcr_recorder recorder = { .source = { MCR_STR("kubelet"), MCR_STR("node-17.example.org") },
                              .clock = mcr_clock_wall,
                              .publish = { publish, to } };
    for (size_t i = 0; i < EVENTS; i++) {
        occurrence o = w->order[i];
        // One type for each object: the spam filter has a bucket for each type.
        mcr_recorded what = { .type = o.object % 4 ? MCR_STR("Normal") : MCR_STR("Warning"),
                              .reason = mcr_str_of(reasons[o.reason].reason),
                              .message = mcr_str_of(reasons[o.reason].message) };
        mcr_regarding object = { .reference = &w->objects[o.object] };
        lost += mcr_recorder_event(&recorder, &object, &what) != MCR_RECORD_PUBLISHED;
    }
    return lost;
}

static void add_requests(void *arg, const char *name, uint64_t n)
{
    if (mcr_str_is(MCR_STR("tries"), name) || mcr_str_is(MCR_STR("requests"), name))
        *(double *)arg = (double)n;
}

static double cpu_now(const world *w)
{
    return bench_process_cpu_ns() - bench_server_cpu_ns(w->server);
}

static void die(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

// How the sink is set.
typedef struct setting {
    const char *name;
    int policy;
    int64_t queue;    // 0: as it comes
    size_t in_flight; // of the baseline
} setting;

static const setting settings[] = {
    { "client-go", MCR_KUBE_CLIENT_GO, 0, 1 },
    { "default", MCR_KUBE_DEFAULT, 0, 64 },
    { "default, queue = 64", MCR_KUBE_DEFAULT, 64, 64 },
};

static figures run(const world *w, const setting *s)
{
    mcr_errbuf err;
    mcr_kube_options options = { 0 };
    const mcr_correlator_options correlator = { 0 };
    mcr_sink_kind_find("kube")->defaults(&options);
    options.access.server = bench_server_url(w->server);
    options.policy = s->policy;
    if (s->queue)
        options.queue = s->queue;
    mcr_sink *sink = bench_kube_open(&options);
    mcr_watcher *watcher = mcr_watcher_new("bench");
    mcr_watcher_add_sink_take(watcher, sink);
    mcr_watcher_correlate(watcher, &correlator, s->policy == MCR_KUBE_CLIENT_GO);
    mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){
        .queue = QUEUE, .incoming = QUEUE, .full = MCR_WAIT_IF_CHANNEL_FULL });
    mcr_watch *watch = b ? mcr_broadcaster_watch(b, &err) : NULL;
    mcr_host *host = mcr_host_new("bench-host", &mcr_clock_wall);
    mcr_host_add(host, watcher, watch);
    double cpu = cpu_now(w);
    int64_t wall = mcr_clock_monotonic();
    if (!watch || mcr_host_start(host, &err) != MCR_OK)
        die("the pipeline cannot be started");
    uint64_t lost = record_all(w, b);
    mcr_broadcaster_shutdown(b);
    if (!mcr_host_ends(host, INT64_C(60) * 1000000000))
        die("the pipeline does not come to its end");
    figures f = { .cpu_ns = (cpu_now(w) - cpu) / EVENTS,
                  .wall_ns = (double)(mcr_clock_monotonic() - wall) / EVENTS };
    mcr_watcher_counts counts = mcr_watcher_counts_now(watcher);
    f.passed = counts.routed;
    f.merged = sink->counts.merged;
    f.lost = lost + EVENTS - counts.taken + counts.routed - f.merged - sink->counts.delivered;
    sink->kind->each_note(sink, add_requests, &f.requests);
    mcr_host_join(host);
    mcr_watch_free(watch);
    mcr_broadcaster_free(b);
    mcr_watcher_free(watcher);
    return f;
}

static uint64_t run_setting(const mcr_bench *self, const world *w, const setting *s, int runs)
{
    static const char *const headers[] = { "Content-Type: application/json", NULL };
    size_t m = (size_t)runs;
    double *ours = mcr_alloc(m * 4 * sizeof *ours);
    double *curl = ours + m, *requests = curl + m, *wall = requests + m;
    uint64_t lost = 0;
    figures f = { 0 };
    const bench_curl bare = { .url = w->url.ptr,
                              .headers = headers,
                              .body = mcr_buf_str(&w->answer),
                              .in_flight = s->in_flight };
    for (size_t i = 0; i < m; i++) {
        f = run(w, s);
        bench_cost cost = bench_curl_run(&bare, (size_t)f.requests);
        ours[i] = f.cpu_ns;
        wall[i] = f.wall_ns;
        requests[i] = f.requests;
        curl[i] = cost.cpu_ns * f.requests / EVENTS;
        lost += f.lost + cost.failed;
    }
    double our_ns = bench_median(ours, m), curl_ns = bench_median(curl, m);
    printf("{\"bench\":\"%s\",\"sink\":\"%s\",\"events\":%d,\"passed\":%llu,\"merged\":%llu,"
           "\"requests\":%.0f,\"lost\":%llu,\"runs\":%d,\"ns_per_event\":%.0f,"
           "\"events_per_cpu_s\":%.0f,\"events_per_s\":%.0f,"
           "\"baseline\":\"bare curl multi on libev, its requests alone\","
           "\"baseline_events_per_cpu_s\":%.0f,\"ratio\":%.2f}\n",
           self->name, s->name, EVENTS, (unsigned long long)f.passed, (unsigned long long)f.merged,
           bench_median(requests, m), (unsigned long long)lost, runs, our_ns, 1e9 / our_ns,
           1e9 / bench_median(wall, m), 1e9 / curl_ns, curl_ns / our_ns);
    free(ours);
    return lost;
}

int bench_pipeline(const mcr_bench *self, int runs)
{
    mcr_http_global_init();
    world *w = new_world();
    uint64_t lost = 0;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        lost += run_setting(self, w, &settings[i], runs);
    free_world(w);
    return lost ? 1 : 0;
}
