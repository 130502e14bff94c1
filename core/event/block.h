#pragma once
// The memory behind an event: one block that begins with the struct, and spill chunks for what did
// not fit. Internal to core/event.

#include <stdbool.h>
#include <stddef.h>

#include "event/event.h"
#include "event/pool.h"

typedef struct mcr_spill {
    struct mcr_spill *next;
} mcr_spill;

// The top-level values whose place in the text is remembered (event/splice.h).
enum {
    MCR_SPAN_REASON,
    MCR_SPAN_MESSAGE,
    MCR_SPAN_TYPE,
    MCR_SPAN_ACTION,
    MCR_SPAN_COUNT,
    MCR_SPANS
};

typedef struct mcr_span {
    const char *at; // in `raw`; NULL: not there
    size_t len;
} mcr_span;

typedef struct mcr_block {
    mcr_event ev; // first: an mcr_event pointer is a pointer to its block
    mcr_spill *spill;
    mcr_event *parent; // held: fields point into it. It has no parent itself. NULL: none
    mcr_span spans[MCR_SPANS];
    bool pooled;        // the block is a chunk of event/pool.h
    bool spans_unknown; // `raw` is not what was decoded, or has one of them twice
    char *at;           // free room of the block or its newest spill
    char *end;
} mcr_block;

// mcr_block_new makes an event with one holder, all fields empty, and `size` bytes of room.
mcr_event *mcr_block_new(size_t size);

// mcr_block_new_from is mcr_block_new for an event that will often be freed by another thread.
mcr_event *mcr_block_new_from(mcr_spare *spare, size_t size);

// mcr_block_take takes `size` bytes, aligned for pointers, that live as long as the event.
void *mcr_block_take(mcr_event *ev, size_t size);

// mcr_block_copy copies a string into the event's memory.
mcr_str mcr_block_copy(mcr_event *ev, mcr_str s);
