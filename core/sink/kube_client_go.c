// The policy "client-go" of the sink "kube": recordToSink (sink/record_to_sink.h), one event at a
// time. There is room for an event only when nothing is under way, so that the correlator hears of
// each answer before it sees the next event, as in client-go; what scripts send directly waits in
// order.

#include <ev.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/log.h"
#include "sink/klog.h"
#include "sink/kube.h"
#include "sink/record_to_sink.h"

enum {
    UNAUTHORIZED = 401
};

#define SECOND INT64_C(1000000000)

typedef struct waiting {
    STAILQ_ENTRY(waiting) next;
    mcr_event *ev;
} waiting;

typedef struct recorder {
    mcr_kube *kube;
    mcr_recording *recording;
    STAILQ_HEAD(, waiting) queue;
    mcr_event *given; // the event under way, as it came; NULL: none
    mcr_delivery delivery;
    mcr_kube_call *call; // NULL: it sleeps
    ev_timer timer;
    mcr_buf reason; // why the last request was not taken
    uint64_t requests;
    uint64_t sleeps;
} recorder;

static void go(recorder *r, mcr_delivery_step step);

static double unit(void *self)
{
    return mcr_random_unit(self);
}

// What client-go would have told klog, as klog writes it, for who reads its lines.
static void on_log(void *self, const mcr_log_record *record)
{
    (void)self;
    mcr_klog_header header = { 0 };
    mcr_buf line = { 0 };
    mcr_klog_header_write(&line, &header, record->error ? 'E' : 'I',
                          mcr_clock_now(&mcr_clock_wall));
    mcr_log_record_write(&line, record);
    mcr_log_verbatim(record->error ? MCR_LOG_WARN : MCR_LOG_DEBUG, mcr_buf_cstr(&line));
    mcr_buf_fini(&line);
}

static void begin_next(recorder *r)
{
    waiting *first = STAILQ_FIRST(&r->queue);
    if (!first || r->given)
        return;
    STAILQ_REMOVE_HEAD(&r->queue, next);
    r->given = first->ev;
    free(first);
    r->reason.len = 0;
    go(r, mcr_delivery_start(&r->delivery, r->recording, r->given, NULL));
}

static const char *reason_of(recorder *r, const char *otherwise)
{
    if (!r->reason.len)
        mcr_buf_puts(&r->reason, otherwise);
    return mcr_buf_cstr(&r->reason);
}

static void end(recorder *r, mcr_delivery_result result)
{
    mcr_sink *sink = &r->kube->sink;
    switch (result) {
    case MCR_DELIVERY_RECORDED:
        mcr_sink_tell(sink, "delivered", &r->given, 1);
        sink->counts.delivered++;
        sink->counts.in_flight--;
        break;
    case MCR_DELIVERY_SKIPPED: // only a correlator of its own would
    case MCR_DELIVERY_ABANDONED:
        mcr_sink_refuse(sink, r->given, reason_of(r, "the server refused it without a word"));
        break;
    case MCR_DELIVERY_EXHAUSTED:
        mcr_sink_give_up(sink, r->given, reason_of(r, "not delivered in all its tries"));
        break;
    case MCR_DELIVERY_SHUT_DOWN: {
        mcr_buf reason = { 0 };
        mcr_buf_puts(&reason, "not delivered before the end");
        if (r->reason.len)
            mcr_buf_printf(&reason, "; last: %s", mcr_buf_cstr(&r->reason));
        mcr_sink_give_up(sink, r->given, mcr_buf_cstr(&reason));
        mcr_buf_fini(&reason);
        break;
    }
    }
    mcr_delivery_fini(&r->delivery);
    mcr_event_unref(r->given);
    r->given = NULL;
}

