#include "event/pool.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"

#if defined(__SANITIZE_ADDRESS__)
#define POOLED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOLED 0
#else
#define POOLED 1
#endif
#else
#define POOLED 1
#endif

typedef struct mcr_chunk {
    struct mcr_chunk *next;
} mcr_chunk;

// Pushed one by one, taken all at once. A push links its chunk to the top that it saw and is done
// when that is still the top; as nobody takes single chunks, a top that went and came back in
// between is a top all the same, and the link is right. Release and acquire hand the chunk's bytes
// over.
static struct {
    _Atomic(mcr_chunk *) top;
    atomic_uint n; // about how many
} returned;

void *mcr_pool_take(mcr_spare *spare)
{
    if (!spare->first && POOLED) {
        spare->first = atomic_exchange_explicit(&returned.top, NULL, memory_order_acquire);
        if (spare->first)
            atomic_store_explicit(&returned.n, 0, memory_order_relaxed);
    }
    mcr_chunk *chunk = spare->first;
    if (!chunk)
        return mcr_alloc(MCR_POOL_CHUNK);
    spare->first = chunk->next;
    return chunk;
}

void mcr_pool_give(void *memory)
{
    if (!POOLED || atomic_load_explicit(&returned.n, memory_order_relaxed) >= MCR_POOL_MAX) {
        free(memory);
        return;
    }
    atomic_fetch_add_explicit(&returned.n, 1, memory_order_relaxed);
    mcr_chunk *chunk = memory;
    mcr_chunk *top = atomic_load_explicit(&returned.top, memory_order_relaxed);
    do
        chunk->next = top;
    while (!atomic_compare_exchange_weak_explicit(&returned.top, &top, chunk, memory_order_release,
                                                  memory_order_relaxed));
}

void mcr_spare_fini(mcr_spare *spare)
{
    while (spare->first) {
        mcr_chunk *chunk = spare->first;
        spare->first = chunk->next;
        free(chunk);
    }
}
