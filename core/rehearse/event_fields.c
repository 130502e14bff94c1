#include "rehearse/event_fields.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/encode.h"

enum {
    SHOWN = 160,  // bytes of a value
    CONTEXT = 24, // … before what differs
    PATH_MAX_LENGTH = 512
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

typedef struct search {
    mcr_field_changes *to;
    size_t n;
    char path[PATH_MAX_LENGTH];
} search;

static void show_values(search *s, const cJSON *a, const cJSON *b)
{
    char *before = a ? cJSON_PrintUnformatted(a) : NULL;
    char *after = b ? cJSON_PrintUnformatted(b) : NULL;
    mcr_buf *out[] = { &s->to->before, &s->to->after };
    for (int i = 0; i < 2; i++)
        mcr_buf_printf(out[i], "%s%s: ", out[i]->len ? "\n" : "", s->path);
    show_both(out[0], out[1], mcr_str_of(before ? before : "(absent)"),
              mcr_str_of(after ? after : "(absent)"));
    cJSON_free(before);
    cJSON_free(after);
}

static void note(search *s, const cJSON *a, const cJSON *b)
{
    if (s->n++ >= MCR_FIELDS_NAMED)
        return;
    mcr_buf_printf(&s->to->names, "%s%s", s->to->names.len ? ", " : "", s->path);
    show_values(s, a, b);
}

static void compare(search *s, const cJSON *a, const cJSON *b);

static void compare_member(search *s, const char *name, const cJSON *a, const cJSON *b)
{
    size_t len = strlen(s->path);
    snprintf(s->path + len, sizeof s->path - len, "%s%s", len ? "." : "", name);
    compare(s, a, b);
    s->path[len] = '\0';
}

static void compare(search *s, const cJSON *a, const cJSON *b)
{
    const cJSON *member;
    if (!cJSON_IsObject(a) || !cJSON_IsObject(b)) {
        if (!a || !b || !cJSON_Compare(a, b, true))
            note(s, a, b);
        return;
    }
    cJSON_ArrayForEach(member, a) compare_member(
        s, member->string, member, cJSON_GetObjectItemCaseSensitive(b, member->string));
    cJSON_ArrayForEach(member, b) if (!cJSON_GetObjectItemCaseSensitive(a, member->string))
        compare_member(s, member->string, NULL, member);
}

static cJSON *parse(const mcr_event *ev, mcr_buf *room)
{
    mcr_str text = text_of(ev, room);
    return cJSON_ParseWithLength(text.ptr, text.len);
}

bool mcr_field_changes_find(mcr_field_changes *to, const mcr_event *a, const mcr_event *b)
{
    search s = { .to = to };
    mcr_buf room = { 0 };
    to->names.len = to->before.len = to->after.len = 0;
    cJSON *x = parse(a, &room), *y = parse(b, &room);
    compare(&s, x, y);
    cJSON_Delete(x);
    cJSON_Delete(y);
    mcr_buf_fini(&room);
    if (s.n > MCR_FIELDS_NAMED)
        mcr_buf_printf(&to->names, " and %zu more", s.n - MCR_FIELDS_NAMED);
    return s.n > 0;
}

void mcr_field_changes_fini(mcr_field_changes *c)
{
    mcr_buf_fini(&c->names);
    mcr_buf_fini(&c->before);
    mcr_buf_fini(&c->after);
}
