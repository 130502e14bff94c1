#pragma once
// Text with fields of an event in it, compiled once. The language of lua/mooncrier/template.lua:
//
//     {{path}}                     a field: names with dots, any key in quotes
//                                  (metadata.labels["a.b/c"]), a position from 1 on
//                                  (metadata.ownerReferences[1].name); "" when absent
//     {{path | filter argument}}   upper, lower, trim, oneline, truncate N, pad N, default "x",
//                                  date "%H:%M" (UTC), json
//     {{"{{"}}                     braces
//
// What stands for a field is escaped for its place: no event can break out of it.

#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"

typedef enum mcr_template_place {
    MCR_TEMPLATE_TEXT, // as it is
    MCR_TEMPLATE_JSON, // inside a JSON string: escaped; outside: a JSON value of its own type, null
                       // when absent
    MCR_TEMPLATE_URL   // percent-encoded, "/" too
} mcr_template_place;

typedef struct mcr_template mcr_template;

// mcr_template_new compiles `text`. NULL with "line:column: …" in `err`: unknown fields and filters
// (with a suggestion), wrong arguments, unclosed braces.
mcr_template *mcr_template_new(const char *text, mcr_template_place place, mcr_errbuf *err);
void mcr_template_free(mcr_template *t);

// mcr_template_is_fixed tells whether all events give the same text.
bool mcr_template_is_fixed(const mcr_template *t);

// mcr_template_write appends the text for `ev`.
void mcr_template_write(const mcr_template *t, const mcr_event *ev, mcr_buf *out);
