#include "broadcast/updates.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/lru.h"

enum {
    REMEMBERED = 4096
};

#define NOT_TOLD INT64_MIN

struct mcr_updates {
    int64_t every;
    mcr_lru *told; // namespace/name → when it was told last, Unix ns
    mcr_buf key;
    uint64_t forgotten;
};

mcr_updates *mcr_updates_new(int64_t every_ns)
{
    mcr_updates *u = mcr_zalloc(sizeof *u);
    u->every = every_ns;
    u->told = mcr_lru_new(REMEMBERED, sizeof(int64_t), NULL);
    return u;
}

void mcr_updates_free(mcr_updates *u)
{
    if (!u)
        return;
    mcr_lru_free(u->told);
    mcr_buf_fini(&u->key);
    free(u);
}

// False: it has no name.
static bool make_key(mcr_updates *u, const mcr_event *ev, uint64_t *hash)
{
    u->key.len = 0;
    mcr_buf_add(&u->key, ev->metadata.namespace);
    mcr_buf_putc(&u->key, '/');
    mcr_buf_add(&u->key, ev->metadata.name);
    *hash = XXH3_64bits(u->key.ptr, u->key.len);
    return ev->metadata.name.len > 0;
}

bool mcr_updates_wants(mcr_updates *u, const mcr_event *ev, int64_t now)
{
    uint64_t hash;
    if (!make_key(u, ev, &hash))
        return true;
    bool is_full = mcr_lru_len(u->told) == REMEMBERED, is_new;
    int64_t *told = mcr_lru_put(u->told, mcr_buf_str(&u->key), hash, &is_new);
    u->forgotten += is_full && is_new;
    bool wants =
        is_new || *told == NOT_TOLD || (u->every != MCR_UPDATES_FIRST && now - *told >= u->every);
    if (wants)
        *told = now;
    return wants;
}

void mcr_updates_untold(mcr_updates *u, const mcr_event *ev)
{
    uint64_t hash;
    int64_t *told =
        make_key(u, ev, &hash) ? mcr_lru_get(u->told, mcr_buf_str(&u->key), hash) : NULL;
    if (told)
        *told = NOT_TOLD;
}

uint64_t mcr_updates_forgotten(const mcr_updates *u)
{
    return u->forgotten;
}
