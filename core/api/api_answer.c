#include "api/api_answer.h"

#include "api/api_reply.h"
#include "api/api_table.h"
#include "api/api_view.h"
#include "base/clock.h"
#include "event/decode.h"
#include "event/encode.h"
#include "sink/go_quote.h"

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
    mcr_buf details = { 0 }, name = { 0 };
    mcr_api_details(&details, events, call->request.name, NULL, NULL);
    mcr_go_escape(&name, mcr_str_of(call->request.name), true);
    mcr_api_reply_status(call, 404, "NotFound", mcr_buf_cstr(&details), "%s \"%s\" not found",
                         mcr_api_resource_name(events), mcr_buf_cstr(&name));
    mcr_buf_fini(&details);
    mcr_buf_fini(&name);
}

// What the rows of one Table share.
typedef struct rows {
    mcr_decoder *decoder;
    mcr_buf object;
    mcr_api_form form;
    bool events_api;
    int64_t now;
} rows;

static rows rows_begin(mcr_api_form form, bool events_api)
{
    return (rows){
        .decoder = mcr_decoder_new(),
        .form = form,
        .events_api = events_api,
        .now = mcr_clock_now(&mcr_clock_wall),
    };
}

static void rows_end(rows *r)
{
    mcr_decoder_free(r->decoder);
    mcr_buf_fini(&r->object);
}

static void write_row(mcr_buf *out, rows *r, mcr_str json)
{
    mcr_event *ev;
    mcr_decode_error why;
    if (mcr_decode(r->decoder, json, 0, &ev, &why) != MCR_DECODED_EVENT) {
        mcr_buf_puts(out, "{\"cells\":[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",0,\"\"],"
                          "\"object\":null}"); // a file that another program wrote
        return;
    }
    r->object.len = 0;
    if (r->form == MCR_API_FORM_TABLE_OBJECTS)
        mcr_api_view_write(&r->object, json, r->events_api, true);
    else if (r->form == MCR_API_FORM_TABLE)
        mcr_api_view_partial(&r->object, json);
    mcr_api_table_row(out, ev, mcr_buf_str(&r->object), r->now);
    mcr_event_unref(ev);
}

bool mcr_api_form_is_table(mcr_api_form form)
{
    return form == MCR_API_FORM_TABLE || form == MCR_API_FORM_TABLE_OBJECTS ||
           form == MCR_API_FORM_TABLE_ALONE;
}

static void write_table_head(mcr_buf *out)
{
    mcr_buf_puts(out, "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{");
}

// A Table of one row. `version`: of the row, as its own metadata says.
static void write_small_table(mcr_buf *out, bool events_api, mcr_api_form form, mcr_str json,
                              bool columns)
{
    rows r = rows_begin(form, events_api);
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
    write_row(out, &r, json);
    mcr_buf_puts(out, "]}");
    rows_end(&r);
}

void mcr_api_watch_object(mcr_buf *out, bool events_api, mcr_api_form form, mcr_str json,
                          bool first)
{
    if (mcr_api_form_is_table(form))
        write_small_table(out, events_api, form, json, first);
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

static void write_rows(mcr_buf *out, const mcr_api_call *call, const mcr_api_batch *batch)
{
    rows r = rows_begin(call->request.form, call->request.events_api);
    for (size_t i = 0; i < batch->n; i++) {
        if (i)
            mcr_buf_putc(out, ',');
        write_row(out, &r, mcr_api_item_json(batch, i));
    }
    rows_end(&r);
}

void mcr_api_answer_list(mcr_api_call *call, const mcr_api_batch *batch,
                         const mcr_api_list_meta *meta)
{
    mcr_buf *out = &call->reply.body;
    mcr_api_form form = call->request.form;
    bool events = call->request.events_api;
    if (mcr_api_form_is_table(form)) {
        write_table_head(out);
        write_list_meta(out, meta);
        mcr_buf_puts(out, "},");
        mcr_api_table_columns(out);
        mcr_buf_puts(out, ",\"rows\":[");
        write_rows(out, call, batch);
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
