// The default policy of the sink "kube": what kube.h promises, on top of sink/deliveries.h.

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "correlate/patch.h"
#include "event/compact.h"
#include "event/event_name.h"
#include "sink/kube.h"
#include "sink/kube_fit.h"
#include "sink/statuses.h"

#define SECOND INT64_C(1000000000)

enum {
    TURNS = 3, // between POST and PATCH within one try
    // Events past so many wait long enough for their memory to count.
    COMPACT_FROM = 1000
};

typedef struct deliverer {
    mcr_kube *kube;
    mcr_deliveries *deliveries;
    mcr_statuses again;
    mcr_buf key;
    mcr_buf patch;
    mcr_buf reason;
    uint32_t credentials; // how often they were read anew
    uint64_t names_replaced;
    uint64_t namespaces_filled_in;
    uint64_t messages_cut;
    uint64_t already_there;
} deliverer;

// What is known of an event on its way: the user of its job.
typedef struct sending {
    deliverer *from;
    mcr_job *job;
    mcr_kube_call *call;  // NULL: none under way
    bool create;          // by POST; else by PATCH
    int64_t conflicts;    // answers of 409
    uint8_t turns;        // from POST to PATCH or back, in this try
    uint32_t credentials; // which were used
} sending;

static const mcr_event *event_of(const mcr_job *job)
{
    size_t n;
    return mcr_job_events(job, &n)[0];
}

// The server is thought to have the first of it.
static bool is_repeat(const mcr_event *ev)
{
    return ev->counted || ev->count > 1;
}

static sending *sending_of(deliverer *from, mcr_job *job)
{
    sending *s = mcr_job_user(job);
    if (!s) {
        s = mcr_zalloc(sizeof *s);
        s->from = from;
        s->job = job;
        s->create = !is_repeat(event_of(job));
        mcr_job_set_user(job, s);
    }
    return s;
}

static void free_sending(void *self, void *user)
{
    (void)self;
    free(user);
}

// The result's words, or what can be said without any.
static const char *reason_of(deliverer *from, const mcr_kube_result *result)
{
    from->reason.len = 0;
    if (result->error.text.len)
        mcr_buf_add(&from->reason, result->error.text);
    else
        mcr_buf_printf(&from->reason, "the server answered with status %d", result->http_status);
    return mcr_buf_cstr(&from->reason);
}

static bool has_cause(const mcr_write_error *err, const char *cause)
{
    for (size_t i = 0; i < err->n_causes; i++)
        if (mcr_str_is(err->causes[i], cause))
            return true;
    return false;
}

static int code_of(const mcr_kube_result *result)
{
    if (result->error.class == MCR_WRITE_STATUS && result->error.code)
        return result->error.code;
    return result->http_status;
}

