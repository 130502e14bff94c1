#pragma once
// An HTTP server that does as its test says.

#include "net/http_server.h"
#include "net/sockets.h"

typedef enum manner {
    AT_ONCE,
    LATER,  // the test answers
    STREAM, // a stream begins
    DAMAGED
} manner;

// A server, what it is to do with requests, and what it was asked.
typedef struct world {
    struct ev_loop *loop;
    mcr_http_server *server;
    manner manner;
    mcr_answer_damage damage;
    size_t body_size; // of answers: so many 'q'; 0: an echo of the request
    int asked;
    int too_large;
    mcr_exchange *held; // of LATER and STREAM
    int drained;
    int gone;
    uint32_t body_seen;
} world;

static inline void on_drained(void *self, mcr_exchange *x)
{
    world *w = self;
    assert_ptr_equal(x, w->held);
    assert_int_equal(mcr_stream_waiting(x), 0);
    w->drained++;
}

static inline void on_gone(void *self, mcr_exchange *x)
{
    world *w = self;
    assert_ptr_equal(x, w->held);
    w->held = NULL;
    w->gone++;
}

static inline void answer(world *w, mcr_exchange *x)
{
    mcr_exchange_reply reply = { .status = 200,
                                 .content_type = "text/plain",
                                 .headers = "X-One: 1\nX-Two: 2\n",
                                 .damage = w->damage };
    mcr_str method = mcr_exchange_method(x), target = mcr_exchange_target(x);
    mcr_str body = mcr_exchange_body(x), agent = { 0 };
    bool has_agent = mcr_exchange_header(x, "user-agent", &agent);
    if (w->body_size)
        for (size_t i = 0; i < w->body_size; i++)
            mcr_buf_putc(&reply.body, 'q');
    else
        mcr_buf_printf(&reply.body, "%.*s %.*s [%.*s] %.*s", (int)method.len, method.ptr,
                       (int)target.len, target.ptr, (int)body.len, body.len ? body.ptr : "",
                       has_agent ? (int)agent.len : 4, has_agent ? agent.ptr : "none");
    mcr_exchange_answer(x, &reply);
    assert_int_equal(reply.body.len, 0);
}

static inline void on_request(void *self, mcr_exchange *x)
{
    static const mcr_stream_hooks hooks = { .drained = on_drained, .gone = on_gone };
    world *w = self;
    w->asked++;
    w->body_seen = mcr_exchange_body(x).len;
    if (w->manner == AT_ONCE || w->manner == DAMAGED) {
        answer(w, x);
        return;
    }
    w->held = x;
    if (w->manner == STREAM) {
        mcr_stream_hooks mine = hooks;
        mine.self = w;
        mcr_exchange_stream(x, 200, "application/json", "X-One: 1\n", &mine);
    }
}

static inline void on_too_large(void *self, mcr_exchange *x)
{
    world *w = self;
    w->too_large++;
    assert_int_equal(mcr_exchange_body(x).len, 0);
    mcr_exchange_reply reply = { .status = 413, .content_type = "text/plain" };
    mcr_buf_puts(&reply.body, "far too much");
    mcr_exchange_answer(x, &reply);
}

static inline void world_init(world *w, mcr_http_server_options options)
{
    mcr_errbuf err = { .text = "" };
    *w = (world){ .loop = ev_loop_new(EVFLAG_AUTO) };
    options.listen = "127.0.0.1:0";
    options.request = on_request;
    options.self = w;
    w->server = mcr_http_server_new(w->loop, &options, &err);
    if (!w->server)
        fail_msg("%s", err.text);
}

static inline void world_fini(world *w)
{
    mcr_http_server_free(w->server);
    ev_loop_destroy(w->loop);
}

static inline const char *address_of(const world *w)
{
    return mcr_http_server_address(w->server);
}
