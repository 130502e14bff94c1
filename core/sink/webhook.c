#include "sink/webhook.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/log.h"
#include "net/base64.h"
#include "net/http_client.h"
#include "net/token_file.h"
#include "sink/batch.h"
#include "sink/deliveries.h"
#include "sink/gzip.h"
#include "sink/kinds.h"
#include "sink/webhook_options.h"
#include "sink/webhook_request.h"
#include "sink/webhook_writer.h"

enum {
    KEY_MAX = 600
};

typedef struct webhook webhook;

// What a job sends: its user.
typedef struct request {
    webhook *sink;
    mcr_job *job;
    mcr_buf target;
    mcr_buf body;
    size_t *ends; // of each event's, in the body before it was compressed; NULL: there is one event
    mcr_http_call *call;  // NULL: not under way
    struct request *next; // among those that cannot be sent
    mcr_buf unsent;       // why
} request;

struct webhook {
    mcr_sink sink;
    const mcr_webhook_options *o; // the owner's, until close
    mcr_webhook_writer *writer;
    mcr_statuses again;
    const mcr_clock *clock;
    const mcr_random *random;
    mcr_token_file bearer;
    mcr_http *http; // NULL: nothing can be sent, see `broken`
    mcr_errbuf broken;
    struct ev_loop *loop;
    mcr_deliveries *deliveries;
    mcr_batches *batches;
    mcr_delivery_counts last_counts; // as they were at stop
    request *unsent;                 // their tries end when the loop comes round
    request *ending;                 // those of which this is happening
    ev_timer round;
    mcr_buf key; // of the event at hand
    mcr_batch_limits limits;
    uint64_t batches_closed;
    uint64_t batches_split;
};

static int64_t steady_now(void *self)
{
    (void)self;
    return mcr_clock_monotonic();
}

static const mcr_clock steady = { steady_now, NULL };

static mcr_http_tls tls_of(const mcr_webhook_options *o)
{
    return (mcr_http_tls){ .ca_file = o->ca,
                           .cert_file = o->cert,
                           .key_file = o->key,
                           .server_name = o->server_name,
                           .insecure = o->insecure };
}

static mcr_sink *open_webhook(const void *options, mcr_errbuf *err)
{
    const mcr_webhook_options *o = options;
    if (mcr_webhook_check(o, err))
        return NULL;
    mcr_http_global_init();
    webhook *w = mcr_zalloc(sizeof *w);
    w->sink.kind = &mcr_sink_kind_webhook;
    w->o = o;
    w->writer = mcr_webhook_writer_new(o);
    w->limits = mcr_webhook_limits(o);
    mcr_statuses_read(&w->again, &o->statuses, MCR_WEBHOOK_AGAIN, err);
    w->clock = o->clock ? o->clock : &steady;
    w->random = o->random ? o->random : &mcr_random_system;
    mcr_token_file_init(&w->bearer, o->bearer_file);
    mcr_errf(&w->broken, MCR_ESTOPPED, "it was not started: there is no loop");
    return &w->sink;
}

static void free_request(void *self, void *user)
{
    (void)self;
    request *r = user;
    mcr_buf_fini(&r->target);
    mcr_buf_fini(&r->body);
    mcr_buf_fini(&r->unsent);
    free(r->ends);
    free(r);
}

// The Authorization header of the options, if this request gets one. False: the reason is in `why`.
static bool authorize(webhook *w, mcr_str target, mcr_buf *header, mcr_errbuf *why)
{
    const mcr_webhook_options *o = w->o;
    if ((!o->bearer && !o->bearer_file && !o->user) || !mcr_webhook_own_server(o, target))
        return true;
    if (o->user) {
        mcr_buf pair = { 0 };
        mcr_buf_printf(&pair, "%s:%s", o->user, o->password ? o->password : "");
        mcr_buf_puts(header, "Authorization: Basic ");
        mcr_base64_encode(header, mcr_buf_str(&pair));
        mcr_buf_fini(&pair);
        return true;
    }
    mcr_str token = mcr_str_of(o->bearer);
    if (o->bearer_file &&
        mcr_token_file_get(&w->bearer, mcr_clock_now(&mcr_clock_wall), &token, why))
        return false;
    mcr_token_trim(&token);
    mcr_buf_puts(header, "Authorization: Bearer ");
    mcr_buf_add(header, token);
    return true;
}

static void on_answer(void *self, const mcr_http_answer *answer);

