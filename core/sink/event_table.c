#include "sink/event_table.h"

#include "sink/event_cells.h"

mcr_table *mcr_event_table_new(bool wide)
{
    const char *titles[MCR_EVENT_CELLS];
    size_t n = 0;
    for (size_t i = 0; i < MCR_EVENT_CELLS; i++)
        if (wide || mcr_event_cell_is_narrow(i))
            titles[n++] = mcr_event_cell_title(i);
    return mcr_table_new(titles, n);
}

void mcr_event_table_row(mcr_table *t, bool wide, mcr_buf *out, const mcr_event *ev, int64_t now)
{
    mcr_event_cells cells;
    mcr_event_cells_fill(&cells, ev, now);
    for (size_t i = 0; i < MCR_EVENT_CELLS; i++)
        if (wide || mcr_event_cell_is_narrow(i))
            mcr_table_cell(t, cells.at[i]);
    mcr_table_end_row(t, out);
    mcr_event_cells_fini(&cells);
}
