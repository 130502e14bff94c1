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
    const char *path;   // made when missing, 0600; ":memory:" for tests
    int64_t ttl_ns;     // of an event since its last change; 0: 1 h (kube-apiserver's); negative:
                        // for ever
    int64_t max_bytes;  // of all events' JSON; the oldest changed go first; 0: 1 GiB
    int64_t max_queue;  // work waiting; 0: 10,000
    bool sync;          // fsync at each commit (else: at checkpoints; a power cut may cost the
                        // last moments, never the file)
    bool read_only;     // no thread, nothing expires: mcr_store_read only
    const mcr_clock *clock; // borrowed; NULL: the wall clock
} mcr_store_options;

// mcr_store_open opens or makes the file and starts the thread. NULL with a sentence: no
// permission, not a store of ours, a newer schema, locked.
mcr_store *mcr_store_open(const mcr_store_options *options, mcr_errbuf *err);

// mcr_store_close does what waits, closes and frees. NULL is fine.
void mcr_store_close(mcr_store *s);

// One event in the store; strings are borrowed for the call they come with.
typedef struct mcr_stored {
    mcr_str namespace;
    mcr_str name;
    mcr_str json;     // core/v1, with metadata.uid, resourceVersion, creationTimestamp in it
    uint64_t version; // resourceVersion
    uint64_t created; // the version of its creation
    int64_t expires;  // Unix ns; 0: never
} mcr_stored;

// Work: `run` on the store's thread, inside the transaction; then, after the commit, `done` on the
// store's thread (hand over to your own). If the commit fails (disk full), `done` gets the error
// and nothing was changed. One struct per piece of work, its maker's, alive until `done`.
typedef struct mcr_store_work mcr_store_work;
struct mcr_store_work {
    // False: its changes are taken back (others' stay), done then gets MCR_OK all the same.
    bool (*run)(mcr_store_work *work, mcr_store_tx *tx);
    void (*done)(mcr_store_work *work, mcr_err result, const mcr_errbuf *err);
    mcr_store_work *next; // the store's
};

// mcr_store_do queues work; any thread. False: max_queue is reached, or the store is closing.
bool mcr_store_do(mcr_store *s, mcr_store_work *work);

// Inside `run` (or, the reading ones, mcr_store_read's):

// mcr_store_get: false when there is none (expired ones are none).
bool mcr_store_get(mcr_store_tx *tx, mcr_str namespace, mcr_str name, mcr_stored *out);

// mcr_store_next_version gives the resource version of the next change; it must be used by the put
// or remove that follows.
uint64_t mcr_store_next_version(mcr_store_tx *tx);

// mcr_store_put writes an event (json has `version` in it already) and renews its TTL.
void mcr_store_put(mcr_store_tx *tx, const mcr_stored *event);

// mcr_store_remove: false when there was none. `json` is what watchers are told (with `version`).
bool mcr_store_remove(mcr_store_tx *tx, mcr_str namespace, mcr_str name, uint64_t version,
                      mcr_str json);

// mcr_store_now is the version of the latest change, mcr_store_oldest the one from which on all
// changes are still known: a watch from before it is 410 Expired.
uint64_t mcr_store_now(mcr_store_tx *tx);
uint64_t mcr_store_oldest(mcr_store_tx *tx);

// mcr_store_list calls `each` with events in the order of (namespace, name), from after the given
// place on (NULLs: from the start), of one namespace ("": all), until it returns false.
void mcr_store_list(mcr_store_tx *tx, mcr_str namespace, const mcr_str *after_namespace,
                    const mcr_str *after_name, bool (*each)(void *self, const mcr_stored *event),
                    void *self);

// What happened to an event.
typedef enum mcr_store_change {
    MCR_STORE_ADDED,
    MCR_STORE_MODIFIED,
    MCR_STORE_DELETED // removed, expired or pushed out by max_bytes
} mcr_store_change;

// mcr_store_changes calls `each` with what changed after version `since`, in the order of versions.
// Of an event that changed several times only the last state is there.
void mcr_store_changes(mcr_store_tx *tx, uint64_t since,
                       bool (*each)(void *self, mcr_store_change change, const mcr_stored *event),
                       void *self);

// mcr_store_read runs `read` with a snapshot, on the caller's thread and a connection of its own
// (made for the call). For `get`, which has no server.
mcr_err mcr_store_read(mcr_store *s, void (*read)(void *self, mcr_store_tx *tx), void *self,
                       mcr_errbuf *err);

// mcr_store_on_change: `call(self)` on the store's thread after commits that changed something, and
// when another process did (noticed within 250 ms). One listener; before the first work.
void mcr_store_on_change(mcr_store *s, void (*call)(void *self), void *self);

typedef struct mcr_store_counts {
    uint64_t events;   // there now
    uint64_t bytes;    // of their JSON
    uint64_t written;  // puts
    uint64_t removed;
    uint64_t expired;
    uint64_t evicted;  // by max_bytes
    uint64_t commits;
    uint64_t waiting;  // pieces of work
} mcr_store_counts;

mcr_store_counts mcr_store_counts_now(mcr_store *s); // any thread
