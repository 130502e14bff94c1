#include "api/api_managed.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/api_tree.h"
#include "api/api_view.h"
#include "base/alloc.h"

static cJSON *parse_view(mcr_str json, bool events_api)
{
    mcr_buf view = { 0 }, why = { 0 };
    mcr_api_view_write(&view, json, events_api, false);
    cJSON *tree = mcr_api_tree_read(mcr_buf_str(&view), &why);
    mcr_buf_fini(&view);
    mcr_buf_fini(&why);
    return tree;
}

static bool is_empty(const cJSON *value)
{
    return cJSON_IsNull(value) || (cJSON_IsString(value) && !*value->valuestring) ||
           ((cJSON_IsObject(value) || cJSON_IsArray(value)) && !value->child);
}

static void add_field(cJSON *set, const char *name, cJSON *inside)
{
    size_t size = strlen(name) + 3;
    char *key = mcr_alloc(size);
    snprintf(key, size, "f:%s", name);
    cJSON_DeleteItemFromObjectCaseSensitive(set, key);
    cJSON_AddItemToObject(set, key, inside);
    free(key);
}

// The members of `object` that are not the same in `before` (NULL: all). `whole`: first ".", the
// object itself.
static cJSON *members(const cJSON *object, const cJSON *before, bool whole)
{
    cJSON *set = cJSON_CreateObject();
    if (whole && !cJSON_IsObject(before))
        cJSON_AddItemToObject(set, ".", cJSON_CreateObject());
    const cJSON *value;
    cJSON_ArrayForEach(value, object)
    {
        const cJSON *old = cJSON_GetObjectItemCaseSensitive(before, value->string);
        if (!is_empty(value) && !(old && cJSON_Compare(old, value, true)))
            add_field(set, value->string, cJSON_CreateObject());
    }
    return set;
}

static cJSON *metadata_set(const cJSON *metadata, const cJSON *before)
{
    static const char *const maps[] = { "annotations", "labels" };
    cJSON *set = cJSON_CreateObject();
    if (!before && cJSON_GetObjectItemCaseSensitive(metadata, "generateName"))
        add_field(set, "generateName", cJSON_CreateObject());
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        const cJSON *map = cJSON_GetObjectItemCaseSensitive(metadata, maps[i]);
        const cJSON *old = cJSON_GetObjectItemCaseSensitive(before, maps[i]);
        if (!map)
            continue;
        cJSON *inside = members(map, old, true);
        if (inside->child)
            add_field(set, maps[i], inside);
        else
            cJSON_Delete(inside);
    }
    return set;
}

static int compare_items(const void *a, const void *b)
{
    return strcmp((*(cJSON *const *)a)->string, (*(cJSON *const *)b)->string);
}

static void sort_set(cJSON *set)
{
    int n = cJSON_GetArraySize(set);
    if (n < 2)
        return;
    cJSON **items = mcr_alloc((size_t)n * sizeof *items);
    for (int i = 0; i < n; i++)
        items[i] = cJSON_DetachItemViaPointer(set, set->child);
    qsort(items, (size_t)n, sizeof *items, compare_items);
    for (int i = 0; i < n; i++)
        cJSON_AddItemToArray(set, items[i]); // keeps the name
    free(items);
}

// What changed from `before` (NULL: nothing was there) to `now`, as a field set.
static cJSON *changed_set(const cJSON *now, const cJSON *before)
{
    cJSON *set = cJSON_CreateObject();
    const cJSON *value;
    cJSON_ArrayForEach(value, now)
    {
        const cJSON *old = cJSON_GetObjectItemCaseSensitive(before, value->string);
        const char *name = value->string;
        if (is_empty(value) || (old && cJSON_Compare(old, value, true)))
            continue;
        cJSON *inside;
        if (strcmp(name, "metadata") == 0)
            inside = metadata_set(value, old);
        else if (strcmp(name, "source") == 0 || strcmp(name, "deprecatedSource") == 0)
            inside = members(value, old, false);
        else if (strcmp(name, "series") == 0)
            inside = members(value, old, true);
        else
            inside = cJSON_CreateObject();
        if (strcmp(name, "metadata") == 0 && !inside->child)
            cJSON_Delete(inside);
        else
            add_field(set, name, inside);
    }
    return set;
}

