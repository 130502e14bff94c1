#pragma once
// Durations as Go prints them.

#include <stdint.h>

#include "base/buf.h"

// mcr_go_duration appends `ns` as time.Duration's String does: "1s", "1m30s", "2.5s", "250ms",
// "0s".
void mcr_go_duration(mcr_buf *out, int64_t ns);
