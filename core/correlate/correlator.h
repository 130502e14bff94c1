#pragma once
// client-go's EventCorrelator (events_cache.go): what should be recorded of an event, and how.
// Similar events are combined (aggregator.h), repeats are counted (event_log.h), and what an object
// has too much of is dropped (spam_filter.h), in this order: a dropped event still counts.
//
//     mcr_correlated out;
//     mcr_correlator_run(c, ev, &clock, &out);
//     if (out.ev)
//         deliver(out.ev, out.counted); // counted: mcr_count_patch (patch.h) is what to send
//     mcr_event_unref(out.ev);
//
// Memory is bounded by lru_cache_size, max_events and key_limit. One thread.

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "correlate/aggregator.h"
#include "event/event.h"

// A function of an event that appends a key or text, or returns false, and then client-go's is
// taken. It may hold the event (mcr_event_ref).
typedef struct mcr_text_hook {
    bool (*call)(void *self, mcr_event *ev, mcr_buf *out); // NULL: client-go's
    void *self;
} mcr_text_hook;

// CorrelatorOptions. All zero is client-go, result for result; 0 stands for client-go's default,
// and a negative value is taken as it is.
typedef struct mcr_correlator_options {
    int64_t lru_cache_size; // entries of each of the three caches; 4096; negative: nothing is kept
    int64_t burst_size;     // of the spam filter; 25; negative: nothing passes
    float qps;              // its refill, a finite number of tokens a second; 1/300; negative: none
    int64_t max_events;     // from so many similar events on they are combined; 10; negative: never
    int64_t max_interval_s; // the longest gap between similar events, in seconds; 600
    // Between the fields of client-go's keys; 0: nothing, so that different events may share a key.
    char key_separator;
    // Longer keys are cut and end in a hash of the whole; 0: kept whole, else at least
    // MCR_KEY_LIMIT_MIN bytes.
    uint32_t key_limit;
    mcr_text_hook aggregate_key; // which events are similar
    mcr_text_hook local_key;     // which of the similar ones are the same; the message
    mcr_text_hook spam_key;      // is called with the counted or combined event
    mcr_text_hook aggregate_message;
    mcr_pop_hook pop;
} mcr_correlator_options;

// mcr_correlator_default_options are mooncrier's own: client-go's numbers, with fields that cannot
// run into each other (key_separator) and bounded keys.
extern const mcr_correlator_options mcr_correlator_default_options;

typedef struct mcr_correlator mcr_correlator;

// mcr_correlator_new copies `options`; what its hooks point to must outlive the correlator.
mcr_correlator *mcr_correlator_new(const mcr_correlator_options *options);
void mcr_correlator_free(mcr_correlator *c);

// mcr_correlator_set_text_hooks puts the text hooks of `options` in the place of the present ones;
// what is known of events stays, under the keys that it has.
void mcr_correlator_set_text_hooks(mcr_correlator *c, const mcr_correlator_options *options);

typedef struct mcr_correlated {
    mcr_event *ev; // what to record, one hold for the caller: the event itself or one made here;
                   // NULL: the spam filter drops it
    bool counted;  // it repeats a known one, whose name and resourceVersion it has: a patch is due
    bool aggregated; // it was combined with similar ones, dropped or not
} mcr_correlated;

// mcr_correlator_run is EventCorrelate. The clock is read twice, as client-go does: for the
// aggregator and for the spam filter.
void mcr_correlator_run(mcr_correlator *c, mcr_event *ev, const mcr_clock *clock,
                        mcr_correlated *out);

// How a correlator came to its last result: for `explain`.
typedef struct mcr_correlation {
    mcr_str aggregate_key; // as they were looked up: long ones are cut
    mcr_str local_key;
    mcr_str spam_key;
    bool own_aggregate_key; // by hook; else client-go's
    bool own_local_key;
    bool own_spam_key;
    // The window: so many different local keys are in the group, this one included, if it is known
    // there; from max_events on (negative: never) they are combined, and what comes later than
    // max_interval_s after the one before begins a new group.
    uint32_t similar;
    int64_t max_events;
    int64_t max_interval_s;
    // The bucket: tokens there are now, after this event took its own; how many there can be, and
    // how many come in a second.
    double tokens;
    int64_t burst;
    double qps;
} mcr_correlation;

// mcr_correlator_last tells of the last mcr_correlator_run. Keys are valid until the next one, and
// as long as its event.
void mcr_correlator_last(const mcr_correlator *c, mcr_correlation *out);

// mcr_correlator_update is UpdateState: the event as the server answered it. It is noted under that
// event's own key, as client-go does; a combined event's patches therefore never have the
// resourceVersion that the server gave.
void mcr_correlator_update(mcr_correlator *c, const mcr_event *ev);
