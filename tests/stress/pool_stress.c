// event/pool.h under several threads: chunks taken by two threads and given back by two others,
// each filled with its taker's mark from end to end. A chunk in two hands, or bytes that were not
// handed over, show as a wrong mark, and as a race to ThreadSanitizer.

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ring.h"
#include "event/pool.h"

enum {
    LANES = 2,
    CHUNKS = 100000, // per lane
    DEADLINE_S = 240
};

// One thread that takes, one that gives back.
typedef struct lane {
    mcr_ring *ring;
    unsigned char mark;
} lane;

static void *take(void *arg)
{
    lane *l = arg;
    mcr_spare spare = { 0 };
    for (int i = 0; i < CHUNKS; i++) {
        unsigned char *chunk = mcr_pool_take(&spare);
        memset(chunk, l->mark, MCR_POOL_CHUNK);
        void *item = chunk;
        while (!mcr_ring_push(l->ring, &item, 1))
            sched_yield();
    }
    mcr_spare_fini(&spare);
    return NULL;
}

static void *give(void *arg)
{
    lane *l = arg;
    for (int i = 0; i < CHUNKS;) {
        void *item;
        if (!mcr_ring_pop(l->ring, &item, 1)) {
            sched_yield();
            continue;
        }
        const unsigned char *chunk = item;
        for (int k = 0; k < MCR_POOL_CHUNK; k += 61)
            if (chunk[k] != l->mark) {
                fprintf(stderr, "chunk %d of lane %d has mark %d at %d\n", i, l->mark, chunk[k], k);
                exit(1);
            }
        mcr_pool_give(item);
        i++;
    }
    return NULL;
}

int main(void)
{
    alarm(DEADLINE_S);
    lane lanes[LANES];
    pthread_t takers[LANES], givers[LANES];
    for (int i = 0; i < LANES; i++) {
        lanes[i] = (lane){ .ring = mcr_ring_new(256), .mark = (unsigned char)(i + 1) };
        pthread_create(&takers[i], NULL, take, &lanes[i]);
        pthread_create(&givers[i], NULL, give, &lanes[i]);
    }
    for (int i = 0; i < LANES; i++) {
        pthread_join(takers[i], NULL);
        pthread_join(givers[i], NULL);
        mcr_ring_free(lanes[i].ring);
    }
    // What lies in the pool now are so many different chunks, and not without end.
    mcr_spare spare = { 0 };
    void *chunks[MCR_POOL_MAX];
    for (int i = 0; i < MCR_POOL_MAX; i++) {
        chunks[i] = mcr_pool_take(&spare);
        memset(chunks[i], 0, MCR_POOL_CHUNK);
    }
    for (int i = 0; i < MCR_POOL_MAX; i++)
        for (int k = 0; k < i; k++)
            if (chunks[i] == chunks[k]) {
                fprintf(stderr, "one chunk was given out twice\n");
                return 1;
            }
    unsigned left = 0;
    for (const void *at = spare.first; at; at = *(void *const *)at)
        left++;
    printf("%u chunks were left over\n", left);
    if (left > LANES)
        return 1;
    for (int i = 0; i < MCR_POOL_MAX; i++)
        free(chunks[i]);
    mcr_spare_fini(&spare);
    return 0;
}
