#include "sink/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/units.h"
#include "sink/appender.h"
#include "sink/format.h"

// An event whose line is not out yet.
struct waiting {
    mcr_event *ev;
    size_t end; // of its line in the buffer, for the first `lined` of them
};

typedef struct lines {
    mcr_sink sink;
    mcr_appender to;
    mcr_formatter *formatter;
    size_t buffer;
    mcr_buf out;
    struct waiting *waiting; // in the order they came
    size_t waiting_size;
    size_t waiting_cap;
    size_t lined;       // the others' rows are held back by the formatter
    bool sync_at_flush; // fsync = "flush"
    int64_t sync_every; // ns; 0: no interval
    int64_t sync_due;   // Unix ns; 0: nothing to sync
    bool unsynced;      // something was written since the last fsync
} lines;

void mcr_lines_defaults(void *options)
{
    mcr_lines_options *o = options;
    o->buffer = 64 * 1024;
    o->timeout = 10 * (int64_t)1000000000;
}

static bool parse_fsync(lines *l, const char *fsync_when, mcr_errbuf *err)
{
    if (!fsync_when || strcmp(fsync_when, "never") == 0)
        return true;
    if (strcmp(fsync_when, "flush") == 0) {
        l->sync_at_flush = true;
        return true;
    }
    if (mcr_parse_duration(mcr_str_of(fsync_when), &l->sync_every) && l->sync_every > 0)
        return true;
    mcr_errf(err, MCR_ECONFIG,
             "'fsync' must be \"never\", \"flush\" or a duration such as \"1s\", not '%s'",
             fsync_when);
    return false;
}

const char *mcr_lines_check(const void *options, mcr_errbuf *err)
{
    const mcr_lines_options *o = options;
    mcr_formatter *formatter = mcr_formatter_new(o->format ? o->format : "json", err);
    if (!formatter)
        return "format";
    mcr_formatter_free(formatter);
    lines probe = { .sync_every = 0 };
    return parse_fsync(&probe, o->fsync, err) ? NULL : "fsync";
}

mcr_sink *mcr_lines_open(const mcr_sink_kind *kind, const mcr_lines_options *options,
                         mcr_errbuf *err)
{
    lines *l = mcr_zalloc(sizeof *l);
    l->sink.kind = kind;
    l->buffer = (size_t)options->buffer;
    l->formatter = mcr_formatter_new(options->format ? options->format : "json", err);
    bool ok = l->formatter && parse_fsync(l, options->fsync, err);
    if (ok && options->path)
        ok = mcr_appender_open(&l->to, options->path, options->timeout, err) == MCR_OK;
    else if (ok)
        mcr_appender_of(&l->to, options->fd, options->timeout);
    if (!ok) {
        mcr_formatter_free(l->formatter);
        free(l);
        return NULL;
    }
    return &l->sink;
}

static void wait_for_line(lines *l, mcr_event *ev)
{
    if (l->waiting_size == l->waiting_cap) {
        l->waiting_cap = l->waiting_cap ? l->waiting_cap * 2 : 64;
        l->waiting = mcr_realloc(l->waiting, l->waiting_cap * sizeof *l->waiting);
    }
    l->waiting[l->waiting_size++].ev = mcr_event_ref(ev);
}

// The formatter has appended the bytes behind `before`: says whose they are. One event may have any
// number of lines; rows that were held back have one each, with a title line before the first.
static void assign_lines(lines *l, size_t before)
{
    size_t n = l->waiting_size - l->lined;
    if (l->out.len == before || n == 0)
        return;
    const char *end = l->out.ptr + l->out.len;
    for (size_t i = l->waiting_size; i-- > l->lined;) {
        l->waiting[i].end = (size_t)(end - l->out.ptr);
        if (i == l->lined)
            break;
        const char *from = l->out.ptr + before;
        end = memrchr(from, '\n', (size_t)(end - 1 - from));
        end++;
    }
    l->lined = l->waiting_size;
}

static void drop_first(lines *l, size_t n)
{
    memmove(l->waiting, l->waiting + n, (l->waiting_size - n) * sizeof *l->waiting);
    l->waiting_size -= n;
    l->lined -= n;
}

static const char *target(const lines *l)
{
    return l->to.path                  ? l->to.path
           : l->to.fd == STDERR_FILENO ? "standard error"
                                       : "standard output";
}

