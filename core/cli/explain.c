// mooncrier explain: what would happen to one event, and why.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/recording.h"
#include "event/time.h"
#include "rehearse/explanation.h"
#include "rehearse/rehearsal.h"
#include "rehearse/script_alone.h"

typedef struct explain_flags {
    const char *config;
    const char *script;
    const char *name;
    const char *nth;
    const char *output;
    const char *event_limit;
    int verbose;
    int quiet;
} explain_flags;

enum {
    RELATED = 3 // names told when there is no event of the name asked for
};

typedef struct explaining {
    const explain_flags *flags;
    uint64_t nth;               // of the events that match; 0: the last one
    mcr_generation *generation; // read; the rehearsal's once that is made
    mcr_explanation *explanation;
    mcr_rehearsal *rehearsal;
    mcr_event *last; // without a name: what came last, not stepped yet
    cJSON *explained;
    uint64_t matches;
    uint64_t which; // … of which the one explained is this, from 1
    char *related[RELATED];
    size_t related_n;
    mcr_errbuf err;
    bool failed; // the scripts cannot be loaded: `err`
} explaining;

static const char about[] =
    "Say stage by stage what would happen to an event and why: how it is decoded, what each hook\n"
    "answers, the keys, window and tokens of the correlator, its count, where it is routed, what\n"
    "each sink would be sent, and what the ledger would count.\n"
    "\n"
    "Reads the FILEs in order, or standard input, as `eval` does; the event is the last one, or "
    "the\n"
    "last one called --name. What comes before it in the recording is worked on first, in the "
    "time\n"
    "of the events, so that windows, counts and what scripts remember are as they would be.\n"
    "Nothing is sent. The configuration is that of `run`; --script takes one script instead.";

static const char examples[] =
    "  mooncrier explain event.json\n"
    "  kubectl get event web-1.17c -n prod -o json | mooncrier explain -c mooncrier.lua -\n"
    "  mooncrier explain --name prod/web-1.17c recording.jsonl.gz\n"
    "  # the first time it came, as JSON\n"
    "  mooncrier explain --name prod/web-1.17c --nth 1 -o json recording.jsonl";

static bool is_text(mcr_str s, const char *text)
{
    return mcr_str_is(s, text);
}

// Whether "[NAMESPACE/]NAME" is that of `namespace` and `name`.
static bool names(const char *asked, mcr_str namespace, mcr_str name)
{
    const char *slash = strchr(asked, '/');
    if (!slash)
        return is_text(name, asked);
    size_t len = (size_t)(slash - asked);
    return namespace.len == len && memcmp(namespace.ptr, asked, len) == 0 &&
           is_text(name, slash + 1);
}

static bool matches(const char *asked, const mcr_event *ev)
{
    return names(asked, ev->metadata.namespace, ev->metadata.name) ||
           (ev->metadata.uid.len && is_text(ev->metadata.uid, asked));
}

// Notes the name of an event about an object that has the name asked for.
static void note_related(explaining *e, const mcr_event *ev)
{
    if (e->related_n == RELATED ||
        !names(e->flags->name, ev->involvedObject.namespace, ev->involvedObject.name))
        return;
    mcr_buf name = { 0 };
    mcr_buf_add(&name, ev->metadata.namespace);
    mcr_buf_putc(&name, '/');
    mcr_buf_add(&name, ev->metadata.name);
    for (size_t i = 0; i < e->related_n; i++)
        if (strcmp(e->related[i], mcr_buf_cstr(&name)) == 0) {
            mcr_buf_fini(&name);
            return;
        }
    e->related[e->related_n++] = mcr_strdup(mcr_buf_cstr(&name));
    mcr_buf_fini(&name);
}

// The rehearsal begins at the time of its first event.
static bool begin(explaining *e, const mcr_event *first)
{
    if (e->rehearsal || e->failed)
        return !e->failed;
    const mcr_rehearsal_options options = { .start = mcr_rehearsal_time_of(first, 0),
                                            .observer = mcr_explanation_observer(e->explanation),
                                            .sent = true,
                                            .open_sinks = e->flags->script != NULL };
    e->rehearsal = mcr_rehearsal_new_take(e->generation, &options, &e->err);
    e->generation = NULL;
    e->failed = !e->rehearsal;
    return !e->failed;
}

static void explain(explaining *e, mcr_event *ev)
{
    cJSON_Delete(e->explained);
    e->explained = mcr_explanation_step(e->explanation, e->rehearsal, ev);
    e->which = e->matches;
}

// True: nothing that follows matters any more.
static bool take_named(explaining *e, mcr_event *ev)
{
    bool match = matches(e->flags->name, ev);
    e->matches += match;
    if (match && (!e->nth || e->matches == e->nth)) {
        explain(e, ev);
        return e->nth != 0;
    }
    mcr_rehearsal_step(e->rehearsal, &ev, 1);
    note_related(e, ev);
    return false;
}

static void take_last(explaining *e, mcr_event *ev)
{
    if (e->last)
        mcr_rehearsal_step(e->rehearsal, &e->last, 1);
    mcr_event_unref(e->last);
    e->last = mcr_event_ref(ev);
    e->matches++;
}

static bool on_events(void *self, mcr_event *const *events, uint32_t n)
{
    explaining *e = self;
    for (uint32_t i = 0; i < n; i++) {
        if (!begin(e, events[i]))
            return false;
        if (!e->flags->name)
            take_last(e, events[i]);
        else if (take_named(e, events[i]))
            return false;
    }
    return true;
}

