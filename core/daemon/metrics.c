#include "daemon/metrics.h"

#include <inttypes.h>

#include "build.h"
#include "daemon/ledger_sums.h"

static void family(mcr_buf *out, const char *name, const char *type, const char *help)
{
    mcr_buf_printf(out, "# HELP mooncrier_%s %s\n# TYPE mooncrier_%s %s\n", name, help, name, type);
}

static void label(mcr_buf *out, const char *before, const char *name, const char *value)
{
    mcr_buf_printf(out, "%s%s=\"", before, name);
    for (const char *at = value; *at; at++) {
        if (*at == '\\' || *at == '"')
            mcr_buf_putc(out, '\\');
        if (*at == '\n')
            mcr_buf_puts(out, "\\n");
        else
            mcr_buf_putc(out, *at);
    }
    mcr_buf_putc(out, '"');
}

static void plain(mcr_buf *out, const char *name, uint64_t n)
{
    mcr_buf_printf(out, "mooncrier_%s %" PRIu64 "\n", name, n);
}

// Whose counters: a stage of the ledger.
typedef struct owner {
    const char *family;
    const char *watcher; // NULL: no such label
    const char *kind;    // the label of `name`: "source"
    const char *name;    // NULL: no such label
} owner;

static void sample(mcr_buf *out, const owner *o, const char *outcome, uint64_t n)
{
    mcr_buf_printf(out, "mooncrier_%s", o->family);
    const char *before = "{";
    if (o->watcher) {
        label(out, before, "watcher", o->watcher);
        before = ",";
    }
    if (o->name) {
        label(out, before, o->kind, o->name);
        before = ",";
    }
    if (outcome) {
        label(out, before, "outcome", outcome);
        before = ",";
    }
    mcr_buf_printf(out, "%s %" PRIu64 "\n", *before == ',' ? "}" : "", n);
}

// The terms of a sum, one outcome each; those of what waits are no counters.
static void outcomes(mcr_buf *out, const owner *o, const mcr_sum *sum)
{
    for (int i = 0; i < sum->terms; i++)
        if (strcmp(sum->term[i].name, "queued") != 0 && strcmp(sum->term[i].name, "in_flight") != 0)
            sample(out, o, sum->term[i].name, sum->term[i].n);
}

static void write_sinks(mcr_buf *out, const mcr_ledger *l)
{
    family(out, "sink_events_total", "counter", "What became of events assigned to a sink.");
    for (uint32_t i = 0; i < l->watcher_n; i++)
        for (uint32_t k = 0; k < l->watchers[i].sink_n; k++) {
            const mcr_ledger_sink *s = &l->watchers[i].sinks[k];
            mcr_sum sum = mcr_sum_of_sink(&s->counts);
            outcomes(out, &(owner){ "sink_events_total", l->watchers[i].name, "sink", s->name },
                     &sum);
        }
    family(out, "sink_in_flight", "gauge", "Events that wait in a sink or are under way.");
    for (uint32_t i = 0; i < l->watcher_n; i++)
        for (uint32_t k = 0; k < l->watchers[i].sink_n; k++) {
            const mcr_ledger_sink *s = &l->watchers[i].sinks[k];
            sample(out, &(owner){ "sink_in_flight", l->watchers[i].name, "sink", s->name }, NULL,
                   s->counts.in_flight);
        }
}

static void write_watchers(mcr_buf *out, const mcr_ledger *l)
{
    family(out, "watcher_events_total", "counter", "What became of events offered to a watcher.");
    for (uint32_t i = 0; i < l->watcher_n; i++) {
        mcr_sum sum = mcr_sum_of_offered(&l->watchers[i]);
        outcomes(out, &(owner){ "watcher_events_total", l->watchers[i].name, NULL, NULL }, &sum);
    }
    family(out, "watcher_queued", "gauge", "Events that wait in the queue of a watcher.");
    for (uint32_t i = 0; i < l->watcher_n; i++)
        sample(out, &(owner){ "watcher_queued", l->watchers[i].name, NULL, NULL }, NULL,
               l->watchers[i].watch.queued);
    family(out, "script_failures_total", "counter", "Failures of the scripts of a watcher.");
    for (uint32_t i = 0; i < l->watcher_n; i++) {
        const mcr_script_counts *c = &l->watchers[i].scripts;
        const owner o = { "script_failures_total", l->watchers[i].name, NULL, NULL };
        sample(out, &o, "error", c->script_errors);
        sample(out, &o, "deadline", c->deadlines);
        sample(out, &o, "memory", c->memory_full);
        sample(out, &o, "breaker", c->breaker_trips);
        sample(out, &o, "emit_full", c->emit_full);
        sample(out, &o, "unknown_sink", c->unknown_sinks);
    }
}

static void write_ledger(mcr_buf *out, const mcr_ledger *l)
{
    family(out, "source_events_total", "counter", "What became of what a source received.");
    for (uint32_t i = 0; i < l->source_n; i++) {
        mcr_sum sum = mcr_sum_of_source(&l->sources[i].counts);
        outcomes(out, &(owner){ "source_events_total", NULL, "source", l->sources[i].name }, &sum);
    }
    family(out, "broadcaster_events_total", "counter", "What became of accepted events.");
    mcr_sum sum = mcr_sum_of_broadcaster(&l->broadcaster);
    outcomes(out, &(owner){ "broadcaster_events_total", NULL, NULL, NULL }, &sum);
    write_watchers(out, l);
    write_sinks(out, l);
    family(out, "recorded_total", "counter", "Events about mooncrier itself.");
    plain(out, "recorded_total", l->recorded);
    if (l->has_dead_letters) {
        family(out, "dead_letters_total", "counter", "Events written to the dead letters.");
        plain(out, "dead_letters_total", l->dead_letters);
    }
}

