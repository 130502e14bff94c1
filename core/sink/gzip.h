#pragma once
// gzip for request bodies.

#include "base/buf.h"

// mcr_gzip appends `bytes` as one gzip member, at zlib's default level.
void mcr_gzip(mcr_buf *out, mcr_str bytes);

// mcr_gunzip appends what mcr_gzip made `bytes` of, `len` bytes.
void mcr_gunzip(mcr_buf *out, mcr_str bytes, size_t len);
