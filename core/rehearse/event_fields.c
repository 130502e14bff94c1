#include "rehearse/event_fields.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "event/encode.h"
#include "event/walk.h"
#include "rehearse/event_changes.h"

enum {
    SHOWN = 160, // bytes of a value
    CONTEXT = 24 // … before what differs
};

static mcr_str text_of(const mcr_event *ev, mcr_buf *room)
{
    if (ev->raw.len)
        return ev->raw;
    room->len = 0;
    mcr_event_write(room, ev);
    return mcr_buf_str(room);
}

bool mcr_events_same(const mcr_event *a, const mcr_event *b, mcr_buf room[2])
{
    if (a == b)
        return true;
    if (!a || !b)
        return false;
    return mcr_str_eq(text_of(a, &room[0]), text_of(b, &room[1]));
}

// Begin of a UTF-8 character at `at` or before.
static size_t character_start(mcr_str text, size_t at)
{
    while (at > 0 && at < text.len && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
        at--;
    return at;
}

static void show(mcr_buf *out, mcr_str text, size_t from)
{
    size_t to = text.len - from > SHOWN ? character_start(text, from + SHOWN) : text.len;
    if (from)
        mcr_buf_puts(out, "…");
    mcr_buf_append(out, text.ptr + from, to - from);
    if (to < text.len)
        mcr_buf_puts(out, "…");
}

// Both texts, without what is the same at the beginning of long ones.
static void show_both(mcr_buf *before, mcr_buf *after, mcr_str a, mcr_str b)
{
    size_t same = 0, from = 0;
    while (same < a.len && same < b.len && a.ptr[same] == b.ptr[same])
        same++;
    if ((a.len > SHOWN || b.len > SHOWN) && same > CONTEXT)
        from = character_start(a, same - CONTEXT);
    show(before, a, from);
    show(after, b, from);
}

void mcr_text_changes(mcr_buf *before, mcr_buf *after, mcr_str a, mcr_str b)
{
    mcr_buf quoted[2] = { { 0 }, { 0 } };
    mcr_json_string(&quoted[0], a);
    mcr_json_string(&quoted[1], b);
    show_both(before, after, mcr_buf_str(&quoted[0]), mcr_buf_str(&quoted[1]));
    mcr_buf_fini(&quoted[0]);
    mcr_buf_fini(&quoted[1]);
}

//
// Which fields, by the decoded events: much quicker than by their JSON, and most are needed only to
// be counted.
//

typedef enum type {
    STRING,
    TIME,
    INT32,
    INT64,
    PAIRS
} type;

typedef struct field {
    const char *name;
    type type;
    size_t offset;
    bool of_related; // needs has_related on both sides
    bool of_series;
} field;

#define AT(member)               offsetof(mcr_event, member)
#define IN_REFERENCE(at, member) ((at) + offsetof(mcr_object_reference, member))
#define REFERENCE(path, at, related)                                                               \
    { path ".kind", STRING, IN_REFERENCE(at, kind), related, false },                              \
        { path ".namespace", STRING, IN_REFERENCE(at, namespace), related, false },                \
        { path ".name", STRING, IN_REFERENCE(at, name), related, false },                          \
        { path ".uid", STRING, IN_REFERENCE(at, uid), related, false },                            \
        { path ".apiVersion", STRING, IN_REFERENCE(at, apiVersion), related, false },              \
        { path ".resourceVersion", STRING, IN_REFERENCE(at, resourceVersion), related, false },    \
    {                                                                                              \
        path ".fieldPath", STRING, IN_REFERENCE(at, fieldPath), related, false                     \
    }

static const field fields[] = {
    { "metadata.name", STRING, AT(metadata.name), false, false },
    { "metadata.generateName", STRING, AT(metadata.generateName), false, false },
    { "metadata.namespace", STRING, AT(metadata.namespace), false, false },
    { "metadata.selfLink", STRING, AT(metadata.selfLink), false, false },
    { "metadata.uid", STRING, AT(metadata.uid), false, false },
    { "metadata.resourceVersion", STRING, AT(metadata.resourceVersion), false, false },
    { "metadata.generation", INT64, AT(metadata.generation), false, false },
    { "metadata.creationTimestamp", TIME, AT(metadata.creationTimestamp), false, false },
    { "metadata.deletionTimestamp", TIME, AT(metadata.deletionTimestamp), false, false },
    { "metadata.deletionGracePeriodSeconds", INT64, AT(metadata.deletionGracePeriodSeconds), false,
      false },
    { "metadata.labels", PAIRS, AT(metadata.labels), false, false },
    { "metadata.annotations", PAIRS, AT(metadata.annotations), false, false },
    { "metadata.ownerReferences", STRING, AT(metadata.ownerReferences), false, false },
    { "metadata.finalizers", STRING, AT(metadata.finalizers), false, false },
    { "metadata.managedFields", STRING, AT(metadata.managedFields), false, false },
    REFERENCE("involvedObject", AT(involvedObject), false),
    { "reason", STRING, AT(reason), false, false },
    { "message", STRING, AT(message), false, false },
    { "source.component", STRING, AT(source.component), false, false },
    { "source.host", STRING, AT(source.host), false, false },
    { "firstTimestamp", TIME, AT(firstTimestamp), false, false },
    { "lastTimestamp", TIME, AT(lastTimestamp), false, false },
    { "count", INT32, AT(count), false, false },
    { "type", STRING, AT(type), false, false },
    { "eventTime", TIME, AT(eventTime), false, false },
    { "series.count", INT32, AT(series.count), false, true },
    { "series.lastObservedTime", TIME, AT(series.lastObservedTime), false, true },
    { "action", STRING, AT(action), false, false },
    REFERENCE("related", AT(related), true),
    { "reportingComponent", STRING, AT(reportingComponent), false, false },
    { "reportingInstance", STRING, AT(reportingInstance), false, false },
};

typedef struct naming {
    mcr_buf *names;
    size_t n;
} naming;

static void name_field(naming *to, const char *name, mcr_str key)
{
    if (to->n++ >= MCR_FIELDS_NAMED)
        return;
    mcr_buf_puts(to->names, to->n > 1 ? ", " : "");
    mcr_buf_puts(to->names, name);
    mcr_buf_puts(to->names, *name && key.len ? "." : "");
    mcr_buf_add(to->names, key);
}

static void name_pairs(naming *to, const char *name, const mcr_pairs *a, const mcr_pairs *b)
{
    if (!a->n != !b->n) {
        name_field(to, name, (mcr_str){ 0 });
        return;
    }
    for (uint32_t i = 0; i < a->n; i++) {
        const mcr_str *other = mcr_pairs_get(b, a->at[i].key);
        if (!other || !mcr_str_eq(*other, a->at[i].value))
            name_field(to, name, a->at[i].key);
    }
    for (uint32_t i = 0; i < b->n; i++)
        if (!mcr_pairs_get(a, b->at[i].key))
            name_field(to, name, b->at[i].key);
}

static bool same_time(const mcr_time *a, const mcr_time *b)
{
    if (a->text.len && b->text.len)
        return mcr_str_eq(a->text, b->text);
    return a->set == b->set && a->sec == b->sec && a->nsec == b->nsec;
}

static void compare_field(naming *to, const field *f, const mcr_event *a, const mcr_event *b)
{
    const void *x = (const char *)a + f->offset, *y = (const char *)b + f->offset;
    bool same = true;
    switch (f->type) {
    case STRING:
        same = mcr_str_eq(*(const mcr_str *)x, *(const mcr_str *)y);
        break;
    case TIME:
        same = same_time(x, y);
        break;
    case INT32:
        same = *(const int32_t *)x == *(const int32_t *)y;
        break;
    case INT64:
        same = *(const int64_t *)x == *(const int64_t *)y;
        break;
    case PAIRS:
        name_pairs(to, f->name, x, y);
        return;
    }
    if (!same)
        name_field(to, f->name, (mcr_str){ 0 });
}

static void name_fields(naming *to, const mcr_event *a, const mcr_event *b)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const field *f = &fields[i];
        if ((f->of_related && !(a->has_related && b->has_related)) ||
            (f->of_series && !(a->series.set && b->series.set)))
            continue;
        compare_field(to, f, a, b);
    }
    if (!a->has_related != !b->has_related)
        name_field(to, "related", (mcr_str){ 0 });
    if (!a->series.set != !b->series.set)
        name_field(to, "series", (mcr_str){ 0 });
}