// Answers of 500 that are about the event and not about the server.
static bool never_fits(const mcr_write_error *err)
{
    static const char *const texts[] = {
        "etcdserver: request is too large",
        "trying to send message larger than max",
        "resourceVersion should not be set",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (err->text.len && memmem(err->text.ptr, err->text.len, texts[i], strlen(texts[i])))
            return true;
    return false;
}

static bool may_succeed_later(sending *s, const mcr_kube_result *result)
{
    const mcr_write_error *err = &result->error;
    if (err->class == MCR_WRITE_CONSTRUCT || result->outcome == MCR_HTTP_BAD_URL)
        return false;
    if (err->class != MCR_WRITE_STATUS)
        return true;
    int code = code_of(result);
    if (code == 409)
        return ++s->conflicts <= s->from->kube->options->conflicts;
    // An answer of 2xx that says nothing of an event is a failed try whatever it says.
    return (code < 300 || mcr_statuses_has(&s->from->again, code)) && !never_fits(err);
}

// It says nothing of the event: the same would have become of any other.
static bool found_no_server(const mcr_kube_result *result)
{
    switch (code_of(result)) {
    case 401:
    case 429:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return result->http_status == 0;
    }
}

// What the log counts as the same: the answer's code and reason, or how there was none.
static void set_cause(sending *s, const mcr_kube_result *result)
{
    const mcr_write_error *err = &result->error;
    bool terminating = has_cause(err, "NamespaceTerminating");
    char cause[128];
    if (result->http_status)
        snprintf(cause, sizeof cause, "answered %d %.*s%s", code_of(result), (int)err->reason.len,
                 err->reason.ptr ? err->reason.ptr : "", terminating ? " terminating" : "");
    else
        snprintf(cause, sizeof cause, "no answer %d", result->outcome);
    mcr_job_set_cause(s->job, cause);
}

static void end_failed(sending *s, const mcr_kube_result *result)
{
    deliverer *from = s->from;
    s->turns = 0;
    // Others under way have the same old ones; theirs are not read anew twice.
    if (code_of(result) == 401 && s->credentials == from->credentials) {
        from->credentials++;
        mcr_credentials_refused(from->kube->credentials);
    }
    const char *reason = reason_of(from, result);
    set_cause(s, result);
    bool later = may_succeed_later(s, result);
    if (later && found_no_server(result))
        mcr_job_no_server(s->job, result->retry_after_ns, reason);
    else if (later)
        mcr_job_again(s->job, result->retry_after_ns, reason);
    else
        mcr_job_failed(s->job, reason);
}

static void end_delivered(sending *s, const mcr_kube_result *result)
{
    const mcr_answer_hook *hook = &s->from->kube->sink.answer;
    if (result->ok && result->answer && hook->call)
        hook->call(hook->self, result->answer);
    mcr_job_delivered(s->job);
}

// To PATCH from POST or back; not for ever, if somebody else makes and deletes the event.
static void turn(sending *s, const mcr_kube_result *result)
{
    s->create = !s->create;
    if (s->turns++ < TURNS) {
        mcr_job_more(s->job);
        return;
    }
    s->turns = 0;
    mcr_job_again(s->job, -1, reason_of(s->from, result));
}

static void on_created(void *self, const mcr_kube_result *result)
{
    sending *s = self;
    s->call = NULL;
    const mcr_write_error *err = &result->error;
    if (result->ok) {
        end_delivered(s, result);
    } else if (err->class == MCR_WRITE_STATUS && mcr_str_is(err->reason, "AlreadyExists")) {
        if (s->from->kube->options->already_exists == MCR_KUBE_REFUSE) {
            set_cause(s, result);
            mcr_job_failed(s->job, reason_of(s->from, result));
            return;
        }
        // A new event has a name of its own: what is there under it is this one, stored by an
        // earlier try or an earlier run.
        if (is_repeat(event_of(s->job))) {
            turn(s, result);
        } else {
            s->from->already_there++;
            end_delivered(s, result);
        }
    } else {
        end_failed(s, result);
    }
}

static void on_patched(void *self, const mcr_kube_result *result)
{
    sending *s = self;
    s->call = NULL;
    if (result->ok)
        end_delivered(s, result);
    else if (result->error.class == MCR_WRITE_STATUS && result->error.code == 404)
        turn(s, result);
    else
        end_failed(s, result);
}

static void on_send(void *self, mcr_job *job)
{
    deliverer *from = self;
    sending *s = sending_of(from, job);
    size_t n;
    mcr_event *ev = mcr_job_events(job, &n)[0];
    s->credentials = from->credentials;
    if (s->create) {
        s->call = mcr_kube_create(from->kube->rest, ev, on_created, s);
        return;
    }
    from->patch.len = 0;
    mcr_count_patch(&from->patch, ev);
    s->call = mcr_kube_patch(from->kube->rest, ev, mcr_buf_str(&from->patch), on_patched, s);
}

static void on_cancel(void *self, mcr_job *job)
{
    (void)self;
    sending *s = mcr_job_user(job);
    mcr_kube_cancel(s->call);
    s->call = NULL;
}

static bool is_before(const mcr_time *a, const mcr_time *b)
{
    return a->sec != b->sec ? a->sec < b->sec : a->nsec < b->nsec;
}

// Both have the same name. One that repeats the other says all of it but when it began.
static mcr_event *on_merge(void *self, mcr_job *waiting, mcr_event *newer)
{
    const mcr_event *older = event_of(waiting);
    if (!is_repeat(newer) || newer->count < older->count)
        return NULL;
    sending_of(self, waiting); // a POST stays a POST
    const mcr_time *first = &older->firstTimestamp;
    if (!first->set || (newer->firstTimestamp.set && !is_before(first, &newer->firstTimestamp)))
        return mcr_event_ref(newer);
    mcr_event fields = { 0 };
    mcr_event_copy_fields(&fields, newer);
    fields.firstTimestamp = *first;
    return mcr_event_new(&fields);
}

static void set_rest(const mcr_kube_options *options, mcr_kube_rest_options *rest)
{
    // The limit is kept to before a request is begun, where repeats can still be merged.
    rest->qps = 0;
    rest->retry_after = 0;
    rest->timeout_ns = options->timeout;
    rest->redirects = MCR_HTTP_REDIRECTS_KEEP;
}

static void start(mcr_kube *kube)
{
    const mcr_kube_options *o = kube->options;
    deliverer *from = mcr_zalloc(sizeof *from);
    from->kube = kube;
    mcr_delivery_options options;
    mcr_delivery_defaults(&options);
    options.in_flight = o->max_in_flight;
    options.queue = o->queue;
    options.attempts = o->attempts;
    options.wait = o->wait;
    options.max_wait = o->max_wait;
    options.deadline = o->deadline;
    options.jitter = o->jitter;
    options.rate = o->rate;
    options.burst = o->burst;
    mcr_statuses_read(&from->again, &o->statuses, MCR_KUBE_AGAIN, NULL);
    mcr_deliveries_hooks hooks = { from, on_send, on_cancel, free_sending,
                                   o->merge ? on_merge : NULL };
    from->deliveries =
        mcr_deliveries_new(&kube->sink, kube->loop, &options, &hooks, kube->clock, kube->random);
    kube->state = from;
}

static size_t room(const mcr_kube *kube)
{
    const deliverer *from = kube->state;
    return mcr_deliveries_room(from->deliveries);
}

static void refuse_namespace(mcr_kube *kube, const mcr_event *ev)
{
    mcr_buf reason = { 0 };
    mcr_buf_puts(&reason, "the namespace '");
    mcr_buf_add(&reason, ev->metadata.namespace);
    mcr_buf_puts(&reason, "' is none that there can be (a DNS-1123 label)");
    if (!kube->sink.lost.call)
        mcr_log_cause_once_a_minute(MCR_LOG_ERROR, kube->sink.name,
                                    "sink '%s': an event is refused: %s", kube->sink.name,
                                    mcr_buf_cstr(&reason));
    mcr_sink_refuse(&kube->sink, ev, mcr_buf_cstr(&reason));
    mcr_buf_fini(&reason);
}

static void write_event(deliverer *from, mcr_event *given)
{
    bool fit = from->kube->options->fit;
    mcr_kube_fitted fitted = { 0 };
    mcr_event *ev = fit ? mcr_kube_fit(given, &fitted) : mcr_event_ref(given);
    if (fit && !mcr_event_name_valid(ev->metadata.namespace)) {
        refuse_namespace(from->kube, given);
    } else {
        from->names_replaced += fitted.name;
        from->namespaces_filled_in += fitted.namespace;
        from->messages_cut += fitted.message;
        from->key.len = 0;
        mcr_buf_add(&from->key, ev->metadata.namespace);
        mcr_buf_putc(&from->key, '/');
        mcr_buf_add(&from->key, ev->metadata.name);
        if (mcr_deliveries_room(from->deliveries) + COMPACT_FROM <
            (size_t)from->kube->options->queue) {
            mcr_event *smaller = mcr_event_compact(ev);
            mcr_event_unref(ev);
            ev = smaller;
        }
        mcr_deliveries_add(from->deliveries, mcr_buf_str(&from->key), &ev, 1, NULL);
    }
    mcr_event_unref(ev);
}

static void write_events(mcr_kube *kube, mcr_event *const *events, size_t n)
{
    for (size_t i = 0; i < n; i++)
        write_event(kube->state, events[i]);
}

static void drain(mcr_kube *kube)
{
    deliverer *from = kube->state;
    mcr_deliveries_drain(from->deliveries);
}

static void tick(mcr_kube *kube)
{
    deliverer *from = kube->state;
    mcr_deliveries_tick(from->deliveries);
}

static void stop(mcr_kube *kube)
{
    deliverer *from = kube->state;
    mcr_deliveries_free(from->deliveries);
    mcr_buf_fini(&from->key);
    mcr_buf_fini(&from->patch);
    mcr_buf_fini(&from->reason);
    free(from);
}

static void each_note(const mcr_kube *kube, mcr_sink_note *note, void *arg)
{
    const deliverer *from = kube->state;
    mcr_delivery_counts counts = mcr_deliveries_counts(from->deliveries);
    note(arg, "tries", counts.tries);
    note(arg, "retries", counts.retries);
    note(arg, "credentials_refused", from->credentials);
    note(arg, "names_replaced", from->names_replaced);
    note(arg, "namespaces_filled_in", from->namespaces_filled_in);
    note(arg, "messages_cut", from->messages_cut);
    note(arg, "already_there", from->already_there);
}

const mcr_kube_policy mcr_kube_policy_default = {
    .set_rest = set_rest,
    .start = start,
    .room = room,
    .write = write_events,
    .drain = drain,
    .tick = tick,
    .stop = stop,
    .each_note = each_note,
};
