#include "event/walk.h"

#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "event/scan.h"

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

// string_end returns where the string that begins with the quote at `at` ends, quote included.
static const char *string_end(const char *at, const char *end)
{
    at++;
    for (;;) {
#ifdef __SSE2__
        const __m128i quote = _mm_set1_epi8('"');
        const __m128i backslash = _mm_set1_epi8('\\');
        while (end - at >= 16) {
            __m128i v = _mm_loadu_si128((const __m128i *)at);
            __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash));
            int mask = _mm_movemask_epi8(hit);
            if (mask) {
                at += __builtin_ctz((unsigned)mask);
                break;
            }
            at += 16;
        }
#endif
        while (at < end && *at != '"' && *at != '\\')
            at++;
        if (at >= end)
            return end;
        if (*at == '"')
            return at + 1;
        at += end - at > 1 ? 2 : 1;
    }
}

#ifdef __SSE2__

// The bytes of a block of 64 that matter, a bit each.
typedef struct block {
    uint64_t quotes;
    uint64_t backslashes;
    uint64_t openers;
    uint64_t closers;
} block;

// add_bytes puts what 16 bytes are into the block, `shift` bits up.
static inline void add_bytes(block *b, const char *at, int shift)
{
    const __m128i fold = _mm_set1_epi8('{' ^ '['); // square brackets become braces
    __m128i v = _mm_loadu_si128((const __m128i *)at);
    __m128i folded = _mm_or_si128(v, fold);
    unsigned quotes = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
    unsigned backslashes = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    unsigned openers = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{')));
    unsigned closers = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(folded, _mm_set1_epi8('}')));
    b->quotes |= (uint64_t)quotes << shift;
    b->backslashes |= (uint64_t)backslashes << shift;
    b->openers |= (uint64_t)openers << shift;
    b->closers |= (uint64_t)closers << shift;
}

static inline block read_block(const char *at)
{
    block b = { 0 };
    add_bytes(&b, at, 0);
    add_bytes(&b, at + 16, 16);
    add_bytes(&b, at + 32, 32);
    add_bytes(&b, at + 48, 48);
    return b;
}

// escaped returns which bytes a backslash escapes; `carry` says whether the first one is, and then
// whether the first of the next block is.
static uint64_t escaped(uint64_t backslashes, bool *carry)
{
    uint64_t result = *carry;
    backslashes &= ~result;
    *carry = false;
    while (backslashes) {
        uint64_t lowest = backslashes & (0 - backslashes);
        uint64_t next = lowest << 1;
        *carry = !next;
        result |= next;
        backslashes &= ~(lowest | next);
    }
    return result;
}

// inside_strings returns which bytes are between quotes, the opening one included.
static uint64_t inside_strings(uint64_t quotes)
{
    quotes ^= quotes << 1;
    quotes ^= quotes << 2;
    quotes ^= quotes << 4;
    quotes ^= quotes << 8;
    quotes ^= quotes << 16;
    return quotes ^ quotes << 32;
}

// container_end returns where the object or array that begins at `at` ends.
static const char *container_end(const char *at, const char *end)
{
    size_t depth = 0;
    uint64_t in_string = 0; // all bits or none
    bool carry = false;
    for (;;) {
        size_t left = (size_t)(end - at);
        block b;
        if (left >= 64) {
            b = read_block(at);
        } else {
            char rest[64] = { 0 };
            memcpy(rest, at, left);
            b = read_block(rest);
        }
        if (b.backslashes || carry)
            b.quotes &= ~escaped(b.backslashes, &carry);
        uint64_t strings = inside_strings(b.quotes) ^ in_string;
        in_string = 0 - (strings >> 63);
        uint64_t brackets = (b.openers | b.closers) & ~strings;
        while (brackets) {
            uint64_t lowest = brackets & (0 - brackets);
            if (b.openers & lowest)
                depth++;
            else if (--depth == 0)
                return at + __builtin_ctzll(lowest) + 1;
            brackets ^= lowest;
        }
        if (left <= 64)
            return end;
        at += 64;
    }
}

#else

static const char *container_end(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = string_end(at, end);
            continue;
        }
        if (*at == '{' || *at == '[')
            depth++;
        else if ((*at == '}' || *at == ']') && --depth == 0)
            return at + 1;
        at++;
    }
    return end;
}

#endif

const char *mcr_walk_value(const char *at, const char *end)
{
    if (at < end && *at == '"')
        return string_end(at, end);
    if (at < end && (*at == '{' || *at == '['))
        return container_end(at, end);
    while (at < end && *at != ',' && *at != '}' && *at != ']' && *at != ' ' && *at != '\n' &&
           *at != '\r' && *at != '\t')
        at++;
    return at;
}

bool mcr_walk_more(mcr_walk *walk)
{
    walk->at = skip_space(walk->at, walk->end);
    if (walk->at < walk->end && *walk->at == ',')
        walk->at = skip_space(walk->at + 1, walk->end);
    return walk->at < walk->end && *walk->at != '}' && *walk->at != ']';
}

void mcr_walk_begin(mcr_walk *walk, mcr_str container)
{
    walk->end = container.len ? container.ptr + container.len : NULL;
    walk->at = container.len ? skip_space(container.ptr, walk->end) : NULL;
    if (walk->at < walk->end)
        walk->at++;
}

bool mcr_walk_element(mcr_walk *walk, mcr_str *value)
{
    if (!mcr_walk_more(walk))
        return false;
    const char *begin = walk->at;
    walk->at = mcr_walk_value(begin, walk->end);
    *value = mcr_str_n(begin, (size_t)(walk->at - begin));
    return value->len > 0;
}

bool mcr_walk_member(mcr_walk *walk, mcr_str *key, mcr_str *value)
{
    if (!mcr_walk_more(walk) || *walk->at != '"')
        return false;
    const char *begin = walk->at + 1;
    walk->at = string_end(walk->at, walk->end);
    *key = mcr_str_n(begin, (size_t)(walk->at - begin) - 1);
    walk->at = skip_space(walk->at, walk->end);
    if (walk->at == walk->end || *walk->at != ':')
        return false;
    walk->at = skip_space(walk->at + 1, walk->end);
    begin = walk->at;
    walk->at = mcr_walk_value(begin, walk->end);
    *value = mcr_str_n(begin, (size_t)(walk->at - begin));
    return value->len > 0;
}

mcr_str mcr_walk_key(mcr_str written, mcr_buf *room)
{
    if (!written.len || !memchr(written.ptr, '\\', written.len))
        return written;
    mcr_buf padded = { 0 };
    mcr_buf_append(&padded, written.ptr - 1, (size_t)written.len + 2); // its quotes
    memset(mcr_buf_reserve(&padded, MCR_SCAN_PAD), 0, MCR_SCAN_PAD);
    room->len = 0;
    mcr_scan scan;
    mcr_scan_init(&scan, mcr_buf_str(&padded), true);
    mcr_str key = written;
    mcr_scan_string(&scan, room, &key);
    mcr_buf_fini(&padded);
    return key;
}
