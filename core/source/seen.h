#pragma once
// What a stream has already told of each event, for `event.change` and `event.delta`: a bounded
// table from event identity (metadata.uid, else namespace/name) to the occurrences last seen. One
// thread.
//
// Identities are kept as 64-bit hashes in sets of eight; a full set forgets the one that was not
// seen for longest. A forgotten event that comes again counts as first seen.

#include "event/event.h"

typedef struct mcr_seen mcr_seen;

// mcr_seen_new makes a table for about `capacity` identities (12 bytes each).
mcr_seen *mcr_seen_new(uint32_t capacity);
void mcr_seen_free(mcr_seen *seen);

// mcr_seen_note sets ev->change (if MCR_CHANGE_UNKNOWN: "new" the first time, else "repeat") and
// ev->delta, and remembers the event; a deleted one is forgotten. The caller is its only holder.
// delta is the occurrences more than last seen (0 when not more, and for deleted ones); at first
// sight all of them for a new event, 1 for a MODIFIED one whose earlier counts this stream has not
// shown. An event with neither uid nor name is always first seen.
void mcr_seen_note(mcr_seen *seen, mcr_event *ev);

// mcr_seen_note_all is mcr_seen_note for `n` events in order, and faster: places in the table are
// fetched from memory while others are worked on.
void mcr_seen_note_all(mcr_seen *seen, mcr_event *const *events, uint32_t n);
