#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "daemon/ledger_sums.h"
#include "event/encode.h"

enum {
    REASONS_SHOWN = 10,
    LABEL_MAX = 60
};

// The text form is a table of rows: a label, a number, and what it is.
typedef struct row {
    mcr_buf label;
    mcr_buf number;
    mcr_buf rest;
} row;

typedef struct table {
    row *rows;
    uint32_t n;
} table;

static row *add_row(table *t, uint64_t number)
{
    t->rows = mcr_realloc(t->rows, (t->n + 1) * sizeof *t->rows);
    row *added = &t->rows[t->n++];
    *added = (row){ 0 };
    mcr_buf_printf(&added->number, "%" PRIu64, number);
    return added;
}

// Text of users and scripts: on one line, and not longer than a label should be.
static void add_label(row *r, const char *before, const char *text)
{
    mcr_buf_puts(&r->label, before);
    for (size_t i = 0; text[i]; i++) {
        bool starts = ((unsigned char)text[i] & 0xc0) != 0x80;
        if (i >= LABEL_MAX && starts) {
            mcr_buf_puts(&r->label, "…");
            break;
        }
        mcr_buf_putc(&r->label, (unsigned char)text[i] < 0x20 ? ' ' : text[i]);
    }
}

static void add_sum(table *t, const char *before, const char *name, const mcr_sum *sum)
{
    row *r = add_row(t, sum->total.n);
    add_label(r, before, name);
    mcr_buf_printf(&r->rest, "%-8s ", sum->total.name);
    mcr_sum_write(&r->rest, sum, false);
}

static void add_side(table *t, const char *label, uint64_t n)
{
    if (n)
        add_label(add_row(t, n), "  ", label);
}

// "names_replaced" as people write it.
static void add_note(table *t, const mcr_ledger_note *note)
{
    if (!note->n)
        return;
    row *r = add_row(t, note->n);
    add_label(r, "    ", note->name);
    for (size_t i = 0; i < r->label.len; i++)
        if (r->label.ptr[i] == '_')
            r->label.ptr[i] = ' ';
}

static void add_watcher(table *t, const mcr_ledger_watcher *w)
{
    mcr_sum sum = mcr_sum_of_offered(w);
    add_sum(t, "watcher ", w->name, &sum);
    for (uint32_t i = 0; i < w->reason_n && i < REASONS_SHOWN; i++)
        add_label(add_row(t, w->reasons[i].n), "  filtered: ", w->reasons[i].text);
    if (w->reason_n > REASONS_SHOWN)
        add_side(t, "more reasons", w->reason_n - REASONS_SHOWN);
    for (uint32_t i = 0; i < w->sink_n; i++) {
        sum = mcr_sum_of_sink(&w->sinks[i].counts);
        add_sum(t, "  sink ", w->sinks[i].name, &sum);
        for (uint32_t k = 0; k < w->sinks[i].note_n; k++)
            add_note(t, &w->sinks[i].notes[k]);
    }
    add_side(t, "repeats of a known event", w->counts.counted);
    add_side(t, "combined with similar ones", w->counts.aggregated);
    add_side(t, "forgotten by 'updates'", w->counts.forgotten);
    add_side(t, "direct deliveries", w->counts.direct);
    add_side(t, "script errors", w->scripts.script_errors);
    add_side(t, "hooks stopped at their deadline", w->scripts.deadlines);
    add_side(t, "script states lost by that", w->scripts.discards);
    add_side(t, "breakers opened", w->scripts.breaker_trips);
    add_side(t, "calls left out meanwhile", w->scripts.breaker_skipped);
    add_side(t, "emitted", w->scripts.emitted);
    add_side(t, "emits not taken (see log)", w->scripts.emit_full);
    add_side(t, "unknown sinks named", w->scripts.unknown_sinks);
    add_side(t, "script memory limit reached", w->scripts.memory_full);
}

static size_t columns(const mcr_buf *text)
{
    size_t n = 0;
    for (size_t i = 0; i < text->len; i++)
        n += ((unsigned char)text->ptr[i] & 0xc0) != 0x80;
    return n;
}

static void write_table(mcr_buf *out, table *t)
{
    size_t label_width = 0, number_width = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        size_t label = columns(&t->rows[i].label), number = t->rows[i].number.len;
        label_width = label > label_width ? label : label_width;
        number_width = number > number_width ? number : number_width;
    }
    for (uint32_t i = 0; i < t->n; i++) {
        row *r = &t->rows[i];
        size_t pad = label_width + number_width - columns(&r->label) - r->number.len;
        mcr_buf_puts(out, "  ");
        mcr_buf_add(out, mcr_buf_str(&r->label));
        mcr_buf_printf(out, "%*s", (int)pad + 2, "");
        mcr_buf_add(out, mcr_buf_str(&r->number));
        if (r->rest.len)
            mcr_buf_putc(out, ' ');
        mcr_buf_add(out, mcr_buf_str(&r->rest));
        mcr_buf_putc(out, '\n');
        mcr_buf_fini(&r->label);
        mcr_buf_fini(&r->number);
        mcr_buf_fini(&r->rest);
    }
    free(t->rows);
}

static void write_text(mcr_buf *out, const mcr_ledger *l)
{
    table t = { 0 };
    mcr_sum sum;
    for (uint32_t i = 0; i < l->source_n; i++) {
        sum = mcr_sum_of_source(&l->sources[i].counts);
        add_sum(&t, "source ", l->sources[i].name, &sum);
    }
    if (l->has_broadcaster) {
        sum = mcr_sum_of_broadcaster(&l->broadcaster);
        add_sum(&t, "broadcaster", "", &sum);
    }
    if (l->left_out)
        add_label(add_row(&t, l->left_out), "events left out", "");
    if (l->recorded)
        add_label(add_row(&t, l->recorded), "events about itself", "");
    for (uint32_t i = 0; i < l->watcher_n; i++)
        add_watcher(&t, &l->watchers[i]);
    if (l->has_dead_letters)
        add_label(add_row(&t, l->dead_letters), "dead letters", "");
    mcr_buf_puts(out, "ledger\n");
    write_table(out, &t);
}

