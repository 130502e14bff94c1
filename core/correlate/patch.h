#pragma once
// The body that tells the server of one more occurrence of an event it has.

#include "base/buf.h"
#include "event/event.h"

// mcr_count_patch appends the strategic merge patch that client-go makes: the difference between
// `ev` and itself with count 0, no message and the last timestamp of the Unix epoch. Sorted,
// without spaces: {"count":2,"lastTimestamp":"2023-11-14T22:13:21Z","message":"m"}. What equals the
// other side is left out, so that the patch may be {}.
void mcr_count_patch(mcr_buf *out, const mcr_event *ev);
