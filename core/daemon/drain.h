#pragma once
// The end of `run`: what was read is worked off, within limits and while signals are served, and
// the exit code says what became of it.

#include <ev.h>
#include <stdbool.h>

#include "daemon/app.h"
#include "daemon/ledger.h"

typedef struct mcr_drain {
    mcr_app *app;
    struct ev_loop *loop;
    bool hurry;       // a second signal came: everything ends at once
    bool quiet, json; // how the ledger is printed
    uint64_t recorded;
} mcr_drain;

// mcr_drain_announce: from now on `drain_timeout` runs.
void mcr_drain_announce(const mcr_drain *d);

// mcr_drain_finish lets the watchers finish what was read, and what they emit to each other
// meanwhile (bounded by the hop limit). Past `drain_timeout` no watcher waits for its sinks, so
// that all come to an end. When it returns every host has ended; with `hurry`, and a hook that does
// not return, it leaves the program instead.
void mcr_drain_finish(mcr_drain *d);

// mcr_drain_exit_code prints and checks the ledger. `failed`: something went wrong that is not in
// it.
int mcr_drain_exit_code(const mcr_drain *d, bool failed);
