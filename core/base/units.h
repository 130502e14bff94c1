#pragma once
// Durations ("250ms", "10s", "5m", "1h", "1.5s", or a number of seconds) and sizes ("64KiB",
// "4MiB", "1GiB", "512B", or a number of bytes) and rates ("10/s", "30/m", "5/h", or a number a
// second), written the same way everywhere.

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

// mcr_parse_duration reads a duration of at least 0 and less than 100 years into nanoseconds.
// False: the text is no duration; *ns is unchanged.
bool mcr_parse_duration(mcr_str text, int64_t *ns);

// mcr_parse_size reads a size into bytes. Units are powers of 1024 (KiB, MiB, GiB) or of 1000 (kB,
// MB, GB). False: the text is no size; *bytes is unchanged.
bool mcr_parse_size(mcr_str text, uint64_t *bytes);

// mcr_parse_rate reads a rate into how many a second. False: the text is no rate; *per_second is
// unchanged.
bool mcr_parse_rate(mcr_str text, double *per_second);
