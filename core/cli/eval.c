#include <ev.h>
#include <lua.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/recording.h"
#include "daemon/ledger.h"
#include "source/jsonl.h"

// `eval` runs inline: what a source hands over is worked on by one watcher on the main thread
// before the source reads on, so nothing is queued and nothing can be lost.

typedef struct evaluation {
    struct ev_loop *loop;
    mcr_scripts *scripts;
    const mcr_sink_kind *sink_kind;
    void *sink_options;
    mcr_watcher *watcher;
    mcr_source *source; // the one being read
    ev_idle flush;      // nothing more to read now: let the reader see what there is
    ev_timer tick;
    mcr_progress progress;
    mcr_ledger ledger;
    uint64_t events;
    uint64_t malformed;
    bool failed;        // a source could not be opened or ended with an error
    ev_signal stops[2]; // SIGINT and SIGTERM
    int stopped_by;     // the one that came, or 0
} evaluation;

typedef struct eval_flags {
    const char *output;
    const char *script;
    const char *ledger;
    const char *event_limit;
    int verbose;
    int quiet;
} eval_flags;

static const char about[] =
    "Run a one-line filter or transformation over events.\n"
    "\n"
    "EXPRESSION is Lua over `event`. A false or nil value drops the event, an event or a table\n"
    "takes its place, anything else passes it on unchanged. Statements work too: return the "
    "value.\n"
    "Reads the FILEs in order, or standard input: JSON Lines, watch streams and lists as kubectl\n"
    "prints them, also gzip. Events go to standard output, everything else to standard error.";

static const char examples[] =
    "  # warnings that have happened more than three times\n"
    "  mooncrier eval 'event.type == \"Warning\" and event.count > 3' events.jsonl\n"
    "  # live from a cluster, as a table\n"
    "  kubectl get events -A --watch -o json | mooncrier eval -o wide 'event.type ~= \"Normal\"'\n"
    "  # two columns\n"
    "  mooncrier eval -o custom-columns=POD:.involvedObject.name,WHY:.reason true events.jsonl.gz\n"
    "  # another object for each event\n"
    "  mooncrier eval '{ pod = event.involvedObject.name, why = event.reason }' events.jsonl";

static void arm_tick(evaluation *e, int64_t now)
{
    int64_t due = mcr_watcher_tick(e->watcher, now);
    ev_timer_stop(e->loop, &e->tick);
    if (!due)
        return;
    ev_timer_set(&e->tick, due > now ? (double)(due - now) / 1e9 : 0., 0.);
    ev_timer_start(e->loop, &e->tick);
}

static void on_tick(struct ev_loop *loop, ev_timer *tick, int revents)
{
    (void)loop, (void)revents;
    arm_tick(tick->data, mcr_clock_now(&mcr_clock_wall));
}

static void on_flush(struct ev_loop *loop, ev_idle *flush, int revents)
{
    (void)revents;
    evaluation *e = flush->data;
    int64_t now = mcr_clock_now(&mcr_clock_wall);
    ev_idle_stop(loop, flush);
    mcr_watcher_flush(e->watcher, now);
    arm_tick(e, now);
}

static uint32_t on_take(void *self, mcr_source *source, mcr_event *const *events, uint32_t n)
{
    (void)source;
    evaluation *e = self;
    for (uint32_t i = 0; i < n; i++)
        mcr_event_ref(events[i]);
    mcr_watcher_step(e->watcher, events, n, mcr_clock_now(&mcr_clock_wall));
    e->events += n;
    ev_idle_start(e->loop, &e->flush);
    return n;
}

static void on_malformed(void *self, mcr_source *source, const char *message)
{
    (void)source;
    evaluation *e = self;
    e->malformed++;
    mcr_progress_clear(&e->progress);
    mcr_log(MCR_LOG_ERROR, "%s", message);
}

static void on_ended(void *self, mcr_source *source, const char *error)
{
    evaluation *e = self;
    if (error) {
        mcr_progress_clear(&e->progress);
        mcr_log(MCR_LOG_ERROR, "%s: %s", source->name, error);
        e->failed = true;
    }
    ev_break(e->loop, EVBREAK_ONE);
}

