#include "rehearse/turn_difference.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "rehearse/turn_side.h"

// The order of groups in the report: the stages, and what is no hook between and behind them.
enum {
    RANK_WATCHER = 0,
    RANK_STAGE = 10, // + 10 * stage
    RANK_CORRELATE = RANK_STAGE + 10 * MCR_STAGE_SPAM_KEY + 5,
    RANK_SINK = RANK_STAGE + 10 * MCR_STAGE_ROUTE + 5,
    RANK_SENT = RANK_STAGE + 10 * MCR_STAGE_RENDER + 5,
    RANK_EMIT
};

static int rank_of(mcr_stage stage)
{
    return RANK_STAGE + 10 * (int)stage;
}

static mcr_str first_line(mcr_str text)
{
    const char *end = text.len ? memchr(text.ptr, '\n', text.len) : NULL;
    return end ? mcr_str_n(text.ptr, (size_t)(end - text.ptr)) : text;
}

static char *copy(const mcr_buf *text)
{
    char *out = mcr_alloc(text->len + 1);
    if (text->len)
        memcpy(out, text->ptr, text->len);
    out[text->len] = '\0';
    return out;
}

static void name_event(mcr_buf *out, const mcr_event *ev)
{
    mcr_str name = ev->metadata.name.len ? ev->metadata.name : ev->involvedObject.name;
    if (ev->metadata.namespace.len) {
        mcr_buf_add(out, ev->metadata.namespace);
        mcr_buf_putc(out, '/');
    }
    mcr_buf_add(out, name);
}

// Counts one difference in d->decision; non-NULL: an example is wanted.
static mcr_difference_example *count(mcr_turn_differ *d, const mcr_turn_side *from, int rank,
                                     const char *hook)
{
    mcr_difference_example *example =
        mcr_differences_note(d->into, d->watcher, rank, hook, mcr_buf_str(&d->decision));
    d->decision.len = 0;
    if (!example)
        return NULL;
    const mcr_event *came = from->turn->came, *ev = came ? came : d->input;
    d->room[0].len = 0;
    if (came)
        name_event(&d->room[0], came);
    else
        mcr_buf_puts(&d->room[0], "(a tick)");
    example->event = copy(&d->room[0]);
    example->source = ev ? ev->source_index : 0;
    example->record = from->turn->by_n || !came ? 0 : ev->record;
    return example;
}

static void fill(mcr_turn_differ *d, mcr_difference_example *example)
{
    if (example) {
        example->before = copy(&d->before);
        example->after = copy(&d->after);
    }
    d->before.len = d->after.len = 0;
}

// Counts one difference in d->decision, with d->before and d->after as its example.
static void tell(mcr_turn_differ *d, const mcr_turn_side *from, int rank, const char *hook)
{
    fill(d, count(d, from, rank, hook));
}

// "old → new", both short.
static void decide(mcr_turn_differ *d, mcr_str before, mcr_str after)
{
    mcr_buf_add(&d->decision, before);
    mcr_buf_puts(&d->decision, " → ");
    mcr_buf_add(&d->decision, after);
}

static void say_where(mcr_buf *out, const char *hook, const mcr_answer *answer)
{
    if (answer && *answer->where)
        mcr_buf_printf(out, ", %s at %s", hook, answer->where);
}

//
// Filter and handle
//

// What filter and handle of all scripts came to together.
typedef struct verdict {
    enum {
        WENT_ON,
        DROPPED,
        FAILED, // and what became of the event is said by on_error
    } end;
    const mcr_answer *by;      // the hook that ended it; NULL: none
    mcr_event *after;          // as it went on
    const mcr_answer *handled; // the last that changed it
} verdict;

static verdict verdict_of(const mcr_turn_side *s)
{
    verdict v = { .end = WENT_ON, .after = s->turn->came };
    const mcr_answer *a = mcr_turn_answers(s);
    for (uint32_t i = 0; i < s->turn->answer_n; i++) {
        if (a[i].stage > MCR_STAGE_HANDLE || a[i].did == MCR_HOOK_EMITTED)
            continue;
        if (a[i].did == MCR_HOOK_CHANGED) {
            v.after = a[i].after;
            v.handled = &a[i];
        } else if (v.end == WENT_ON && a[i].did == MCR_HOOK_DROPPED) {
            v.end = DROPPED;
            v.by = &a[i];
        } else if (v.end == WENT_ON && a[i].did == MCR_HOOK_FAILED) {
            v.end = FAILED;
            v.by = &a[i];
        }
    }
    return v;
}

