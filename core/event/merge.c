#include "event/merge.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "event/encode.h"
#include "event/scan.h"
#include "event/walk.h"

enum {
    FEW = 32,      // members that are compared one with another rather than sorted
    MEMBERS = 128, // that need no allocation
    LEVELS = 16    // the same
};

typedef struct member {
    mcr_str written;      // the key as it stands there, with its quotes
    mcr_str key;          // unescaped, without
    uint64_t fingerprint; // differs only when the keys differ
    mcr_str value;        // JSON text
    bool gone;            // a later one with the same key counts; of a patch: it was applied
    bool joined;          // the value is not behind the key, but among the texts
} member;

// An object being merged: members[base … patch) are those of the base, members[patch … end) those
// of the patch.
typedef struct level {
    size_t base;
    size_t patch;
    size_t end;
    size_t next;
} level;

// What is merged, innermost object last. Not recursive: the depth is the input's.
typedef struct merger {
    mcr_buf *out;
    member *members;
    size_t members_len;
    size_t members_cap;
    level *levels;
    size_t levels_len;
    size_t levels_cap;
    char **texts; // keys unescaped and objects joined, freed at the end
    size_t texts_len;
    member few_members[MEMBERS];
    level few_levels[LEVELS];
} merger;

static void *grow(void *old, const void *few, size_t *cap, size_t size)
{
    void *more = mcr_alloc(2 * *cap * size);
    memcpy(more, old, *cap * size);
    if (old != few)
        free(old);
    *cap *= 2;
    return more;
}

static char *new_text(merger *m, size_t size)
{
    m->texts = mcr_realloc(m->texts, (m->texts_len + 1) * sizeof *m->texts);
    char *text = mcr_zalloc(size);
    m->texts[m->texts_len++] = text;
    return text;
}

static uint64_t fingerprint(mcr_str key)
{
    uint64_t first = 0;
    uint64_t last = 0;
    if (key.len >= 8) {
        memcpy(&first, key.ptr, 8);
        memcpy(&last, key.ptr + key.len - 8, 8);
    } else {
        for (uint32_t i = 0; i < key.len; i++)
            first = first << 8 | (unsigned char)key.ptr[i];
    }
    return (first ^ last * 0x9e3779b97f4a7c15u) + ((uint64_t)key.len << 32);
}

// unescape returns a key without its escapes.
static mcr_str unescape(merger *m, mcr_str written)
{
    mcr_buf room = { 0 };
    mcr_str key = mcr_walk_key(written, &room);
    char *text = new_text(m, (size_t)key.len + 1);
    memcpy(text, key.ptr, key.len);
    mcr_buf_fini(&room);
    return mcr_str_n(text, key.len);
}

static bool is_object(mcr_str value)
{
    return value.len && *value.ptr == '{';
}

static int compare_members(const void *a, const void *b)
{
    const member *x = *(const member *const *)a;
    const member *y = *(const member *const *)b;
    if (x->key.len != y->key.len)
        return x->key.len < y->key.len ? -1 : 1;
    int order = x->key.len ? memcmp(x->key.ptr, y->key.ptr, x->key.len) : 0;
    return order ? order : (x > y) - (x < y);
}

static bool same_key(const member *a, const member *b)
{
    return a->fingerprint == b->fingerprint && mcr_str_eq(a->key, b->key);
}

// keep_last makes the last of `n` members with one key count, alone. If it is an object it gets the
// members of all of them that are objects, of which again the last ones will count.
static void keep_last(merger *m, member **same, size_t n)
{
    member *last = same[n - 1];
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        same[i]->gone = i < n - 1;
        size += same[i]->value.len;
    }
    if (!is_object(last->value))
        return;
    char *text = new_text(m, size);
    size_t len = 0;
    text[len++] = '{';
    for (size_t i = 0; i < n; i++) {
        mcr_str value = same[i]->value;
        mcr_walk walk;
        mcr_str key, first;
        mcr_walk_begin(&walk, value);
        if (!is_object(value) || !mcr_walk_member(&walk, &key, &first))
            continue;
        if (len > 1)
            text[len++] = ',';
        memcpy(text + len, value.ptr + 1, value.len - 2);
        len += value.len - 2;
    }
    text[len++] = '}';
    last->value = mcr_str_n(text, len);
    last->joined = true;
}

