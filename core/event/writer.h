#pragma once
// Writing JSON without asking for room at every byte: a writer always has MCR_WRITER_SLACK bytes
// free, so fixed text and numbers go straight in; what is longer asks first.
//
//     mcr_writer w;
//     mcr_writer_begin(&w, out);
//     MCR_PUT(&w, "{\"reason\":");
//     mcr_writer_string(&w, ev->reason);
//     mcr_writer_end(&w);

#include <stdint.h>
#include <string.h>

#include "base/buf.h"

enum {
    // Between two calls that ask for room, no more than this may be put.
    MCR_WRITER_SLACK = 512
};

typedef struct mcr_writer {
    char *at;  // the next byte goes here
    char *end; // of the buffer's room
    mcr_buf *out;
} mcr_writer;

// mcr_writer_more makes room for `n` bytes and the slack; the slow half of mcr_writer_room.
void mcr_writer_more(mcr_writer *w, size_t n);

static inline void mcr_writer_room(mcr_writer *w, size_t n)
{
    if ((size_t)(w->end - w->at) < n + MCR_WRITER_SLACK)
        mcr_writer_more(w, n);
}

// mcr_writer_begin goes to the end of `out`, which the writer borrows until mcr_writer_end.
static inline void mcr_writer_begin(mcr_writer *w, mcr_buf *out)
{
    w->out = out;
    w->at = mcr_buf_reserve(out, MCR_WRITER_SLACK);
    w->end = out->ptr + out->cap;
}

// mcr_writer_end gives the bytes to the buffer.
static inline void mcr_writer_end(mcr_writer *w)
{
    w->out->len = (size_t)(w->at - w->out->ptr);
}

// MCR_PUT puts a string literal.
#define MCR_PUT(w, literal)                                                                        \
    do {                                                                                           \
        memcpy((w)->at, (literal), sizeof(literal) - 1);                                           \
        (w)->at += sizeof(literal) - 1;                                                            \
    } while (0)

static inline void mcr_writer_putc(mcr_writer *w, char c)
{
    *w->at++ = c;
}

// mcr_writer_bytes puts bytes as they are.
static inline void mcr_writer_bytes(mcr_writer *w, const char *bytes, size_t n)
{
    mcr_writer_room(w, n);
    if (n)
        memcpy(w->at, bytes, n);
    w->at += n;
}

// mcr_put_i64 puts a number in decimal at `at` and returns where the next byte goes.
char *mcr_put_i64(char *at, int64_t value);

// mcr_put_string is mcr_writer_string for code that keeps `at` in a register: it puts at `at`,
// which need not be w->at, and returns where the next byte goes.
char *mcr_put_string(mcr_writer *w, char *at, mcr_str s);

// mcr_writer_string puts `s` quoted and escaped as Go does: see mcr_json_string (event/encode.h).
void mcr_writer_string(mcr_writer *w, mcr_str s);

// mcr_writer_compact puts valid JSON text without white space outside strings, and with <, >, &,
// U+2028 and U+2029 escaped: Go's encoding of a json.RawMessage.
void mcr_writer_compact(mcr_writer *w, mcr_str json);
