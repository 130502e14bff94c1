#include "api/api_patch.h"

#include <stdlib.h>
#include <string.h>

#include "api/api_tree.h"
#include "base/alloc.h"

mcr_api_patch_kind mcr_api_patch_kind_of(const char *content_type)
{
    static const struct {
        const char *type;
        mcr_api_patch_kind kind;
    } kinds[] = {
        { "application/strategic-merge-patch+json", MCR_API_PATCH_STRATEGIC },
        { "application/merge-patch+json", MCR_API_PATCH_MERGE },
        { "application/json-patch+json", MCR_API_PATCH_JSON },
        { "application/apply-patch+yaml", MCR_API_PATCH_APPLY },
    };
    size_t len = content_type ? strcspn(content_type, "; ") : 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i].type) == len && strncmp(content_type, kinds[i].type, len) == 0)
            return kinds[i].kind;
    return MCR_API_PATCH_NONE;
}

//
// Merging
//

static bool starts(const char *key, const char *prefix)
{
    return strncmp(key, prefix, strlen(prefix)) == 0;
}

static const char *text_of(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static bool refuse(mcr_errbuf *err, const char *text, const char *what)
{
    mcr_errf(err, MCR_EINVAL, "%s%s", text, what);
    return false;
}

// "$patch": "replace" or "delete" in a map. True: `*target` is what it should be.
static bool obey(cJSON **target, const cJSON *patch)
{
    const char *what = text_of(patch, "$patch");
    if (!what || (strcmp(what, "replace") != 0 && strcmp(what, "delete") != 0))
        return false;
    cJSON_Delete(*target);
    *target = strcmp(what, "delete") == 0 ? cJSON_CreateObject() : cJSON_Duplicate(patch, true);
    cJSON_DeleteItemFromObjectCaseSensitive(*target, "$patch");
    return true;
}

static void retain_keys(cJSON *target, const cJSON *keys)
{
    cJSON *child = target->child;
    while (child) {
        cJSON *next = child->next;
        bool kept = false;
        const cJSON *key;
        cJSON_ArrayForEach(key, keys) if (cJSON_IsString(key) &&
                                          strcmp(key->valuestring, child->string) == 0) kept = true;
        if (!kept)
            cJSON_Delete(cJSON_DetachItemViaPointer(target, child));
        child = next;
    }
}

static void put_member(cJSON *target, const char *name, cJSON *value)
{
    if (cJSON_GetObjectItemCaseSensitive(target, name))
        cJSON_ReplaceItemInObjectCaseSensitive(target, name, value);
    else
        cJSON_AddItemToObject(target, name, value);
}

// The array called `name`, made when there is none.
static cJSON *array_of(cJSON *target, const char *name)
{
    cJSON *array = cJSON_GetObjectItemCaseSensitive(target, name);
    if (cJSON_IsArray(array))
        return array;
    array = cJSON_CreateArray();
    put_member(target, name, array);
    return array;
}

// Lists of an Event that a strategic merge merges. `key`: what makes elements the same; NULL: they
// are plain values.
static const struct {
    const char *name;
    const char *key;
} merged_lists[] = { { "ownerReferences", "uid" }, { "finalizers", NULL } };

static int merged_list(const char *name)
{
    for (size_t i = 0; i < sizeof merged_lists / sizeof *merged_lists; i++)
        if (strcmp(merged_lists[i].name, name) == 0)
            return (int)i;
    return -1;
}

// The element of `array` that is the same as `element`.
static cJSON *same_element(cJSON *array, const cJSON *element, const char *key)
{
    const char *wanted = key ? text_of(element, key) : cJSON_GetStringValue(element);
    cJSON *item;
    cJSON_ArrayForEach(item, array)
    {
        const char *text = key ? text_of(item, key) : cJSON_GetStringValue(item);
        if (wanted && text && strcmp(text, wanted) == 0)
            return item;
    }
    return NULL;
}

static bool replaces_list(const cJSON *patch)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, patch)
    {
        const char *what = text_of(item, "$patch");
        if (what && strcmp(what, "replace") == 0)
            return true;
    }
    return false;
}

static bool merge_element(cJSON *array, const cJSON *element, const char *key, mcr_errbuf *err)
{
    cJSON *there = same_element(array, element, key);
    const char *what = text_of(element, "$patch");
    if (key && !text_of(element, key))
        return refuse(err, "an element of the list has no merge key ", key);
    if (what && strcmp(what, "delete") == 0) {
        if (there)
            cJSON_Delete(cJSON_DetachItemViaPointer(array, there));
    } else if (!there) {
        cJSON *copy = cJSON_Duplicate(element, true);
        cJSON_DeleteItemFromObjectCaseSensitive(copy, "$patch");
        cJSON_AddItemToArray(array, copy);
    } else if (key) {
        cJSON *merged = cJSON_Duplicate(there, true);
        if (!mcr_api_merge(&merged, element, true, err)) {
            cJSON_Delete(merged);
            return false;
        }
        cJSON_ReplaceItemViaPointer(array, there, merged);
    }
    return true;
}

