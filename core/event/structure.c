#include "event/structure.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static const char items_key[] = "items";

enum {
    KEY_LEN = sizeof items_key - 1,
    KEY_OTHER = 255 // this string is not the key
};

void mcr_structure_begin(mcr_structure *s, size_t depth, bool items)
{
    *s = (mcr_structure){ .line = s->line, .depth = depth, .items = items };
}

// string_stop finds the first byte of a string's inside that matters.
static const char *string_stop(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i newline = _mm_set1_epi8('\n');
    for (; end - at >= 16; at += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)at);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash));
        int mask = _mm_movemask_epi8(_mm_or_si128(hit, _mm_cmpeq_epi8(v, newline)));
        if (mask)
            return at + __builtin_ctz((unsigned)mask);
    }
#endif
    while (at < end && *at != '"' && *at != '\\' && *at != '\n')
        at++;
    return at;
}

// outside_stop finds the first byte outside strings that matters.
static const char *outside_stop(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i newline = _mm_set1_epi8('\n');
    const __m128i opener = _mm_set1_epi8('{');
    const __m128i closer = _mm_set1_epi8('}');
    const __m128i fold = _mm_set1_epi8('{' ^ '['); // square brackets become braces
    for (; end - at >= 16; at += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)at);
        __m128i folded = _mm_or_si128(v, fold);
        __m128i brackets =
            _mm_or_si128(_mm_cmpeq_epi8(folded, opener), _mm_cmpeq_epi8(folded, closer));
        __m128i others = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, newline));
        int mask = _mm_movemask_epi8(_mm_or_si128(brackets, others));
        if (mask)
            return at + __builtin_ctz((unsigned)mask);
    }
#endif
    while (at < end && *at != '"' && *at != '\n' && *at != '{' && *at != '}' && *at != '[' &&
           *at != ']')
        at++;
    return at;
}

// match_key reads on in an outermost string for as long as it may be the key of the items.
static const char *match_key(mcr_structure *s, const char *at, const char *end)
{
    while (at < end && s->key_len < KEY_LEN && *at == items_key[s->key_len]) {
        s->key_len++;
        at++;
    }
    if (at < end && !(s->key_len == KEY_LEN && *at == '"'))
        s->key_len = KEY_OTHER;
    return at;
}

static void line_end(mcr_structure *s)
{
    s->line++;
    s->column_0 = true;
    s->in_string = false;
    s->escaped = false;
}

// inside reads on in a string.
static const char *inside(mcr_structure *s, const char *at, const char *end)
{
    if (s->escaped) {
        s->escaped = false;
        return *at == '\n' ? at : at + 1;
    }
    if (s->key_len != KEY_OTHER)
        at = match_key(s, at, end);
    at = string_stop(at, end);
    if (at == end || *at == '\n')
        return at;
    if (*at == '\\') {
        s->escaped = true;
    } else {
        s->in_string = false;
        s->items_step = s->key_len == KEY_LEN;
    }
    return at + 1;
}

const char *mcr_structure_scan(mcr_structure *s, const char *at, const char *end,
                               mcr_structure_found *found)
{
    *found = MCR_STRUCTURE_NOTHING;
    while (at < end) {
        if (s->column_0) {
            s->column_0 = false;
            if (*at == '{') {
                *found = MCR_STRUCTURE_BRACE;
                return at;
            }
        }
        if (s->in_string && *at != '\n') {
            at = inside(s, at, end);
            continue;
        }
        if (!s->items_step)
            at = outside_stop(at, end);
        if (at == end)
            return at;
        char c = *at++;
        if (c == '\n') {
            line_end(s);
        } else if (s->items_step == 1 && c == ':') {
            s->items_step = 2;
        } else if (s->items_step == 2 && c == '[') {
            *found = MCR_STRUCTURE_ITEMS;
            return at;
        } else if (c == ' ' || c == '\t' || c == '\r') {
            continue;
        } else if (c == '"') {
            s->items_step = 0;
            s->in_string = true;
            s->key_len = s->items && s->depth == 1 ? 0 : KEY_OTHER;
        } else {
            s->items_step = 0;
            if (c == '{' || c == '[')
                s->depth++;
            if ((c == '}' || c == ']') && --s->depth == 0) {
                *found = MCR_STRUCTURE_END;
                return at;
            }
        }
    }
    return at;
}