// Drops the fields ("f:name") that `now` has no longer. "." and others, which a client may have
// written, stay.
static void forget(cJSON *fields, const cJSON *now)
{
    cJSON *item = fields->child;
    while (item) {
        cJSON *next = item->next;
        bool is_field = strncmp(item->string, "f:", 2) == 0;
        const cJSON *value =
            is_field ? cJSON_GetObjectItemCaseSensitive(now, item->string + 2) : NULL;
        if (is_field && item->child && cJSON_IsObject(value))
            forget(item, value);
        if (is_field && (!value || is_empty(value)))
            cJSON_Delete(cJSON_DetachItemViaPointer(fields, item));
        item = next;
    }
}

// Takes the fields of `set` out of, or puts them into, `fields`.
static void change_set(cJSON *fields, const cJSON *set, bool put)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, set)
    {
        cJSON *there = cJSON_GetObjectItemCaseSensitive(fields, item->string);
        if (there && item->child)
            change_set(there, item, put);
        if (!put && there && (!item->child || !there->child))
            cJSON_DeleteItemFromObjectCaseSensitive(fields, item->string);
        else if (put && !there)
            cJSON_AddItemToObject(fields, item->string, cJSON_Duplicate(item, true));
    }
    sort_set(fields);
}

static bool text_is(const cJSON *entry, const char *name, const char *wanted)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, name));
    return text && strcmp(text, wanted) == 0;
}

static const char *api_version(const mcr_api_manager *who)
{
    return who->events_api ? "events.k8s.io/v1" : "v1";
}

static cJSON *new_entry(const mcr_api_manager *who)
{
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "manager", who->name);
    cJSON_AddStringToObject(entry, "operation", who->operation);
    cJSON_AddStringToObject(entry, "apiVersion", api_version(who));
    cJSON_AddStringToObject(entry, "time", who->time);
    cJSON_AddStringToObject(entry, "fieldsType", "FieldsV1");
    cJSON_AddItemToObject(entry, "fieldsV1", cJSON_CreateObject());
    return entry;
}

// Gives the fields of `set` to `who`, in the list `all`; `now`: the event that it is about.
static void give(cJSON *all, const mcr_api_manager *who, const cJSON *set, const cJSON *now)
{
    cJSON *own = NULL, *entry = all->child;
    while (entry) {
        cJSON *next = entry->next;
        cJSON *fields = cJSON_GetObjectItemCaseSensitive(entry, "fieldsV1");
        if (text_is(entry, "manager", who->name) && text_is(entry, "operation", who->operation) &&
            text_is(entry, "apiVersion", api_version(who))) {
            own = entry;
            forget(fields, now);
        } else if (text_is(entry, "apiVersion", api_version(who)) && cJSON_IsObject(fields)) {
            forget(fields, now);
            change_set(fields, set, false);
            if (!fields->child)
                cJSON_Delete(cJSON_DetachItemViaPointer(all, entry));
        }
        entry = next;
    }
    if (!own) {
        own = new_entry(who);
        cJSON_AddItemToArray(all, own);
    }
    cJSON_ReplaceItemInObjectCaseSensitive(own, "time", cJSON_CreateString(who->time));
    change_set(cJSON_GetObjectItemCaseSensitive(own, "fieldsV1"), set, true);
}

void mcr_api_managed_fields(mcr_buf *out, const mcr_api_manager *who, mcr_str now, mcr_str before)
{
    cJSON *tree = parse_view(now, who->events_api);
    cJSON *old = before.len ? parse_view(before, who->events_api) : NULL;
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(old, "metadata");
    cJSON *all = cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(metadata, "managedFields"), true);
    if (!cJSON_IsArray(all)) {
        cJSON_Delete(all);
        all = cJSON_CreateArray();
    }
    cJSON *set = changed_set(tree, old);
    give(all, who, set, tree);
    mcr_api_tree_write(out, all);
    cJSON_Delete(set);
    cJSON_Delete(all);
    cJSON_Delete(old);
    cJSON_Delete(tree);
}
