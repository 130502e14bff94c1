#include "event/writer.h"

#include <stdbool.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "event/encode.h"

void mcr_writer_more(mcr_writer *w, size_t n)
{
    mcr_writer_end(w);
    w->at = mcr_buf_reserve(w->out, n + MCR_WRITER_SLACK);
    w->end = w->out->ptr + w->out->cap;
}

void mcr_writer_i64(mcr_writer *w, int64_t value)
{
    char digits[20];
    char *at = digits + sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        *w->at++ = '-';
    size_t n = (size_t)(digits + sizeof digits - at);
    memcpy(w->at, at, n);
    w->at += n;
}

// is_plain tells whether Go writes this byte of a string as it is, whatever follows.
static inline bool is_plain(char c)
{
    return (unsigned char)(c - 0x20) < 0x60 && c != '"' && c != '\\' && c != '<' && c != '>' &&
           c != '&';
}

#ifdef __SSE2__
// not_plain has a bit for each of 16 bytes that is_plain refuses.
static inline unsigned not_plain(__m128i v)
{
    // As signed numbers, control characters and all above ASCII are below the space.
    __m128i hit = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
    hit = _mm_or_si128(hit, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    // One bit apart: < and >, " and &.
    __m128i angles = _mm_or_si128(v, _mm_set1_epi8('<' ^ '>'));
    hit = _mm_or_si128(hit, _mm_cmpeq_epi8(angles, _mm_set1_epi8('>')));
    __m128i quotes = _mm_or_si128(v, _mm_set1_epi8('"' ^ '&'));
    hit = _mm_or_si128(hit, _mm_cmpeq_epi8(quotes, _mm_set1_epi8('&')));
    return (unsigned)_mm_movemask_epi8(hit);
}

// copy_plain copies bytes for as long as they are plain and returns how many were; what it writes
// behind those, within n, is of no meaning. It reads nothing outside the n bytes.
static inline size_t copy_plain(char *to, const char *from, size_t n)
{
    unsigned mask;
    if (n >= 16) {
        size_t i = 0;
        for (; i + 16 <= n; i += 16) {
            __m128i v = _mm_loadu_si128((const __m128i *)(from + i));
            _mm_storeu_si128((__m128i *)(to + i), v);
            mask = not_plain(v);
            if (mask)
                return i + (size_t)__builtin_ctz(mask);
        }
        if (i == n)
            return n;
        i = n - 16;
        __m128i v = _mm_loadu_si128((const __m128i *)(from + i));
        _mm_storeu_si128((__m128i *)(to + i), v);
        mask = not_plain(v);
        return mask ? i + (size_t)__builtin_ctz(mask) : n;
    }
    // Shorter ones: two halves that overlap, and the place of a hit from the right half of bits.
    if (n >= 8) {
        int64_t low, high;
        memcpy(&low, from, 8);
        memcpy(&high, from + n - 8, 8);
        memcpy(to, &low, 8);
        memcpy(to + n - 8, &high, 8);
        mask = not_plain(_mm_set_epi64x(high, low));
        if (!mask)
            return n;
        unsigned bit = (unsigned)__builtin_ctz(mask);
        return bit < 8 ? bit : n - 16 + bit;
    }
    size_t i = 0;
    while (i < n && is_plain(from[i])) {
        to[i] = from[i];
        i++;
    }
    return i;
}
#else
static inline size_t copy_plain(char *to, const char *from, size_t n)
{
    size_t i = 0;
    while (i < n && is_plain(from[i])) {
        to[i] = from[i];
        i++;
    }
    return i;
}
#endif

// utf8_len returns how many bytes the valid UTF-8 sequence at `at` has, 0 when it is not valid.
static unsigned utf8_len(const unsigned char *at, size_t n)
{
    unsigned char c = at[0];
    if (c < 0x80)
        return 1;
    if (c < 0xc2 || c > 0xf4 || n < 2)
        return 0;
    if (c < 0xe0)
        return (at[1] & 0xc0) == 0x80 ? 2 : 0;
    unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    unsigned char high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high || n < 3 || (at[2] & 0xc0) != 0x80)
        return 0;
    if (c < 0xf0)
        return 3;
    return n >= 4 && (at[3] & 0xc0) == 0x80 ? 4 : 0;
}

// is_separator tells whether U+2028 or U+2029 begins here.
static inline bool is_separator(const char *at, size_t n)
{
    return n >= 3 && memcmp(at, "\xe2\x80", 2) == 0 && ((unsigned char)at[2] & 0xfe) == 0xa8;
}

static void put_u(mcr_writer *w, unsigned code)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {
        '\\', 'u', hex[code >> 12 & 15], hex[code >> 8 & 15], hex[code >> 4 & 15], hex[code & 15]
    };
    memcpy(w->at, text, sizeof text);
    w->at += sizeof text;
}

// put_escaped writes what begins at `at` and is not plain, and returns how many bytes that were.
static size_t put_escaped(mcr_writer *w, const char *at, size_t n)
{
    unsigned char c = (unsigned char)*at;
    if (c >= 0x80) {
        unsigned len = utf8_len((const unsigned char *)at, n);
        if (!len) {
            MCR_PUT(w, "\\ufffd");
            return 1;
        }
        if (is_separator(at, n)) {
            put_u(w, 0x2000 | (at[2] & 0x3f));
        } else {
            memcpy(w->at, at, len);
            w->at += len;
        }
        return len;
    }
    static const char short_form[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                       ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\' };
    if (c < sizeof short_form && short_form[c]) {
        w->at[0] = '\\';
        w->at[1] = short_form[c];
        w->at += 2;
    } else {
        put_u(w, c);
    }
    return 1;
}

void mcr_writer_string(mcr_writer *w, mcr_str s)
{
    const char *at = s.ptr;
    size_t left = s.len;
    if (!left) {
        MCR_PUT(w, "\"\"");
        mcr_writer_room(w, 0);
        return;
    }
    mcr_writer_room(w, left);
    *w->at++ = '"';
    for (;;) {
        size_t n = copy_plain(w->at, at, left);
        w->at += n;
        at += n;
        left -= n;
        if (!left)
            break;
        do {
            size_t taken = put_escaped(w, at, left);
            at += taken;
            left -= taken;
            mcr_writer_room(w, left);
        } while (left && !is_plain(*at));
    }
    *w->at++ = '"';
}

void mcr_json_string(mcr_buf *out, mcr_str s)
{
    mcr_writer w;
    mcr_writer_begin(&w, out);
    mcr_writer_string(&w, s);
    mcr_writer_end(&w);
}

void mcr_writer_compact(mcr_writer *w, mcr_str json)
{
    bool in_string = false;
    const char *at = json.ptr;
    const char *end = at + json.len;
    mcr_writer_room(w, json.len);
    while (at < end) {
        char c = *at;
        size_t taken = 1;
        if (c == '<' || c == '>' || c == '&') {
            put_u(w, (unsigned)c);
        } else if (c == '\xe2' && is_separator(at, (size_t)(end - at))) {
            taken = put_escaped(w, at, (size_t)(end - at));
        } else if (in_string || (c != ' ' && c != '\t' && c != '\n' && c != '\r')) {
            *w->at++ = c;
            if (c == '"') {
                in_string = !in_string;
            } else if (c == '\\' && end - at > 1) {
                *w->at++ = at[1];
                taken = 2;
            }
        }
        at += taken;
        mcr_writer_room(w, (size_t)(end - at));
    }
}
