#pragma once
// client-go's recordToSink and recordEvent: what is done about one event until it is recorded or
// given up. It decides and does nothing itself: each call returns the step to take, and the caller
// comes back with how that went.
//
//     mcr_delivery d;
//     mcr_delivery_step step = mcr_delivery_start(&d, recording, ev, &clock);
//     while (step.action != MCR_DELIVERY_DONE)
//         step = … mcr_delivery_written, _failed, _slept or _shut_down
//     mcr_delivery_fini(&d);
//
// | outcome                                   | then                            | logged       |
// |-------------------------------------------|---------------------------------|--------------|
// | taken                                     | recorded; the correlator learns | -            |
// | code 404 of a patch                       | create, without resourceVersion | -            |
// | AlreadyExists, or NamespaceTerminating    | abandoned                       | V(5)         |
// | any other status, 429 and 5xx as well     | abandoned                       | error        |
// | the request cannot be made                | abandoned                       | error        |
// | anything else                             | sleep, then from the start      | error        |
// | the same in the last try                  | retries exhausted               | error, twice |
//
// One thread for a recording and its deliveries; several deliveries may be under way at once.

#include "base/clock.h"
#include "correlate/correlator.h"
#include "sink/log_record.h"
#include "sink/write_error.h"

enum {
    MCR_RECORDING_TRIES = 12
};

#define MCR_RECORDING_SLEEP_NS (10 * INT64_C(1000000000))

typedef struct mcr_recording_options {
    mcr_correlator_options correlator;
    // Events come as the correlator made them (mcr_event.counted: a repeat it knows), and who made
    // them so hears of the server's answers by himself: the recording has no correlator.
    bool correlated;
    int64_t sleep_ns; // between tries (client-go: MCR_RECORDING_SLEEP_NS)
    int tries;        // of an event; 0: MCR_RECORDING_TRIES
    // From 0 up to but not 1: how much of its first sleep an event sleeps, so that not all of them
    // come back at once.
    double (*random)(void *self);
    void *random_self;
    mcr_log_hook log;
} mcr_recording_options;

// What one StartRecordingToSink has: its own correlator.
typedef struct mcr_recording mcr_recording;

// mcr_recording_new copies `options`; what its hooks point to must outlive the recording.
mcr_recording *mcr_recording_new(const mcr_recording_options *options);

// mcr_recording_free: its deliveries must have ended. NULL is fine.
void mcr_recording_free(mcr_recording *recording);

typedef enum mcr_delivery_action {
    MCR_DELIVERY_CREATE, // post step.event
    MCR_DELIVERY_PATCH,  // patch the event of step.event's name and namespace with step.patch
    MCR_DELIVERY_SLEEP,  // for step.sleep_ns
    MCR_DELIVERY_DONE    // it ended as step.result
} mcr_delivery_action;

typedef enum mcr_delivery_result {
    MCR_DELIVERY_SKIPPED, // the spam filter
    MCR_DELIVERY_RECORDED,
    MCR_DELIVERY_ABANDONED, // it never will be taken
    MCR_DELIVERY_EXHAUSTED, // all tries failed
    MCR_DELIVERY_SHUT_DOWN  // the end came while it slept
} mcr_delivery_result;

typedef struct mcr_delivery_step {
    mcr_delivery_action action;
    mcr_event *event; // all that is pointed to is the delivery's, until its next call
    // A patch without bytes (has_patch false): the event came with a count of its own, and nothing
    // is known of it.
    bool has_patch;
    mcr_str patch;
    int64_t sleep_ns; // may be 0
    mcr_delivery_result result;
} mcr_delivery_step;

// One event on its way; fields are internal.
typedef struct mcr_delivery {
    mcr_recording *recording;
    mcr_event *given; // as it came
    mcr_event *event; // what is recorded of it
    mcr_buf patch;
    bool counted;
    mcr_delivery_action action; // the step that was asked for
    int tries;                  // that failed
} mcr_delivery;

// mcr_delivery_start begins with `ev`, which it holds. The clock is the correlator's; NULL is fine
// when there is none.
mcr_delivery_step mcr_delivery_start(mcr_delivery *d, mcr_recording *recording, mcr_event *ev,
                                     const mcr_clock *clock);

// mcr_delivery_written: the create or patch was taken, and the server answered with `answer`.
mcr_delivery_step mcr_delivery_written(mcr_delivery *d, const mcr_event *answer);

// mcr_delivery_failed: the create or patch was not taken.
mcr_delivery_step mcr_delivery_failed(mcr_delivery *d, const mcr_write_error *err);

// mcr_delivery_slept: the sleep is over.
mcr_delivery_step mcr_delivery_slept(mcr_delivery *d);

// mcr_delivery_shut_down: the sleep was cut short by the end. It is never told otherwise: a request
// under way comes to its own end first, and at least one is made.
mcr_delivery_step mcr_delivery_shut_down(mcr_delivery *d);

// mcr_delivery_fini lets go of the event, done or not.
void mcr_delivery_fini(mcr_delivery *d);
