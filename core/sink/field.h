#pragma once
// One field of an event by its path, as scripts see it (DESIGN §6): a known field under its core/v1
// name whatever API the event came from, derived ones (time, occurrences, change, delta), anything
// else out of the JSON.

#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"

// A step of a path: a name, or a position from 1 on.
typedef struct mcr_path_step {
    char *name; // NULL: a position
    size_t place;
} mcr_path_step;

typedef enum mcr_field_kind {
    MCR_FIELD_ABSENT, // also JSON's null
    MCR_FIELD_TEXT,
    MCR_FIELD_NUMBER, // `text` is its decimal
    MCR_FIELD_JSON    // an object, list, true or false: `text` is its JSON
} mcr_field_kind;

typedef struct mcr_field_value {
    mcr_field_kind kind;
    mcr_buf text;
} mcr_field_value;

typedef struct mcr_field mcr_field;

// mcr_field_new compiles a path and takes the steps' names (which it frees, also when it
// fails). NULL with a sentence for a path that must be a slip: a name close to that of a field.
mcr_field *mcr_field_new_take(mcr_path_step *steps, size_t n, mcr_errbuf *err);
void mcr_field_free(mcr_field *f);

// mcr_field_read puts the value in `out`, whose text is overwritten. A known text that is
// absent is an empty text, a number 0.
void mcr_field_read(const mcr_field *f, const mcr_event *ev, mcr_field_value *out);