static void send_request(void *self, mcr_job *job)
{
    webhook *w = self;
    request *r = mcr_job_user(job);
    mcr_buf authorization = { 0 }, words = { 0 };
    mcr_str lines[MCR_WEBHOOK_HEADERS_MAX], target = mcr_buf_str(&r->target);
    mcr_errbuf why;
    r->job = job;
    if (!authorize(w, target, &authorization, &why)) {
        r->unsent.len = 0;
        mcr_buf_puts(&r->unsent, why.text);
        r->next = w->unsent;
        w->unsent = r;
        ev_timer_start(w->loop, &w->round);
        return;
    }
    size_t line = (size_t)((const char *)memchr(target.ptr, '\n', target.len) - target.ptr);
    mcr_buf_append(&words, target.ptr, line);
    mcr_buf_cstr(&words);
    char *space = memchr(words.ptr, ' ', words.len);
    *space = '\0';
    r->call =
        mcr_http_send(w->http, &(mcr_http_request){
                                   .method = words.ptr,
                                   .url = space + 1,
                                   .headers = lines,
                                   .n_headers = mcr_webhook_header_lines(
                                       target, mcr_buf_str(&authorization), w->o->gzip, lines),
                                   .body = mcr_buf_str(&r->body),
                                   .timeout_ns = w->o->timeout,
                                   .redirects = MCR_HTTP_REDIRECTS_KEEP,
                                   .done = on_answer,
                                   .self = r,
                               });
    if (authorization.ptr)
        explicit_bzero(authorization.ptr, authorization.cap);
    mcr_buf_fini(&authorization);
    mcr_buf_fini(&words);
}

static void on_round(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    webhook *w = timer->data;
    w->ending = w->unsent;
    w->unsent = NULL;
    // The end of one try may begin others, and end those that are late.
    while (w->ending) {
        request *r = w->ending;
        w->ending = r->next;
        r->next = NULL;
        mcr_job_no_server(r->job, -1, mcr_buf_cstr(&r->unsent));
    }
}

static void take_out(request **list, request *r)
{
    for (; *list; list = &(*list)->next)
        if (*list == r) {
            *list = r->next;
            return;
        }
}

static void cancel_request(void *self, mcr_job *job)
{
    webhook *w = self;
    request *r = mcr_job_user(job);
    if (r->call)
        mcr_http_cancel(r->call);
    r->call = NULL;
    take_out(&w->unsent, r);
    take_out(&w->ending, r);
}

static bool contains(mcr_str text, const char *part)
{
    return !part || memmem(text.ptr, text.len, part, strlen(part));
}

// Whether the server took it. A status of success that came is that also when the body was lost.
static bool is_success(const webhook *w, const mcr_http_answer *answer)
{
    return answer->status >= 200 && answer->status < 300 &&
           (w->o->expect
                ? answer->outcome == MCR_HTTP_ANSWERED && contains(answer->body, w->o->expect)
                : true);
}

static bool is_worth_another_try(webhook *w, const mcr_http_answer *answer)
{
    if (answer->outcome == MCR_HTTP_BAD_URL)
        return false;
    if (!answer->status || (answer->status < 300 && answer->outcome != MCR_HTTP_ANSWERED))
        return true;
    if (answer->status == 401 && w->o->bearer_file) {
        mcr_token_file_refused(&w->bearer);
        return true;
    }
    return mcr_statuses_has(&w->again, answer->status);
}

// It says nothing of the events: the same would have become of any others.
static bool found_no_server(const mcr_http_answer *answer)
{
    int status = answer->status;
    return !status || status == 401 || status == 429 || (status >= 502 && status <= 504);
}

// Becomes the owner of `body` and `ends`.
static void set_body(request *r, mcr_buf *body, size_t *ends, size_t n)
{
    mcr_buf_fini(&r->body);
    r->body = (mcr_buf){ 0 };
    if (r->sink->o->gzip) {
        mcr_gzip(&r->body, mcr_buf_str(body));
        mcr_buf_fini(body);
    } else {
        r->body = *body;
    }
    free(r->ends);
    r->ends = n > 1 ? ends : NULL;
    if (n == 1)
        free(ends);
}

// Some of its events are refused, perhaps one: each half is sent by itself.
static void split(request *r)
{
    webhook *w = r->sink;
    size_t n, first;
    mcr_job_events(r->job, &n);
    first = n / 2;
    mcr_buf plain = { 0 };
    if (w->o->gzip)
        mcr_gunzip(&plain, mcr_buf_str(&r->body), r->ends[n - 1] + w->limits.suffix.len);
    else
        mcr_buf_add(&plain, mcr_buf_str(&r->body));
    mcr_buf parts[2] = { { 0 } };
    size_t *ends[2] = { mcr_alloc(first * sizeof(size_t)),
                        mcr_alloc((n - first) * sizeof(size_t)) };
    mcr_str whole = mcr_buf_str(&plain);
    mcr_batch_part(&w->limits, whole, r->ends, 0, first, &parts[0], ends[0]);
    mcr_batch_part(&w->limits, whole, r->ends, first, n - first, &parts[1], ends[1]);
    mcr_buf_fini(&plain);
    request *rest = mcr_zalloc(sizeof *rest);
    rest->sink = w;
    mcr_buf_add(&rest->target, mcr_buf_str(&r->target));
    set_body(r, &parts[0], ends[0], first);
    set_body(rest, &parts[1], ends[1], n - first);
    w->batches_split++;
    mcr_job_split(r->job, first, rest);
}

