#pragma once
// Text as Go's strconv.Quote escapes it, for klog lines and for cells of tables.

#include "base/buf.h"

// mcr_go_escape appends `s` as strconv.Quote does, without the quotes around it: \a \b \f \n \r \t
// \v, \xNN for other control characters and for bytes that are not UTF-8, \uNNNN and \UNNNNNNNN for
// what Go's unicode.IsPrint calls unprintable. `quotes`: also \" and \\ (without it the text is for
// people only and cannot be read back).
void mcr_go_escape(mcr_buf *out, mcr_str s, bool quotes);

// mcr_utf8_rune reads the code point at the start of `len` (1 or more) bytes as Go does and says
// how many bytes it takes. -1 and 1 for a byte that is not part of valid UTF-8.
int32_t mcr_utf8_rune(const char *bytes, size_t len, size_t *width);
