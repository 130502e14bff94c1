#include "api/api_table.h"

#include "event/encode.h"
#include "sink/event_cells.h"

static const struct {
    const char *name;
    const char *type;
    const char *format;
    int priority; // 1: for -o wide only
    const char *doc;
} columns[MCR_EVENT_CELLS] = {
    [MCR_CELL_LAST_SEEN] = { "Last Seen", "string", "", 0, "when it happened last" },
    [MCR_CELL_TYPE] = { "Type", "string", "", 0, "Normal or Warning" },
    [MCR_CELL_REASON] = { "Reason", "string", "", 0, "why it happened, one word for machines" },
    [MCR_CELL_OBJECT] = { "Object", "string", "", 0, "the object that this event is about" },
    [MCR_CELL_SUBOBJECT] = { "Subobject", "string", "", 1, "which part of that object" },
    [MCR_CELL_SOURCE] = { "Source", "string", "", 1, "component and host that reported it" },
    [MCR_CELL_MESSAGE] = { "Message", "string", "", 0, "what happened, a sentence for people" },
    [MCR_CELL_FIRST_SEEN] = { "First Seen", "string", "", 1, "when it happened first" },
    [MCR_CELL_COUNT] = { "Count", "string", "", 1, "how often it happened" },
    [MCR_CELL_NAME] = { "Name", "string", "name", 1, "the name of the event itself" },
};

void mcr_api_table_columns(mcr_buf *out)
{
    mcr_buf_puts(out, "\"columnDefinitions\":[");
    for (size_t i = 0; i < MCR_EVENT_CELLS; i++)
        mcr_buf_printf(out,
                       "%s{\"name\":\"%s\",\"type\":\"%s\",\"format\":\"%s\","
                       "\"description\":\"%s\",\"priority\":%d}",
                       i ? "," : "", columns[i].name, columns[i].type, columns[i].format,
                       columns[i].doc, columns[i].priority);
    mcr_buf_putc(out, ']');
}

void mcr_api_table_row(mcr_buf *out, const mcr_event *ev, mcr_str object, int64_t now)
{
    mcr_event_cells cells;
    mcr_event_cells_fill(&cells, ev, now);
    mcr_buf_puts(out, "{\"cells\":[");
    for (size_t i = 0; i < MCR_EVENT_CELLS; i++) {
        if (i)
            mcr_buf_putc(out, ',');
        if (i == MCR_CELL_COUNT)
            mcr_buf_add(out, cells.at[i]); // a number in JSON, whatever its column says
        else
            mcr_json_string(out, cells.at[i]);
    }
    mcr_event_cells_fini(&cells);
    mcr_buf_putc(out, ']');
    if (object.len) {
        mcr_buf_puts(out, ",\"object\":");
        mcr_buf_add(out, object);
    }
    mcr_buf_putc(out, '}');
}
