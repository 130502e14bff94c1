#pragma once
// A configuration made into running parts. `check` stops after mcr_app_load; `run` goes on with
// mcr_app_open: both use the same code as far as they go.

#include <ev.h>

#include "broadcast/host.h"
#include "cli/config.h"
#include "cli/generation.h"
#include "script/shared.h"
#include "sink/dead_letters.h"

typedef struct mcr_app_watcher {
    const mcr_config_watcher *config;
    mcr_scripts *scripts; // of the generation in use, on the host's thread; NULL: it has none
    mcr_scripts **sinks;  // of its sinks that are scripts, by their index, until these are open
    mcr_watcher *watcher;
    mcr_watch *watch;
    mcr_host *host; // one per group; NULL before open and after join
} mcr_app_watcher;

typedef struct mcr_app {
    mcr_config *config; // of the first generation: what watchers, sinks and sources are made of
    const mcr_clock *clock;
    mcr_shared *shared;
    mcr_dead_letters *dead;       // NULL: none configured, or not open yet
    mcr_broadcaster *broadcaster; // inline; made by load, since emit needs it
    mcr_app_watcher *watchers;
    uint32_t watcher_n;
    mcr_host **hosts;
    uint32_t host_n;
    mcr_source **sources;
    uint32_t source_n;
} mcr_app;

// mcr_app_load compiles every script of the `first` generation, which stays the caller's and must
// outlive the app or be replaced by a reload, and runs their init. Opens no file but the scripts.
mcr_err mcr_app_load(mcr_app *app, mcr_generation *first, const mcr_clock *clock, mcr_errbuf *err);

// mcr_app_world is what the scripts of a generation for this app work with.
mcr_generation_world mcr_app_world(const mcr_app *app);

// mcr_app_open_dead_letters opens the dead letters, before mcr_app_load, so that scripts know them.
mcr_err mcr_app_open_dead_letters(mcr_app *app, const mcr_config *config, const mcr_clock *clock,
                                  mcr_errbuf *err);

// mcr_app_open opens sinks and sources, makes watches and hosts. Nothing runs yet.
mcr_err mcr_app_open(mcr_app *app, struct ev_loop *loop, const mcr_source_owner *owner,
                     mcr_errbuf *err);

// mcr_app_close frees everything; hosts must have been joined.
void mcr_app_close(mcr_app *app);
