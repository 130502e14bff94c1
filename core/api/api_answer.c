#include "api/api_answer.h"

#include "api/api_reply.h"
#include "api/api_table.h"
#include "api/api_view.h"
#include "base/clock.h"
#include "event/decode.h"
#include "event/encode.h"

const char *mcr_api_resource_name(bool events_api)
{
    return events_api ? "events.events.k8s.io" : "events";
}

void mcr_api_details(mcr_buf *out, bool events_api, const char *name, const char *uid,
                     const char *causes)
{
    mcr_buf_putc(out, '{');
    if (name && *name) {
        mcr_buf_puts(out, "\"name\":");
        mcr_json_string(out, mcr_str_of(name));
        mcr_buf_putc(out, ',');
    }
    if (events_api)
        mcr_buf_puts(out, "\"group\":\"events.k8s.io\",");
    mcr_buf_puts(out, "\"kind\":\"events\"");
    if (uid) {
        mcr_buf_puts(out, ",\"uid\":");
        mcr_json_string(out, mcr_str_of(uid));
    }
    if (causes)
        mcr_buf_printf(out, ",\"causes\":%s", causes);
    mcr_buf_putc(out, '}');
}

void mcr_api_answer_not_found(mcr_api_call *call)
{
    bool events = call->request.events_api;
    mcr_buf details = { 0 };
    mcr_api_details(&details, events, call->request.name, NULL, NULL);
    mcr_api_reply_status(call, 404, "NotFound", mcr_buf_cstr(&details), "%s \"%s\" not found",
                         mcr_api_resource_name(events), call->request.name);
    mcr_buf_fini(&details);
}

static void write_row(mcr_buf *out, mcr_decoder *decoder, mcr_str json, int64_t now)
{
    mcr_event *ev;
    mcr_decode_error why;
    if (mcr_decode(decoder, json, 0, &ev, &why) != MCR_DECODED_EVENT) {
        mcr_buf_puts(out, "{\"cells\":[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",0,\"\"],"
                          "\"object\":null}"); // a file that another program wrote
        return;
    }
    mcr_api_table_row(out, ev, json, now);
    mcr_event_unref(ev);
}

static void write_table_head(mcr_buf *out)
{
    mcr_buf_puts(out, "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{");
}

// A Table of one row. `version`: of the row, as its own metadata says.
static void write_small_table(mcr_buf *out, mcr_str json, bool columns)
{
    mcr_decoder *decoder = mcr_decoder_new();
    mcr_str version = mcr_api_member(mcr_api_member(json, "metadata"), "resourceVersion");
    write_table_head(out);
    mcr_buf_puts(out, "\"resourceVersion\":");
    mcr_buf_add(out, version.len ? version : MCR_STR("\"\""));
    mcr_buf_puts(out, "},");
    if (columns)
        mcr_api_table_columns(out);
    else
        mcr_buf_puts(out, "\"columnDefinitions\":null");
    mcr_buf_puts(out, ",\"rows\":[");
    write_row(out, decoder, json, mcr_clock_now(&mcr_clock_wall));
    mcr_buf_puts(out, "]}");
    mcr_decoder_free(decoder);
}

void mcr_api_watch_object(mcr_buf *out, bool events_api, mcr_api_form form, mcr_str json,
                          bool first)
{
    if (form == MCR_API_FORM_TABLE)
        write_small_table(out, json, first);
    else if (form == MCR_API_FORM_PARTIAL)
        mcr_api_view_partial(out, json);
    else
        mcr_api_view_write(out, json, events_api, true);
}

void mcr_api_answer_event(mcr_api_call *call, int status, mcr_str json)
{
    mcr_api_watch_object(&call->reply.body, call->request.events_api, call->request.form, json,
                         true);
    mcr_buf_putc(&call->reply.body, '\n');
    mcr_api_reply_json(call, status);
}

static void write_list_meta(mcr_buf *out, const mcr_api_list_meta *meta)
{
    mcr_buf_printf(out, "\"resourceVersion\":\"%llu\"", (unsigned long long)meta->version);
    if (meta->token.len) {
        mcr_buf_puts(out, ",\"continue\":\"");
        mcr_buf_add(out, meta->token);
        mcr_buf_putc(out, '"');
    }
    if (meta->remaining)
        mcr_buf_printf(out, ",\"remainingItemCount\":%llu", (unsigned long long)meta->remaining);
}

static void write_rows(mcr_buf *out, const mcr_api_batch *batch)
{
    int64_t now = mcr_clock_now(&mcr_clock_wall);
    mcr_decoder *decoder = mcr_decoder_new();
    for (size_t i = 0; i < batch->n; i++) {
        if (i)
            mcr_buf_putc(out, ',');
        write_row(out, decoder, mcr_api_item_json(batch, i), now);
    }
    mcr_decoder_free(decoder);
}

void mcr_api_answer_list(mcr_api_call *call, const mcr_api_batch *batch,
                         const mcr_api_list_meta *meta)
{
    mcr_buf *out = &call->reply.body;
    mcr_api_form form = call->request.form;
    bool events = call->request.events_api;
    if (form == MCR_API_FORM_TABLE) {
        write_table_head(out);
        write_list_meta(out, meta);
        mcr_buf_puts(out, "},");
        mcr_api_table_columns(out);
        mcr_buf_puts(out, ",\"rows\":[");
        write_rows(out, batch);
    } else {
        bool partial = form == MCR_API_FORM_PARTIAL;
        mcr_buf_printf(out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{",
                       partial ? "PartialObjectMetadataList" : "EventList",
                       partial  ? "meta.k8s.io/v1"
                       : events ? "events.k8s.io/v1"
                                : "v1");
        write_list_meta(out, meta);
        mcr_buf_puts(out, "},\"items\":[");
        for (size_t i = 0; i < batch->n; i++) {
            if (i)
                mcr_buf_putc(out, ',');
            if (partial)
                mcr_api_view_partial(out, mcr_api_item_json(batch, i));
            else
                mcr_api_view_write(out, mcr_api_item_json(batch, i), events, false);
        }
    }
    mcr_buf_puts(out, "]}\n");
    mcr_api_reply_json(call, 200);
}
