#pragma once
// What a watcher tells those who tap it (event/tapping.h): what became of the events of one step,
// in the words of its ledger. Internal to broadcast/. On the thread that drives the watcher.
//
// Gathering what to tell is work: ask mcr_tapping_wants first, once for a batch.

#include "broadcast/hooks.h"
#include "event/tapping.h"

// Whose events they are.
typedef struct mcr_telling {
    mcr_tapping *tapping; // NULL: nobody can tap
    const char *watcher;
} mcr_telling;

// mcr_tell_handled tells what was filtered or refused of v[0…n), as `handle` of `hooks` has left
// it, and why.
void mcr_tell_handled(const mcr_telling *t, const mcr_hooks *hooks, const mcr_verdict *v,
                      uint32_t n);

// What the correlator has made of one event.
typedef struct mcr_told {
    mcr_event *ev; // held until it was told: what is recorded, or what the spam filter dropped
    bool dropped, counted, aggregated;
} mcr_told;

// mcr_tell_correlated tells of told[0…n) and lets go of the events.
void mcr_tell_correlated(const mcr_telling *t, const mcr_told *told, uint32_t n);

// mcr_tell_events tells of `n` events (at most MCR_BATCH) that are all at one stage with one
// outcome.
void mcr_tell_events(const mcr_telling *t, uint32_t stage, const char *outcome,
                     mcr_event *const *events, uint32_t n);

// mcr_tell_handled_only tells of v[0…n), which a watcher without sinks has had; looks itself
// whether anybody wants to know.
void mcr_tell_handled_only(const mcr_telling *t, const mcr_verdict *v, uint32_t n);
