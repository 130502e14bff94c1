#include "sink/record_to_sink.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "correlate/patch.h"

enum {
    NOT_FOUND = 404
};

struct mcr_recording {
    mcr_recording_options options;
    mcr_correlator *correlator;
};

mcr_recording *mcr_recording_new(const mcr_recording_options *options)
{
    mcr_recording *recording = mcr_zalloc(sizeof *recording);
    recording->options = *options;
    if (!recording->options.tries)
        recording->options.tries = MCR_RECORDING_TRIES;
    if (!options->correlated)
        recording->correlator = mcr_correlator_new(&options->correlator);
    return recording;
}

void mcr_recording_free(mcr_recording *recording)
{
    if (!recording)
        return;
    if (recording->correlator)
        mcr_correlator_free(recording->correlator);
    free(recording);
}

static mcr_delivery_step done(mcr_delivery *d, mcr_delivery_result result)
{
    d->action = MCR_DELIVERY_DONE;
    return (mcr_delivery_step){ .action = d->action, .result = result };
}

// The event came in as `ev`: what was given, not what is recorded of it.
static void log_end(const mcr_delivery *d, const char *message)
{
    mcr_log_record record = { .message = message,
                              .error = true,
                              .n = 1,
                              .values = { { .key = "event", .event = d->given } } };
    mcr_log_record_send(&d->recording->options.log, &record);
}

static void log_failure(const mcr_delivery *d, const char *message, const mcr_write_error *err)
{
    mcr_log_record record = {
        .message = message,
        .error = true,
        .n = 2,
        .values = { { .key = "err", .text = err->text }, { .key = "event", .event = d->event } },
    };
    mcr_log_record_send(&d->recording->options.log, &record);
}

// What is expected to happen is only said to who wants to know much.
static void log_expected(const mcr_delivery *d, const char *message, const mcr_write_error *err)
{
    mcr_log_record record = {
        .message = message,
        .v = 5,
        .n = 2,
        .values = { { .key = "event", .event = d->event }, { .key = "err", .text = err->text } },
    };
    mcr_log_record_send(&d->recording->options.log, &record);
}

// The server makes resource versions; an event that has one cannot be created. It stays without
// one, whatever comes next.
static mcr_delivery_step create(mcr_delivery *d)
{
    if (d->event->metadata.resourceVersion.len) {
        mcr_event fields = { 0 };
        mcr_event_copy_fields(&fields, d->event);
        fields.metadata.resourceVersion = MCR_STR("");
        mcr_event *without = mcr_event_new(&fields);
        mcr_event_unref(d->event);
        d->event = without;
    }
    d->action = MCR_DELIVERY_CREATE;
    return (mcr_delivery_step){ .action = d->action, .event = d->event };
}

static mcr_delivery_step try(mcr_delivery *d)
{
    if (d->event->count <= 1)
        return create(d);
    d->action = MCR_DELIVERY_PATCH;
    return (mcr_delivery_step){ .action = d->action,
                                .event = d->event,
                                .has_patch = d->counted,
                                .patch = mcr_buf_str(&d->patch) };
}

mcr_delivery_step mcr_delivery_start(mcr_delivery *d, mcr_recording *recording, mcr_event *ev,
                                     const mcr_clock *clock)
{
    *d = (mcr_delivery){ .recording = recording, .given = mcr_event_ref(ev) };
    mcr_correlated correlated = { .counted = ev->counted };
    if (recording->correlator)
        mcr_correlator_run(recording->correlator, ev, clock, &correlated);
    else
        correlated.ev = mcr_event_ref(ev);
    if (!correlated.ev)
        return done(d, MCR_DELIVERY_SKIPPED);
    d->event = correlated.ev;
    d->counted = correlated.counted;
    if (d->counted)
        mcr_count_patch(&d->patch, d->event);
    return try(d);
}

mcr_delivery_step mcr_delivery_written(mcr_delivery *d, const mcr_event *answer)
{
    if (d->recording->correlator)
        mcr_correlator_update(d->recording->correlator, answer);
    return done(d, MCR_DELIVERY_RECORDED);
}

static bool has_cause(const mcr_write_error *err, const char *cause)
{
    for (size_t i = 0; i < err->n_causes; i++)
        if (mcr_str_is(err->causes[i], cause))
            return true;
    return false;
}

static mcr_delivery_step again_later(mcr_delivery *d)
{
    const mcr_recording_options *options = &d->recording->options;
    if (++d->tries >= options->tries) {
        log_end(d, "Unable to write event (retry limit exceeded!)");
        return done(d, MCR_DELIVERY_EXHAUSTED);
    }
    int64_t sleep_ns = options->sleep_ns;
    if (d->tries == 1)
        sleep_ns = (int64_t)((double)sleep_ns * options->random(options->random_self));
    d->action = MCR_DELIVERY_SLEEP;
    return (mcr_delivery_step){ .action = d->action, .sleep_ns = sleep_ns };
}

mcr_delivery_step mcr_delivery_failed(mcr_delivery *d, const mcr_write_error *err)
{
    static const char rejected[] = "Server rejected event (will not retry!)";
    switch (err->class) {
    case MCR_WRITE_STATUS:
        if (d->action == MCR_DELIVERY_PATCH && err->code == NOT_FOUND)
            return create(d);
        if (mcr_str_is(err->reason, "AlreadyExists") || has_cause(err, "NamespaceTerminating"))
            log_expected(d, rejected, err);
        else
            log_failure(d, rejected, err);
        return done(d, MCR_DELIVERY_ABANDONED);
    case MCR_WRITE_CONSTRUCT:
        log_failure(d, "Unable to construct event (will not retry!)", err);
        return done(d, MCR_DELIVERY_ABANDONED);
    case MCR_WRITE_UNEXPECTED:
    case MCR_WRITE_OTHER:
        break;
    }
    log_failure(d, "Unable to write event (may retry after sleeping)", err);
    return again_later(d);
}

mcr_delivery_step mcr_delivery_slept(mcr_delivery *d)
{
    return try(d);
}

mcr_delivery_step mcr_delivery_shut_down(mcr_delivery *d)
{
    log_end(d, "Unable to write event (broadcaster is shut down)");
    return done(d, MCR_DELIVERY_SHUT_DOWN);
}

void mcr_delivery_fini(mcr_delivery *d)
{
    mcr_event_unref(d->given);
    mcr_event_unref(d->event);
    mcr_buf_fini(&d->patch);
}
