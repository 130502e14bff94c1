#include "event/lists.h"

#include "event/plain.h"
#include "event/scan.h"
#include "event/time.h"
#include "event/walk.h"

typedef enum form {
    STRING,        // left out when empty
    STRING_ALWAYS, // "" when absent
    BOOL,          // left out when absent
    TIME,
    RAW // any value, compacted
} form;

typedef struct field {
    mcr_str name;
    const char *prefix; // "name":
    form is;
} field;

#define FIELD(name, is)                                                                            \
    {                                                                                              \
        { (name), sizeof(name) - 1, 0 }, "\"" name "\":", (is)                                     \
    }

enum {
    FIELDS_MAX = 8
};

static const field owner_reference[] = {
    FIELD("apiVersion", STRING_ALWAYS), FIELD("kind", STRING_ALWAYS),
    FIELD("name", STRING_ALWAYS),       FIELD("uid", STRING_ALWAYS),
    FIELD("controller", BOOL),          FIELD("blockOwnerDeletion", BOOL),
};

static const field managed_field[] = {
    FIELD("manager", STRING),     FIELD("operation", STRING),  FIELD("apiVersion", STRING),
    FIELD("time", TIME),          FIELD("fieldsType", STRING), FIELD("fieldsV1", RAW),
    FIELD("subresource", STRING),
};

bool mcr_list_is_empty(mcr_str json)
{
    mcr_walk walk;
    mcr_walk_begin(&walk, json);
    return walk.at == walk.end || walk.at[-1] != '[' || !mcr_walk_more(&walk);
}

// What the API server sends is nearly always in Go's form already. The functions below look whether
// it is, which is several times faster than taking it apart; they return the end of what they
// looked at, or NULL when it is not, or not surely.

static const char *canonical_string(const char *at, const char *end, bool may_be_empty)
{
    if (*at != '"')
        return NULL;
    const char *begin = ++at;
    at += mcr_plain_len(at, (size_t)(end - at));
    return at < end && *at == '"' && (may_be_empty || at > begin) ? at + 1 : NULL;
}

static const char *canonical_time(const char *at, const char *end)
{
    // Digits are not looked at: what is no time is written as it is, as here.
    const char *behind = canonical_string(at, end, false);
    bool shape = behind && behind - at == sizeof "\"2026-11-23T05:01:40Z\"" - 1 && at[5] == '-' &&
                 at[8] == '-' && at[11] == 'T' && at[14] == ':' && at[17] == ':' && at[20] == 'Z';
    return shape && memcmp(at + 1, "0001", 4) != 0 ? behind : NULL;
}

static const char *canonical_raw(const char *at, const char *end)
{
    if (*at != '{')
        return NULL;
    const char *behind = mcr_walk_value(at, end);
    size_t len = (size_t)(behind - at);
    return mcr_compact_len(at, len) == len ? behind : NULL;
}

static const char *canonical_value(form is, const char *at, const char *end)
{
    switch (is) {
    case STRING:
    case STRING_ALWAYS:
        return canonical_string(at, end, is == STRING_ALWAYS);
    case TIME:
        return canonical_time(at, end);
    case RAW:
        return canonical_raw(at, end);
    case BOOL:
        if (end - at > 4 && memcmp(at, "true", 4) == 0)
            return at + 4;
        if (end - at > 5 && memcmp(at, "false", 5) == 0)
            return at + 5;
        return NULL;
    }
    return NULL;
}

static const char *canonical_entry(const field *fields, size_t n, const char *at, const char *end)
{
    if (at == end || *at != '{')
        return NULL;
    at++;
    bool closed = false;
    for (size_t i = 0; i < n; i++) {
        size_t len = fields[i].name.len + 3;
        if (closed || (size_t)(end - at) <= len || memcmp(at, fields[i].prefix, len) != 0) {
            if (fields[i].is == STRING_ALWAYS)
                return NULL;
            continue;
        }
        at = canonical_value(fields[i].is, at + len, end);
        if (!at || at == end || (*at != ',' && *at != '}'))
            return NULL;
        closed = *at == '}';
        at++;
    }
    return closed ? at : NULL;
}

static bool is_canonical(const field *fields, size_t n, mcr_str json)
{
    const char *at = json.ptr;
    const char *end = at + json.len;
    if (json.len < 2 || *at != '[')
        return false;
    do {
        at = canonical_entry(fields, n, at + 1, end);
    } while (at && at < end && *at == ',');
    return at && end - at == 1 && *at == ']';
}

static bool is_null(mcr_str json)
{
    return json.len == 0 || *json.ptr == 'n';
}

// Empty, or of another type, which is written as the empty string.
static bool is_no_text(mcr_str json)
{
    return json.len == 2 || *json.ptr != '"';
}

