#include "cli/object_text.h"

#include <stdlib.h>
#include <string.h>

#include "api/api_tree.h"
#include "base/alloc.h"
#include "event/encode.h"
#include "net/yaml_write.h"

//
// Reading
//

static int by_name(const void *a, const void *b)
{
    const cJSON *const *x = a, *const *y = b;
    return strcmp((*x)->string, (*y)->string);
}

static void sort_members(cJSON *object)
{
    size_t n = (size_t)cJSON_GetArraySize(object);
    cJSON **members = mcr_alloc((n + 1) * sizeof *members);
    for (size_t i = 0; i < n; i++)
        members[i] = cJSON_DetachItemFromArray(object, 0);
    qsort(members, n, sizeof *members, by_name);
    for (size_t i = 0; i < n; i++)
        cJSON_AddItemToArray(object, members[i]); // which keeps its name
    free(members);
}

static void sort_all(cJSON *value)
{
    cJSON *child;
    if (cJSON_IsObject(value))
        sort_members(value);
    cJSON_ArrayForEach(child, value) sort_all(child);
}

cJSON *mcr_object_read(mcr_str json, bool managed)
{
    mcr_buf why = { 0 };
    cJSON *object = mcr_api_tree_read(json, &why);
    mcr_buf_fini(&why);
    if (!managed)
        cJSON_DeleteItemFromObjectCaseSensitive(
            cJSON_GetObjectItemCaseSensitive(object, "metadata"), "managedFields");
    if (object)
        sort_all(object);
    return object;
}

//
// Scalars
//

static void write_number(mcr_buf *out, double number)
{
    const double exact = 9007199254740992.0; // integers beyond are no longer
    if (number == (double)(int64_t)number && number > -exact && number < exact)
        mcr_buf_i64(out, (int64_t)number);
    else
        mcr_buf_printf(out, "%.17g", number);
}

// U+0000 stands in the tree as C0 80.
static void take_text(mcr_buf *out, const char *text)
{
    const char *at;
    while ((at = strstr(text, "\xc0\x80"))) {
        mcr_buf_append(out, text, (size_t)(at - text));
        mcr_buf_putc(out, '\0');
        text = at + 2;
    }
    mcr_buf_puts(out, text);
}

//
// JSON
//

static void new_line(mcr_buf *out, int depth)
{
    mcr_buf_putc(out, '\n');
    for (int i = 0; i < depth; i++)
        mcr_buf_puts(out, "    ");
}

static void write_string(mcr_buf *out, const char *text)
{
    mcr_buf bytes = { 0 };
    take_text(&bytes, text);
    mcr_json_string(out, mcr_buf_str(&bytes));
    mcr_buf_fini(&bytes);
}

static void write_json(mcr_buf *out, const cJSON *value, int depth)
{
    bool object = cJSON_IsObject(value);
    if (cJSON_IsString(value)) {
        write_string(out, value->valuestring);
    } else if (cJSON_IsNumber(value)) {
        write_number(out, value->valuedouble);
    } else if (!object && !cJSON_IsArray(value)) {
        mcr_buf_puts(out, cJSON_IsNull(value) ? "null" : cJSON_IsTrue(value) ? "true" : "false");
    } else if (!value->child) {
        mcr_buf_puts(out, object ? "{}" : "[]");
    } else {
        mcr_buf_putc(out, object ? '{' : '[');
        for (const cJSON *child = value->child; child; child = child->next) {
            new_line(out, depth + 1);
            if (object) {
                write_string(out, child->string);
                mcr_buf_puts(out, ": ");
            }
            write_json(out, child, depth + 1);
            if (child->next)
                mcr_buf_putc(out, ',');
        }
        new_line(out, depth);
        mcr_buf_putc(out, object ? '}' : ']');
    }
}

void mcr_object_json(mcr_buf *out, const cJSON *object)
{
    write_json(out, object, 0);
    mcr_buf_putc(out, '\n');
}

void mcr_object_yaml(mcr_buf *out, const cJSON *object)
{
    mcr_yaml_write(out, object);
}
