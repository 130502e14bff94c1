#include "sink/kube_rest.h"

#include <ctype.h>
#include <ev.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/token_bucket.h"
#include "event/encode.h"
#include "sink/go_duration.h"
#include "sink/go_quote.h"
#include "sink/kube_answer.h"

#define SECOND INT64_C(1000000000)

TAILQ_HEAD(call_list, mcr_kube_call);

struct mcr_kube_rest {
    mcr_kube_rest_options options;
    char *server;
    mcr_buf impersonate; // the header, or nothing
    mcr_kube_reader *reader;
    struct call_list calls;
    struct call_list limited; // wait for a token of the bucket, in order
    mcr_token_bucket bucket;
    ev_timer limiter;
};

struct mcr_kube_call {
    mcr_kube_rest *rest;
    TAILQ_ENTRY(mcr_kube_call) in_calls;
    TAILQ_ENTRY(mcr_kube_call) in_limited;
    bool limited;
    bool post;
    mcr_event *ev;
    mcr_buf url;
    mcr_buf header; // Authorization
    mcr_buf body;
    mcr_http_call *http; // NULL: none under way
    ev_timer timer;      // a sleep for Retry-After, or the end of what never began
    char *failure;       // why it never will begin
    mcr_http_outcome failure_outcome;
    int sleeps;
    mcr_kube_done *done;
    void *self;
};

static void take_turn(mcr_kube_call *call);
static void serve_limited(mcr_kube_rest *rest);

static void on_limiter(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    serve_limited(timer->data);
}

mcr_kube_rest *mcr_kube_rest_new(const mcr_kube_rest_options *options)
{
    mcr_kube_rest *rest = mcr_zalloc(sizeof *rest);
    rest->options = *options;
    rest->server = mcr_strdup(options->server);
    if (options->impersonate)
        mcr_buf_printf(&rest->impersonate, "Impersonate-User: %s", options->impersonate);
    rest->reader = mcr_kube_reader_new();
    TAILQ_INIT(&rest->calls);
    TAILQ_INIT(&rest->limited);
    if (options->qps > 0)
        mcr_token_bucket_fill(&rest->bucket, options->burst, mcr_clock_now(options->clock));
    ev_timer_init(&rest->limiter, on_limiter, 0, 0);
    rest->limiter.data = rest;
    return rest;
}

static void free_call(mcr_kube_call *call)
{
    mcr_kube_rest *rest = call->rest;
    TAILQ_REMOVE(&rest->calls, call, in_calls);
    if (call->limited)
        TAILQ_REMOVE(&rest->limited, call, in_limited);
    ev_timer_stop(rest->options.loop, &call->timer);
    mcr_event_unref(call->ev);
    mcr_buf_fini(&call->url);
    mcr_buf_fini(&call->header);
    mcr_buf_fini(&call->body);
    free(call->failure);
    free(call);
}

void mcr_kube_cancel(mcr_kube_call *call)
{
    if (call->http)
        mcr_http_cancel(call->http);
    if (call->rest->options.credentials)
        mcr_credentials_forget(call->rest->options.credentials, call);
    free_call(call);
}

void mcr_kube_rest_free(mcr_kube_rest *rest)
{
    if (!rest)
        return;
    for (mcr_kube_call *call = TAILQ_FIRST(&rest->calls), *next; call; call = next) {
        next = TAILQ_NEXT(call, in_calls);
        mcr_kube_cancel(call);
    }
    ev_timer_stop(rest->options.loop, &rest->limiter);
    mcr_kube_reader_free(rest->reader);
    mcr_buf_fini(&rest->impersonate);
    free(rest->server);
    free(rest);
}

static void start_timer(mcr_kube_rest *rest, ev_timer *timer, int64_t ns)
{
    ev_now_update(rest->options.loop);
    ev_timer_stop(rest->options.loop, timer);
    ev_timer_set(timer, ns > 0 ? (double)ns / (double)SECOND : 0, 0);
    ev_timer_start(rest->options.loop, timer);
}

// Tells the user, for whom the call is over.
static void finish(mcr_kube_call *call, const mcr_kube_result *result)
{
    mcr_kube_done *done = call->done;
    void *self = call->self;
    free_call(call);
    done(self, result);
}

static void fail_later(mcr_kube_call *call, mcr_http_outcome outcome, const char *why)
{
    call->failure = mcr_strdup(why);
    call->failure_outcome = outcome;
    start_timer(call->rest, &call->timer, 0);
}

