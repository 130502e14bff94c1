#include "rehearse/rehearsal.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "event/time.h"
#include "rehearse/captured_sink.h"
#include "rehearse/reach.h"

// By which watchers an event that waits in a watch was emitted.
typedef struct origin {
    uint32_t by[MCR_MAX_HOPS];
    uint32_t by_n;
} origin;

// One watcher. Input is handed to it; its watch has what others emit.
typedef struct part {
    mcr_rehearsal *r;
    uint32_t index;
    mcr_scripts *scripts; // NULL: none
    mcr_watcher *watcher;
    mcr_watch *watch;
    origin *origins; // of the events in the watch: origins[origin_first … origin_n)
    uint32_t origin_first, origin_n, origin_cap;
    int64_t ticked_at; // Unix ns
    int64_t tick_at;   // Unix ns; 0: never
} part;

struct mcr_rehearsal {
    mcr_generation *generation;
    mcr_rehearsal_observer observer;
    bool sent;
    bool why;
    bool open_sinks;
    bool no_lines;
    int64_t now; // Unix ns
    mcr_clock clock;
    mcr_shared *shared;
    mcr_broadcaster *broadcaster;
    bool emitted; // something waits in the broadcaster's inbox
    bool finished;
    part *parts;
    uint32_t part_n;
    mcr_rehearsal_place place;
    mcr_buf reason;    // why a hook has just dropped its event, or how it failed
    mcr_event *routed; // the event whose route is being carried out; NULL: none
    mcr_rehearsal_counts counts;
};

const char *mcr_rehearsed_name(mcr_rehearsed what)
{
    static const char *const names[] = { "sent",         "suppressed",    "rejected",
                                         "filtered",     "refused",       "spam_filtered",
                                         "handled_only", "routed_nowhere" };
    return names[what];
}

int64_t mcr_rehearsal_time_of(const mcr_event *ev, int64_t otherwise)
{
    const mcr_time *time = mcr_event_time(ev);
    return time ? mcr_time_ns(time) : otherwise;
}

static void on_emitted(void *arg)
{
    ((mcr_rehearsal *)arg)->emitted = true;
}

static void tell(part *p, const mcr_rehearsal_record *record)
{
    const mcr_rehearsal_observer *o = &p->r->observer;
    o->record(o->self, &p->r->place, record);
}

static void on_correlated(void *self, mcr_event *ev, const mcr_correlated *out, mcr_correlator *c)
{
    const part *p = self;
    const mcr_rehearsal_observer *o = &p->r->observer;
    o->correlated(o->self, &p->r->place, ev, out, c);
}

// Open sinks are called as the scripts call them by now, which render hooks are told.
static void name_sinks(const part *p)
{
    for (uint32_t i = 0; p->r->open_sinks && i < mcr_watcher_sink_count(p->watcher); i++) {
        const char *name = mcr_scripts_sink_name(p->scripts, i);
        if (*name)
            mcr_watcher_sink(p->watcher, i)->name = name;
    }
}

static void on_hook(void *self, const mcr_hook_result *result)
{
    if (result->did == MCR_HOOK_ROUTED || result->did == MCR_HOOK_EMITTED)
        name_sinks(self);
    mcr_rehearsal *r = ((const part *)self)->r;
    if (result->did == MCR_HOOK_DROPPED || result->did == MCR_HOOK_FAILED) {
        r->reason.len = 0;
        mcr_buf_add(&r->reason, result->text);
    }
    if (r->observer.hook)
        r->observer.hook(r->observer.self, &r->place, result);
}

static void on_routed(void *self, mcr_event *ev, uint64_t sinks)
{
    (void)sinks;
    ((part *)self)->r->routed = ev;
}

static void on_ended(void *self, mcr_event *ev, mcr_watcher_end end)
{
    bool by_hook = end == MCR_END_FILTERED || end == MCR_END_REFUSED;
    tell(self, &(mcr_rehearsal_record){
                   .what = (mcr_rehearsed)(MCR_REHEARSED_FILTERED + (int)end),
                   .sink = -1,
                   .ev = ev,
                   .why = by_hook ? mcr_buf_str(&((const part *)self)->r->reason) : (mcr_str){ 0 },
               });
}

static void on_suppressed(void *self, uint32_t sink, mcr_event *ev)
{
    part *p = self;
    tell(p, &(mcr_rehearsal_record){ .what = MCR_REHEARSED_SUPPRESSED,
                                     .sink = (int)sink,
                                     .direct = ev != p->r->routed,
                                     .ev = ev });
}

