#pragma once
// client-go's EventAggregator: many events with one aggregate key (one object, reason and reporter)
// but different local keys (messages) become one combined event.
//
// A group is the set of local keys seen under an aggregate key, each no more than the interval
// after the one before. An event that makes it `max_events` large or larger is combined, and one
// key is taken out again, so that the set stays at max_events - 1. One thread.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "correlate/keys.h"

typedef struct mcr_aggregator mcr_aggregator;

// Chooses which of a group's `n` local keys a combined event takes out, the oldest first, its own
// last; a number past the end means the last. client-go takes any, at random.
typedef struct mcr_pop_hook {
    size_t (*choose)(void *self, const mcr_str *local_keys, size_t n); // NULL: its own
    void *self;
} mcr_pop_hook;

// mcr_aggregator_new: at most `size` groups, as mcr_lru_new takes it. `max_events` below 0 never
// combines. `max_interval_s` is in seconds and may be negative: then an event starts a new group
// unless time went back by more than that.
//
// Without a hook the event's own key goes: the first max_events - 1 messages keep their own events
// for as long as the group lasts, and every other one stays combined.
mcr_aggregator *mcr_aggregator_new(int64_t size, int64_t max_events, int64_t max_interval_s,
                                   mcr_pop_hook pop);
void mcr_aggregator_free(mcr_aggregator *a);

// mcr_aggregator_add counts an event in at `now` (Unix ns). True: it is to be combined, under its
// aggregate key.
bool mcr_aggregator_add(mcr_aggregator *a, const mcr_key *aggregate, const mcr_key *local,
                        int64_t now);

// mcr_aggregator_group is how many local keys the group of `aggregate` has.
uint32_t mcr_aggregator_group(mcr_aggregator *a, const mcr_key *aggregate);

// mcr_aggregate_event sets `out` to the combined event that stands for `ev` at `now`: named after
// the involved object and the time, count 1, both timestamps now, with `message`, and of `ev` only
// namespace, involvedObject, type, reason and source. Its strings are borrowed from `ev`, `message`
// and `name`, which holds the new name.
void mcr_aggregate_event(mcr_event *out, const mcr_event *ev, mcr_str message, int64_t now,
                         mcr_buf *name);

// mcr_aggregate_message appends client-go's text of a combined event.
void mcr_aggregate_message(mcr_buf *out, const mcr_event *ev);
