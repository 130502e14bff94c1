#pragma once
// Kubernetes' two kinds of time in JSON: metav1.Time (RFC 3339, whole seconds when written) and
// metav1.MicroTime (six decimals).

#include <stdbool.h>

#include "base/buf.h"
#include "event/event_abi.h"

// mcr_time_parse reads RFC 3339 ("2026-11-23T05:01:40Z", "…40.123456Z", "…+05:30"): Go's
// time.Parse(time.RFC3339, …), any fraction, months and days checked. `text` is borrowed into
// out->text. Year 1 January 1 00:00:00 UTC gives set = 0 (Go's zero time). False: not a time.
bool mcr_time_parse(mcr_str text, mcr_time *out);

// mcr_micro_time_parse is mcr_time_parse that takes exactly six decimals, as Go's MicroTime does.
bool mcr_micro_time_parse(mcr_str text, mcr_time *out);

// mcr_time_of makes a set time without text from Unix nanoseconds.
mcr_time mcr_time_of(int64_t unix_ns);

// mcr_time_ns is the time in Unix nanoseconds; 0 when not set, the nearest that fits past 1677 and
// 2262.
int64_t mcr_time_ns(const mcr_time *t);

// mcr_time_write appends `"2026-11-23T05:01:40Z"` with quotes, in UTC, or null when not set.
void mcr_time_write(mcr_buf *out, const mcr_time *t);

// mcr_micro_time_write appends `"2026-11-23T05:01:40.123456Z"` with quotes, or null.
void mcr_micro_time_write(mcr_buf *out, const mcr_time *t);

// mcr_time_format appends RFC 3339 in UTC without quotes, with `decimals` (0, 3, 6 or 9) digits.
void mcr_time_format(mcr_buf *out, int64_t sec, int32_t nsec, int decimals);
