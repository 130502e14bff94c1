#pragma once
// A watcher: client-go's subscriber as a plain object. It takes events in, runs hooks, routes them
// to its sinks and keeps its part of the ledger. It owns all of this and touches nothing else; a
// host (broadcast/host.h) or a command drives it by mcr_watcher_step, so the same code runs live,
// in `eval` and in tests.
//
// Ledger (DESIGN §4.5), exact between two calls:
//     taken = running(0) + filtered + refused + handled_only + routed_nowhere + routed
// and with the host's side: offered = ring_full + queued + taken. What the sinks are handed
// together, sum(assigned), is the events routed, once for each sink they go to, with the direct
// deliveries.

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "broadcast/hooks.h"
#include "sink/sink.h"

typedef struct mcr_watcher mcr_watcher;

typedef struct mcr_watcher_counts {
    uint64_t taken;          // came out of the ring
    uint64_t filtered;       // filter or handle dropped it
    uint64_t refused;        // a hook failed on it and the policy kept it from going on
    uint64_t handled_only;   // went through handle; the watcher has no sinks
    uint64_t routed_nowhere; // route named no sink
    uint64_t routed;         // handed to at least one sink
    uint64_t direct; // side counter: deliveries by emit(event, "sink") or of a route's own event
} mcr_watcher_counts;

// mcr_watcher_new makes a watcher called `name` (copied).
mcr_watcher *mcr_watcher_new(const char *name);

// mcr_watcher_free closes the sinks and frees; hooks stay their owner's.
void mcr_watcher_free(mcr_watcher *w);

const char *mcr_watcher_name(const mcr_watcher *w);

// mcr_watcher_set_hooks: before the first step. The table is copied.
void mcr_watcher_set_hooks(mcr_watcher *w, const mcr_hooks *hooks);

// mcr_watcher_add_sink_take gives the watcher a sink under its name; returns its index. At most
// MCR_MAX_SINKS, before the first step.
uint32_t mcr_watcher_add_sink_take(mcr_watcher *w, mcr_sink *sink);

// mcr_watcher_find_sink returns the index of the sink called `name`, -1 when there is none.
int mcr_watcher_find_sink(const mcr_watcher *w, mcr_str name);

uint32_t mcr_watcher_sink_count(const mcr_watcher *w);
mcr_sink *mcr_watcher_sink(const mcr_watcher *w, uint32_t i);

// mcr_watcher_step works on `n` events (at most MCR_BATCH) and becomes the holder of each. `now` is
// Unix nanoseconds.
void mcr_watcher_step(mcr_watcher *w, mcr_event *const *events, uint32_t n, int64_t now);

// mcr_watcher_tick runs periodic work of hooks and sinks if it is due (the first call always runs
// the hooks'); returns when it is due next (Unix ns), 0 for never. Ask again before every sleep: a
// step or flush can bring the time forward.
int64_t mcr_watcher_tick(mcr_watcher *w, int64_t now);

// mcr_watcher_flush hands over what the sinks have buffered.
void mcr_watcher_flush(mcr_watcher *w, int64_t now);

// mcr_watcher_fini runs the hooks' end and flushes the sinks. No step after it; a second call does
// nothing.
void mcr_watcher_fini(mcr_watcher *w, int64_t now);

// mcr_watcher_counts_now reads the counters; on the driving thread, between calls.
mcr_watcher_counts mcr_watcher_counts_now(const mcr_watcher *w);
