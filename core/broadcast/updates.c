#include "broadcast/updates.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/lru.h"

enum {
    REMEMBERED = 4096
};

struct mcr_updates {
    int64_t every;
    mcr_lru *told; // namespace/name → when it was told last, Unix ns
    mcr_buf key;
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

bool mcr_updates_wants(mcr_updates *u, const mcr_event *ev, int64_t now)
{
    if (!ev->metadata.name.len)
        return true;
    u->key.len = 0;
    mcr_buf_add(&u->key, ev->metadata.namespace);
    mcr_buf_putc(&u->key, '/');
    mcr_buf_add(&u->key, ev->metadata.name);
    bool is_new;
    int64_t *told =
        mcr_lru_put(u->told, mcr_buf_str(&u->key), XXH3_64bits(u->key.ptr, u->key.len), &is_new);
    bool wants = is_new || (u->every != MCR_UPDATES_FIRST && now - *told >= u->every);
    if (wants)
        *told = now;
    return wants;
}
