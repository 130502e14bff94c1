#include "correlate/aggregator.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/lru.h"
#include "correlate/local_keys.h"
#include "event/time.h"

typedef struct group {
    int64_t last; // Unix ns of the last event
    mcr_local_keys local_keys;
} group;

struct mcr_aggregator {
    mcr_lru *groups;
    int64_t max_events;
    int64_t interval_ns;
    mcr_pop_hook pop;
};

static void fini_group(void *value)
{
    mcr_local_keys_fini(&((group *)value)->local_keys);
}

mcr_aggregator *mcr_aggregator_new(int64_t size, int64_t max_events, int64_t max_interval_s,
                                   mcr_pop_hook pop)
{
    mcr_aggregator *a = mcr_zalloc(sizeof *a);
    a->groups = mcr_lru_new(size, sizeof(group), fini_group);
    a->max_events = max_events;
    // Wraps as Go's time.Duration does.
    a->interval_ns = (int64_t)((uint64_t)max_interval_s * 1000000000);
    a->pop = pop;
    return a;
}

void mcr_aggregator_free(mcr_aggregator *a)
{
    if (!a)
        return;
    mcr_lru_free(a->groups);
    free(a);
}

static bool window_ended(const mcr_aggregator *a, int64_t last, int64_t now)
{
    int64_t elapsed;
    if (__builtin_sub_overflow(now, last, &elapsed))
        elapsed = now > last ? INT64_MAX : INT64_MIN;
    return elapsed > a->interval_ns;
}

// Takes out of the full set, which does not have `local`, what the hook chooses.
static void pop(const mcr_aggregator *a, mcr_local_keys *set, const mcr_key *local)
{
    if (!a->pop.choose)
        return;
    mcr_local_keys_add(set, local);
    mcr_str *keys = mcr_alloc(set->n * sizeof *keys);
    for (uint32_t i = 0; i < set->n; i++)
        keys[i] = mcr_local_keys_at(set, i);
    size_t choice = a->pop.choose(a->pop.self, keys, set->n);
    free(keys);
    mcr_local_keys_remove(set, choice < set->n ? (uint32_t)choice : set->n - 1);
}

bool mcr_aggregator_add(mcr_aggregator *a, const mcr_key *aggregate, const mcr_key *local,
                        int64_t now)
{
    // The sets would grow for ever, and nobody could see it.
    if (a->max_events < 0)
        return false;
    bool is_new;
    group *g = mcr_lru_put(a->groups, aggregate->bytes, aggregate->hash, &is_new);
    if (is_new || window_ended(a, g->last, now))
        mcr_local_keys_clear(&g->local_keys);
    g->last = now;
    if (mcr_local_keys_has(&g->local_keys, local))
        return false;
    if ((int64_t)g->local_keys.n + 1 < a->max_events) {
        mcr_local_keys_add(&g->local_keys, local);
        return false;
    }
    pop(a, &g->local_keys, local);
    return true;
}

uint32_t mcr_aggregator_group(mcr_aggregator *a, const mcr_key *aggregate)
{
    const group *g = mcr_lru_get(a->groups, aggregate->bytes, aggregate->hash);
    return g ? g->local_keys.n : 0;
}

void mcr_aggregate_event(mcr_event *out, const mcr_event *ev, mcr_str message, int64_t now,
                         mcr_buf *name)
{
    bool before_1970 = now < 0;
    uint64_t ns = before_1970 ? -(uint64_t)now : (uint64_t)now;
    name->len = 0;
    mcr_buf_add(name, ev->involvedObject.name);
    mcr_buf_printf(name, before_1970 ? ".-%" PRIx64 : ".%" PRIx64, ns);
    mcr_time time = mcr_time_of(now);
    *out = (mcr_event){
        .hops = ev->hops,
        .change = ev->change,
        .delta = ev->delta,
        .source_index = ev->source_index,
        .record = ev->record,
        .metadata = { .name = mcr_buf_str(name),
                      .namespace = ev->metadata.namespace,
                      .deletionGracePeriodSeconds = -1 },
        .involvedObject = ev->involvedObject,
        .reason = ev->reason,
        .message = message,
        .source = ev->source,
        .firstTimestamp = time,
        .lastTimestamp = time,
        .count = 1,
        .type = ev->type,
    };
}

void mcr_aggregate_message(mcr_buf *out, const mcr_event *ev)
{
    mcr_buf_puts(out, "(combined from similar events): ");
    mcr_buf_add(out, ev->message);
}
