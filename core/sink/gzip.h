#pragma once
// gzip for request bodies.

#include "base/buf.h"

// mcr_gzip appends `bytes` as one gzip member, at zlib's default level.
void mcr_gzip(mcr_buf *out, mcr_str bytes);