static void on_captured(void *self, uint32_t sink, mcr_event *ev, mcr_rehearsed what, mcr_str why,
                        const mcr_sent *sent)
{
    part *p = self;
    tell(p, &(mcr_rehearsal_record){ .what = what,
                                     .sink = (int)sink,
                                     .direct = ev != p->r->routed,
                                     .ev = ev,
                                     .why = why,
                                     .sent = sent });
}

static mcr_err add_sinks(part *p, const mcr_config *config, const mcr_config_watcher *w,
                         mcr_errbuf *err)
{
    mcr_rehearsal *r = p->r;
    const mcr_captured_hook hook = { r->observer.record ? on_captured : NULL, p };
    for (uint32_t i = 0; i < mcr_config_watcher_sinks(w); i++) {
        const mcr_config_sink *named = i < w->sink_n ? &config->sinks[w->sinks[i]] : NULL;
        const char *name = named ? named->name : MCR_LOG_SINK;
        const mcr_sink_kind *kind = named ? named->kind : mcr_sink_kind_find("stderr");
        bool sent = r->sent && !(r->no_lines && mcr_captured_writes_lines(kind));
        mcr_errbuf why;
        mcr_sink *sink = mcr_captured_sink_new(kind, named ? named->options : w->log_options, i,
                                               hook, sent, &why);
        if (!sink)
            return mcr_errf(err, MCR_ECONFIG, "%s: sink '%s' of watcher '%s': %s", config->path,
                            name, w->name, why.text);
        sink->name = name;
        mcr_watcher_add_sink_take(p->watcher, sink);
        if (named)
            mcr_watcher_set_updates(p->watcher, i, named->updates);
    }
    return MCR_OK;
}

static mcr_err open_part(part *p, const mcr_config *config, const mcr_config_watcher *w,
                         mcr_errbuf *err)
{
    mcr_rehearsal *r = p->r;
    p->watcher = mcr_watcher_new(w->name);
    mcr_err code = add_sinks(p, config, w, err);
    if (code)
        return code;
    mcr_correlator_options options = w->correlate;
    bool has_keys = false;
    if (p->scripts) {
        mcr_watcher_set_hooks(p->watcher, mcr_scripts_hooks(p->scripts));
        has_keys = mcr_scripts_correlator_hooks(p->scripts, &options);
    }
    // Nobody answers, so that there is nothing to learn.
    if (w->correlates || (r->open_sinks && has_keys))
        mcr_watcher_correlate(p->watcher, &options, false);
    if (p->scripts && (r->observer.hook || r->why))
        mcr_scripts_observe(p->scripts, &(mcr_hook_observer){ p, on_hook });
    bool records = r->observer.record != NULL;
    mcr_watcher_observe(p->watcher, &(mcr_watcher_observer){
                                        .self = p,
                                        .correlated = r->observer.correlated ? on_correlated : NULL,
                                        .routed = records ? on_routed : NULL,
                                        .ended = records ? on_ended : NULL,
                                        .suppressed = records ? on_suppressed : NULL,
                                    });
    p->watch = mcr_broadcaster_watch_sized(r->broadcaster, (uint32_t)w->queue, err);
    if (!p->watch)
        return MCR_ESTOPPED;
    if (p->scripts)
        mcr_scripts_set_watch(p->scripts, p->watch);
    return MCR_OK;
}

static mcr_err open_parts(mcr_rehearsal *r, mcr_errbuf *err)
{
    const mcr_config *config = r->generation->config;
    r->parts = mcr_zalloc((config->watcher_n + 1) * sizeof *r->parts);
    mcr_err code = MCR_OK;
    for (uint32_t i = 0; i < config->watcher_n && !code; i++) {
        mcr_watcher_scripts scripts = mcr_generation_take_scripts(r->generation, i);
        r->parts[i] = (part){ .r = r, .index = i, .scripts = scripts.hooks };
        scripts.hooks = NULL;
        mcr_watcher_scripts_fini(&scripts); // sinks in Lua were loaded, that is all
        r->part_n++;
        code = open_part(&r->parts[i], config, &config->watchers[i], err);
    }
    return code;
}

static void tick_all(mcr_rehearsal *r);

