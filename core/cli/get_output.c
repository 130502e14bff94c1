#include "cli/get_output.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/object_text.h"
#include "event/decode.h"
#include "sink/columns.h"
#include "sink/event_cells.h"
#include "sink/table.h"

typedef enum kind {
    KIND_TABLE,
    KIND_WIDE,
    KIND_JSON,
    KIND_YAML,
    KIND_NAME,
    KIND_COLUMNS
} kind;

struct mcr_get_output {
    mcr_get_output_options options;
    kind kind;
    mcr_table *table;
    mcr_columns *columns;
    mcr_decoder *decoder;
    size_t documents; // of YAML, so far
};

static mcr_table *new_table(const mcr_get_output *o)
{
    const char *titles[MCR_EVENT_CELLS + 1];
    size_t n = 0;
    if (o->options.namespaces)
        titles[n++] = "NAMESPACE";
    for (size_t cell = 0; cell < MCR_EVENT_CELLS; cell++)
        if (o->kind == KIND_WIDE || mcr_event_cell_is_narrow(cell))
            titles[n++] = mcr_event_cell_title(cell);
    return mcr_table_new(o->options.no_headers ? NULL : titles, n);
}

static bool find_kind(mcr_get_output *o, mcr_errbuf *err)
{
    static const struct {
        const char *name;
        kind kind;
    } kinds[] = {
        { "table", KIND_TABLE }, { "", KIND_TABLE },    { "wide", KIND_WIDE },
        { "json", KIND_JSON },   { "yaml", KIND_YAML }, { "name", KIND_NAME },
    };
    static const char columns[] = "custom-columns=";
    const char *format = o->options.format;
    if (strncmp(format, columns, sizeof columns - 1) == 0) {
        o->kind = KIND_COLUMNS;
        o->columns = mcr_columns_new(format + sizeof columns - 1, !o->options.no_headers, err);
        return o->columns != NULL;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        o->kind = kinds[i].kind;
        if (strcmp(format, kinds[i].name) == 0)
            return true;
    }
    mcr_errf(err, MCR_EINVAL,
             "--output must be table, wide, json, yaml, name or custom-columns=…, not '%s'",
             format);
    return false;
}

mcr_get_output *mcr_get_output_new(const mcr_get_output_options *options, mcr_errbuf *err)
{
    mcr_get_output *o = mcr_zalloc(sizeof *o);
    o->options = *options;
    if (!find_kind(o, err)) {
        free(o);
        return NULL;
    }
    o->decoder = mcr_decoder_new();
    if (o->kind == KIND_TABLE || o->kind == KIND_WIDE)
        o->table = new_table(o);
    return o;
}

void mcr_get_output_free(mcr_get_output *o)
{
    if (!o)
        return;
    mcr_table_free(o->table);
    mcr_columns_free(o->columns);
    mcr_decoder_free(o->decoder);
    free(o);
}

bool mcr_get_output_is_object(const mcr_get_output *o)
{
    return o->kind == KIND_JSON || o->kind == KIND_YAML;
}

//
// Rows
//

static void add_cells(mcr_get_output *o, mcr_buf *out, const mcr_event *ev, mcr_str namespace)
{
    mcr_event_cells cells;
    mcr_event_cells_fill(&cells, ev, mcr_clock_now(&mcr_clock_wall));
    if (o->options.namespaces)
        mcr_table_cell(o->table, namespace);
    for (size_t cell = 0; cell < MCR_EVENT_CELLS; cell++)
        if (o->kind == KIND_WIDE || mcr_event_cell_is_narrow(cell))
            mcr_table_cell(o->table, cells.at[cell]);
    mcr_table_end_row(o->table, out);
    mcr_event_cells_fini(&cells);
}

static void add_row(mcr_get_output *o, mcr_buf *out, const mcr_api_batch *batch, size_t i)
{
    mcr_event *ev;
    mcr_decode_error why;
    if (mcr_decode(o->decoder, mcr_api_item_json(batch, i), 0, &ev, &why) != MCR_DECODED_EVENT) {
        mcr_str name = mcr_api_item_name(batch, i);
        mcr_log(MCR_LOG_WARN, "the stored event %.*s cannot be read: %s", (int)name.len, name.ptr,
                why.text);
        return;
    }
    if (o->columns)
        mcr_columns_row(o->columns, out, ev);
    else
        add_cells(o, out, ev, mcr_api_item_namespace(batch, i));
    mcr_event_unref(ev);
}

static void add_name(mcr_buf *out, const mcr_api_batch *batch, size_t i)
{
    mcr_buf_puts(out, "event/");
    mcr_buf_add(out, mcr_api_item_name(batch, i));
    mcr_buf_putc(out, '\n');
}

//
// Objects
//

static void add_object(mcr_get_output *o, mcr_buf *out, const cJSON *object)
{
    if (o->kind == KIND_JSON) {
        mcr_object_json(out, object);
        return;
    }
    if (o->documents++)
        mcr_buf_puts(out, "---\n");
    mcr_object_yaml(out, object);
}

static void add_event(mcr_get_output *o, mcr_buf *out, const mcr_api_batch *batch, size_t i)
{
    cJSON *object = mcr_object_read(mcr_api_item_json(batch, i), o->options.managed);
    add_object(o, out, object);
    cJSON_Delete(object);
}

static void add_list(mcr_get_output *o, mcr_buf *out, const mcr_api_batch *found,
                     const size_t *order)
{
    cJSON *list = cJSON_CreateObject();
    cJSON_AddStringToObject(list, "apiVersion", "v1");
    cJSON *items = cJSON_AddArrayToObject(list, "items");
    for (size_t i = 0; i < found->n; i++)
        cJSON_AddItemToArray(
            items, mcr_object_read(mcr_api_item_json(found, order[i]), o->options.managed));
    cJSON_AddStringToObject(list, "kind", "List");
    cJSON_AddStringToObject(cJSON_AddObjectToObject(list, "metadata"), "resourceVersion", "");
    add_object(o, out, list);
    cJSON_Delete(list);
}

//
// All of it
//

void mcr_get_output_change(mcr_get_output *o, mcr_buf *out, const mcr_api_batch *changes, size_t i)
{
    if (mcr_get_output_is_object(o))
        add_event(o, out, changes, i);
    else if (o->kind == KIND_NAME)
        add_name(out, changes, i);
    else
        add_row(o, out, changes, i);
}

void mcr_get_output_list(mcr_get_output *o, mcr_buf *out, const mcr_api_batch *found,
                         const size_t *order)
{
    if (mcr_get_output_is_object(o) && !o->options.one) {
        add_list(o, out, found, order);
        return;
    }
    for (size_t i = 0; i < found->n; i++)
        mcr_get_output_change(o, out, found, order[i]);
    mcr_get_output_flush(o, out);
}

void mcr_get_output_flush(mcr_get_output *o, mcr_buf *out)
{
    if (o->table)
        mcr_table_flush(o->table, out);
    if (o->columns)
        mcr_columns_flush(o->columns, out);
}
