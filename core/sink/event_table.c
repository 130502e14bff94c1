#include "sink/event_table.h"

#include "sink/event_cells.h"

mcr_table *mcr_event_table_new(bool wide)
{
    static const char *const narrow_titles[] = { "LAST SEEN", "TYPE", "REASON", "OBJECT",
                                                 "MESSAGE" };
    static const char *const wide_titles[] = { "LAST SEEN", "TYPE",   "REASON",  "OBJECT",
                                               "SUBOBJECT", "SOURCE", "MESSAGE", "FIRST SEEN",
                                               "COUNT",     "NAME" };
    if (wide)
        return mcr_table_new(wide_titles, sizeof wide_titles / sizeof wide_titles[0]);
    return mcr_table_new(narrow_titles, sizeof narrow_titles / sizeof narrow_titles[0]);
}

// The columns of the narrow table.
static bool is_narrow(size_t cell)
{
    return cell <= MCR_CELL_OBJECT || cell == MCR_CELL_MESSAGE;
}

void mcr_event_table_row(mcr_table *t, bool wide, mcr_buf *out, const mcr_event *ev, int64_t now)
{
    mcr_event_cells cells;
    mcr_event_cells_fill(&cells, ev, now);
    for (size_t i = 0; i < MCR_EVENT_CELLS; i++)
        if (wide || is_narrow(i))
            mcr_table_cell(t, cells.at[i]);
    mcr_table_end_row(t, out);
    mcr_event_cells_fini(&cells);
}
