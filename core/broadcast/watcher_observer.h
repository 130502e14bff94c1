#pragma once
// Who is told what a watcher does with each event: rehearsals (rehearse/). Nothing is paid for
// callbacks that are NULL but the look. They run within mcr_watcher_step, on the driving thread;
// events are borrowed for the call, and nothing of the watcher may be called. Who watches a running
// program from outside hears of batches instead (event/tapping.h).

#include "correlate/correlator.h"
#include "event/event.h"

// Where an event that goes to no sink has ended; each counts in the counter of its name.
typedef enum mcr_watcher_end {
    MCR_END_FILTERED,
    MCR_END_REFUSED,
    MCR_END_SPAM_FILTERED,
    MCR_END_HANDLED_ONLY,
    MCR_END_ROUTED_NOWHERE
} mcr_watcher_end;

typedef struct mcr_watcher_observer {
    void *self;
    // The correlator has worked on `came`, the event as the hooks left it (named, if it had no
    // name); out->ev is NULL when the spam filter dropped it. `c` may be asked (mcr_correlator_…).
    void (*correlated)(void *self, mcr_event *came, const mcr_correlated *out, mcr_correlator *c);
    // `ev` goes to these sinks (bit i: the watcher's sink i), before they get it. A route may have
    // given some of them events of its own, which are not `ev`, instead or beside.
    void (*routed)(void *self, mcr_event *ev, uint64_t sinks);
    // `ev`, as the last stage left it, goes to no sink. Not for direct deliveries.
    void (*ended)(void *self, mcr_event *ev, mcr_watcher_end end);
    // The sink's `updates` leave this repeat out.
    void (*suppressed)(void *self, uint32_t sink, mcr_event *ev);
} mcr_watcher_observer;
