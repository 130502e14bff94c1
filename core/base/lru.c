#include "base/lru.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum {
    SLOTS_FIRST = 16,
    NONE = UINT32_MAX, // no slot
    // A slot that is used again gives its key's memory back when it holds more than this and the
    // new key needs less than a quarter of it.
    KEY_KEEP = 1024
};

typedef struct slot {
    uint64_t hash;
    char *key;
    uint32_t key_len;
    uint32_t key_cap;
    uint32_t newer; // NONE at the ends
    uint32_t older;
} slot;

struct mcr_lru {
    uint32_t size;
    uint32_t n;
    uint32_t cap; // of slots and values
    uint32_t newest;
    uint32_t oldest;
    uint32_t mask; // of index, whose size is a power of two and at least twice cap
    slot *slots;
    char *values;
    // Open addressing from the low bits of the hash's upper half: that half above the slot's number
    // plus one; 0 is free. So where an entry belongs is known without its slot, which may be far.
    uint64_t *index;
    size_t value_size;
    void (*fini)(void *value);
};

mcr_lru *mcr_lru_new(int64_t size, size_t value_size, void (*fini)(void *value))
{
    mcr_lru *lru = mcr_zalloc(sizeof *lru);
    lru->size = size <= 0 ? 0 : size > MCR_LRU_MAX ? MCR_LRU_MAX : (uint32_t)size;
    lru->newest = lru->oldest = NONE;
    lru->value_size = value_size;
    lru->fini = fini;
    return lru;
}

static void *value_of(const mcr_lru *lru, uint32_t at)
{
    return lru->values + (size_t)at * lru->value_size;
}

void mcr_lru_free(mcr_lru *lru)
{
    if (!lru)
        return;
    // A cache that keeps nothing has one value that is in no entry.
    uint32_t values = lru->size ? lru->n : lru->cap;
    for (uint32_t i = 0; i < values; i++) {
        if (lru->fini)
            lru->fini(value_of(lru, i));
        free(lru->slots[i].key);
    }
    free(lru->slots);
    free(lru->values);
    free(lru->index);
    free(lru);
}

static uint64_t entry_of(uint64_t hash, uint32_t at)
{
    return (hash >> 32 << 32) | (at + 1);
}

static uint32_t home_of(const mcr_lru *lru, uint64_t hash_or_entry)
{
    return (uint32_t)(hash_or_entry >> 32) & lru->mask;
}

static void index_add(mcr_lru *lru, uint64_t hash, uint32_t at)
{
    uint32_t i = home_of(lru, hash);
    while (lru->index[i])
        i = (i + 1) & lru->mask;
    lru->index[i] = entry_of(hash, at);
}

// Those behind the gap move up, so that no search ends too early.
static void index_remove(mcr_lru *lru, uint32_t at)
{
    uint64_t entry = entry_of(lru->slots[at].hash, at);
    uint32_t gap = home_of(lru, entry);
    while (lru->index[gap] != entry)
        gap = (gap + 1) & lru->mask;
    for (uint32_t i = (gap + 1) & lru->mask; lru->index[i]; i = (i + 1) & lru->mask) {
        uint32_t home = home_of(lru, lru->index[i]);
        if (((i - home) & lru->mask) >= ((i - gap) & lru->mask)) {
            lru->index[gap] = lru->index[i];
            gap = i;
        }
    }
    lru->index[gap] = 0;
}

static uint32_t find(const mcr_lru *lru, mcr_str key, uint64_t hash)
{
    if (!lru->index)
        return NONE;
    uint64_t tag = hash >> 32;
    for (uint32_t i = home_of(lru, hash); lru->index[i]; i = (i + 1) & lru->mask) {
        if (lru->index[i] >> 32 != tag)
            continue;
        uint32_t at = (uint32_t)lru->index[i] - 1;
        const slot *s = &lru->slots[at];
        if (s->hash == hash && mcr_str_eq(mcr_str_n(s->key, s->key_len), key))
            return at;
    }
    return NONE;
}

static void unlink_slot(mcr_lru *lru, uint32_t at)
{
    slot *s = &lru->slots[at];
    if (s->newer != NONE)
        lru->slots[s->newer].older = s->older;
    else
        lru->newest = s->older;
    if (s->older != NONE)
        lru->slots[s->older].newer = s->newer;
    else
        lru->oldest = s->newer;
}

static void link_newest(mcr_lru *lru, uint32_t at)
{
    slot *s = &lru->slots[at];
    s->newer = NONE;
    s->older = lru->newest;
    if (lru->newest != NONE)
        lru->slots[lru->newest].newer = at;
    else
        lru->oldest = at;
    lru->newest = at;
}

static void *use(mcr_lru *lru, uint32_t at)
{
    if (lru->newest != at) {
        unlink_slot(lru, at);
        link_newest(lru, at);
    }
    return value_of(lru, at);
}

// Makes room for one more slot than there are.
static void grow(mcr_lru *lru)
{
    uint32_t cap = lru->cap ? lru->cap * 2 : SLOTS_FIRST;
    uint32_t most = lru->size ? lru->size : 1;
    if (cap > most)
        cap = most;
    lru->slots = mcr_realloc(lru->slots, cap * sizeof *lru->slots);
    lru->values = mcr_realloc(lru->values, cap * lru->value_size);
    memset(lru->slots + lru->cap, 0, (cap - lru->cap) * sizeof *lru->slots);
    memset(value_of(lru, lru->cap), 0, (cap - lru->cap) * lru->value_size);
    lru->cap = cap;
    uint32_t index_size = SLOTS_FIRST;
    while (index_size < 2 * cap)
        index_size *= 2;
    free(lru->index);
    lru->index = mcr_zalloc(index_size * sizeof *lru->index);
    lru->mask = index_size - 1;
    for (uint32_t i = 0; i < lru->n; i++)
        index_add(lru, lru->slots[i].hash, i);
}

static void set_key(slot *s, mcr_str key, uint64_t hash)
{
    if (key.len > s->key_cap || (s->key_cap > KEY_KEEP && key.len < s->key_cap / 4)) {
        free(s->key);
        s->key = mcr_alloc(key.len);
        s->key_cap = key.len;
    }
    if (key.len)
        memcpy(s->key, key.ptr, key.len);
    s->key_len = key.len;
    s->hash = hash;
}

void *mcr_lru_get(mcr_lru *lru, mcr_str key, uint64_t hash)
{
    uint32_t at = find(lru, key, hash);
    return at == NONE ? NULL : use(lru, at);
}

void *mcr_lru_put(mcr_lru *lru, mcr_str key, uint64_t hash, bool *is_new)
{
    uint32_t at = find(lru, key, hash);
    *is_new = at == NONE;
    if (at != NONE)
        return use(lru, at);
    if (!lru->size) {
        if (!lru->cap)
            grow(lru);
        return value_of(lru, 0);
    }
    if (lru->n == lru->size) {
        at = lru->oldest;
        index_remove(lru, at);
        unlink_slot(lru, at);
    } else {
        if (lru->n == lru->cap)
            grow(lru);
        at = lru->n++;
    }
    set_key(&lru->slots[at], key, hash);
    index_add(lru, hash, at);
    link_newest(lru, at);
    return value_of(lru, at);
}

size_t mcr_lru_len(const mcr_lru *lru)
{
    return lru->n;
}
