#pragma once
// The ledger: where every event has gone (DESIGN §4.5). Snapshots of the counters of every stage,
// to be printed and checked at the end of `run` and `eval -v`.
//
//     mcr_ledger l = { 0 };
//     mcr_ledger_add_source(&l, source);            … each on the thread that owns it,
//     mcr_ledger_add_watcher(&l, watcher, scripts, watch);     between two of its calls
//     mcr_ledger_write(&text, &l, false);
//     if (mcr_ledger_check(&l, &err) != MCR_OK) …
//     mcr_ledger_fini(&l);

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "broadcast/broadcaster.h"
#include "broadcast/watcher.h"
#include "script/script.h"
#include "source/source.h"

typedef struct mcr_ledger_source {
    const char *name;
    mcr_source_counts counts;
} mcr_ledger_source;

// A side counter of a sink (mcr_sink_kind.each_note).
typedef struct mcr_ledger_note {
    const char *name;
    uint64_t n;
} mcr_ledger_note;

typedef struct mcr_ledger_sink {
    const char *name;
    mcr_sink_counts counts;
    mcr_ledger_note *notes;
    uint32_t note_n;
} mcr_ledger_sink;

// Why scripts dropped events: `n` events for `text`.
typedef struct mcr_ledger_reason {
    char *text;
    uint64_t n;
} mcr_ledger_reason;

typedef struct mcr_ledger_watcher {
    const char *name;
    bool has_watch; // false: it is stepped without a queue
    mcr_watch_counts watch;
    mcr_watcher_counts counts;
    mcr_script_counts scripts;
    mcr_ledger_reason *reasons; // most frequent first
    uint32_t reason_n;
    mcr_ledger_sink *sinks;
    uint32_t sink_n;
} mcr_ledger_watcher;

// Zero-initialised is empty and valid. Names are borrowed from what was added, but for those in
// `names`.
typedef struct mcr_ledger {
    char **names; // owned
    uint32_t name_n;
    mcr_ledger_source *sources;
    uint32_t source_n;
    bool has_broadcaster;
    mcr_broadcaster_counts broadcaster;
    mcr_ledger_watcher *watchers;
    uint32_t watcher_n;
    uint64_t recorded; // events about the program itself (daemon/self_event.h)
    uint64_t left_out; // read, but not handed on: what `replay` was told to leave out
    bool has_dead_letters;
    uint64_t dead_letters; // written
} mcr_ledger;

void mcr_ledger_add_source(mcr_ledger *l, const mcr_source *source);
void mcr_ledger_set_broadcaster(mcr_ledger *l, mcr_broadcaster *b);
void mcr_ledger_set_dead_letters(mcr_ledger *l, mcr_dead_letters *dead);

// mcr_ledger_add_watcher adds the watcher with its sinks. `scripts` and `watch` may be NULL.
void mcr_ledger_add_watcher(mcr_ledger *l, const mcr_watcher *w, const mcr_scripts *scripts,
                            const mcr_watch *watch);

// What is gone: mcr_ledger_fold_… adds the counts of a source or watcher that will be freed to
// those of earlier ones of the same name, under "NAME (ended)".
void mcr_ledger_fold_source(mcr_ledger *l, const mcr_source *source);
void mcr_ledger_fold_watcher(mcr_ledger *l, const mcr_watcher *w, const mcr_scripts *scripts,
                             const mcr_watch *watch);

// mcr_ledger_ended is "NAME (ended)", owned by the ledger; the same pointer for the same name.
const char *mcr_ledger_ended(mcr_ledger *l, const char *name);

// mcr_ledger_own_names copies the names of watchers, sinks and notes, so that the ledger outlives
// what was added.
void mcr_ledger_own_names(mcr_ledger *l);

// mcr_ledger_add_former adds all of `former`, which must outlive `l`.
void mcr_ledger_add_former(mcr_ledger *l, const mcr_ledger *former);

void mcr_ledger_fini(mcr_ledger *l);

// mcr_ledger_write appends the ledger: aligned lines for people, or one JSON object and a newline.
void mcr_ledger_write(mcr_buf *out, const mcr_ledger *l, bool json);

// mcr_ledger_check verifies every equation there is between the stages. It needs a ledger whose
// snapshots were taken while nothing was running. MCR_EINVAL with the first that does not hold.
mcr_err mcr_ledger_check(const mcr_ledger *l, mcr_errbuf *err);

// mcr_ledger_print writes the ledger on stderr and then checks it: "ledger does not add up: …" is
// logged, and false returned, when it does not. `show`: false checks only.
bool mcr_ledger_print(const mcr_ledger *l, bool show, bool json);