static void drop_duplicates(merger *m, size_t begin, size_t end)
{
    member *at = m->members + begin;
    size_t n = end - begin;
    if (n <= FEW) {
        bool twice = false;
        for (size_t i = 1; i < n; i++)
            for (size_t j = 0; j < i; j++)
                twice |= at[j].fingerprint == at[i].fingerprint;
        if (!twice)
            return;
    }
    member **order = mcr_alloc(n * sizeof *order);
    for (size_t i = 0; i < n; i++)
        order[i] = &at[i];
    qsort(order, n, sizeof *order, compare_members);
    for (size_t i = 0, next; i < n; i = next) {
        next = i + 1;
        while (next < n && same_key(order[i], order[next]))
            next++;
        if (next - i > 1)
            keep_last(m, order + i, next - i);
    }
    free(order);
}

// gather appends the members of `object`.
static void gather(merger *m, mcr_str object)
{
    size_t begin = m->members_len;
    mcr_walk walk;
    mcr_str key, value;
    mcr_walk_begin(&walk, object);
    while (mcr_walk_member(&walk, &key, &value)) {
        if (m->members_len == m->members_cap)
            m->members = grow(m->members, m->few_members, &m->members_cap, sizeof(member));
        member *next = &m->members[m->members_len++];
        next->written = mcr_str_n(key.ptr - 1, (size_t)key.len + 2);
        bool escapes = key.len && memchr(key.ptr, '\\', key.len);
        next->key = escapes ? unescape(m, key) : key;
        next->fingerprint = fingerprint(next->key);
        next->value = value;
        next->gone = false;
        next->joined = false;
    }
    drop_duplicates(m, begin, m->members_len);
}

static void enter(merger *m, mcr_str base, mcr_str patch)
{
    if (m->levels_len == m->levels_cap)
        m->levels = grow(m->levels, m->few_levels, &m->levels_cap, sizeof(level));
    level *l = &m->levels[m->levels_len++];
    l->base = l->next = m->members_len;
    gather(m, base);
    l->patch = m->members_len;
    gather(m, patch);
    l->end = m->members_len;
    mcr_buf_putc(m->out, '{');
}

static void leave(merger *m)
{
    level *l = &m->levels[--m->levels_len];
    m->members_len = l->base;
    mcr_buf_putc(m->out, '}');
}

static void put_comma(merger *m)
{
    if (m->out->ptr[m->out->len - 1] != '{')
        mcr_buf_putc(m->out, ',');
}

static void put_key(merger *m, const member *at)
{
    put_comma(m);
    mcr_buf_add(m->out, at->written);
    mcr_buf_putc(m->out, ':');
}

static void put_untouched(merger *m, const member *at)
{
    if (at->joined) {
        put_key(m, at);
        mcr_buf_add(m->out, at->value);
    } else {
        put_comma(m);
        const char *end = at->value.ptr + at->value.len;
        mcr_buf_append(m->out, at->written.ptr, (size_t)(end - at->written.ptr));
    }
}

static member *find(merger *m, const level *l, const member *base)
{
    for (size_t i = l->patch; i < l->end; i++)
        if (m->members[i].fingerprint == base->fingerprint && !m->members[i].gone &&
            same_key(&m->members[i], base))
            return &m->members[i];
    return NULL;
}

// apply puts what becomes of the member `base` (NULL when it is new) by the patch's `change`.
static void apply(merger *m, const member *base, member *change)
{
    change->gone = true;
    mcr_str value = change->value;
    if (*value.ptr == 'n')
        return;
    put_key(m, base ? base : change);
    if (!is_object(value))
        mcr_buf_add(m->out, value);
    else
        enter(m, base && is_object(base->value) ? base->value : MCR_STR("{}"), value);
}

