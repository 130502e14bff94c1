#pragma once
// What a webhook sends of one event: render hook, templates, the event's JSON. Nothing here sends
// it. One thread.

#include "sink/sink.h"
#include "sink/webhook.h"

typedef struct mcr_webhook_writer mcr_webhook_writer;

// mcr_webhook_writer_new compiles the templates of `o` (borrowed until free), which were checked.
mcr_webhook_writer *mcr_webhook_writer_new(const mcr_webhook_options *o);
void mcr_webhook_writer_free(mcr_webhook_writer *w);

// Borrowed until the next call.
typedef struct mcr_webhook_written {
    mcr_str target; // sink/webhook_request.h
    mcr_str body;
} mcr_webhook_written;

// mcr_webhook_writer_write asks the render hook of `sink`, fills in the rest and finds the target.
// MCR_RENDER_DONE: `out` is filled. MCR_RENDER_SUPPRESS: the hook does not want it sent.
// MCR_RENDER_FAILED: it never can be, with a sentence in `why`, which was logged.
mcr_render_result mcr_webhook_writer_write(mcr_webhook_writer *w, const mcr_sink *sink,
                                           mcr_event *ev, mcr_webhook_written *out,
                                           mcr_errbuf *why);
