#include "base/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/suggest.h"
#include "base/units.h"

static const mcr_option *find(const mcr_option *list, const char *name)
{
    for (; list->name; list++)
        if (strcmp(list->name, name) == 0)
            return list;
    return NULL;
}

static mcr_err unknown(const mcr_option *list, const char *name, mcr_errbuf *err)
{
    const char *names[64];
    size_t n = 0;
    for (; list->name && n < 64; list++)
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

mcr_err mcr_option_set(void *options, const mcr_option *list, const char *name,
                       const mcr_option_value *value, mcr_errbuf *err)
{
    const mcr_option *option = find(list, name);
    if (!option)
        return unknown(list, name, err);
    void *at = (char *)options + option->offset;
    switch (option->type) {
    case MCR_OPTION_STRING: {
        if (value->kind != MCR_VALUE_STRING)
            return wrong(option, "a string", err);
        char **slot = at;
        free(*slot);
        *slot = mcr_strdup(value->string);
        return MCR_OK;
    }
    case MCR_OPTION_BOOL:
        if (value->kind != MCR_VALUE_BOOL)
            return wrong(option, "true or false", err);
        *(bool *)at = value->boolean;
        return MCR_OK;
    case MCR_OPTION_INT:
        return as_number(value, option->type, at) ? MCR_OK : wrong(option, "a whole number", err);
    case MCR_OPTION_DURATION:
        return as_number(value, option->type, at)
                   ? MCR_OK
                   : wrong(option, "a duration such as \"250ms\", \"10s\" or seconds", err);
    case MCR_OPTION_SIZE:
        return as_number(value, option->type, at)
                   ? MCR_OK
                   : wrong(option, "a size such as \"64KiB\", \"4MiB\" or bytes", err);
    case MCR_OPTION_CHOICE:
        break;
    }
    int index = value->kind == MCR_VALUE_STRING ? choice_index(option->choices, value->string) : -1;
    if (index < 0)
        return mcr_errf(err, MCR_ECONFIG, "'%s' must be one of %s", option->name, option->choices);
    *(int *)at = index;
    return MCR_OK;
}

void mcr_options_fini(void *options, const mcr_option *list)
{
    for (; list->name; list++) {
        if (list->type != MCR_OPTION_STRING)
            continue;
        char **slot = (char **)((char *)options + list->offset);
        free(*slot);
        *slot = NULL;
    }
}

static void describe_choice(mcr_buf *out, const char *choices, int index)
{
    for (; index > 0; index--)
        choices += strcspn(choices, "|") + 1;
    mcr_buf_append(out, choices, strcspn(choices, "|"));
}

void mcr_options_describe(mcr_buf *out, const void *options, const mcr_option *list)
{
    for (; list->name; list++) {
        const void *at = (const char *)options + list->offset;
        if (list->type == MCR_OPTION_STRING && !*(char *const *)at)
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
            mcr_buf_printf(out, "%gs", (double)*(const int64_t *)at / 1e9);
            break;
        case MCR_OPTION_CHOICE:
            describe_choice(out, list->choices, *(const int *)at);
            break;
        }
        mcr_buf_putc(out, '\n');
    }
}
