#pragma once
// A loop, a scripted server and a client; one request at a time, with all that its answer said.

#include <ev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "net/http_client.h"
#include "support/scripted_server.h"

#define SECONDS ((int64_t)1000000000)

typedef struct fixture {
    struct ev_loop *loop;
    scripted_server *server;
    mcr_http *http;
} fixture;

// What an answer said, copied.
typedef struct told {
    int times;
    mcr_http_outcome outcome;
    int status;
    char error[512];
    char body[4096];
    size_t body_len;
    char url[512];
    char header[256]; // of the name that was asked for; "(none)"
    const char *header_name;
    size_t header_n;
    struct ev_loop *stop; // broken out of when done
} told;

static inline void note(void *self, const mcr_http_answer *answer)
{
    told *t = self;
    t->times++;
    t->outcome = answer->outcome;
    t->status = answer->status;
    snprintf(t->error, sizeof t->error, "%s", answer->error);
    snprintf(t->url, sizeof t->url, "%.*s", (int)answer->url.len, answer->url.ptr);
    t->body_len = answer->body.len;
    snprintf(t->body, sizeof t->body, "%.*s", (int)answer->body.len,
             answer->body.len ? answer->body.ptr : "");
    mcr_str value;
    if (t->header_name && mcr_http_answer_header(answer, t->header_name, t->header_n, &value))
        snprintf(t->header, sizeof t->header, "%.*s", (int)value.len, value.ptr);
    else
        snprintf(t->header, sizeof t->header, "(none)");
    assert_true(answer->took_ns >= 0);
    if (t->stop)
        ev_break(t->stop, EVBREAK_ALL);
}

static inline fixture fixture_new(const mcr_http_options *options, const scripted_tls *tls)
{
    static const mcr_http_options plain = { .proxy = "" };
    mcr_errbuf err = { .text = "" };
    fixture f = { .loop = ev_loop_new(EVFLAG_AUTO), .server = scripted_server_new(tls) };
    mcr_http_global_init();
    f.http = mcr_http_new(f.loop, options ? options : &plain, &err);
    if (!f.http)
        fail_msg("%s", err.text);
    return f;
}

static inline void fixture_free(fixture *f)
{
    mcr_http_free(f->http);
    scripted_server_free(f->server);
    ev_loop_destroy(f->loop);
}

// "http://127.0.0.1:PORT/path", good until the next call.
static inline const char *at(const fixture *f, const char *path)
{
    static char url[256];
    snprintf(url, sizeof url, "%s%s", scripted_server_url(f->server), path);
    return url;
}

// Sends `request`, fills in what is not set, runs the loop until it has nothing to do.
static inline told ask(fixture *f, mcr_http_request request, const char *header)
{
    told t = { .header_name = header };
    if (!request.method)
        request.method = "GET";
    if (!request.timeout_ns)
        request.timeout_ns = 30 * SECONDS;
    request.done = note;
    request.self = &t;
    mcr_http_send(f->http, &request);
    assert_int_equal(t.times, 0);
    ev_run(f->loop, 0);
    assert_int_equal(t.times, 1);
    return t;
}

static inline void assert_header(const scripted_request *request, const char *name,
                                 const char *value)
{
    char found[512] = "(none)";
    scripted_request_header(request, name, found, sizeof found);
    assert_string_equal(found, value);
}

static inline void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}