static void on_answer(void *self, const mcr_kube_result *result)
{
    recorder *r = self;
    r->call = NULL;
    if (!result->ok) {
        if (result->http_status == UNAUTHORIZED && r->kube->credentials)
            mcr_credentials_refused(r->kube->credentials);
        r->reason.len = 0;
        mcr_buf_add(&r->reason, result->error.text);
        go(r, mcr_delivery_failed(&r->delivery, &result->error));
        return;
    }
    const mcr_answer_hook *hook = &r->kube->sink.answer;
    if (hook->call)
        hook->call(hook->self, result->answer);
    go(r, mcr_delivery_written(&r->delivery, result->answer));
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    recorder *r = timer->data;
    go(r, mcr_delivery_slept(&r->delivery));
}

static void go(recorder *r, mcr_delivery_step step)
{
    switch (step.action) {
    case MCR_DELIVERY_CREATE:
        r->requests++;
        r->call = mcr_kube_create(r->kube->rest, step.event, on_answer, r);
        break;
    case MCR_DELIVERY_PATCH:
        r->requests++;
        r->call = mcr_kube_patch(r->kube->rest, step.event,
                                 step.has_patch ? step.patch : MCR_STR(""), on_answer, r);
        break;
    case MCR_DELIVERY_SLEEP:
        r->sleeps++;
        ev_now_update(r->kube->loop);
        ev_timer_set(&r->timer, (double)step.sleep_ns / (double)SECOND, 0);
        ev_timer_start(r->kube->loop, &r->timer);
        break;
    case MCR_DELIVERY_DONE:
        end(r, step.result);
        begin_next(r);
        break;
    }
}

static void set_rest(const mcr_kube_options *options, mcr_kube_rest_options *rest)
{
    rest->qps = options->rate;
    rest->burst = (int)options->burst;
    rest->retry_after = 10;
    rest->timeout_ns = rest->told_timeout_ns = options->timeout;
    rest->redirects = MCR_HTTP_REDIRECTS_GO;
}

static void start(mcr_kube *kube)
{
    const mcr_kube_options *o = kube->options;
    recorder *r = mcr_zalloc(sizeof *r);
    r->kube = kube;
    STAILQ_INIT(&r->queue);
    ev_timer_init(&r->timer, on_timer, 0, 0);
    r->timer.data = r;
    mcr_recording_options options = {
        .correlated = true,
        .sleep_ns = o->wait,
        .tries = (int)o->attempts,
        .random = unit,
        .random_self = (void *)(uintptr_t)kube->random,
        .log = { on_log, r },
    };
    r->recording = mcr_recording_new(&options);
    kube->state = r;
}

static size_t room(const mcr_kube *kube)
{
    const recorder *r = kube->state;
    return r->given ? 0 : 1;
}

static void write_events(mcr_kube *kube, mcr_event *const *events, size_t n)
{
    recorder *r = kube->state;
    for (size_t i = 0; i < n; i++) {
        waiting *last = mcr_zalloc(sizeof *last);
        last->ev = mcr_event_ref(events[i]);
        STAILQ_INSERT_TAIL(&r->queue, last, next);
    }
    begin_next(r);
}

// A sleep goes on: client-go would lose the event, here it has the drain timeout.
static void drain(mcr_kube *kube)
{
    (void)kube;
}

static void stop(mcr_kube *kube)
{
    recorder *r = kube->state;
    ev_timer_stop(kube->loop, &r->timer);
    if (r->call)
        mcr_kube_cancel(r->call);
    if (r->given)
        end(r, mcr_delivery_shut_down(&r->delivery).result);
    waiting *first;
    while ((first = STAILQ_FIRST(&r->queue))) {
        STAILQ_REMOVE_HEAD(&r->queue, next);
        mcr_sink_give_up(&kube->sink, first->ev, "not delivered before the end");
        mcr_event_unref(first->ev);
        free(first);
    }
    mcr_recording_free(r->recording);
    mcr_buf_fini(&r->reason);
    free(r);
}

static void each_note(const mcr_kube *kube, mcr_sink_note *note, void *arg)
{
    const recorder *r = kube->state;
    note(arg, "requests", r->requests);
    note(arg, "sleeps", r->sleeps);
}

const mcr_kube_policy mcr_kube_policy_client_go = {
    .set_rest = set_rest,
    .start = start,
    .room = room,
    .write = write_events,
    .drain = drain,
    .stop = stop,
    .each_note = each_note,
};
