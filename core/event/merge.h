#pragma once
// Deriving an event from another: what `event:with{…}` does.

#include "base/err.h"
#include "event/decode.h"
#include "event/event.h"

// mcr_json_merge appends the object that results from merging the object `patch` into the object
// `base`, both valid JSON, by RFC 7396: objects merge, everything else is replaced, null deletes.
// What the patch does not touch keeps its bytes and its place; new keys come last. Of a key that
// stands twice in an object that is merged, the last one counts (objects become one).
void mcr_json_merge(mcr_buf *out, mcr_str base, mcr_str patch);

// mcr_event_merge makes the event that results from merging the JSON object `patch` into `ev`:
// fields under core/v1 names whatever API the original came in, unknown fields kept. The result has
// one holder, and the change, delta, hops and origin of `ev`. NULL with a sentence in `err` when
// the patch is no JSON object or the result is no event.
mcr_event *mcr_event_merge(mcr_decoder *d, const mcr_event *ev, mcr_str patch, mcr_errbuf *err);
