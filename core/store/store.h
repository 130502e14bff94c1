#pragma once
// The event store: events in SQLite (WAL), as an API server keeps them in etcd. One file, one
// thread of its own with the one connection that writes; several processes may have the same file
// open (`run` with a sink of kind store, `serve`, `get`).
//
// Work on the store is a function run on its thread inside a transaction; what waits is done
// together, committed once, and then told its end (group commit). Each event has a place
// (namespace, name), the JSON of core/v1 as it is answered, and a resource version: a number that
// grows with every change of anything, in the file, across processes.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

typedef struct mcr_store mcr_store;
typedef struct mcr_store_tx mcr_store_tx; // the store's thread, inside a work function

typedef struct mcr_store_options {
    const char *path;  // made when missing, 0600; NULL: mcr_store_default_path, whose folder is
                       // made as well; ":memory:" for tests
    int64_t ttl_ns;    // of an event since its last change; 0: 1 h (kube-apiserver's); negative:
                       // for ever
    int64_t max_bytes; // of all events' JSON; the oldest changed go first; 0: 1 GiB
    int64_t max_queue; // pieces of work waiting; 0: 10,000
    int64_t history;   // removals that are remembered for watches; 0: 10,000
    bool sync;         // fsync at each commit (else: at checkpoints; a power cut may cost the
                       // last moments, never the file)
    bool read_only;    // no thread, nothing expires: mcr_store_read only
    const mcr_clock *clock; // borrowed; NULL: the wall clock
} mcr_store_options;

#define MCR_STORE_TTL       INT64_C(3600000000000)
#define MCR_STORE_MAX_BYTES (INT64_C(1) << 30)

// mcr_store_open opens or makes the file and starts the thread. NULL with a sentence: no
// permission, no such file (read_only), not a store of ours, damaged, a newer schema, locked.
mcr_store *mcr_store_open(const mcr_store_options *options, mcr_errbuf *err);

// mcr_store_close does what waits, closes and frees. NULL is fine. Not from `run` or `done`.
void mcr_store_close(mcr_store *s);

// mcr_store_path is the file that is open.
const char *mcr_store_path(const mcr_store *s);

// One event in the store; strings are borrowed for the call they come with.
typedef struct mcr_stored {
    mcr_str namespace;
    mcr_str name;
    mcr_str json;     // core/v1, with metadata.uid, resourceVersion, creationTimestamp in it
    uint64_t version; // resourceVersion
    uint64_t created; // the version of its creation
    int64_t expires;  // Unix ns; 0: never. mcr_store_put does not read it
} mcr_stored;

// Work: `run` on the store's thread, inside the transaction; then, after the commit, `done` on the
// store's thread (hand over to your own). If the transaction fails (disk full, locked for 10 s by
// another process), `done` gets the error with a sentence, and nothing was changed; `run` then may
// not have been called. One struct per piece of work, its maker's, alive until `done` (NULL:
// nobody asks), which may free it or give it to mcr_store_do again.
typedef struct mcr_store_work mcr_store_work;
struct mcr_store_work {
    // False: its changes are taken back (others' stay), done then gets MCR_OK all the same.
    bool (*run)(mcr_store_work *work, mcr_store_tx *tx);
    void (*done)(mcr_store_work *work, mcr_err result, const mcr_errbuf *err);
    mcr_store_work *next; // the store's
    // `run` always returns true. It need not be kept apart from others' work then, which spares a
    // third of the cost of many puts.
    bool never_fails;
};

// mcr_store_do queues work; any thread. Work is run in the order it was queued. False: max_queue is
// reached, or the store is closing.
bool mcr_store_do(mcr_store *s, mcr_store_work *work);

// Inside `run` (or, the reading ones, mcr_store_read's). An error of the file's makes them answer
// "nothing there"; it fails the transaction, so nobody is told.

// mcr_store_get: false when there is none (expired ones are none). What `out` points to is good
// until the next mcr_store_get.
bool mcr_store_get(mcr_store_tx *tx, mcr_str namespace, mcr_str name, mcr_stored *out);

