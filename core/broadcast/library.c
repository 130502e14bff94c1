// mooncrier.h: event watchers whose sink calls the user's functions.

#include "mooncrier.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "broadcast/library.h"
#include "sink/format.h"
#include "sink/sink.h"

const char *mcr_version(void)
{
    return MCR_VERSION;
}

//
// The user's functions as a sink
//

typedef struct user_sink {
    mcr_sink sink;
    mcr_event_sink calls;
} user_sink;

static void user_write(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now)
{
    (void)now;
    user_sink *u = (user_sink *)sink;
    sink->counts.assigned += n;
    u->calls.write(u->calls.self, events, n);
    sink->counts.delivered += n;
}

static void user_flush(mcr_sink *sink, int64_t now)
{
    (void)now;
    user_sink *u = (user_sink *)sink;
    if (u->calls.flush)
        u->calls.flush(u->calls.self);
}

static void user_close(mcr_sink *sink)
{
    user_sink *u = (user_sink *)sink;
    if (u->calls.close)
        u->calls.close(u->calls.self);
    free(u);
}

// Not among mcr_sink_kinds: it is made here and nowhere else.
static const mcr_sink_kind user_kind = {
    .name = "function",
    .doc = "functions of a C program",
    .write = user_write,
    .flush = user_flush,
    .close = user_close,
};

static void no_close(void *self)
{
    (void)self;
}

mcr_event_watcher *mcr_start_sink(mcr_broadcaster *b, const mcr_event_sink *sink, mcr_errbuf *err)
{
    user_sink *u = mcr_zalloc(sizeof *u);
    u->sink.kind = &user_kind;
    u->sink.name = "function";
    u->calls = *sink;
    mcr_watcher *w = mcr_watcher_new("library");
    mcr_watcher_add_sink_take(w, &u->sink);
    mcr_event_watcher *started = mcr_event_watcher_start_take(b, w, &(mcr_library_start){ 0 }, err);
    if (started)
        return started;
    u->calls.close = no_close;
    mcr_watcher_free(w);
    return NULL;
}

//
// StartEventWatcher
//

typedef struct handler {
    mcr_event_handler *handle;
    void *arg;
} handler;

static void handler_write(void *self, mcr_event *const *events, size_t n)
{
    handler *h = self;
    for (size_t i = 0; i < n; i++)
        h->handle(h->arg, events[i]);
}

// Starts a sink whose `self` is the allocated `own`, which is freed also when it does not start.
static mcr_event_watcher *start_own(mcr_broadcaster *b, mcr_event_sink sink,
                                    void (*drop)(void *own), void *own, mcr_errbuf *err)
{
    sink.self = own;
    sink.close = drop;
    mcr_event_watcher *w = mcr_start_sink(b, &sink, err);
    if (!w)
        drop(own);
    return w;
}

mcr_event_watcher *mcr_start_event_watcher(mcr_broadcaster *b, mcr_event_handler *handle, void *arg,
                                           mcr_errbuf *err)
{
    handler *h = mcr_alloc(sizeof *h);
    *h = (handler){ handle, arg };
    return start_own(b, (mcr_event_sink){ .write = handler_write }, free, h, err);
}

//
// StartLogging and StartStructuredLogging
//

typedef struct logger {
    mcr_line_handler *line;
    void *arg;
    mcr_formatter *formatter; // NULL: the bare text of StartLogging
    mcr_buf text;
} logger;

static void logger_write(void *self, mcr_event *const *events, size_t n)
{
    logger *l = self;
    for (size_t i = 0; i < n; i++) {
        l->text.len = 0;
        if (l->formatter)
            mcr_formatter_add(l->formatter, &l->text, events[i], mcr_clock_now(&mcr_clock_wall));
        else
            mcr_klog_plain(&l->text, events[i]);
        l->line(l->arg, l->text.ptr, l->text.len);
    }
}

static void logger_free(void *self)
{
    logger *l = self;
    mcr_formatter_free(l->formatter);
    mcr_buf_fini(&l->text);
    free(l);
}

static mcr_event_watcher *start_logger(mcr_broadcaster *b, mcr_formatter *formatter,
                                       mcr_line_handler *line, void *arg, mcr_errbuf *err)
{
    logger *l = mcr_zalloc(sizeof *l);
    l->line = line;
    l->arg = arg;
    l->formatter = formatter;
    return start_own(b, (mcr_event_sink){ .write = logger_write }, logger_free, l, err);
}

mcr_event_watcher *mcr_start_logging(mcr_broadcaster *b, mcr_line_handler *line, void *arg,
                                     mcr_errbuf *err)
{
    return start_logger(b, NULL, line, arg, err);
}

mcr_event_watcher *mcr_start_structured_logging(mcr_broadcaster *b, mcr_line_handler *line,
                                                void *arg, mcr_errbuf *err)
{
    mcr_formatter *formatter = mcr_formatter_new("structured", err);
    return formatter ? start_logger(b, formatter, line, arg, err) : NULL;
}

void mcr_line_to_file(void *file, const char *text, size_t len)
{
    // One call after the other may come from several watchers' threads: keep lines whole.
    flockfile(file);
    fwrite(text, 1, len, file);
    if (!len || text[len - 1] != '\n')
        putc_unlocked('\n', file);
    funlockfile(file);
}
