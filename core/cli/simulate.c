#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/suggest.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/recording.h"
#include "cli/simulate_output.h"
#include "event/time.h"
#include "rehearse/rehearsal.h"

typedef struct simulate_flags {
    mcr_flag_texts grid;
    const char *output;
    const char *svg;
    const char *config;
    const char *watcher;
    const char *event_limit;
    int verbose;
    int quiet;
} simulate_flags;

typedef struct run {
    mcr_grid grid;
    mcr_simulation *simulation; // NULL: not begun
    mcr_generation *generation; // of the configuration, until it is rehearsed; NULL: there is none
    mcr_rehearsal *rehearsal;   // its watchers at work; NULL: events go straight to the simulation
    uint32_t watcher;           // whose correlator is simulated
    uint64_t events;            // read
    bool failed;                // the scripts did not load
    int64_t first;              // time of the first event, Unix ns; 0: none yet
    int64_t last;               // the latest time
    uint64_t late;              // events older than one before them
} run;

static const char about[] =
    "Says what other settings of the correlator would do to recorded events: each --grid gives an\n"
    "option of `correlate` the values to be tried, all combinations are run over the same events,\n"
    "in event time, and each is a row: writes to the API (creates and patches), events suppressed\n"
    "by the spam filter, events aggregated (combined with similar ones). Of the distinct events\n"
    "(by reporter, object, type, reason and message), DELAYED were written later than they\n"
    "occurred first, since their first occurrence was suppressed; LATENCY is how much later.\n"
    "UNSEEN ones were never written.\n"
    "\n"
    "Options: burst_size (or burst), qps, max_events, max_interval, lru_cache_size, spam_filter,\n"
    "aggregate; the others are the defaults, or with -c or --watcher those of a watcher of the\n"
    "configuration, whose scripts then filter and change the events and make the keys.\n"
    "Reads the FILEs in order, or standard input, as `eval` does.";

static const char examples[] =
    "  # six settings, as a table and as a picture\n"
    "  mooncrier simulate --grid burst=5,25,100 --grid max_events=10,50 --svg out.svg "
    "events.jsonl\n"
    "  # the correlator of a configuration\n"
    "  mooncrier simulate -c mooncrier.lua --watcher record --grid qps=6/h,12/h,1/m events.jsonl\n"
    "  # with and without the spam filter, for a script\n"
    "  mooncrier simulate --grid spam_filter=true,false -o csv events.jsonl.gz";

// What the watcher's hooks have let through comes to its correlator.
static void on_correlated(void *self, const mcr_rehearsal_place *at, mcr_event *ev,
                          const mcr_correlated *out, mcr_correlator *correlator)
{
    (void)out, (void)correlator;
    run *r = self;
    if (at->watcher == r->watcher)
        mcr_simulation_step(r->simulation, ev, at->now);
}

// Begins at the time of the first event. False: the scripts do not load, which was logged.
static bool begin(run *r, int64_t start)
{
    if (r->generation) {
        mcr_errbuf err;
        const mcr_rehearsal_options options = {
            .start = start, .observer = { .self = r, .correlated = on_correlated }
        };
        r->rehearsal = mcr_rehearsal_new_take(r->generation, &options, &err);
        r->generation = NULL;
        if (!r->rehearsal) {
            mcr_log(MCR_LOG_ERROR, "%s", err.text);
            r->failed = true;
            return false;
        }
        mcr_scripts *scripts = mcr_rehearsal_scripts(r->rehearsal, r->watcher);
        for (size_t i = 0; scripts && i < r->grid.n; i++)
            mcr_scripts_correlator_hooks(scripts, &r->grid.settings[i]);
    }
    r->simulation = mcr_simulation_new(r->grid.settings, r->grid.n);
    return true;
}

static bool on_events(void *self, mcr_event *const *events, uint32_t n)
{
    run *r = self;
    if (!r->simulation && !begin(r, mcr_rehearsal_time_of(events[0], 0)))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        int64_t at = mcr_rehearsal_time_of(events[i], r->last);
        if (!r->events++)
            r->first = r->last = at;
        r->late += at < r->last;
        r->last = at > r->last ? at : r->last;
        if (!r->rehearsal)
            mcr_simulation_step(r->simulation, events[i], r->last);
    }
    if (r->rehearsal)
        mcr_rehearsal_step(r->rehearsal, events, n);
    return true;
}

