#pragma once
// What two turns of the same event through the same watcher differ in (rehearse/course.h). The
// first stage that decides otherwise counts, and what necessarily follows from that does not; what
// the stages behind it decide on their own does.

#include <stdbool.h>

#include "rehearse/differences.h"
#include "rehearse/event_fields.h"
#include "rehearse/turn_side.h"

// Who is told. Buffers are used while turns are compared, and empty at first.
typedef struct mcr_turn_differ {
    mcr_differences *into;
    const char *watcher; // what it is called in the report
    mcr_event *input;    // that the turns are of; NULL: of none (before the first)
    mcr_buf room[2];
    mcr_buf decision;
    mcr_buf before;
    mcr_buf after;
} mcr_turn_differ;

// mcr_turns_differ tells every difference; true when there are any.
bool mcr_turns_differ(mcr_turn_differ *d, const mcr_turn_side *old, const mcr_turn_side *new);

void mcr_turn_differ_fini(mcr_turn_differ *d);
