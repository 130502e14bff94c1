#pragma once
// A generation: the configuration and the scripts of every watcher, as they were read at one time.
// `run` starts with the first one, and each reload that succeeds makes the next (daemon/reload.h).
//
// It is made on one thread. Afterwards the scripts of each watcher belong to the thread that drives
// it, and the rest does not change.

#include "base/clock.h"
#include "base/file_set.h"
#include "config/config.h"
#include "script/shared.h"
#include "sink/dead_letters.h"

// The Lua states of one watcher.
typedef struct mcr_watcher_scripts {
    mcr_scripts *hooks;  // NULL: it has no scripts
    mcr_scripts **sinks; // of its sinks that are scripts, by their index; the others are NULL
    uint32_t sink_n;
} mcr_watcher_scripts;

typedef struct mcr_generation {
    mcr_config *config;
    mcr_file_set *files;          // all that was read for it
    mcr_watcher_scripts *scripts; // of config->watchers[i], until they are taken
    uint64_t number;              // 1, 2, …; set by who takes it into use
    int64_t made_at;              // Unix ns
    char hash[17];                // of the contents of its files, as hexadecimal digits
} mcr_generation;

// What scripts work with; all of it must outlive the generation.
typedef struct mcr_generation_world {
    const mcr_clock *clock;
    mcr_shared *shared;
    mcr_dead_letters *dead; // NULL: none
    mcr_broadcaster *broadcaster;
    bool ordered;    // mcr_script_options
    bool open_sinks; // the sinks of watchers stand for names that scripts come up with, all but the
                     // first and the last (mcr_scripts_open_sinks)
} mcr_generation_world;

// mcr_generation_new makes one that knows nothing yet. `earlier` (borrowed for the call; NULL:
// nothing) is what is seen again instead of what is on the disk now.
mcr_generation *mcr_generation_new(const mcr_file_set *earlier);

// mcr_generation_read reads the configuration at `path` (as mcr_config_load). MCR_ECONFIG with
// "file:line: …".
mcr_err mcr_generation_read(mcr_generation *g, const char *path, mcr_errbuf *err);

// mcr_generation_load compiles every script and runs their init(params) and self_test().
// After mcr_generation_read.
// MCR_ECONFIG or MCR_ESCRIPT with file:line.
mcr_err mcr_generation_load(mcr_generation *g, const mcr_generation_world *world, mcr_errbuf *err);

// mcr_generation_take_scripts gives the scripts of watcher `i` to the caller.
mcr_watcher_scripts mcr_generation_take_scripts(mcr_generation *g, uint32_t i);

// mcr_watcher_scripts_fini frees those that are there.
void mcr_watcher_scripts_fini(mcr_watcher_scripts *s);

// mcr_generation_free frees what was not taken.
void mcr_generation_free(mcr_generation *g);
