#include "base/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/shown.h"
#include "base/suggest.h"
#include "base/units.h"

const mcr_option *mcr_option_find(const mcr_option *list, const char *name)
{
    for (; list->name; list++) {
        size_t len = strlen(list->name);
        if (strncmp(list->name, name, len) == 0 &&
            (!name[len] || (list->type == MCR_OPTION_MAP && name[len] == '.' && name[len + 1])))
            return list;
    }
    return NULL;
}

static mcr_err unknown(const mcr_option *list, const char *name, mcr_errbuf *err)
{
    const char *names[128];
    size_t n = 0;
    for (; list->name && n < 128; list++)
        names[n++] = list->name;
    const char *meant = mcr_suggest(name, names, n);
    if (meant)
        return mcr_errf(err, MCR_ECONFIG, "unknown key '%s'; did you mean '%s'?", name, meant);
    return mcr_errf(err, MCR_ECONFIG, "unknown key '%s'", name);
}

static mcr_err wrong(const mcr_option *option, const char *expected, mcr_errbuf *err)
{
    return mcr_errf(err, MCR_ECONFIG, "'%s' must be %s", option->name, expected);
}

static int choice_index(const char *choices, const char *word)
{
    size_t len = strlen(word);
    int index = 0;
    for (const char *at = choices;; index++) {
        size_t n = strcspn(at, "|");
        if (n == len && memcmp(at, word, n) == 0)
            return index;
        if (!at[n])
            return -1;
        at += n + 1;
    }
}

static bool as_number(const mcr_option_value *value, mcr_option_type type, int64_t *out)
{
    if (value->kind == MCR_VALUE_NUMBER) {
        double number = value->number * (type == MCR_OPTION_DURATION ? 1e9 : 1);
        if (!(number >= 0 && number < 9e18) ||
            (type != MCR_OPTION_DURATION && number != (double)(int64_t)number))
            return false;
        *out = (int64_t)number;
        return true;
    }
    if (value->kind != MCR_VALUE_STRING)
        return false;
    if (type == MCR_OPTION_DURATION)
        return mcr_parse_duration(mcr_str_of(value->string), out);
    uint64_t bytes;
    if (type != MCR_OPTION_SIZE || !mcr_parse_size(mcr_str_of(value->string), &bytes))
        return false;
    *out = (int64_t)bytes;
    return true;
}

static bool as_double(const mcr_option_value *value, mcr_option_type type, double *out)
{
    if (value->kind == MCR_VALUE_NUMBER) {
        if (!(value->number >= 0 && value->number < 9e18))
            return false;
        *out = value->number;
        return true;
    }
    return type == MCR_OPTION_RATE && value->kind == MCR_VALUE_STRING &&
           mcr_parse_rate(mcr_str_of(value->string), out);
}

static bool set_string(char **slot, const mcr_option_value *value)
{
    if (value->kind != MCR_VALUE_STRING)
        return false;
    free(*slot);
    *slot = mcr_strdup(value->string);
    return true;
}

static bool add_item(mcr_option_list *list, const mcr_option_value *value)
{
    if (value->kind != MCR_VALUE_STRING && value->kind != MCR_VALUE_NUMBER)
        return false;
    mcr_buf text = { 0 };
    if (value->kind == MCR_VALUE_STRING)
        mcr_buf_puts(&text, value->string);
    else
        mcr_buf_printf(&text, "%.17g", value->number);
    mcr_buf_cstr(&text);
    list->items = mcr_realloc(list->items, (list->n + 1) * sizeof *list->items);
    list->items[list->n++] = text.ptr;
    return true;
}

static bool set_entry(mcr_option_map *map, const char *name, const mcr_option_value *value)
{
    if (value->kind != MCR_VALUE_STRING)
        return false;
    size_t at = 0;
    while (at < map->n && strcmp(map->entries[at].name, name) < 0)
        at++;
    if (at == map->n || strcmp(map->entries[at].name, name) != 0) {
        map->entries = mcr_realloc(map->entries, (map->n + 1) * sizeof *map->entries);
        memmove(map->entries + at + 1, map->entries + at, (map->n - at) * sizeof *map->entries);
        map->entries[at] = (mcr_option_entry){ .name = mcr_strdup(name) };
        map->n++;
    }
    return set_string(&map->entries[at].value, value);
}

const char *mcr_option_map_get(const mcr_option_map *map, const char *name)
{
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->entries[i].name, name) == 0)
            return map->entries[i].value;
    return NULL;
}

