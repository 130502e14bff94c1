// mooncrier.h: StartRecordingToSink: a watcher that correlates, with the sink "kube" or "store", or
// functions of the program (library_writer.c).

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/option.h"
#include "broadcast/library.h"

// What the watcher was started with; read until it is freed.
typedef struct recording {
    const mcr_sink_kind *kind; // NULL: a writer
    void *options;             // of the kind
    mcr_correlation_calls calls;
    mcr_clock clock;
} recording;

static void free_recording(void *arg)
{
    recording *r = arg;
    if (r->kind)
        mcr_options_fini(r->options, r->kind->options);
    free(r->options);
    free(r);
}

//
// Options
//

static mcr_err set(const recording *r, const char *name, mcr_option_value value, mcr_errbuf *err)
{
    return mcr_option_set(r->options, r->kind->options, name, &value, err);
}

static mcr_err set_string(const recording *r, const char *name, const char *text, mcr_errbuf *err)
{
    if (!text || !*text)
        return MCR_OK;
    return set(r, name, (mcr_option_value){ .kind = MCR_VALUE_STRING, .string = text }, err);
}

static mcr_err set_number(const recording *r, const char *name, double number, mcr_errbuf *err)
{
    if (!(number > 0))
        return MCR_OK;
    return set(r, name, (mcr_option_value){ .kind = MCR_VALUE_NUMBER, .number = number }, err);
}

static mcr_err set_bool(const recording *r, const char *name, bool yes, mcr_errbuf *err)
{
    if (!yes)
        return MCR_OK;
    return set(r, name, (mcr_option_value){ .kind = MCR_VALUE_BOOL, .boolean = true }, err);
}

// The text as the type that the option wants; what cannot be that stays text, and is refused.
static mcr_err set_setting(const recording *r, const mcr_setting *setting, mcr_errbuf *err)
{
    mcr_option_value value = { .kind = MCR_VALUE_STRING, .string = setting->value };
    const mcr_option *option = mcr_option_find(r->kind->options, setting->name);
    if (option && option->type == MCR_OPTION_BOOL) {
        bool yes = strcmp(setting->value, "true") == 0;
        if (yes || strcmp(setting->value, "false") == 0)
            value = (mcr_option_value){ .kind = MCR_VALUE_BOOL, .boolean = yes };
    } else if (option && option->type != MCR_OPTION_STRING && option->type != MCR_OPTION_SECRET) {
        char *end;
        double number = strtod(setting->value, &end);
        if (end != setting->value && !*end)
            value = (mcr_option_value){ .kind = MCR_VALUE_NUMBER, .number = number };
    }
    return set(r, setting->name, value, err);
}

static mcr_err set_kube(const recording *r, const mcr_recording_sink_options *wanted,
                        mcr_errbuf *err)
{
    mcr_err failed = set_string(r, "kubeconfig", wanted->kubeconfig, err);
    if (!failed)
        failed = set_string(r, "context", wanted->context, err);
    if (!failed)
        failed = set_string(r, "server", wanted->server, err);
    if (!failed)
        failed = set_string(r, "token_file", wanted->token_file, err);
    if (!failed)
        failed = set_string(r, "policy", wanted->client_go ? "client-go" : NULL, err);
    if (!failed)
        failed = set_bool(r, "in_cluster", wanted->in_cluster, err);
    if (!failed)
        failed = set_number(r, "max_in_flight", wanted->max_in_flight, err);
    if (!failed)
        failed = set_number(r, "retry.attempts", wanted->attempts, err);
    if (!failed)
        failed = set_number(r, "retry.wait", (double)wanted->wait_ns / 1e9, err);
    return failed;
}

static const char *wrong_together(const mcr_recording_sink_options *wanted)
{
    bool cluster = wanted->kubeconfig || wanted->context || wanted->server || wanted->token_file ||
                   wanted->in_cluster || wanted->max_in_flight;
    if (wanted->wait_ns < 0)
        return "'wait_ns' must not be negative";
    if (wanted->writer && (!wanted->writer->create || !wanted->writer->patch))
        return "'writer' needs both 'create' and 'patch'";
    if (wanted->writer && (wanted->store || cluster || wanted->n_settings))
        return "'writer' calls functions: no option of a store or cluster goes with it";
    if (wanted->store && (cluster || wanted->attempts || wanted->wait_ns))
        return "'store' records to a file: no option of a cluster goes with it";
    return NULL;
}

static mcr_err set_options(recording *r, const mcr_recording_sink_options *wanted, mcr_errbuf *err)
{
    r->options = mcr_zalloc(r->kind->options_size);
    if (r->kind->defaults)
        r->kind->defaults(r->options);
    mcr_err failed =
        wanted->store ? set_string(r, "path", wanted->store, err) : set_kube(r, wanted, err);
    for (size_t i = 0; i < wanted->n_settings && !failed; i++)
        failed = set_setting(r, &wanted->settings[i], err);
    return failed;
}

static mcr_sink *open_sink(recording *r, const mcr_recording_sink_options *wanted, mcr_errbuf *err)
{
    if (wanted->writer)
        return mcr_writer_sink_new(wanted);
    r->kind = mcr_sink_kind_find(wanted->store ? "store" : "kube");
    if (set_options(r, wanted, err))
        return NULL;
    mcr_sink *sink = r->kind->open(r->options, err);
    if (sink)
        sink->name = r->kind->name;
    return sink;
}

//
// Starting
//

static mcr_event_watcher *start(mcr_broadcaster *b, recording *r, mcr_sink *sink,
                                const mcr_recording_sink_options *wanted, mcr_errbuf *err)
{
    mcr_watcher *watcher = mcr_watcher_new("recording");
    mcr_watcher_add_sink_take(watcher, sink);
    mcr_correlator_options options =
        wanted->client_go ? (mcr_correlator_options){ 0 } : mcr_correlator_default_options;
    mcr_correlation_set(&options, wanted->correlation, &r->calls);
    bool one_at_a_time = wanted->writer || (wanted->client_go && !wanted->store);
    mcr_watcher_correlate(watcher, &options, one_at_a_time);
    r->clock = wanted->now ? (mcr_clock){ wanted->now, wanted->now_arg } : mcr_clock_wall;
    const mcr_library_start how = { &r->clock, wanted->drain_timeout_ns, free_recording, r };
    mcr_event_watcher *w = mcr_event_watcher_start_take(b, watcher, &how, err);
    if (!w && wanted->writer)
        mcr_writer_sink_forget(sink);
    if (!w)
        mcr_watcher_free(watcher);
    return w;
}

mcr_event_watcher *mcr_start_recording_to_sink(mcr_broadcaster *b,
                                               const mcr_recording_sink_options *wanted,
                                               mcr_errbuf *err)
{
    const char *wrong = wrong_together(wanted);
    if (wrong) {
        mcr_errf(err, MCR_EINVAL, "%s", wrong);
        return NULL;
    }
    recording *r = mcr_zalloc(sizeof *r);
    mcr_sink *sink = open_sink(r, wanted, err);
    mcr_event_watcher *w = sink ? start(b, r, sink, wanted, err) : NULL;
    if (!w)
        free_recording(r);
    return w;
}
