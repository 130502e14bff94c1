#pragma once
// Typed readers of the decoder: each reads one JSON value at the scanner into one field of the
// event, by Go's rules (null changes nothing, other types are errors), and names the field when it
// cannot. Internal to core/event.

#include "event/decode.h"
#include "event/scan.h"

struct mcr_decoder {
    mcr_scan scan;
    mcr_event *ev;
    mcr_buf scratch; // a string being unescaped
    mcr_buf compact; // a document over many lines, without its white space
    mcr_pair *pairs; // labels or annotations being read
    uint32_t pairs_cap;
    const char *field;    // what could not be read, for the message; NULL: syntax
    const char *expected; // … and what it should have been
    mcr_str found;        // … and what it is: the value's text
};

// mcr_read_fail notes that the value at the scanner is no `expected`; false.
bool mcr_read_fail(mcr_decoder *d, const char *field, const char *expected);

// mcr_read_null skips a null; false when the value is something else.
bool mcr_read_null(mcr_decoder *d);

bool mcr_read_string_slow(mcr_decoder *d, const char *field, mcr_str *to);
bool mcr_read_int32(mcr_decoder *d, const char *field, int32_t *to);
bool mcr_read_int64(mcr_decoder *d, const char *field, int64_t *to);
bool mcr_read_time(mcr_decoder *d, const char *field, bool micro, mcr_time *to);
bool mcr_read_pairs(mcr_decoder *d, const char *field, mcr_pairs *to);
bool mcr_read_array(mcr_decoder *d, const char *field, mcr_str *to);

// mcr_read_next_key reads the next field name of an object up to its ':'. *key.ptr is NULL at the
// object's end. `first`: nothing of the object has been read but its '{'.
bool mcr_read_next_key(mcr_decoder *d, bool first, mcr_str *key);

// mcr_read_open reads the '{' of an object; *is_null instead for a null.
bool mcr_read_open(mcr_decoder *d, const char *field, bool *is_null);
