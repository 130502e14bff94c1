#include "rehearse/turn_side.h"

#include <string.h>

#include "rehearse/event_fields.h"

const char *mcr_turn_sink(const mcr_turn_side *s, int i)
{
    uint32_t watcher = s->turn->watcher;
    if (s->open_sinks)
        return mcr_scripts_sink_name(mcr_rehearsal_scripts(s->rehearsal, watcher), (uint32_t)i);
    return mcr_watcher_sink(mcr_rehearsal_watcher(s->rehearsal, watcher), (uint32_t)i)->name;
}

// Nearly all turns are the same, and it takes little to see that: what follows from what is the
// same is not looked at.

static bool same_sink(const mcr_turn_side *old, int i, const mcr_turn_side *new, int k)
{
    if (i < 0 || k < 0)
        return i == k;
    return strcmp(mcr_turn_sink(old, i), mcr_turn_sink(new, k)) == 0;
}

static bool same_answers(mcr_buf room[2], const mcr_turn_side *old, const mcr_turn_side *new)
{
    const mcr_answer *a = mcr_turn_answers(old), *b = mcr_turn_answers(new);
    if (old->turn->answer_n != new->turn->answer_n)
        return false;
    for (uint32_t i = 0; i < old->turn->answer_n; i++)
        if (a[i].stage != b[i].stage || a[i].did != b[i].did || a[i].own || b[i].own ||
            !mcr_str_eq(mcr_turn_text(old, a[i].text), mcr_turn_text(new, b[i].text)) ||
            (a[i].did == MCR_HOOK_EMITTED && a[i].sinks + b[i].sinks != 0) ||
            !mcr_events_same(a[i].after, b[i].after, room))
            return false;
    return true;
}

static bool same_correlation(const mcr_turn *a, const mcr_turn *b)
{
    const mcr_event *x = a->recorded, *y = b->recorded;
    if (a->correlated != b->correlated || a->aggregated != b->aggregated ||
        a->counted != b->counted || !x != !y)
        return false;
    return x == y ||
           (x->count == y->count && mcr_str_eq(x->metadata.name, y->metadata.name) &&
            mcr_str_eq(x->message, y->message) && x->firstTimestamp.sec == y->firstTimestamp.sec);
}

static bool same_arrivals(const mcr_turn_side *old, const mcr_turn_side *new)
{
    const mcr_arrival *a = mcr_turn_arrivals(old), *b = mcr_turn_arrivals(new);
    if (old->turn->arrival_n != new->turn->arrival_n)
        return false;
    for (uint32_t i = 0; i < old->turn->arrival_n; i++)
        if (a[i].what != b[i].what || a[i].direct || b[i].direct ||
            !same_sink(old, a[i].sink, new, b[i].sink) || a[i].has_sent != b[i].has_sent ||
            a[i].form != b[i].form ||
            !mcr_str_eq(mcr_turn_text(old, a[i].why), mcr_turn_text(new, b[i].why)) ||
            !mcr_str_eq(mcr_turn_text(old, a[i].body), mcr_turn_text(new, b[i].body)) ||
            !mcr_str_eq(mcr_turn_text(old, a[i].target), mcr_turn_text(new, b[i].target)))
            return false;
    return true;
}

bool mcr_turns_same(const mcr_turn_side *old, const mcr_turn_side *new, mcr_buf room[2])
{
    return same_arrivals(old, new) && same_correlation(old->turn, new->turn) &&
           same_answers(room, old, new) && mcr_events_same(old->turn->came, new->turn->came, room);
}
