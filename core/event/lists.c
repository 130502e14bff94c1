#include "event/lists.h"

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
    form is;
} field;

enum {
    FIELDS_MAX = 8
};

static const field owner_reference[] = {
    { { "apiVersion", 10, 0 }, STRING_ALWAYS }, { { "kind", 4, 0 }, STRING_ALWAYS },
    { { "name", 4, 0 }, STRING_ALWAYS },        { { "uid", 3, 0 }, STRING_ALWAYS },
    { { "controller", 10, 0 }, BOOL },          { { "blockOwnerDeletion", 18, 0 }, BOOL },
};

static const field managed_field[] = {
    { { "manager", 7, 0 }, STRING },      { { "operation", 9, 0 }, STRING },
    { { "apiVersion", 10, 0 }, STRING },  { { "time", 4, 0 }, TIME },
    { { "fieldsType", 10, 0 }, STRING },  { { "fieldsV1", 8, 0 }, RAW },
    { { "subresource", 11, 0 }, STRING },
};

bool mcr_list_is_empty(mcr_str json)
{
    mcr_walk walk;
    mcr_str element;
    mcr_walk_begin(&walk, json);
    return walk.at == walk.end || walk.at[-1] != '[' || !mcr_walk_element(&walk, &element);
}

static bool is_null(mcr_str json)
{
    return json.len == 0 || *json.ptr == 'n';
}

// put_string puts the string that `json` stands for as Go would.
static void put_string(mcr_writer *w, mcr_str json)
{
    if (json.len < 2 || *json.ptr != '"') {
        MCR_PUT(w, "\"\"");
        return;
    }
    mcr_str inner = mcr_str_n(json.ptr + 1, json.len - 2);
    if (!memchr(inner.ptr, '\\', inner.len)) {
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
    size_t guess = 0;
    bool unknown = false;
    mcr_walk_begin(&walk, object);
    while (mcr_walk_member(&walk, &key, &value)) {
        size_t i = find(fields, n, key, guess);
        guess = i + 1;
        if (i < n)
            values[i] = value;
        else
            unknown = true;
    }
    mcr_writer_putc(w, '{');
    for (size_t i = 0; i < n; i++) {
        form is = fields[i].is;
        if (is != STRING_ALWAYS && (is_null(values[i]) || (is == STRING && values[i].len == 2)))
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
            if (find(fields, n, key, n) < n)
                continue;
            mcr_writer_putc(w, '"');
            mcr_writer_bytes(w, key.ptr, key.len);
            MCR_PUT(w, "\":");
            mcr_writer_compact(w, value);
            mcr_writer_putc(w, ',');
        }
    }
    if (w->at[-1] == ',')
        w->at--;
    mcr_writer_putc(w, '}');
}

static void put_entries(mcr_writer *w, const field *fields, size_t n, mcr_str json)
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
