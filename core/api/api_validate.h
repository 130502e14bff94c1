#pragma once
// What kube-apiserver holds to be a valid Event, with its words. Pure.

#include <stdbool.h>

#include "base/buf.h"
#include "event/event.h"

// Faults found, one after the other.
typedef struct mcr_api_causes {
    mcr_buf list; // "field: message, field: message"
    mcr_buf json; // [{"reason":…,"message":…,"field":…},…] without the brackets
    unsigned n;
    unsigned shown; // in `list`
} mcr_api_causes;

void mcr_api_causes_fini(mcr_api_causes *c);

// mcr_api_cause_add adds one; `reason` is "FieldValueInvalid" and the like.
void mcr_api_cause_add(mcr_api_causes *c, const char *reason, const char *field, const char *format,
                       ...) __attribute__((format(printf, 4, 5)));

// mcr_api_validate_create checks a new event whose metadata.namespace is set.
void mcr_api_validate_create(mcr_api_causes *out, const mcr_event *ev, bool events_api);

// mcr_api_validate_update checks a changed event, whose metadata.namespace is set, against what it
// was.
void mcr_api_validate_update(mcr_api_causes *out, const mcr_event *ev, const mcr_event *old,
                             bool events_api);

// mcr_api_label_faults appends what is wrong with a label's key or value, "; " in between; nothing
// when it is fine.
void mcr_api_label_faults(mcr_buf *out, mcr_str text, bool is_key);
