#pragma once
// Chunks of one size for events that are decoded on one thread and freed on another: malloc takes
// them back under the lock of the thread that made them, and both threads then wait for each other
// (a seventh of the time of the route workload). Here the thread that frees pushes a chunk on one
// stack, and the thread that decodes takes the whole stack when its own spare ones are used up.
//
// One stack for the process, bounded by MCR_POOL_MAX chunks (a few more while several threads
// push); what is past that goes back to malloc. Under AddressSanitizer there is no pool, so that it
// sees every use after the end.

#include <stddef.h>

enum {
    MCR_POOL_CHUNK = 4096,
    MCR_POOL_MAX = 512
};

// The chunks that one decoder has to spare; zero-initialised is empty. One thread at a time.
typedef struct mcr_spare {
    struct mcr_chunk *first;
} mcr_spare;

// mcr_pool_take returns MCR_POOL_CHUNK uninitialised bytes.
void *mcr_pool_take(mcr_spare *spare);

// mcr_pool_give takes a chunk back; any thread.
void mcr_pool_give(void *memory);

// mcr_spare_fini gives the spare chunks back to malloc.
void mcr_spare_fini(mcr_spare *spare);
