#pragma once
// Which repeats of an event a sink is told of: all of them, none, or one in so many seconds. A
// repeat is an event whose metadata.namespace and name were seen before; it remembers the latest
// 4096 of them, and counts those that it forgot. One thread.

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

// What stands for the time between two repeats.
#define MCR_UPDATES_ALL   INT64_C(0)
#define MCR_UPDATES_FIRST INT64_C(-1)

typedef struct mcr_updates mcr_updates;

// mcr_updates_new: `every_ns` is MCR_UPDATES_FIRST or the least time between two repeats.
mcr_updates *mcr_updates_new(int64_t every_ns);
void mcr_updates_free(mcr_updates *u);

// mcr_updates_wants: `ev` is to be told at `now` (Unix ns). An event without a name always is.
bool mcr_updates_wants(mcr_updates *u, const mcr_event *ev, int64_t now);

// mcr_updates_untold: `ev` was to be told and could not be: its next repeat is.
void mcr_updates_untold(mcr_updates *u, const mcr_event *ev);

// mcr_updates_forgotten is how many there was no more room for; their next repeats are told as new.
uint64_t mcr_updates_forgotten(const mcr_updates *u);
