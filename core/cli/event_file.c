#include "cli/event_file.h"

#include <ev.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "source/jsonl.h"

typedef struct reading {
    mcr_event_list *list;
    size_t limit;
    struct ev_loop *loop;
    bool failed;
} reading;

static uint32_t on_take(void *self, mcr_source *source, mcr_event *const *events, uint32_t n)
{
    (void)source;
    reading *r = self;
    mcr_event_list *list = r->list;
    for (uint32_t i = 0; i < n; i++) {
        if (list->n >= r->limit) {
            list->full = true;
            ev_break(r->loop, EVBREAK_ONE);
            return i;
        }
        if (list->n == list->cap) {
            list->cap = list->cap ? list->cap * 2 : 256;
            list->at = mcr_realloc(list->at, list->cap * sizeof(mcr_event *));
        }
        list->at[list->n++] = mcr_event_ref(events[i]);
    }
    return n;
}

static void on_malformed(void *self, mcr_source *source, const char *message)
{
    (void)source;
    ((reading *)self)->list->malformed++;
    mcr_log(MCR_LOG_ERROR, "%s", message);
}

static void on_ended(void *self, mcr_source *source, const char *error)
{
    reading *r = self;
    if (error) {
        mcr_log(MCR_LOG_ERROR, "%s: %s", source->name, error);
        r->failed = true;
    }
    ev_break(r->loop, EVBREAK_ONE);
}

bool mcr_event_list_read(mcr_event_list *list, const char *path, size_t limit, size_t event_limit)
{
    reading r = { .list = list, .limit = limit, .loop = ev_loop_new(EVFLAG_AUTO) };
    const mcr_jsonl_options options = { .path = path };
    const mcr_source_owner owner = { &r, on_take, on_malformed, on_ended };
    mcr_errbuf err;
    mcr_source *source = mcr_jsonl_kind.open(&options, r.loop, &owner, event_limit, &err);
    if (source) {
        source->kind->start(source);
        ev_run(r.loop, 0);
        source->kind->close(source);
    } else {
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
        r.failed = true;
    }
    ev_loop_destroy(r.loop);
    return !r.failed;
}

void mcr_event_list_fini(mcr_event_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        mcr_event_unref(list->at[i]);
    free(list->at);
    *list = (mcr_event_list){ 0 };
}