mcr_rehearsal *mcr_rehearsal_new_take(mcr_generation *g, const mcr_rehearsal_options *options,
                                      mcr_errbuf *err)
{
    mcr_rehearsal *r = mcr_zalloc(sizeof *r);
    r->generation = g;
    r->observer = options->observer;
    r->sent = options->sent;
    r->why = options->why;
    r->open_sinks = options->open_sinks;
    r->no_lines = options->no_lines;
    r->now = options->start;
    r->clock = mcr_clock_fixed(&r->now);
    r->shared = mcr_shared_new();
    r->broadcaster = mcr_broadcaster_new(&(mcr_broadcaster_options){
        .queue = 1000, .incoming = (uint32_t)g->config->emit_queue, .is_inline = true });
    mcr_broadcaster_on_emit(r->broadcaster, on_emitted, r);
    const mcr_generation_world world = { .clock = &r->clock,
                                         .shared = r->shared,
                                         .broadcaster = r->broadcaster,
                                         .ordered = true,
                                         .open_sinks = options->open_sinks };
    mcr_reach_warn(g->config);
    mcr_err code = mcr_generation_load(g, &world, err);
    if (!code)
        code = open_parts(r, err);
    if (code) {
        mcr_rehearsal_free(r);
        return NULL;
    }
    tick_all(r);
    return r;
}

void mcr_rehearsal_free(mcr_rehearsal *r)
{
    if (!r)
        return;
    for (uint32_t i = 0; i < r->part_n; i++) {
        part *p = &r->parts[i];
        if (p->watcher)
            mcr_watcher_free(p->watcher);
        if (p->watch)
            mcr_watch_free(p->watch);
        mcr_scripts_free(p->scripts);
        free(p->origins);
    }
    free(r->parts);
    mcr_buf_fini(&r->reason);
    mcr_generation_free(r->generation);
    mcr_broadcaster_free(r->broadcaster);
    mcr_shared_free(r->shared);
    free(r);
}

// The next `n` events of the watch come from where the rehearsal is now.
static void push_origins(part *p, uint64_t n)
{
    origin o = { .by_n = p->r->place.by_n };
    memcpy(o.by, p->r->place.by, sizeof o.by);
    if (o.by_n < MCR_MAX_HOPS)
        o.by[o.by_n++] = p->r->place.watcher;
    if (p->origin_first == p->origin_n)
        p->origin_first = p->origin_n = 0;
    for (; n > 0; n--) {
        if (p->origin_n == p->origin_cap) {
            p->origin_cap = p->origin_cap ? p->origin_cap * 2 : 16;
            p->origins = mcr_realloc(p->origins, p->origin_cap * sizeof *p->origins);
        }
        p->origins[p->origin_n++] = o;
    }
}

// What the hooks that have just run emitted goes into the watches of the others.
static void distribute(mcr_rehearsal *r)
{
    if (!r->emitted)
        return;
    r->emitted = false;
    mcr_broadcaster_distribute_emitted(r->broadcaster);
    for (uint32_t i = 0; i < r->part_n; i++) {
        part *p = &r->parts[i];
        push_origins(p, mcr_watch_counts_now(p->watch).queued - (p->origin_n - p->origin_first));
    }
}

static void enter(part *p, mcr_event *came, const origin *from)
{
    mcr_rehearsal_place *place = &p->r->place;
    place->input = p->r->counts.inputs;
    place->now = p->r->now;
    place->watcher = p->index;
    place->came = came;
    place->by_n = from ? from->by_n : 0;
    if (from)
        memcpy(place->by, from->by, sizeof place->by);
    p->r->routed = NULL;
    p->r->reason.len = 0;
}

// Has the watcher work on `ev`, one hold of which goes to it.
static void work(part *p, mcr_event *ev, const origin *from)
{
    mcr_rehearsal *r = p->r;
    enter(p, ev, from);
    if (r->observer.began)
        r->observer.began(r->observer.self, &r->place);
    mcr_watcher_step(p->watcher, &ev, 1, r->now);
    distribute(r);
}

// Works on what was emitted, and on what is emitted of that, until nothing is left.
static void settle(mcr_rehearsal *r)
{
    bool any = true;
    while (any) {
        any = false;
        for (uint32_t i = 0; i < r->part_n; i++) {
            part *p = &r->parts[i];
            while (p->origin_first < p->origin_n) {
                bool closed;
                mcr_event *ev;
                origin from = p->origins[p->origin_first++];
                any = true;
                if (mcr_watch_take(p->watch, &ev, 1, &closed))
                    work(p, ev, &from);
            }
        }
    }
}

