#pragma once
// A strict, non-recursive JSON scanner over bytes in memory: what decoding, event:get, json.decode
// and list framing share. It allocates nothing. RFC 8259 exactly, plus a depth limit.
//
// Every scanned text must be followed by MCR_SCAN_PAD readable bytes that do not continue it (zeros
// do): loops read 16 bytes at a time.

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum {
    MCR_SCAN_PAD = 32,
    MCR_SCAN_DEPTH = 1000 // containers inside containers
};

typedef struct mcr_scan {
    const char *at;  // next byte
    const char *end; // behind the last byte
    const char *begin;
    const char *why; // NULL while all is well; else a phrase such as "expected ':'"
    bool lenient;    // Go's reading of strings: bad UTF-8 and lone surrogates become U+FFFD
} mcr_scan;

// mcr_scan_init starts at the first byte of `text`.
void mcr_scan_init(mcr_scan *s, mcr_str text, bool lenient);

// mcr_scan_fail notes `why` at the current byte and returns false. The first failure stays.
bool mcr_scan_fail(mcr_scan *s, const char *why);

// mcr_scan_space skips white space and returns the next byte, 0 at the end.
char mcr_scan_space(mcr_scan *s);

// mcr_scan_value skips one value of any kind, checking it fully, and borrows its text.
bool mcr_scan_value(mcr_scan *s, mcr_str *text);

// mcr_scan_string reads a string (the next byte is its quote). Without escapes *out borrows the
// bytes between the quotes; with escapes (or, lenient, bad UTF-8) it is unescaped into `scratch`,
// appended there, and *out points into scratch: good until scratch grows again.
bool mcr_scan_string(mcr_scan *s, mcr_buf *scratch, mcr_str *out);

// mcr_json_compact appends JSON `text` (known to be valid) without white space outside strings.
void mcr_json_compact(mcr_buf *out, mcr_str text);
