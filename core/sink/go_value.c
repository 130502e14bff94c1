#include "sink/go_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

// Containers that are open, innermost last: a stack of our own, so that no input can exhaust the
// thread's.
struct open {
    const cJSON **items;
    size_t size;
    size_t next;
    bool is_map;
};

static int by_key(const void *a, const void *b)
{
    const cJSON *const *left = a, *const *right = b;
    return strcmp((*left)->string, (*right)->string);
}

static void open_container(struct open *o, const cJSON *value)
{
    size_t size = (size_t)cJSON_GetArraySize(value), n = 0;
    *o = (struct open){ .size = size, .is_map = cJSON_IsObject(value) };
    o->items = mcr_alloc((size + 1) * sizeof *o->items);
    const cJSON *item;
    cJSON_ArrayForEach(item, value)
    {
        o->items[n++] = item;
    }
    if (o->is_map)
        qsort(o->items, size, sizeof *o->items, by_key);
}

static void number(mcr_buf *out, double value)
{
    static const double EXACT = 9007199254740992.0; // 2^53: cJSON keeps numbers as doubles
    if (fabs(value) <= EXACT && value == floor(value)) {
        mcr_buf_i64(out, (int64_t)value);
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    mcr_buf_puts(out, text);
}

static void scalar(mcr_buf *out, const cJSON *value)
{
    if (cJSON_IsString(value))
        mcr_buf_puts(out, value->valuestring);
    else if (cJSON_IsNumber(value))
        number(out, value->valuedouble);
    else if (cJSON_IsBool(value))
        mcr_buf_puts(out, cJSON_IsTrue(value) ? "true" : "false");
    else
        mcr_buf_puts(out, "<nil>");
}

void mcr_go_value(mcr_buf *out, const cJSON *value)
{
    struct open *stack = NULL;
    size_t depth = 0, cap = 0;
    for (;;) {
        if (cJSON_IsObject(value) || cJSON_IsArray(value)) {
            if (depth == cap) {
                cap = cap ? cap * 2 : 4;
                stack = mcr_realloc(stack, cap * sizeof *stack);
            }
            open_container(&stack[depth], value);
            mcr_buf_puts(out, stack[depth].is_map ? "map[" : "[");
            depth++;
        } else {
            scalar(out, value);
        }
        while (depth > 0 && stack[depth - 1].next == stack[depth - 1].size) {
            mcr_buf_putc(out, ']');
            free(stack[--depth].items);
        }
        if (depth == 0)
            break;
        struct open *top = &stack[depth - 1];
        if (top->next > 0)
            mcr_buf_putc(out, ' ');
        value = top->items[top->next++];
        if (top->is_map) {
            mcr_buf_puts(out, value->string);
            mcr_buf_putc(out, ':');
        }
    }
    free(stack);
}
