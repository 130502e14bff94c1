#pragma once
// Sinks that a watcher has no more: what they have in flight is drained, then they are closed, and
// only their counts stay. Internal to broadcast/; the watcher's thread.

#include "broadcast/watcher.h"

typedef struct mcr_retiring {
    mcr_sink *sink;
    int64_t until; // Unix ns: the end of the patience with it
} mcr_retiring;

// Zero-initialised is empty.
typedef struct mcr_retirees {
    mcr_retiring *retiring;
    uint32_t n;
    mcr_retired *past; // those that are closed, by name (owned here)
    uint32_t past_n;
} mcr_retirees;

// mcr_retirees_take drains the sink, which becomes theirs.
void mcr_retirees_take(mcr_retirees *r, mcr_sink *sink, int64_t drain_ns, int64_t now);

// mcr_retirees_tick runs what is due, and closes those that are done. Returns when it is due next
// (Unix ns), 0 for never.
int64_t mcr_retirees_tick(mcr_retirees *r, int64_t now);

uint64_t mcr_retirees_in_flight(const mcr_retirees *r);

// mcr_retirees_stop ends what is in flight.
void mcr_retirees_stop(mcr_retirees *r);

// mcr_retirees_each: those of one name together, whether they are closed or not.
void mcr_retirees_each(const mcr_retirees *r, void (*each)(void *arg, const mcr_retired *retired),
                       void *arg);

void mcr_retirees_fini(mcr_retirees *r);
