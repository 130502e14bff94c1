#pragma once
// Making gzip for tests.

#include <zlib.h>

#include "base/buf.h"

// gzip_append appends `text` as one gzip member.
static inline void gzip_append(mcr_buf *out, const char *text, size_t len)
{
    z_stream z = { 0 };
    deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    size_t bound = deflateBound(&z, len);
    z.next_in = (unsigned char *)(uintptr_t)text;
    z.avail_in = (uInt)len;
    z.next_out = (unsigned char *)mcr_buf_reserve(out, bound);
    z.avail_out = (uInt)bound;
    deflate(&z, Z_FINISH);
    out->len += bound - z.avail_out;
    deflateEnd(&z);
}
