#include "sink/format.h"

#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/suggest.h"
#include "event/encode.h"
#include "sink/columns.h"
#include "sink/event_table.h"
#include "sink/json_log.h"
#include "sink/klog.h"

struct mcr_formatter {
    void (*add)(mcr_formatter *f, mcr_buf *out, const mcr_event *ev, int64_t now);
    mcr_klog_header header; // "structured", "plain"
    mcr_table *table;       // "table", "wide"
    bool wide;
    mcr_columns *columns; // "custom-columns"
};

static void add_json(mcr_formatter *f, mcr_buf *out, const mcr_event *ev, int64_t now)
{
    (void)f, (void)now;
    mcr_event_write(out, ev);
    mcr_buf_putc(out, '\n');
}

static void add_structured(mcr_formatter *f, mcr_buf *out, const mcr_event *ev, int64_t now)
{
    mcr_klog_header_write(out, &f->header, 'I', now);
    mcr_klog_structured(out, ev);
}

static void add_plain(mcr_formatter *f, mcr_buf *out, const mcr_event *ev, int64_t now)
{
    mcr_klog_header_write(out, &f->header, 'I', now);
    mcr_klog_plain(out, ev);
    mcr_buf_putc(out, '\n');
}

static void add_json_log(mcr_formatter *f, mcr_buf *out, const mcr_event *ev, int64_t now)
{
    (void)f;
    mcr_json_log(out, ev, now);
}

static void add_table(mcr_formatter *f, mcr_buf *out, const mcr_event *ev, int64_t now)
{
    mcr_event_table_row(f->table, f->wide, out, ev, now);
}

static void add_columns(mcr_formatter *f, mcr_buf *out, const mcr_event *ev, int64_t now)
{
    (void)now;
    mcr_columns_row(f->columns, out, ev);
}

static const struct {
    const char *name;
    void (*add)(mcr_formatter *f, mcr_buf *out, const mcr_event *ev, int64_t now);
} formats[] = {
    { "json", add_json },         { "structured", add_structured }, { "plain", add_plain },
    { "json-log", add_json_log }, { "table", add_table },           { "wide", add_table },
};

enum {
    FORMATS = sizeof formats / sizeof formats[0]
};

static bool unknown(const char *spec, mcr_errbuf *err)
{
    const char *names[FORMATS + 1];
    for (size_t i = 0; i < FORMATS; i++)
        names[i] = formats[i].name;
    names[FORMATS] = "custom-columns";
    const char *meant = mcr_suggest(spec, names, FORMATS + 1);
    if (meant)
        mcr_errf(err, MCR_EINVAL, "unknown format '%s'; did you mean '%s'?", spec, meant);
    else
        mcr_errf(err, MCR_EINVAL,
                 "unknown format '%s'; there are json, structured, plain, json-log, table, wide "
                 "and custom-columns=TITLE:path,…",
                 spec);
    return false;
}

static bool setup(mcr_formatter *f, const char *spec, mcr_errbuf *err)
{
    static const char custom[] = "custom-columns";
    size_t custom_len = sizeof custom - 1;
    if (strncmp(spec, custom, custom_len) == 0 && (spec[custom_len] == '=' || !spec[custom_len])) {
        if (!spec[custom_len] || !spec[custom_len + 1]) {
            mcr_errf(err, MCR_EINVAL,
                     "custom-columns needs columns, such as custom-columns=NAME:.metadata.name");
            return false;
        }
        f->add = add_columns;
        f->columns = mcr_columns_new(spec + custom_len + 1, true, err);
        return f->columns != NULL;
    }
    for (size_t i = 0; i < FORMATS && !f->add; i++)
        if (strcmp(spec, formats[i].name) == 0)
            f->add = formats[i].add;
    if (!f->add)
        return unknown(spec, err);
    if (f->add == add_table) {
        f->wide = strcmp(spec, "wide") == 0;
        f->table = mcr_event_table_new(f->wide);
    }
    return true;
}

mcr_formatter *mcr_formatter_new(const char *spec, mcr_errbuf *err)
{
    mcr_formatter *f = mcr_zalloc(sizeof *f);
    if (!setup(f, spec, err)) {
        mcr_formatter_free(f);
        return NULL;
    }
    tzset(); // localtime_r need not look at TZ
    return f;
}

void mcr_formatter_free(mcr_formatter *f)
{
    if (!f)
        return;
    mcr_table_free(f->table);
    mcr_columns_free(f->columns);
    free(f);
}

void mcr_formatter_add(mcr_formatter *f, mcr_buf *out, const mcr_event *ev, int64_t now)
{
    f->add(f, out, ev, now);
}

void mcr_formatter_flush(mcr_formatter *f, mcr_buf *out)
{
    if (f->table)
        mcr_table_flush(f->table, out);
    if (f->columns)
        mcr_columns_flush(f->columns, out);
}
