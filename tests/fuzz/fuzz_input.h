#pragma once
// What fuzz targets of several inputs share: taking the bytes apart, and saying what does not hold.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

typedef struct fuzz_input {
    const uint8_t *at;
    size_t len;
} fuzz_input;

// The next byte; 0 when there is none.
static inline uint8_t fuzz_byte(fuzz_input *in)
{
    if (in->len == 0)
        return 0;
    in->len--;
    return *in->at++;
}

// Takes bytes up to and with the next byte 0x01, which stands between texts, into `out`: a copy, so
// that the sanitizer sees its end.
static inline mcr_str fuzz_text(fuzz_input *in, mcr_buf *out)
{
    const uint8_t *end = in->len ? memchr(in->at, 1, in->len) : NULL;
    size_t n = end ? (size_t)(end - in->at) : in->len;
    out->len = 0;
    mcr_buf_append(out, (const char *)in->at, n);
    in->at += n + (end != NULL);
    in->len -= n + (end != NULL);
    return (mcr_str){ .ptr = mcr_buf_cstr(out), .len = (uint32_t)n };
}

static inline void fuzz_must(bool holds, const char *what, const mcr_buf *a, const mcr_buf *b)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n%.*s\n%.*s\n", what, a ? (int)a->len : 0, a && a->len ? a->ptr : "",
            b ? (int)b->len : 0, b && b->len ? b->ptr : "");
    abort();
}

static inline void fuzz_must_equal(const mcr_buf *a, const mcr_buf *b, const char *what)
{
    fuzz_must(mcr_str_eq(mcr_buf_str(a), mcr_buf_str(b)), what, a, b);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
