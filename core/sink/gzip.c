#include "sink/gzip.h"

#include <stdlib.h>
#include <zlib.h>

enum {
    GZIP_WINDOW = 15 + 16 // the largest, in gzip's wrapping
};

void mcr_gzip(mcr_buf *out, mcr_str bytes)
{
    z_stream z = { 0 };
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY))
        abort(); // out of memory
    size_t room = deflateBound(&z, bytes.len);
    z.next_in = (Bytef *)(uintptr_t)bytes.ptr;
    z.avail_in = bytes.len;
    z.next_out = (Bytef *)mcr_buf_reserve(out, room);
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort(); // there is room for all of it
    out->len += z.total_out;
    deflateEnd(&z);
}

void mcr_gunzip(mcr_buf *out, mcr_str bytes, size_t len)
{
    z_stream z = { 0 };
    if (inflateInit2(&z, GZIP_WINDOW))
        abort(); // out of memory
    z.next_in = (Bytef *)(uintptr_t)bytes.ptr;
    z.avail_in = (uInt)bytes.len;
    z.next_out = (Bytef *)mcr_buf_reserve(out, len);
    z.avail_out = (uInt)len;
    if (inflate(&z, Z_FINISH) != Z_STREAM_END || z.avail_out)
        abort(); // it is our own
    out->len += len;
    inflateEnd(&z);
}
