#pragma once
// A watcher: client-go's subscriber as a plain object. It takes events in, runs hooks, routes them
// to its sinks and keeps its part of the ledger. It owns all of this and touches nothing else; a
// host (broadcast/host.h) or a command drives it by mcr_watcher_step, so the same code runs live,
// in `eval` and in tests.
//
// Ledger (DESIGN §4.5), exact between two calls:
//     taken = running(0) + filtered + refused + spam_filtered + handled_only + routed_nowhere +
//     routed
// and with the host's side: offered = ring_full + queued + taken. What the sinks are handed
// together, sum(assigned), is the events routed, once for each sink they go to, with the direct
// deliveries.

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "broadcast/hooks.h"
#include "broadcast/updates.h"
#include "broadcast/watcher_observer.h"
#include "correlate/correlator.h"
#include "sink/sink.h"

typedef struct mcr_watcher mcr_watcher;

typedef struct mcr_watcher_counts {
    uint64_t taken;          // came out of the ring
    uint64_t filtered;       // filter or handle dropped it
    uint64_t refused;        // a hook failed on it and the policy kept it from going on
    uint64_t spam_filtered;  // the correlator's spam filter dropped it
    uint64_t handled_only;   // went through handle; the watcher has no sinks
    uint64_t routed_nowhere; // route named no sink
    uint64_t routed;         // handed to at least one sink
    uint64_t direct; // side counter: deliveries by emit(event, "sink") or of a route's own event
    uint64_t aggregated;  // side counter: combined with similar ones, dropped or not
    uint64_t counted;     // side counter: repeats of a known event
    uint64_t forgotten;   // side counter: events that `updates` had no room to remember
    uint64_t undelivered; // side counter: deliveries given up since the end had come
} mcr_watcher_counts;

// mcr_watcher_new makes a watcher called `name` (copied).
mcr_watcher *mcr_watcher_new(const char *name);

// mcr_watcher_free closes the sinks and frees; hooks stay their owner's.
void mcr_watcher_free(mcr_watcher *w);

const char *mcr_watcher_name(const mcr_watcher *w);

// mcr_watcher_set_hooks: before the first step, or between two calls in place of other hooks, which
// are not called again. The table is copied. The next tick calls the new hooks'.
void mcr_watcher_set_hooks(mcr_watcher *w, const mcr_hooks *hooks);

// mcr_watcher_correlate: events that passed the hooks are correlated before they are routed, those
// without a name after they got one (event/event_name.h, by the time of their correlation), with
// these options (copied; what their hooks point to must outlive the watcher). Two events of a batch
// never have the same time for it, since combined events are named by it. `learns`: the sinks'
// answers go to mcr_correlator_update, as client-go does; right only when its sinks have one event
// in flight at a time, since an answer sets the count back to what it was then. After the sinks
// were added; before the first step, or between two calls: then what was known of events is gone.
// NULL ends correlation.
void mcr_watcher_correlate(mcr_watcher *w, const mcr_correlator_options *options, bool learns);

// mcr_watcher_set_text_hooks puts the four text hooks of `options` in the place of those that
// mcr_watcher_correlate was given; what is known of events stays. Nothing happens without a
// correlator. Between two calls.
void mcr_watcher_set_text_hooks(mcr_watcher *w, const mcr_correlator_options *options);

// mcr_watcher_set_tapping: who may watch what becomes of its events (event/tapping.h), which must
// outlive the watcher. Before its first sink.
void mcr_watcher_set_tapping(mcr_watcher *w, mcr_tapping *tapping);

// mcr_watcher_add_sink_take gives the watcher a sink under its name; returns its index. At most
// MCR_MAX_SINKS, before the first step.
uint32_t mcr_watcher_add_sink_take(mcr_watcher *w, mcr_sink *sink);

// mcr_watcher_find_sink returns the index of the sink called `name`, -1 when there is none.
int mcr_watcher_find_sink(const mcr_watcher *w, mcr_str name);

// mcr_watcher_set_updates says which repeats sink `i` wants (broadcast/updates.h): MCR_UPDATES_ALL,
// MCR_UPDATES_FIRST or at most one in so many ns. The others are assigned to it and counted
// suppressed. Between two calls.
void mcr_watcher_set_updates(mcr_watcher *w, uint32_t i, int64_t every_ns);

