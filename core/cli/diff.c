#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/diff_operand.h"
#include "cli/diff_output.h"
#include "cli/print.h"
#include "cli/recording.h"
#include "rehearse/comparison.h"
#include "rehearse/rehearsal.h"

enum {
    BATCH = 64
};

typedef struct diff_flags {
    const char *output;
    const char *examples;
    const char *event_limit;
    int verbose;
    int quiet;
} diff_flags;

typedef struct diff {
    mcr_diff_pairs pairs;
    mcr_comparison **comparisons; // of the pairs; NULL before the first event, and where one is
                                  // alone
    bool begun;
    mcr_differences *differences;
    mcr_diff_result result;
    mcr_err failed; // a configuration did not load
} diff;

static const char about[] =
    "Says what a change of scripts or of settings does: OLD and NEW work on the same recorded\n"
    "events, in the time of the events and with sinks that only remember, and what they decide\n"
    "differently is counted, grouped by hook and decision, with examples.\n"
    "\n"
    "OLD and NEW are two scripts, two folders of scripts (compared by name) or two configurations\n"
    "(or folders with a mooncrier.lua), told apart by what they return. A script alone has no\n"
    "parameters, and every name is a sink.\n"
    "Reads the FILEs in order, or standard input, as `eval` does. Exit code 0: no difference, 1:\n"
    "there are some.";

static const char examples[] =
    "  # what does my change do to yesterday's events?\n"
    "  mooncrier diff alarms.lua new/alarms.lua yesterday.jsonl.gz\n"
    "  # the working tree against the last commit, for a script repository's CI\n"
    "  git worktree add /tmp/before HEAD~1 && mooncrier diff /tmp/before . events.jsonl -o json";

static bool begin(diff *d, int64_t start)
{
    d->begun = true;
    for (size_t i = 0; i < d->pairs.n; i++) {
        mcr_diff_pair *pair = &d->pairs.at[i];
        if (!pair->old || !pair->new)
            continue;
        mcr_errbuf err;
        const mcr_comparison_options options = { .start = start,
                                                 .open_sinks = pair->open_sinks,
                                                 .bodies = pair->bodies,
                                                 .name = pair->name,
                                                 .into = d->differences };
        d->comparisons[i] = mcr_comparison_new_take(pair->old, pair->new, &options, &err);
        pair->old = pair->new = NULL;
        if (!d->comparisons[i]) {
            mcr_log(MCR_LOG_ERROR, "%s", err.text);
            d->failed = MCR_ECONFIG;
            return false;
        }
    }
    return true;
}

static bool on_events(void *self, mcr_event *const *events, uint32_t n)
{
    diff *d = self;
    if (!d->begun && !begin(d, mcr_rehearsal_time_of(events[0], 0)))
        return false;
    bool changed[BATCH] = { false };
    for (size_t i = 0; i < d->pairs.n; i++)
        if (d->comparisons[i])
            mcr_comparison_step(d->comparisons[i], events, n, changed);
    for (uint32_t i = 0; i < n; i++)
        d->result.changed += changed[i];
    d->result.events += n;
    return true;
}

// Scripts that only one folder has.
static void note_alone(diff *d, const mcr_diff_pair *pair, bool in_old)
{
    mcr_differences_note(d->differences, pair->name, MCR_RANK_ERRORS, "script",
                         in_old ? MCR_STR("only in OLD") : MCR_STR("only in NEW"));
    d->result.differs = true;
}

static void finish(diff *d)
{
    if (!d->begun && !begin(d, 0))
        return;
    for (size_t i = 0; i < d->pairs.n; i++) {
        if (d->comparisons[i])
            d->result.differs |= mcr_comparison_finish(d->comparisons[i]);
        else
            note_alone(d, &d->pairs.at[i], d->pairs.at[i].old != NULL);
    }
    mcr_differences_sort(d->differences);
}

static int report(const diff *d, const diff_flags *flags)
{
    mcr_buf text = { 0 };
    if (strcmp(flags->output, "json") == 0)
        mcr_diff_json(&text, &d->result);
    else
        mcr_diff_text(&text, &d->result);
    bool done = mcr_print(&text);
    mcr_buf_fini(&text);
    return done && !d->result.differs ? MCR_EXIT_OK : MCR_EXIT_FAILED;
}

static int compare(diff *d, const diff_flags *flags, char *const *paths, int n, size_t limit,
                   size_t shown)
{
    static char standard_input[] = "-";
    static char *const only[] = { standard_input };
    d->comparisons = mcr_zalloc((d->pairs.n + 1) * sizeof *d->comparisons);
    d->differences = mcr_differences_new(shown);
    d->result.differences = d->differences;
    d->result.sources = n ? paths : only;
    d->result.source_n = n ? (size_t)n : 1;
    mcr_recording_end end = mcr_recording_read(&(mcr_recording){
        .paths = paths, .n = n, .event_limit = limit, .take = on_events, .self = d });
    if (!d->failed)
        finish(d);
    int code = d->failed ? MCR_EXIT_CONFIG : report(d, flags);
    if (!code && !mcr_recording_whole(&end))
        code = MCR_EXIT_FAILED;
    for (size_t i = 0; i < d->pairs.n; i++)
        mcr_comparison_free(d->comparisons[i]);
    free(d->comparisons);
    mcr_differences_free(d->differences);
    mcr_recording_die(&end);
    return code;
}

// How many examples of each group are shown.
static bool read_examples(const char *text, size_t *n)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    *n = value;
    return *text >= '0' && *text <= '9' && !*end && value <= MCR_DIFFERENCE_EXAMPLES;
}

int mcr_cmd_diff(int argc, char **argv)
{
    diff_flags opt = { .output = "text", .examples = "3", .event_limit = MCR_EVENT_LIMIT };
    const mcr_flag flags[] = {
        { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &opt.output, "text (default) or json" },
        { "examples", 0, "N", MCR_FLAG_TEXT, &opt.examples,
          "shown of each group, up to 1000 (default 3)" },
        MCR_FLAG_EVENT_LIMIT(&opt.event_limit),
        MCR_FLAG_VERBOSE(&opt.verbose),
        MCR_FLAG_QUIET(&opt.quiet),
        { 0 },
    };
    const mcr_usage usage = { "diff", "[flags] OLD NEW [FILE…]", about, examples, flags };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    mcr_args_log_level(opt.verbose, opt.quiet);
    size_t limit, shown;
    if (args.n < 2)
        return mcr_args_usage_error(&usage, args.n ? "NEW is missing" : "OLD and NEW are missing");
    if (strcmp(opt.output, "text") != 0 && strcmp(opt.output, "json") != 0)
        return mcr_args_usage_error(&usage, "--output must be text or json, not '%s'", opt.output);
    if (!read_examples(opt.examples, &shown))
        return mcr_args_usage_error(&usage, "--examples must be a number up to %d, not '%s'",
                                    MCR_DIFFERENCE_EXAMPLES, opt.examples);
    int code = mcr_recording_limit(&usage, opt.event_limit, &limit);
    if (code)
        return code;
    diff d = { 0 };
    mcr_errbuf err;
    mcr_err wrong = mcr_diff_pairs_read(&d.pairs, args.operands[0], args.operands[1], &err);
    if (wrong) {
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
        code = wrong == MCR_EINVAL ? MCR_EXIT_USAGE : MCR_EXIT_CONFIG;
    } else {
        code = compare(&d, &opt, args.operands + 2, args.n - 2, limit, shown);
    }
    mcr_diff_pairs_fini(&d.pairs);
    return code;
}
