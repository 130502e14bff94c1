#include "rehearse/event_fields.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "event/encode.h"
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

static void show_value(mcr_buf *out, const char *field)
{
    mcr_buf_printf(out, "%s%s: ", out->len ? "\n" : "", field);
}

static void show_change(mcr_field_changes *to, const char *field, const cJSON *from,
                        const cJSON *into)
{
    char *before = from ? cJSON_PrintUnformatted(from) : NULL;
    char *after = into ? cJSON_PrintUnformatted(into) : NULL;
    mcr_buf_printf(&to->names, "%s%s", to->names.len ? ", " : "", field);
    show_value(&to->before, field);
    show_value(&to->after, field);
    show_both(&to->before, &to->after, mcr_str_of(before ? before : "(absent)"),
              mcr_str_of(after ? after : "(absent)"));
    cJSON_free(before);
    cJSON_free(after);
}

bool mcr_field_changes_find(mcr_field_changes *to, const mcr_event *a, const mcr_event *b)
{
    to->names.len = to->before.len = to->after.len = 0;
    cJSON *changes = mcr_event_changes(a, b);
    const cJSON *change;
    int n = 0;
    cJSON_ArrayForEach(change, changes) if (n++ < MCR_FIELDS_NAMED)
        show_change(to, cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(change, "field")),
                    cJSON_GetObjectItemCaseSensitive(change, "from"),
                    cJSON_GetObjectItemCaseSensitive(change, "to"));
    if (n > MCR_FIELDS_NAMED)
        mcr_buf_printf(&to->names, " and %d more", n - MCR_FIELDS_NAMED);
    cJSON_Delete(changes);
    return n > 0;
}

void mcr_field_changes_fini(mcr_field_changes *c)
{
    mcr_buf_fini(&c->names);
    mcr_buf_fini(&c->before);
    mcr_buf_fini(&c->after);
}
