#pragma once
// What a running program is doing, as one JSON object or for people: version, process, generation,
// reloads, files, watchers, and the ledger.

#include "base/buf.h"
#include "daemon/live.h"

// mcr_status_write appends the JSON object, without a newline.
void mcr_status_write(mcr_buf *out, const mcr_live *live, const mcr_census_result *counted);

// mcr_status_write_text appends it for people, as a JSON string.
void mcr_status_write_text(mcr_buf *to, const mcr_live *live, const mcr_census_result *counted);

// mcr_status_write_outcome appends what came of a reload as a JSON object.
void mcr_status_write_outcome(mcr_buf *out, const mcr_reload_outcome *outcome);
