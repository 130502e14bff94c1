// The ledger of what is gone.
#include <stdlib.h>

#include "base/alloc.h"
#include "daemon/ledger.h"

// Every counts struct is made of counters alone.
#define SUM(to, more)                                                                              \
    sum((uint64_t *)(void *)(to), (const uint64_t *)(const void *)(more), sizeof *(to))

static void sum(uint64_t *to, const uint64_t *more, size_t size)
{
    for (size_t i = 0; i < size / sizeof *to; i++)
        to[i] += more[i];
}

const char *mcr_ledger_ended(mcr_ledger *l, const char *name)
{
    static const char suffix[] = " (ended)";
    size_t len = strlen(name), end = sizeof suffix - 1;
    bool has_it = len >= end && strcmp(name + len - end, suffix) == 0;
    mcr_buf text = { 0 };
    mcr_buf_printf(&text, "%s%s", name, has_it ? "" : suffix);
    mcr_buf_cstr(&text);
    for (uint32_t i = 0; i < l->name_n; i++)
        if (strcmp(l->names[i], text.ptr) == 0) {
            mcr_buf_fini(&text);
            return l->names[i];
        }
    l->names = mcr_realloc(l->names, (l->name_n + 1) * sizeof *l->names);
    l->names[l->name_n] = mcr_strdup(text.ptr);
    mcr_buf_fini(&text);
    return l->names[l->name_n++];
}

void mcr_ledger_fold_source(mcr_ledger *l, const mcr_source *source)
{
    const char *name = mcr_ledger_ended(l, source->name);
    for (uint32_t i = 0; i < l->source_n; i++)
        if (l->sources[i].name == name) {
            SUM(&l->sources[i].counts, &source->counts);
            return;
        }
    mcr_ledger_add_source(l, source);
    l->sources[l->source_n - 1].name = name;
}

static mcr_ledger_reason *reason_of(mcr_ledger_watcher *w, const char *text)
{
    for (uint32_t i = 0; i < w->reason_n; i++)
        if (strcmp(w->reasons[i].text, text) == 0)
            return &w->reasons[i];
    w->reasons = mcr_realloc(w->reasons, (w->reason_n + 1) * sizeof *w->reasons);
    w->reasons[w->reason_n] = (mcr_ledger_reason){ .text = mcr_strdup(text) };
    return &w->reasons[w->reason_n++];
}

static mcr_ledger_sink *sink_of(mcr_ledger_watcher *w, const char *name)
{
    for (uint32_t i = 0; i < w->sink_n; i++)
        if (w->sinks[i].name == name)
            return &w->sinks[i];
    w->sinks = mcr_realloc(w->sinks, (w->sink_n + 1) * sizeof *w->sinks);
    w->sinks[w->sink_n] = (mcr_ledger_sink){ .name = name };
    return &w->sinks[w->sink_n++];
}

static mcr_ledger_note *note_of(mcr_ledger_sink *sink, const char *name)
{
    for (uint32_t i = 0; i < sink->note_n; i++)
        if (strcmp(sink->notes[i].name, name) == 0)
            return &sink->notes[i];
    sink->notes = mcr_realloc(sink->notes, (sink->note_n + 1) * sizeof *sink->notes);
    sink->notes[sink->note_n] = (mcr_ledger_note){ .name = name };
    return &sink->notes[sink->note_n++];
}

static mcr_ledger_watcher *watcher_of(mcr_ledger *l, const char *name)
{
    for (uint32_t i = 0; i < l->watcher_n; i++)
        if (l->watchers[i].name == name)
            return &l->watchers[i];
    l->watchers = mcr_realloc(l->watchers, (l->watcher_n + 1) * sizeof *l->watchers);
    l->watchers[l->watcher_n] = (mcr_ledger_watcher){ .name = name };
    return &l->watchers[l->watcher_n++];
}

// Adds `more` to `to`; the names of its sinks become names of `l`, unless they are already.
static void fold(mcr_ledger *l, mcr_ledger_watcher *to, const mcr_ledger_watcher *more, bool names)
{
    to->has_watch |= more->has_watch;
    SUM(&to->watch, &more->watch);
    SUM(&to->counts, &more->counts);
    SUM(&to->scripts, &more->scripts);
    for (uint32_t i = 0; i < more->reason_n; i++)
        reason_of(to, more->reasons[i].text)->n += more->reasons[i].n;
    for (uint32_t i = 0; i < more->sink_n; i++) {
        const mcr_ledger_sink *sink = &more->sinks[i];
        mcr_ledger_sink *its = sink_of(to, names ? mcr_ledger_ended(l, sink->name) : sink->name);
        SUM(&its->counts, &sink->counts);
        for (uint32_t k = 0; k < sink->note_n; k++)
            note_of(its, sink->notes[k].name)->n += sink->notes[k].n;
    }
}

void mcr_ledger_fold_watcher(mcr_ledger *l, const mcr_watcher *w, const mcr_scripts *scripts,
                             const mcr_watch *watch)
{
    mcr_ledger one = { 0 };
    mcr_ledger_add_watcher(&one, w, scripts, watch);
    fold(l, watcher_of(l, mcr_ledger_ended(l, mcr_watcher_name(w))), &one.watchers[0], true);
    mcr_ledger_fini(&one);
}

void mcr_ledger_add_former(mcr_ledger *l, const mcr_ledger *former)
{
    for (uint32_t i = 0; i < former->source_n; i++) {
        l->sources = mcr_realloc(l->sources, (l->source_n + 1) * sizeof *l->sources);
        l->sources[l->source_n++] = former->sources[i];
    }
    for (uint32_t i = 0; i < former->watcher_n; i++)
        fold(l, watcher_of(l, former->watchers[i].name), &former->watchers[i], false);
}