// Stores the value, or says what it must be.
static const char *store(const mcr_option *option, void *at, const char *name,
                         const mcr_option_value *value)
{
    switch (option->type) {
    case MCR_OPTION_STRING:
    case MCR_OPTION_SECRET:
    case MCR_OPTION_URL:
        return set_string(at, value) ? NULL : "a string";
    case MCR_OPTION_BOOL:
        if (value->kind != MCR_VALUE_BOOL)
            return "true or false";
        *(bool *)at = value->boolean;
        return NULL;
    case MCR_OPTION_INT:
        return as_number(value, option->type, at) ? NULL : "a whole number, 0 or more";
    case MCR_OPTION_DURATION:
        return as_number(value, option->type, at)
                   ? NULL
                   : "a duration such as \"250ms\", \"10s\" or seconds";
    case MCR_OPTION_SIZE:
        return as_number(value, option->type, at) ? NULL
                                                  : "a size such as \"64KiB\", \"4MiB\" or bytes";
    case MCR_OPTION_NUMBER:
        return as_double(value, option->type, at) ? NULL : "a number, 0 or more";
    case MCR_OPTION_RATE:
        return as_double(value, option->type, at)
                   ? NULL
                   : "a rate such as \"10/s\", \"30/m\" or a number per second";
    case MCR_OPTION_LIST:
        return add_item(at, value) ? NULL : "a list of strings or numbers";
    case MCR_OPTION_MAP: {
        size_t len = strlen(option->name);
        return name[len] == '.' && set_entry(at, name + len + 1, value)
                   ? NULL
                   : "a table of names and strings";
    }
    case MCR_OPTION_CHOICE:
    case MCR_OPTION_ALIAS:
        break;
    }
    return "";
}

mcr_err mcr_option_set(void *options, const mcr_option *list, const char *name,
                       const mcr_option_value *value, mcr_errbuf *err)
{
    const mcr_option *option = mcr_option_find(list, name);
    if (option && option->type == MCR_OPTION_ALIAS)
        option = mcr_option_find(list, option->choices);
    if (!option)
        return unknown(list, name, err);
    void *at = (char *)options + option->offset;
    if (option->type != MCR_OPTION_CHOICE) {
        const char *expected = store(option, at, name, value);
        return expected ? wrong(option, expected, err) : MCR_OK;
    }
    int index = value->kind == MCR_VALUE_STRING ? choice_index(option->choices, value->string) : -1;
    if (index < 0)
        return mcr_errf(err, MCR_ECONFIG, "'%s' must be one of %s", option->name, option->choices);
    *(int *)at = index;
    return MCR_OK;
}

static void list_fini(mcr_option_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i]);
    free(list->items);
    *list = (mcr_option_list){ 0 };
}

static void map_fini(mcr_option_map *map)
{
    for (size_t i = 0; i < map->n; i++) {
        free(map->entries[i].name);
        free(map->entries[i].value);
    }
    free(map->entries);
    *map = (mcr_option_map){ 0 };
}

static bool is_string(mcr_option_type type)
{
    return type == MCR_OPTION_STRING || type == MCR_OPTION_SECRET || type == MCR_OPTION_URL;
}

