#include "correlate/local_keys.h"

#include <stdlib.h>

#include "base/alloc.h"

enum {
    FEW = 16,         // are searched one by one
    BYTES_KEEP = 4096 // what an emptied set may hold
};

void mcr_local_keys_fini(mcr_local_keys *set)
{
    free(set->keys);
    free(set->index);
    mcr_buf_fini(&set->bytes);
    *set = (mcr_local_keys){ 0 };
}

static void drop_index(mcr_local_keys *set)
{
    free(set->index);
    set->index = NULL;
    set->index_size = 0;
}

void mcr_local_keys_clear(mcr_local_keys *set)
{
    if (set->bytes.cap > BYTES_KEEP || set->cap > FEW) {
        mcr_local_keys_fini(set);
        return;
    }
    set->n = 0;
    set->bytes.len = 0;
}

mcr_str mcr_local_keys_at(const mcr_local_keys *set, uint32_t i)
{
    return mcr_str_n(set->bytes.ptr + set->keys[i].at, set->keys[i].len);
}

static bool is(const mcr_local_keys *set, uint32_t i, const mcr_key *key)
{
    return set->keys[i].hash == key->hash && mcr_str_eq(mcr_local_keys_at(set, i), key->bytes);
}

bool mcr_local_keys_has(const mcr_local_keys *set, const mcr_key *key)
{
    if (!set->index) {
        for (uint32_t i = 0; i < set->n; i++)
            if (is(set, i, key))
                return true;
        return false;
    }
    uint32_t mask = set->index_size - 1;
    for (uint32_t i = (uint32_t)key->hash & mask; set->index[i]; i = (i + 1) & mask)
        if (is(set, set->index[i] - 1, key))
            return true;
    return false;
}

static void index_add(mcr_local_keys *set, uint32_t i)
{
    uint32_t mask = set->index_size - 1;
    uint32_t to = (uint32_t)set->keys[i].hash & mask;
    while (set->index[to])
        to = (to + 1) & mask;
    set->index[to] = i + 1;
}

static void make_index(mcr_local_keys *set)
{
    drop_index(set);
    if (set->n <= FEW)
        return;
    set->index_size = FEW;
    while (set->index_size < 4 * set->n)
        set->index_size *= 2;
    set->index = mcr_zalloc(set->index_size * sizeof *set->index);
    for (uint32_t i = 0; i < set->n; i++)
        index_add(set, i);
}

void mcr_local_keys_add(mcr_local_keys *set, const mcr_key *key)
{
    if (set->n == set->cap) {
        set->cap = set->cap ? set->cap * 2 : 2;
        set->keys = mcr_realloc(set->keys, set->cap * sizeof *set->keys);
    }
    set->keys[set->n++] = (mcr_local_key){ key->hash, set->bytes.len, key->bytes.len };
    // Room for one byte more: also empty keys are somewhere.
    mcr_buf_reserve(&set->bytes, (size_t)key->bytes.len + 1);
    mcr_buf_add(&set->bytes, key->bytes);
    if (set->n > FEW && 2 * set->n > set->index_size)
        make_index(set);
    else if (set->index)
        index_add(set, set->n - 1);
}

void mcr_local_keys_remove(mcr_local_keys *set, uint32_t i)
{
    mcr_local_key gone = set->keys[i];
    char *at = set->bytes.ptr + gone.at;
    size_t behind = set->bytes.len - gone.at - gone.len;
    if (behind)
        memmove(at, at + gone.len, behind);
    set->bytes.len -= gone.len;
    set->n--;
    for (; i < set->n; i++) {
        set->keys[i] = set->keys[i + 1];
        set->keys[i].at -= gone.len;
    }
    make_index(set);
}
