#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/units.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/recording.h"
#include "cli/replay_output.h"
#include "daemon/ledger.h"
#include "event/time.h"

#define LOOK_NS INT64_C(100000000) // between two looks at the clock while nothing is due

// A point of the recording: absolute, or so long after its first event.
typedef struct moment {
    bool given;
    bool relative;
    int64_t ns;
} moment;

typedef struct replay_flags {
    const char *config;
    const char *speed;
    const char *from;
    const char *to;
    const char *ledger;
    const char *event_limit;
    mcr_replay_output_options output;
    int bless;
    int all;
    int verbose;
    int quiet;
} replay_flags;

typedef struct replay {
    double speed; // of event time against ours; 0: as fast as it goes
    moment from, to;
    mcr_generation *generation; // until the rehearsal has it
    mcr_rehearsal *rehearsal;   // NULL before the first event
    mcr_replay_output *output;
    bool begun;          // the recording's first event has come
    int64_t start;       // its time
    int64_t last;        // the latest event's time
    uint64_t left_out;   // events outside of from … to
    int64_t first_at;    // the time of the first event that is replayed
    int64_t first_clock; // … and the monotonic time when it was
    mcr_ledger ledger;
    bool all;    // also what reaches no sink
    bool broken; // the scripts do not load
    mcr_errbuf err;
} replay;

static const char about[] =
    "Run the configuration over recorded events, in the time of the events, and print what each\n"
    "sink would get: one JSON line for each event, watcher and sink, ordered by event, then by "
    "the\n"
    "order of the configuration. The sources of the configuration are not read, nothing is sent\n"
    "or written, no state is kept; but what scripts are allowed (allow = { \"io\" }) they really "
    "do,\n"
    "and a warning says which may. The same input gives the same bytes.\n"
    "\n"
    "The clock of scripts is event.time of the event at work; it never goes back, and ticks come\n"
    "when it passes them. MOMENTs are RFC 3339 times, or durations after the recording's first\n"
    "event: events from --from on and before --to are replayed, the others left out.\n"
    "Reads the FILEs in order, or standard input, as `eval` does.";

static const char examples[] =
    "  # what would my configuration have made of yesterday?\n"
    "  mooncrier replay -c mooncrier.lua yesterday.jsonl.gz\n"
    "  # a test of a configuration: write what is right once, compare from then on\n"
    "  mooncrier replay --expect expected.jsonl --bless events.jsonl\n"
    "  mooncrier replay --expect expected.jsonl events.jsonl\n"
    "  # ten minutes of it, ten times as fast as they were\n"
    "  mooncrier replay --speed 10x --from 1h --to 1h10m yesterday.jsonl";

static bool parse_moment(const char *text, moment *out)
{
    if (!text)
        return true;
    mcr_time time;
    out->given = true;
    out->relative = mcr_parse_duration(mcr_str_of(text), &out->ns);
    if (out->relative)
        return true;
    if (!mcr_time_parse(mcr_str_of(text), &time) || !time.set)
        return false;
    out->ns = mcr_time_ns(&time);
    return true;
}

static bool parse_speed(const char *text, double *speed)
{
    char *end;
    *speed = 0;
    if (strcmp(text, "max") == 0)
        return true;
    *speed = strtod(text, &end);
    if (*end == 'x')
        end++;
    return end != text && !*end && *speed > 0 && *speed <= 1e9;
}

static void settle_moment(moment *m, int64_t start)
{
    if (m->given && m->relative)
        m->ns += start;
    m->relative = false;
}

// When the event is replayed, by the clock that does not go back.
static int64_t time_of(const replay *r, const mcr_event *ev)
{
    return mcr_rehearsal_time_of(ev, r->last);
}

static bool is_left_out(const replay *r, int64_t at)
{
    return (r->from.given && at < r->from.ns) || (r->to.given && at >= r->to.ns);
}

static bool sinks_send_requests(const mcr_config *config)
{
    bool any = false;
    for (uint32_t i = 0; i < config->sink_n; i++)
        any |= config->sinks[i].kind->renders || config->sinks[i].kind->records;
    return any;
}

// Loads the scripts, at the time of the first event.
static bool begin(replay *r, int64_t at)
{
    const mcr_rehearsal_options options = {
        .start = at,
        .observer = { .self = r->output, .record = mcr_replay_output_record },
        .sent = sinks_send_requests(r->generation->config),
        .no_lines = true,
        .why = r->all,
    };
    r->first_at = at;
    r->first_clock = mcr_clock_monotonic();
    r->rehearsal = mcr_rehearsal_new_take(r->generation, &options, &r->err);
    r->generation = NULL;
    r->broken = !r->rehearsal;
    return !r->broken;
}

