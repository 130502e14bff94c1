#pragma once
// Deliveries of their own (mcr_direct in broadcast/hooks.h) that wait to be written. Internal to
// broadcast/; one thread.

#include <stddef.h>
#include <stdint.h>

#include "broadcast/hooks.h"

typedef struct mcr_directs {
    mcr_direct *at;
    size_t size;
    size_t cap;
} mcr_directs;

// mcr_directs_push adds one at the end and becomes the holder of its event;
// mcr_directs_push_by_place behind those of the same place and before those of later ones.
void mcr_directs_push(mcr_directs *list, mcr_direct d);
void mcr_directs_push_by_place(mcr_directs *list, mcr_direct d);

// mcr_directs_sinks is where they go, mcr_verdicts_sinks where `n` events are routed: bit i is
// sink i.
uint64_t mcr_directs_sinks(const mcr_directs *list);
uint64_t mcr_verdicts_sinks(const mcr_verdict *v, uint32_t n);

// mcr_directs_clear lets go of all events; mcr_directs_fini frees what is left of an empty list.
void mcr_directs_clear(mcr_directs *list);
void mcr_directs_fini(mcr_directs *list);
