#pragma once
// Two configurations over the same recorded events, and what they do differently: the inside of
// `diff`. Both are rehearsed (rehearse/rehearsal.h) on the same decoded events, batch by batch;
// watchers of the same name are compared turn by turn (rehearse/turn_difference.h). One thread.
//
//     mcr_comparison *c = mcr_comparison_new_take(old, new, &options, &err);
//     while (…) mcr_comparison_step(c, events, n, changed);
//     mcr_comparison_finish(c);
//     mcr_comparison_free(c);

#include "base/err.h"
#include "config/generation.h"
#include "rehearse/differences.h"

typedef struct mcr_comparison mcr_comparison;

typedef struct mcr_comparison_options {
    int64_t start;         // as of a rehearsal
    bool open_sinks;       // the same
    bool bodies;           // what sinks would be sent is compared, where it may differ
    const char *name;      // what its one watcher is called in the report; NULL: as they are
    mcr_differences *into; // where what differs is counted
} mcr_comparison_options;

// mcr_comparison_new_take loads both, which were read and nothing more, and owns them from now on,
// also when it fails: NULL with "file:line: …" in `err`.
mcr_comparison *mcr_comparison_new_take(mcr_generation *old, mcr_generation *new,
                                        const mcr_comparison_options *options, mcr_errbuf *err);
void mcr_comparison_free(mcr_comparison *c);

// mcr_comparison_step gives both `n` events (borrowed), and sets changed[i] for each that they
// treat differently; the others are left as they are. What a tick between two events does
// differently is counted among the differences and changes no event.
void mcr_comparison_step(mcr_comparison *c, mcr_event *const *events, uint32_t n, bool *changed);

// mcr_comparison_finish runs the end of both, and compares how often their scripts failed where no
// event shows it. True when there was a difference anywhere.
bool mcr_comparison_finish(mcr_comparison *c);