static bool on_events(void *self, mcr_event *const *events, uint32_t n)
{
    replay *r = self;
    for (uint32_t i = 0; i < n; i++) {
        int64_t at = time_of(r, events[i]);
        r->last = at;
        if (!r->begun) {
            r->begun = true;
            r->start = at;
            settle_moment(&r->from, at);
            settle_moment(&r->to, at);
        }
        if (is_left_out(r, at)) {
            r->left_out++;
            continue;
        }
        if (!r->rehearsal && !begin(r, at))
            return false;
        mcr_rehearsal_step(r->rehearsal, &events[i], 1);
    }
    return true;
}

// How long until the event is due. The clock of the rehearsal goes on meanwhile: ticks come when
// they would have come.
static int64_t pace(void *self, const mcr_event *ev)
{
    replay *r = self;
    int64_t at = time_of(r, ev);
    if (!r->rehearsal || is_left_out(r, at))
        return 0;
    double passed = (double)(mcr_clock_monotonic() - r->first_clock) * r->speed;
    double left = (double)(at - r->first_at) - passed;
    if (left <= 0)
        return 0;
    mcr_rehearsal_advance(r->rehearsal, at - (int64_t)left);
    mcr_replay_output_flush(r->output);
    left /= r->speed;
    return left < LOOK_NS ? (int64_t)left : LOOK_NS;
}

static void on_read(void *self, const mcr_source *source)
{
    mcr_ledger_add_source(&((replay *)self)->ledger, source);
}

static void fill_ledger(replay *r)
{
    mcr_ledger *l = &r->ledger;
    const mcr_config *config = mcr_rehearsal_config(r->rehearsal);
    l->has_broadcaster = true;
    l->broadcaster = mcr_rehearsal_broadcaster_counts(r->rehearsal);
    l->left_out = r->left_out;
    for (uint32_t i = 0; i < config->watcher_n; i++) {
        mcr_ledger_add_watcher(l, mcr_rehearsal_watcher(r->rehearsal, i),
                               mcr_rehearsal_scripts(r->rehearsal, i), NULL);
        l->watchers[i].has_watch = true;
        l->watchers[i].watch = mcr_rehearsal_watch_counts(r->rehearsal, i);
    }
}

// What `run` would have ended with an error for.
static bool has_failures(const mcr_ledger *l)
{
    bool failed = false;
    for (uint32_t i = 0; i < l->watcher_n; i++) {
        const mcr_ledger_watcher *w = &l->watchers[i];
        failed |= w->scripts.script_errors + w->scripts.deadlines + w->scripts.unknown_sinks > 0;
        for (uint32_t k = 0; k < w->sink_n; k++)
            failed |= w->sinks[k].counts.rejected > 0;
    }
    return failed;
}

static void say_that_nothing_is_left(const replay *r)
{
    mcr_buf text = { 0 };
    mcr_buf_printf(
        &text, "none of the %" PRIu64 " events is between --from and --to: the first one is of ",
        r->left_out);
    mcr_time_format(&text, mcr_time_of(r->start).sec, 0, 0);
    mcr_buf_puts(&text, ", the last one of ");
    mcr_time_format(&text, mcr_time_of(r->last).sec, 0, 0);
    mcr_log(MCR_LOG_WARN, "%s", mcr_buf_cstr(&text));
    mcr_buf_fini(&text);
}

static void say_how_it_went(const replay *r)
{
    mcr_rehearsal_counts counts = mcr_rehearsal_counts_now(r->rehearsal);
    int64_t late_ms = counts.late_by / 1000000;
    if (!counts.inputs && r->left_out)
        say_that_nothing_is_left(r);
    else if (!counts.inputs)
        mcr_log(MCR_LOG_INFO, "no events");
    if (counts.late)
        mcr_log(MCR_LOG_INFO,
                "%" PRIu64 " of %" PRIu64
                " events are older than one before them, by up to %g s: the "
                "clock stood still for these (it follows a recording that is sorted by time)",
                counts.late, counts.inputs, (double)late_ms / 1000);
    if (counts.ticks_skipped)
        mcr_log(MCR_LOG_WARN,
                "%" PRIu64 " ticks were left out, in gaps of the recording with more than %d",
                counts.ticks_skipped, MCR_REHEARSAL_TICKS);
}

// The end: fini hooks, ledger, comparison.
static int finish(replay *r, const replay_flags *flags, const mcr_recording_end *end)
{
    bool show = flags->ledger || flags->verbose;
    bool json = flags->ledger && strcmp(flags->ledger, "json") == 0;
    bool whole = mcr_recording_whole(end);
    mcr_rehearsal_finish(r->rehearsal);
    say_how_it_went(r);
    fill_ledger(r);
    bool as_expected = mcr_replay_output_end(r->output, whole);
    bool adds_up = mcr_ledger_print(&r->ledger, show, json);
    bool expects = flags->output.expect && !flags->output.bless;
    bool fine = expects || !has_failures(&r->ledger);
    return whole && as_expected && adds_up && fine ? MCR_EXIT_OK : MCR_EXIT_FAILED;
}

