#pragma once
// Where emitted events wait for the broadcaster's owner: a bounded queue with many writers, each
// event with the id of the watch that must not see it. Internal to broadcast/.

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

typedef struct mcr_inbox mcr_inbox;

typedef struct mcr_emitted {
    mcr_event *ev;
    uint64_t from; // id of the emitting watch, 0 for none
} mcr_emitted;

mcr_inbox *mcr_inbox_new(uint32_t capacity);

// mcr_inbox_free frees it and the holds on what is in it. NULL is fine.
void mcr_inbox_free(mcr_inbox *inbox);

// Any thread. mcr_inbox_put_take puts an event in; *first says whether it was empty before. False:
// full or closed, counted, and the event is the caller's still.
bool mcr_inbox_put_take(mcr_inbox *inbox, mcr_event *ev, uint64_t from, bool *first);

// Any thread. mcr_inbox_refuse counts an event that may not be put in.
void mcr_inbox_refuse(mcr_inbox *inbox);

// mcr_inbox_take gets up to `n` events, in order; the caller holds them.
uint32_t mcr_inbox_take(mcr_inbox *inbox, mcr_emitted *out, uint32_t n);

// mcr_inbox_close refuses everything from now on; what is in it can still be taken.
void mcr_inbox_close(mcr_inbox *inbox);

// Any thread: whether it was closed.
bool mcr_inbox_is_closed(mcr_inbox *inbox);

// Any thread: how many events were ever put in, and how many were refused.
void mcr_inbox_counts(mcr_inbox *inbox, uint64_t *entered, uint64_t *refused);
