#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "broadcast/watcher_parts.h"
#include "event/event_name.h"

mcr_watcher *mcr_watcher_new(const char *name)
{
    mcr_watcher *w = mcr_zalloc(sizeof *w);
    w->name = mcr_strdup(name);
    w->telling.watcher = w->name;
    return w;
}

void mcr_watcher_free(mcr_watcher *w)
{
    if (!w)
        return;
    for (uint32_t i = 0; i < w->sinks_size; i++) {
        mcr_sink_close(w->sinks[i]);
        mcr_updates_free(w->updates[i]);
    }
    mcr_retirees_fini(&w->retirees);
    mcr_correlator_free(w->correlator);
    mcr_buf_fini(&w->name_room);
    mcr_directs_fini(&w->own);
    mcr_directs_fini(&w->emitted);
    free(w->outgoing);
    free(w->name);
    free(w);
}

const char *mcr_watcher_name(const mcr_watcher *w)
{
    return w->name;
}

static size_t room_of(void *self, uint32_t sink)
{
    const mcr_watcher *w = self;
    return sink < w->sinks_size ? mcr_watcher_sink_room(w, sink) : 0;
}

void mcr_watcher_set_hooks(mcr_watcher *w, const mcr_hooks *hooks)
{
    w->hooks = *hooks;
    if (hooks->set_room)
        hooks->set_room(hooks->self, (mcr_room_hook){ room_of, w });
    w->ticked = false;
    w->hooks_tick_at = 0;
    for (uint32_t i = 0; i < w->sinks_size; i++)
        w->sinks[i]->render = mcr_watcher_render_hook(w);
}

void mcr_watcher_correlate(mcr_watcher *w, const mcr_correlator_options *options, bool learns)
{
    mcr_correlator_free(w->correlator);
    w->correlator = options ? mcr_correlator_new(options) : NULL;
    w->learns = options && learns;
    for (uint32_t i = 0; i < w->sinks_size; i++)
        w->sinks[i]->answer = mcr_watcher_answer_hook(w);
}

void mcr_watcher_set_text_hooks(mcr_watcher *w, const mcr_correlator_options *options)
{
    if (w->correlator)
        mcr_correlator_set_text_hooks(w->correlator, options);
}

void mcr_watcher_set_tapping(mcr_watcher *w, mcr_tapping *tapping)
{
    w->telling.tapping = tapping;
}

static uint64_t all_sinks(const mcr_watcher *w)
{
    return w->sinks_size == 64 ? UINT64_MAX : ((uint64_t)1 << w->sinks_size) - 1;
}

// Takes what hooks asked for. `n` events are being routed: no place is past them.
static void collect_directs(mcr_watcher *w, uint32_t n)
{
    mcr_direct d = { 0 };
    while (w->hooks.next_direct && w->hooks.next_direct(w->hooks.self, &d)) {
        if (d.sink >= w->sinks_size || d.place > n) {
            mcr_log(MCR_LOG_ERROR, "watcher '%s': a hook named sink %u of %u, place %u of %u",
                    w->name, d.sink, w->sinks_size, d.place, n);
            abort(); // hooks find sinks by name; a wrong index would lose an event uncounted
        }
        w->counts.direct++;
        if (d.place)
            mcr_directs_push_by_place(&w->own, d);
        else
            mcr_directs_push(&w->emitted, d);
        d = (mcr_direct){ 0 };
    }
}

static void tell_end(const mcr_watcher *w, mcr_event *ev, mcr_watcher_end end)
{
    if (w->observer.ended)
        w->observer.ended(w->observer.self, ev, end);
}

// Counts what did not pass and moves the rest together; returns how many passed.
static uint32_t keep_passed(mcr_watcher *w, mcr_verdict *v, uint32_t n)
{
    uint32_t passed = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (v[i].outcome == MCR_PASS) {
            v[passed++] = v[i];
            continue;
        }
        bool dropped = v[i].outcome == MCR_DROP;
        ++*(dropped ? &w->counts.filtered : &w->counts.refused);
        tell_end(w, v[i].ev, dropped ? MCR_END_FILTERED : MCR_END_REFUSED);
        mcr_event_unref(v[i].ev);
    }
    return passed;
}

static int64_t now_of(void *self)
{
    const mcr_watcher *w = self;
    return w->correlated_at;
}

// Gives an event that has no name the one that client-go's recorder would have given it: repeats
// are told to the server by the name of the first.
static void name_it(mcr_watcher *w, mcr_verdict *v)
{
    mcr_event fields;
    mcr_event_copy_fields(&fields, v->ev);
    mcr_str object = v->ev->involvedObject.name;
    w->name_room.len = 0;
    mcr_event_name(&w->name_room, object.len ? object : MCR_STR("event"), w->correlated_at, NULL);
    fields.metadata.name = mcr_buf_str(&w->name_room);
    mcr_event *named = mcr_event_derive(v->ev, &fields);
    mcr_event_unref(v->ev);
    v->ev = named;
}

