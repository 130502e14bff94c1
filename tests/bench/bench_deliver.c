// 1 KB POSTs, 32 in flight, through net/http_client.h and through curl multi on libev with nothing
// around it, in turns. deliver-http: HTTP/1.1 to a trivial server in a thread of this process.
// deliver-http-h2: HTTP/2 by TLS to nghttpd. CPU time of this thread; the ratio is how many
// requests the client makes in the time bare curl takes for one.

#include "bench_deliver.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "bench_curl.h"
#include "bench_server.h"
#include "net/http_client.h"
#include "support/nghttpd.h"

enum {
    BODY = 1024,
    IN_FLIGHT = 32,
    REQUESTS = 20000,   // a run
    REQUESTS_H2 = 8000, // the same by HTTP/2
    HEADERS = 3
};

static const char *const header_lines[HEADERS + 1] = { "Content-Type: application/json",
                                                       "Accept: application/json, */*",
                                                       "Authorization: Bearer 0123456789abcdef",
                                                       NULL };

typedef struct sender {
    mcr_http *http;
    mcr_http_request request;
    size_t to_send, failed;
} sender;

static void on_answer(void *self, const mcr_http_answer *answer)
{
    sender *s = self;
    if (answer->outcome != MCR_HTTP_ANSWERED || (answer->status != 200 && answer->status != 201))
        s->failed++;
    if (s->to_send) {
        s->to_send--;
        mcr_http_send(s->http, &s->request);
    }
}

static void send_all(sender *s, struct ev_loop *loop, size_t in_flight, size_t n)
{
    s->to_send = n - in_flight;
    for (size_t i = 0; i < in_flight; i++)
        mcr_http_send(s->http, &s->request);
    ev_run(loop, 0);
}

static bench_cost run_client(const bench_curl *setup, size_t n)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    mcr_errbuf err;
    const mcr_http_options options = { .http2 = setup->http2, .tls.ca_file = setup->ca_file };
    mcr_str headers[HEADERS];
    for (size_t i = 0; i < HEADERS; i++)
        headers[i] = mcr_str_of(setup->headers[i]);
    sender s = { .http = mcr_http_new(loop, &options, &err) };
    if (!s.http) {
        fprintf(stderr, "bench: %s\n", err.text);
        exit(1);
    }
    s.request = (mcr_http_request){ .method = "POST",
                                    .url = setup->url,
                                    .headers = headers,
                                    .n_headers = HEADERS,
                                    .body = setup->body,
                                    .timeout_ns = (int64_t)60 * 1000000000,
                                    .redirects = MCR_HTTP_REDIRECTS_GO,
                                    .done = on_answer,
                                    .self = &s };
    send_all(&s, loop, setup->in_flight, 2 * setup->in_flight);
    double cpu = bench_cpu_ns();
    int64_t wall = mcr_clock_monotonic();
    send_all(&s, loop, setup->in_flight, n);
    const bench_cost cost = { .cpu_ns = (bench_cpu_ns() - cpu) / (double)n,
                              .wall_ns = (double)(mcr_clock_monotonic() - wall) / (double)n,
                              .failed = s.failed };
    mcr_http_free(s.http);
    ev_loop_destroy(loop);
    return cost;
}

static int compare(const char *name, const bench_curl *setup, size_t n, int runs)
{
    double *ours = mcr_alloc((size_t)runs * 4 * sizeof *ours);
    double *bare = ours + runs, *ratio = bare + runs, *wall_ratio = ratio + runs;
    size_t failed = 0;
    for (int i = 0; i < runs; i++) {
        bench_cost client = run_client(setup, n), curl = bench_curl_run(setup, n);
        ours[i] = client.cpu_ns;
        bare[i] = curl.cpu_ns;
        ratio[i] = curl.cpu_ns / client.cpu_ns;
        wall_ratio[i] = curl.wall_ns / client.wall_ns;
        failed += client.failed + curl.failed;
    }
    size_t m = (size_t)runs;
    double our_ns = bench_median(ours, m), bare_ns = bench_median(bare, m);
    printf("{\"bench\":\"%s\",\"requests\":%zu,\"in_flight\":%zu,\"bytes\":%d,\"runs\":%d,"
           "\"us_per_request\":%.2f,\"requests_per_cpu_s\":%.0f,\"failed\":%zu,"
           "\"baseline\":\"bare curl multi on libev\",\"baseline_requests_per_cpu_s\":%.0f,"
           "\"ratio\":%.2f,\"wall_ratio\":%.2f}\n",
           name, n, setup->in_flight, BODY, runs, our_ns / 1e3, 1e9 / our_ns, failed, 1e9 / bare_ns,
           bench_median(ratio, m), bench_median(wall_ratio, m));
    free(ours);
    return failed ? 1 : 0;
}

static int http2(const char *name, bench_curl *setup, int runs)
{
    nghttpd server;
    mcr_buf url = { 0 };
    setup->ca_file = MCR_SOURCE_DIR "/tests/data/tls/ca.pem";
    setup->http2 = true;
    if (!nghttpd_start(&server, MCR_SOURCE_DIR "/tests/data/tls/server.pem",
                       MCR_SOURCE_DIR "/tests/data/tls/server-key.pem")) {
        printf("{\"bench\":\"%s\",\"skipped\":\"no nghttpd\"}\n", name);
        return 0;
    }
    mcr_buf_printf(&url, "%s/events", server.url);
    setup->url = mcr_buf_cstr(&url);
    int code = compare(name, setup, REQUESTS_H2, runs);
    nghttpd_stop(&server);
    mcr_buf_fini(&url);
    return code;
}

static int http1(const char *name, bench_curl *setup, int runs)
{
    mcr_buf url = { 0 };
    bench_server *server = bench_server_start("201 Created", "{\"kind\":\"Event\"}");
    mcr_buf_printf(&url, "%s/api/v1/namespaces/default/events", bench_server_url(server));
    setup->url = mcr_buf_cstr(&url);
    int code = compare(name, setup, REQUESTS, runs);
    bench_server_stop(server);
    mcr_buf_fini(&url);
    return code;
}

int bench_deliver(const mcr_bench *self, int runs)
{
    char *body = mcr_alloc(BODY);
    memset(body, 'x', BODY);
    bench_curl setup = { .headers = header_lines,
                         .body = mcr_str_n(body, BODY),
                         .in_flight = IN_FLIGHT };
    mcr_http_global_init();
    int code = strcmp(self->name, "deliver-http-h2") == 0 ? http2(self->name, &setup, runs)
                                                          : http1(self->name, &setup, runs);
    free(body);
    return code;
}