static bool went_on(const mcr_turn_side *s)
{
    const mcr_arrival *a = mcr_turn_arrivals(s);
    for (uint32_t i = 0; i < s->turn->arrival_n; i++)
        if (a[i].what == MCR_REHEARSED_FILTERED || a[i].what == MCR_REHEARSED_REFUSED)
            return false;
    return true;
}

// "passed", "dropped (quiet hours)", "failed: …"; `stage`: the one that the difference is told of.
static void name_verdict(mcr_buf *out, const mcr_turn_side *s, const verdict *v, mcr_stage stage)
{
    if (!v->by) {
        mcr_buf_puts(out, "passed");
        return;
    }
    mcr_str text = first_line(mcr_turn_text(s, v->by->text));
    mcr_buf_puts(out, v->end == DROPPED ? "dropped" : "failed");
    if (v->by->stage != stage)
        mcr_buf_printf(out, " by %s", mcr_stage_name(v->by->stage));
    if (v->end == DROPPED && text.len)
        mcr_buf_printf(out, " (%.*s)", (int)text.len, text.ptr);
    else if (text.len)
        mcr_buf_printf(out, ": %.*s", (int)text.len, text.ptr);
}

static void show_verdict(mcr_buf *out, const mcr_turn_side *s, const verdict *v, mcr_stage stage)
{
    name_verdict(out, s, v, stage);
    if (v->by)
        say_where(out, mcr_stage_name(v->by->stage), v->by);
}

static bool same_verdict(const mcr_turn_side *old, const verdict *v, const mcr_turn_side *new,
                         const verdict *w)
{
    if (v->end != w->end || !v->by || !w->by)
        return v->end == w->end;
    return v->by->stage == w->by->stage && mcr_str_eq(first_line(mcr_turn_text(old, v->by->text)),
                                                      first_line(mcr_turn_text(new, w->by->text)));
}

static bool differ_in_verdict(mcr_turn_differ *d, const mcr_turn_side *old, const verdict *v,
                              const mcr_turn_side *new, const verdict *w)
{
    if (same_verdict(old, v, new, w))
        return false;
    // Who ends it earlier decides otherwise than the same hook of the other side.
    mcr_stage stage = MCR_STAGE_HANDLE;
    if ((v->by && v->by->stage == MCR_STAGE_FILTER) || (w->by && w->by->stage == MCR_STAGE_FILTER))
        stage = MCR_STAGE_FILTER;
    name_verdict(&d->decision, old, v, stage);
    mcr_buf_puts(&d->decision, " → ");
    name_verdict(&d->decision, new, w, stage);
    show_verdict(&d->before, old, v, stage);
    show_verdict(&d->after, new, w, stage);
    tell(d, old, rank_of(stage), mcr_stage_name(stage));
    return true;
}

// Tells in which fields `a` and `b` differ; false: in none.
static bool differ_in_fields(mcr_turn_differ *d, const mcr_turn_side *from, int rank,
                             const char *hook, const char *before, const mcr_event *a,
                             const mcr_event *b)
{
    if (mcr_events_same(a, b, d->room))
        return false;
    mcr_buf_puts(&d->decision, before);
    if (!mcr_fields_differ(&d->decision, a, b)) {
        d->decision.len = 0;
        return false;
    }
    mcr_difference_example *example = count(d, from, rank, hook);
    if (example)
        mcr_fields_show(&d->before, &d->after, a, b);
    fill(d, example);
    return true;
}

//
// Keys and correlation
//

static const mcr_answer *answer_of(const mcr_turn_side *s, mcr_stage stage)
{
    const mcr_answer *a = mcr_turn_answers(s);
    for (uint32_t i = 0; i < s->turn->answer_n; i++)
        if (a[i].stage == stage && a[i].did != MCR_HOOK_EMITTED)
            return &a[i];
    return NULL;
}

static mcr_str key_kind(const mcr_turn_side *s, const mcr_answer *a, mcr_buf *room)
{
    room->len = 0;
    if (a && a->did == MCR_HOOK_TEXT)
        return MCR_STR("its own");
    if (!a || a->did != MCR_HOOK_FAILED)
        return MCR_STR("the usual one");
    mcr_buf_puts(room, "failed: ");
    mcr_buf_add(room, first_line(mcr_turn_text(s, a->text)));
    return mcr_buf_str(room);
}