// Correlates v[0…n), moves the rest together and returns how many are left.
static uint32_t correlate(mcr_watcher *w, mcr_verdict *v, uint32_t n, int64_t now)
{
    const mcr_clock clock = { now_of, w };
    const bool tells = mcr_tapping_wants(w->telling.tapping, MCR_TAP_RECORDED | MCR_TAP_DROPPED);
    mcr_told told[MCR_BATCH];
    uint32_t left = 0;
    for (uint32_t i = 0; i < n; i++) {
        w->correlated_at = now > w->correlated_at ? now : w->correlated_at + 1;
        if (!v[i].ev->metadata.name.len)
            name_it(w, &v[i]);
        mcr_correlated out;
        mcr_correlator_run(w->correlator, v[i].ev, &clock, &out);
        if (w->observer.correlated)
            w->observer.correlated(w->observer.self, v[i].ev, &out, w->correlator);
        if (!out.ev)
            tell_end(w, v[i].ev, MCR_END_SPAM_FILTERED);
        if (tells)
            told[i] = (mcr_told){ mcr_event_ref(out.ev ? out.ev : v[i].ev), !out.ev, out.counted,
                                  out.aggregated };
        mcr_event_unref(v[i].ev);
        w->counts.aggregated += out.aggregated;
        w->counts.counted += out.counted;
        if (out.ev)
            v[left++] = (mcr_verdict){ .ev = out.ev, .outcome = MCR_PASS };
        else
            w->counts.spam_filtered++;
    }
    if (tells)
        mcr_tell_correlated(&w->telling, told, n);
    return left;
}

static void count_routes(mcr_watcher *w, const mcr_verdict *v, uint32_t n)
{
    mcr_event *nowhere[MCR_BATCH];
    uint32_t lost = 0;
    size_t own = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool routed = v[i].sinks != 0;
        for (; own < w->own.size && w->own.at[own].place == i + 1; own++)
            routed = true;
        w->counts.routed += routed;
        if (routed && w->observer.routed)
            w->observer.routed(w->observer.self, v[i].ev, v[i].sinks);
        if (routed)
            continue;
        tell_end(w, v[i].ev, MCR_END_ROUTED_NOWHERE);
        nowhere[lost++] = v[i].ev;
    }
    w->counts.routed_nowhere += lost;
    if (lost && mcr_tapping_wants(w->telling.tapping, MCR_TAP_DROPPED))
        mcr_tell_events(&w->telling, MCR_TAP_DROPPED, "routed_nowhere", nowhere, lost);
}

// What goes to sink `s`, in order: a route's own event at the place of the event it stands for,
// emitted ones at the end.
static size_t gather(mcr_watcher *w, const mcr_verdict *v, uint32_t n, uint32_t s)
{
    size_t size = 0, own = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (v[i].sinks >> s & 1)
            w->outgoing[size++] = v[i].ev;
        for (; own < w->own.size && w->own.at[own].place == i + 1; own++)
            if (w->own.at[own].sink == s)
                w->outgoing[size++] = w->own.at[own].ev;
    }
    for (size_t i = 0; i < w->emitted.size; i++)
        if (w->emitted.at[i].sink == s)
            w->outgoing[size++] = w->emitted.at[i].ev;
    return size;
}

// Leaves out of outgoing[0…n) what sink `s` does not want to hear of again.
static size_t leave_out_updates(mcr_watcher *w, size_t n, uint32_t s, int64_t now)
{
    if (!w->updates[s])
        return n;
    size_t left = 0;
    uint64_t forgotten = mcr_updates_forgotten(w->updates[s]);
    for (size_t i = 0; i < n; i++) {
        if (mcr_updates_wants(w->updates[s], w->outgoing[i], now)) {
            w->outgoing[left++] = w->outgoing[i];
            continue;
        }
        mcr_sink_tell(w->sinks[s], "suppressed", &w->outgoing[i], 1);
        if (w->observer.suppressed)
            w->observer.suppressed(w->observer.self, s, w->outgoing[i]);
    }
    w->counts.forgotten += mcr_updates_forgotten(w->updates[s]) - forgotten;
    w->sinks[s]->counts.assigned += n - left;
    w->sinks[s]->counts.suppressed += n - left;
    return left;
}

static void deliver(mcr_watcher *w, const mcr_verdict *v, uint32_t n, int64_t now)
{
    // Most of many sinks get nothing.
    const uint64_t sinks =
        mcr_verdicts_sinks(v, n) | mcr_directs_sinks(&w->own) | mcr_directs_sinks(&w->emitted);
    size_t most = n + w->own.size + w->emitted.size;
    if (most > w->outgoing_cap) {
        w->outgoing_cap = most > MCR_BATCH ? most : MCR_BATCH;
        w->outgoing = mcr_realloc(w->outgoing, w->outgoing_cap * sizeof(mcr_event *));
    }
    for (uint32_t s = 0; s < w->sinks_size; s++) {
        if (!(sinks >> s & 1))
            continue;
        size_t size = leave_out_updates(w, gather(w, v, n, s), s, now);
        if (size == 0)
            continue;
        mcr_sink *sink = w->sinks[s];
        uint64_t before = sink->turned_away;
        sink->cut_off = w->cut_off;
        sink->kind->write(sink, w->outgoing, size, now);
        w->counts.undelivered += w->cut_off ? sink->turned_away - before : 0;
    }
    mcr_directs_clear(&w->own);
    mcr_directs_clear(&w->emitted);
}

