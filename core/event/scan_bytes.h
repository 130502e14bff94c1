#pragma once
// The inner loops of scanning, inline for scan.c and decode.c. All read up to 16 bytes past what
// they look for: MCR_SCAN_PAD (event/scan.h) makes that safe.

#include <stdbool.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "event/scan.h"

// mcr_json_compact_until copies `text`, which need not be valid, to `to` without white space
// outside strings, but for one byte of it where it keeps two tokens apart. It stops when `most`
// bytes are copied and returns the place in the text of the byte that would come next; all copied,
// it stores their number in *len. `to` has room for the whole text.
size_t mcr_json_compact_until(char *to, mcr_str text, size_t most, size_t *len);

// mcr_scan_plain returns the first byte at or after `at` that is a quote, a backslash, below 0x20
// or above 0x7f. The pad's zeros end it.
static inline const char *mcr_scan_plain(const char *at)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(0x20);
    for (;; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        // Signed: bytes above 0x7f are negative, so one comparison finds them and controls.
        __m128i stop = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
            _mm_cmplt_epi8(bytes, space));
        int mask = _mm_movemask_epi8(stop);
        if (mask)
            return at + __builtin_ctz((unsigned)mask);
    }
#else
    for (;; at++) {
        signed char c = (signed char)*at;
        if (c < 0x20 || c == '"' || c == '\\')
            return at;
    }
#endif
}

static inline bool mcr_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

// mcr_scan_next skips white space; compact JSON has none.
static inline char mcr_scan_next(mcr_scan *s)
{
    while (__builtin_expect(mcr_is_space(*s->at), 0))
        s->at++;
    return s->at < s->end ? *s->at : 0;
}

// mcr_utf8_len returns how many bytes the UTF-8 sequence at `at` has, 0 when it is not valid
// (overlong, surrogate, past U+10FFFF, cut).
static inline int mcr_utf8_len(const char *at, const char *end)
{
    const unsigned char *b = (const unsigned char *)at;
    long left = end - at;
    if (b[0] < 0x80)
        return 1;
    if (b[0] < 0xc2 || left < 2 || (b[1] & 0xc0) != 0x80)
        return 0;
    if (b[0] < 0xe0)
        return 2;
    if (left < 3 || (b[2] & 0xc0) != 0x80)
        return 0;
    if (b[0] < 0xf0)
        return (b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) ? 0 : 3;
    if (left < 4 || (b[3] & 0xc0) != 0x80 || b[0] > 0xf4)
        return 0;
    return (b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f) ? 0 : 4;
}

// mcr_scan_text reads a string without escapes; `at` is its quote. False, leaving the scan at the
// quote, when it has escapes, bad bytes or no end: mcr_scan_string then tells which.
static inline bool mcr_scan_text(mcr_scan *s, mcr_str *out)
{
    const char *start = s->at + 1;
    const char *at = mcr_scan_plain(start);
    while (__builtin_expect((unsigned char)*at >= 0x80, 0)) {
        int n = mcr_utf8_len(at, s->end);
        if (!n)
            return false;
        at = mcr_scan_plain(at + n);
    }
    if (__builtin_expect(*at != '"' || at >= s->end, 0))
        return false;
    *out = (mcr_str){ start, (uint32_t)(at - start), 0 };
    s->at = at + 1;
    return true;
}