static int run(replay *r, const replay_flags *flags, const mcr_args *args, size_t limit)
{
    r->generation = mcr_generation_new(NULL);
    if (mcr_generation_read(r->generation, flags->config, &r->err)) {
        mcr_log(MCR_LOG_ERROR, "%s", r->err.text);
        return MCR_EXIT_CONFIG;
    }
    mcr_errbuf err;
    r->output = mcr_replay_output_new(&flags->output, r->generation->config, &err);
    if (!r->output) {
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
        return MCR_EXIT_FAILED;
    }
    mcr_recording_end end = mcr_recording_read(&(mcr_recording){
        .paths = args->operands,
        .n = args->n,
        .event_limit = limit,
        .take = on_events,
        .self = r,
        .pace = r->speed > 0 ? pace : NULL,
        .was_read = on_read,
    });
    if (!r->rehearsal && !r->broken)
        begin(r, r->last); // nothing to replay, but broken scripts must not pass for it
    int code = MCR_EXIT_CONFIG;
    if (r->broken)
        mcr_log(MCR_LOG_ERROR, "%s", r->err.text);
    else
        code = finish(r, flags, &end);
    mcr_ledger_fini(&r->ledger);
    mcr_rehearsal_free(r->rehearsal);
    mcr_replay_output_free(r->output);
    mcr_recording_die(&end);
    return code;
}

static int check_flags(const mcr_usage *usage, const replay_flags *flags, replay *r, size_t *limit)
{
    if (!parse_speed(flags->speed, &r->speed))
        return mcr_args_usage_error(usage, "--speed must be max or a factor such as 10x, not '%s'",
                                    flags->speed);
    if (!parse_moment(flags->from, &r->from))
        return mcr_args_usage_error(
            usage, "--from must be a time (2026-11-23T05:00:00Z) or a duration (1h30m), not '%s'",
            flags->from);
    if (!parse_moment(flags->to, &r->to))
        return mcr_args_usage_error(
            usage, "--to must be a time (2026-11-23T05:00:00Z) or a duration (1h30m), not '%s'",
            flags->to);
    if (flags->bless && !flags->output.expect)
        return mcr_args_usage_error(usage, "--bless writes the file of --expect, which is missing");
    if (flags->ledger && strcmp(flags->ledger, "text") != 0 && strcmp(flags->ledger, "json") != 0)
        return mcr_args_usage_error(usage, "--ledger must be text or json, not '%s'",
                                    flags->ledger);
    return mcr_recording_limit(usage, flags->event_limit, limit);
}

int mcr_cmd_replay(int argc, char **argv)
{
    replay_flags opt = { .speed = "max", .event_limit = MCR_EVENT_LIMIT };
    const mcr_flag flags[] = {
        MCR_FLAG_CONFIG(&opt.config),
        { "speed", 0, "FACTOR", MCR_FLAG_TEXT, &opt.speed,
          "max (default), or how many times as fast as the events came: 1x, 10x" },
        { "from", 0, "MOMENT", MCR_FLAG_TEXT, &opt.from, "leave out what is earlier" },
        { "to", 0, "MOMENT", MCR_FLAG_TEXT, &opt.to, "leave out what comes then, or later" },
        { "all", 'a', NULL, MCR_FLAG_COUNT, &opt.all,
          "print events that reach no sink, too, and why" },
        { "out-dir", 0, "FOLDER", MCR_FLAG_TEXT, &opt.output.dir,
          "write WATCHER.SINK.jsonl there instead of standard output" },
        { "expect", 0, "FILE", MCR_FLAG_TEXT, &opt.output.expect,
          "compare the lines with this file instead of printing them; exit 1 if they differ" },
        { "bless", 0, NULL, MCR_FLAG_COUNT, &opt.bless, "write the file of --expect" },
        { "ledger", 0, "FORM", MCR_FLAG_TEXT, &opt.ledger,
          "print where every event went: text (as -v does) or json" },
        MCR_FLAG_EVENT_LIMIT(&opt.event_limit),
        MCR_FLAG_VERBOSE(&opt.verbose),
        MCR_FLAG_QUIET(&opt.quiet),
        { 0 },
    };
    const mcr_usage usage = { "replay", "[flags] [FILE…]", about, examples, flags };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    mcr_args_log_level(opt.verbose, opt.quiet);
    opt.output.bless = opt.bless > 0;
    opt.output.all = opt.all > 0;
    static replay r;
    r.all = opt.all > 0;
    size_t limit = 0;
    int wrong = check_flags(&usage, &opt, &r, &limit);
    if (wrong)
        return wrong;
    // A reader that has seen enough (`| head`) ends us as it ends any filter.
    signal(SIGPIPE, SIG_DFL);
    int code = run(&r, &opt, &args, limit);
    mcr_generation_free(r.generation);
    return code;
}
