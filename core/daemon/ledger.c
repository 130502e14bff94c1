#include "daemon/ledger.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "sink/dead_letters.h"

// Makes room for one more in an array of `n` and returns it, zeroed.
static void *one_more(void *array, uint32_t n, size_t size, void **grown)
{
    *grown = mcr_realloc(array, (n + 1) * size);
    return memset((char *)*grown + n * size, 0, size);
}

void mcr_ledger_add_source(mcr_ledger *l, const mcr_source *source)
{
    void *grown;
    mcr_ledger_source *added = one_more(l->sources, l->source_n, sizeof *added, &grown);
    l->sources = grown;
    l->source_n++;
    *added = (mcr_ledger_source){ source->name, source->counts };
}

void mcr_ledger_set_broadcaster(mcr_ledger *l, mcr_broadcaster *b)
{
    l->has_broadcaster = true;
    l->broadcaster = mcr_broadcaster_counts_now(b);
}

void mcr_ledger_set_dead_letters(mcr_ledger *l, mcr_dead_letters *dead)
{
    l->has_dead_letters = true;
    l->dead_letters = mcr_dead_letters_count(dead);
}

static void add_reason(void *arg, mcr_str reason, uint64_t n)
{
    mcr_ledger_watcher *w = arg;
    void *grown;
    mcr_ledger_reason *added = one_more(w->reasons, w->reason_n, sizeof *added, &grown);
    w->reasons = grown;
    w->reason_n++;
    added->n = n;
    added->text = mcr_alloc(reason.len + 1);
    if (reason.len)
        memcpy(added->text, reason.ptr, reason.len);
    added->text[reason.len] = '\0';
}

static void add_note(void *to, const char *name, uint64_t n)
{
    mcr_ledger_sink *sink = to;
    void *grown;
    mcr_ledger_note *added = one_more(sink->notes, sink->note_n, sizeof *added, &grown);
    sink->notes = grown;
    sink->note_n++;
    *added = (mcr_ledger_note){ name, n };
}

static mcr_ledger_sink *add_sink(mcr_ledger_watcher *w, const char *name,
                                 const mcr_sink_counts *counts)
{
    void *grown;
    mcr_ledger_sink *added = one_more(w->sinks, w->sink_n, sizeof *added, &grown);
    w->sinks = grown;
    w->sink_n++;
    *added = (mcr_ledger_sink){ .name = name, .counts = *counts };
    return added;
}

typedef struct retired_to {
    mcr_ledger *ledger;
    mcr_ledger_watcher *watcher;
} retired_to;

static void add_retired(void *arg, const mcr_retired *retired)
{
    const retired_to *to = arg;
    add_sink(to->watcher, mcr_ledger_ended(to->ledger, retired->name), &retired->counts);
}

void mcr_ledger_add_watcher(mcr_ledger *l, const mcr_watcher *w, const mcr_scripts *scripts,
                            const mcr_watch *watch)
{
    void *grown;
    mcr_ledger_watcher *added = one_more(l->watchers, l->watcher_n, sizeof *added, &grown);
    l->watchers = grown;
    l->watcher_n++;
    added->name = mcr_watcher_name(w);
    added->counts = mcr_watcher_counts_now(w);
    if (watch) {
        added->has_watch = true;
        added->watch = mcr_watch_counts_now(watch);
    }
    if (scripts) {
        added->scripts = mcr_scripts_counts_now(scripts);
        mcr_scripts_each_reason(scripts, add_reason, added);
    }
    for (uint32_t i = 0; i < mcr_watcher_sink_count(w); i++) {
        const mcr_sink *sink = mcr_watcher_sink(w, i);
        mcr_ledger_sink *its = add_sink(added, sink->name, &sink->counts);
        if (sink->kind->each_note)
            sink->kind->each_note(sink, add_note, its);
    }
    mcr_watcher_each_retired(w, add_retired, &(retired_to){ l, added });
}

static const char *own(mcr_ledger *l, const char *name)
{
    l->names = mcr_realloc(l->names, (l->name_n + 1) * sizeof *l->names);
    return l->names[l->name_n++] = mcr_strdup(name);
}

void mcr_ledger_own_names(mcr_ledger *l)
{
    for (uint32_t i = 0; i < l->watcher_n; i++) {
        mcr_ledger_watcher *w = &l->watchers[i];
        w->name = own(l, w->name);
        for (uint32_t s = 0; s < w->sink_n; s++) {
            w->sinks[s].name = own(l, w->sinks[s].name);
            for (uint32_t n = 0; n < w->sinks[s].note_n; n++)
                w->sinks[s].notes[n].name = own(l, w->sinks[s].notes[n].name);
        }
    }
}

void mcr_ledger_fini(mcr_ledger *l)
{
    for (uint32_t i = 0; i < l->watcher_n; i++) {
        mcr_ledger_watcher *w = &l->watchers[i];
        for (uint32_t r = 0; r < w->reason_n; r++)
            free(w->reasons[r].text);
        free(w->reasons);
        for (uint32_t s = 0; s < w->sink_n; s++)
            free(w->sinks[s].notes);
        free(w->sinks);
    }
    for (uint32_t i = 0; i < l->name_n; i++)
        free(l->names[i]);
    free(l->names);
    free(l->watchers);
    free(l->sources);
    *l = (mcr_ledger){ 0 };
}
