#pragma once
// Events in the columns of `kubectl get events`.

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"
#include "sink/table.h"

// mcr_event_table_new makes the table: LAST SEEN, TYPE, REASON, OBJECT, MESSAGE; `wide`: LAST SEEN,
// TYPE, REASON, OBJECT, SUBOBJECT, SOURCE, MESSAGE, FIRST SEEN, COUNT, NAME.
mcr_table *mcr_event_table_new(bool wide);

// mcr_event_table_row adds the event's row; ages are counted to `now` (Unix ns).
void mcr_event_table_row(mcr_table *t, bool wide, mcr_buf *out, const mcr_event *ev, int64_t now);
