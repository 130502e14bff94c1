#include "sink/sink.h"

#include <string.h>

#include "sink/dead_letters.h"
#include "sink/kinds.h"

const mcr_sink_kind *const mcr_sink_kinds[] = {
    &mcr_sink_kind_file,
    &mcr_sink_kind_kube,
    &mcr_sink_kind_stdout,
    &mcr_sink_kind_stderr,
    &mcr_sink_kind_store,
    &mcr_sink_kind_webhook,
    NULL,
};

const mcr_sink_kind *mcr_sink_kind_find(const char *name)
{
    for (const mcr_sink_kind *const *kind = mcr_sink_kinds; *kind; kind++)
        if (strcmp((*kind)->name, name) == 0)
            return *kind;
    return NULL;
}

static void settle(mcr_sink *sink, const mcr_event *ev, const char *reason, uint64_t *not_kept)
{
    sink->counts.in_flight--;
    mcr_dead_letter letter = {
        .watcher = sink->watcher,
        .stage = "sink",
        .sink = sink->name,
        .reason = mcr_str_of(reason),
        .ev = ev,
    };
    if (sink->dead && mcr_dead_letters_add(sink->dead, &letter))
        sink->counts.dead_lettered++;
    else
        ++*not_kept;
}

void mcr_sink_refuse(mcr_sink *sink, const mcr_event *ev, const char *reason)
{
    settle(sink, ev, reason, &sink->counts.rejected);
}

void mcr_sink_give_up(mcr_sink *sink, const mcr_event *ev, const char *reason)
{
    settle(sink, ev, reason, &sink->counts.gave_up);
}
