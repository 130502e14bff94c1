#pragma once
// Where `mooncrier record` records: a sink of the kind kube or store, one event after the other,
// each waited for.

#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"

typedef struct mcr_record_sink mcr_record_sink;

typedef struct mcr_record_sink_options {
    const char *store; // the file of an event store; NULL: an API server
    const char *server;
    const char *kubeconfig;
    const char *context;
} mcr_record_sink_options;

// mcr_record_sink_open borrows the strings. NULL with a sentence in `err`.
mcr_record_sink *mcr_record_sink_open(const mcr_record_sink_options *options, mcr_errbuf *err);
void mcr_record_sink_free(mcr_record_sink *to);

// mcr_record_sink_namespace is that of the kubeconfig's context, or of the pod; NULL: none is said.
const char *mcr_record_sink_namespace(const mcr_record_sink *to);

// mcr_record_sink_would_be_namespace is the same without a sink, read from the files alone; the
// caller frees it. MCR_ECONFIG with a sentence in `err` when the kubeconfig that somebody named
// (also by $KUBECONFIG) cannot be used; NULL when nobody named any and there is none.
mcr_err mcr_record_sink_would_be_namespace(const mcr_record_sink_options *options, char **namespace,
                                           mcr_errbuf *err);

typedef enum mcr_record_outcome {
    MCR_RECORD_DONE,
    MCR_RECORD_REFUSED, // `why`: the server's own words
    MCR_RECORD_UNKNOWN  // no answer within the timeout: nothing more can be recorded
} mcr_record_outcome;

// mcr_record_sink_send records `ev`, trying again as the sink does, until `timeout_ns` is over.
mcr_record_outcome mcr_record_sink_send(mcr_record_sink *to, mcr_event *ev, int64_t timeout_ns,
                                        mcr_buf *why);
