#include "sink/webhook_writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "event/encode.h"
#include "sink/template.h"
#include "sink/webhook_options.h"
#include "sink/webhook_request.h"

struct mcr_webhook_writer {
    const mcr_webhook_options *o;
    mcr_template *url;              // NULL: the render hook gives it
    mcr_template *body;             // NULL: the event's JSON
    mcr_buf usual_target;           // of events for which nothing is rendered; empty: they differ
    mcr_buf url_text, other_target; // of the event at hand
    mcr_rendered rendered;          // the same
};

mcr_webhook_writer *mcr_webhook_writer_new(const mcr_webhook_options *o)
{
    mcr_webhook_writer *w = mcr_zalloc(sizeof *w);
    mcr_errbuf why;
    w->o = o;
    w->url = o->url ? mcr_template_new(o->url, MCR_TEMPLATE_URL, &why) : NULL;
    w->body = o->body ? mcr_template_new(o->body, mcr_webhook_body_place(o), &why) : NULL;
    return w;
}

void mcr_webhook_writer_free(mcr_webhook_writer *w)
{
    if (!w)
        return;
    mcr_template_free(w->url);
    mcr_template_free(w->body);
    mcr_buf_fini(&w->usual_target);
    mcr_buf_fini(&w->url_text);
    mcr_buf_fini(&w->other_target);
    mcr_buf_fini(&w->rendered.body);
    mcr_buf_fini(&w->rendered.url);
    mcr_buf_fini(&w->rendered.method);
    mcr_buf_fini(&w->rendered.headers);
    free(w);
}

// The event as JSON on one line.
static void write_json(mcr_buf *out, const mcr_event *ev)
{
    size_t before = out->len;
    mcr_event_write(out, ev);
    // A line end in JSON can only be white space.
    for (char *at = out->ptr + before, *end = out->ptr + out->len;
         (at = memchr(at, '\n', (size_t)(end - at)));)
        *at = ' ';
}

// Where the event goes: other_target, or the one that all have.
static mcr_err find_target(mcr_webhook_writer *w, mcr_event *ev, mcr_str *target, mcr_errbuf *why)
{
    const mcr_rendered *r = &w->rendered;
    bool usual =
        w->url && mcr_template_is_fixed(w->url) && !r->url.len && !r->method.len && !r->headers.len;
    mcr_buf *made = usual ? &w->usual_target : &w->other_target;
    if (!usual)
        made->len = 0;
    if (!made->len) {
        w->url_text.len = 0;
        if (w->url && !r->url.len)
            mcr_template_write(w->url, ev, &w->url_text);
        mcr_err code = mcr_webhook_target(w->o, mcr_buf_str(&w->url_text), r, made, why);
        if (code)
            return code;
    }
    *target = mcr_buf_str(made);
    return MCR_OK;
}

mcr_render_result mcr_webhook_writer_write(mcr_webhook_writer *w, const mcr_sink *sink,
                                           mcr_event *ev, mcr_webhook_written *out, mcr_errbuf *why)
{
    mcr_rendered *r = &w->rendered;
    r->body.len = r->url.len = r->method.len = r->headers.len = 0;
    mcr_render_result result = sink->render.call
                                   ? sink->render.call(sink->render.self, ev, sink->name, r, why)
                                   : MCR_RENDER_NONE;
    if (result == MCR_RENDER_SUPPRESS || result == MCR_RENDER_FAILED)
        return result;
    if (result == MCR_RENDER_NONE)
        r->body.len = r->url.len = r->method.len = r->headers.len = 0;
    if (!r->body.len && w->body)
        mcr_template_write(w->body, ev, &r->body);
    else if (!r->body.len)
        write_json(&r->body, ev);
    if (find_target(w, ev, &out->target, why)) {
        mcr_log_once_a_minute(MCR_LOG_ERROR, "sink '%s' of watcher '%s': %s", sink->name,
                              sink->watcher ? sink->watcher : "", why->text);
        return MCR_RENDER_FAILED;
    }
    out->body = mcr_buf_str(&r->body);
    return MCR_RENDER_DONE;
}
