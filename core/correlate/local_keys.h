#pragma once
// The set of local keys (messages, as a rule) of one group of similar events, in the order they
// came. Zero-initialised is empty and valid. Internal to core/correlate.

#include <stdbool.h>

#include "correlate/keys.h"

typedef struct mcr_local_key {
    uint64_t hash;
    size_t at; // in bytes
    uint32_t len;
} mcr_local_key;

typedef struct mcr_local_keys {
    mcr_local_key *keys;
    uint32_t n;
    uint32_t cap;
    uint32_t *index; // open addressing: number plus one, 0 is free; NULL while they are few
    uint32_t index_size;
    mcr_buf bytes;
} mcr_local_keys;

void mcr_local_keys_fini(mcr_local_keys *set);

// mcr_local_keys_clear empties the set and keeps a little memory for the next keys.
void mcr_local_keys_clear(mcr_local_keys *set);

bool mcr_local_keys_has(const mcr_local_keys *set, const mcr_key *key);

// mcr_local_keys_add copies a key that is not in the set.
void mcr_local_keys_add(mcr_local_keys *set, const mcr_key *key);

// mcr_local_keys_at borrows the bytes of key `i` until the set changes.
mcr_str mcr_local_keys_at(const mcr_local_keys *set, uint32_t i);

// mcr_local_keys_remove takes out key `i`. Those behind it move up: it costs as much as there are.
void mcr_local_keys_remove(mcr_local_keys *set, uint32_t i);