static bool write_file(const char *path, const mcr_buf *text)
{
    FILE *file = fopen(path, "wb");
    bool done = file && fwrite(text->ptr, 1, text->len, file) == text->len;
    if (file && fclose(file) != 0)
        done = false;
    if (!done)
        mcr_log(MCR_LOG_ERROR, "%s: %s", path, strerror(errno));
    return done;
}

// "346 events, 2026-11-23T05:01:40Z to 2026-11-23T06:11:02Z; 320 distinct". Those out of order are
// taken as if they came at the time of the latest before them.
static void describe(mcr_buf *out, const run *r)
{
    mcr_buf_printf(out, "%" PRIu64 " event%s", r->events, r->events == 1 ? "" : "s");
    if (r->events) {
        mcr_buf_puts(out, ", ");
        mcr_time_format(out, mcr_time_of(r->first).sec, 0, 0);
        mcr_buf_puts(out, " to ");
        mcr_time_format(out, mcr_time_of(r->last).sec, 0, 0);
    }
    if (r->late)
        mcr_buf_printf(out, ", %" PRIu64 " out of order", r->late);
    if (r->rehearsal)
        mcr_buf_printf(out, "; %" PRIu64 " to the correlator of '%s'",
                       mcr_simulation_result(r->simulation, 0).events,
                       mcr_watcher_name(mcr_rehearsal_watcher(r->rehearsal, r->watcher)));
    mcr_buf_printf(out, "; %" PRIu64 " distinct", mcr_simulation_distinct(r->simulation));
}

static void warn(const run *r)
{
    uint64_t events = mcr_simulation_result(r->simulation, 0).events;
    uint64_t unknown = mcr_simulation_not_followed(r->simulation);
    if (unknown)
        mcr_log(MCR_LOG_WARN,
                "more than %d distinct events: DELAYED, UNSEEN and LATENCY do not know of %" PRIu64
                " of %" PRIu64 " events",
                MCR_SIMULATION_DISTINCT, unknown, events);
}

static int report(const run *r, const simulate_flags *flags)
{
    mcr_buf what = { 0 }, text = { 0 };
    describe(&what, r);
    mcr_log(MCR_LOG_INFO, "%s", mcr_buf_cstr(&what));
    warn(r);
    if (strcmp(flags->output, "json") == 0)
        mcr_simulate_json(&text, &r->grid, r->simulation);
    else if (strcmp(flags->output, "csv") == 0)
        mcr_simulate_csv(&text, &r->grid, r->simulation);
    else
        mcr_simulate_table(&text, &r->grid, r->simulation);
    bool done = mcr_print(&text);
    if (flags->svg) {
        text.len = 0;
        mcr_simulate_plot(&text, &r->grid, r->simulation, mcr_buf_cstr(&what));
        done = write_file(flags->svg, &text) && done;
    }
    mcr_buf_fini(&what);
    mcr_buf_fini(&text);
    return done ? MCR_EXIT_OK : MCR_EXIT_FAILED;
}

static bool is_output(const char *name)
{
    return strcmp(name, "table") == 0 || strcmp(name, "json") == 0 || strcmp(name, "csv") == 0;
}

static mcr_err no_watcher(const mcr_config *config, const char *wanted, mcr_errbuf *err)
{
    const char *names[64];
    mcr_buf list = { 0 };
    uint32_t n = config->watcher_n < 64 ? config->watcher_n : 64;
    for (uint32_t i = 0; i < n; i++) {
        names[i] = config->watchers[i].name;
        mcr_buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
    }
    const char *meant = wanted ? mcr_suggest(wanted, names, n) : NULL;
    if (meant)
        mcr_errf(err, MCR_EINVAL, "%s has no watcher '%s'; did you mean '%s'?", config->path,
                 wanted, meant);
    else if (wanted)
        mcr_errf(err, MCR_EINVAL, "%s has no watcher '%s' (it has %s)", config->path, wanted,
                 mcr_buf_cstr(&list));
    else
        mcr_errf(err, MCR_EINVAL, "--watcher is missing: which one of %s?", mcr_buf_cstr(&list));
    mcr_buf_fini(&list);
    return MCR_EINVAL;
}

