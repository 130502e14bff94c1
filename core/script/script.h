#pragma once
// Scripts: the Lua implementer of the hooks table (broadcast/hooks.h). One mcr_scripts is one
// lua_State with the scripts of one watcher in it, in the order listed.
//
// A mcr_scripts is made on one thread (compiled, hooks resolved, init run) and then used by the
// thread that drives its watcher, never by two at once.

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file_set.h"
#include "broadcast/broadcaster.h"
#include "broadcast/watcher.h"
#include "correlate/correlator.h"
#include "script/grants.h"
#include "script/hook_cost.h"
#include "script/hook_observer.h"

typedef struct mcr_scripts mcr_scripts;
typedef struct mcr_shared mcr_shared; // script/shared.h
struct mcr_lua_sink;                  // script/sink_hooks.h
struct lua_State;

typedef enum mcr_on_error {
    MCR_ON_ERROR_DEAD_LETTER, // the event goes to the dead letters, counted `refused`
    MCR_ON_ERROR_PASS,        // the event goes on as if the hook were not there
    MCR_ON_ERROR_DROP         // the event is dropped, counted `refused`
} mcr_on_error;

// How long a hook may run when nothing else is said, and the limits of what can be said. Loading a
// script, init and fini may always take MCR_DEADLINE_NS.
#define MCR_DEADLINE_NS     INT64_C(1000000000)
#define MCR_DEADLINE_MIN_NS INT64_C(1000000)
#define MCR_DEADLINE_MAX_NS (60 * INT64_C(1000000000))
#define MCR_NO_DEADLINE     (-1) // nothing is guarded: for measuring what that costs

enum {
    MCR_SCRIPT_MEMORY = 64 << 20 // limits.memory when nobody says else
};

typedef struct mcr_script_options {
    const char *watcher;     // name, for messages; copied
    const char *scripts_dir; // where `require` and bare script names look after the script's own
                             // folder; NULL: none
    const mcr_clock *clock;  // what `time.now` reads
    mcr_shared *shared;      // the `shared` table; NULL: a private one
    mcr_dead_letters *dead;  // for on_error = dead_letter; NULL: refused events are only counted
    mcr_on_error on_error;
    size_t memory;                // bytes that its scripts may use; 0: MCR_SCRIPT_MEMORY
    mcr_broadcaster *broadcaster; // where emit(event) goes; NULL: emit raises an error
    const mcr_file_set *files;    // what was read already, and is not read again; borrowed for the
                                  // call. NULL: nothing
    int64_t deadline;             // ns that a hook may run (script/guard.h); 0: MCR_DEADLINE_NS
    bool ordered; // scripts see tables in an order that does not depend on chance, as LuaJIT's
} mcr_script_options;

// Side counters, exact between two calls.
typedef struct mcr_script_counts {
    uint64_t script_errors;   // hooks that raised or returned nonsense
    uint64_t emitted;         // events given to the broadcaster
    uint64_t emit_full;       // … that it had no room for
    uint64_t unknown_sinks;   // names that route gave and the watcher does not have
    uint64_t deadlines;       // hooks that were stopped since they ran too long
    uint64_t discards;        // … in such a way that the Lua state was lost and made anew
    uint64_t breaker_trips;   // hooks that failed so often that they were not called for a while
    uint64_t breaker_skipped; // … calls that were left out meanwhile
    uint64_t memory_full;     // how often they reached their limit of memory
    uint64_t memory_used;     // bytes, now
    uint64_t memory_limit;    // bytes
} mcr_script_counts;

// mcr_scripts_new makes a state with the script API and no scripts.
mcr_scripts *mcr_scripts_new(const mcr_script_options *options);

// mcr_scripts_free closes the state.
void mcr_scripts_free(mcr_scripts *s);

// mcr_scripts_files is what the scripts were read through: options->files and every file that they
// and `require` have looked for since. A module that a hook requires while events flow adds to it.
const mcr_file_set *mcr_scripts_files(const mcr_scripts *s);

// mcr_scripts_state is the Lua state, for the configuration reader to build params in.
struct lua_State *mcr_scripts_state(mcr_scripts *s);

// mcr_scripts_allow gives the script that is loaded next, and no other, these grants; the modules
// that it requires have them too. Without it a script has none.
void mcr_scripts_allow(mcr_scripts *s, mcr_grants grants);

// mcr_scripts_load compiles and runs the script at `path`, which must return a table of hooks, and
// adds its hooks to the chain; `name` is what messages and counters call it. The value on top of
// the state's stack (a table or nil: its params) is popped and kept for init. MCR_ECONFIG with
// file:line and, for an unknown hook, a suggestion.
mcr_err mcr_scripts_load(mcr_scripts *s, const char *path, const char *name, mcr_errbuf *err);

// mcr_scripts_set_deadline sets how long each hook of the scripts loaded from now on may run, ns.
void mcr_scripts_set_deadline(mcr_scripts *s, int64_t ns);

// mcr_scripts_load_renderer loads the script at `path` for the sink called `sink` alone: its table
// has `render`, and `init` if it wants to. It wins over a render hook of the watcher's scripts. A
// sink has one renderer at most. The value on top of the state's stack is popped, as above.
mcr_err mcr_scripts_load_renderer(mcr_scripts *s, const char *sink, const char *path,
                                  const char *name, mcr_errbuf *err);

// mcr_scripts_load_sink loads the script at `path` as a sink (script/script_sink.h): it is the only
// one of its state. The value on top of the state's stack is popped, as above. mcr_scripts_sink is
// its hooks, valid as long as `s`.
mcr_err mcr_scripts_load_sink(mcr_scripts *s, const char *path, const char *name, mcr_errbuf *err);
const struct mcr_lua_sink *mcr_scripts_sink(const mcr_scripts *s);

