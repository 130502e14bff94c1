#include "sink/table.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "sink/go_quote.h"

enum {
    GAP = 3,
    LEAST_WIDTH = 6,         // gap included, as kubectl's writer has it
    MOST_BYTES = 1024 * 1024 // held back
};

struct cell {
    size_t len; // bytes of text
    size_t width;
};

struct mcr_table {
    size_t columns;
    size_t *widths;     // of each column, gap included
    struct cell *cells; // the titles' row when nothing was written yet, then rows held back
    size_t cells_size;
    size_t cells_cap;
    mcr_buf text; // of all cells, one after the other
    size_t rows;  // complete ones held back, titles not counted
};

// Code points, as kubectl counts.
static size_t width_of(const char *text, size_t len)
{
    size_t width = 0;
    for (size_t i = 0; i < len; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

static size_t column_of_next(const mcr_table *t)
{
    return t->cells_size % t->columns;
}

void mcr_table_cell(mcr_table *t, mcr_str text)
{
    if (t->cells_size == t->cells_cap) {
        t->cells_cap = t->cells_cap ? t->cells_cap * 2 : 64;
        t->cells = mcr_realloc(t->cells, t->cells_cap * sizeof *t->cells);
    }
    size_t before = t->text.len;
    mcr_go_escape(&t->text, text, false);
    size_t len = t->text.len - before;
    size_t width = len ? width_of(t->text.ptr + before, len) : 0;
    size_t column = column_of_next(t);
    if (width + GAP > t->widths[column])
        t->widths[column] = width + GAP;
    t->cells[t->cells_size++] = (struct cell){ len, width };
}

mcr_table *mcr_table_new(const char *const *titles, size_t n)
{
    mcr_table *t = mcr_zalloc(sizeof *t);
    t->columns = n;
    t->widths = mcr_alloc(n * sizeof *t->widths);
    for (size_t i = 0; i < n; i++)
        t->widths[i] = LEAST_WIDTH;
    for (size_t i = 0; titles && i < n; i++)
        mcr_table_cell(t, mcr_str_of(titles[i]));
    return t;
}

void mcr_table_free(mcr_table *t)
{
    if (!t)
        return;
    mcr_buf_fini(&t->text);
    free(t->cells);
    free(t->widths);
    free(t);
}

void mcr_table_end_row(mcr_table *t, mcr_buf *out)
{
    while (column_of_next(t) != 0)
        mcr_table_cell(t, MCR_STR(""));
    t->rows++;
    if (t->rows >= MCR_TABLE_ROWS || t->text.len >= MOST_BYTES)
        mcr_table_flush(t, out);
}

void mcr_table_flush(mcr_table *t, mcr_buf *out)
{
    if (t->rows == 0)
        return;
    const char *text = t->text.ptr;
    for (size_t i = 0; i < t->cells_size; i++) {
        struct cell cell = t->cells[i];
        size_t column = i % t->columns;
        mcr_buf_append(out, text, cell.len);
        text += cell.len;
        if (column == t->columns - 1) {
            mcr_buf_putc(out, '\n');
            continue;
        }
        size_t pad = t->widths[column] - cell.width;
        memset(mcr_buf_reserve(out, pad), ' ', pad);
        out->len += pad;
    }
    t->cells_size = 0;
    t->text.len = 0;
    t->rows = 0;
}
