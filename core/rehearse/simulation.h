#pragma once
// One stream of events through many correlators: what each of these settings would have written to
// an API server, and what it would have kept from it. Every setting has a watcher of its own that
// works as in `run` (broadcast/watcher.h), one event at a time, in event time; all of them read the
// same decoded events in one pass. One thread.
//
// First-seen latency. Events are distinct when client-go's event key tells them apart (reporter,
// object, type, reason, message; correlate/keys.h), whatever keys the settings have. A distinct
// event is seen with the first write made for an occurrence of it: as an event of its own, or as
// the latest message of a combined one. Its latency is the time from its first occurrence to that.
// Those seen at once have none; those whose first occurrence was suppressed and a later one
// written are `delayed`, and those that were never written are `unseen`.

#include <stddef.h>
#include <stdint.h>

#include "correlate/correlator.h"

enum {
    MCR_SIMULATION_SETTINGS = 256,          // at most
    MCR_SIMULATION_DISTINCT = 1 << 20,      // distinct events whose latency is followed
    MCR_SIMULATION_LATENCIES = 1 << 23,     // that all settings together remember
    MCR_SIMULATION_LATENCIES_LEAST = 1 << 6 // … and each of them at least
};

typedef struct mcr_simulation mcr_simulation;

// What came of one setting.
typedef struct mcr_simulated {
    uint64_t events;     // creates + patches + suppressed
    uint64_t creates;    // writes of events that the correlator did not know
    uint64_t patches;    // writes of repeats. Where the create was suppressed, a server answers
                         // the first of them 404, and a create follows; that is not counted
    uint64_t suppressed; // by the spam filter
    uint64_t aggregated; // side counter: combined with similar ones, suppressed or not
    uint64_t delayed;    // distinct events seen later than they occurred first
    uint64_t unseen;     // distinct events never written
    // Of the delayed ones, ns: half of them, 99 of 100, all of them were seen by then; 0 when there
    // are none. Exact as long as they all fit the memory of the setting, else those of a random
    // sample of that many; the longest is always exact.
    int64_t latency_p50;
    int64_t latency_p99;
    int64_t latency_max;
} mcr_simulated;

// mcr_simulation_new: one correlator for each of `settings`, 1 to MCR_SIMULATION_SETTINGS. Their
// hooks are the same ones and must outlive the simulation; what they say of an event as it came in
// they are asked once for all settings.
mcr_simulation *mcr_simulation_new(const mcr_correlator_options *settings, size_t n);
void mcr_simulation_free(mcr_simulation *s);

// mcr_simulation_step gives `ev` (borrowed) to all settings at `now` (Unix ns). A time before the
// latest one counts as that.
void mcr_simulation_step(mcr_simulation *s, mcr_event *ev, int64_t now);

// mcr_simulation_distinct is how many distinct events there were, as far as they are followed;
// mcr_simulation_not_followed, how many events came that are in none of these: their latency is
// not known.
uint64_t mcr_simulation_distinct(const mcr_simulation *s);
uint64_t mcr_simulation_not_followed(const mcr_simulation *s);

// mcr_simulation_result says what came of setting `i`.
mcr_simulated mcr_simulation_result(const mcr_simulation *s, size_t i);
