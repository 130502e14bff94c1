#pragma once
// A growing byte buffer. Zero-initialised is empty and valid:
//
//     mcr_buf out = { 0 };
//     mcr_buf_puts(&out, "count=");
//     mcr_buf_printf(&out, "%d", 3);
//     write(fd, out.ptr, out.len);
//     mcr_buf_fini(&out);
//
// Growth aborts when memory is out (base/alloc.h). One thread at a time.

#include <stddef.h>
#include <string.h>

#include "base/str.h"

typedef struct mcr_buf {
    char *ptr; // len bytes, not NUL-terminated
    size_t len;
    size_t cap;
} mcr_buf;

// mcr_buf_fini frees the bytes and leaves an empty buffer that may be used again.
void mcr_buf_fini(mcr_buf *b);

// mcr_buf_grow makes room for `extra` more bytes; the slow half of mcr_buf_reserve.
void mcr_buf_grow(mcr_buf *b, size_t extra);

// mcr_buf_reserve makes room for `extra` more bytes and returns where they go; the caller adds
// what it wrote to `len`. The pointer is good until the next call on this buffer.
static inline char *mcr_buf_reserve(mcr_buf *b, size_t extra)
{
    if (b->cap - b->len < extra)
        mcr_buf_grow(b, extra);
    return b->ptr + b->len;
}

static inline void mcr_buf_append(mcr_buf *b, const void *bytes, size_t len)
{
    if (len) {
        memcpy(mcr_buf_reserve(b, len), bytes, len);
        b->len += len;
    }
}

static inline void mcr_buf_add(mcr_buf *b, mcr_str s)
{
    mcr_buf_append(b, s.ptr, s.len);
}

static inline void mcr_buf_puts(mcr_buf *b, const char *text)
{
    mcr_buf_append(b, text, strlen(text));
}

static inline void mcr_buf_putc(mcr_buf *b, char c)
{
    *mcr_buf_reserve(b, 1) = c;
    b->len++;
}

// mcr_buf_i64 appends `value` in decimal.
void mcr_buf_i64(mcr_buf *b, int64_t value);

// mcr_buf_printf appends formatted text.
void mcr_buf_printf(mcr_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

// mcr_buf_str borrows what is in the buffer, until the next call that changes it.
static inline mcr_str mcr_buf_str(const mcr_buf *b)
{
    return mcr_str_n(b->ptr, b->len);
}

// mcr_buf_cstr NUL-terminates (the NUL is not counted in len) and returns the bytes.
const char *mcr_buf_cstr(mcr_buf *b);
