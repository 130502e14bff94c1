#include "rehearse/captured_sink.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "correlate/patch.h"
#include "event/encode.h"
#include "sink/format.h"
#include "sink/kinds.h"
#include "sink/kube.h"
#include "sink/kube_fit.h"
#include "sink/lines.h"
#include "sink/webhook.h"
#include "sink/webhook_writer.h"

typedef struct captured captured;

// Decides about one event and tells.
typedef void capture(captured *c, mcr_event *ev, int64_t now);

struct captured {
    mcr_sink sink;
    uint32_t index;
    mcr_captured_hook hook;
    bool sent;
    capture *capture;
    mcr_webhook_writer *writer;   // of a webhook
    const mcr_kube_options *kube; // of the kind "kube"
    mcr_formatter *formatter;     // of lines
    mcr_buf text;
};

static void tell(const captured *c, mcr_event *ev, mcr_rehearsed what, mcr_str why,
                 const mcr_sent *sent)
{
    if (c->hook.call)
        c->hook.call(c->hook.self, c->index, ev, what, why, sent);
}

// What was sent is delivered.
static void deliver(captured *c, mcr_event *ev, const mcr_sent *sent)
{
    c->sink.counts.delivered++;
    tell(c, ev, MCR_REHEARSED_SENT, (mcr_str){ 0 }, c->sent ? sent : NULL);
}

static void capture_event(captured *c, mcr_event *ev, int64_t now)
{
    (void)now;
    c->text.len = 0;
    if (c->sent)
        mcr_event_write(&c->text, ev);
    deliver(c, ev, &(mcr_sent){ .form = MCR_SENDING_EVENT, .body = mcr_buf_str(&c->text) });
}

static void capture_line(captured *c, mcr_event *ev, int64_t now)
{
    c->text.len = 0;
    if (c->sent) {
        mcr_formatter_add(c->formatter, &c->text, ev, now);
        mcr_formatter_flush(c->formatter, &c->text);
    }
    deliver(c, ev, &(mcr_sent){ .form = MCR_SENDING_LINE, .body = mcr_buf_str(&c->text) });
}

// "METHOD URL\n", then the headers.
static void take_target(mcr_str target, mcr_sent *sent)
{
    const char *end = memchr(target.ptr, '\n', target.len);
    const char *space = memchr(target.ptr, ' ', (size_t)(end - target.ptr));
    sent->method = mcr_str_n(target.ptr, (size_t)(space - target.ptr));
    sent->url = mcr_str_n(space + 1, (size_t)(end - space) - 1);
    sent->headers = mcr_str_n(end + 1, target.len - (size_t)(end + 1 - target.ptr));
}

static void capture_request(captured *c, mcr_event *ev, int64_t now)
{
    (void)now;
    mcr_webhook_written written;
    mcr_errbuf why;
    mcr_sent sent = { .form = MCR_SENDING_REQUEST };
    switch (mcr_webhook_writer_write(c->writer, &c->sink, ev, &written, &why)) {
    case MCR_RENDER_SUPPRESS:
        c->sink.counts.suppressed++;
        tell(c, ev, MCR_REHEARSED_SUPPRESSED, MCR_STR("render"), NULL);
        return;
    case MCR_RENDER_FAILED:
        c->sink.counts.rejected++;
        tell(c, ev, MCR_REHEARSED_REJECTED, mcr_str_of(why.text), NULL);
        return;
    case MCR_RENDER_NONE:
    case MCR_RENDER_DONE:
        take_target(written.target, &sent);
        sent.body = written.body;
        deliver(c, ev, &sent);
    }
}

// A server is told of a repeat by a patch, and of what is new by the event.
static void capture_record(captured *c, mcr_event *ev, bool repeat, mcr_event *fitted)
{
    c->text.len = 0;
    if (c->sent && repeat)
        mcr_count_patch(&c->text, fitted);
    else if (c->sent)
        mcr_event_encode(&c->text, fitted, false);
    deliver(c, ev,
            &(mcr_sent){ .form = repeat ? MCR_SENDING_PATCH : MCR_SENDING_CREATE,
                         .body = mcr_buf_str(&c->text),
                         .ev = fitted });
}

static void capture_kube(captured *c, mcr_event *ev, int64_t now)
{
    (void)now;
    bool client_go = c->kube->policy == MCR_KUBE_CLIENT_GO;
    mcr_kube_fitted what;
    mcr_event *fitted = c->kube->fit ? mcr_kube_fit(ev, &what) : mcr_event_ref(ev);
    capture_record(c, ev, ev->counted || (!client_go && ev->count > 1), fitted);
    mcr_event_unref(fitted);
}

static void capture_store(captured *c, mcr_event *ev, int64_t now)
{
    (void)now;
    capture_record(c, ev, ev->counted, ev);
}

static void write_events(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now)
{
    captured *c = (captured *)sink;
    sink->counts.assigned += n;
    for (size_t i = 0; i < n; i++)
        c->capture(c, events[i], now);
}

static void flush(mcr_sink *sink, int64_t now)
{
    (void)sink, (void)now;
}

static void close_captured(mcr_sink *sink)
{
    captured *c = (captured *)sink;
    mcr_webhook_writer_free(c->writer);
    mcr_formatter_free(c->formatter);
    mcr_buf_fini(&c->text);
    free(c);
}

static const mcr_option no_options[] = { { 0 } };

static const mcr_sink_kind captured_kind = {
    .name = "captured",
    .doc = "remembers what a sink would send",
    .options = no_options,
    .write = write_events,
    .flush = flush,
    .close = close_captured,
};

bool mcr_captured_writes_lines(const mcr_sink_kind *kind)
{
    return kind == &mcr_sink_kind_file || kind == &mcr_sink_kind_stdout ||
           kind == &mcr_sink_kind_stderr;
}

// What is the kind's own. False with a sentence.
static bool set_kind(captured *c, const mcr_sink_kind *kind, const void *options, mcr_errbuf *err)
{
    if (mcr_captured_writes_lines(kind)) {
        const mcr_lines_options *o = options;
        c->capture = capture_line;
        c->formatter = mcr_formatter_new(o->format ? o->format : "json", err);
        return c->formatter != NULL;
    }
    c->capture = capture_event;
    if (kind == &mcr_sink_kind_webhook) {
        c->capture = capture_request;
        c->writer = mcr_webhook_writer_new(options);
    } else if (kind == &mcr_sink_kind_kube) {
        c->capture = capture_kube;
        c->kube = options;
    } else if (kind == &mcr_sink_kind_store) {
        c->capture = capture_store;
    }
    return true;
}

mcr_sink *mcr_captured_sink_new(const mcr_sink_kind *kind, const void *options, uint32_t index,
                                mcr_captured_hook hook, bool sent, mcr_errbuf *err)
{
    captured *c = mcr_zalloc(sizeof *c);
    c->sink.kind = &captured_kind;
    c->index = index;
    c->hook = hook;
    c->sent = sent;
    bool known = !kind->check || !kind->check(options, err);
    if (known && set_kind(c, kind, options, err))
        return &c->sink;
    close_captured(&c->sink);
    return NULL;
}
