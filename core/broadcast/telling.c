#include "broadcast/telling.h"

#include "event/event.h"

// Some events of a batch, with where they came from in it.
typedef struct gathered {
    mcr_event *events[MCR_BATCH];
    uint32_t index[MCR_BATCH];
    uint32_t n;
    const void *batch;
    const mcr_hooks *hooks;
} gathered;

static void gather(gathered *g, mcr_event *ev, uint32_t i)
{
    g->events[g->n] = ev;
    g->index[g->n++] = i;
}

static void why_not(void *arg, uint32_t i, mcr_buf *out)
{
    const gathered *g = arg;
    const mcr_verdict *v = g->batch;
    uint32_t at = g->index[i];
    if (g->hooks->why)
        g->hooks->why(g->hooks->self, &v[at], at, out);
}

void mcr_tell_handled(const mcr_telling *t, const mcr_hooks *hooks, const mcr_verdict *v,
                      uint32_t n)
{
    gathered filtered = { .batch = v, .hooks = hooks }, refused = { .batch = v, .hooks = hooks };
    for (uint32_t i = 0; i < n; i++)
        if (v[i].outcome != MCR_PASS)
            gather(v[i].outcome == MCR_DROP ? &filtered : &refused, v[i].ev, i);
    mcr_passing passing = { .stages = MCR_TAP_FILTERED,
                            .outcome = "filtered",
                            .watcher = t->watcher,
                            .explain = why_not,
                            .arg = &filtered };
    mcr_tapping_tell(t->tapping, &passing, filtered.events, filtered.n);
    passing.stages = MCR_TAP_DROPPED;
    passing.outcome = "refused";
    passing.arg = &refused;
    mcr_tapping_tell(t->tapping, &passing, refused.events, refused.n);
}

static void what_is_recorded(void *arg, uint32_t i, mcr_buf *out)
{
    const gathered *g = arg;
    const mcr_told *told = (const mcr_told *)g->batch + g->index[i];
    mcr_buf_printf(out, "%s%s, count %d", told->aggregated ? "aggregated: " : "",
                   told->counted ? "patch" : "create", (int)mcr_event_occurrences(told->ev));
}

void mcr_tell_correlated(const mcr_telling *t, const mcr_told *told, uint32_t n)
{
    gathered recorded = { .batch = told }, dropped = { .batch = told };
    for (uint32_t i = 0; i < n; i++)
        gather(told[i].dropped ? &dropped : &recorded, told[i].ev, i);
    mcr_passing passing = { .stages = MCR_TAP_RECORDED,
                            .outcome = "recorded",
                            .watcher = t->watcher,
                            .explain = what_is_recorded,
                            .arg = &recorded };
    mcr_tapping_tell(t->tapping, &passing, recorded.events, recorded.n);
    passing.stages = MCR_TAP_DROPPED;
    passing.outcome = "spam_filtered";
    passing.explain = NULL;
    passing.reason = "the spam filter: its object has had too many";
    mcr_tapping_tell(t->tapping, &passing, dropped.events, dropped.n);
    for (uint32_t i = 0; i < n; i++)
        mcr_event_unref(told[i].ev);
}

void mcr_tell_events(const mcr_telling *t, uint32_t stage, const char *outcome,
                     mcr_event *const *events, uint32_t n)
{
    const mcr_passing passing = { .stages = stage, .outcome = outcome, .watcher = t->watcher };
    mcr_tapping_tell(t->tapping, &passing, events, n);
}

void mcr_tell_handled_only(const mcr_telling *t, const mcr_verdict *v, uint32_t n)
{
    mcr_event *events[MCR_BATCH];
    if (!mcr_tapping_wants(t->tapping, MCR_TAP_DELIVERED))
        return;
    for (uint32_t i = 0; i < n; i++)
        events[i] = v[i].ev;
    mcr_tell_events(t, MCR_TAP_DELIVERED, "handled_only", events, n);
}
