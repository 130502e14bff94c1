#include "cli/simulate_grid.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/suggest.h"

// The option called `name`; of an alias the one that it stands for. NULL with a sentence.
static const mcr_option *find_option(const char *name, const char *text, mcr_errbuf *err)
{
    const mcr_option *option = mcr_option_find(mcr_correlate_options, name);
    if (option && option->type == MCR_OPTION_ALIAS)
        option = mcr_option_find(mcr_correlate_options, option->choices);
    if (option)
        return option;
    mcr_buf known = { 0 };
    const char *names[MCR_GRID_AXES];
    size_t n = 0;
    for (const mcr_option *o = mcr_correlate_options; o->name && n < MCR_GRID_AXES; o++) {
        if (o->type == MCR_OPTION_ALIAS)
            continue;
        names[n++] = o->name;
        mcr_buf_printf(&known, "%s%s", known.len ? ", " : "", o->name);
    }
    const char *meant = mcr_suggest(name, names, n);
    if (meant)
        mcr_errf(err, MCR_EINVAL, "--grid %s: there is no option '%s'; did you mean '%s'?", text,
                 name, meant);
    else
        mcr_errf(err, MCR_EINVAL, "--grid %s: there is no option '%s' (there are %s)", text, name,
                 mcr_buf_cstr(&known));
    mcr_buf_fini(&known);
    return NULL;
}

// A value as the configuration would have it: true and false, numbers, and strings ("10m").
static mcr_option_value value_of(const char *text)
{
    mcr_option_value value = { .kind = MCR_VALUE_STRING, .string = text };
    char *end;
    double number = strtod(text, &end);
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        value.kind = MCR_VALUE_BOOL;
        value.boolean = *text == 't';
    } else if (end != text && !*end && strspn(text, "0123456789.") == strlen(text)) {
        value.kind = MCR_VALUE_NUMBER;
        value.number = number;
    }
    return value;
}

static bool is_nought(const mcr_correlate_numbers *n, const mcr_option *option)
{
    const char *at = (const char *)n + option->offset;
    switch (option->type) {
    case MCR_OPTION_INT:
    case MCR_OPTION_DURATION:
        return *(const int64_t *)(const void *)at == 0;
    case MCR_OPTION_RATE:
        return *(const double *)(const void *)at == 0;
    default:
        return false;
    }
}

static mcr_err set_value(mcr_correlate_numbers *n, const mcr_option *option, const char *text,
                         mcr_errbuf *err)
{
    mcr_option_value value = value_of(text);
    mcr_errbuf why;
    if (mcr_option_set(n, mcr_correlate_options, option->name, &value, &why))
        return mcr_errf(err, MCR_EINVAL, "--grid %s=%s: %s", option->name, text, why.text);
    if (is_nought(n, option))
        return mcr_errf(err, MCR_EINVAL,
                        "--grid %s=%s: 0 stands for the default; say the number that is meant",
                        option->name, text);
    return MCR_OK;
}

static void add_value(mcr_grid_axis *axis, const char *text, size_t len)
{
    axis->values = mcr_realloc(axis->values, (axis->n + 1) * sizeof *axis->values);
    char *copy = mcr_alloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    axis->values[axis->n++] = copy;
}

// Reads "name=a,b,c"; each value is tried, so that a message is about it alone.
static mcr_err read_axis(mcr_grid *g, const char *text, mcr_errbuf *err)
{
    char name[64];
    size_t len = strcspn(text, "=");
    if (!text[len] || !len || len >= sizeof name)
        return mcr_errf(err, MCR_EINVAL,
                        "--grid must be NAME=VALUE,VALUE… such as burst_size=5,25,"
                        "100, not '%s'",
                        text);
    memcpy(name, text, len);
    name[len] = '\0';
    const mcr_option *option = find_option(name, text, err);
    if (!option)
        return MCR_EINVAL;
    for (size_t i = 0; i < g->axis_n; i++)
        if (g->axes[i].option == option)
            return mcr_errf(err, MCR_EINVAL, "--grid %s: '%s' has a grid already", text,
                            option->name);
    mcr_grid_axis *axis = &g->axes[g->axis_n++];
    axis->option = option;
    for (const char *at = text + len + 1;; at++) {
        size_t n = strcspn(at, ",");
        if (!n)
            return mcr_errf(err, MCR_EINVAL, "--grid %s: a value is missing", text);
        if (axis->n == MCR_SIMULATION_SETTINGS)
            return mcr_errf(err, MCR_EINVAL, "--grid %s=…: more than %d values", option->name,
                            MCR_SIMULATION_SETTINGS);
        add_value(axis, at, n);
        mcr_correlate_numbers tried = mcr_correlate_nothing_said;
        mcr_err code = set_value(&tried, option, axis->values[axis->n - 1], err);
        if (code)
            return code;
        at += n;
        if (!*at)
            return MCR_OK;
    }
}