// Reads no more, and lets the events and the ledger come out.
static void on_stop(struct ev_loop *loop, ev_signal *stop, int revents)
{
    (void)loop, (void)revents;
    evaluation *e = stop->data;
    e->stopped_by = stop->signum;
    if (e->source)
        e->source->kind->finish(e->source);
}

// A second signal ends the program at once, for code that does not return.
static void watch_stops(evaluation *e)
{
    static const int numbers[] = { SIGINT, SIGTERM };
    for (int i = 0; i < 2; i++) {
        struct sigaction action;
        sigaction(numbers[i], NULL, &action);
        if (action.sa_handler == SIG_IGN)
            continue; // started with `nohup` or in the background
        ev_signal_init(&e->stops[i], on_stop, numbers[i]);
        e->stops[i].data = e;
        ev_signal_start(e->loop, &e->stops[i]);
        ev_unref(e->loop);
        sigaction(numbers[i], NULL, &action);
        action.sa_flags |= (int)SA_RESETHAND;
        sigaction(numbers[i], &action, NULL);
    }
}

static mcr_progress_state ask_progress(void *arg)
{
    evaluation *e = arg;
    mcr_progress_state state = { .events = e->events };
    e->source->kind->progress(e->source, &state.done, &state.total);
    return state;
}

static void read_source(evaluation *e, const char *path, uint32_t index, size_t event_limit)
{
    const mcr_jsonl_options options = { .path = path };
    const mcr_source_owner owner = { e, on_take, on_malformed, on_ended };
    mcr_errbuf err;
    mcr_source *source = mcr_jsonl_kind.open(&options, e->loop, &owner, event_limit, &err);
    if (!source) {
        mcr_progress_clear(&e->progress);
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
        e->failed = true;
        return;
    }
    source->index = index;
    e->source = source;
    source->kind->start(source);
    ev_run(e->loop, 0);
    mcr_ledger_add_source(&e->ledger, source);
    source->kind->close(source);
    e->source = NULL;
}

// The watcher with its one sink: standard output in the format asked for.
static mcr_err make_watcher(evaluation *e, const char *format, mcr_errbuf *err)
{
    const mcr_sink_kind *kind = mcr_sink_kind_find("stdout");
    const mcr_option_value value = { .kind = MCR_VALUE_STRING, .string = format };
    e->sink_kind = kind;
    e->sink_options = mcr_zalloc(kind->options_size);
    if (kind->defaults)
        kind->defaults(e->sink_options);
    mcr_err code = mcr_option_set(e->sink_options, kind->options, "format", &value, err);
    mcr_sink *sink = code ? NULL : kind->open(e->sink_options, err);
    if (!sink)
        return MCR_EINVAL;
    sink->name = "stdout";
    sink->watcher = "eval";
    e->watcher = mcr_watcher_new("eval");
    mcr_watcher_add_sink_take(e->watcher, sink);
    return MCR_OK;
}

// Gives the watcher the hooks of the script or expression.
static mcr_err load(evaluation *e, const char *script, const char *expression, mcr_errbuf *err)
{
    e->scripts = mcr_scripts_new(&(mcr_script_options){
        .watcher = "eval", .clock = &mcr_clock_wall, .on_error = MCR_ON_ERROR_DROP });
    mcr_err code;
    if (script) {
        lua_pushnil(mcr_scripts_state(e->scripts)); // no parameters
        code = mcr_scripts_load(e->scripts, script, script, err);
    } else {
        code = mcr_scripts_load_eval(e->scripts, mcr_str_of(expression), err);
    }
    if (code)
        return code;
    mcr_scripts_attach(e->scripts, e->watcher, NULL);
    mcr_watcher_set_hooks(e->watcher, mcr_scripts_hooks(e->scripts));
    return mcr_scripts_init(e->scripts, mcr_clock_now(&mcr_clock_wall), err);
}

