#pragma once
// Events: immutable, reference-counted, one block of memory each. Decoding (event/decode.h) or
// mcr_event_new makes them; the last mcr_event_unref frees them. Any thread may hold, read, ref and
// unref one; nobody may change one after it was shared. mcr_event_ref and mcr_event_unref are part
// of the public API (mooncrier.h).

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "event/event_abi.h"
#include "mooncrier.h"

// mcr_event_ref_n adds `n` holders at once: one atomic operation for a whole fan-out.
void mcr_event_ref_n(mcr_event *ev, uint32_t n);

// mcr_event_new makes an event with the fields of `fields`: every string, pair and JSON text is
// copied, `raw` stays empty, so it is written in the canonical encoding (event/encode.h). `refs` of
// the argument is ignored; the result has one holder, the caller.
mcr_event *mcr_event_new(const mcr_event *fields);

// mcr_event_derive makes the same event as mcr_event_new(fields), of fields that are those of
// `from`, the same bytes, but for what is no text and for metadata.name, metadata.resourceVersion
// and message, which may be any bytes. They alone are copied, so that it takes a fourth of the
// time; the rest stays in `from`, which the result holds.
mcr_event *mcr_event_derive(mcr_event *from, const mcr_event *fields);

// mcr_event_copy makes an event that is `ev` in everything, `raw` included. It has one holder, the
// caller, who may still set hops, delta and change.
mcr_event *mcr_event_copy(const mcr_event *ev);

// mcr_event_opaque makes an event that has nothing but its JSON text (an object or array, copied):
// it is written as it is, and all its fields are empty. For results of `eval` that are no events.
mcr_event *mcr_event_opaque(mcr_str json);

// mcr_event_copy_fields copies all fields but `refs`, which other holders of `from` may be changing
// right now. Texts are shared, so `from` must outlive what is made of them.
static inline void mcr_event_copy_fields(mcr_event *to, const mcr_event *from)
{
    memcpy((char *)to + sizeof to->refs, (const char *)from + sizeof from->refs,
           sizeof *to - sizeof to->refs);
}

// mcr_event_time is `event.time`: the first that is set of series.lastObservedTime, lastTimestamp,
// eventTime, firstTimestamp, metadata.creationTimestamp; NULL when none is.
const mcr_time *mcr_event_time(const mcr_event *ev);

// mcr_event_occurrences is `event.occurrences`: series.count, else count, else 1.
int32_t mcr_event_occurrences(const mcr_event *ev);

// mcr_pairs_get finds `key` among labels or annotations; NULL when absent.
const mcr_str *mcr_pairs_get(const mcr_pairs *pairs, mcr_str key);
