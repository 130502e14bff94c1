#pragma once
// Encoding: an event to JSON, byte for byte as Go's encoding/json writes v1.Event (spec RECORD §3,
// vectors codec_cases): field order, omitempty, null times, sorted map keys, HTML escaping.

#include <stdbool.h>

#include "base/buf.h"
#include "event/event.h"

// mcr_event_write appends the event as it should leave the program: its original bytes when it has
// any, else mcr_event_encode. No newline.
void mcr_event_write(mcr_buf *out, const mcr_event *ev);

// mcr_event_encode appends the canonical core/v1 encoding, original or not: `kind` and `apiVersion`
// first. `unknown`: top-level fields of the original that core/v1 does not know (nor
// events.k8s.io/v1, when it came so) follow at the end. No newline.
void mcr_event_encode(mcr_buf *out, const mcr_event *ev, bool unknown);

// mcr_event_has_field says whether `key` is a top-level field of events in that API (MCR_API_*);
// any other one of `raw` is unknown.
bool mcr_event_has_field(mcr_str key, int api);

// mcr_json_string appends `s` quoted and escaped as Go does: <, >, &, U+2028, U+2029 as \u00XX,
// each byte that is not UTF-8 as \ufffd.
void mcr_json_string(mcr_buf *out, mcr_str s);