static void on_call_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    mcr_kube_call *call = timer->data;
    if (!call->failure) {
        take_turn(call);
        return;
    }
    char *why = call->failure;
    call->failure = NULL;
    mcr_kube_result result;
    mcr_kube_read_nothing(call->failure_outcome, mcr_str_of(why), &result);
    finish(call, &result);
    free(why);
}

// As client-go: only these codes, and only so many times.
static bool is_asked_again(const mcr_kube_call *call, const mcr_kube_result *result)
{
    return !result->ok && call->sleeps < call->rest->options.retry_after &&
           result->retry_after_ns >= 0 &&
           (result->http_status == 429 || result->http_status >= 500);
}

static void on_answer(void *self, const mcr_http_answer *answer)
{
    mcr_kube_call *call = self;
    mcr_kube_rest *rest = call->rest;
    call->http = NULL;
    mcr_kube_result result;
    mcr_kube_read(rest->reader, answer, call->post ? MCR_STR("") : call->ev->metadata.name,
                  &result);
    if (!is_asked_again(call, &result)) {
        finish(call, &result);
        return;
    }
    call->sleeps++;
    int64_t ns = result.retry_after_ns;
    if (rest->options.sleep)
        ns = rest->options.sleep(rest->options.sleep_self, ns);
    start_timer(rest, &call->timer, ns);
}

static void send_request(void *self)
{
    mcr_kube_call *call = self;
    const mcr_kube_rest_options *o = &call->rest->options;
    call->header.len = 0;
    mcr_errbuf err;
    if (o->credentials) {
        switch (mcr_credentials_get(o->credentials, &call->header, send_request, call, &err)) {
        case MCR_CREDENTIALS_READY:
            break;
        case MCR_CREDENTIALS_WAIT:
            return;
        case MCR_CREDENTIALS_FAILED:
            fail_later(call, MCR_HTTP_UNREACHED, err.text);
            return;
        }
    }
    mcr_str headers[4] = {
        MCR_STR("Accept: application/json, */*"),
        call->post ? MCR_STR("Content-Type: application/json")
                   : MCR_STR("Content-Type: application/strategic-merge-patch+json"),
    };
    size_t n = 2;
    if (call->header.len)
        headers[n++] = mcr_buf_str(&call->header);
    if (call->rest->impersonate.len)
        headers[n++] = mcr_buf_str(&call->rest->impersonate);
    mcr_http_request request = {
        .method = call->post ? "POST" : "PATCH",
        .url = mcr_buf_cstr(&call->url),
        .headers = headers,
        .n_headers = n,
        .body = mcr_buf_str(&call->body),
        .timeout_ns = o->timeout_ns,
        .redirects = o->redirects,
        .done = on_answer,
        .self = call,
    };
    call->http = mcr_http_send(o->http, &request);
}

// Sends those there is a token for; the timer comes back for the others.
static void serve_limited(mcr_kube_rest *rest)
{
    const mcr_kube_rest_options *o = &rest->options;
    int64_t now = mcr_clock_now(o->clock);
    mcr_kube_call *call;
    while ((call = TAILQ_FIRST(&rest->limited))) {
        if (!mcr_token_bucket_take(&rest->bucket, o->qps, o->burst, now)) {
            double ns = (1 - rest->bucket.tokens) / o->qps * (double)SECOND;
            int64_t wait = rest->bucket.last + (int64_t)(ns < 1e18 ? ns : 1e18) + 1 - now;
            start_timer(rest, &rest->limiter, wait);
            return;
        }
        TAILQ_REMOVE(&rest->limited, call, in_limited);
        call->limited = false;
        send_request(call);
    }
}

static void take_turn(mcr_kube_call *call)
{
    mcr_kube_rest *rest = call->rest;
    if (rest->options.qps <= 0) {
        send_request(call);
        return;
    }
    TAILQ_INSERT_TAIL(&rest->limited, call, in_limited);
    call->limited = true;
    serve_limited(rest);
}

// What Go's url.URL leaves as it is in a path.
static bool is_path_char(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("-_.~$&+,:;=@", c));
}

static void add_segment(mcr_buf *url, mcr_str s)
{
    for (uint32_t i = 0; i < s.len; i++) {
        if (is_path_char(s.ptr[i]))
            mcr_buf_putc(url, s.ptr[i]);
        else
            mcr_buf_printf(url, "%%%02X", (unsigned char)s.ptr[i]);
    }
}

