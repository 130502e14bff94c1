#pragma once
// An event as a client sends it, read as kube-apiserver reads it. Pure.

#include <stdbool.h>

#include "base/buf.h"
#include "event/decode.h"
#include "event/event.h"

typedef enum mcr_api_body_fault {
    MCR_API_BODY_GOOD,
    MCR_API_BODY_UNREADABLE, // no JSON (or YAML), or not an object
    MCR_API_BODY_MISFIT      // a field of the wrong type, another kind or API
} mcr_api_body_fault;

typedef struct mcr_api_body {
    mcr_event *event; // all its fields are core/v1's; NULL when there is a fault
    mcr_buf unknown;  // "unknown field \"x\"\n" and "duplicate field \"x\"\n"
    mcr_api_body_fault fault;
    bool other_version; // the misfit is that it is of another API
    mcr_buf message;    // kube-apiserver's words about the fault, NUL-terminated
} mcr_api_body;

// mcr_api_body_read reads the JSON object `text` as an Event of one of the APIs. kind and
// apiVersion may be missing.
void mcr_api_body_read(mcr_api_body *out, mcr_decoder *decoder, mcr_str text, bool events_api);
void mcr_api_body_fini(mcr_api_body *b);

// mcr_api_unknown_fields appends what the API does not know of the valid JSON object `text`.
void mcr_api_unknown_fields(mcr_buf *out, mcr_str text, bool events_api);
