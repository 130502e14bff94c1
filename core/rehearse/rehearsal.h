#pragma once
// A rehearsal: all watchers of a configuration at work on recorded events, as `run` would have
// them, but inline on the caller's thread, in the time of the events, and into sinks that only
// remember. What `replay`, `diff` and `explain` are made of. The same events give the same results,
// to the byte:
//
// - each event goes through one watcher after the other, in the order of the configuration, alone
//   (no batch), and what it causes to be emitted goes to the other watchers before the next one;
// - the clock is event.time: it stands still while an event is worked on, never goes back, and
//   ticks come when it passes their time, before the event that makes it pass;
// - scripts see tables by `pairs` and `next` in an order that does not depend on chance;
// - scripts, their correlators and `shared` begin empty. Nothing is read but the configuration and
//   its scripts, nothing written or sent; there are no dead letters (what would go there counts
//   `refused` or `rejected`). What a script is granted beyond the sandbox it really does: a warning
//   says so (rehearse/reach.h).
//
// Sinks are captured: what the watcher and the sink decide before anything is sent is decided by
// the same code (route, updates, render hooks, templates, create or patch); what depends on the
// other side (answers, retries, queues, on_full, batches) is not there: everything sent counts as
// delivered. Scripts that are sinks are loaded, but not opened or written to.
//
//     mcr_generation *g = mcr_generation_new(NULL);
//     if (mcr_generation_read(g, path, &err)) …
//     mcr_rehearsal *r = mcr_rehearsal_new_take(g, &options, &err);
//     while (…) mcr_rehearsal_step(r, events, n);
//     mcr_rehearsal_finish(r);
//     … mcr_rehearsal_watcher(r, i) for the counts …
//     mcr_rehearsal_free(r);
//
// One thread. Several rehearsals may take turns on it, over the same events.

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "broadcast/broadcaster.h"
#include "broadcast/watcher.h"
#include "config/generation.h"
#include "script/script.h"

typedef struct mcr_rehearsal mcr_rehearsal;

// Where in the rehearsal something happens. Valid for the callback.
typedef struct mcr_rehearsal_place {
    uint64_t input;   // how many events were stepped: the latest one, or what followed from it, is
                      // worked on; ticks come under the number of the event before them. 0: before
                      // the first
    int64_t now;      // the clock, Unix ns
    uint32_t watcher; // index into the configuration's
    mcr_event *came;  // what the watcher works on, as it came to it; NULL: a tick or the end
    // By which watchers' hooks it was emitted, the first one first; none: it is the input itself.
    uint32_t by[MCR_MAX_HOPS];
    uint32_t by_n;
} mcr_rehearsal_place;

// What became of an event at the end of its way through a watcher, or at one of its sinks.
typedef enum mcr_rehearsed {
    MCR_REHEARSED_SENT,           // the sink would send or write it
    MCR_REHEARSED_SUPPRESSED,     // the sink's `updates` leave it out, or render said false
    MCR_REHEARSED_REJECTED,       // the sink never can send it: `why`
    MCR_REHEARSED_FILTERED,       // filter or handle dropped it
    MCR_REHEARSED_REFUSED,        // a hook failed on it
    MCR_REHEARSED_SPAM_FILTERED,  // from here on: the counters of watcher.h
    MCR_REHEARSED_HANDLED_ONLY,   //
    MCR_REHEARSED_ROUTED_NOWHERE, //
} mcr_rehearsed;

// mcr_rehearsed_name is its name as in the ledger: "sent", "filtered", …
const char *mcr_rehearsed_name(mcr_rehearsed what);

// What a sink would send of one event. Batches and compression are left out.
typedef enum mcr_sending {
    MCR_SENDING_LINE,    // file, stdout, stderr: `body` is the line, with its end
    MCR_SENDING_REQUEST, // webhook: `method`, `url`, `headers`, and the `body` of the event
    MCR_SENDING_CREATE,  // kube, store: a new event, `body` is its JSON
    MCR_SENDING_PATCH,   // kube, store: one more occurrence, `body` is the patch
    MCR_SENDING_EVENT    // any other kind: `body` is the event's JSON
} mcr_sending;

// Borrowed for the callback. URL and headers may be secrets (base/shown.h).
typedef struct mcr_sent {
    mcr_sending form;
    mcr_str body;
    mcr_str method;  // of requests
    mcr_str url;     // of requests
    mcr_str headers; // "Name: value\n" each, as the configuration and the render hook have them
    mcr_event *ev;   // what is created or patched, with name and namespace as the sink fits them
} mcr_sent;

