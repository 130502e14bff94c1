#include "sink/key_queue.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/alloc.h"

enum {
    BUCKETS_FIRST = 64
};

static void grow(mcr_key_queues *queues)
{
    size_t size = queues->buckets ? 2 * (queues->mask + 1) : BUCKETS_FIRST;
    mcr_key_queue **buckets = mcr_zalloc(size * sizeof(mcr_key_queue *));
    for (size_t i = 0; queues->buckets && i <= queues->mask; i++) {
        for (mcr_key_queue *queue = queues->buckets[i], *next; queue; queue = next) {
            next = queue->next;
            mcr_key_queue **bucket = &buckets[queue->hash & (size - 1)];
            queue->next = *bucket;
            *bucket = queue;
        }
    }
    free(queues->buckets);
    queues->buckets = buckets;
    queues->mask = size - 1;
}

mcr_key_queue *mcr_key_queues_get(mcr_key_queues *queues, mcr_str key)
{
    if (!queues->buckets || queues->n > queues->mask)
        grow(queues);
    uint64_t hash = XXH3_64bits(key.ptr, key.len);
    mcr_key_queue **bucket = &queues->buckets[hash & queues->mask];
    for (mcr_key_queue *queue = *bucket; queue; queue = queue->next)
        if (queue->hash == hash && mcr_str_eq(mcr_str_n(queue->key, queue->key_len), key))
            return queue;
    mcr_key_queue *queue = mcr_alloc(sizeof *queue + key.len);
    queue->next = *bucket;
    queue->hash = hash;
    TAILQ_INIT(&queue->jobs);
    queue->key_len = key.len;
    memcpy(queue->key, key.ptr, key.len);
    *bucket = queue;
    queues->n++;
    return queue;
}

void mcr_key_queues_drop(mcr_key_queues *queues, mcr_key_queue *queue)
{
    mcr_key_queue **at = &queues->buckets[queue->hash & queues->mask];
    while (*at != queue)
        at = &(*at)->next;
    *at = queue->next;
    queues->n--;
    free(queue);
}

void mcr_key_queues_fini(mcr_key_queues *queues)
{
    free(queues->buckets);
    *queues = (mcr_key_queues){ 0 };
}