// What did not come out will not be tried again: the reader may be gone and the disk full for
// hours, and later events must not pile up behind them.
static void refuse_lines(lines *l, int why)
{
    char reason[512];
    snprintf(reason, sizeof reason, "cannot write to '%s': %s", target(l),
             why == ETIMEDOUT ? "the other side takes nothing" : strerror(why));
    mcr_log_once_a_minute(MCR_LOG_ERROR, "sink '%s' of watcher '%s': %s",
                          l->sink.name ? l->sink.name : l->sink.kind->name,
                          l->sink.watcher ? l->sink.watcher : "", reason);
    for (size_t i = 0; i < l->lined; i++) {
        if (why == ETIMEDOUT)
            mcr_sink_give_up(&l->sink, l->waiting[i].ev, reason);
        else
            mcr_sink_refuse(&l->sink, l->waiting[i].ev, reason);
        mcr_event_unref(l->waiting[i].ev);
    }
    drop_first(l, l->lined);
}

static void tell_delivered(const lines *l, size_t n)
{
    mcr_event *events[64];
    size_t gathered = 0;
    for (size_t i = 0; i < n; i++) {
        events[gathered++] = l->waiting[i].ev;
        if (gathered < sizeof events / sizeof *events && i + 1 < n)
            continue;
        mcr_sink_tell(&l->sink, "delivered", events, gathered);
        gathered = 0;
    }
}

static void write_out(lines *l, int64_t now)
{
    if (l->out.len == 0)
        return;
    size_t done;
    int why = mcr_appender_write(&l->to, l->out.ptr, l->out.len, &done);
    size_t n = 0, whole = 0;
    while (n < l->lined && l->waiting[n].end <= done)
        whole = l->waiting[n++].end;
    if (mcr_tapping_wants(l->sink.tapping, MCR_TAP_DELIVERED))
        tell_delivered(l, n);
    for (size_t i = 0; i < n; i++)
        mcr_event_unref(l->waiting[i].ev);
    drop_first(l, n);
    l->sink.counts.delivered += n;
    l->sink.counts.in_flight -= n;
    if (why) {
        mcr_appender_cut(&l->to, done - whole);
        refuse_lines(l, why);
    }
    if (done > 0) {
        l->unsynced = true;
        if (l->sync_every && !l->sync_due)
            l->sync_due = now + l->sync_every;
    }
    l->out.len = 0;
    if (l->out.cap > 4 * l->buffer + 65536)
        mcr_buf_fini(&l->out); // one huge event must not be paid for ever after
}

static void sync_now(lines *l)
{
    l->sync_due = 0;
    l->unsynced = false;
    int why = mcr_appender_sync(&l->to);
    if (why)
        mcr_log_once_a_minute(
            MCR_LOG_ERROR, "sink '%s': fsync of '%s': %s; what was written may be lost",
            l->sink.name ? l->sink.name : l->sink.kind->name, target(l), strerror(why));
}

void mcr_lines_write(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now)
{
    lines *l = (lines *)sink;
    sink->counts.assigned += n;
    sink->counts.in_flight += n;
    for (size_t i = 0; i < n; i++) {
        size_t before = l->out.len;
        wait_for_line(l, events[i]);
        mcr_formatter_add(l->formatter, &l->out, events[i], now);
        assign_lines(l, before);
        if (l->out.len >= l->buffer)
            write_out(l, now);
    }
    mcr_lines_tick(sink, now);
}

void mcr_lines_flush(mcr_sink *sink, int64_t now)
{
    lines *l = (lines *)sink;
    size_t before = l->out.len;
    mcr_formatter_flush(l->formatter, &l->out);
    assign_lines(l, before);
    write_out(l, now);
    if (l->sync_at_flush && l->unsynced)
        sync_now(l);
    mcr_lines_tick(sink, now);
}

int64_t mcr_lines_tick(mcr_sink *sink, int64_t now)
{
    lines *l = (lines *)sink;
    if (l->sync_due && now >= l->sync_due)
        sync_now(l);
    return l->sync_due;
}

void mcr_lines_reopen(mcr_sink *sink)
{
    lines *l = (lines *)sink;
    mcr_lines_flush(sink, 0);
    if (l->sync_due)
        sync_now(l);
    mcr_appender_reopen(&l->to);
}

void mcr_lines_close(mcr_sink *sink)
{
    lines *l = (lines *)sink;
    mcr_lines_flush(sink, 0);
    if (l->sync_due)
        sync_now(l);
    mcr_appender_close(&l->to);
    mcr_formatter_free(l->formatter);
    mcr_buf_fini(&l->out);
    free(l->waiting);
    free(l);
}
