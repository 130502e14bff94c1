#pragma once
// Columns of one's own, as `kubectl -o custom-columns=NAME:.metadata.name,…`. Several values of one
// column are joined by commas; a column whose path leads nowhere shows <none>.

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"

typedef struct mcr_columns mcr_columns;

// mcr_columns_new reads `TITLE:path,TITLE:path…` (paths: sink/json_path.h). NULL with a sentence in
// `err` when it does not hold together. `titles`: they are shown, above the first row.
mcr_columns *mcr_columns_new(const char *spec, bool titles, mcr_errbuf *err);
void mcr_columns_free(mcr_columns *c);

// mcr_columns_row adds the event's row; rows are held back as sink/table.h says.
void mcr_columns_row(mcr_columns *c, mcr_buf *out, const mcr_event *ev);

// mcr_columns_flush appends the rows held back.
void mcr_columns_flush(mcr_columns *c, mcr_buf *out);
