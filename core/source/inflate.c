#include "source/inflate.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/alloc.h"

enum {
    ROOM = 64 * 1024,
    GZIP_ONLY = 16 + MAX_WBITS // zlib's way to ask for a gzip header and CRC
};

enum state {
    IN_MEMBER,
    BETWEEN,   // a member has ended: another one, padding or the end may follow
    IN_PADDING // zeros behind the last member, as tapes leave them
};

struct mcr_inflate {
    z_stream stream;
    enum state state;
    const char *error;
    unsigned char in[ROOM];
};

bool mcr_inflate_is_gzip(const char *head, size_t n)
{
    return n >= 2 && (unsigned char)head[0] == 0x1f && (unsigned char)head[1] == 0x8b;
}

mcr_inflate *mcr_inflate_new(void)
{
    mcr_inflate *z = mcr_zalloc(sizeof *z);
    if (inflateInit2(&z->stream, GZIP_ONLY) != Z_OK)
        z->error = "zlib could not be set up";
    return z;
}

void mcr_inflate_free(mcr_inflate *z)
{
    if (!z)
        return;
    inflateEnd(&z->stream);
    free(z);
}

char *mcr_inflate_room(mcr_inflate *z, size_t *room)
{
    *room = sizeof z->in;
    return (char *)z->in;
}

void mcr_inflate_feed(mcr_inflate *z, size_t n)
{
    z->stream.next_in = z->in;
    z->stream.avail_in = (uInt)n;
}

// Behind a member: goes on with the next one, or skips padding. False: nothing more to inflate now.
static bool next_member(mcr_inflate *z)
{
    z_stream *s = &z->stream;
    if (s->avail_in && *s->next_in == 0)
        z->state = IN_PADDING;
    while (z->state == IN_PADDING && s->avail_in && *s->next_in == 0) {
        s->next_in++;
        s->avail_in--;
    }
    if (!s->avail_in)
        return false;
    if (z->state == IN_PADDING || *s->next_in != 0x1f) {
        z->error = "there are bytes behind the compressed content that are no gzip";
        return false;
    }
    inflateReset(s);
    z->state = IN_MEMBER;
    return true;
}

size_t mcr_inflate_read(mcr_inflate *z, char *out, size_t size, const char **error)
{
    z_stream *s = &z->stream;
    s->next_out = (unsigned char *)out;
    s->avail_out = (uInt)size;
    while (!z->error && s->avail_out) {
        if (z->state != IN_MEMBER && !next_member(z))
            break;
        uInt in_before = s->avail_in, out_before = s->avail_out;
        int result = inflate(s, Z_NO_FLUSH);
        if (result == Z_STREAM_END)
            z->state = BETWEEN;
        else if (result != Z_OK && result != Z_BUF_ERROR)
            z->error = s->msg ? s->msg : "the compressed bytes are damaged";
        else if (s->avail_in == in_before && s->avail_out == out_before)
            break; // needs more input
    }
    size_t got = size - s->avail_out;
    *error = got ? NULL : z->error; // what came before the damage goes out first
    return got;
}

bool mcr_inflate_is_whole(const mcr_inflate *z)
{
    return !z->error && z->state != IN_MEMBER;
}
