#pragma once
// How long ago, as kubectl says it (duration.HumanDuration): "45s", "5m12s", "3h4m", "2d5h", "1y".

#include <stdint.h>

#include "base/buf.h"

// mcr_age appends `seconds` (whole, cut toward zero) as an age. More than a second in the future
// is "<invalid>", as in kubectl.
void mcr_age(mcr_buf *out, int64_t seconds);