// The watcher of that name; without one the only one, or the only one that correlates.
static mcr_err find_watcher(run *r, const char *wanted, mcr_errbuf *err)
{
    const mcr_config *config = r->generation->config;
    uint32_t n = 0;
    for (uint32_t i = 0; i < config->watcher_n; i++) {
        const mcr_config_watcher *w = &config->watchers[i];
        if (wanted ? strcmp(w->name, wanted) == 0 : config->watcher_n == 1 || w->correlates) {
            r->watcher = i;
            n++;
        }
    }
    if (n != 1)
        return no_watcher(config, wanted, err);
    mcr_config_watcher *w = &config->watchers[r->watcher];
    if (!mcr_config_watcher_sinks(w))
        return mcr_errf(err, MCR_EINVAL,
                        "watcher '%s' has no sinks, and correlates nothing for that reason",
                        w->name);
    w->correlates = true;
    return MCR_OK;
}

// Reads the configuration, if one is asked for, and the grids over the setting of its watcher.
static mcr_err prepare(run *r, const simulate_flags *flags, mcr_errbuf *err)
{
    mcr_correlator_options base = mcr_correlator_default_options;
    mcr_err code = MCR_OK;
    if (flags->config || flags->watcher) {
        r->generation = mcr_generation_new(NULL);
        code = mcr_generation_read(r->generation, flags->config, err);
        if (!code)
            code = find_watcher(r, flags->watcher, err);
        if (!code)
            base = r->generation->config->watchers[r->watcher].correlate;
    }
    return code ? code : mcr_grid_read(&r->grid, &flags->grid, &base, err);
}

static int read_and_report(run *r, const simulate_flags *flags, const mcr_args *args, size_t limit)
{
    mcr_recording_end end = mcr_recording_read(&(mcr_recording){ .paths = args->operands,
                                                                 .n = args->n,
                                                                 .event_limit = limit,
                                                                 .take = on_events,
                                                                 .self = r });
    if (!r->simulation && !r->failed)
        begin(r, 0);
    if (r->failed)
        return MCR_EXIT_CONFIG;
    if (r->rehearsal)
        mcr_rehearsal_finish(r->rehearsal);
    int code = report(r, flags);
    if (!mcr_recording_whole(&end))
        code = MCR_EXIT_FAILED;
    mcr_recording_die(&end);
    return code;
}

static int simulate(const mcr_usage *usage, const simulate_flags *flags, const mcr_args *args)
{
    size_t limit;
    if (!is_output(flags->output))
        return mcr_args_usage_error(usage, "--output must be table, json or csv, not '%s'",
                                    flags->output);
    int code = mcr_recording_limit(usage, flags->event_limit, &limit);
    if (code)
        return code;
    if (flags->svg && strcmp(flags->svg, "-") == 0)
        return mcr_args_usage_error(usage, "--svg must be a file, not '-'");
    run *r = mcr_zalloc(sizeof *r);
    mcr_errbuf err;
    mcr_err wrong = prepare(r, flags, &err);
    if (wrong == MCR_EINVAL) {
        code = mcr_args_usage_error(usage, "%s", err.text);
    } else if (wrong) {
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
        code = MCR_EXIT_CONFIG;
    } else {
        code = read_and_report(r, flags, args, limit);
    }
    mcr_simulation_free(r->simulation);
    mcr_rehearsal_free(r->rehearsal);
    mcr_generation_free(r->generation);
    mcr_grid_fini(&r->grid);
    free(r);
    return code;
}

int mcr_cmd_simulate(int argc, char **argv)
{
    simulate_flags opt = { .output = "table", .event_limit = MCR_EVENT_LIMIT };
    const mcr_flag flags[] = {
        { "grid", 0, "NAME=VALUES", MCR_FLAG_TEXTS, &opt.grid,
          "values of an option to be tried, with commas; for several options, again" },
        { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &opt.output, "table (default), json or csv" },
        MCR_FLAG_CONFIG(&opt.config),
        { "watcher", 0, "NAME", MCR_FLAG_TEXT, &opt.watcher,
          "the watcher of the configuration whose correlator is meant" },
        { "svg", 0, "FILE", MCR_FLAG_TEXT, &opt.svg, "also draw it, for a browser" },
        MCR_FLAG_EVENT_LIMIT(&opt.event_limit),
        MCR_FLAG_VERBOSE(&opt.verbose),
        MCR_FLAG_QUIET(&opt.quiet),
        { 0 },
    };
    const mcr_usage usage = { "simulate", "[flags] [FILE…]", about, examples, flags };
    mcr_args args;
    int code;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT) {
        code = args.exit_code;
    } else {
        mcr_args_log_level(opt.verbose, opt.quiet);
        code = simulate(&usage, &opt, &args);
    }
    free(opt.grid.at);
    return code;
}