static bool merge_list(cJSON *target, const cJSON *patch, const char *key, mcr_errbuf *err)
{
    bool whole = replaces_list(patch);
    if (whole)
        cJSON_DeleteItemFromObjectCaseSensitive(target, patch->string);
    cJSON *array = array_of(target, patch->string);
    const cJSON *element;
    cJSON_ArrayForEach(element, patch)
    {
        bool directive = whole && key && !text_of(element, key);
        if (!directive && !merge_element(array, element, key, err))
            return false;
    }
    return true;
}

static void delete_from(cJSON *array, const cJSON *values)
{
    const cJSON *value;
    cJSON *item;
    cJSON_ArrayForEach(value, values)
    {
        while ((item = same_element(array, value, NULL)))
            cJSON_Delete(cJSON_DetachItemViaPointer(array, item));
    }
}

// Puts what `order` names in its order, behind what it does not name.
static void put_in_order(cJSON *array, const cJSON *order, const char *key)
{
    const cJSON *wanted;
    cJSON *item;
    cJSON_ArrayForEach(wanted, order)
    {
        if ((item = same_element(array, wanted, key)))
            cJSON_AddItemToArray(array, cJSON_DetachItemViaPointer(array, item));
    }
}

static bool merge_member(cJSON *target, const cJSON *value, bool strategic, mcr_errbuf *err)
{
    int list = strategic ? merged_list(value->string) : -1;
    if (cJSON_IsNull(value)) {
        cJSON_DeleteItemFromObjectCaseSensitive(target, value->string);
    } else if (list >= 0 && cJSON_IsArray(value)) {
        return merge_list(target, value, merged_lists[list].key, err);
    } else if (cJSON_IsObject(value)) {
        cJSON *old = cJSON_DetachItemFromObjectCaseSensitive(target, value->string);
        bool good = mcr_api_merge(&old, value, strategic, err);
        cJSON_AddItemToObject(target, value->string, old);
        return good;
    } else {
        put_member(target, value->string, cJSON_Duplicate(value, true));
    }
    return true;
}

// "$deleteFromPrimitiveList/finalizers" and "$setElementOrder/finalizers", after all else.
static void follow_list_directives(cJSON *target, const cJSON *patch)
{
    const cJSON *value;
    cJSON_ArrayForEach(value, patch)
    {
        const char *name = strchr(value->string, '/');
        cJSON *array = name ? cJSON_GetObjectItemCaseSensitive(target, name + 1) : NULL;
        int list = array && cJSON_IsArray(value) ? merged_list(name + 1) : -1;
        if (list < 0)
            continue;
        if (starts(value->string, "$deleteFromPrimitiveList/"))
            delete_from(array, value);
        else if (starts(value->string, "$setElementOrder/"))
            put_in_order(array, value, merged_lists[list].key);
    }
}

bool mcr_api_merge(cJSON **target, const cJSON *patch, bool strategic, mcr_errbuf *err)
{
    const cJSON *directive = cJSON_GetObjectItemCaseSensitive(patch, "$patch");
    const char *what = cJSON_GetStringValue(directive);
    if (strategic && obey(target, patch))
        return true;
    if (strategic && directive && !(what && strcmp(what, "merge") == 0))
        return refuse(err, "Unknown patch type found: ", what ? what : "it is no string");
    if (!cJSON_IsObject(*target)) {
        cJSON_Delete(*target);
        *target = cJSON_CreateObject();
    }
    const cJSON *retained = cJSON_GetObjectItemCaseSensitive(patch, "$retainKeys");
    if (strategic && cJSON_IsArray(retained))
        retain_keys(*target, retained);
    const cJSON *value;
    cJSON_ArrayForEach(value, patch)
    {
        if (strategic && value->string[0] == '$')
            continue;
        if (!merge_member(*target, value, strategic, err))
            return false;
    }
    if (strategic)
        follow_list_directives(*target, patch);
    return true;
}

//
// RFC 6902
//

// The next token of a JSON pointer, unescaped, to be freed; NULL at its end.
static char *next_token(const char **at)
{
    if (**at != '/')
        return NULL;
    const char *start = ++*at;
    while (**at && **at != '/')
        ++*at;
    char *token = mcr_alloc((size_t)(*at - start) + 1), *out = token;
    for (; start < *at; start++) {
        if (*start == '~' && (start[1] == '0' || start[1] == '1'))
            *out++ = *++start == '0' ? '~' : '/';
        else
            *out++ = *start;
    }
    *out = '\0';
    return token;
}