// mcr_watcher_updates is what was set for sink `i`.
int64_t mcr_watcher_updates(const mcr_watcher *w, uint32_t i);

uint32_t mcr_watcher_sink_count(const mcr_watcher *w);
mcr_sink *mcr_watcher_sink(const mcr_watcher *w, uint32_t i);

// mcr_watcher_exchange_sinks makes the `n` sinks of `next` those of the watcher, in their order,
// each one of its present ones or a new one, which it takes and starts on `loop`. A present sink
// that is not among them retires: nothing more is written to it, what it has in flight is drained
// for `drain_ns`, then it is closed. Present ones keep what their updates know; those of new ones
// can be set afterwards. On the host's thread, between two calls.
void mcr_watcher_exchange_sinks(mcr_watcher *w, mcr_sink *const *next, uint32_t n,
                                struct ev_loop *loop, int64_t drain_ns, int64_t now);

// What is left of sinks that retired, those of one name together: `counts` may have some in flight.
typedef struct mcr_retired {
    const char *name;
    mcr_sink_counts counts;
} mcr_retired;

// mcr_watcher_each_retired calls `each` with every one. On the driving thread, between calls.
void mcr_watcher_each_retired(const mcr_watcher *w,
                              void (*each)(void *arg, const mcr_retired *retired), void *arg);

// mcr_watcher_start starts the sinks on the host's loop, before the first step. Without a loop
// (`eval`, tests) it is left out, and so are sinks that need one.
void mcr_watcher_start(mcr_watcher *w, struct ev_loop *loop);

// mcr_watcher_set_drops: on_full = "drop" of sink `i`. The watcher does not wait for room in it;
// what it has none for it gives up. False, as from the start: while it has none, the watcher takes
// no events, its other sinks get none, and sources that wait for the watcher's queue stand still.
void mcr_watcher_set_drops(mcr_watcher *w, uint32_t i, bool drops);

// mcr_watcher_room is how many events the next step may bring: the least that any sink that is
// waited for has room for, MCR_BATCH at most. Says once a minute for which sink it has waited a
// second or longer.
uint32_t mcr_watcher_room(mcr_watcher *w);

// mcr_watcher_sink_room is how many more events sink `i` takes.
size_t mcr_watcher_sink_room(const mcr_watcher *w, uint32_t i);

// mcr_watcher_in_flight is how many deliveries of its sinks are not decided.
uint64_t mcr_watcher_in_flight(const mcr_watcher *w);

// mcr_watcher_step works on `n` events (at most MCR_BATCH) and becomes the holder of each. `now` is
// Unix nanoseconds.
void mcr_watcher_step(mcr_watcher *w, mcr_event *const *events, uint32_t n, int64_t now);

// mcr_watcher_tick runs periodic work of hooks and sinks if it is due (the first call always runs
// the hooks'); returns when it is due next (Unix ns), 0 for never. Ask again before every sleep: a
// step or flush can bring the time forward.
int64_t mcr_watcher_tick(mcr_watcher *w, int64_t now);

// mcr_watcher_flush hands over what the sinks have buffered.
void mcr_watcher_flush(mcr_watcher *w, int64_t now);

// mcr_watcher_cut_off: the end is near, and the sinks without room are not waited for any more.
// What the next steps bring past their room they give up (mcr_sink_assign), counted undelivered.
void mcr_watcher_cut_off(mcr_watcher *w);

// mcr_watcher_stop settles what the sinks still have in flight and takes them off the host's loop.
// Their counts can still be read. A second call does nothing.
void mcr_watcher_stop(mcr_watcher *w);

// mcr_watcher_fini runs the hooks' end, flushes the sinks and has them drain: the host goes on with
// its loop until mcr_watcher_in_flight is 0 or its patience ends. No step after it; a second call
// does nothing.
void mcr_watcher_fini(mcr_watcher *w, int64_t now);

// mcr_watcher_observe has `observer` (copied) told of every event from the next step on, in the
// place of the one before; NULL: nobody. Between two calls.
void mcr_watcher_observe(mcr_watcher *w, const mcr_watcher_observer *observer);

// mcr_watcher_counts_now reads the counters; on the driving thread, between calls.
mcr_watcher_counts mcr_watcher_counts_now(const mcr_watcher *w);