typedef struct hook_labels {
    const mcr_census_watcher *watcher;
    const mcr_hook_figure *hook;
} hook_labels;

static void hook_sample(mcr_buf *out, const char *name, const hook_labels *of, const char *quantile,
                        double n)
{
    mcr_buf_printf(out, "mooncrier_%s", name);
    label(out, "{", "watcher", of->watcher->name);
    label(out, ",", "script", of->hook->script);
    label(out, ",", "sink", of->hook->sink ? of->hook->sink : "");
    label(out, ",", "hook", of->hook->stage);
    if (quantile)
        label(out, ",", "quantile", quantile);
    mcr_buf_printf(out, "} %.9g\n", n);
}

static void time_of_hook(mcr_buf *out, const hook_labels *of)
{
    const mcr_hook_cost_sums *c = &of->hook->cost;
    hook_sample(out, "hook_seconds", of, "0.5", (double)c->time.p50 / 1e9);
    hook_sample(out, "hook_seconds", of, "0.99", (double)c->time.p99 / 1e9);
    hook_sample(out, "hook_seconds_sum", of, NULL, (double)c->ns / 1e9);
    hook_sample(out, "hook_seconds_count", of, NULL, (double)c->calls);
}

static void longest_of_hook(mcr_buf *out, const hook_labels *of)
{
    hook_sample(out, "hook_seconds_max", of, NULL, (double)of->hook->cost.time.max / 1e9);
}

static void memory_of_hook(mcr_buf *out, const hook_labels *of)
{
    const mcr_hook_cost_sums *c = &of->hook->cost;
    hook_sample(out, "hook_allocated_bytes", of, "0.5", (double)c->memory.p50);
    hook_sample(out, "hook_allocated_bytes", of, "0.99", (double)c->memory.p99);
    hook_sample(out, "hook_allocated_bytes_sum", of, NULL, (double)c->bytes);
    hook_sample(out, "hook_allocated_bytes_count", of, NULL, (double)c->calls);
}

static void most_of_hook(mcr_buf *out, const hook_labels *of)
{
    hook_sample(out, "hook_allocated_bytes_max", of, NULL, (double)of->hook->cost.memory.max);
}

static void write_hooks(mcr_buf *out, const mcr_census_result *counted)
{
    static const struct {
        const char *name, *type, *help;
        void (*write)(mcr_buf *out, const hook_labels *of);
    } families[] = {
        { "hook_seconds", "summary", "Time of calls of a hook, sampled.", time_of_hook },
        { "hook_seconds_max", "gauge", "The longest call of a hook.", longest_of_hook },
        { "hook_allocated_bytes", "summary", "Memory that calls of a hook took, sampled.",
          memory_of_hook },
        { "hook_allocated_bytes_max", "gauge", "The most that a measured call of a hook took.",
          most_of_hook },
    };
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        family(out, families[f].name, families[f].type, families[f].help);
        for (uint32_t i = 0; i < counted->watcher_n; i++) {
            const mcr_census_watcher *w = &counted->watchers[i];
            for (uint32_t k = 0; k < w->hooks->n && !w->leaving; k++)
                families[f].write(out, &(hook_labels){ w, &w->hooks->hooks[k] });
        }
    }
}

void mcr_metrics_write(mcr_buf *out, const mcr_live *live, const mcr_census_result *counted)
{
    const mcr_reload_status reload = mcr_reload_status_now(live->reload);
    const char *why;
    mcr_ledger ledger = *counted->ledger;
    ledger.recorded = live->recorded;
    family(out, "build_info", "gauge", "Always 1.");
    mcr_buf_printf(out, "mooncrier_build_info{version=\"%s\"} 1\n", MCR_VERSION);
    family(out, "ready", "gauge", "Whether it takes events.");
    plain(out, "ready", mcr_live_is_ready(live, &why));
    family(out, "last_good", "gauge", "Whether it runs on the last good set of files.");
    plain(out, "last_good", live->last_good != NULL);
    family(out, "generation", "gauge", "Number of the generation that runs.");
    plain(out, "generation", reload.generation->number);
    family(out, "reloads_total", "counter", "Reloads by what came of them.");
    mcr_buf_printf(out,
                   "mooncrier_reloads_total{outcome=\"succeeded\"} %" PRIu64
                   "\nmooncrier_reloads_total{outcome=\"failed\"} %" PRIu64 "\n",
                   reload.succeeded, reload.failed);
    family(out, "watcher_up", "gauge", "Whether a watcher gave its counters.");
    for (uint32_t i = 0; i < counted->watcher_n; i++)
        if (!counted->watchers[i].leaving) // another one may have its name
            sample(out, &(owner){ "watcher_up", counted->watchers[i].name, NULL, NULL }, NULL,
                   !counted->watchers[i].silent);
    write_hooks(out, counted);
    write_ledger(out, &ledger);
}
