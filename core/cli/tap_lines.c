#include "cli/tap_lines.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "event/decode.h"
#include "script/script.h"
#include "sink/event_cells.h"
#include "sink/table.h"

struct mcr_tap_lines {
    mcr_scripts *where; // NULL: all
    mcr_decoder *decoder;
    mcr_table *table; // NULL: lines of JSON
    uint64_t most;    // 0: any number
    mcr_tap_totals totals;
};

// What the program says of the event; the cells of the event follow.
static const char *const titles[] = { "AT", "OUTCOME", "WATCHER", "SINK", "WHY" };
static const char *const keys[] = { "at", "outcome", "watcher", "sink", "reason" };

enum {
    KEYS = sizeof keys / sizeof *keys
};

static mcr_table *new_table(void)
{
    const char *all[KEYS + MCR_EVENT_CELLS];
    size_t n = 0;
    for (; n < KEYS; n++)
        all[n] = titles[n];
    for (size_t i = 0; i < MCR_EVENT_CELLS; i++)
        if (mcr_event_cell_is_narrow(i))
            all[n++] = mcr_event_cell_title(i);
    return mcr_table_new(all, n);
}

static mcr_err load_where(mcr_tap_lines *t, const char *where, mcr_errbuf *err)
{
    t->where = mcr_scripts_new(&(mcr_script_options){
        .watcher = "tap", .clock = &mcr_clock_wall, .on_error = MCR_ON_ERROR_DROP });
    mcr_err code = mcr_scripts_load_eval(t->where, mcr_str_of(where), err);
    return code ? code : mcr_scripts_init(t->where, mcr_clock_now(&mcr_clock_wall), err);
}

mcr_tap_lines *mcr_tap_lines_new(const char *where, bool wide, uint64_t most, mcr_errbuf *err)
{
    mcr_tap_lines *t = mcr_zalloc(sizeof *t);
    t->decoder = mcr_decoder_new();
    t->table = wide ? new_table() : NULL;
    t->most = most;
    if (!where || !load_where(t, where, err))
        return t;
    mcr_tap_lines_free(t);
    return NULL;
}

void mcr_tap_lines_free(mcr_tap_lines *t)
{
    if (!t)
        return;
    mcr_scripts_free(t->where);
    mcr_decoder_free(t->decoder);
    mcr_table_free(t->table);
    free(t);
}

// Whether `where` lets it through.
static bool is_wanted(mcr_tap_lines *t, mcr_event *ev)
{
    mcr_verdict v = { .ev = mcr_event_ref(ev), .outcome = MCR_PASS };
    const mcr_hooks *hooks = mcr_scripts_hooks(t->where);
    hooks->handle(hooks->self, &v, 1, mcr_clock_now(&mcr_clock_wall));
    mcr_event_unref(v.ev);
    t->totals.failed += v.outcome == MCR_REFUSED;
    return v.outcome == MCR_PASS;
}

static void add_row(mcr_tap_lines *t, const cJSON *said, const mcr_event *ev, mcr_buf *out)
{
    mcr_event_cells cells;
    for (size_t i = 0; i < KEYS; i++)
        mcr_table_cell(t->table, mcr_str_of(cJSON_GetStringValue(
                                     cJSON_GetObjectItemCaseSensitive(said, keys[i]))));
    mcr_event_cells_fill(&cells, ev, mcr_clock_now(&mcr_clock_wall));
    for (size_t i = 0; i < MCR_EVENT_CELLS; i++)
        if (mcr_event_cell_is_narrow(i))
            mcr_table_cell(t->table, cells.at[i]);
    mcr_table_end_row(t->table, out);
    mcr_event_cells_fini(&cells);
}

static uint64_t number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) && item->valuedouble >= 0 ? (uint64_t)item->valuedouble : 0;
}

static bool take_counts(mcr_tap_lines *t, mcr_str line)
{
    cJSON *json = cJSON_ParseWithLength(line.ptr, line.len);
    const cJSON *counts = cJSON_GetObjectItemCaseSensitive(json, "counts");
    if (counts) {
        t->totals.passed = number(counts, "passed");
        t->totals.shown = number(counts, "shown");
        t->totals.full = number(counts, "full");
        t->totals.counted = true;
    }
    cJSON_Delete(json);
    return counts != NULL;
}

// The event is the last member. What stands before it holds no such bytes: in a string the quotes
// would be escaped.
static bool split(mcr_str line, mcr_str *head, mcr_str *event)
{
    static const char key[] = ",\"event\":";
    const char *at = memmem(line.ptr, line.len, key, sizeof key - 1);
    if (!at || line.ptr[line.len - 1] != '}')
        return false;
    const char *from = at + sizeof key - 1;
    *head = mcr_str_n(line.ptr, (size_t)(at - line.ptr));
    *event = mcr_str_n(from, (size_t)(line.ptr + line.len - 1 - from));
    return true;
}

static void print(mcr_tap_lines *t, mcr_str line, mcr_str head, const mcr_event *ev, mcr_buf *out)
{
    t->totals.printed++;
    if (!t->table) {
        mcr_buf_add(out, line);
        mcr_buf_puts(out, "\n");
        return;
    }
    mcr_buf whole = { 0 };
    mcr_buf_add(&whole, head);
    mcr_buf_puts(&whole, "}");
    cJSON *said = cJSON_ParseWithLength(whole.ptr, whole.len);
    add_row(t, said, ev, out);
    cJSON_Delete(said);
    mcr_buf_fini(&whole);
}

bool mcr_tap_lines_add(mcr_tap_lines *t, mcr_str line, mcr_buf *out)
{
    mcr_str head, text;
    if (!line.len || !split(line, &head, &text))
        return line.len && take_counts(t, line);
    t->totals.counted = false;
    if (mcr_tap_lines_full(t))
        return true;
    mcr_event *ev = NULL;
    mcr_decode_error why;
    if ((t->table || t->where) && mcr_decode(t->decoder, text, 0, &ev, &why) != MCR_DECODED_EVENT)
        return false;
    t->totals.received++;
    if (!t->where || is_wanted(t, ev))
        print(t, line, head, ev, out);
    mcr_event_unref(ev);
    return true;
}

void mcr_tap_lines_flush(mcr_tap_lines *t, mcr_buf *out)
{
    if (t->table)
        mcr_table_flush(t->table, out);
}

mcr_tap_totals mcr_tap_lines_totals(const mcr_tap_lines *t)
{
    return t->totals;
}

bool mcr_tap_lines_full(const mcr_tap_lines *t)
{
    return t->most && t->totals.printed >= t->most;
}
