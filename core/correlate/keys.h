#pragma once
// The keys that make events "the same" or "similar" for client-go (events_cache.go): fields one
// after the other. A key is a byte string; with its hash it is looked up in the caches.
//
// client-go puts nothing between the fields, so that component "ab" on host "c" equals "a" on "bc";
// a separator (0: none) between them tells these apart.

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "event/event.h"

typedef struct mcr_key {
    mcr_str bytes;
    uint64_t hash;
} mcr_key;

// mcr_key_spam appends source.component, source.host, involvedObject's kind, namespace, name, uid
// and apiVersion, and type: the spam filter's key.
void mcr_key_spam(mcr_buf *out, const mcr_event *ev, char separator);

// mcr_key_aggregate_rest appends what the aggregate key has behind the spam key: reason,
// reportingComponent and reportingInstance.
void mcr_key_aggregate_rest(mcr_buf *out, const mcr_event *ev, char separator);

// mcr_key_event appends source.component, source.host, involvedObject's kind, namespace, name,
// fieldPath, uid and apiVersion, type, reason and message: the event log's key.
void mcr_key_event(mcr_buf *out, const mcr_event *ev, char separator);

// mcr_key_of hashes `bytes`, which the key borrows. Longer ones than `limit` (0: none; at least
// MCR_KEY_LIMIT_MIN) are cut and end in a 128-bit hash of the whole, made in `room`, which the key
// then borrows instead.
mcr_key mcr_key_of(mcr_str bytes, uint32_t limit, mcr_buf *room);

enum {
    MCR_KEY_LIMIT_MIN = 32
};
