#pragma once
// Events as a meta.k8s.io/v1 Table: what kubectl prints. Pure.

#include <stdint.h>

#include "base/buf.h"
#include "event/event.h"

// mcr_api_table_columns appends the member "columnDefinitions":[…].
void mcr_api_table_columns(mcr_buf *out);

// mcr_api_table_row appends one row. `object` is what it brings along, JSON; empty: nothing. Ages
// are counted to `now` (Unix ns).
void mcr_api_table_row(mcr_buf *out, const mcr_event *ev, mcr_str object, int64_t now);
