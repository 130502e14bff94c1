#include "daemon/hook_figures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "event/encode.h"
#include "script/script_sink.h"

typedef struct taking {
    mcr_hook_figures *to;
    const char *sink;
} taking;

static void take(void *arg, const char *stage, const char *script, const mcr_hook_cost_sums *cost)
{
    const taking *t = arg;
    mcr_hook_figures *f = t->to;
    f->hooks = mcr_realloc(f->hooks, (f->n + 1) * sizeof *f->hooks);
    f->hooks[f->n++] =
        (mcr_hook_figure){ stage, mcr_strdup(script), t->sink ? mcr_strdup(t->sink) : NULL, *cost };
}

void mcr_hook_figures_take(mcr_hook_figures *to, const mcr_watcher *w, const mcr_scripts *scripts)
{
    taking t = { to, NULL };
    if (scripts)
        mcr_scripts_each_cost(scripts, take, &t);
    for (uint32_t i = 0; i < mcr_watcher_sink_count(w); i++) {
        const mcr_sink *sink = mcr_watcher_sink(w, i);
        mcr_scripts *own = mcr_script_sink_scripts(sink);
        t.sink = sink->name;
        if (own)
            mcr_scripts_each_cost(own, take, &t);
    }
}

void mcr_hook_figures_fini(mcr_hook_figures *f)
{
    for (uint32_t i = 0; i < f->n; i++) {
        free(f->hooks[i].script);
        free(f->hooks[i].sink);
    }
    free(f->hooks);
}

static void write_spread(mcr_buf *out, const char *name, const mcr_hook_cost_spread *s)
{
    mcr_buf_printf(out, ",\"%s\":{\"p50\":%" PRIu64 ",\"p99\":%" PRIu64 ",\"max\":%" PRIu64 "}",
                   name, s->p50, s->p99, s->max);
}

void mcr_hook_figures_write(mcr_buf *out, const mcr_hook_figures *f)
{
    mcr_buf_putc(out, '[');
    for (uint32_t i = 0; i < f->n; i++) {
        const mcr_hook_figure *h = &f->hooks[i];
        mcr_buf_printf(out, "%s{\"hook\":\"%s\",\"script\":", i ? "," : "", h->stage);
        mcr_json_string(out, mcr_str_of(h->script));
        mcr_buf_puts(out, ",\"sink\":");
        if (h->sink)
            mcr_json_string(out, mcr_str_of(h->sink));
        else
            mcr_buf_puts(out, "null");
        mcr_buf_printf(out,
                       ",\"calls\":%" PRIu64 ",\"measured\":%" PRIu64 ",\"ns\":%" PRIu64
                       ",\"bytes\":%" PRIu64,
                       h->cost.calls, h->cost.measured, h->cost.ns, h->cost.bytes);
        write_spread(out, "ns_per_call", &h->cost.time);
        write_spread(out, "bytes_per_call", &h->cost.memory);
        mcr_buf_putc(out, '}');
    }
    mcr_buf_putc(out, ']');
}

//
// For people
//

typedef struct cell {
    char text[24];
} cell;

static cell scaled(double n, const char *const units[4], double step)
{
    int unit = 0;
    while (n >= step && unit < 3) {
        n /= step;
        unit++;
    }
    cell c;
    snprintf(c.text, sizeof c.text, n < 10 && unit ? "%.1f %s" : "%.0f %s", n, units[unit]);
    return c;
}

static cell time_cell(uint64_t ns)
{
    static const char *const units[4] = { "ns", "us", "ms", "s" };
    return scaled((double)ns, units, 1000);
}

static cell size_cell(uint64_t bytes)
{
    static const char *const units[4] = { "B", "KiB", "MiB", "GiB" };
    return scaled((double)bytes, units, 1024);
}

static void write_row(mcr_buf *out, const mcr_hook_figure *h)
{
    const mcr_hook_cost_sums *c = &h->cost;
    mcr_buf_printf(out, "  %-17s %12" PRIu64, h->stage, c->calls);
    const cell times[] = { time_cell(c->ns), time_cell(c->time.p50), time_cell(c->time.p99),
                           time_cell(c->time.max) };
    const cell sizes[] = { size_cell(c->bytes), size_cell(c->memory.p50), size_cell(c->memory.p99),
                           size_cell(c->memory.max) };
    for (size_t i = 0; i < 4; i++)
        mcr_buf_printf(out, " %9s", times[i].text);
    for (size_t i = 0; i < 4; i++)
        mcr_buf_printf(out, " %9s", sizes[i].text);
    mcr_buf_printf(out, "  %s", h->script);
    if (h->sink)
        mcr_buf_printf(out, " (sink %s)", h->sink);
    mcr_buf_putc(out, '\n');
}

void mcr_hook_figures_write_text(mcr_buf *out, const mcr_hook_figures *f)
{
    if (f->n)
        mcr_buf_printf(out, "  %-17s %12s %9s %9s %9s %9s %9s %9s %9s %9s  %s\n", "hook", "calls",
                       "time", "p50", "p99", "max", "allocated", "p50", "p99", "max", "script");
    for (uint32_t i = 0; i < f->n; i++)
        write_row(out, &f->hooks[i]);
}
