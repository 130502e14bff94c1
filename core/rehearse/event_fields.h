#pragma once
// In which fields two events differ, for people (rehearse/event_changes.h has it as JSON).

#include <stdbool.h>

#include "base/buf.h"
#include "event/event.h"

// What differs, for people.
typedef struct mcr_field_changes {
    mcr_buf names;  // "message, metadata.labels.team"; of more than a few, how many more
    mcr_buf before; // a line for each, values cut to the part that differs: `message: "a"`
    mcr_buf after;
} mcr_field_changes;

enum {
    MCR_FIELDS_NAMED = 8 // at most
};

// mcr_events_same says whether both would leave the program as the same bytes. `room` is used.
bool mcr_events_same(const mcr_event *a, const mcr_event *b, mcr_buf room[2]);

// mcr_field_changes_find fills `to` (emptied first): fields of objects one by one, "a.b.c", arrays
// as a whole. False: none differs, though the spelling may.
bool mcr_field_changes_find(mcr_field_changes *to, const mcr_event *a, const mcr_event *b);

// mcr_text_changes appends two texts, quoted and cut to the part that differs.
void mcr_text_changes(mcr_buf *before, mcr_buf *after, mcr_str a, mcr_str b);

void mcr_field_changes_fini(mcr_field_changes *c);
