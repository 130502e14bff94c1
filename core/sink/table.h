#pragma once
// Rows of text in aligned columns, as kubectl prints them: three spaces between columns, columns at
// least six wide, nothing after the last one.
//
// Rows are held back so that their widths are known: up to MCR_TABLE_ROWS of them (or 1 MiB) or
// until a flush. Columns never become narrower later. The header goes before the first row. Each
// row is exactly one line: what is not printable is escaped (sink/go_quote.h), so that no text can
// break the table or the terminal.

#include <stdbool.h>

#include "base/buf.h"

enum {
    MCR_TABLE_ROWS = 500
};

typedef struct mcr_table mcr_table;

// mcr_table_new makes a table with `n` columns (1 or more); the titles are copied. NULL: it has
// none.
mcr_table *mcr_table_new(const char *const *titles, size_t n);
void mcr_table_free(mcr_table *t);

// mcr_table_cell adds the next cell of the row that is being made.
void mcr_table_cell(mcr_table *t, mcr_str text);

// mcr_table_end_row ends the row; cells that are missing are empty. Appends all rows held back to
// `out` when there are enough.
void mcr_table_end_row(mcr_table *t, mcr_buf *out);

// mcr_table_flush appends the rows held back.
void mcr_table_flush(mcr_table *t, mcr_buf *out);
