#include "api/api_patch.h"

#include <stdlib.h>
#include <string.h>

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

static bool is_directive(const char *key)
{
    return key[0] == '$';
}

// "$patch": "replace" or "delete" in a map. True: `*target` is what it should be.
static bool obey(cJSON **target, const cJSON *patch)
{
    const char *what = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(patch, "$patch"));
    if (!what || (strcmp(what, "replace") != 0 && strcmp(what, "delete") != 0))
        return false;
    cJSON_Delete(*target);
    *target = strcmp(what, "delete") == 0 ? cJSON_CreateNull() : cJSON_Duplicate(patch, true);
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

static void merge_member(cJSON *target, const cJSON *value, bool strategic)
{
    if (cJSON_IsNull(value)) {
        cJSON_DeleteItemFromObjectCaseSensitive(target, value->string);
        return;
    }
    if (!cJSON_IsObject(value)) {
        cJSON *copy = cJSON_Duplicate(value, true);
        if (cJSON_GetObjectItemCaseSensitive(target, value->string))
            cJSON_ReplaceItemInObjectCaseSensitive(target, value->string, copy);
        else
            cJSON_AddItemToObject(target, value->string, copy);
        return;
    }
    cJSON *old = cJSON_DetachItemFromObjectCaseSensitive(target, value->string);
    mcr_api_merge(&old, value, strategic);
    cJSON_AddItemToObject(target, value->string, old);
}

void mcr_api_merge(cJSON **target, const cJSON *patch, bool strategic)
{
    if (strategic && obey(target, patch))
        return;
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
        if (!strategic || !is_directive(value->string))
            merge_member(*target, value, strategic);
    }
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

static cJSON *member(cJSON *container, const char *token)
{
    if (cJSON_IsObject(container))
        return cJSON_GetObjectItemCaseSensitive(container, token);
    if (cJSON_IsArray(container) && *token && !token[strspn(token, "0123456789")])
        return cJSON_GetArrayItem(container, atoi(token));
    return NULL;
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
    if (!parent || !last || (replace && !there))
        done = false;
    else if (cJSON_IsObject(parent) && there)
        cJSON_ReplaceItemInObjectCaseSensitive(parent, last, value);
    else if (cJSON_IsObject(parent))
        cJSON_AddItemToObject(parent, last, value);
    else if (cJSON_IsArray(parent) && strcmp(last, "-") == 0)
        cJSON_AddItemToArray(parent, value);
    else if (cJSON_IsArray(parent) && there && replace)
        cJSON_ReplaceItemInArray(parent, atoi(last), value);
    else if (cJSON_IsArray(parent) && (there || atoi(last) == cJSON_GetArraySize(parent)))
        cJSON_InsertItemInArray(parent, atoi(last), value);
    else
        done = false;
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

static const char *text_of(const cJSON *operation, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(operation, name));
}

static bool operate(cJSON **root, const cJSON *operation)
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
        item = cJSON_Duplicate(find(*root, from), true);
    return item && put(root, path, item, false);
}

bool mcr_api_json_patch(cJSON **target, const cJSON *operations, mcr_errbuf *err)
{
    const cJSON *operation;
    int n = 0;
    cJSON_ArrayForEach(operation, operations)
    {
        if (!operate(target, operation)) {
            mcr_errf(err, MCR_EINVAL, "operation %d of the patch cannot be done", n);
            return false;
        }
        n++;
    }
    return true;
}