// The number of an element; -1: the token is none (RFC 6901: digits without leading zeros).
static int index_of(const char *token)
{
    size_t len = strspn(token, "0123456789");
    if (!len || token[len] || len > 8 || (token[0] == '0' && len > 1))
        return -1;
    return (int)strtol(token, NULL, 10);
}

static cJSON *member(cJSON *container, const char *token)
{
    if (cJSON_IsObject(container))
        return cJSON_GetObjectItemCaseSensitive(container, token);
    int index = cJSON_IsArray(container) ? index_of(token) : -1;
    return index < 0 ? NULL : cJSON_GetArrayItem(container, index);
}

static cJSON *find(cJSON *root, const char *pointer)
{
    cJSON *at = root;
    char *token;
    while (at && (token = next_token(&pointer))) {
        at = member(at, token);
        free(token);
    }
    return *pointer ? NULL : at;
}

// The container that `pointer` leads into, and the last token (to be freed).
static cJSON *find_parent(cJSON *root, const char *pointer, char **last)
{
    const char *slash = strrchr(pointer, '/');
    if (!slash)
        return NULL;
    char *path = mcr_strdup(pointer);
    path[slash - pointer] = '\0';
    cJSON *parent = find(root, path);
    free(path);
    if (parent)
        *last = next_token(&slash);
    return parent;
}

// Puts `value` before the element `index`. cJSON_InsertItemInArray of some releases refuses that.
static void insert(cJSON *array, int index, cJSON *value)
{
    cJSON *behind = cJSON_GetArrayItem(array, index);
    cJSON_AddItemToArray(array, value);
    while (behind && behind != value) {
        cJSON *next = behind->next;
        cJSON_AddItemToArray(array, cJSON_DetachItemViaPointer(array, behind));
        behind = next;
    }
}

static bool put(cJSON **root, const char *pointer, cJSON *value, bool replace)
{
    if (!*pointer) {
        cJSON_Delete(*root);
        *root = value;
        return true;
    }
    char *last = NULL;
    cJSON *parent = find_parent(*root, pointer, &last);
    bool there = parent && last && member(parent, last), done = true;
    int n = cJSON_IsArray(parent) ? cJSON_GetArraySize(parent) : 0;
    int index = last && strcmp(last, "-") == 0 ? n : index_of(last ? last : "");
    bool fits = cJSON_IsObject(parent) || (cJSON_IsArray(parent) && index >= 0 && index <= n);
    if (!last || !fits || (replace && !there))
        done = false;
    else if (cJSON_IsObject(parent))
        put_member(parent, last, value);
    else if (replace)
        cJSON_ReplaceItemInArray(parent, index, value);
    else
        insert(parent, index, value);
    if (!done)
        cJSON_Delete(value);
    free(last);
    return done;
}

static cJSON *take(cJSON *root, const char *pointer)
{
    char *last = NULL;
    cJSON *parent = find_parent(root, pointer, &last), *item = NULL;
    if (parent && last && (item = member(parent, last)))
        cJSON_DetachItemViaPointer(parent, item);
    free(last);
    return item;
}

// A copy of what is at `from`; NULL when there is nothing, or all copies become too large.
static cJSON *copy(cJSON *root, const char *from, size_t *copied)
{
    cJSON *item = find(root, from);
    if (!item || (*copied += mcr_api_tree_size(item)) > MCR_API_COPIES_MAX)
        return NULL;
    return cJSON_Duplicate(item, true);
}

static bool operate(cJSON **root, const cJSON *operation, size_t *copied)
{
    const char *op = text_of(operation, "op"), *path = text_of(operation, "path");
    const char *from = text_of(operation, "from");
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(operation, "value");
    if (!op || !path)
        return false;
    if (strcmp(op, "test") == 0)
        return value && cJSON_Compare(find(*root, path), value, true);
    if (strcmp(op, "remove") == 0) {
        cJSON *item = take(*root, path);
        cJSON_Delete(item);
        return item != NULL;
    }
    if (strcmp(op, "add") == 0 || strcmp(op, "replace") == 0)
        return value && put(root, path, cJSON_Duplicate(value, true), *op == 'r');
    if (!from)
        return false;
    cJSON *item = NULL;
    if (strcmp(op, "move") == 0)
        item = take(*root, from);
    else if (strcmp(op, "copy") == 0)
        item = copy(*root, from, copied);
    return item && put(root, path, item, false);
}

bool mcr_api_json_patch(cJSON **target, const cJSON *operations, mcr_errbuf *err)
{
    const cJSON *operation;
    int n = 0;
    size_t copied = 0;
    cJSON_ArrayForEach(operation, operations)
    {
        if (!operate(target, operation, &copied)) {
            mcr_errf(err, MCR_EINVAL, "operation %d of the patch cannot be done", n);
            return false;
        }
        n++;
    }
    return true;
}