// The value of the unknown field `key` (as it is written); without a pointer: there is none.
static mcr_str unknown_value(const mcr_event *ev, mcr_str key)
{
    mcr_walk walk;
    mcr_str name, value;
    if (!ev->unknown_fields)
        return (mcr_str){ 0 };
    mcr_walk_begin(&walk, ev->raw);
    while (mcr_walk_member(&walk, &name, &value))
        if (mcr_str_eq(name, key))
            return value;
    return (mcr_str){ 0 };
}

// cJSON ends strings there.
static bool has_nul(mcr_str json)
{
    return memmem(json.ptr, json.len, "\\u0000", 6) != NULL;
}

// Whether two texts are the same value, spelled otherwise.
static bool same_value(mcr_str a, mcr_str b)
{
    if (!a.ptr || !b.ptr || mcr_str_eq(a, b))
        return a.ptr && b.ptr;
    if (has_nul(a) || has_nul(b))
        return false;
    cJSON *x = cJSON_ParseWithLength(a.ptr, a.len), *y = cJSON_ParseWithLength(b.ptr, b.len);
    bool same = x && y && cJSON_Compare(x, y, true);
    cJSON_Delete(x);
    cJSON_Delete(y);
    return same;
}

// The unknown fields of `a` that differ in `b`, or (`missing`) that it does not have.
static void name_unknown(naming *to, const mcr_event *a, const mcr_event *b, bool missing)
{
    mcr_walk walk;
    mcr_str key, value;
    mcr_buf plain = { 0 };
    if (a->unknown_fields)
        mcr_walk_begin(&walk, a->raw);
    while (a->unknown_fields && mcr_walk_member(&walk, &key, &value)) {
        mcr_str name = mcr_walk_key(key, &plain);
        if (mcr_event_has_field(name, a->api))
            continue;
        mcr_str other = unknown_value(b, key);
        if (missing ? !other.ptr : !same_value(value, other))
            name_field(to, "", name);
    }
    mcr_buf_fini(&plain);
}