// Sets where v[0…n) go, hooks asked or not.
static void choose_sinks(mcr_watcher *w, mcr_verdict *v, uint32_t n, int64_t now)
{
    uint64_t all = all_sinks(w);
    for (uint32_t i = 0; i < n; i++)
        v[i].sinks = w->hooks.route ? 0 : all;
    if (w->hooks.route && n > 0)
        w->hooks.route(w->hooks.self, v, n, now);
    for (uint32_t i = 0; i < n; i++)
        v[i].sinks &= all;
}

void mcr_watcher_step(mcr_watcher *w, mcr_event *const *events, uint32_t n, int64_t now)
{
    mcr_verdict v[MCR_BATCH];
    if (n > MCR_BATCH) {
        mcr_log(MCR_LOG_ERROR, "watcher '%s' was given %u events at once", w->name, n);
        abort();
    }
    for (uint32_t i = 0; i < n; i++)
        v[i] = (mcr_verdict){ .ev = events[i], .outcome = MCR_PASS };
    w->counts.taken += n;
    if (w->hooks.handle && n > 0)
        w->hooks.handle(w->hooks.self, v, n, now);
    if (mcr_tapping_wants(w->telling.tapping, MCR_TAP_FILTERED | MCR_TAP_DROPPED))
        mcr_tell_handled(&w->telling, &w->hooks, v, n);
    uint32_t passed = keep_passed(w, v, n);
    collect_directs(w, 0);
    if (w->sinks_size > 0) {
        if (w->correlator)
            passed = correlate(w, v, passed, now);
        choose_sinks(w, v, passed, now);
        collect_directs(w, passed);
        count_routes(w, v, passed);
        deliver(w, v, passed, now);
    } else {
        w->counts.handled_only += passed;
        mcr_tell_handled_only(&w->telling, v, passed);
    }
    for (uint32_t i = 0; i < passed; i++) {
        if (!w->sinks_size)
            tell_end(w, v[i].ev, MCR_END_HANDLED_ONLY);
        mcr_event_unref(v[i].ev);
    }
}

static void deliver_directs(mcr_watcher *w, int64_t now)
{
    collect_directs(w, 0);
    deliver(w, NULL, 0, now);
}

static int64_t earlier(int64_t a, int64_t b)
{
    if (a == 0 || b == 0)
        return a ? a : b;
    return a < b ? a : b;
}

int64_t mcr_watcher_tick(mcr_watcher *w, int64_t now)
{
    bool due = !w->ticked || (w->hooks_tick_at && now >= w->hooks_tick_at);
    if (w->hooks.tick && !w->ended && due) {
        w->ticked = true;
        w->hooks_tick_at = w->hooks.tick(w->hooks.self, now);
        deliver_directs(w, now);
    }
    int64_t next = earlier(w->ended ? 0 : w->hooks_tick_at, mcr_retirees_tick(&w->retirees, now));
    for (uint32_t s = 0; s < w->sinks_size; s++)
        if (w->sinks[s]->kind->tick)
            next = earlier(next, w->sinks[s]->kind->tick(w->sinks[s], now));
    return next;
}

void mcr_watcher_flush(mcr_watcher *w, int64_t now)
{
    for (uint32_t s = 0; s < w->sinks_size; s++)
        w->sinks[s]->kind->flush(w->sinks[s], now);
}

void mcr_watcher_fini(mcr_watcher *w, int64_t now)
{
    if (w->ended)
        return;
    w->ended = true;
    if (w->hooks.fini) {
        w->hooks.fini(w->hooks.self, now);
        deliver_directs(w, now);
    }
    mcr_watcher_flush(w, now);
    for (uint32_t s = 0; s < w->sinks_size; s++)
        if (w->sinks[s]->kind->drain)
            w->sinks[s]->kind->drain(w->sinks[s], now);
}

void mcr_watcher_cut_off(mcr_watcher *w)
{
    w->cut_off = true;
}

void mcr_watcher_stop(mcr_watcher *w)
{
    if (w->stopped)
        return;
    w->stopped = true;
    w->counts.undelivered += mcr_watcher_in_flight(w);
    mcr_retirees_stop(&w->retirees);
    for (uint32_t s = 0; s < w->sinks_size; s++)
        if (w->sinks[s]->kind->stop)
            w->sinks[s]->kind->stop(w->sinks[s]);
}

void mcr_watcher_observe(mcr_watcher *w, const mcr_watcher_observer *observer)
{
    w->observer = observer ? *observer : (mcr_watcher_observer){ 0 };
}

mcr_watcher_counts mcr_watcher_counts_now(const mcr_watcher *w)
{
    return w->counts;
}
