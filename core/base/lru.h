#pragma once
// A cache from byte strings to fixed-size values that forgets what was used least recently.
//
//     mcr_lru *cache = mcr_lru_new(4096, sizeof(struct record), fini_record);
//     bool is_new;
//     struct record *r = mcr_lru_put(cache, key, hash, &is_new);
//     if (is_new)
//         reset_record(r);
//
// The caller brings the hash, so that one hash can serve several caches; equal keys must have equal
// hashes. Keys are kept whole and compared: a shared hash never mixes two keys up. One thread.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

typedef struct mcr_lru mcr_lru;

enum {
    MCR_LRU_MAX = 1 << 30 // entries; a larger size is taken as this
};

// mcr_lru_new makes an empty cache of at most `size` entries; memory grows with their number. A
// size of 0 or less keeps nothing. `fini` (NULL: none) frees what a value points to.
mcr_lru *mcr_lru_new(int64_t size, size_t value_size, void (*fini)(void *value));

// mcr_lru_free frees the cache and, by `fini`, its values. NULL is fine.
void mcr_lru_free(mcr_lru *lru);

// mcr_lru_get returns the value of `key`, which becomes the one used last, or NULL. The pointer is
// good until the next mcr_lru_put.
void *mcr_lru_get(mcr_lru *lru, mcr_str key, uint64_t hash);

// mcr_lru_put returns the value of `key`, which becomes the one used last; when it was not there
// (*is_new), it is added, and the one used least recently goes if there is no room. A new value is
// zeroed, or is what the entry that went has left, so that its memory can be used again: the caller
// must set it. The pointer is good until the next mcr_lru_put.
void *mcr_lru_put(mcr_lru *lru, mcr_str key, uint64_t hash, bool *is_new);

// mcr_lru_len is how many entries there are.
size_t mcr_lru_len(const mcr_lru *lru);