static void on_answer(void *self, const mcr_http_answer *answer)
{
    request *r = self;
    webhook *w = r->sink;
    r->call = NULL;
    if (is_success(w, answer)) {
        mcr_job_delivered(r->job);
        return;
    }
    mcr_str token = mcr_buf_str(&w->bearer.token);
    mcr_buf reason = { 0 }, token_text = { 0 };
    mcr_buf_add(&token_text, token);
    mcr_buf_cstr(&token_text);
    const char *const given[] = { w->o->bearer, w->o->password, token_text.ptr };
    const char *secrets[4] = { NULL };
    size_t n = 0;
    for (size_t i = 0; i < 3; i++)
        if (given[i] && *given[i])
            secrets[n++] = given[i];
    size_t same = mcr_webhook_reason(&reason, mcr_buf_str(&r->target), answer, secrets);
    mcr_buf_fini(&token_text);
    mcr_buf_cstr(&reason);
    char cause[512];
    snprintf(cause, sizeof cause, "%.*s", (int)same, reason.ptr);
    mcr_job_set_cause(r->job, cause);
    int64_t after = mcr_webhook_retry_after(answer, mcr_clock_now(&mcr_clock_wall));
    bool again = is_worth_another_try(w, answer);
    if (again && found_no_server(answer))
        mcr_job_no_server(r->job, after, reason.ptr);
    else if (again)
        mcr_job_again(r->job, after, reason.ptr);
    else if (mcr_webhook_is_about_the_body(answer->status) && r->ends)
        split(r);
    else
        mcr_job_failed(r->job, reason.ptr);
    mcr_buf_fini(&reason);
}

// The requests of one event, or all of one target, in order.
static mcr_str key_of(webhook *w, const mcr_batch *batch)
{
    if (!w->o->ordered)
        return (mcr_str){ 0 };
    if (w->o->batch_events > 1)
        return batch->target;
    const mcr_object_meta *meta = &batch->events[0]->metadata;
    w->key.len = 0;
    if (meta->name.len && meta->namespace.len + meta->name.len < KEY_MAX) {
        mcr_buf_add(&w->key, meta->namespace);
        mcr_buf_putc(&w->key, '/');
        mcr_buf_add(&w->key, meta->name);
    }
    return mcr_buf_str(&w->key);
}

static void on_batch(void *self, mcr_batch *batch)
{
    webhook *w = self;
    request *r = mcr_zalloc(sizeof *r);
    r->sink = w;
    mcr_buf_add(&r->target, batch->target);
    set_body(r, &batch->body, batch->ends, batch->n);
    batch->body = (mcr_buf){ 0 };
    batch->ends = NULL;
    w->batches_closed++;
    mcr_deliveries_add(w->deliveries, key_of(w, batch), batch->events, batch->n, r);
}

static void start(mcr_sink *sink, struct ev_loop *loop)
{
    webhook *w = (webhook *)sink;
    const mcr_webhook_options *o = w->o;
    w->http = mcr_http_new(loop,
                           &(mcr_http_options){
                               .tls = tls_of(o),
                               .proxy = o->proxy,
                               .http2 = o->http2,
                               .connections = (uint32_t)o->max_in_flight,
                           },
                           &w->broken);
    if (!w->http) {
        mcr_log(MCR_LOG_ERROR, "sink '%s': %s", sink->name, w->broken.text);
        return;
    }
    if (o->insecure)
        mcr_log(MCR_LOG_WARN,
                "sink '%s': tls.insecure: anybody may answer as the server and read what is sent",
                sink->name);
    w->loop = loop;
    ev_timer_init(&w->round, on_round, 0., 0.);
    w->round.data = w;
    mcr_delivery_options deliveries = {
        .in_flight = o->max_in_flight,
        .queue = o->queue,
        .attempts = o->attempts,
        .wait = o->wait,
        .max_wait = o->max_wait,
        .deadline = o->deadline,
        .rate = o->rate,
        .burst = o->burst,
    };
    mcr_deliveries_hooks hooks = {
        .self = w, .send = send_request, .cancel = cancel_request, .free_user = free_request
    };
    w->deliveries = mcr_deliveries_new(sink, loop, &deliveries, &hooks, w->clock, w->random);
    w->batches = mcr_batches_new(&w->limits, on_batch, w);
}