// By JSON: of what is no event.
static void name_json_fields(naming *to, const mcr_event *a, const mcr_event *b)
{
    cJSON *changes = mcr_event_changes(a, b);
    const cJSON *change;
    cJSON_ArrayForEach(change, changes)
        name_field(to, cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(change, "field")),
                   (mcr_str){ 0 });
    cJSON_Delete(changes);
}

bool mcr_fields_differ(mcr_buf *names, const mcr_event *a, const mcr_event *b)
{
    naming to = { .names = names };
    name_fields(&to, a, b);
    name_unknown(&to, a, b, false);
    name_unknown(&to, b, a, true);
    if (!to.n)
        name_json_fields(&to, a, b);
    if (to.n > MCR_FIELDS_NAMED)
        mcr_buf_printf(names, " and %zu more", to.n - MCR_FIELDS_NAMED);
    return to.n > 0;
}

//
// What they were and are
//

static void show_change(mcr_buf *before, mcr_buf *after, const char *name, const cJSON *from,
                        const cJSON *into)
{
    char *old = from ? cJSON_PrintUnformatted(from) : NULL;
    char *new = into ? cJSON_PrintUnformatted(into) : NULL;
    mcr_buf_printf(before, "%s%s: ", before->len ? "\n" : "", name);
    mcr_buf_printf(after, "%s%s: ", after->len ? "\n" : "", name);
    show_both(before, after, mcr_str_of(old ? old : "(absent)"),
              mcr_str_of(new ? new : "(absent)"));
    cJSON_free(old);
    cJSON_free(new);
}

void mcr_fields_show(mcr_buf *before, mcr_buf *after, const mcr_event *a, const mcr_event *b)
{
    cJSON *changes = mcr_event_changes(a, b);
    const cJSON *change;
    int n = 0;
    cJSON_ArrayForEach(change, changes) if (n++ < MCR_FIELDS_NAMED) show_change(
        before, after, cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(change, "field")),
        cJSON_GetObjectItemCaseSensitive(change, "from"),
        cJSON_GetObjectItemCaseSensitive(change, "to"));
    cJSON_Delete(changes);
}