static bool differ_in_key(mcr_turn_differ *d, const mcr_turn_side *old, const mcr_turn_side *new,
                          mcr_stage stage)
{
    const mcr_answer *a = answer_of(old, stage), *b = answer_of(new, stage);
    if (!a && !b)
        return false;
    mcr_str x = key_kind(old, a, &d->room[0]), y = key_kind(new, b, &d->room[1]);
    mcr_str key = a ? mcr_turn_text(old, a->text) : (mcr_str){ 0 };
    mcr_str other = b ? mcr_turn_text(new, b->text) : (mcr_str){ 0 };
    bool own = a && b && a->did == MCR_HOOK_TEXT && b->did == MCR_HOOK_TEXT;
    if (own ? mcr_str_eq(key, other) : mcr_str_eq(x, y))
        return false;
    if (own) {
        mcr_buf_puts(&d->decision, "another text");
        mcr_text_changes(&d->before, &d->after, key, other);
    } else {
        decide(d, x, y);
        mcr_buf_add(&d->before, x);
        mcr_buf_add(&d->after, y);
    }
    say_where(&d->before, mcr_stage_name(stage), a);
    say_where(&d->after, mcr_stage_name(stage), b);
    tell(d, old, rank_of(stage), mcr_stage_name(stage));
    return true;
}

static const char *correlation_of(const mcr_turn_side *s)
{
    const mcr_turn *t = s->turn;
    if (!t->correlated)
        return "not correlated";
    if (!t->recorded)
        return "held back by the spam filter";
    if (t->aggregated)
        return t->counted ? "one more of a combined event" : "the first of a combined event";
    return t->counted ? "a repeat" : "new";
}

static bool differ_in_correlation(mcr_turn_differ *d, const mcr_turn_side *old,
                                  const mcr_turn_side *new, bool same_event)
{
    const char *a = correlation_of(old), *b = correlation_of(new);
    if (strcmp(a, b) != 0) {
        decide(d, mcr_str_of(a), mcr_str_of(b));
        mcr_buf_puts(&d->before, a);
        mcr_buf_puts(&d->after, b);
        tell(d, old, RANK_CORRELATE, "correlate");
        return true;
    }
    // The same decision about the same event may still count otherwise.
    if (!same_event || !old->turn->recorded)
        return false;
    return differ_in_fields(d, old, RANK_CORRELATE, "correlate", "recorded with another ",
                            old->turn->recorded, new->turn->recorded);
}

//
// Sinks
//

// Where a route sends the event; bit i: sink i.
typedef struct route {
    const mcr_answer *by; // NULL: the scripts have no such hook
    uint64_t sinks;
    uint64_t own; // of these, sinks that get an event of their own
} route;

static route route_of(const mcr_turn_side *s)
{
    const mcr_answer *by = answer_of(s, MCR_STAGE_ROUTE);
    if (by)
        return (route){ by, by->sinks | by->own, by->own };
    uint32_t n = mcr_watcher_sink_count(mcr_rehearsal_watcher(s->rehearsal, s->turn->watcher));
    return (route){ NULL, s->open_sinks ? 1 : (UINT64_C(1) << n) - 1, 0 };
}

// Whether it is the routed event that came there, and not one that was emitted to the sink.
static bool is_routed(const mcr_arrival *a, const route *r)
{
    return a->sink >= 0 && (r->sinks >> a->sink & 1) && (!a->direct || (r->own >> a->sink & 1));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// The sinks of the route, sorted by name: "archive, slack", or "nowhere".
static void name_route(mcr_buf *out, const mcr_turn_side *s, const route *r)
{
    const char *names[MCR_MAX_SINKS];
    size_t n = 0;
    for (int i = 0; i < MCR_MAX_SINKS; i++)
        if (r->sinks >> i & 1)
            names[n++] = mcr_turn_sink(s, i);
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++)
        mcr_buf_printf(out, "%s%s", i ? ", " : "", names[i]);
    if (!n)
        mcr_buf_puts(out, "nowhere");
    if (r->by && r->by->did == MCR_HOOK_FAILED) {
        mcr_str why = first_line(mcr_turn_text(s, r->by->text));
        mcr_buf_printf(out, ", failed: %.*s", (int)why.len, why.ptr);
    }
}

static bool differ_in_route(mcr_turn_differ *d, const mcr_turn_side *old, const mcr_turn_side *new)
{
    const route a = route_of(old), b = route_of(new);
    name_route(&d->before, old, &a);
    name_route(&d->after, new, &b);
    bool differ = !mcr_str_eq(mcr_buf_str(&d->before), mcr_buf_str(&d->after));
    if (differ) {
        decide(d, mcr_buf_str(&d->before), mcr_buf_str(&d->after));
        say_where(&d->before, "route", a.by);
        say_where(&d->after, "route", b.by);
        tell(d, old, rank_of(MCR_STAGE_ROUTE), "route");
    }
    d->before.len = d->after.len = 0;
    return differ;
}

