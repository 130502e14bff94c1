#include "broadcast/retired.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void mcr_retirees_take(mcr_retirees *r, mcr_sink *sink, int64_t drain_ns, int64_t now)
{
    sink->kind->flush(sink, now);
    if (sink->kind->drain)
        sink->kind->drain(sink, now);
    r->retiring = mcr_realloc(r->retiring, (r->n + 1) * sizeof *r->retiring);
    r->retiring[r->n++] = (mcr_retiring){ sink, now + drain_ns };
}

static void add(mcr_sink_counts *to, const mcr_sink_counts *more)
{
    to->assigned += more->assigned;
    to->delivered += more->delivered;
    to->merged += more->merged;
    to->suppressed += more->suppressed;
    to->rejected += more->rejected;
    to->gave_up += more->gave_up;
    to->dead_lettered += more->dead_lettered;
    to->spooled += more->spooled;
    to->in_flight += more->in_flight;
}

static mcr_retired *find(mcr_retired *list, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

static void fold(mcr_retirees *r, mcr_sink *sink)
{
    if (sink->kind->stop)
        sink->kind->stop(sink);
    const char *name = sink->name ? sink->name : sink->kind->name;
    mcr_retired *past = find(r->past, r->past_n, name);
    if (!past) {
        r->past = mcr_realloc(r->past, (r->past_n + 1) * sizeof *r->past);
        past = &r->past[r->past_n++];
        *past = (mcr_retired){ .name = mcr_strdup(name) };
    }
    add(&past->counts, &sink->counts);
    mcr_sink_close(sink);
}

static int64_t earlier(int64_t a, int64_t b)
{
    if (a == 0 || b == 0)
        return a ? a : b;
    return a < b ? a : b;
}

int64_t mcr_retirees_tick(mcr_retirees *r, int64_t now)
{
    int64_t next = 0;
    uint32_t left = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        mcr_retiring at = r->retiring[i];
        if (at.sink->counts.in_flight == 0 || now >= at.until) {
            fold(r, at.sink);
            continue;
        }
        if (at.sink->kind->tick)
            next = earlier(next, at.sink->kind->tick(at.sink, now));
        next = earlier(next, at.until);
        r->retiring[left++] = at;
    }
    r->n = left;
    return next;
}

uint64_t mcr_retirees_in_flight(const mcr_retirees *r)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < r->n; i++)
        n += r->retiring[i].sink->counts.in_flight;
    return n;
}

void mcr_retirees_stop(mcr_retirees *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        if (r->retiring[i].sink->kind->stop)
            r->retiring[i].sink->kind->stop(r->retiring[i].sink);
}

void mcr_retirees_each(const mcr_retirees *r, void (*each)(void *arg, const mcr_retired *retired),
                       void *arg)
{
    mcr_retired *all = mcr_zalloc((r->past_n + r->n + 1) * sizeof *all);
    uint32_t n = r->past_n;
    for (uint32_t i = 0; i < n; i++)
        all[i] = r->past[i];
    for (uint32_t i = 0; i < r->n; i++) {
        const mcr_sink *sink = r->retiring[i].sink;
        const char *name = sink->name ? sink->name : sink->kind->name;
        mcr_retired *same = find(all, n, name);
        if (!same) {
            same = &all[n++];
            *same = (mcr_retired){ .name = name };
        }
        add(&same->counts, &sink->counts);
    }
    for (uint32_t i = 0; i < n; i++)
        each(arg, &all[i]);
    free(all);
}

void mcr_retirees_fini(mcr_retirees *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        mcr_sink_close(r->retiring[i].sink);
    for (uint32_t i = 0; i < r->past_n; i++)
        free((char *)(uintptr_t)r->past[i].name);
    free(r->retiring);
    free(r->past);
    *r = (mcr_retirees){ 0 };
}