void mcr_json_merge(mcr_buf *out, mcr_str base, mcr_str patch)
{
    merger m;
    m.out = out;
    m.members = m.few_members;
    m.members_cap = MEMBERS;
    m.members_len = 0;
    m.levels = m.few_levels;
    m.levels_cap = LEVELS;
    m.levels_len = 0;
    m.texts = NULL;
    m.texts_len = 0;
    mcr_buf_reserve(out, (size_t)base.len + patch.len + 2);
    enter(&m, base, patch);
    while (m.levels_len) {
        level *l = &m.levels[m.levels_len - 1];
        if (l->next == l->end) {
            leave(&m);
            continue;
        }
        size_t i = l->next++;
        member *at = &m.members[i];
        if (at->gone)
            continue;
        if (i >= l->patch) {
            apply(&m, NULL, at);
            continue;
        }
        member *change = find(&m, l, at);
        if (change)
            apply(&m, at, change);
        else
            put_untouched(&m, at);
    }
    if (m.members != m.few_members)
        free(m.members);
    if (m.levels != m.few_levels)
        free(m.levels);
    for (size_t i = 0; i < m.texts_len; i++)
        free(m.texts[i]);
    free(m.texts);
}

// is_valid_object tells whether `text`, which MCR_SCAN_PAD zeros follow, is one JSON object.
static bool is_valid_object(mcr_str text, const char **why)
{
    mcr_scan scan;
    mcr_str value;
    mcr_scan_init(&scan, text, false);
    bool object = mcr_scan_space(&scan) == '{';
    if (!object)
        mcr_scan_fail(&scan, "expected a JSON object");
    else if (mcr_scan_value(&scan, &value) && mcr_scan_space(&scan))
        mcr_scan_fail(&scan, "text behind the object");
    *why = scan.why;
    return !scan.why;
}

// decode_result reads strictly, but forgives what the original was forgiven: one that came by an
// API answer may hold bytes that are not UTF-8.
static mcr_event *decode_result(mcr_decoder *d, const mcr_event *ev, mcr_str json, mcr_errbuf *err)
{
    mcr_decode_error wrong;
    mcr_event *result = NULL;
    mcr_decoded kind = mcr_decode(d, json, 0, &result, &wrong);
    if (kind == MCR_DECODED_MALFORMED && ev->raw.len) {
        mcr_decode_error ignored;
        mcr_event *same = NULL;
        bool strict = mcr_decode(d, ev->raw, 0, &same, &ignored) == MCR_DECODED_EVENT;
        mcr_event_unref(same);
        if (!strict)
            kind = mcr_decode(d, json, MCR_DECODE_GO, &result, &wrong);
    }
    if (kind == MCR_DECODED_EVENT)
        return result;
    if (kind == MCR_DECODED_MALFORMED)
        mcr_errf(err, MCR_EINVAL, "the changed event is not valid: %s", wrong.text);
    else
        mcr_errf(err, MCR_EINVAL, "the change makes something else of the event: %s",
                 kind == MCR_DECODED_LIST ? "a list" : "a watch line");
    return NULL;
}

mcr_event *mcr_event_merge(mcr_decoder *d, const mcr_event *ev, mcr_str patch, mcr_errbuf *err)
{
    mcr_buf padded = { 0 };
    memset(mcr_buf_reserve(&padded, (size_t)patch.len + MCR_SCAN_PAD) + patch.len, 0, MCR_SCAN_PAD);
    mcr_buf_add(&padded, patch);
    const char *why;
    if (!is_valid_object(mcr_buf_str(&padded), &why)) {
        mcr_errf(err, MCR_EINVAL, "the change is not valid: %s", why);
        mcr_buf_fini(&padded);
        return NULL;
    }
    mcr_buf base = { 0 };
    mcr_buf merged = { 0 };
    mcr_buf_reserve(&merged, (size_t)ev->raw.len + patch.len + 64);
    if (ev->api == MCR_API_CORE_V1 && ev->raw.len) {
        mcr_json_merge(&merged, ev->raw, mcr_buf_str(&padded));
    } else {
        mcr_event_encode(&base, ev, true);
        mcr_json_merge(&merged, mcr_buf_str(&base), mcr_buf_str(&padded));
    }
    mcr_event *result = decode_result(d, ev, mcr_buf_str(&merged), err);
    if (result) {
        result->change = ev->change;
        result->delta = ev->delta;
        result->hops = ev->hops;
        result->source_index = ev->source_index;
        result->record = ev->record;
    }
    mcr_buf_fini(&base);
    mcr_buf_fini(&merged);
    mcr_buf_fini(&padded);
    return result;
}