static const mcr_arrival *arrival_at(const mcr_turn_side *s, const char *name)
{
    const route r = route_of(s);
    const mcr_arrival *a = mcr_turn_arrivals(s);
    for (uint32_t i = 0; i < s->turn->arrival_n; i++)
        if (is_routed(&a[i], &r) && strcmp(mcr_turn_sink(s, a[i].sink), name) == 0)
            return &a[i];
    return NULL;
}

static void name_arrival(mcr_buf *out, const mcr_turn_side *s, const mcr_arrival *a)
{
    static const char *const forms[] = {
        [MCR_SENDING_LINE] = "written",   [MCR_SENDING_REQUEST] = "sent",
        [MCR_SENDING_CREATE] = "created", [MCR_SENDING_PATCH] = "patched",
        [MCR_SENDING_EVENT] = "sent",
    };
    mcr_str why = first_line(mcr_turn_text(s, a->why));
    mcr_buf_puts(out, a->what == MCR_REHEARSED_SENT && a->has_sent ? forms[a->form]
                                                                   : mcr_rehearsed_name(a->what));
    if (why.len)
        mcr_buf_printf(out, " (%.*s)", (int)why.len, why.ptr);
}

// Differences at one sink that both sides give the event to.
static bool differ_at_sink(mcr_turn_differ *d, const mcr_turn_side *old, const mcr_arrival *a,
                           const mcr_turn_side *new, const mcr_arrival *b, bool same_event)
{
    const char *name = mcr_turn_sink(old, a->sink);
    name_arrival(&d->before, old, a);
    name_arrival(&d->after, new, b);
    if (!mcr_str_eq(mcr_buf_str(&d->before), mcr_buf_str(&d->after))) {
        mcr_buf_printf(&d->decision, "%s: ", name);
        decide(d, mcr_buf_str(&d->before), mcr_buf_str(&d->after));
        tell(d, old, RANK_SINK, "sink");
        return true;
    }
    d->before.len = d->after.len = 0;
    if (!same_event)
        return false;
    mcr_buf prefix = { 0 };
    mcr_buf_printf(&prefix, "to %s: ", name);
    bool differ =
        (a->direct || b->direct) && differ_in_fields(d, old, rank_of(MCR_STAGE_ROUTE), "route",
                                                     mcr_buf_cstr(&prefix), a->ev, b->ev);
    mcr_buf_fini(&prefix);
    if (differ || !a->has_sent || !b->has_sent)
        return differ;
    if (!mcr_str_eq(mcr_turn_text(old, a->body), mcr_turn_text(new, b->body))) {
        mcr_buf_printf(&d->decision, "%s: another body", name);
        mcr_text_changes(&d->before, &d->after, mcr_turn_text(old, a->body),
                         mcr_turn_text(new, b->body));
        tell(d, old, rank_of(MCR_STAGE_RENDER), "render");
        differ = true;
    }
    // Where it goes to may be a secret.
    if (!mcr_str_eq(mcr_turn_text(old, a->target), mcr_turn_text(new, b->target))) {
        mcr_buf_printf(&d->decision, "%s: another URL, method or headers", name);
        mcr_buf_puts(&d->before, "(not shown)");
        mcr_buf_puts(&d->after, "(not shown)");
        tell(d, old, RANK_SENT, "request");
        differ = true;
    }
    return differ;
}

static bool differ_at_sinks(mcr_turn_differ *d, const mcr_turn_side *old, const mcr_turn_side *new,
                            bool same_event)
{
    bool differ = false;
    const route r = route_of(old);
    const mcr_arrival *a = mcr_turn_arrivals(old);
    for (uint32_t i = 0; i < old->turn->arrival_n; i++) {
        const mcr_arrival *other =
            is_routed(&a[i], &r) ? arrival_at(new, mcr_turn_sink(old, a[i].sink)) : NULL;
        if (other)
            differ |= differ_at_sink(d, old, &a[i], new, other, same_event);
    }
    return differ;
}

//
// What hooks emit
//

static const mcr_answer *next_emitted(const mcr_turn_side *s, uint32_t *at)
{
    const mcr_answer *a = s->turn ? mcr_turn_answers(s) : NULL;
    while (s->turn && *at < s->turn->answer_n)
        if (a[(*at)++].did == MCR_HOOK_EMITTED)
            return &a[*at - 1];
    return NULL;
}

