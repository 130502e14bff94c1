#include "cli/diff_output.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sink/go_quote.h"

// "120,431".
static void put_count(mcr_buf *out, uint64_t n)
{
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            mcr_buf_putc(out, ',');
        mcr_buf_putc(out, digits[i]);
    }
}

// Two figures at least: "0.0042", "0.41", "12.3".
static void put_percent(mcr_buf *out, double percent)
{
    int decimals = percent >= 1 ? 1 : 2;
    for (double left = percent; left > 0 && left < 0.1 && decimals < 9; left *= 10)
        decimals++;
    mcr_buf_printf(out, "%.*f", decimals, percent);
}

static double percent_of(const mcr_diff_result *r)
{
    return r->events ? 100. * (double)r->changed / (double)r->events : 0;
}

static void put_summary(mcr_buf *out, const mcr_diff_result *r)
{
    if (r->changed) {
        put_percent(out, percent_of(r));
        mcr_buf_puts(out, " % of ");
        put_count(out, r->events);
        mcr_buf_puts(out, r->events == 1 ? " event change: " : " events change: ");
        put_count(out, r->changed);
        mcr_buf_putc(out, '\n');
        return;
    }
    mcr_buf_puts(out, "none of ");
    put_count(out, r->events);
    mcr_buf_printf(out, " event%s changes%s\n", r->events == 1 ? "" : "s",
                   r->differs ? ", but there are differences" : "");
}

static const char *source_of(const mcr_diff_result *r, const mcr_difference_example *e)
{
    const char *name = e->source < r->source_n ? r->sources[e->source] : "-";
    return strcmp(name, "-") == 0 ? "stdin" : name;
}

// What comes from events and scripts must not move the cursor.
static void put_plain(mcr_buf *out, const char *text)
{
    mcr_go_escape(out, mcr_str_of(text), false);
}

// Each line of `text` after the first is indented as the first is.
static void put_side(mcr_buf *out, const char *side, const char *text)
{
    mcr_buf_printf(out, "      %s  ", side);
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        mcr_go_escape(out, mcr_str_n(text, (size_t)(end - text)), false);
        mcr_buf_puts(out, "\n           ");
    }
    put_plain(out, text);
    mcr_buf_putc(out, '\n');
}

static void put_example(mcr_buf *out, const mcr_diff_result *r, const mcr_difference_example *e)
{
    mcr_buf_puts(out, "    ");
    put_plain(out, e->event);
    if (e->record) {
        mcr_buf_puts(out, "  (");
        put_plain(out, source_of(r, e));
        mcr_buf_printf(out, ", event %" PRIu64 ")", e->record);
    }
    mcr_buf_putc(out, '\n');
    put_side(out, "old", e->before);
    put_side(out, "new", e->after);
}

void mcr_diff_text(mcr_buf *out, const mcr_diff_result *r)
{
    put_summary(out, r);
    const char *watcher = "";
    for (size_t i = 0; i < mcr_differences_count(r->differences); i++) {
        const mcr_difference *g = mcr_differences_at(r->differences, i);
        if (strcmp(watcher, g->watcher) != 0) {
            put_plain(out, g->watcher);
            mcr_buf_putc(out, '\n');
        }
        watcher = g->watcher;
        mcr_buf_printf(out, "  %s: ", g->hook);
        put_plain(out, g->decision);
        if (g->rank != MCR_RANK_ERRORS) {
            mcr_buf_puts(out, "  × ");
            put_count(out, g->n);
        }
        mcr_buf_putc(out, '\n');
        for (size_t k = 0; k < g->example_n; k++)
            put_example(out, r, &g->examples[k]);
    }
}

static cJSON *json_example(const mcr_diff_result *r, const mcr_difference_example *e)
{
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "event", e->event);
    if (e->record) {
        cJSON_AddStringToObject(out, "source", source_of(r, e));
        cJSON_AddNumberToObject(out, "record", (double)e->record);
    }
    cJSON_AddStringToObject(out, "old", e->before);
    cJSON_AddStringToObject(out, "new", e->after);
    return out;
}

static cJSON *json_group(const mcr_diff_result *r, const mcr_difference *g)
{
    cJSON *out = cJSON_CreateObject();
    if (*g->watcher)
        cJSON_AddStringToObject(out, "watcher", g->watcher);
    cJSON_AddStringToObject(out, "hook", g->hook);
    cJSON_AddStringToObject(out, "decision", g->decision);
    if (g->rank != MCR_RANK_ERRORS)
        cJSON_AddNumberToObject(out, "times", (double)g->n);
    cJSON *examples = cJSON_AddArrayToObject(out, "examples");
    for (size_t k = 0; k < g->example_n; k++)
        cJSON_AddItemToArray(examples, json_example(r, &g->examples[k]));
    return out;
}

void mcr_diff_json(mcr_buf *out, const mcr_diff_result *r)
{
    cJSON *all = cJSON_CreateObject();
    cJSON_AddNumberToObject(all, "events", (double)r->events);
    cJSON_AddNumberToObject(all, "changed", (double)r->changed);
    cJSON_AddNumberToObject(all, "percent", percent_of(r));
    cJSON_AddBoolToObject(all, "differs", r->differs);
    cJSON *groups = cJSON_AddArrayToObject(all, "groups");
    for (size_t i = 0; i < mcr_differences_count(r->differences); i++)
        cJSON_AddItemToArray(groups, json_group(r, mcr_differences_at(r->differences, i)));
    char *text = cJSON_PrintUnformatted(all);
    mcr_buf_puts(out, text);
    mcr_buf_putc(out, '\n');
    cJSON_free(text);
    cJSON_Delete(all);
}
