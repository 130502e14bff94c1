#pragma once
// Asks every watcher of a running program for its counters and scripts, without waiting for one:
// each is asked on the thread of its host, between two batches, and who does not answer in time (a
// hook that takes long) is named as silent.
//
// Everything here is called on the main thread.

#include <ev.h>

#include "daemon/app.h"
#include "daemon/hook_figures.h"
#include "daemon/ledger.h"

typedef struct mcr_census mcr_census;

typedef struct mcr_census_watcher {
    const char *name;
    const char *group;   // NULL: a host of its own
    const char *scripts; // a line for each with its hooks, without the last newline; "": none
    const char *shadow;  // what its shadow has compared (mcr_shadow_report); "": it has none
    const mcr_hook_figures *hooks; // what they cost; none when it is silent
    bool silent;                   // it did not answer: its counters are not in the ledger
    bool leaving;                  // no more of the configuration, it works off its queue
} mcr_census_watcher;

typedef struct mcr_census_result {
    const mcr_ledger *ledger; // taken while all runs: its equations need not hold
    const mcr_census_watcher *watchers;
    uint32_t watcher_n;
} mcr_census_result;

// The result is valid for the call.
typedef void mcr_census_done(void *arg, const mcr_census_result *result);

mcr_census *mcr_census_new(mcr_app *app, struct ev_loop *loop);

// mcr_census_take asks all; `done` is called exactly once: from the loop after `patience_ns` at the
// latest, or from mcr_census_free. `recorded` of the ledger is the caller's to set.
void mcr_census_take(mcr_census *c, int64_t patience_ns, mcr_census_done *done, void *arg);

// mcr_census_free answers what is still open; hosts must have ended, mcr_app_close comes later.
// NULL is fine.
void mcr_census_free(mcr_census *c);

// mcr_census_take_ended takes the ledger of a program whose hosts have ended, at once. The names of
// those watchers whose hosts have not are logged as left behind, and they are left out.
void mcr_census_take_ended(mcr_app *app, mcr_ledger *ledger);
