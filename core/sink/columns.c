#include "sink/columns.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "event/encode.h"
#include "sink/go_value.h"
#include "sink/json_path.h"
#include "sink/table.h"

struct mcr_columns {
    mcr_json_path **paths;
    char **titles;
    size_t size;
    mcr_table *table;
    mcr_buf json; // of the event at hand
    mcr_buf text; // of the cell at hand
};

// How long the next column of the spec is: to the comma that is in no bracket.
static size_t column_len(const char *spec)
{
    size_t len = 0;
    for (char quote = 0; spec[len]; len++) {
        char c = spec[len];
        if (c == '\\' && spec[len + 1])
            len++;
        else if (quote)
            quote = c == quote ? 0 : quote;
        else if (len > 0 && spec[len - 1] == '[' && (c == '\'' || c == '"'))
            quote = c;
        else if (c == ',')
            break;
    }
    return len;
}

static bool add_column(mcr_columns *c, mcr_str column, mcr_errbuf *err)
{
    const char *colon = column.len ? memchr(column.ptr, ':', column.len) : NULL;
    if (!colon || colon == column.ptr) {
        mcr_errf(err, MCR_EINVAL,
                 "custom-columns: expected TITLE:path such as NAME:.metadata.name, found '%.*s'",
                 (int)column.len, column.ptr);
        return false;
    }
    size_t title_len = (size_t)(colon - column.ptr);
    mcr_errbuf why;
    mcr_json_path *path =
        mcr_json_path_parse(mcr_str_n(colon + 1, column.len - title_len - 1), &why);
    if (!path) {
        mcr_errf(err, MCR_EINVAL, "custom-columns: column '%.*s': %s", (int)title_len, column.ptr,
                 why.text);
        return false;
    }
    c->paths = mcr_realloc(c->paths, (c->size + 1) * sizeof *c->paths);
    c->titles = mcr_realloc(c->titles, (c->size + 1) * sizeof *c->titles);
    c->paths[c->size] = path;
    c->titles[c->size] = mcr_alloc(title_len + 1);
    memcpy(c->titles[c->size], column.ptr, title_len);
    c->titles[c->size][title_len] = '\0';
    c->size++;
    return true;
}

mcr_columns *mcr_columns_new(const char *spec, bool titles, mcr_errbuf *err)
{
    mcr_columns *c = mcr_zalloc(sizeof *c);
    for (const char *at = spec;;) {
        size_t len = column_len(at);
        if (!add_column(c, mcr_str_n(at, len), err)) {
            mcr_columns_free(c);
            return NULL;
        }
        if (!at[len])
            break;
        at += len + 1;
    }
    c->table = mcr_table_new(titles ? (const char *const *)c->titles : NULL, c->size);
    return c;
}

void mcr_columns_free(mcr_columns *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->size; i++) {
        mcr_json_path_free(c->paths[i]);
        free(c->titles[i]);
    }
    free(c->paths);
    free(c->titles);
    mcr_table_free(c->table);
    mcr_buf_fini(&c->json);
    mcr_buf_fini(&c->text);
    free(c);
}

struct cell {
    mcr_buf *text;
    size_t values;
};

static void add_value(void *arg, const cJSON *value)
{
    struct cell *cell = arg;
    if (cell->values++)
        mcr_buf_putc(cell->text, ',');
    mcr_go_value(cell->text, value);
}

void mcr_columns_row(mcr_columns *c, mcr_buf *out, const mcr_event *ev)
{
    c->json.len = 0;
    mcr_event_write(&c->json, ev);
    // Whatever was decoded is JSON; only nesting deeper than cJSON's limit has no tree.
    cJSON *root = cJSON_ParseWithLength(c->json.ptr, c->json.len);
    for (size_t i = 0; i < c->size; i++) {
        c->text.len = 0;
        struct cell cell = { &c->text, 0 };
        if (root)
            mcr_json_path_find(c->paths[i], root, add_value, &cell);
        mcr_table_cell(c->table, cell.values ? mcr_buf_str(&c->text)
                                 : root      ? MCR_STR("<none>")
                                             : MCR_STR("<nested too deeply>"));
    }
    cJSON_Delete(root);
    mcr_table_end_row(c->table, out);
}

void mcr_columns_flush(mcr_columns *c, mcr_buf *out)
{
    mcr_table_flush(c->table, out);
}
