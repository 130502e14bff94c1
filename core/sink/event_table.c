#include "sink/event_table.h"

#include "sink/age.h"

static void age_cell(mcr_table *t, mcr_buf *scratch, const mcr_time *seen, int64_t now)
{
    static const int64_t SECOND = 1000000000;
    if (!seen->set) {
        mcr_table_cell(t, MCR_STR("<unknown>"));
        return;
    }
    int64_t age = now / SECOND - seen->sec;
    int64_t ns = now % SECOND - seen->nsec;
    // Whole seconds toward zero, as Go cuts.
    if (age > 0 && ns < 0)
        age--;
    else if (age < 0 && ns > 0)
        age++;
    scratch->len = 0;
    mcr_age(scratch, age);
    mcr_table_cell(t, mcr_buf_str(scratch));
}

static void object_cell(mcr_table *t, mcr_buf *scratch, const mcr_object_reference *object)
{
    scratch->len = 0;
    mcr_buf_add(scratch, object->kind);
    for (size_t i = 0; i < scratch->len; i++)
        if (scratch->ptr[i] >= 'A' && scratch->ptr[i] <= 'Z')
            scratch->ptr[i] += 'a' - 'A';
    if (object->name.len) {
        mcr_buf_putc(scratch, '/');
        mcr_buf_add(scratch, object->name);
    }
    mcr_table_cell(t, mcr_buf_str(scratch));
}

static mcr_str first_of(mcr_str a, mcr_str b)
{
    return a.len ? a : b;
}

static void source_cell(mcr_table *t, mcr_buf *scratch, const mcr_event *ev)
{
    mcr_str host = first_of(ev->source.host, ev->reportingInstance);
    scratch->len = 0;
    mcr_buf_add(scratch, first_of(ev->source.component, ev->reportingComponent));
    if (host.len) {
        mcr_buf_puts(scratch, ", ");
        mcr_buf_add(scratch, host);
    }
    mcr_table_cell(t, mcr_buf_str(scratch));
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
static void message_cell(mcr_table *t, mcr_buf *scratch, mcr_str message)
{
    while (message.len && is_space(message.ptr[0])) {
        message.ptr++;
        message.len--;
    }
    while (message.len && is_space(message.ptr[message.len - 1]))
        message.len--;
    size_t line = 0;
    while (line < message.len && !ends_line(message.ptr[line]))
        line++;
    scratch->len = 0;
    mcr_buf_append(scratch, message.ptr, line);
    if (line < message.len)
        mcr_buf_puts(scratch, "...");
    mcr_table_cell(t, mcr_buf_str(scratch));
}

static void number_cell(mcr_table *t, mcr_buf *scratch, int32_t number)
{
    scratch->len = 0;
    mcr_buf_i64(scratch, number);
    mcr_table_cell(t, mcr_buf_str(scratch));
}

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

void mcr_event_table_row(mcr_table *t, bool wide, mcr_buf *out, const mcr_event *ev, int64_t now)
{
    const mcr_time *first = ev->firstTimestamp.set ? &ev->firstTimestamp : &ev->eventTime;
    const mcr_time *last = ev->lastTimestamp.set ? &ev->lastTimestamp : first;
    int32_t count = ev->count ? ev->count : 1;
    if (ev->series.set) {
        last = &ev->series.lastObservedTime;
        count = ev->series.count;
    }
    mcr_buf scratch = { 0 };
    age_cell(t, &scratch, last, now);
    mcr_table_cell(t, ev->type);
    mcr_table_cell(t, ev->reason);
    object_cell(t, &scratch, &ev->involvedObject);
    if (wide) {
        mcr_table_cell(t, ev->involvedObject.fieldPath);
        source_cell(t, &scratch, ev);
    }
    message_cell(t, &scratch, ev->message);
    if (wide) {
        age_cell(t, &scratch, first, now);
        number_cell(t, &scratch, count);
        mcr_table_cell(t, ev->metadata.name);
    }
    mcr_table_end_row(t, out);
    mcr_buf_fini(&scratch);
}