// put_string puts the string that `json` stands for as Go would.
static void put_string(mcr_writer *w, mcr_str json)
{
    if (json.len < 2 || *json.ptr != '"') {
        MCR_PUT(w, "\"\"");
        return;
    }
    mcr_str inner = mcr_str_n(json.ptr + 1, json.len - 2);
    if (mcr_compact_len(inner.ptr, inner.len) == inner.len && !memchr(inner.ptr, '\\', inner.len)) {
        mcr_writer_string(w, inner);
        return;
    }
    mcr_buf padded = { 0 };
    mcr_buf scratch = { 0 };
    mcr_buf_add(&padded, json);
    memset(mcr_buf_reserve(&padded, MCR_SCAN_PAD), 0, MCR_SCAN_PAD);
    mcr_scan scan;
    mcr_scan_init(&scan, mcr_buf_str(&padded), true);
    mcr_str text = inner;
    mcr_scan_string(&scan, &scratch, &text);
    mcr_writer_string(w, text);
    mcr_buf_fini(&padded);
    mcr_buf_fini(&scratch);
}

static void put_time(mcr_writer *w, mcr_str json)
{
    mcr_time time;
    if (json.len < 2 || !mcr_time_parse(mcr_str_n(json.ptr + 1, json.len - 2), &time)) {
        put_string(w, json);
        return;
    }
    mcr_writer_end(w);
    mcr_time_write(w->out, &time);
    mcr_writer_begin(w, w->out);
}

static void put_value(mcr_writer *w, form is, mcr_str json)
{
    switch (is) {
    case STRING:
    case STRING_ALWAYS:
        put_string(w, json);
        break;
    case TIME:
        put_time(w, json);
        break;
    case BOOL:
    case RAW:
        mcr_writer_compact(w, json);
        break;
    }
}

// find returns which of the fields `key` is, `n` for none. Keys mostly come in order, so `guess` is
// tried first.
static size_t find(const field *fields, size_t n, mcr_str key, size_t guess)
{
    if (guess < n && mcr_str_eq(fields[guess].name, key))
        return guess;
    size_t i = 0;
    while (i < n && !mcr_str_eq(fields[i].name, key))
        i++;
    return i;
}

static void put_entry(mcr_writer *w, const field *fields, size_t n, mcr_str object)
{
    mcr_str values[FIELDS_MAX] = { 0 };
    mcr_walk walk;
    mcr_str key, value;
    mcr_buf unescaped = { 0 };
    size_t guess = 0;
    bool unknown = false;
    mcr_walk_begin(&walk, object);
    while (mcr_walk_member(&walk, &key, &value)) {
        size_t i = find(fields, n, mcr_walk_key(key, &unescaped), guess);
        guess = i + 1;
        if (i < n)
            values[i] = value;
        else
            unknown = true;
    }
    mcr_writer_putc(w, '{');
    for (size_t i = 0; i < n; i++) {
        form is = fields[i].is;
        if (is != STRING_ALWAYS && (is_null(values[i]) || (is == STRING && is_no_text(values[i]))))
            continue;
        mcr_writer_putc(w, '"');
        mcr_writer_bytes(w, fields[i].name.ptr, fields[i].name.len);
        MCR_PUT(w, "\":");
        put_value(w, is, values[i]);
        mcr_writer_putc(w, ',');
    }
    if (unknown) {
        mcr_walk_begin(&walk, object);
        while (mcr_walk_member(&walk, &key, &value)) {
            if (find(fields, n, mcr_walk_key(key, &unescaped), n) < n)
                continue;
            mcr_writer_putc(w, '"');
            mcr_writer_bytes(w, key.ptr, key.len);
            MCR_PUT(w, "\":");
            mcr_writer_compact(w, value);
            mcr_writer_putc(w, ',');
        }
    }
    mcr_buf_fini(&unescaped);
    if (w->at[-1] == ',')
        w->at--;
    mcr_writer_putc(w, '}');
}

static void put_entries(mcr_writer *w, const field *fields, size_t n, mcr_str json)
{
    mcr_walk walk;
    mcr_str element;
    bool first = true;
    if (is_canonical(fields, n, json)) {
        mcr_writer_bytes(w, json.ptr, json.len);
        return;
    }
    mcr_writer_putc(w, '[');
    mcr_walk_begin(&walk, json);
    while (mcr_walk_element(&walk, &element)) {
        if (!first)
            mcr_writer_putc(w, ',');
        first = false;
        mcr_writer_room(w, 0);
        put_entry(w, fields, n, *element.ptr == '{' ? element : MCR_STR(""));
    }
    mcr_writer_putc(w, ']');
}

void mcr_write_strings(mcr_writer *w, mcr_str json)
{
    mcr_walk walk;
    mcr_str element;
    bool first = true;
    mcr_writer_putc(w, '[');
    mcr_walk_begin(&walk, json);
    while (mcr_walk_element(&walk, &element)) {
        if (!first)
            mcr_writer_putc(w, ',');
        first = false;
        mcr_writer_room(w, 0);
        put_string(w, element);
    }
    mcr_writer_putc(w, ']');
}

void mcr_write_owner_references(mcr_writer *w, mcr_str json)
{
    put_entries(w, owner_reference, sizeof owner_reference / sizeof *owner_reference, json);
}

void mcr_write_managed_fields(mcr_writer *w, mcr_str json)
{
    put_entries(w, managed_field, sizeof managed_field / sizeof *managed_field, json);
}
