#include "cli/simulate_output.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sink/go_duration.h"
#include "sink/table.h"

// What is said of a setting, in the order of the columns.
enum {
    WRITES,
    CREATES,
    PATCHES,
    SUPPRESSED,
    AGGREGATED,
    DELAYED,
    UNSEEN,
    COUNTS
};

static const char *const count_names[COUNTS] = { "writes",     "creates", "patches", "suppressed",
                                                 "aggregated", "delayed", "unseen" };

enum {
    LATENCIES = 3
};

static const char *const latency_names[LATENCIES] = { "p50", "p99", "max" };

static void counts_of(const mcr_simulated *r, uint64_t out[COUNTS])
{
    out[WRITES] = r->creates + r->patches;
    out[CREATES] = r->creates;
    out[PATCHES] = r->patches;
    out[SUPPRESSED] = r->suppressed;
    out[AGGREGATED] = r->aggregated;
    out[DELAYED] = r->delayed;
    out[UNSEEN] = r->unseen;
}

static void latencies_of(const mcr_simulated *r, int64_t out[LATENCIES])
{
    out[0] = r->latency_p50;
    out[1] = r->latency_p99;
    out[2] = r->latency_max;
}

static void upper(mcr_buf *out, const char *name)
{
    for (; *name; name++)
        mcr_buf_putc(out, (char)toupper((unsigned char)*name));
}

static mcr_table *new_table(const mcr_grid *g)
{
    mcr_buf titles = { 0 };
    size_t n = 0;
    for (size_t a = 0; a < g->axis_n; a++, n++) {
        upper(&titles, g->axes[a].option->name);
        mcr_buf_putc(&titles, '\0');
    }
    for (size_t i = 0; i < COUNTS; i++, n++) {
        upper(&titles, count_names[i]);
        mcr_buf_putc(&titles, '\0');
    }
    for (size_t i = 0; i < LATENCIES; i++, n++) {
        mcr_buf_puts(&titles, "LATENCY-");
        upper(&titles, latency_names[i]);
        mcr_buf_putc(&titles, '\0');
    }
    const char *names[MCR_GRID_AXES + COUNTS + LATENCIES];
    const char *at = titles.ptr;
    for (size_t i = 0; i < n; i++, at += strlen(at) + 1)
        names[i] = at;
    mcr_table *t = mcr_table_new(names, n);
    mcr_buf_fini(&titles);
    return t;
}

void mcr_simulate_table(mcr_buf *out, const mcr_grid *g, const mcr_simulation *s)
{
    mcr_table *t = new_table(g);
    mcr_buf cell = { 0 };
    for (size_t i = 0; i < g->n; i++) {
        mcr_simulated r = mcr_simulation_result(s, i);
        uint64_t counts[COUNTS];
        int64_t latencies[LATENCIES];
        counts_of(&r, counts);
        latencies_of(&r, latencies);
        for (size_t a = 0; a < g->axis_n; a++)
            mcr_table_cell(t, mcr_str_of(g->axes[a].values[mcr_grid_value(g, a, i)]));
        for (size_t k = 0; k < COUNTS; k++) {
            cell.len = 0;
            mcr_buf_printf(&cell, "%" PRIu64, counts[k]);
            mcr_table_cell(t, mcr_buf_str(&cell));
        }
        for (size_t k = 0; k < LATENCIES; k++) {
            cell.len = 0;
            if (r.delayed)
                mcr_go_duration(&cell, latencies[k]);
            else
                mcr_buf_putc(&cell, '-');
            mcr_table_cell(t, mcr_buf_str(&cell));
        }
        mcr_table_end_row(t, out);
    }
    mcr_table_flush(t, out);
    mcr_table_free(t);
    mcr_buf_fini(&cell);
}

static void seconds(mcr_buf *out, int64_t ns)
{
    mcr_buf_printf(out, "%.9g", (double)ns / 1e9);
}

void mcr_simulate_csv(mcr_buf *out, const mcr_grid *g, const mcr_simulation *s)
{
    for (size_t a = 0; a < g->axis_n; a++)
        mcr_buf_printf(out, "%s,", g->axes[a].option->name);
    for (size_t k = 0; k < COUNTS; k++)
        mcr_buf_printf(out, "%s,", count_names[k]);
    for (size_t k = 0; k < LATENCIES; k++)
        mcr_buf_printf(out, "latency_%s%s", latency_names[k], k + 1 < LATENCIES ? "," : "\n");
    for (size_t i = 0; i < g->n; i++) {
        mcr_simulated r = mcr_simulation_result(s, i);
        uint64_t counts[COUNTS];
        int64_t latencies[LATENCIES];
        counts_of(&r, counts);
        latencies_of(&r, latencies);
        // No value of an option has a comma or a quote: one that had would not be understood.
        for (size_t a = 0; a < g->axis_n; a++)
            mcr_buf_printf(out, "%s,", g->axes[a].values[mcr_grid_value(g, a, i)]);
        for (size_t k = 0; k < COUNTS; k++)
            mcr_buf_printf(out, "%" PRIu64 ",", counts[k]);
        for (size_t k = 0; k < LATENCIES; k++) {
            if (r.delayed)
                seconds(out, latencies[k]);
            mcr_buf_putc(out, k + 1 < LATENCIES ? ',' : '\n');
        }
    }
}

static cJSON *json_of(const mcr_grid *g, const mcr_simulation *s, size_t i)
{
    mcr_simulated r = mcr_simulation_result(s, i);
    uint64_t counts[COUNTS];
    int64_t latencies[LATENCIES];
    counts_of(&r, counts);
    latencies_of(&r, latencies);
    cJSON *row = cJSON_CreateObject();
    cJSON *setting = cJSON_AddObjectToObject(row, "setting");
    for (size_t a = 0; a < g->axis_n; a++) {
        const char *name = g->axes[a].option->name;
        const char *text = g->axes[a].values[mcr_grid_value(g, a, i)];
        char *end;
        double number = strtod(text, &end);
        if (g->axes[a].option->type == MCR_OPTION_BOOL)
            cJSON_AddBoolToObject(setting, name, *text == 't');
        else if (!*end)
            cJSON_AddNumberToObject(setting, name, number);
        else
            cJSON_AddStringToObject(setting, name, text);
    }
    for (size_t k = 0; k < COUNTS; k++)
        cJSON_AddNumberToObject(row, count_names[k], (double)counts[k]);
    if (!r.delayed) {
        cJSON_AddNullToObject(row, "latency");
        return row;
    }
    cJSON *latency = cJSON_AddObjectToObject(row, "latency");
    for (size_t k = 0; k < LATENCIES; k++)
        cJSON_AddNumberToObject(latency, latency_names[k], (double)latencies[k] / 1e9);
    return row;
}

void mcr_simulate_json(mcr_buf *out, const mcr_grid *g, const mcr_simulation *s)
{
    cJSON *all = cJSON_CreateObject();
    cJSON_AddNumberToObject(all, "events", (double)mcr_simulation_result(s, 0).events);
    cJSON_AddNumberToObject(all, "distinct", (double)mcr_simulation_distinct(s));
    cJSON *rows = cJSON_AddArrayToObject(all, "settings");
    for (size_t i = 0; i < g->n; i++)
        cJSON_AddItemToArray(rows, json_of(g, s, i));
    char *text = cJSON_PrintUnformatted(all);
    mcr_buf_puts(out, text);
    mcr_buf_putc(out, '\n');
    cJSON_free(text);
    cJSON_Delete(all);
}
