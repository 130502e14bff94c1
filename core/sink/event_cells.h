#pragma once
// What stands in each column of `kubectl get events`.

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "event/event.h"

enum {
    MCR_CELL_LAST_SEEN,
    MCR_CELL_TYPE,
    MCR_CELL_REASON,
    MCR_CELL_OBJECT,
    MCR_CELL_SUBOBJECT, // this and those marked so: -o wide only
    MCR_CELL_SOURCE,    // wide
    MCR_CELL_MESSAGE,
    MCR_CELL_FIRST_SEEN, // wide
    MCR_CELL_COUNT,      // wide
    MCR_CELL_NAME,       // wide
    MCR_EVENT_CELLS
};

// mcr_event_cell_title is a column's: "LAST SEEN"; mcr_event_cell_is_narrow tells whether it is
// shown without -o wide.
const char *mcr_event_cell_title(size_t cell);
bool mcr_event_cell_is_narrow(size_t cell);

typedef struct mcr_event_cells {
    mcr_str at[MCR_EVENT_CELLS];
    mcr_buf rooms[MCR_EVENT_CELLS]; // of those that had to be made
} mcr_event_cells;

// mcr_event_cells_fill makes the cells; they borrow from the event. Ages are counted to `now` (Unix
// ns).
void mcr_event_cells_fill(mcr_event_cells *out, const mcr_event *ev, int64_t now);
void mcr_event_cells_fini(mcr_event_cells *c);
