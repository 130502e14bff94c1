#include "rehearse/event_changes.h"

#include "base/buf.h"
#include "event/encode.h"

static cJSON *json_of(const mcr_event *ev)
{
    mcr_buf text = { 0 };
    mcr_event_encode(&text, ev, true);
    cJSON *json = cJSON_ParseWithLength(text.ptr, text.len);
    mcr_buf_fini(&text);
    return json;
}

static void add_change(cJSON *list, const mcr_buf *field, const cJSON *from, const cJSON *to)
{
    mcr_buf name = { 0 };
    mcr_buf_add(&name, mcr_buf_str(field));
    cJSON *change = cJSON_CreateObject();
    cJSON_AddStringToObject(change, "field", mcr_buf_cstr(&name));
    mcr_buf_fini(&name);
    if (from)
        cJSON_AddItemToObject(change, "from", cJSON_Duplicate(from, true));
    if (to)
        cJSON_AddItemToObject(change, "to", cJSON_Duplicate(to, true));
    cJSON_AddItemToArray(list, change);
}

// Both are objects, or NULL. `path` is where they are, with a dot at its end.
static void compare(cJSON *list, mcr_buf *path, const cJSON *before, const cJSON *after);

static void compare_member(cJSON *list, mcr_buf *path, const cJSON *from, const cJSON *to)
{
    if (from && to && cJSON_Compare(from, to, true))
        return;
    size_t len = path->len;
    mcr_buf_puts(path, (from ? from : to)->string);
    if (cJSON_IsObject(from) && cJSON_IsObject(to)) {
        mcr_buf_putc(path, '.');
        compare(list, path, from, to);
    } else {
        add_change(list, path, from, to);
    }
    path->len = len;
}

static void compare(cJSON *list, mcr_buf *path, const cJSON *before, const cJSON *after)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, before)
        compare_member(list, path, member, cJSON_GetObjectItemCaseSensitive(after, member->string));
    cJSON_ArrayForEach(member, after) if (!cJSON_GetObjectItemCaseSensitive(before, member->string))
        compare_member(list, path, NULL, member);
}

cJSON *mcr_event_changes(const mcr_event *before, const mcr_event *after)
{
    cJSON *from = json_of(before), *to = json_of(after), *list = cJSON_CreateArray();
    mcr_buf path = { 0 };
    compare(list, &path, from, to);
    mcr_buf_fini(&path);
    cJSON_Delete(from);
    cJSON_Delete(to);
    return list;
}