// mcr_scripts_load_text is mcr_scripts_load for text that is no file.
mcr_err mcr_scripts_load_text(mcr_scripts *s, mcr_str text, const char *name, mcr_errbuf *err);

// mcr_scripts_load_eval installs an expression over `event` (or statements) as a handle hook: false
// or nil drops, an event or a table takes the event's place, anything else passes it.
mcr_err mcr_scripts_load_eval(mcr_scripts *s, mcr_str expression, mcr_errbuf *err);

// mcr_scripts_set_sinks tells the scripts what the watcher's sinks are called, for route and
// emit(event, "sink"), and where events go whose route failed (bit i = sink i). Before init.
void mcr_scripts_set_sinks(mcr_scripts *s, const char *const *names, uint32_t n, uint64_t fallback);

// mcr_scripts_open_sinks is mcr_scripts_set_sinks for scripts whose sinks nobody has declared
// (`diff` of a script alone): any name is one. names[0] is for events that route says nothing of,
// or fails on; empty names are given, in their order, to the names that scripts come up with, and
// the last sink stands for those that find none left. mcr_scripts_sink_name is what sink `i` is
// called by now, "" for nothing.
void mcr_scripts_open_sinks(mcr_scripts *s, const char *const *names, uint32_t n);
const char *mcr_scripts_sink_name(const mcr_scripts *s, uint32_t i);

// mcr_scripts_check_sinks fails when a script names a sink that the watcher does not have, as far
// as its code shows: constants that route returns or emit is given. MCR_ECONFIG with file:line and
// a suggestion. After mcr_scripts_set_sinks.
mcr_err mcr_scripts_check_sinks(mcr_scripts *s, mcr_errbuf *err);

// mcr_scripts_set_watch names the watch that emit leaves out. Before the first event.
void mcr_scripts_set_watch(mcr_scripts *s, const mcr_watch *watch);

// mcr_scripts_attach is both for a finished watcher; failed routes go to all its sinks.
void mcr_scripts_attach(mcr_scripts *s, const mcr_watcher *w, const mcr_watch *watch);

// mcr_scripts_init runs every script's init(params) in order. MCR_ESCRIPT when one raised or
// returned false (and a message).
mcr_err mcr_scripts_init(mcr_scripts *s, int64_t now, mcr_errbuf *err);

// mcr_scripts_self_test runs every script's self_test() in order. MCR_ESCRIPT when one raised or
// returned false (and a message). After init.
mcr_err mcr_scripts_self_test(mcr_scripts *s, int64_t now, mcr_errbuf *err);

// mcr_scripts_save appends what the scripts' save() hooks return, for the scripts of the same names
// in another state. Nothing is appended when there are no such hooks. MCR_ESCRIPT when one raised,
// returned something that is no plain data, or more than MCR_MAX_SAVED bytes.
mcr_err mcr_scripts_save(mcr_scripts *s, int64_t now, mcr_buf *out, mcr_errbuf *err);

// mcr_scripts_restore hands what mcr_scripts_save gave to the restore(saved) hooks. MCR_ESCRIPT
// when one raised or returned false (and a message).
mcr_err mcr_scripts_restore(mcr_scripts *s, int64_t now, mcr_str saved, mcr_errbuf *err);

enum {
    MCR_MAX_SAVED = 1 << 20 // bytes that the save() of one script may come to
};

// mcr_scripts_inherit makes `s` go on where `old` ends: its counters, its reasons and the watch
// that emit leaves out. On the thread that drives the watcher, between two batches.
void mcr_scripts_inherit(mcr_scripts *s, mcr_scripts *old);

// mcr_scripts_correlator_hooks sets the hooks of `options` that scripts define (aggregate_key,
// local_key, spam_key, aggregate_message) and leaves the others; true when there are any. After the
// last load; valid as long as `s`, on the thread that drives the watcher. Keys by declaration never
// enter Lua. A hook that fails is counted and logged, and client-go's key or text is taken.
bool mcr_scripts_correlator_hooks(mcr_scripts *s, mcr_correlator_options *options);

// mcr_scripts_hooks is the table for mcr_watcher_set_hooks, valid as long as `s`.
const mcr_hooks *mcr_scripts_hooks(const mcr_scripts *s);

mcr_script_counts mcr_scripts_counts_now(const mcr_scripts *s);

// mcr_scripts_observe has `observer` (copied) told what every hook of events makes of them; NULL:
// nobody. Between two calls.
void mcr_scripts_observe(mcr_scripts *s, const mcr_hook_observer *observer);

// mcr_scripts_each_cost calls `each` with what each hook has cost since the scripts were loaded, in
// the order they came first (script/hook_cost.h); of hooks that were never called, nothing. Between
// two calls. `stage` lives on, `script` as long as `s`.
void mcr_scripts_each_cost(const mcr_scripts *s,
                           void (*each)(void *arg, const char *stage, const char *script,
                                        const mcr_hook_cost_sums *cost),
                           void *arg);

// mcr_scripts_describe appends one line per script: its path and hooks, for `check`.
void mcr_scripts_describe(const mcr_scripts *s, mcr_buf *out);

// mcr_scripts_owner appends the name of the script that has the hook (of a renderer's not); false:
// none has.
bool mcr_scripts_owner(const mcr_scripts *s, const char *hook, mcr_buf *name);

// The filter drop reasons given by scripts, most frequent first: calls `each` with a reason and how
// many events it dropped.
void mcr_scripts_each_reason(const mcr_scripts *s,
                             void (*each)(void *arg, mcr_str reason, uint64_t n), void *arg);