// True: it cannot be a part of a path; `why` says so as client-go does.
static bool is_no_segment(mcr_str s, const char *what, mcr_buf *why)
{
    const char *problems[2] = { NULL, NULL };
    int n = 0;
    if (mcr_str_is(s, "."))
        problems[n++] = "may not be '.'";
    else if (mcr_str_is(s, ".."))
        problems[n++] = "may not be '..'";
    if (s.len && memchr(s.ptr, '/', s.len))
        problems[n++] = "may not contain '/'";
    if (s.len && memchr(s.ptr, '%', s.len))
        problems[n++] = "may not contain '%'";
    if (!n)
        return false;
    mcr_buf_printf(why, "invalid %s \"", what);
    mcr_go_escape(why, s, true);
    mcr_buf_printf(why, "\": [%s%s%s]", problems[0], n > 1 ? " " : "", n > 1 ? problems[1] : "");
    return true;
}

static bool has_no_url(const mcr_kube_call *call, mcr_buf *why)
{
    const mcr_object_meta *meta = &call->ev->metadata;
    const char *only = call->rest->options.namespace;
    if (only && !mcr_str_is(meta->namespace, only)) {
        mcr_buf_printf(why, "can't %s an event with namespace '%.*s' in namespace '%s'",
                       call->post ? "create" : "patch", (int)meta->namespace.len,
                       meta->namespace.ptr ? meta->namespace.ptr : "", only);
        return true;
    }
    if (meta->namespace.len && is_no_segment(meta->namespace, "namespace", why))
        return true;
    if (call->post)
        return false;
    if (meta->name.len)
        return is_no_segment(meta->name, "resource name", why);
    mcr_buf_puts(why, "resource name may not be empty");
    return true;
}

static void write_url(mcr_kube_call *call)
{
    const mcr_object_meta *meta = &call->ev->metadata;
    mcr_buf *url = &call->url;
    mcr_buf_puts(url, call->rest->server);
    mcr_buf_puts(url, "/api/v1");
    if (meta->namespace.len) {
        mcr_buf_puts(url, "/namespaces/");
        add_segment(url, meta->namespace);
    }
    mcr_buf_puts(url, "/events");
    if (!call->post) {
        mcr_buf_putc(url, '/');
        add_segment(url, meta->name);
    }
    if (call->rest->options.told_timeout_ns > 0) {
        mcr_buf_puts(url, "?timeout=");
        mcr_buf duration = { 0 };
        mcr_go_duration(&duration, call->rest->options.told_timeout_ns);
        add_segment(url, mcr_buf_str(&duration));
        mcr_buf_fini(&duration);
    }
}

static mcr_kube_call *new_call(mcr_kube_rest *rest, mcr_event *ev, bool post, mcr_kube_done *done,
                               void *self)
{
    mcr_kube_call *call = mcr_zalloc(sizeof *call);
    call->rest = rest;
    call->post = post;
    call->ev = mcr_event_ref(ev);
    call->done = done;
    call->self = self;
    ev_timer_init(&call->timer, on_call_timer, 0, 0);
    call->timer.data = call;
    TAILQ_INSERT_TAIL(&rest->calls, call, in_calls);
    return call;
}

static void begin(mcr_kube_call *call)
{
    mcr_buf why = { 0 };
    if (has_no_url(call, &why)) {
        fail_later(call, MCR_HTTP_BAD_URL, mcr_buf_cstr(&why));
    } else {
        write_url(call);
        take_turn(call);
    }
    mcr_buf_fini(&why);
}

static void write_event(mcr_buf *out, const mcr_event *ev)
{
    if (!ev->metadata.resourceVersion.len) {
        mcr_event_encode(out, ev, false);
        return;
    }
    // The server makes resource versions; an event that has one cannot be created.
    mcr_event without = { 0 };
    mcr_event_copy_fields(&without, ev);
    without.metadata.resourceVersion = MCR_STR("");
    mcr_event_encode(out, &without, false);
}

mcr_kube_call *mcr_kube_create(mcr_kube_rest *rest, mcr_event *ev, mcr_kube_done *done, void *self)
{
    mcr_kube_call *call = new_call(rest, ev, true, done, self);
    write_event(&call->body, ev);
    mcr_buf_putc(&call->body, '\n');
    begin(call);
    return call;
}

mcr_kube_call *mcr_kube_patch(mcr_kube_rest *rest, mcr_event *ev, mcr_str patch,
                              mcr_kube_done *done, void *self)
{
    mcr_kube_call *call = new_call(rest, ev, false, done, self);
    mcr_buf_add(&call->body, patch);
    begin(call);
    return call;
}