// mcr_store_next_version gives the resource version of the next change; it must be used by the put
// or remove that follows, with no mcr_store_get in between.
uint64_t mcr_store_next_version(mcr_store_tx *tx);

// mcr_store_put writes an event (json has `version` in it already; `created` is `version` or what
// mcr_store_get said) and renews its TTL.
void mcr_store_put(mcr_store_tx *tx, const mcr_stored *event);

// mcr_store_remove: false when there was none. `json` is what watchers are told (with `version`;
// mcr_store_json_version makes it).
bool mcr_store_remove(mcr_store_tx *tx, mcr_str namespace, mcr_str name, uint64_t version,
                      mcr_str json);

// mcr_store_json_version appends the core/v1 JSON `json` with another metadata.resourceVersion, in
// the place of the one that is there; without one it appends `json` as it is.
void mcr_store_json_version(mcr_buf *out, mcr_str json, uint64_t version);

// mcr_store_now is the version of the latest change (0: none yet), mcr_store_oldest the one from
// which on all changes are still known: a watch from before it is 410 Expired.
uint64_t mcr_store_now(mcr_store_tx *tx);
uint64_t mcr_store_oldest(mcr_store_tx *tx);

// mcr_store_time is the store's clock (Unix ns) as the transaction sees it, for timestamps.
int64_t mcr_store_time(mcr_store_tx *tx);

// mcr_store_total is how many events there are, expired ones that were not removed yet included.
uint64_t mcr_store_total(mcr_store_tx *tx);

// mcr_store_list calls `each` with events in the order of (namespace, name), from after the given
// place on (NULLs: from the start), of one namespace ("": all), until it returns false. `each` must
// not call on `tx`.
void mcr_store_list(mcr_store_tx *tx, mcr_str namespace, const mcr_str *after_namespace,
                    const mcr_str *after_name, bool (*each)(void *self, const mcr_stored *event),
                    void *self);

// What happened to an event.
typedef enum mcr_store_change {
    MCR_STORE_ADDED,
    MCR_STORE_MODIFIED,
    MCR_STORE_DELETED // removed, expired or pushed out by max_bytes
} mcr_store_change;

// mcr_store_changes calls `each` with what changed after version `since`, in the order of versions,
// until it returns false. Of an event that changed several times only the last state is there:
// ADDED when it was created after `since`, else MODIFIED. A DELETED one has the version of its
// removal, and in `created` that of its creation, which may be after `since` too. `each` must not
// call on `tx`.
void mcr_store_changes(mcr_store_tx *tx, uint64_t since,
                       bool (*each)(void *self, mcr_store_change change, const mcr_stored *event),
                       void *self);

// mcr_store_read runs `read` with a snapshot, on the caller's thread and a connection of its own
// (made for the call; of ":memory:" as work on the store's thread). For `get`, which has no server.
// Not from `run` or `done`.
mcr_err mcr_store_read(mcr_store *s, void (*read)(void *self, mcr_store_tx *tx), void *self,
                       mcr_errbuf *err);

// mcr_store_on_change: `call(self)` on the store's thread after commits that changed something, and
// when another process did (noticed within 250 ms). It comes after the `done` of the work in the
// commit. One listener; NULL ends it: once this has returned, no call begins or is under way. Not
// from `call` itself.
void mcr_store_on_change(mcr_store *s, void (*call)(void *self), void *self);

typedef struct mcr_store_counts {
    uint64_t events;  // there now, in the file
    uint64_t bytes;   // of their JSON
    uint64_t written; // puts of this handle, as all that follow
    uint64_t removed;
    uint64_t expired;
    uint64_t evicted; // by max_bytes
    uint64_t commits;
    uint64_t failed;  // transactions
    uint64_t waiting; // pieces of work now
} mcr_store_counts;

mcr_store_counts mcr_store_counts_now(mcr_store *s); // any thread
