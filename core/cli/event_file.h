#pragma once
// The events of files, read at once.

#include <stdbool.h>
#include <stddef.h>

#include "event/event.h"

typedef struct mcr_event_list {
    mcr_event **at;
    size_t n;
    size_t cap;
    size_t malformed; // documents that are no event: each was logged
    bool full;        // there are more than were asked for
} mcr_event_list;

// mcr_event_list_read adds the events of the file at `path` ("-": standard input), as every command
// reads them, as long as there are fewer than `limit` of them in the list. False: it could not be
// read to its end, which was logged.
bool mcr_event_list_read(mcr_event_list *list, const char *path, size_t limit, size_t event_limit);

// mcr_event_list_fini lets go of the events.
void mcr_event_list_fini(mcr_event_list *list);