static mcr_err count_settings(mcr_grid *g, mcr_errbuf *err)
{
    mcr_buf product = { 0 };
    g->n = 1;
    for (size_t i = 0; i < g->axis_n; i++) { // no overflow: 256 to the 8th at most, and 0 is none
        mcr_buf_printf(&product, "%s%zu", i ? " × " : "", g->axes[i].n);
        g->n = g->n > MCR_SIMULATION_SETTINGS ? g->n : g->n * g->axes[i].n;
    }
    mcr_err code = MCR_OK;
    if (g->n > MCR_SIMULATION_SETTINGS)
        code = mcr_errf(err, MCR_EINVAL,
                        "--grid: %s values are more than %d settings; try fewer values, or some of "
                        "them at a time",
                        mcr_buf_cstr(&product), MCR_SIMULATION_SETTINGS);
    mcr_buf_fini(&product);
    return code;
}

static mcr_err make_setting(mcr_grid *g, size_t i, const mcr_correlator_options *base,
                            mcr_errbuf *err)
{
    mcr_correlate_numbers n = mcr_correlate_said(base);
    mcr_err code = MCR_OK;
    for (size_t a = 0; a < g->axis_n && !code; a++) {
        const mcr_grid_axis *axis = &g->axes[a];
        code = set_value(&n, axis->option, axis->values[mcr_grid_value(g, a, i)], err);
    }
    if (code)
        return code;
    mcr_errbuf why;
    if (mcr_correlate_check(&n, &why)) {
        mcr_buf label = { 0 };
        mcr_grid_label(&label, g, i, g->axis_n);
        mcr_errf(err, MCR_EINVAL, "--grid: the setting %s: %s", mcr_buf_cstr(&label), why.text);
        mcr_buf_fini(&label);
        return MCR_EINVAL;
    }
    g->settings[i] = *base;
    mcr_correlate_apply(&n, &g->settings[i]);
    return MCR_OK;
}

mcr_err mcr_grid_read(mcr_grid *g, const mcr_flag_texts *texts, const mcr_correlator_options *base,
                      mcr_errbuf *err)
{
    *g = (mcr_grid){ 0 };
    mcr_err code = MCR_OK;
    for (size_t i = 0; i < texts->n && !code; i++)
        code = read_axis(g, texts->at[i], err);
    if (!code)
        code = count_settings(g, err);
    for (size_t i = 0; i < g->n && !code; i++)
        code = make_setting(g, i, base, err);
    return code;
}

void mcr_grid_fini(mcr_grid *g)
{
    for (size_t a = 0; a < g->axis_n; a++) {
        for (size_t i = 0; i < g->axes[a].n; i++)
            free(g->axes[a].values[i]);
        free(g->axes[a].values);
    }
    *g = (mcr_grid){ 0 };
}

size_t mcr_grid_value(const mcr_grid *g, size_t a, size_t i)
{
    for (size_t later = g->axis_n; later > a + 1; later--)
        i /= g->axes[later - 1].n;
    return i % g->axes[a].n;
}

void mcr_grid_label(mcr_buf *out, const mcr_grid *g, size_t i, size_t without)
{
    bool first = true;
    for (size_t a = 0; a < g->axis_n; a++) {
        if (a == without)
            continue;
        const mcr_grid_axis *axis = &g->axes[a];
        mcr_buf_printf(out, "%s%s=%s", first ? "" : ", ", axis->option->name,
                       axis->values[mcr_grid_value(g, a, i)]);
        first = false;
    }
}
