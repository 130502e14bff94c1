#pragma once
// client-go's reference.GetReference: which object an event is about.

#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"

// Which kind the objects of a type are, for objects that do not say it themselves.
typedef struct mcr_scheme_type {
    const char *type; // whatever the program calls it: "v1.Pod"
    const char *kind;
    const char *apiVersion;
} mcr_scheme_type;

typedef struct mcr_scheme {
    const char *name; // for messages
    const mcr_scheme_type *types;
    size_t n;
} mcr_scheme;

// What is recorded for: an object or a reference to one.
typedef struct mcr_regarding {
    const mcr_object_reference *reference; // used as it is; NULL: `json` is the object
    mcr_str json;                          // empty or null: nothing
    // Its type in the scheme. Empty: JSON that must say its kind itself.
    mcr_str type;
} mcr_regarding;

// mcr_reference_get sets `out`, whose strings are borrowed from the reference, the scheme or
// `room`, which it overwrites. Kind and apiVersion are the object's own if it has either, however
// incomplete; only one that has none is looked up in `scheme` (NULL: it knows none). MCR_EINVAL
// with client-go's error text, or with what is wrong with the JSON.
mcr_err mcr_reference_get(mcr_object_reference *out, const mcr_regarding *object,
                          const mcr_scheme *scheme, mcr_buf *room, mcr_errbuf *err);