static void name_emitted(mcr_buf *out, const mcr_turn_side *s, const mcr_answer *a)
{
    if (!a) {
        mcr_buf_puts(out, "nothing");
        return;
    }
    mcr_buf_puts(out, "an event");
    if (a->sinks)
        mcr_buf_printf(out, " to %s", mcr_turn_sink(s, __builtin_ctzll(a->sinks)));
}

static void show_emitted(mcr_buf *out, const mcr_turn_side *s, const mcr_answer *a)
{
    name_emitted(out, s, a);
    if (!a)
        return;
    mcr_buf_puts(out, ": ");
    name_event(out, a->after);
    mcr_buf_printf(out, " %.*s", (int)a->after->reason.len, a->after->reason.ptr);
    say_where(out, mcr_stage_name(a->stage), a);
}

static bool differ_in_emits(mcr_turn_differ *d, const mcr_turn_side *old, const mcr_turn_side *new)
{
    bool differ = false;
    uint32_t i = 0, k = 0;
    for (;;) {
        const mcr_answer *a = next_emitted(old, &i), *b = next_emitted(new, &k);
        if (!a && !b)
            return differ;
        const mcr_turn_side *from = old->turn ? old : new;
        name_emitted(&d->before, old, a);
        name_emitted(&d->after, new, b);
        bool same = mcr_str_eq(mcr_buf_str(&d->before), mcr_buf_str(&d->after));
        if (same) {
            d->before.len = d->after.len = 0;
            differ |= differ_in_fields(d, from, RANK_EMIT, "emit", "", a->after, b->after);
            continue;
        }
        decide(d, mcr_buf_str(&d->before), mcr_buf_str(&d->after));
        d->before.len = d->after.len = 0;
        show_emitted(&d->before, old, a);
        show_emitted(&d->after, new, b);
        tell(d, from, RANK_EMIT, "emit");
        differ = true;
    }
}

//
// All of it
//

// One side has no such watcher; what the other one makes of the event is told.
static bool differ_in_watchers(mcr_turn_differ *d, const mcr_turn_side *old,
                               const mcr_turn_side *new)
{
    const mcr_turn_side *there = old->turn ? old : new;
    mcr_buf *text = old->turn ? &d->before : &d->after;
    mcr_buf *none = old->turn ? &d->after : &d->before;
    verdict v = verdict_of(there);
    if (v.end == WENT_ON) {
        const route r = route_of(there);
        mcr_buf_puts(text, "to ");
        name_route(text, there, &r);
    } else {
        name_verdict(text, there, &v, MCR_STAGE_NONE);
    }
    mcr_buf_puts(none, "no such watcher");
    decide(d, mcr_buf_str(&d->before), mcr_buf_str(&d->after));
    tell(d, there, RANK_WATCHER, "watcher");
    return true;
}

bool mcr_turns_differ(mcr_turn_differ *d, const mcr_turn_side *old, const mcr_turn_side *new)
{
    if (!old->turn || !new->turn) {
        if (old->absent || new->absent)
            return differ_in_watchers(d, old, new);
        // What was emitted to here on one side alone is told where it was emitted.
        return differ_in_emits(d, old, new);
    }
    if (mcr_turns_same(old, new, d->room))
        return false;
    bool differ = differ_in_emits(d, old, new);
    verdict v = verdict_of(old), w = verdict_of(new);
    if (differ_in_verdict(d, old, &v, new, &w))
        differ = true;
    if (!went_on(old) || !went_on(new) || !old->turn->came)
        return differ;
    bool came_same = mcr_events_same(old->turn->came, new->turn->came, d->room);
    bool same = mcr_events_same(v.after, w.after, d->room);
    if (!same && came_same)
        same = !differ_in_fields(d, old, rank_of(MCR_STAGE_HANDLE), "handle", "", v.after, w.after);
    differ |= !same && came_same;
    for (int stage = MCR_STAGE_AGGREGATE_KEY; stage <= MCR_STAGE_SPAM_KEY; stage++)
        differ |= differ_in_key(d, old, new, (mcr_stage)stage);
    bool other = (old->turn->correlated || new->turn->correlated) &&
                 differ_in_correlation(d, old, new, same);
    differ |= other;
    bool both = !old->turn->correlated || !new->turn->correlated ||
                (old->turn->recorded && new->turn->recorded);
    if (!both)
        return differ;
    differ |= differ_in_route(d, old, new);
    return differ_at_sinks(d, old, new, same && !other) || differ;
}

void mcr_turn_differ_fini(mcr_turn_differ *d)
{
    mcr_buf_fini(&d->room[0]);
    mcr_buf_fini(&d->room[1]);
    mcr_buf_fini(&d->decision);
    mcr_buf_fini(&d->before);
    mcr_buf_fini(&d->after);
}
