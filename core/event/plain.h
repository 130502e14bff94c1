#pragma once
// Plain bytes: those that Go writes as they are in a JSON string, whatever stands around them.
// Nothing here reads outside the bytes it is given. Internal to core/event.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline bool mcr_is_plain(char c)
{
    return (unsigned char)(c - 0x20) < 0x60 && c != '"' && c != '\\' && c != '<' && c != '>' &&
           c != '&';
}

#ifdef __SSE2__
// mcr_not_plain_bytes has all bits set in each byte that is not plain.
static inline __m128i mcr_not_plain_bytes(__m128i v)
{
    // As signed numbers, control characters and all above ASCII are below the space.
    __m128i hit = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
    hit = _mm_or_si128(hit, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    // One bit apart: < and >, " and &.
    __m128i angles = _mm_or_si128(v, _mm_set1_epi8('<' ^ '>'));
    hit = _mm_or_si128(hit, _mm_cmpeq_epi8(angles, _mm_set1_epi8('>')));
    __m128i quotes = _mm_or_si128(v, _mm_set1_epi8('"' ^ '&'));
    return _mm_or_si128(hit, _mm_cmpeq_epi8(quotes, _mm_set1_epi8('&')));
}

// mcr_not_plain has a bit for each of 16 bytes that is not plain.
static inline unsigned mcr_not_plain(__m128i v)
{
    return (unsigned)_mm_movemask_epi8(mcr_not_plain_bytes(v));
}

static inline __m128i mcr_load16(const char *at)
{
    return _mm_loadu_si128((const __m128i *)at);
}

static inline void mcr_store16(char *at, __m128i v)
{
    _mm_storeu_si128((__m128i *)at, v);
}
#endif

// mcr_plain_copy_all copies n bytes and returns whether all were plain; if not, what it wrote is of
// no meaning. One branch on the bytes for each size of strings, as most strings are all plain.
static inline __attribute__((always_inline)) bool mcr_plain_copy_all(char *to, const char *from,
                                                                     size_t n)
{
#ifdef __SSE2__
    if (n >= 16) {
        __m128i bad = _mm_setzero_si128();
        while (n > 32) {
            __m128i a = mcr_load16(from);
            __m128i b = mcr_load16(from + 16);
            mcr_store16(to, a);
            mcr_store16(to + 16, b);
            bad = _mm_or_si128(bad, _mm_or_si128(mcr_not_plain_bytes(a), mcr_not_plain_bytes(b)));
            from += 32;
            to += 32;
            n -= 32;
            if (n < 16) {
                from -= 16 - n;
                to -= 16 - n;
                n = 16;
            }
        }
        __m128i a = mcr_load16(from);
        __m128i b = mcr_load16(from + n - 16);
        mcr_store16(to, a);
        mcr_store16(to + n - 16, b);
        bad = _mm_or_si128(bad, _mm_or_si128(mcr_not_plain_bytes(a), mcr_not_plain_bytes(b)));
        return _mm_movemask_epi8(bad) == 0;
    }
    if (n >= 8) {
        int64_t low, high;
        memcpy(&low, from, 8);
        memcpy(&high, from + n - 8, 8);
        memcpy(to, &low, 8);
        memcpy(to + n - 8, &high, 8);
        return mcr_not_plain(_mm_set_epi64x(high, low)) == 0;
    }
    if (n >= 4) {
        int32_t low, high;
        memcpy(&low, from, 4);
        memcpy(&high, from + n - 4, 4);
        memcpy(to, &low, 4);
        memcpy(to + n - 4, &high, 4);
        return mcr_not_plain(_mm_set_epi32(low, low, high, low)) == 0;
    }
#endif
    bool all = true;
    for (size_t i = 0; i < n; i++) {
        to[i] = from[i];
        all &= mcr_is_plain(from[i]);
    }
    return all;
}

// mcr_plain_copy copies bytes for as long as they are plain and returns how many those are; what it
// writes behind them, within n, is of no meaning.
static inline size_t mcr_plain_copy(char *to, const char *from, size_t n)
{
    size_t i = 0;
#ifdef __SSE2__
    for (; i + 16 <= n; i += 16) {
        __m128i v = mcr_load16(from + i);
        mcr_store16(to + i, v);
        unsigned mask = mcr_not_plain(v);
        if (mask)
            return i + (size_t)__builtin_ctz(mask);
    }
#endif
    while (i < n && mcr_is_plain(from[i])) {
        to[i] = from[i];
        i++;
    }
    return i;
}

// mcr_plain_len returns how many bytes from `at` on are plain.
static inline size_t mcr_plain_len(const char *at, size_t n)
{
    size_t i = 0;
#ifdef __SSE2__
    for (; i + 16 <= n; i += 16) {
        unsigned mask = mcr_not_plain(mcr_load16(at + i));
        if (mask)
            return i + (size_t)__builtin_ctz(mask);
    }
#endif
    while (i < n && mcr_is_plain(at[i]))
        i++;
    return i;
}

// mcr_compact_len returns how many bytes of JSON text from `at` on, strings or not, Go's
// json.RawMessage leaves as they are for certain: all but white space, <, >, & and all above ASCII.
static inline size_t mcr_compact_len(const char *at, size_t n)
{
    size_t i = 0;
#ifdef __SSE2__
    const __m128i angle = _mm_set1_epi8('>');
    for (; i + 16 <= n; i += 16) {
        __m128i v = mcr_load16(at + i);
        __m128i hit = _mm_cmplt_epi8(v, _mm_set1_epi8(0x21));
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_or_si128(v, _mm_set1_epi8('<' ^ '>')), angle));
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(v, _mm_set1_epi8('&')));
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask)
            return i + (size_t)__builtin_ctz(mask);
    }
#endif
    while (i < n && at[i] > 0x20 && at[i] != '<' && at[i] != '>' && at[i] != '&')
        i++;
    return i;
}