static size_t room(const mcr_sink *sink)
{
    const webhook *w = (const webhook *)sink;
    if (!w->deliveries)
        return SIZE_MAX;
    size_t left = mcr_deliveries_room(w->deliveries), open = mcr_batches_events(w->batches);
    return left > open ? left - open : 0;
}

static void write_one(webhook *w, mcr_event *ev, int64_t now)
{
    mcr_webhook_written written;
    mcr_errbuf why;
    switch (mcr_webhook_writer_write(w->writer, &w->sink, ev, &written, &why)) {
    case MCR_RENDER_SUPPRESS:
        mcr_sink_tell(&w->sink, "suppressed", &ev, 1);
        w->sink.counts.suppressed++;
        w->sink.counts.in_flight--;
        return;
    case MCR_RENDER_FAILED:
        mcr_sink_refuse(&w->sink, ev, why.text);
        return;
    case MCR_RENDER_NONE:
    case MCR_RENDER_DONE:
        mcr_batches_add(w->batches, written.target, ev, written.body, now);
    }
}

static void write_events(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now)
{
    webhook *w = (webhook *)sink;
    size_t taken = n;
    if (w->deliveries) {
        taken = mcr_sink_assign(sink, events, n, w->o->queue);
    } else {
        sink->counts.assigned += n;
        sink->counts.in_flight += n;
    }
    for (size_t i = 0; i < taken; i++) {
        if (w->deliveries)
            write_one(w, events[i], now);
        else
            mcr_sink_give_up(sink, events[i], w->broken.text);
    }
}

static int64_t tick(mcr_sink *sink, int64_t now)
{
    webhook *w = (webhook *)sink;
    return w->batches ? mcr_batches_due(w->batches, now) : 0;
}

// Batches wait for company until their time is over; that they need not, drain says.
static void flush(mcr_sink *sink, int64_t now)
{
    tick(sink, now);
}

static void reopen(mcr_sink *sink)
{
    webhook *w = (webhook *)sink;
    mcr_http_tls tls = tls_of(w->o);
    mcr_errbuf why;
    mcr_token_file_refused(&w->bearer);
    if (w->http && mcr_http_set_tls(w->http, &tls, &why))
        mcr_log(MCR_LOG_ERROR, "sink '%s': %s; the certificates read before are used on",
                sink->name, why.text);
}

static void drain(mcr_sink *sink, int64_t now)
{
    (void)now;
    webhook *w = (webhook *)sink;
    if (!w->deliveries)
        return;
    mcr_batches_flush(w->batches);
    mcr_deliveries_drain(w->deliveries);
}

static void each_note(const mcr_sink *sink, mcr_sink_note *note, void *arg)
{
    const webhook *w = (const webhook *)sink;
    mcr_delivery_counts counts = w->last_counts;
    if (w->deliveries)
        counts = mcr_deliveries_counts(w->deliveries);
    note(arg, "turned_away", sink->turned_away);
    note(arg, "batches", w->batches_closed);
    note(arg, "batches_split", w->batches_split);
    note(arg, "tries", counts.tries);
    note(arg, "retries", counts.retries);
}

static void stop(mcr_sink *sink)
{
    webhook *w = (webhook *)sink;
    if (w->deliveries) {
        mcr_batches_flush(w->batches);
        w->last_counts = mcr_deliveries_counts(w->deliveries);
        mcr_deliveries_free(w->deliveries);
        mcr_batches_free(w->batches);
        ev_timer_stop(w->loop, &w->round);
        snprintf(w->broken.text, sizeof w->broken.text, "the sink was stopped");
    }
    w->deliveries = NULL;
    w->batches = NULL;
    mcr_http_free(w->http);
    w->http = NULL;
}

static void close_webhook(mcr_sink *sink)
{
    webhook *w = (webhook *)sink;
    stop(sink);
    mcr_token_file_fini(&w->bearer);
    mcr_webhook_writer_free(w->writer);
    mcr_buf_fini(&w->key);
    free(w);
}

const mcr_sink_kind mcr_sink_kind_webhook = {
    .name = "webhook",
    .doc = "sends events to an HTTP server",
    .renders = true,
    .options = mcr_webhook_option_list,
    .options_size = sizeof(mcr_webhook_options),
    .defaults = mcr_webhook_defaults,
    .check = mcr_webhook_check,
    .open = open_webhook,
    .start = start,
    .room = room,
    .write = write_events,
    .flush = flush,
    .tick = tick,
    .reopen = reopen,
    .drain = drain,
    .each_note = each_note,
    .stop = stop,
    .close = close_webhook,
};