static void log_missing(const explaining *e, uint64_t events)
{
    mcr_buf text = { 0 };
    const char *name = e->flags->name;
    if (!name)
        mcr_buf_puts(&text, "there is no event");
    else if (e->matches)
        mcr_buf_printf(&text, "%s %" PRIu64 " event%s '%s', not %" PRIu64,
                       e->matches == 1 ? "there is" : "there are", e->matches,
                       e->matches == 1 ? "" : "s", name, e->nth);
    else
        mcr_buf_printf(&text, "there is no event '%s' among %" PRIu64, name, events);
    if (!e->matches && e->related_n) {
        mcr_buf_puts(&text, "; of an object of this name there are ");
        for (size_t i = 0; i < e->related_n; i++)
            mcr_buf_printf(&text, "%s%s", i ? ", " : "", e->related[i]);
        mcr_buf_puts(&text, e->related_n == RELATED ? ", …" : "");
    }
    mcr_log(MCR_LOG_ERROR, "%s", mcr_buf_cstr(&text));
    mcr_buf_fini(&text);
}

static bool print(const explaining *e)
{
    mcr_buf text = { 0 };
    if (strcmp(e->flags->output, "json") == 0) {
        char *json = cJSON_PrintUnformatted(e->explained);
        mcr_buf_printf(&text, "%s\n", json);
        cJSON_free(json);
    } else {
        bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
        mcr_explanation_write(&text, e->explained, colour);
    }
    bool done = mcr_print(&text);
    mcr_buf_fini(&text);
    return done;
}

static void say_which(const explaining *e)
{
    if (e->matches > 1)
        mcr_log(MCR_LOG_INFO, "explained is event %" PRIu64 " of %" PRIu64 "%s%s%s", e->which,
                e->matches, e->flags->name ? " called '" : "; --name picks another",
                e->flags->name ? e->flags->name : "",
                e->flags->name ? "'; --nth picks another" : "");
}

static int read_and_explain(explaining *e, const mcr_args *args, size_t limit)
{
    const mcr_recording what = {
        .paths = args->operands, .n = args->n, .event_limit = limit, .take = on_events, .self = e
    };
    mcr_recording_end end = mcr_recording_read(&what);
    if (e->failed) {
        mcr_log(MCR_LOG_ERROR, "%s", e->err.text);
        return MCR_EXIT_CONFIG;
    }
    if (e->last)
        explain(e, e->last);
    bool done = true;
    if (e->explained) {
        say_which(e);
        done = print(e);
    } else if (!end.stopped_by) {
        log_missing(e, end.events);
        done = false;
    }
    mcr_recording_die(&end);
    return done && mcr_recording_whole(&end) ? MCR_EXIT_OK : MCR_EXIT_FAILED;
}

static int open_and_explain(explaining *e, const mcr_args *args, size_t limit)
{
    const explain_flags *flags = e->flags;
    if (flags->script) {
        e->generation = mcr_script_alone(flags->script, NULL, &e->err);
    } else {
        e->generation = mcr_generation_new(NULL);
        if (mcr_generation_read(e->generation, flags->config, &e->err)) {
            mcr_generation_free(e->generation);
            e->generation = NULL;
        }
    }
    if (!e->generation) {
        mcr_log(MCR_LOG_ERROR, "%s", e->err.text);
        return MCR_EXIT_CONFIG;
    }
    e->explanation = mcr_explanation_new(flags->script != NULL);
    int code = read_and_explain(e, args, limit);
    cJSON_Delete(e->explained);
    mcr_event_unref(e->last);
    mcr_rehearsal_free(e->rehearsal);
    mcr_generation_free(e->generation);
    mcr_explanation_free(e->explanation);
    for (size_t i = 0; i < e->related_n; i++)
        free(e->related[i]);
    return code;
}

int mcr_cmd_explain(int argc, char **argv)
{
    explain_flags opt = { .output = "text", .event_limit = MCR_EVENT_LIMIT };
    const mcr_flag flags[] = {
        MCR_FLAG_CONFIG(&opt.config),
        { "script", 0, "FILE", MCR_FLAG_TEXT, &opt.script,
          "this script alone, with any sinks, instead of a configuration" },
        { "name", 0, "[NAMESPACE/]NAME", MCR_FLAG_TEXT, &opt.name,
          "the event of this name or uid (default: the last event)" },
        { "nth", 0, "N", MCR_FLAG_TEXT, &opt.nth,
          "the N-th event called --name (default: the last one)" },
        { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &opt.output, "text (default) or json" },
        MCR_FLAG_EVENT_LIMIT(&opt.event_limit),
        MCR_FLAG_VERBOSE(&opt.verbose),
        MCR_FLAG_QUIET(&opt.quiet),
        { 0 },
    };
    const mcr_usage usage = { "explain", "[flags] [FILE…]", about, examples, flags };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    mcr_args_log_level(opt.verbose, opt.quiet);
    if (strcmp(opt.output, "text") != 0 && strcmp(opt.output, "json") != 0)
        return mcr_args_usage_error(&usage, "--output must be text or json, not '%s'", opt.output);
    if (opt.config && opt.script)
        return mcr_args_usage_error(&usage, "--config and --script exclude each other");
    if (opt.nth && !opt.name)
        return mcr_args_usage_error(&usage, "--nth needs --name");
    explaining e = { .flags = &opt };
    char *end = NULL;
    if (opt.nth) {
        e.nth = strtoull(opt.nth, &end, 10);
        if (*end || !e.nth || *opt.nth == '-')
            return mcr_args_usage_error(&usage, "--nth must be a number from 1 on, not '%s'",
                                        opt.nth);
    }
    size_t limit;
    int wrong = mcr_recording_limit(&usage, opt.event_limit, &limit);
    if (wrong)
        return wrong;
    return open_and_explain(&e, &args, limit);
}