static void tick(part *p)
{
    enter(p, NULL, NULL);
    p->ticked_at = p->r->now;
    p->tick_at = mcr_watcher_tick(p->watcher, p->r->now);
    distribute(p->r);
}

static void tick_all(mcr_rehearsal *r)
{
    for (uint32_t i = 0; i < r->part_n; i++)
        tick(&r->parts[i]);
    settle(r);
}

// When the next tick is due, at `to` at the latest; 0: none.
static int64_t next_tick(const mcr_rehearsal *r, int64_t to)
{
    int64_t next = 0;
    for (uint32_t i = 0; i < r->part_n; i++) {
        int64_t at = r->parts[i].tick_at;
        if (at && at <= to && (!next || at < next))
            next = at;
    }
    return next;
}

// The gap is too long: the ticks until `to` are left out, and those at its end come.
static void skip_ticks(mcr_rehearsal *r, int64_t to)
{
    r->now = to;
    for (uint32_t i = 0; i < r->part_n; i++) {
        part *p = &r->parts[i];
        if (!p->tick_at || p->tick_at > to)
            continue;
        int64_t every = p->tick_at - p->ticked_at;
        r->counts.ticks_skipped += every > 0 ? (uint64_t)((to - p->tick_at) / every) : 0;
        tick(p);
    }
    settle(r);
}

void mcr_rehearsal_advance(mcr_rehearsal *r, int64_t to)
{
    int64_t at;
    if (!r->now && to > 0) { // no event has had a time yet
        r->now = to;
        tick_all(r);
    }
    uint32_t ticks = 0;
    while ((at = next_tick(r, to)) != 0) {
        if (ticks++ == MCR_REHEARSAL_TICKS) {
            skip_ticks(r, to);
            break;
        }
        r->now = at > r->now ? at : r->now;
        for (uint32_t i = 0; i < r->part_n; i++)
            if (r->parts[i].tick_at && r->parts[i].tick_at <= r->now)
                tick(&r->parts[i]);
        settle(r);
    }
    r->now = to > r->now ? to : r->now;
}

void mcr_rehearsal_step(mcr_rehearsal *r, mcr_event *const *events, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const mcr_time *time = mcr_event_time(events[i]);
        int64_t at = time ? mcr_time_ns(time) : r->now;
        r->counts.timeless += !time;
        r->counts.late += at < r->now;
        if (r->now - at > r->counts.late_by)
            r->counts.late_by = r->now - at;
        mcr_rehearsal_advance(r, at);
        r->counts.inputs++;
        for (uint32_t k = 0; k < r->part_n; k++)
            work(&r->parts[k], mcr_event_ref(events[i]), NULL);
        settle(r);
    }
}

void mcr_rehearsal_finish(mcr_rehearsal *r)
{
    if (r->finished)
        return;
    r->finished = true;
    mcr_broadcaster_shutdown(r->broadcaster);
    for (uint32_t i = 0; i < r->part_n; i++) {
        enter(&r->parts[i], NULL, NULL);
        mcr_watcher_fini(r->parts[i].watcher, r->now);
    }
}

int64_t mcr_rehearsal_now(const mcr_rehearsal *r)
{
    return r->now;
}

const mcr_config *mcr_rehearsal_config(const mcr_rehearsal *r)
{
    return r->generation->config;
}

mcr_watcher *mcr_rehearsal_watcher(const mcr_rehearsal *r, uint32_t i)
{
    return r->parts[i].watcher;
}

mcr_scripts *mcr_rehearsal_scripts(const mcr_rehearsal *r, uint32_t i)
{
    return r->parts[i].scripts;
}

mcr_watch_counts mcr_rehearsal_watch_counts(const mcr_rehearsal *r, uint32_t i)
{
    mcr_watch_counts counts = mcr_watch_counts_now(r->parts[i].watch);
    counts.offered += r->counts.inputs;
    counts.taken += r->counts.inputs;
    return counts;
}

mcr_broadcaster_counts mcr_rehearsal_broadcaster_counts(const mcr_rehearsal *r)
{
    mcr_broadcaster_counts counts = mcr_broadcaster_counts_now(r->broadcaster);
    counts.accepted += r->counts.inputs;
    counts.distributed += r->counts.inputs;
    return counts;
}

mcr_rehearsal_counts mcr_rehearsal_counts_now(const mcr_rehearsal *r)
{
    return r->counts;
}
