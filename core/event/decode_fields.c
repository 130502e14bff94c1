#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/alloc.h"
#include "event/atom.h"
#include "event/block.h"
#include "event/decoder.h"
#include "event/time.h"

enum {
    FEW_PAIRS = 16 // keys are compared one by one up to here
};

bool mcr_decode_wrong(mcr_decoder *d, const char *expected)
{
    // A value that is no JSON is a syntax error, whatever was expected.
    const char *at = d->scan.at;
    mcr_str text;
    if (!mcr_scan_value(&d->scan, &text))
        return false;
    d->scan.at = d->wrong = at;
    d->expected = expected;
    return mcr_scan_fail(&d->scan, expected);
}

static inline bool is_null(mcr_decoder *d)
{
    if (memcmp(d->scan.at, "null", 4) != 0)
        return false;
    d->scan.at += 4;
    return true;
}

static __attribute__((noinline)) bool string_slow(mcr_decoder *d, mcr_str *to)
{
    if (*d->scan.at != '"')
        return is_null(d) || mcr_decode_wrong(d, "a string");
    d->scratch.len = 0;
    mcr_str text;
    if (!mcr_scan_string(&d->scan, &d->scratch, &text))
        return false;
    *to = mcr_block_copy(d->ev, text);
    return true;
}

static inline bool read_string(mcr_decoder *d, mcr_str *to)
{
    return (*d->scan.at == '"' && mcr_scan_text(&d->scan, to)) || string_slow(d, to);
}

bool mcr_decode_string(mcr_decoder *d, mcr_str *to)
{
    return read_string(d, to);
}

