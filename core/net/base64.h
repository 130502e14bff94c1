#pragma once
// Base64 with the standard alphabet and padding (RFC 4648, section 4).

#include <stdbool.h>

#include "base/buf.h"

void mcr_base64_encode(mcr_buf *out, mcr_str bytes);

// mcr_base64_decode appends the bytes; white space is skipped, padding must be there. False: the
// text is not base64, and `out` is as it was.
bool mcr_base64_decode(mcr_buf *out, mcr_str text);
