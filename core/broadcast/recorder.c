#include "broadcast/recorder.h"

#include "event/event_name.h"
#include "event/time.h"

static mcr_record_result no_reference(const mcr_recorder *r, const mcr_regarding *object,
                                      const mcr_recorded *what, const char *why)
{
    // klog prints Go's nil so; what is there is shown as it came.
    bool nil = !object->json.len || mcr_str_is(object->json, "null");
    mcr_log_record record = {
        .message = "Could not construct reference, will not report event",
        .error = true,
        .n = 5,
        .values = { { .key = "err", .text = mcr_str_of(why) },
                    { .key = "object", .text = nil ? MCR_STR("null") : object->json, .bare = nil },
                    { .key = "eventType", .text = what->type },
                    { .key = "reason", .text = what->reason },
                    { .key = "message", .text = what->message } },
    };
    mcr_log_record_send(&r->log, &record);
    return MCR_RECORD_NO_REFERENCE;
}

static mcr_record_result bad_type(const mcr_recorder *r, mcr_str type)
{
    mcr_log_record record = { .message = "Unsupported event type",
                              .error = true,
                              .n = 1,
                              .values = { { .key = "eventType", .text = type } } };
    mcr_log_record_send(&r->log, &record);
    return MCR_RECORD_BAD_TYPE;
}

static mcr_event *make(const mcr_recorder *r, const mcr_object_reference *object,
                       const mcr_recorded *what)
{
    int64_t now = mcr_clock_now(&r->clock);
    mcr_buf name = { 0 };
    mcr_event_name(&name, object->name, now, r->uuids);
    mcr_event fields = {
        .metadata = { .name = mcr_buf_str(&name),
                      .namespace = object->namespace.len ? object->namespace : MCR_STR("default"),
                      .deletionGracePeriodSeconds = -1,
                      .annotations = what->annotations },
        .involvedObject = *object,
        .reason = what->reason,
        .message = what->message,
        .source = r->source,
        .firstTimestamp = mcr_time_of(now),
        .lastTimestamp = mcr_time_of(now),
        .count = 1,
        .type = what->type,
        .reportingComponent = r->source.component,
        .reportingInstance = r->source.host,
    };
    mcr_event *ev = mcr_event_new(&fields);
    mcr_buf_fini(&name);
    return ev;
}

static mcr_record_result publish(const mcr_recorder *r, mcr_event *ev)
{
    bool accepted = false;
    mcr_errbuf err = { "" };
    if (r->publish.call(r->publish.self, ev, &accepted, &err)) {
        mcr_log_record record = { .message = "Unable to record event (will not retry!)",
                                  .error = true,
                                  .n = 1,
                                  .values = { { .key = "err", .text = mcr_str_of(err.text) } } };
        mcr_log_record_send(&r->log, &record);
        return MCR_RECORD_STOPPED;
    }
    if (accepted)
        return MCR_RECORD_PUBLISHED;
    mcr_log_record record = {
        .message = "Unable to record event: too many queued events, dropped event",
        .error = true,
        .n = 1,
        .values = { { .key = "event", .event = ev } },
    };
    mcr_log_record_send(&r->log, &record);
    return MCR_RECORD_DROPPED;
}

mcr_record_result mcr_recorder_event(const mcr_recorder *r, const mcr_regarding *object,
                                     const mcr_recorded *what)
{
    mcr_object_reference reference;
    mcr_buf room = { 0 };
    mcr_errbuf err;
    mcr_record_result result;
    if (mcr_reference_get(&reference, object, r->scheme, &room, &err)) {
        result = no_reference(r, object, what, err.text);
    } else if (!mcr_str_is(what->type, "Normal") && !mcr_str_is(what->type, "Warning")) {
        result = bad_type(r, what->type);
    } else {
        mcr_event *ev = make(r, &reference, what);
        result = publish(r, ev);
        mcr_event_unref(ev);
    }
    mcr_buf_fini(&room);
    return result;
}

mcr_record_result mcr_recorder_eventf(const mcr_recorder *r, const mcr_regarding *object,
                                      const mcr_recorded *what, const mcr_go_arg *args, size_t n)
{
    mcr_buf message = { 0 };
    mcr_go_sprintf(&message, what->message, args, n);
    mcr_recorded formatted = *what;
    formatted.message = mcr_buf_str(&message);
    mcr_record_result result = mcr_recorder_event(r, object, &formatted);
    mcr_buf_fini(&message);
    return result;
}
