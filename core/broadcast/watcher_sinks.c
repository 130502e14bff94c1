// The sinks of a watcher: added, exchanged, asked for room.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "broadcast/watcher_parts.h"

#define LONG_WAIT_NS INT64_C(1000000000)

mcr_render_hook mcr_watcher_render_hook(const mcr_watcher *w)
{
    return (mcr_render_hook){ w->hooks.render, w->hooks.self };
}

static void learn(void *self, const mcr_event *answer)
{
    mcr_correlator_update(self, answer);
}

mcr_answer_hook mcr_watcher_answer_hook(const mcr_watcher *w)
{
    return w->learns ? (mcr_answer_hook){ learn, w->correlator } : (mcr_answer_hook){ NULL, NULL };
}

uint32_t mcr_watcher_add_sink_take(mcr_watcher *w, mcr_sink *sink)
{
    if (w->sinks_size == MCR_MAX_SINKS) {
        mcr_log(MCR_LOG_ERROR, "watcher '%s' has more than %d sinks", w->name, MCR_MAX_SINKS);
        abort(); // the configuration reader refuses it before
    }
    sink->watcher = w->name;
    sink->tapping = w->telling.tapping;
    sink->render = mcr_watcher_render_hook(w);
    w->sinks[w->sinks_size] = sink;
    return w->sinks_size++;
}

static void untold(void *self, const mcr_event *ev)
{
    mcr_updates_untold(self, ev);
}

void mcr_watcher_set_updates(mcr_watcher *w, uint32_t i, int64_t every_ns)
{
    mcr_updates_free(w->updates[i]);
    w->updates[i] = every_ns == MCR_UPDATES_ALL ? NULL : mcr_updates_new(every_ns);
    w->every[i] = every_ns;
    w->sinks[i]->untold = (mcr_untold_hook){ w->updates[i] ? untold : NULL, w->updates[i] };
}

int64_t mcr_watcher_updates(const mcr_watcher *w, uint32_t i)
{
    return w->every[i];
}

int mcr_watcher_find_sink(const mcr_watcher *w, mcr_str name)
{
    for (uint32_t i = 0; i < w->sinks_size; i++)
        if (w->sinks[i]->name && mcr_str_is(name, w->sinks[i]->name))
            return (int)i;
    return -1;
}

uint32_t mcr_watcher_sink_count(const mcr_watcher *w)
{
    return w->sinks_size;
}

mcr_sink *mcr_watcher_sink(const mcr_watcher *w, uint32_t i)
{
    return w->sinks[i];
}

static void start_sink(mcr_sink *sink, struct ev_loop *loop)
{
    if (sink->kind->start)
        sink->kind->start(sink, loop);
}

// The place of `sink` among the present ones, -1 when it is new.
static int place_of(const mcr_watcher *w, const mcr_sink *sink)
{
    for (uint32_t i = 0; i < w->sinks_size; i++)
        if (w->sinks[i] == sink)
            return (int)i;
    return -1;
}

void mcr_watcher_exchange_sinks(mcr_watcher *w, mcr_sink *const *next, uint32_t n,
                                struct ev_loop *loop, int64_t drain_ns, int64_t now)
{
    mcr_updates *updates[MCR_MAX_SINKS] = { NULL };
    int64_t every[MCR_MAX_SINKS] = { 0 };
    bool stays[MCR_MAX_SINKS] = { false };
    for (uint32_t i = 0; i < n; i++) {
        int place = place_of(w, next[i]);
        if (place >= 0) {
            stays[place] = true;
            updates[i] = w->updates[place];
            every[i] = w->every[place];
            continue;
        }
        next[i]->watcher = w->name;
        next[i]->tapping = w->telling.tapping;
        next[i]->render = mcr_watcher_render_hook(w);
        next[i]->answer = mcr_watcher_answer_hook(w);
        start_sink(next[i], loop);
    }
    for (uint32_t i = 0; i < w->sinks_size; i++) {
        if (stays[i])
            continue;
        w->sinks[i]->answer = (mcr_answer_hook){ NULL, NULL };
        w->sinks[i]->untold = (mcr_untold_hook){ NULL, NULL };
        mcr_retirees_take(&w->retirees, w->sinks[i], drain_ns, now);
        mcr_updates_free(w->updates[i]);
    }
    for (uint32_t i = 0; i < n; i++) {
        w->sinks[i] = next[i];
        w->updates[i] = updates[i];
        w->every[i] = every[i];
    }
    w->sinks_size = n;
}

void mcr_watcher_each_retired(const mcr_watcher *w,
                              void (*each)(void *arg, const mcr_retired *retired), void *arg)
{
    mcr_retirees_each(&w->retirees, each, arg);
}

void mcr_watcher_start(mcr_watcher *w, struct ev_loop *loop)
{
    for (uint32_t i = 0; i < w->sinks_size; i++)
        start_sink(w->sinks[i], loop);
}

void mcr_watcher_set_drops(mcr_watcher *w, uint32_t i, bool drops)
{
    w->sinks[i]->drops = drops;
}

size_t mcr_watcher_sink_room(const mcr_watcher *w, uint32_t i)
{
    const mcr_sink *sink = w->sinks[i];
    return sink->kind->room ? sink->kind->room(sink) : SIZE_MAX;
}

// A moment without room is how back-pressure works; longer than that, somebody should know.
static void say_that_it_waits(mcr_watcher *w, const mcr_sink *full)
{
    int64_t now = mcr_clock_monotonic();
    if (!w->full_since)
        w->full_since = now;
    if (now - w->full_since < LONG_WAIT_NS)
        return;
    char cause[256];
    snprintf(cause, sizeof cause, "%.100s waits for %.100s", w->name, full->name);
    mcr_log_cause_once_a_minute(
        MCR_LOG_WARN, cause,
        "watcher '%s' waits for its sink '%s', which has no room: %" PRIu64
        " events are in its queue, and nothing goes to other sinks meanwhile (on_full = \"drop\" "
        "would give events up instead)",
        w->name, full->name, full->counts.in_flight);
}

uint32_t mcr_watcher_room(mcr_watcher *w)
{
    size_t room = MCR_BATCH;
    const mcr_sink *full = NULL;
    for (uint32_t i = 0; i < w->sinks_size; i++) {
        size_t its = w->sinks[i]->drops ? room : mcr_watcher_sink_room(w, i);
        room = its < room ? its : room;
        full = its == 0 && !full ? w->sinks[i] : full;
    }
    if (full)
        say_that_it_waits(w, full);
    else
        w->full_since = 0;
    return (uint32_t)room;
}

uint64_t mcr_watcher_in_flight(const mcr_watcher *w)
{
    uint64_t n = mcr_retirees_in_flight(&w->retirees);
    for (uint32_t i = 0; i < w->sinks_size; i++)
        n += w->sinks[i]->counts.in_flight;
    return n;
}