// One result: of an event, a watcher, and a sink unless it reached none.
typedef struct mcr_rehearsal_record {
    mcr_rehearsed what;
    int sink;      // index into the watcher's; -1: it reached none
    bool direct;   // emit(event, "sink"), or an event of route's own for this sink
    mcr_event *ev; // as it left the last stage that it came to
    mcr_str why;   // the script's reason for dropping it, or the error; may be empty. For filtered
                   // and refused ones only with options.why or a hook observer
    const mcr_sent *sent; // for what was sent, if asked for; else NULL
} mcr_rehearsal_record;

// Who hears of it. Callbacks may be NULL, which then cost nothing, and must not call the rehearsal.
typedef struct mcr_rehearsal_observer {
    void *self;
    // A watcher begins with at->came.
    void (*began)(void *self, const mcr_rehearsal_place *at);
    // A hook of the watcher's scripts has answered, or has emitted something; also in ticks and at
    // the end. What it caused further on is told later: emitted events when they come to a watcher
    // (`began`, with at->by) or to a sink (`record`, direct).
    void (*hook)(void *self, const mcr_rehearsal_place *at, const mcr_hook_result *result);
    // The correlator has worked on `ev`, the event as the hooks left it; see watcher_observer.h.
    void (*correlated)(void *self, const mcr_rehearsal_place *at, mcr_event *ev,
                       const mcr_correlated *out, mcr_correlator *c);
    // An event of a watcher has got to its end, or to one of its sinks.
    void (*record)(void *self, const mcr_rehearsal_place *at, const mcr_rehearsal_record *record);
} mcr_rehearsal_observer;

typedef struct mcr_rehearsal_options {
    int64_t start;                   // Unix ns: what the clock says until the first event; init
                                     // hooks see it. mcr_rehearsal_time_of the first event is
                                     // right; 0: not known, the first time that comes is the start
    mcr_rehearsal_observer observer; // copied
    bool sent;                       // records have `sent`
    bool why;                        // records of what is filtered or refused have `why`
    bool open_sinks; // see mcr_generation_world; watchers whose scripts have keys correlate
    bool no_lines;   // with `sent`: but what file, stdout and stderr would write is left out
} mcr_rehearsal_options;

// mcr_rehearsal_time_of is event.time in Unix ns, or `otherwise` for an event without.
int64_t mcr_rehearsal_time_of(const mcr_event *ev, int64_t otherwise);

// mcr_rehearsal_new_take loads the scripts of `g`, which was read (mcr_generation_read) and nothing
// more, and makes the watchers. Becomes the owner of `g`, also when it fails: NULL with "file:line:
// …" in `err`, as `check` says it.
mcr_rehearsal *mcr_rehearsal_new_take(mcr_generation *g, const mcr_rehearsal_options *options,
                                      mcr_errbuf *err);
void mcr_rehearsal_free(mcr_rehearsal *r);

// mcr_rehearsal_step works on `n` events (borrowed, any number), one after the other.
void mcr_rehearsal_step(mcr_rehearsal *r, mcr_event *const *events, uint32_t n);

// mcr_rehearsal_advance lets the clock come to `to` (Unix ns), with the ticks that are due until
// then. Nothing happens when it is past that. One gap has at most MCR_REHEARSAL_TICKS ticks of a
// watcher; those beyond are left out, and counted.
void mcr_rehearsal_advance(mcr_rehearsal *r, int64_t to);

enum {
    MCR_REHEARSAL_TICKS = 100000
};

// mcr_rehearsal_finish runs the fini hooks of all watchers, in order, at the time of the last
// event. What they emit to other watchers comes too late, as in `run`, and counts emit_full. No
// step after it; a second call does nothing.
void mcr_rehearsal_finish(mcr_rehearsal *r);

// mcr_rehearsal_now is the clock, Unix ns.
int64_t mcr_rehearsal_now(const mcr_rehearsal *r);

// mcr_rehearsal_config is the configuration, as long as the rehearsal lives.
const mcr_config *mcr_rehearsal_config(const mcr_rehearsal *r);

// The parts, for counts: of watcher `i` of the configuration. Scripts are NULL when it has none.
mcr_watcher *mcr_rehearsal_watcher(const mcr_rehearsal *r, uint32_t i);
mcr_scripts *mcr_rehearsal_scripts(const mcr_rehearsal *r, uint32_t i);

// What its queue and the broadcaster would have counted, between two calls.
mcr_watch_counts mcr_rehearsal_watch_counts(const mcr_rehearsal *r, uint32_t i);
mcr_broadcaster_counts mcr_rehearsal_broadcaster_counts(const mcr_rehearsal *r);

// Side counters.
typedef struct mcr_rehearsal_counts {
    uint64_t inputs;
    uint64_t late;          // inputs whose time was before the clock's
    int64_t late_by;        // … by how much (ns) at the most
    uint64_t timeless;      // inputs without any time
    uint64_t ticks_skipped; // those of long gaps that were left out
} mcr_rehearsal_counts;

mcr_rehearsal_counts mcr_rehearsal_counts_now(const mcr_rehearsal *r);
