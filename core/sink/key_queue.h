#pragma once
// The queues of the keys that have something to be sent: by key, found by hash. A key without jobs
// takes no memory. Internal to deliveries.c. One thread.

#include <stdint.h>
#include <sys/queue.h>

#include "base/str.h"
#include "sink/deliveries.h"

TAILQ_HEAD(mcr_job_list, mcr_job);

typedef struct mcr_key_queue {
    struct mcr_key_queue *next; // of its bucket
    uint64_t hash;
    struct mcr_job_list jobs; // the first is the one to be sent, or is under way
    uint32_t key_len;
    char key[];
} mcr_key_queue;

// Zero-initialised is empty.
typedef struct mcr_key_queues {
    mcr_key_queue **buckets;
    size_t mask; // buckets - 1, a power of two less one
    size_t n;
} mcr_key_queues;

// mcr_key_queues_get finds the queue of `key` (not ""), or makes an empty one.
mcr_key_queue *mcr_key_queues_get(mcr_key_queues *queues, mcr_str key);

// mcr_key_queues_drop frees an empty queue.
void mcr_key_queues_drop(mcr_key_queues *queues, mcr_key_queue *queue);

// mcr_key_queues_fini: all queues have been dropped.
void mcr_key_queues_fini(mcr_key_queues *queues);
