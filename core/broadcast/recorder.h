#pragma once
// client-go's EventRecorder: makes an event for an object and publishes it.
//
//     mcr_recorder r = { .source = { MCR_STR("my-controller"), MCR_STR("node-1") },
//                        .clock = mcr_clock_wall,
//                        .publish = { action_or_drop, broadcaster } };
//     mcr_recorder_event(&r, &(mcr_regarding){ .json = pod },
//                        &(mcr_recorded){ .type = MCR_STR("Warning"),
//                                         .reason = MCR_STR("BackOff"),
//                                         .message = MCR_STR("back-off restarting") });
//
// A recorder is a plain struct that recording does not change: any thread may use it at any time,
// as far as its clock, random source and hooks bear that.

#include "base/clock.h"
#include "base/random.h"
#include "broadcast/reference.h"
#include "sink/go_sprintf.h"
#include "sink/log_record.h"

// Where events go: a broadcaster's ActionOrDrop. Refs what it keeps. An error is "cannot any more";
// *accepted false is "no room".
typedef struct mcr_publish_hook {
    mcr_err (*call)(void *self, mcr_event *ev, bool *accepted, mcr_errbuf *err);
    void *self;
} mcr_publish_hook;

typedef struct mcr_recorder {
    mcr_event_source source; // also the events' reportingComponent and reportingInstance
    mcr_clock clock;
    const mcr_scheme *scheme; // kinds of objects that do not say theirs; NULL: none
    // For names that the API server would refuse (event/event_name.h); NULL: such names stay, as in
    // client-go before 0.33.
    const mcr_random *uuids;
    mcr_publish_hook publish;
    mcr_log_hook log; // the lines that client-go logs
} mcr_recorder;

// What happened. Anything goes as reason and message; the type must be Normal or Warning.
typedef struct mcr_recorded {
    mcr_str type;
    mcr_str reason;
    mcr_str message;
    mcr_pairs annotations;
} mcr_recorded;

// mcr_recorder_event is Event and AnnotatedEventf without arguments. Anything but
// MCR_RECORD_PUBLISHED is logged with what client-go logs, and the event is lost.
mcr_record_result mcr_recorder_event(const mcr_recorder *r, const mcr_regarding *object,
                                     const mcr_recorded *what);

// mcr_recorder_eventf is Eventf and AnnotatedEventf: what->message is a format of Go's.
mcr_record_result mcr_recorder_eventf(const mcr_recorder *r, const mcr_regarding *object,
                                      const mcr_recorded *what, const mcr_go_arg *args, size_t n);