// Reads everything, ends the watcher and accounts for it.
static int evaluate(evaluation *e, const char *const *paths, int n, const eval_flags *flags,
                    size_t event_limit)
{
    static const char *const standard_input[] = { "-" };
    if (!n) {
        paths = standard_input;
        n = 1;
    }
    arm_tick(e, mcr_clock_now(&mcr_clock_wall));
    mcr_progress_start(&e->progress, e->loop, ask_progress, e);
    for (int i = 0; i < n && !e->stopped_by; i++) {
        if (strcmp(paths[i], "-") == 0 && isatty(STDIN_FILENO))
            mcr_log(MCR_LOG_INFO, "reading events from the terminal; end them with Ctrl-D");
        read_source(e, paths[i], (uint32_t)i, event_limit);
    }
    mcr_progress_stop(&e->progress);
    mcr_watcher_fini(e->watcher, mcr_clock_now(&mcr_clock_wall));
    mcr_ledger_add_watcher(&e->ledger, e->watcher, e->scripts, NULL);
    const mcr_ledger_watcher *w = &e->ledger.watchers[0];
    const mcr_sink_counts *sink = &w->sinks[0].counts;
    bool show = flags->ledger || flags->verbose;
    bool json = flags->ledger && strcmp(flags->ledger, "json") == 0;
    bool adds_up = mcr_ledger_print(&e->ledger, show, json);
    bool clean = !e->failed && !e->malformed && !w->scripts.script_errors &&
                 !w->scripts.deadlines && sink->delivered == sink->assigned;
    return adds_up && clean ? MCR_EXIT_OK : MCR_EXIT_FAILED;
}

static void set_up_loop(evaluation *e)
{
    e->loop = ev_loop_new(EVFLAG_AUTO);
    ev_idle_init(&e->flush, on_flush);
    ev_set_priority(&e->flush, EV_MINPRI);
    e->flush.data = e;
    ev_init(&e->tick, on_tick);
    e->tick.data = e;
    watch_stops(e);
}

static void tear_down(evaluation *e)
{
    if (e->watcher)
        mcr_watcher_free(e->watcher);
    mcr_scripts_free(e->scripts);
    mcr_ledger_fini(&e->ledger);
    if (e->sink_options) {
        mcr_options_fini(e->sink_options, e->sink_kind->options);
        free(e->sink_options);
    }
    if (e->loop)
        ev_loop_destroy(e->loop);
}

int mcr_cmd_eval(int argc, char **argv)
{
    eval_flags opt = { .output = "json", .event_limit = MCR_EVENT_LIMIT };
    const mcr_flag flags[] = {
        { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &opt.output,
          "json (default), wide, table, structured, plain, json-log or custom-columns=…" },
        { "script", 0, "FILE", MCR_FLAG_TEXT, &opt.script,
          "run the hooks of this script instead of an EXPRESSION" },
        { "ledger", 0, "FORM", MCR_FLAG_TEXT, &opt.ledger,
          "print where every event went: text (as -v does) or json" },
        MCR_FLAG_EVENT_LIMIT(&opt.event_limit),
        MCR_FLAG_VERBOSE(&opt.verbose),
        MCR_FLAG_QUIET(&opt.quiet),
        { 0 },
    };
    const mcr_usage usage = { "eval", "[flags] EXPRESSION [FILE…]", about, examples, flags };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    mcr_args_log_level(opt.verbose, opt.quiet);
    if (!opt.script && !args.n)
        return mcr_args_usage_error(&usage, "EXPRESSION is missing");
    if (opt.ledger && strcmp(opt.ledger, "text") != 0 && strcmp(opt.ledger, "json") != 0)
        return mcr_args_usage_error(&usage, "--ledger must be text or json, not '%s'", opt.ledger);
    size_t event_limit;
    int wrong = mcr_recording_limit(&usage, opt.event_limit, &event_limit);
    if (wrong)
        return wrong;
    // A reader that has seen enough (`| head`) ends us as it ends any filter.
    signal(SIGPIPE, SIG_DFL);

    int operands = opt.script ? 0 : 1;
    evaluation e = { 0 };
    mcr_errbuf err;
    int exit_code;
    if (make_watcher(&e, opt.output, &err) != MCR_OK) {
        exit_code = mcr_args_usage_error(&usage, "--output: %s", err.text);
    } else if (load(&e, opt.script, args.operands[0], &err) != MCR_OK) {
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
        exit_code = MCR_EXIT_CONFIG;
    } else {
        set_up_loop(&e);
        exit_code = evaluate(&e, (const char *const *)args.operands + operands, args.n - operands,
                             &opt, event_limit);
    }
    int stopped_by = e.stopped_by;
    tear_down(&e);
    if (stopped_by) { // the shell must see what ended us, to end its loop as well
        signal(stopped_by, SIG_DFL);
        raise(stopped_by);
    }
    return exit_code;
}
