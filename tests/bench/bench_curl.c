#include "bench_curl.h"

#include <curl/curl.h>
#include <ev.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "bench.h"

typedef struct bare {
    const bench_curl *setup;
    CURLM *multi;
    struct ev_loop *loop;
    ev_timer timer;
    ev_prepare reap;
    struct curl_slist *headers;
    CURL **easy;
    size_t to_send, under_way, failed;
} bare;

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    int running;
    bare *b = io->data;
    curl_multi_socket_action(b->multi, io->fd,
                             (events & EV_READ ? CURL_CSELECT_IN : 0) |
                                 (events & EV_WRITE ? CURL_CSELECT_OUT : 0),
                             &running);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    int running;
    bare *b = timer->data;
    curl_multi_socket_action(b->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

static int on_timeout_set(CURLM *multi, long ms, void *self)
{
    (void)multi;
    bare *b = self;
    ev_timer_stop(b->loop, &b->timer);
    if (ms >= 0) {
        ev_timer_set(&b->timer, (double)ms / 1000, 0);
        ev_timer_start(b->loop, &b->timer);
    }
    return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *mine)
{
    (void)easy;
    bare *b = self;
    ev_io *io = mine;
    if (what == CURL_POLL_REMOVE) {
        if (io)
            ev_io_stop(b->loop, io);
        free(io);
        return 0;
    }
    if (!io) {
        io = mcr_zalloc(sizeof *io);
        ev_io_init(io, on_io, fd, 0);
        io->data = b;
        curl_multi_assign(b->multi, fd, io);
    }
    ev_io_stop(b->loop, io);
    ev_io_set(io, fd, (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
    ev_io_start(b->loop, io);
    return 0;
}

static void on_reap(struct ev_loop *loop, ev_prepare *prepare, int events)
{
    (void)events;
    bare *b = prepare->data;
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(b->multi, &left))) {
        CURL *easy = message->easy_handle;
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (message->data.result != CURLE_OK || (status != 200 && status != 201))
            b->failed++;
        curl_multi_remove_handle(b->multi, easy);
        b->under_way--;
        if (b->to_send) {
            b->to_send--;
            b->under_way++;
            curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)b->setup->body.len);
            curl_easy_setopt(easy, CURLOPT_POSTFIELDS, b->setup->body.ptr);
            curl_multi_add_handle(b->multi, easy);
        }
    }
    if (!b->under_way)
        ev_break(loop, EVBREAK_ALL);
}

static size_t discard(char *bytes, size_t one, size_t n, void *self)
{
    (void)bytes;
    (void)self;
    return one * n;
}

static CURL *new_easy(const bare *b)
{
    const bench_curl *setup = b->setup;
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, setup->url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, b->headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     (long)(setup->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, setup->http2 ? 1L : 0L);
    if (setup->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, setup->ca_file);
    return easy;
}

// Sends `n` requests and waits for their answers.
static void send_all(bare *b, size_t n)
{
    b->to_send = n;
    for (size_t i = 0; i < b->setup->in_flight && b->to_send; i++) {
        b->to_send--;
        b->under_way++;
        curl_easy_setopt(b->easy[i], CURLOPT_POSTFIELDSIZE, (long)b->setup->body.len);
        curl_easy_setopt(b->easy[i], CURLOPT_POSTFIELDS, b->setup->body.ptr);
        curl_multi_add_handle(b->multi, b->easy[i]);
    }
    ev_run(b->loop, 0);
}

bench_cost bench_curl_run(const bench_curl *setup, size_t n)
{
    bare b = { .setup = setup, .multi = curl_multi_init(), .loop = ev_loop_new(EVFLAG_AUTO) };
    for (const char *const *header = setup->headers; *header; header++)
        b.headers = curl_slist_append(b.headers, *header);
    ev_timer_init(&b.timer, on_timer, 0, 0);
    ev_prepare_init(&b.reap, on_reap);
    b.timer.data = b.reap.data = &b;
    ev_prepare_start(b.loop, &b.reap);
    curl_multi_setopt(b.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(b.multi, CURLMOPT_SOCKETDATA, &b);
    curl_multi_setopt(b.multi, CURLMOPT_TIMERFUNCTION, on_timeout_set);
    curl_multi_setopt(b.multi, CURLMOPT_TIMERDATA, &b);
    curl_multi_setopt(b.multi, CURLMOPT_MAXCONNECTS, (long)setup->in_flight);
    b.easy = mcr_alloc(setup->in_flight * sizeof(CURL *));
    for (size_t i = 0; i < setup->in_flight; i++)
        b.easy[i] = new_easy(&b);

    send_all(&b, 2 * setup->in_flight);
    double cpu = bench_cpu_ns();
    int64_t wall = mcr_clock_monotonic();
    send_all(&b, n);
    const bench_cost cost = { .cpu_ns = (bench_cpu_ns() - cpu) / (double)n,
                              .wall_ns = (double)(mcr_clock_monotonic() - wall) / (double)n,
                              .failed = b.failed };

    for (size_t i = 0; i < setup->in_flight; i++)
        curl_easy_cleanup(b.easy[i]);
    curl_multi_cleanup(b.multi);
    curl_slist_free_all(b.headers);
    free(b.easy);
    ev_loop_destroy(b.loop);
    return cost;
}
