#pragma once
// In which fields two events differ, for people (rehearse/event_changes.h has it as JSON).

#include <stdbool.h>

#include "base/buf.h"
#include "event/event.h"

enum {
    MCR_FIELDS_NAMED = 8 // at most
};

// mcr_events_same says whether both would leave the program as the same bytes. `room` is used.
bool mcr_events_same(const mcr_event *a, const mcr_event *b, mcr_buf room[2]);

// mcr_fields_differ appends the names of the fields that differ: "message, metadata.labels.team",
// and of more than a few how many more. False: none differs, though the spelling may.
bool mcr_fields_differ(mcr_buf *names, const mcr_event *a, const mcr_event *b);

// mcr_fields_show appends a line for each of them, `message: "a"`, with values cut to the part that
// differs.
void mcr_fields_show(mcr_buf *before, mcr_buf *after, const mcr_event *a, const mcr_event *b);

// mcr_text_changes appends two texts, quoted and cut to the part that differs.
void mcr_text_changes(mcr_buf *before, mcr_buf *after, mcr_str a, mcr_str b);
