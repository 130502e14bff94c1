// mooncrier.h: client-go's EventSink made by a C program, as a sink. recordToSink
// (sink/record_to_sink.h) says what is done about an event; there is room for the next one when
// this one is decided, so that the correlator has heard of its answer.

#include <ev.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/random.h"
#include "broadcast/library.h"
#include "correlate/patch.h"
#include "sink/record_to_sink.h"

#define SECOND INT64_C(1000000000)

enum {
    NOT_FOUND = 404,
    FORBIDDEN = 403
};

typedef struct writer_sink {
    mcr_sink sink;
    mcr_event_writer writer;
    mcr_recording *recording;
    struct ev_loop *loop;
    ev_timer timer;
    mcr_delivery delivery; // when `given`
    mcr_event *given;      // the event that waits for its next try, as it came; NULL: none
    mcr_errbuf reason;     // why the last call did not store it
} writer_sink;

static double unit(void *self)
{
    return mcr_random_unit(self);
}

// What client-go would have told klog.
static void on_log(void *self, const mcr_log_record *record)
{
    const writer_sink *s = self;
    mcr_buf line = { 0 };
    mcr_log_record_write(&line, record);
    while (line.len && line.ptr[line.len - 1] == '\n')
        line.len--;
    mcr_log(record->error ? MCR_LOG_WARN : MCR_LOG_DEBUG, "sink '%s': %s", s->sink.name,
            mcr_buf_cstr(&line));
    mcr_buf_fini(&line);
}

static mcr_write_answer patch(writer_sink *s, const mcr_delivery_step *step, mcr_event **answer)
{
    mcr_buf text = { 0 };
    if (step->has_patch)
        mcr_buf_add(&text, step->patch);
    else // the event came with a count of its own
        mcr_count_patch(&text, step->event);
    const char *bytes = mcr_buf_cstr(&text);
    mcr_write_answer result =
        s->writer.patch(s->writer.self, step->event, bytes, text.len, answer, &s->reason);
    mcr_buf_fini(&text);
    return result;
}

// One call of the program, and what follows from it.
static mcr_delivery_step call(writer_sink *s, const mcr_delivery_step *step)
{
    mcr_event *answer = NULL;
    s->reason.text[0] = '\0';
    mcr_write_answer result =
        step->action == MCR_DELIVERY_PATCH
            ? patch(s, step, &answer)
            : s->writer.create(s->writer.self, step->event, &answer, &s->reason);

    mcr_event *stored = answer ? answer : step->event;
    mcr_write_error error = { .class = MCR_WRITE_STATUS, .text = mcr_str_of(s->reason.text) };
    mcr_delivery_step next;
    switch (result) {
    case MCR_WRITE_DONE:
        if (s->sink.answer.call)
            s->sink.answer.call(s->sink.answer.self, stored);
        next = mcr_delivery_written(&s->delivery, stored);
        break;
    case MCR_WRITE_ABSENT:
        error.code = NOT_FOUND;
        next = mcr_delivery_failed(&s->delivery, &error);
        break;
    case MCR_WRITE_REFUSED:
        error.code = FORBIDDEN;
        next = mcr_delivery_failed(&s->delivery, &error);
        break;
    default:
        error.class = MCR_WRITE_OTHER;
        next = mcr_delivery_failed(&s->delivery, &error);
        break;
    }
    mcr_event_unref(answer);
    return next;
}

static void end(writer_sink *s, mcr_delivery_result result)
{
    const char *reason = s->reason.text[0] ? s->reason.text : "the writer did not say why";
    if (result == MCR_DELIVERY_RECORDED) {
        s->sink.counts.in_flight--;
        s->sink.counts.delivered++;
    } else if (result == MCR_DELIVERY_ABANDONED) {
        mcr_sink_refuse(&s->sink, s->given, reason);
    } else {
        mcr_sink_give_up(&s->sink, s->given, reason);
    }
    mcr_delivery_fini(&s->delivery);
    mcr_event_unref(s->given);
    s->given = NULL;
}

// Goes on until the event is decided or sleeps.
static void go(writer_sink *s, mcr_delivery_step step)
{
    while (step.action == MCR_DELIVERY_CREATE || step.action == MCR_DELIVERY_PATCH)
        step = call(s, &step);
    if (step.action == MCR_DELIVERY_DONE) {
        end(s, step.result);
        return;
    }
    ev_now_update(s->loop);
    ev_timer_set(&s->timer, (double)step.sleep_ns / (double)SECOND, 0);
    ev_timer_start(s->loop, &s->timer);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)events;
    writer_sink *s = timer->data;
    go(s, mcr_delivery_slept(&s->delivery));
}

static void start(mcr_sink *sink, struct ev_loop *loop)
{
    writer_sink *s = (writer_sink *)sink;
    s->loop = loop;
}

static size_t room(const mcr_sink *sink)
{
    return ((const writer_sink *)sink)->given ? 0 : 1;
}

static void write_events(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now)
{
    (void)now;
    writer_sink *s = (writer_sink *)sink;
    if (mcr_sink_assign(sink, events, n, 1) == 0)
        return;
    s->given = mcr_event_ref(events[0]);
    go(s, mcr_delivery_start(&s->delivery, s->recording, s->given, NULL));
}

static void flush(mcr_sink *sink, int64_t now)
{
    (void)sink, (void)now;
}

static void stop(mcr_sink *sink)
{
    writer_sink *s = (writer_sink *)sink;
    if (!s->given)
        return;
    ev_timer_stop(s->loop, &s->timer);
    end(s, mcr_delivery_shut_down(&s->delivery).result);
}

static void close_writer(mcr_sink *sink)
{
    writer_sink *s = (writer_sink *)sink;
    stop(sink);
    if (s->writer.close)
        s->writer.close(s->writer.self);
    mcr_recording_free(s->recording);
    free(s);
}

// Not among mcr_sink_kinds: it is made here and nowhere else.
static const mcr_sink_kind writer_kind = {
    .name = "writer",
    .doc = "a C program's create and patch",
    .records = true,
    .start = start,
    .room = room,
    .write = write_events,
    .flush = flush,
    .stop = stop,
    .close = close_writer,
};

void mcr_writer_sink_forget(mcr_sink *sink)
{
    ((writer_sink *)sink)->writer.close = NULL;
}

mcr_sink *mcr_writer_sink_new(const mcr_recording_sink_options *wanted)
{
    writer_sink *s = mcr_zalloc(sizeof *s);
    s->sink.kind = &writer_kind;
    s->sink.name = writer_kind.name;
    s->writer = *wanted->writer;
    ev_timer_init(&s->timer, on_timer, 0, 0);
    s->timer.data = s;
    mcr_recording_options options = {
        .correlated = true,
        .sleep_ns = wanted->wait_ns ? wanted->wait_ns : MCR_RECORDING_SLEEP_NS,
        .tries = (int)wanted->attempts,
        .random = unit,
        .random_self = (void *)(uintptr_t)&mcr_random_system,
        .log = { on_log, s },
    };
    s->recording = mcr_recording_new(&options);
    return &s->sink;
}
