// mooncrier.h: StartRecordingToSink: a watcher that correlates, with the sink "kube" or "store".

#include <stdlib.h>

#include "base/alloc.h"
#include "base/option.h"
#include "broadcast/library.h"

// What the sink was opened with; it reads them until it is closed.
typedef struct sink_options {
    const mcr_sink_kind *kind;
    void *options;
} sink_options;

static void free_options(void *arg)
{
    sink_options *o = arg;
    mcr_options_fini(o->options, o->kind->options);
    free(o->options);
    free(o);
}

static mcr_err set(const sink_options *o, const char *name, mcr_option_value value, mcr_errbuf *err)
{
    return mcr_option_set(o->options, o->kind->options, name, &value, err);
}

static mcr_err set_string(const sink_options *o, const char *name, const char *text,
                          mcr_errbuf *err)
{
    if (!text || !*text)
        return MCR_OK;
    return set(o, name, (mcr_option_value){ .kind = MCR_VALUE_STRING, .string = text }, err);
}

static mcr_err set_kube(const sink_options *o, const mcr_recording_sink_options *wanted,
                        mcr_errbuf *err)
{
    mcr_err failed = set_string(o, "kubeconfig", wanted->kubeconfig, err);
    if (!failed)
        failed = set_string(o, "context", wanted->context, err);
    if (!failed)
        failed = set_string(o, "server", wanted->server, err);
    if (!failed)
        failed = set_string(o, "token_file", wanted->token_file, err);
    if (!failed)
        failed = set_string(o, "policy", wanted->client_go ? "client-go" : NULL, err);
    if (!failed && wanted->in_cluster)
        failed = set(o, "in_cluster", (mcr_option_value){ .kind = MCR_VALUE_BOOL, .boolean = true },
                     err);
    if (!failed && wanted->max_in_flight)
        failed = set(
            o, "max_in_flight",
            (mcr_option_value){ .kind = MCR_VALUE_NUMBER, .number = wanted->max_in_flight }, err);
    return failed;
}

static bool goes_with_store(const mcr_recording_sink_options *wanted)
{
    return !wanted->kubeconfig && !wanted->context && !wanted->server && !wanted->token_file &&
           !wanted->in_cluster && !wanted->max_in_flight;
}

static sink_options *make_options(const mcr_recording_sink_options *wanted, mcr_errbuf *err)
{
    if (wanted->store && !goes_with_store(wanted)) {
        mcr_errf(err, MCR_EINVAL, "'store' records to a file: no option of a cluster goes with it");
        return NULL;
    }
    sink_options *o = mcr_zalloc(sizeof *o);
    o->kind = mcr_sink_kind_find(wanted->store ? "store" : "kube");
    o->options = mcr_zalloc(o->kind->options_size);
    if (o->kind->defaults)
        o->kind->defaults(o->options);
    mcr_err failed =
        wanted->store ? set_string(o, "path", wanted->store, err) : set_kube(o, wanted, err);
    if (!failed)
        return o;
    free_options(o);
    return NULL;
}

mcr_event_watcher *mcr_start_recording_to_sink(mcr_broadcaster *b,
                                               const mcr_recording_sink_options *wanted,
                                               mcr_errbuf *err)
{
    sink_options *options = make_options(wanted, err);
    if (!options)
        return NULL;
    mcr_sink *sink = options->kind->open(options->options, err);
    if (!sink) {
        free_options(options);
        return NULL;
    }
    sink->name = options->kind->name;
    mcr_watcher *watcher = mcr_watcher_new("recording");
    mcr_watcher_add_sink_take(watcher, sink);
    mcr_watcher_correlate(watcher,
                          wanted->client_go ? &(mcr_correlator_options){ 0 }
                                            : &mcr_correlator_default_options,
                          wanted->client_go && !wanted->store);
    mcr_event_watcher *w = mcr_event_watcher_start_take(b, watcher, wanted->drain_timeout_ns, err);
    if (!w) {
        mcr_watcher_free(watcher);
        free_options(options);
        return NULL;
    }
    w->freed = free_options;
    w->arg = options;
    return w;
}
