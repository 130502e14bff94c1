#pragma once
// The configuration: one Lua file that returns one table (DESIGN §7). It is evaluated in a state of
// its own without I/O but `env "NAME"` and `file "path"`, then checked key by key: what is unknown,
// of the wrong type or names something that does not exist is an error with file, line and, where
// one is close, a suggestion.

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/file_set.h"
#include "correlate/correlator.h"
#include "script/script.h"
#include "sink/sink.h"
#include "source/source.h"

typedef struct mcr_config_source {
    char *name;
    const mcr_source_kind *kind;
    void *options;
} mcr_config_source;

typedef struct mcr_config_script {
    char *name;       // as the configuration has it: "handlers/crashloop.lua"
    char *path;       // where it was found
    int params;       // registry reference in the configuration's state; LUA_NOREF: none
    mcr_grants allow; // what it may use beyond the sandbox
    int64_t deadline; // ns that a hook of it may run; 0: what the watcher says
} mcr_config_script;

typedef struct mcr_config_sink {
    char *name;
    const mcr_sink_kind *kind;
    void *options;
    int64_t updates;          // which repeats it is told of (broadcast/updates.h)
    bool drops;               // on_full = "drop"
    mcr_config_script render; // its renderer; name NULL: none
    mcr_config_script script; // of the kind "script"; name NULL: another kind
} mcr_config_sink;

typedef struct mcr_config_watcher {
    char *name;
    char *group;       // watchers of one group share a host; NULL: a host of its own
    char *log_format;  // a format of sink/format.h for the built-in sink "log"; NULL: none
    void *log_options; // of that sink, of kind "stderr"
    int64_t queue;     // of its watch
    int64_t memory;    // bytes that its scripts may use; 0: script_memory of the configuration
    int on_error;      // mcr_on_error
    int64_t
        deadline; // ns that a hook of its scripts may run; 0: script_deadline of the configuration
    mcr_config_script *scripts;
    uint32_t script_n;
    uint32_t *sinks; // indices into mcr_config.sinks
    uint32_t sink_n;
    uint64_t fallback; // bit i: its sink i takes events whose route failed
    bool correlates;
    bool learns; // by the answers of its sinks, as client-go does
    mcr_correlator_options correlate;
} mcr_config_watcher;

// When files are read anew (daemon/reload.h).
typedef struct mcr_config_reload {
    bool watch;       // when they change
    int64_t debounce; // ns
    int64_t poll;     // ns
    bool last_good;   // a start with broken ones takes those that ran last
    bool events;      // one that fails is an event, too
} mcr_config_reload;

typedef struct mcr_config_admin {
    char *listen;  // NULL: nowhere
    bool anywhere; // not only on this machine
} mcr_config_admin;

// The name of the sink that `log = …` gives a watcher.
#define MCR_LOG_SINK "log"

// mcr_config_watcher_sinks is how many sinks the watcher gets: those it names, then its log.
static inline uint32_t mcr_config_watcher_sinks(const mcr_config_watcher *w)
{
    return w->sink_n + (w->log_format ? 1 : 0);
}

typedef struct mcr_config {
    atomic_uint refs;
    mcr_file_set *files; // what it is read through; used by mcr_config_load alone
    char *path;
    char *dir;          // the folder of `path`
    char *text;         // the file, for the lines of messages
    char *scripts_dir;  // from `scripts`; NULL: not given
    char *dead_letters; // a path; NULL: none
    int64_t event_limit;
    int64_t emit_queue;
    int64_t script_memory; // bytes, of each watcher's scripts that says nothing else
    int64_t drain_timeout; // ns
    char *state_dir;       // NULL: nothing is kept
    char *control;         // path of the control socket; NULL: not given
    mcr_config_reload reload;
    mcr_config_admin admin;
    int64_t script_deadline; // ns, of hooks of watchers and scripts that say nothing else
    struct lua_State *L;
    mcr_config_source *sources;
    uint32_t source_n;
    mcr_config_sink *sinks;
    uint32_t sink_n;
    mcr_config_watcher *watchers;
    uint32_t watcher_n;
} mcr_config;

// mcr_config_place is `path`, or where the configuration is when nobody says so (NULL).
const char *mcr_config_place(const char *path);

// mcr_config_load reads and checks the file at `path`; NULL: ./mooncrier.lua, else
// /etc/mooncrier/mooncrier.lua. NULL with "file:line: …" in `err`.
mcr_config *mcr_config_load(const char *path, mcr_errbuf *err);

// mcr_config_load_through is mcr_config_load, looking at the file and for scripts through `files`
// (what `file "…"` reads, secrets, it does not keep).
mcr_config *mcr_config_load_through(const char *path, mcr_file_set *files, mcr_errbuf *err);

// mcr_config_load_live reads only what it says of the running program (config/config_live.h),
// whatever is wrong elsewhere. NULL: it has no such table, or that part is wrong.
mcr_config *mcr_config_load_live(const char *path, mcr_file_set *files, mcr_errbuf *err);

// A configuration lives as long as what was made of it: sinks and sources keep to their options.
void mcr_config_ref(mcr_config *config);
void mcr_config_unref(mcr_config *config);

// mcr_config_push_params pushes a copy of the script's parameters (nil when it has none) on the
// stack of another state.
void mcr_config_push_params(const mcr_config *config, const mcr_config_script *script,
                            struct lua_State *to);
