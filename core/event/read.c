#include "event/read.h"

#include "base/alloc.h"
#include "event/block.h"
#include "event/scan_bytes.h"
#include "event/time.h"

bool mcr_read_fail(mcr_decoder *d, const char *field, const char *expected)
{
    // A value that is no JSON is a syntax error, whatever was expected.
    const char *at = d->scan.at;
    mcr_str text;
    if (!mcr_scan_value(&d->scan, &text))
        return false;
    d->scan.at = at;
    if (!d->field) {
        d->field = field;
        d->expected = expected;
        d->found = text;
    }
    return mcr_scan_fail(&d->scan, "of the wrong type");
}

bool mcr_read_null(mcr_decoder *d)
{
    if (*d->scan.at != 'n' || d->scan.end - d->scan.at < 4 || memcmp(d->scan.at, "null", 4) != 0)
        return false;
    d->scan.at += 4;
    return true;
}

bool mcr_read_string_slow(mcr_decoder *d, const char *field, mcr_str *to)
{
    char c = mcr_scan_next(&d->scan);
    if (c != '"')
        return mcr_read_null(d) || mcr_read_fail(d, field, "a string");
    d->scratch.len = 0;
    mcr_str text;
    if (!mcr_scan_string(&d->scan, &d->scratch, &text))
        return false;
    *to = d->scratch.len ? mcr_block_copy(d->ev, text) : text;
    return true;
}

static bool parse_int(mcr_str text, int64_t min, int64_t max, int64_t *value)
{
    const char *at = text.ptr, *end = at + text.len;
    bool negative = at < end && *at == '-';
    at += negative;
    if (at == end || end - at > 19)
        return false;
    uint64_t v = 0;
    for (; at < end; at++) {
        unsigned digit = (unsigned)*at - '0';
        if (digit > 9)
            return false;
        v = v * 10 + digit;
    }
    uint64_t limit = negative ? 0 - (uint64_t)min : (uint64_t)max;
    if (v > limit)
        return false;
    *value = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

static bool read_int(mcr_decoder *d, const char *field, const char *expected, int64_t min,
                     int64_t max, int64_t *to)
{
    char c = mcr_scan_next(&d->scan);
    if (c == 'n' && mcr_read_null(d))
        return true;
    const char *at = d->scan.at;
    mcr_str text;
    if (!mcr_scan_value(&d->scan, &text))
        return false;
    if (parse_int(text, min, max, to))
        return true;
    d->scan.at = at;
    return mcr_read_fail(d, field, expected);
}

bool mcr_read_int32(mcr_decoder *d, const char *field, int32_t *to)
{
    int64_t value = *to;
    if (!read_int(d, field, "an int32", INT32_MIN, INT32_MAX, &value))
        return false;
    *to = (int32_t)value;
    return true;
}

bool mcr_read_int64(mcr_decoder *d, const char *field, int64_t *to)
{
    return read_int(d, field, "an int64", INT64_MIN, INT64_MAX, to);
}

bool mcr_read_time(mcr_decoder *d, const char *field, bool micro, mcr_time *to)
{
    char c = mcr_scan_next(&d->scan);
    const char *at = d->scan.at;
    if (c == 'n' && mcr_read_null(d)) {
        *to = (mcr_time){ 0 };
        return true;
    }
    const char *expected = micro && d->scan.lenient
                               ? "a time with six decimals, such as \"2026-11-23T05:01:40.123456Z\""
                               : "an RFC 3339 time, such as \"2026-11-23T05:01:40Z\"";
    if (c != '"')
        return mcr_read_fail(d, field, expected);
    mcr_str text = { 0 };
    if (!mcr_scan_text(&d->scan, &text) && !mcr_read_string_slow(d, field, &text))
        return false;
    if (micro && d->scan.lenient ? mcr_micro_time_parse(text, to) : mcr_time_parse(text, to))
        return true;
    d->scan.at = at;
    return mcr_read_fail(d, field, expected);
}

bool mcr_read_next_key(mcr_decoder *d, bool first, mcr_str *key)
{
    mcr_scan *s = &d->scan;
    char c = mcr_scan_next(s);
    if (c == '}') {
        s->at++;
        *key = (mcr_str){ 0 };
        return true;
    }
    if (!first) {
        if (c != ',')
            return mcr_scan_fail(s, "expected ',' or '}'");
        s->at++;
        c = mcr_scan_next(s);
    }
    if (c != '"')
        return mcr_scan_fail(s, "expected a field name");
    if (!mcr_scan_text(s, key)) {
        d->scratch.len = 0;
        if (!mcr_scan_string(s, &d->scratch, key))
            return false;
        *key = mcr_block_copy(d->ev, *key);
    }
    if (!key->ptr)
        key->ptr = ""; // an empty name is a name
    if (mcr_scan_next(s) != ':')
        return mcr_scan_fail(s, "expected ':'");
    s->at++;
    mcr_scan_next(s);
    return true;
}

bool mcr_read_open(mcr_decoder *d, const char *field, bool *is_null)
{
    char c = mcr_scan_next(&d->scan);
    *is_null = c == 'n' && mcr_read_null(d);
    if (*is_null)
        return true;
    if (c != '{')
        return mcr_read_fail(d, field, "an object");
    d->scan.at++;
    return true;
}

static mcr_pair *find_pair(mcr_decoder *d, uint32_t n, mcr_str key)
{
    for (uint32_t i = 0; i < n; i++)
        if (mcr_str_eq(d->pairs[i].key, key))
            return &d->pairs[i];
    return NULL;
}

static mcr_pair *add_pair(mcr_decoder *d, uint32_t *n, mcr_str key)
{
    if (*n == d->pairs_cap) {
        d->pairs_cap = d->pairs_cap ? d->pairs_cap * 2 : 32;
        d->pairs = mcr_realloc(d->pairs, d->pairs_cap * sizeof *d->pairs);
    }
    mcr_pair *pair = &d->pairs[(*n)++];
    *pair = (mcr_pair){ .key = key };
    return pair;
}

bool mcr_read_pairs(mcr_decoder *d, const char *field, mcr_pairs *to)
{
    bool is_null;
    if (!mcr_read_open(d, field, &is_null))
        return false;
    if (is_null) {
        *to = (mcr_pairs){ 0 };
        return true;
    }
    // A second object of the same name adds to the first.
    uint32_t n = 0;
    for (uint32_t i = 0; i < to->n; i++)
        add_pair(d, &n, to->at[i].key)->value = to->at[i].value;
    for (bool first = true;; first = false) {
        mcr_str key, value = { 0 };
        if (!mcr_read_next_key(d, first, &key))
            return false;
        if (!key.ptr)
            break;
        if (!mcr_scan_text(&d->scan, &value) && !mcr_read_string_slow(d, field, &value))
            return false;
        mcr_pair *pair = find_pair(d, n, key);
        if (!pair)
            pair = add_pair(d, &n, key);
        pair->value = value;
    }
    mcr_pair *kept = mcr_block_take(d->ev, n * sizeof *kept);
    if (n)
        memcpy(kept, d->pairs, n * sizeof *kept);
    *to = (mcr_pairs){ kept, n };
    return true;
}

bool mcr_read_array(mcr_decoder *d, const char *field, mcr_str *to)
{
    char c = mcr_scan_next(&d->scan);
    if (c == 'n' && mcr_read_null(d)) {
        *to = (mcr_str){ 0 };
        return true;
    }
    if (c != '[')
        return mcr_read_fail(d, field, "an array");
    return mcr_scan_value(&d->scan, to);
}
