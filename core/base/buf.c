#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

void mcr_buf_fini(mcr_buf *b)
{
    free(b->ptr);
    *b = (mcr_buf){ 0 };
}

void mcr_buf_grow(mcr_buf *b, size_t extra)
{
    size_t want = b->len + extra;
    size_t cap = b->cap ? b->cap * 2 : 256;
    while (cap < want)
        cap *= 2;
    b->ptr = mcr_realloc(b->ptr, cap);
    b->cap = cap;
}

void mcr_buf_i64(mcr_buf *b, int64_t value)
{
    char digits[20];
    char *at = digits + sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        *--at = '-';
    mcr_buf_append(b, at, (size_t)(digits + sizeof digits - at));
}

void mcr_buf_printf(mcr_buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *at = mcr_buf_reserve(b, 128);
    size_t room = b->cap - b->len;
    int len = vsnprintf(at, room, format, args);
    va_end(args);
    if (len >= 0 && (size_t)len >= room) {
        va_start(args, format);
        at = mcr_buf_reserve(b, (size_t)len + 1);
        len = vsnprintf(at, (size_t)len + 1, format, args);
        va_end(args);
    }
    if (len > 0)
        b->len += (size_t)len;
}

const char *mcr_buf_cstr(mcr_buf *b)
{
    *mcr_buf_reserve(b, 1) = '\0';
    return b->ptr;
}