void mcr_options_fini(void *options, const mcr_option *list)
{
    for (; list->name; list++) {
        void *at = (char *)options + list->offset;
        if (is_string(list->type)) {
            free(*(char **)at);
            *(char **)at = NULL;
        } else if (list->type == MCR_OPTION_LIST) {
            list_fini(at);
        } else if (list->type == MCR_OPTION_MAP) {
            map_fini(at);
        }
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_list(const mcr_option_list *a, const mcr_option_list *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = strcmp(a->items[i], b->items[i]) == 0;
    return same;
}

static bool same_map(const mcr_option_map *a, const mcr_option_map *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = strcmp(a->entries[i].name, b->entries[i].name) == 0 &&
               strcmp(a->entries[i].value, b->entries[i].value) == 0;
    return same;
}

static bool same_value(const void *a, const void *b, mcr_option_type type)
{
    switch (type) {
    case MCR_OPTION_STRING:
    case MCR_OPTION_SECRET:
    case MCR_OPTION_URL:
        return same_text(*(char *const *)a, *(char *const *)b);
    case MCR_OPTION_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case MCR_OPTION_INT:
    case MCR_OPTION_DURATION:
    case MCR_OPTION_SIZE:
        return *(const int64_t *)a == *(const int64_t *)b;
    case MCR_OPTION_CHOICE:
        return *(const int *)a == *(const int *)b;
    case MCR_OPTION_NUMBER:
    case MCR_OPTION_RATE:
        return *(const double *)a == *(const double *)b;
    case MCR_OPTION_LIST:
        return same_list(a, b);
    case MCR_OPTION_ALIAS:
        return true;
    case MCR_OPTION_MAP:
        break;
    }
    return same_map(a, b);
}

bool mcr_options_equal(const void *a, const void *b, const mcr_option *list)
{
    bool equal = true;
    for (; list->name && equal; list++)
        equal =
            same_value((const char *)a + list->offset, (const char *)b + list->offset, list->type);
    return equal;
}

static bool is_set(mcr_option_type type, const void *at)
{
    if (is_string(type))
        return *(char *const *)at;
    if (type == MCR_OPTION_LIST)
        return ((const mcr_option_list *)at)->n > 0;
    if (type == MCR_OPTION_ALIAS)
        return false;
    return type != MCR_OPTION_MAP || ((const mcr_option_map *)at)->n > 0;
}

static void describe_list(mcr_buf *out, const mcr_option_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        mcr_buf_printf(out, "%s%s", i ? ", " : "", list->items[i]);
}

static void describe_map(mcr_buf *out, const mcr_option_map *map)
{
    for (size_t i = 0; i < map->n; i++)
        mcr_buf_printf(out, "%s%s", i ? ", " : "", map->entries[i].name);
}

static void describe_choice(mcr_buf *out, const char *choices, int index)
{
    for (; index > 0; index--)
        choices += strcspn(choices, "|") + 1;
    mcr_buf_append(out, choices, strcspn(choices, "|"));
}

// In hours or minutes when it is several of them, or an hour, without a rest.
static void describe_duration(mcr_buf *out, int64_t ns)
{
    const int64_t minute = 60 * INT64_C(1000000000), hour = 60 * minute;
    if (ns == 0)
        mcr_buf_puts(out, "none");
    else if (ns % hour == 0)
        mcr_buf_printf(out, "%lldh", (long long)(ns / hour));
    else if (ns % minute == 0 && ns > minute)
        mcr_buf_printf(out, "%lldm", (long long)(ns / minute));
    else
        mcr_buf_printf(out, "%gs", (double)ns / 1e9);
}

// In the unit in which it is 1 or more.
static void describe_rate(mcr_buf *out, double rate)
{
    if (rate <= 0)
        mcr_buf_puts(out, "none");
    else if (rate >= 1)
        mcr_buf_printf(out, "%g/s", rate);
    else if (rate * 60 >= 1)
        mcr_buf_printf(out, "%g/m", rate * 60);
    else
        mcr_buf_printf(out, "%g/h", rate * 3600);
}

void mcr_options_describe(mcr_buf *out, const void *options, const mcr_option *list)
{
    for (; list->name; list++) {
        const void *at = (const char *)options + list->offset;
        if (!is_set(list->type, at))
            continue;
        mcr_buf_printf(out, "  %-9s ", list->name);
        switch (list->type) {
        case MCR_OPTION_STRING:
            mcr_buf_puts(out, *(char *const *)at);
            break;
        case MCR_OPTION_BOOL:
            mcr_buf_puts(out, *(const bool *)at ? "true" : "false");
            break;
        case MCR_OPTION_INT:
        case MCR_OPTION_SIZE:
            mcr_buf_i64(out, *(const int64_t *)at);
            break;
        case MCR_OPTION_DURATION:
            describe_duration(out, *(const int64_t *)at);
            break;
        case MCR_OPTION_CHOICE:
            describe_choice(out, list->choices, *(const int *)at);
            break;
        case MCR_OPTION_NUMBER:
            mcr_buf_printf(out, "%g", *(const double *)at);
            break;
        case MCR_OPTION_RATE:
            describe_rate(out, *(const double *)at);
            break;
        case MCR_OPTION_SECRET:
            mcr_buf_puts(out, "(set)");
            break;
        case MCR_OPTION_URL:
            mcr_url_shown(out, *(char *const *)at);
            break;
        case MCR_OPTION_LIST:
            describe_list(out, at);
            break;
        case MCR_OPTION_MAP:
            describe_map(out, at);
            break;
        case MCR_OPTION_ALIAS:
            break;
        }
        mcr_buf_putc(out, '\n');
    }
}
