#pragma once
// Encoding: an event to JSON, byte for byte as Go's encoding/json writes v1.Event (spec RECORD §3,
// vectors codec_cases): field order, omitempty, null times, sorted map keys, HTML escaping.

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "event/decode.h"
#include "event/event.h"

// mcr_event_write appends the event as it should leave the program: its original bytes when it has
// any, else mcr_event_encode. No newline.
void mcr_event_write(mcr_buf *out, const mcr_event *ev);

// mcr_event_encode appends the canonical core/v1 encoding, original or not: `kind` and `apiVersion`
// first. `unknown`: top-level fields of the original that core/v1 does not know (nor
// events.k8s.io/v1, when it came so) follow at the end. No newline.
void mcr_event_encode(mcr_buf *out, const mcr_event *ev, bool unknown);

// mcr_json_string appends `s` quoted and escaped as Go does: <, >, &, U+2028, U+2029 as \u00XX,
// each byte that is not UTF-8 as \ufffd.
void mcr_json_string(mcr_buf *out, mcr_str s);

// mcr_event_merge makes the event that results from merging the JSON object `patch` into `ev`:
// objects merge, arrays and scalars are replaced, null deletes (RFC 7396), fields under core/v1
// names whatever API the original came in, unknown fields kept. The result has one holder, and the
// change, delta, hops and origin of `ev`. NULL with a sentence in `err` when the result is no
// event.
mcr_event *mcr_event_merge(mcr_decoder *d, const mcr_event *ev, mcr_str patch, mcr_errbuf *err);
