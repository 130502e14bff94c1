#pragma once
// Go's fmt.Sprintf, for messages of events: its verbs, flags, widths, precisions and argument
// indexes, and what it writes when format and arguments do not agree: "%!d(string=x)",
// "%!s(MISSING)", "%!(EXTRA int=1)".
//
// Arguments are nil, bool, int, float64 and string. Of the verbs for these types, %b, %x and %X of
// floats are missing: they are written as a bad verb.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

typedef enum mcr_go_type {
    MCR_GO_NIL,
    MCR_GO_BOOL,
    MCR_GO_INT,
    MCR_GO_FLOAT,
    MCR_GO_STRING
} mcr_go_type;

typedef struct mcr_go_arg {
    mcr_go_type type;
    bool boolean;
    int64_t integer;
    double number;
    mcr_str string;
} mcr_go_arg;

// mcr_go_sprintf appends `text` with its verbs replaced by the `n` arguments.
void mcr_go_sprintf(mcr_buf *out, mcr_str text, const mcr_go_arg *args, size_t n);