static void write_number(mcr_buf *out, const char *name, uint64_t n)
{
    mcr_buf_printf(out, ",\"%s\":%" PRIu64, name, n);
}

static void write_name(mcr_buf *out, const char *name)
{
    mcr_buf_puts(out, "{\"name\":");
    mcr_json_string(out, mcr_str_of(name));
}

static void write_members(mcr_buf *out, const mcr_sum *sum)
{
    write_number(out, sum->total.name, sum->total.n);
    for (int i = 0; i < sum->terms; i++)
        write_number(out, sum->term[i].name, sum->term[i].n);
}

static void write_watcher(mcr_buf *out, const mcr_ledger_watcher *w)
{
    write_name(out, w->name);
    if (w->has_watch) {
        write_number(out, "offered", w->watch.offered);
        write_number(out, "ring_full", w->watch.ring_full);
        write_number(out, "queued", w->watch.queued);
    }
    mcr_sum sum = mcr_sum_of_watcher(&w->counts);
    write_members(out, &sum);
    write_number(out, "direct", w->counts.direct);
    write_number(out, "counted", w->counts.counted);
    write_number(out, "aggregated", w->counts.aggregated);
    write_number(out, "updates_forgotten", w->counts.forgotten);
    write_number(out, "script_errors", w->scripts.script_errors);
    write_number(out, "deadlines", w->scripts.deadlines);
    write_number(out, "discards", w->scripts.discards);
    write_number(out, "breaker_trips", w->scripts.breaker_trips);
    write_number(out, "breaker_skipped", w->scripts.breaker_skipped);
    write_number(out, "emitted", w->scripts.emitted);
    write_number(out, "emit_full", w->scripts.emit_full);
    write_number(out, "unknown_sinks", w->scripts.unknown_sinks);
    write_number(out, "memory_full", w->scripts.memory_full);
    write_number(out, "memory_used", w->scripts.memory_used);
    mcr_buf_puts(out, ",\"reasons\":{");
    for (uint32_t i = 0; i < w->reason_n; i++) {
        if (i)
            mcr_buf_putc(out, ',');
        mcr_json_string(out, mcr_str_of(w->reasons[i].text));
        mcr_buf_printf(out, ":%" PRIu64, w->reasons[i].n);
    }
    mcr_buf_puts(out, "},\"sinks\":[");
    for (uint32_t i = 0; i < w->sink_n; i++) {
        if (i)
            mcr_buf_putc(out, ',');
        write_name(out, w->sinks[i].name);
        sum = mcr_sum_of_sink(&w->sinks[i].counts);
        write_members(out, &sum);
        for (uint32_t k = 0; k < w->sinks[i].note_n; k++)
            write_number(out, w->sinks[i].notes[k].name, w->sinks[i].notes[k].n);
        mcr_buf_putc(out, '}');
    }
    mcr_buf_puts(out, "]}");
}

static void write_json(mcr_buf *out, const mcr_ledger *l)
{
    mcr_sum sum;
    mcr_buf_puts(out, "{\"sources\":[");
    for (uint32_t i = 0; i < l->source_n; i++) {
        if (i)
            mcr_buf_putc(out, ',');
        write_name(out, l->sources[i].name);
        sum = mcr_sum_of_source(&l->sources[i].counts);
        write_members(out, &sum);
        write_number(out, "bytes", l->sources[i].counts.bytes);
        mcr_buf_putc(out, '}');
    }
    mcr_buf_putc(out, ']');
    if (l->has_broadcaster) {
        sum = mcr_sum_of_broadcaster(&l->broadcaster);
        mcr_buf_printf(out, ",\"broadcaster\":{\"accepted\":%" PRIu64, sum.total.n);
        for (int i = 0; i < sum.terms; i++)
            write_number(out, sum.term[i].name, sum.term[i].n);
        mcr_buf_putc(out, '}');
    }
    mcr_buf_puts(out, ",\"watchers\":[");
    for (uint32_t i = 0; i < l->watcher_n; i++) {
        if (i)
            mcr_buf_putc(out, ',');
        write_watcher(out, &l->watchers[i]);
    }
    mcr_buf_putc(out, ']');
    if (l->left_out)
        write_number(out, "left_out", l->left_out);
    if (l->recorded)
        write_number(out, "recorded", l->recorded);
    if (l->has_dead_letters)
        write_number(out, "dead_letters", l->dead_letters);
    mcr_buf_puts(out, "}\n");
}

void mcr_ledger_write(mcr_buf *out, const mcr_ledger *l, bool json)
{
    if (json)
        write_json(out, l);
    else
        write_text(out, l);
}

bool mcr_ledger_print(const mcr_ledger *l, bool show, bool json)
{
    if (show) {
        mcr_buf text = { 0 };
        mcr_ledger_write(&text, l, json);
        for (size_t done = 0; done < text.len;) {
            ssize_t n = write(STDERR_FILENO, text.ptr + done, text.len - done);
            if (n <= 0)
                break; // nobody reads stderr; the check below still counts
            done += (size_t)n;
        }
        mcr_buf_fini(&text);
    }
    mcr_errbuf err;
    if (mcr_ledger_check(l, &err) == MCR_OK)
        return true;
    mcr_log(MCR_LOG_ERROR, "ledger does not add up: %s", err.text);
    return false;
}
