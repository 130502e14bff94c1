#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/recording.h"
#include "cli/simulate_output.h"
#include "event/time.h"

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
    mcr_simulation *simulation;
    int64_t first; // time of the first event, Unix ns; 0: none yet
    int64_t last;  // the latest time
    uint64_t late; // events older than one before them
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
    "aggregate; the others keep their defaults.\n"
    "Reads the FILEs in order, or standard input, as `eval` does.";

static const char examples[] =
    "  # six settings, as a table and as a picture\n"
    "  mooncrier simulate --grid burst=5,25,100 --grid max_events=10,50 --svg out.svg "
    "events.jsonl\n"
    "  # with and without the spam filter, for a script\n"
    "  mooncrier simulate --grid spam_filter=true,false -o csv events.jsonl.gz";

static bool on_events(void *self, mcr_event *const *events, uint32_t n)
{
    run *r = self;
    for (uint32_t i = 0; i < n; i++) {
        const mcr_time *time = mcr_event_time(events[i]);
        int64_t at = time ? mcr_time_ns(time) : r->last;
        if (!r->first)
            r->first = r->last = at;
        r->late += at < r->last;
        r->last = at > r->last ? at : r->last;
        mcr_simulation_step(r->simulation, events[i], r->last);
    }
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

// "346 events, 320 distinct, 2026-11-23T05:01:40Z to 2026-11-23T06:11:02Z". Those out of order are
// taken as if they came at the time of the latest before them.
static void describe(mcr_buf *out, const run *r)
{
    mcr_time first = mcr_time_of(r->first), last = mcr_time_of(r->last);
    uint64_t events = mcr_simulation_result(r->simulation, 0).events;
    mcr_buf_printf(out, "%" PRIu64 " event%s, %" PRIu64 " distinct", events, events == 1 ? "" : "s",
                   mcr_simulation_distinct(r->simulation));
    if (!r->first)
        return;
    mcr_buf_puts(out, ", ");
    mcr_time_format(out, first.sec, 0, 0);
    mcr_buf_puts(out, " to ");
    mcr_time_format(out, last.sec, 0, 0);
    if (r->late)
        mcr_buf_printf(out, ", %" PRIu64 " out of order", r->late);
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
    bool done = fwrite(text.ptr, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
    if (!done)
        mcr_log(MCR_LOG_ERROR, "standard output: %s", strerror(errno));
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

static int simulate(const mcr_usage *usage, const simulate_flags *flags, const mcr_args *args)
{
    size_t limit;
    if (!is_output(flags->output))
        return mcr_args_usage_error(usage, "--output must be table, json or csv, not '%s'",
                                    flags->output);
    if (!mcr_recording_limit(flags->event_limit, &limit))
        return mcr_args_usage_error(usage, "--event-limit must be a size such as 4MiB, not '%s'",
                                    flags->event_limit);
    static run r;
    mcr_errbuf err;
    int code;
    if (mcr_grid_read(&r.grid, &flags->grid, &mcr_correlator_default_options, &err)) {
        code = mcr_args_usage_error(usage, "%s", err.text);
    } else {
        r.simulation = mcr_simulation_new(r.grid.settings, r.grid.n);
        mcr_recording_end end = mcr_recording_read(&(mcr_recording){ .paths = args->operands,
                                                                     .n = args->n,
                                                                     .event_limit = limit,
                                                                     .take = on_events,
                                                                     .self = &r });
        code = report(&r, flags);
        if (!mcr_recording_whole(&end))
            code = MCR_EXIT_FAILED;
        mcr_recording_die(&end);
    }
    mcr_simulation_free(r.simulation);
    mcr_grid_fini(&r.grid);
    return code;
}

int mcr_cmd_simulate(int argc, char **argv)
{
    simulate_flags opt = { .output = "table", .event_limit = MCR_EVENT_LIMIT };
    const mcr_flag flags[] = {
        { "grid", 0, "NAME=VALUES", MCR_FLAG_TEXTS, &opt.grid,
          "values of an option to be tried, with commas; for several options, again" },
        { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &opt.output, "table (default), json or csv" },
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