static inline uint64_t load8(const char *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

static inline uint32_t load4(const char *at)
{
    uint32_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

// mcr_atom through a small cache of the decoder's own.
static inline uint32_t atom_of(mcr_decoder *d, mcr_str s)
{
    if (s.len == 0)
        return 0;
    uint64_t first = 0, last = 0;
    if (s.len >= 8) {
        first = load8(s.ptr);
        last = load8(s.ptr + s.len - 8);
    } else if (s.len >= 4) {
        first = load4(s.ptr);
        last = load4(s.ptr + s.len - 4);
    } else {
        // Of one to three bytes, the first, the one in the middle and the last are all.
        first = (unsigned char)s.ptr[0] | (uint64_t)(unsigned char)s.ptr[s.len / 2] << 8;
        last = (unsigned char)s.ptr[s.len - 1];
    }
    uint64_t hash = (first ^ (last << 29 | last >> 35) ^ s.len) * UINT64_C(0x9e3779b97f4a7c15);
    mcr_word *word = &d->words[hash >> 40 & (MCR_WORDS - 1)];
    if (word->first == first && word->last == last && word->len == s.len &&
        (s.len <= 16 || memcmp(mcr_atom_str(word->id).ptr, s.ptr, s.len) == 0))
        return word->id;
    uint32_t id = mcr_atom(s.ptr, s.len);
    if (id)
        *word = (mcr_word){ first, last, s.len, id };
    return id;
}

static inline bool read_word(mcr_decoder *d, mcr_str *to)
{
    if (!read_string(d, to))
        return false;
    to->id = atom_of(d, *to);
    return true;
}

static bool parse_int(mcr_str text, int64_t min, int64_t max, int64_t *value)
{
    const char *at = text.ptr, *end = at + text.len;
    bool negative = *at == '-';
    at += negative;
    if (end - at > 19)
        return false;
    uint64_t v = 0;
    for (; at < end; at++) {
        unsigned digit = (unsigned)*at - '0';
        if (digit > 9)
            return false;
        v = v * 10 + digit;
    }
    if (v > (negative ? 0 - (uint64_t)min : (uint64_t)max))
        return false;
    *value = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

static bool read_int(mcr_decoder *d, const char *expected, int64_t min, int64_t max, int64_t *to)
{
    // Counts are mostly short.
    const char *at = d->scan.at;
    int64_t small = 0;
    while (at < d->scan.at + 9 && *at >= '0' && *at <= '9')
        small = small * 10 + (*at++ - '0');
    if (at > d->scan.at && (*at == ',' || *at == '}') && *d->scan.at != '0') {
        *to = small;
        d->scan.at = at;
        return true;
    }
    if (is_null(d))
        return true;
    at = d->scan.at;
    mcr_str text;
    if (!mcr_scan_value(&d->scan, &text))
        return false;
    if (parse_int(text, min, max, to))
        return true;
    d->scan.at = at;
    return mcr_decode_wrong(d, expected);
}

static bool read_int32(mcr_decoder *d, int32_t *to)
{
    int64_t value = *to;
    if (!read_int(d, "an int32", INT32_MIN, INT32_MAX, &value))
        return false;
    *to = (int32_t)value;
    return true;
}

static bool read_int64(mcr_decoder *d, bool optional, int64_t *to)
{
    if (optional && is_null(d)) {
        *to = -1;
        return true;
    }
    return read_int(d, "an int64", INT64_MIN, INT64_MAX, to);
}

static bool read_time(mcr_decoder *d, bool micro, mcr_time *to)
{
    if (is_null(d)) {
        *to = (mcr_time){ 0 };
        return true;
    }
    micro &= d->scan.lenient;
    const char *expected = micro ? "a time with six decimals like \"2026-11-23T05:01:40.123456Z\""
                                 : "a time like \"2026-11-23T05:01:40Z\"";
    const char *at = d->scan.at;
    mcr_str text;
    if (*at != '"')
        return mcr_decode_wrong(d, expected);
    if (!read_string(d, &text))
        return false;
    bool whole_seconds = text.len == sizeof d->time_text && !micro;
    if (whole_seconds && memcmp(text.ptr, d->time_text, sizeof d->time_text) == 0) {
        *to = d->time;
        to->text = text;
        return true;
    }
    if (micro ? mcr_micro_time_parse(text, to) : mcr_time_parse(text, to)) {
        if (whole_seconds) {
            memcpy(d->time_text, text.ptr, sizeof d->time_text);
            d->time = *to;
            d->time.text = (mcr_str){ 0 };
        }
        return true;
    }
    d->scan.at = at;
    return mcr_decode_wrong(d, expected);
}

static bool read_array(mcr_decoder *d, mcr_str *to)
{
    if (is_null(d)) {
        *to = (mcr_str){ 0 };
        return true;
    }
    if (*d->scan.at != '[')
        return mcr_decode_wrong(d, "an array");
    return mcr_scan_value(&d->scan, to);
}

bool mcr_decode_odd_key(mcr_decoder *d, const mcr_shape *shape, const mcr_field **found)
{
    mcr_str *key = &d->path[d->depth - 1];
    if (mcr_scan_text(&d->scan, key))
        return true;
    d->scratch.len = 0;
    if (!mcr_scan_string(&d->scan, &d->scratch, key))
        return false;
    *key = mcr_block_copy(d->ev, *key);
    for (unsigned i = 0; i < shape->n; i++)
        if (mcr_key_is(*key, shape->fields[i].name, shape->fields[i].len))
            *found = &shape->fields[i];
    return true;
}

static uint32_t *index_slot(const mcr_decoder *d, mcr_str key)
{
    uint32_t mask = d->index_size - 1;
    uint32_t i = (uint32_t)XXH3_64bits(key.ptr, key.len) & mask;
    while (d->index[i] && !mcr_str_eq(d->pairs[d->index[i] - 1].key, key))
        i = (i + 1) & mask;
    return &d->index[i];
}

// Indexes all pairs, twice as large as they need.
static void index_pairs(mcr_decoder *d)
{
    uint32_t size = 4 * d->pairs_cap;
    if (d->index_size != size)
        d->index = mcr_realloc(d->index, size * sizeof *d->index);
    d->index_size = size;
    memset(d->index, 0, size * sizeof *d->index);
    for (uint32_t i = 0; i < d->pairs_n; i++)
        *index_slot(d, d->pairs[i].key) = i + 1;
}

static void put_pair(mcr_decoder *d, mcr_str key, mcr_str value)
{
    uint32_t i = 0;
    if (d->pairs_n > FEW_PAIRS) {
        uint32_t n = *index_slot(d, key);
        i = n ? n - 1 : d->pairs_n;
    } else {
        while (i < d->pairs_n && !mcr_str_eq(d->pairs[i].key, key))
            i++;
    }
    if (i < d->pairs_n) {
        d->pairs[i].value = value;
        return;
    }
    bool grow = d->pairs_n == d->pairs_cap;
    if (grow) {
        d->pairs_cap = d->pairs_cap ? 2 * d->pairs_cap : 2 * FEW_PAIRS;
        d->pairs = mcr_realloc(d->pairs, d->pairs_cap * sizeof *d->pairs);
    }
    d->pairs[d->pairs_n++] = (mcr_pair){ key, value };
    if (d->pairs_n == FEW_PAIRS + 1 || (grow && d->pairs_n > FEW_PAIRS))
        index_pairs(d);
    else if (d->pairs_n > FEW_PAIRS)
        *index_slot(d, key) = d->pairs_n;
}

static bool read_pairs(mcr_decoder *d, mcr_pairs *to)
{
    static const mcr_shape any = { NULL, 0 };
    if (*d->scan.at != '{') {
        if (!is_null(d))
            return mcr_decode_wrong(d, "an object of strings");
        *to = (mcr_pairs){ 0 };
        return true;
    }
    d->pairs_n = 0;
    for (uint32_t i = 0; i < to->n; i++) // a second object of the same name adds to the first
        put_pair(d, to->at[i].key, to->at[i].value);
    int more = mcr_enter(d);
    for (; more > 0; more = mcr_next_key(&d->scan)) {
        unsigned next = 0;
        const mcr_field *none;
        mcr_str value = { 0 };
        if (!mcr_decode_key(d, &any, &next, &none) || !read_string(d, &value))
            return false;
        put_pair(d, d->path[d->depth - 1], value);
    }
    if (more < 0)
        return false;
    d->depth--;
    mcr_pair *kept = mcr_block_take(d->ev, d->pairs_n * sizeof *kept);
    if (d->pairs_n)
        memcpy(kept, d->pairs, d->pairs_n * sizeof *kept);
    *to = (mcr_pairs){ kept, d->pairs_n };
    return true;
}

static inline bool read_value(mcr_decoder *d, const mcr_field *field, void *to)
{
    switch ((mcr_field_kind)field->kind) {
    case MCR_FIELD_STRING:
        return read_string(d, to);
    case MCR_FIELD_WORD:
        return read_word(d, to);
    case MCR_FIELD_INT32:
        return read_int32(d, to);
    case MCR_FIELD_INT64:
    case MCR_FIELD_OPTIONAL_INT64:
        return read_int64(d, field->kind == MCR_FIELD_OPTIONAL_INT64, to);
    case MCR_FIELD_TIME:
    case MCR_FIELD_MICRO_TIME:
        return read_time(d, field->kind == MCR_FIELD_MICRO_TIME, to);
    case MCR_FIELD_PAIRS:
        return read_pairs(d, to);
    case MCR_FIELD_ARRAY:
        return read_array(d, to);
    case MCR_FIELD_OBJECT:
    case MCR_FIELD_POINTER:
    case MCR_FIELD_KIND:
    case MCR_FIELD_API_VERSION:
        break;
    }
    return false; // only the Event itself has such fields
}

// Reads an object none of whose fields is an object again.
static bool read_object(mcr_decoder *d, const mcr_shape *shape, char *base)
{
    unsigned next = 0;
    int more = mcr_enter(d);
    for (; more > 0; more = mcr_next_key(&d->scan)) {
        const mcr_field *field;
        mcr_str ignored;
        if (!mcr_decode_key(d, shape, &next, &field))
            return false;
        if (field ? !read_value(d, field, base + field->at) : !mcr_scan_value(&d->scan, &ignored))
            return false;
    }
    d->depth--;
    return more == 0;
}

bool mcr_decode_field(mcr_decoder *d, const mcr_field *field, void *base)
{
    char *to = (char *)base + field->at;
    if (field->kind != MCR_FIELD_OBJECT && field->kind != MCR_FIELD_POINTER)
        return read_value(d, field, to);
    bool pointer = field->kind == MCR_FIELD_POINTER;
    bool null = is_null(d);
    if (!null && *d->scan.at != '{')
        return mcr_decode_wrong(d, "an object");
    if (null && pointer)
        memset(to, 0, field->size);
    if (pointer) {
        int32_t set = !null;
        memcpy((char *)base + field->set, &set, sizeof set);
    }
    return null || read_object(d, field->shape, to);
}
