#pragma once
// Sinks: where events end up. A sink kind is one file with one mcr_sink_kind, and one line in the
// list of sink.c. Each watcher has its own instances, used on its host's thread only.
//
// The ledger of a sink (DESIGN §4.5): assigned = delivered + merged + rejected + gave_up +
// dead_lettered + spooled + in_flight, exact whenever no call is running. `merged` and `spooled`
// stay 0 for sinks that neither merge nor spool.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/option.h"
#include "event/event.h"

typedef struct mcr_sink mcr_sink;
typedef struct mcr_dead_letters mcr_dead_letters;

typedef struct mcr_sink_counts {
    uint64_t assigned;      // handed to the sink
    uint64_t delivered;     // written where they should go
    uint64_t merged;        // folded into another event's delivery
    uint64_t rejected;      // can never be delivered, and there are no dead letters to keep it
    uint64_t gave_up;       // not delivered in time or after all tries, not kept
    uint64_t dead_lettered; // refused, kept in the dead letters
    uint64_t spooled;       // kept on disk for a later run
    uint64_t in_flight;     // not decided yet
} mcr_sink_counts;

typedef struct mcr_sink_kind {
    const char *name; // "file"
    const char *doc;  // a phrase for `check` and the manual
    const mcr_option *options;
    size_t options_size;
    // Fills the zeroed options struct with defaults; NULL when zeros are the defaults.
    void (*defaults)(void *options);
    // The name of an option that is wrong whatever the system holds, with a sentence in `err`; NULL
    // when all are well. `open` refuses the same ones. NULL: there is nothing to check.
    const char *(*check)(const void *options, mcr_errbuf *err);
    // Makes an instance; `options` stays the caller's until close. NULL with a sentence in `err`.
    mcr_sink *(*open)(const void *options, mcr_errbuf *err);
    // Takes `n` events, borrowed for the call: refs what it keeps. Counts them all in `counts`.
    void (*write)(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now);
    // Hands over what is buffered; called when the watcher has nothing more to do, and at the end.
    void (*flush)(mcr_sink *sink, int64_t now);
    // Work that is due without events (a late fsync). Returns when it wants to be called next (Unix
    // ns), 0 for never; asked again after every write and flush. NULL: none.
    int64_t (*tick)(mcr_sink *sink, int64_t now);
    // Opens files anew (SIGUSR1, after log rotation). NULL: nothing to reopen.
    void (*reopen)(mcr_sink *sink);
    // Flushes once more and frees; what cannot be handed over now is settled as at any other time.
    void (*close)(mcr_sink *sink);
} mcr_sink_kind;

// The head of every instance; a kind's own struct begins with one.
struct mcr_sink {
    const mcr_sink_kind *kind;
    const char *name;       // from the configuration; set by the owner after open
    const char *watcher;    // whose it is, for messages; set by the owner
    mcr_dead_letters *dead; // where refused events go, or NULL; set by the owner, shared
    mcr_sink_counts counts;
};

// mcr_sink_kind_find returns the kind called `name`, NULL when there is none.
const mcr_sink_kind *mcr_sink_kind_find(const char *name);

// mcr_sink_kinds is the NULL-terminated list of all kinds.
extern const mcr_sink_kind *const mcr_sink_kinds[];

// mcr_sink_refuse is for kinds: `ev` can never be delivered. Goes to the dead letters with `reason`
// and counts dead_lettered, or rejected when there are none; takes it out of in_flight.
void mcr_sink_refuse(mcr_sink *sink, const mcr_event *ev, const char *reason);

// mcr_sink_give_up is for kinds: `ev` was not delivered in time. As mcr_sink_refuse, but counts
// gave_up when there are no dead letters.
void mcr_sink_give_up(mcr_sink *sink, const mcr_event *ev, const char *reason);
