#pragma once
// Why the API did not take an event, in the classes that client-go tells apart by Go's types.

#include <stddef.h>

#include "base/str.h"

typedef enum mcr_write_error_class {
    // No connection, no answer in time, one that cannot be read, a name no request can be made of;
    // also what wraps an error of another class.
    MCR_WRITE_OTHER,
    MCR_WRITE_STATUS,    // StatusError: the server said no
    MCR_WRITE_CONSTRUCT, // RequestConstructionError: it was never sent
    MCR_WRITE_UNEXPECTED // UnexpectedObjectError: the answer was about something else
} mcr_write_error_class;

typedef struct mcr_write_error {
    mcr_write_error_class class;
    int code;              // of the Status, which may differ from the answer's HTTP code
    mcr_str reason;        // of the Status: "NotFound"
    const mcr_str *causes; // types of the Status' causes
    size_t n_causes;
    mcr_str text; // Go's err.Error()
} mcr_write_error;
