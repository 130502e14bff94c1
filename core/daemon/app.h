#pragma once
// A configuration made into running parts. `check` stops after mcr_app_load; `run` goes on with
// mcr_app_open: both use the same code as far as they go. A reload changes the parts while they run
// (daemon/plan.h).
//
// All of it belongs to the main thread, but for what a watcher's host drives.

#include <ev.h>
#include <stdatomic.h>

#include "broadcast/host.h"
#include "config/config.h"
#include "config/generation.h"
#include "daemon/ledger.h"
#include "script/shadow.h"
#include "script/shared.h"
#include "sink/dead_letters.h"

typedef struct mcr_app_watcher {
    char *name;
    char *group;                      // NULL: a host of its own
    mcr_config *held;                 // keeps `config`
    const mcr_config_watcher *config; // what it was made of last
    mcr_watcher_scripts loaded;       // what is not in use yet: `check` gets no further
    mcr_scripts *scripts;             // owned; the host's thread's while it runs. NULL: none
    mcr_shadow *shadow;               // beside them, likewise. NULL: none
    mcr_watcher *watcher;             // NULL before open
    mcr_watch *watch;                 // NULL before it is put to work
    mcr_host *host;                   // likewise
    atomic_bool joining;              // its host is there, but has not taken it in yet
    bool leaving;                     // its watch is stopped: it ends when its queue is read
} mcr_app_watcher;

typedef struct mcr_app_source {
    mcr_config *held; // keeps `config`
    const mcr_config_source *config;
    mcr_source *source; // NULL once it was closed
    bool leaving;       // no more of the configuration: it ends when what was read is handed over
    bool ended;
    bool failed; // it has ended with an error
} mcr_app_source;

typedef struct mcr_app {
    mcr_config *config; // that of the generation in use
    const mcr_clock *clock;
    mcr_shared *shared;
    mcr_tapping *tapping;         // who watches events pass; made by load
    mcr_dead_letters *dead;       // NULL: none configured, or not open yet
    mcr_broadcaster *broadcaster; // inline; made by load, since emit needs it
    struct ev_loop *loop;         // NULL before open
    mcr_source_owner owner;       // of the sources
    mcr_app_watcher **watchers;
    uint32_t watcher_n;
    mcr_host **hosts;
    uint32_t host_n;
    bool running;    // hosts are started
    ev_async parted; // some watcher has left its host
    mcr_app_source **sources;
    uint32_t source_n;
    uint32_t source_serial; // how many there have been
    mcr_ledger former;      // what sources and watchers that are gone have counted
} mcr_app;

// mcr_app_load compiles every script of the `first` generation, which stays the caller's but for
// the scripts, and runs their init. Opens no file but the scripts.
mcr_err mcr_app_load(mcr_app *app, mcr_generation *first, const mcr_clock *clock, mcr_errbuf *err);

// mcr_app_world is what the scripts of a generation for this app work with.
mcr_generation_world mcr_app_world(const mcr_app *app);

// mcr_app_open_dead_letters opens the dead letters, before mcr_app_load, so that scripts know them.
mcr_err mcr_app_open_dead_letters(mcr_app *app, const mcr_config *config, const mcr_clock *clock,
                                  mcr_errbuf *err);

// mcr_app_open opens sinks and sources, makes watches and hosts. Nothing runs yet.
mcr_err mcr_app_open(mcr_app *app, struct ev_loop *loop, const mcr_source_owner *owner,
                     mcr_errbuf *err);

// mcr_app_start starts the hosts, then the sources.
mcr_err mcr_app_start(mcr_app *app, mcr_errbuf *err);

// mcr_app_source_ended notes that the source has ended, with an error or not, and closes it when it
// is leaving.
void mcr_app_source_ended(mcr_app *app, const mcr_source *source, bool failed);

// mcr_app_has_sources says whether any source has not ended.
bool mcr_app_has_sources(const mcr_app *app);

// mcr_app_close frees everything; hosts must have been joined.
void mcr_app_close(mcr_app *app);

// The parts, for a reload.

// mcr_app_new_watcher makes the watcher of config->watchers[i] with these scripts, which it takes
// over, and opens its sinks; it is not part of the app yet. NULL with a sentence.
mcr_app_watcher *mcr_app_new_watcher(mcr_app *app, mcr_config *config, uint32_t i,
                                     mcr_watcher_scripts scripts, mcr_errbuf *err);

// mcr_app_new_sink opens sink `i` of the watcher as `config` has it; the log sink comes last. A
// script of its own is taken out of `scripts`. The sink holds the configuration until it is closed.
// NULL with a sentence.
mcr_sink *mcr_app_new_sink(mcr_app *app, mcr_config *config, const mcr_config_watcher *watcher,
                           uint32_t i, mcr_watcher_scripts *scripts, mcr_errbuf *err);

// mcr_app_sink_files is what the script of a sink that mcr_app_new_sink made was read from; NULL:
// it is no script.
const mcr_file_set *mcr_app_sink_files(const mcr_sink *sink);

// mcr_app_add_watcher makes it part of the app: watch and host. When hosts run it begins to work.
mcr_err mcr_app_add_watcher(mcr_app *app, mcr_app_watcher *w, mcr_errbuf *err);

// mcr_app_part_with lets the watcher end: its watch stops now, and when its queue is read and its
// deliveries are decided it is freed, and its counts go to app->former.
void mcr_app_part_with(mcr_app *app, mcr_app_watcher *w);

void mcr_app_watcher_free(mcr_app_watcher *w);

// mcr_app_new_source opens config->sources[i]; it is not part of the app yet. NULL with a sentence.
mcr_app_source *mcr_app_new_source(mcr_app *app, mcr_config *config, uint32_t i, mcr_errbuf *err);

// mcr_app_add_source makes it part of the app; mcr_app_start or the caller starts it.
void mcr_app_add_source(mcr_app *app, mcr_app_source *s);

void mcr_app_source_free(mcr_app_source *s);
