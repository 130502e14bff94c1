#pragma once
// The memory behind an event: one block that begins with the struct, and spill chunks for what did
// not fit. Internal to core/event.

#include <stddef.h>

#include "event/event.h"

typedef struct mcr_spill {
    struct mcr_spill *next;
} mcr_spill;

typedef struct mcr_block {
    mcr_event ev; // first: an mcr_event pointer is a pointer to its block
    mcr_spill *spill;
    char *at; // free room of the block or its newest spill
    char *end;
} mcr_block;

// mcr_block_new makes an event with one holder, all fields empty, and `size` bytes of room.
mcr_event *mcr_block_new(size_t size);

// mcr_block_take takes `size` bytes, aligned for pointers, that live as long as the event.
void *mcr_block_take(mcr_event *ev, size_t size);

// mcr_block_copy copies a string into the event's memory.
mcr_str mcr_block_copy(mcr_event *ev, mcr_str s);
