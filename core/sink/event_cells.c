#include "sink/event_cells.h"

#include "sink/age.h"

const char *mcr_event_cell_title(size_t cell)
{
    static const char *const titles[MCR_EVENT_CELLS] = {
        [MCR_CELL_LAST_SEEN] = "LAST SEEN", [MCR_CELL_TYPE] = "TYPE",
        [MCR_CELL_REASON] = "REASON",       [MCR_CELL_OBJECT] = "OBJECT",
        [MCR_CELL_SUBOBJECT] = "SUBOBJECT", [MCR_CELL_SOURCE] = "SOURCE",
        [MCR_CELL_MESSAGE] = "MESSAGE",     [MCR_CELL_FIRST_SEEN] = "FIRST SEEN",
        [MCR_CELL_COUNT] = "COUNT",         [MCR_CELL_NAME] = "NAME",
    };
    return titles[cell];
}

bool mcr_event_cell_is_narrow(size_t cell)
{
    return cell <= MCR_CELL_OBJECT || cell == MCR_CELL_MESSAGE;
}

static void age_cell(mcr_event_cells *c, int cell, const mcr_time *seen, int64_t now)
{
    mcr_buf *text = &c->rooms[cell];
    static const int64_t SECOND = 1000000000;
    if (!seen->set) {
        c->at[cell] = MCR_STR("<unknown>");
        return;
    }
    int64_t age = now / SECOND - seen->sec;
    int64_t ns = now % SECOND - seen->nsec;
    // Whole seconds toward zero, as Go cuts.
    if (age > 0 && ns < 0)
        age--;
    else if (age < 0 && ns > 0)
        age++;
    mcr_age(text, age);
    c->at[cell] = mcr_buf_str(text);
}

static void object_cell(mcr_event_cells *c, int cell, const mcr_object_reference *object)
{
    mcr_buf *text = &c->rooms[cell];
    mcr_buf_add(text, object->kind);
    for (size_t i = 0; i < text->len; i++)
        if (text->ptr[i] >= 'A' && text->ptr[i] <= 'Z')
            text->ptr[i] += 'a' - 'A';
    if (object->name.len) {
        mcr_buf_putc(text, '/');
        mcr_buf_add(text, object->name);
    }
    c->at[cell] = mcr_buf_str(text);
}

static mcr_str first_of(mcr_str a, mcr_str b)
{
    return a.len ? a : b;
}

static void source_cell(mcr_event_cells *c, int cell, const mcr_event *ev)
{
    mcr_buf *text = &c->rooms[cell];
    mcr_str host = first_of(ev->source.host, ev->reportingInstance);
    mcr_buf_add(text, first_of(ev->source.component, ev->reportingComponent));
    if (host.len) {
        mcr_buf_puts(text, ", ");
        mcr_buf_add(text, host);
    }
    c->at[cell] = mcr_buf_str(text);
}

static bool ends_line(char c)
{
    return c == '\n' || c == '\f' || c == '\r';
}

static bool is_space(char c)
{
    return ends_line(c) || c == ' ' || c == '\t' || c == '\v';
}

// A message without white space around it, cut at its first line as kubectl does.
static void message_cell(mcr_event_cells *c, int cell, mcr_str message)
{
    mcr_buf *text = &c->rooms[cell];
    while (message.len && is_space(message.ptr[0])) {
        message.ptr++;
        message.len--;
    }
    while (message.len && is_space(message.ptr[message.len - 1]))
        message.len--;
    size_t line = 0;
    while (line < message.len && !ends_line(message.ptr[line]))
        line++;
    mcr_buf_append(text, message.ptr, line);
    if (line < message.len)
        mcr_buf_puts(text, "...");
    c->at[cell] = mcr_buf_str(text);
}

static void number_cell(mcr_event_cells *c, int cell, int32_t number)
{
    mcr_buf *text = &c->rooms[cell];
    mcr_buf_i64(text, number);
    c->at[cell] = mcr_buf_str(text);
}

void mcr_event_cells_fill(mcr_event_cells *out, const mcr_event *ev, int64_t now)
{
    const mcr_time *first = ev->firstTimestamp.set ? &ev->firstTimestamp : &ev->eventTime;
    const mcr_time *last = ev->lastTimestamp.set ? &ev->lastTimestamp : first;
    int32_t count = ev->count ? ev->count : 1;
    if (ev->series.set) {
        last = &ev->series.lastObservedTime;
        count = ev->series.count;
    }
    *out = (mcr_event_cells){ 0 };
    age_cell(out, MCR_CELL_LAST_SEEN, last, now);
    out->at[MCR_CELL_TYPE] = ev->type;
    out->at[MCR_CELL_REASON] = ev->reason;
    object_cell(out, MCR_CELL_OBJECT, &ev->involvedObject);
    out->at[MCR_CELL_SUBOBJECT] = ev->involvedObject.fieldPath;
    source_cell(out, MCR_CELL_SOURCE, ev);
    message_cell(out, MCR_CELL_MESSAGE, ev->message);
    age_cell(out, MCR_CELL_FIRST_SEEN, first, now);
    number_cell(out, MCR_CELL_COUNT, count);
    out->at[MCR_CELL_NAME] = ev->metadata.name;
}

void mcr_event_cells_fini(mcr_event_cells *c)
{
    for (size_t i = 0; i < MCR_EVENT_CELLS; i++)
        mcr_buf_fini(&c->rooms[i]);
}
