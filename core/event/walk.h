#pragma once
// Walking over JSON that is known to be valid: an event's original bytes, or text the decoder has
// checked. It looks only at strings and brackets, so it is several times faster than event/scan.h;
// over text that is not valid it ends somewhere inside the text.
//
//     mcr_walk walk;
//     mcr_str key, value;
//     mcr_walk_begin(&walk, ev->raw);
//     while (mcr_walk_member(&walk, &key, &value))
//         …

#include <stdbool.h>

#include "base/buf.h"

typedef struct mcr_walk {
    const char *at;
    const char *end;
} mcr_walk;

// mcr_walk_value returns where the value that begins at `at` ends.
const char *mcr_walk_value(const char *at, const char *end);

// mcr_walk_begin enters the object or array `container`.
void mcr_walk_begin(mcr_walk *walk, mcr_str container);

// mcr_walk_more goes behind a comma, if any, to the next member or element. False: there is none.
bool mcr_walk_more(mcr_walk *walk);

// mcr_walk_member goes to the object's next member: its key as it is written between the quotes,
// escapes and all, and the text of its value. False: there is none.
bool mcr_walk_member(mcr_walk *walk, mcr_str *key, mcr_str *value);

// mcr_walk_key is the key that stands between quotes as `written`, without its escapes: `written`
// itself, or made in `room`, whose bytes it replaces.
mcr_str mcr_walk_key(mcr_str written, mcr_buf *room);

// mcr_walk_element goes to the array's next element. False: there is none.
bool mcr_walk_element(mcr_walk *walk, mcr_str *value);
