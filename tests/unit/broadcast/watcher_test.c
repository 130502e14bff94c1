// The watcher with hooks and sinks of the tests' own. Events are known by their `record`.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "broadcast/watcher.h"

// A sink that writes down what it is handed: "1 2 | 3" for two calls; "/" is a flush.
typedef struct note_sink {
    mcr_sink sink;
    mcr_buf notes;
    bool keeps;      // everything stays in flight until a flush
    int64_t tick_at; // what tick returns
    bool *closed;
} note_sink;

static void note_write(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now)
{
    (void)now;
    note_sink *s = (note_sink *)sink;
    assert_true(n > 0);
    if (s->notes.len)
        mcr_buf_puts(&s->notes, "| ");
    for (size_t i = 0; i < n; i++)
        mcr_buf_printf(&s->notes, "%d ", (int)events[i]->record);
    sink->counts.assigned += n;
    if (s->keeps)
        sink->counts.in_flight += n;
    else
        sink->counts.delivered += n;
}

static void note_flush(mcr_sink *sink, int64_t now)
{
    (void)now;
    mcr_buf_puts(&((note_sink *)sink)->notes, "/ ");
    sink->counts.delivered += sink->counts.in_flight;
    sink->counts.in_flight = 0;
}

static int64_t note_tick(mcr_sink *sink, int64_t now)
{
    note_sink *s = (note_sink *)sink;
    return now < s->tick_at ? s->tick_at : 0;
}

static void note_close(mcr_sink *sink)
{
    note_sink *s = (note_sink *)sink;
    if (s->closed)
        *s->closed = true;
    mcr_buf_fini(&s->notes);
    free(s);
}

static const mcr_sink_kind note_kind = {
    .name = "note",
    .write = note_write,
    .flush = note_flush,
    .tick = note_tick,
    .close = note_close,
};

static note_sink *add_sink(mcr_watcher *w, const char *name)
{
    note_sink *s = mcr_zalloc(sizeof *s);
    s->sink.kind = &note_kind;
    s->sink.name = name;
    mcr_watcher_add_sink_take(w, &s->sink);
    return s;
}

// Hooks that do with event i of the scenario what `plans[i]` says. Letters:
//   d drop   x refuse   r replace by the event 100 + record
//   - route nowhere   a b c to that sink   A B C an event of its own (200 + record) for that sink
//   e emit 300 + record straight to the first sink, from handle
typedef struct plan_hooks {
    const char *const *plans; // by record, 1-based
    bool routes;
    bool backwards; // route works from the last event to the first
    mcr_direct direct[256];
    size_t direct_n;
    int ticks;
    int64_t tick_every;
    bool emits_at_end;
    char calls[64];
} plan_hooks;

static mcr_event *new_event(uint64_t record)
{
    mcr_event fields = { .record = record };
    mcr_event *ev = mcr_event_new(&fields);
    ev->record = record;
    return ev;
}

static void ask(plan_hooks *h, uint64_t record, uint32_t sink, uint32_t place)
{
    h->direct[h->direct_n++] = (mcr_direct){ new_event(record), sink, place };
}

static void plan_handle(void *self, mcr_verdict *v, uint32_t n, int64_t now)
{
    (void)now;
    plan_hooks *h = self;
    strcat(h->calls, "h");
    for (uint32_t i = 0; i < n; i++) {
        const char *plan = h->plans[v[i].ev->record - 1];
        uint64_t record = v[i].ev->record;
        if (strchr(plan, 'd'))
            v[i].outcome = MCR_DROP;
        if (strchr(plan, 'x'))
            v[i].outcome = MCR_REFUSED;
        if (strchr(plan, 'e'))
            ask(h, 300 + record, 0, 0);
        if (strchr(plan, 'r')) {
            mcr_event_unref(v[i].ev);
            v[i].ev = new_event(100 + record);
        }
    }
}

static void plan_route(void *self, mcr_verdict *v, uint32_t n, int64_t now)
{
    (void)now;
    plan_hooks *h = self;
    strcat(h->calls, "r");
    for (uint32_t turn = 0; turn < n; turn++) {
        uint32_t i = h->backwards ? n - 1 - turn : turn;
        assert_int_equal(v[i].outcome, MCR_PASS);
        assert_int_equal(v[i].sinks, 0);
        uint64_t record = v[i].ev->record % 100;
        for (const char *at = h->plans[record - 1]; *at; at++) {
            if (*at >= 'a' && *at <= 'c')
                v[i].sinks |= (uint64_t)1 << (*at - 'a');
            if (*at >= 'A' && *at <= 'C')
                ask(h, 200 + record, (uint32_t)(*at - 'A'), i + 1);
        }
    }
}

static bool plan_next_direct(void *self, mcr_direct *out)
{
    plan_hooks *h = self;
    if (h->direct_n == 0)
        return false;
    *out = h->direct[0];
    memmove(h->direct, h->direct + 1, --h->direct_n * sizeof h->direct[0]);
    return true;
}

static int64_t plan_tick(void *self, int64_t now)
{
    plan_hooks *h = self;
    h->ticks++;
    ask(h, 400 + (uint64_t)h->ticks, 0, 0);
    return h->tick_every ? now + h->tick_every : 0;
}

static void plan_fini(void *self, int64_t now)
{
    (void)now;
    plan_hooks *h = self;
    strcat(h->calls, "f");
    if (h->emits_at_end)
        ask(h, 500, 0, 0);
}

static void set_hooks(mcr_watcher *w, plan_hooks *h)
{
    mcr_hooks hooks = {
        .self = h,
        .handle = plan_handle,
        .route = h->routes ? plan_route : NULL,
        .next_direct = plan_next_direct,
        .tick = plan_tick,
        .fini = plan_fini,
    };
    mcr_watcher_set_hooks(w, &hooks);
}

static void assert_ledger(const mcr_watcher *w)
{
    mcr_watcher_counts c = mcr_watcher_counts_now(w);
    assert_int_equal(c.taken,
                     c.filtered + c.refused + c.handled_only + c.routed_nowhere + c.routed);
    for (uint32_t i = 0; i < mcr_watcher_sink_count(w); i++) {
        const mcr_sink_counts *s = &mcr_watcher_sink(w, i)->counts;
        assert_int_equal(s->assigned, s->delivered + s->merged + s->rejected + s->gave_up +
                                          s->dead_lettered + s->spooled + s->in_flight);
    }
}

// Gives the watcher events first … last in one batch and checks that it lets go of them.
static void step(mcr_watcher *w, uint64_t first, uint64_t last)
{
    mcr_event *events[MCR_BATCH] = { 0 };
    uint32_t n = 0;
    for (uint64_t record = first; record <= last; record++) {
        events[n] = new_event(record);
        mcr_event_ref(events[n++]);
    }
    mcr_watcher_step(w, events, n, 0);
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(events[i]->refs, 1);
        mcr_event_unref(events[i]);
    }
    assert_ledger(w);
}

static void assert_notes(note_sink *s, const char *expected)
{
    assert_string_equal(mcr_buf_cstr(&s->notes), expected);
}

static void counts_and_routes_by_plan(void **state)
{
    (void)state;
    static const struct {
        const char *plans[8];
        uint32_t sinks;
        bool routes;
        mcr_watcher_counts counts;
        const char *notes[3];
    } cases[] = {
        // No sinks: everything that passes is handled only.
        { { "", "d", "x", "r" },
          0,
          false,
          { .taken = 4, .filtered = 1, .refused = 1, .handled_only = 2 },
          { 0 } },
        // No route: all sinks.
        { { "", "d", "r", "x", "" },
          2,
          false,
          { .taken = 5, .filtered = 1, .refused = 1, .routed = 3 },
          { "1 103 5 ", "1 103 5 " } },
        // Everything dropped: sinks are not called.
        { { "d", "d", "x" }, 1, true, { .taken = 3, .filtered = 2, .refused = 1 }, { "" } },
        { { "a", "-", "bc", "abc", "c" },
          3,
          true,
          { .taken = 5, .routed = 4, .routed_nowhere = 1 },
          { "1 4 ", "3 4 ", "3 4 5 " } },
        // A sink that the watcher does not have counts as nowhere.
        { { "c", "ac" }, 1, true, { .taken = 2, .routed = 1, .routed_nowhere = 1 }, { "2 " } },
        // Events of a route's own count as routed and keep their places.
        { { "a", "A", "a", "aB", "-", "AA" },
          2,
          true,
          { .taken = 6, .routed = 5, .routed_nowhere = 1, .direct = 4 },
          { "1 202 3 4 206 206 ", "204 " } },
        // Places are counted behind what was dropped.
        { { "d", "A", "x", "a", "A" },
          1,
          true,
          { .taken = 5, .filtered = 1, .refused = 1, .routed = 3, .direct = 2 },
          { "202 4 205 " } },
        // Emitted ones come after the batch, also for events that did not pass.
        { { "ea", "ed", "e", "a" },
          2,
          true,
          { .taken = 4, .filtered = 1, .routed = 2, .routed_nowhere = 1, .direct = 3 },
          { "1 4 301 302 303 ", "" } },
        { { "ed", "ex" },
          1,
          false,
          { .taken = 2, .filtered = 1, .refused = 1, .direct = 2 },
          { "301 302 " } },
        // Replaced, then routed.
        { { "ra", "rA", "rb" },
          2,
          true,
          { .taken = 3, .routed = 3, .direct = 1 },
          { "101 202 ", "103 " } },
    };
    static const char *const names[] = { "one", "two", "three" };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mcr_watcher *w = mcr_watcher_new("w");
        plan_hooks h = { .plans = cases[i].plans, .routes = cases[i].routes };
        set_hooks(w, &h);
        note_sink *sinks[3];
        for (uint32_t s = 0; s < cases[i].sinks; s++)
            sinks[s] = add_sink(w, names[s]);
        uint64_t n = 0;
        while (n < 8 && cases[i].plans[n])
            n++;
        step(w, 1, n);
        mcr_watcher_counts counts = mcr_watcher_counts_now(w);
        assert_memory_equal(&counts, &cases[i].counts, sizeof counts);
        uint64_t assigned = 0, handed = 0;
        for (uint32_t s = 0; s < cases[i].sinks; s++) {
            assert_notes(sinks[s], cases[i].notes[s]);
            assigned += sinks[s]->sink.counts.assigned;
            for (const char *at = cases[i].notes[s]; *at; at++)
                handed += *at == ' ';
        }
        assert_int_equal(assigned, handed);
        mcr_watcher_free(w);
    }
}

static void keeps_places_whatever_order_a_route_works_in(void **state)
{
    (void)state;
    static const char *const plans[] = { "AA", "a", "A", "-", "BA" };
    mcr_watcher *w = mcr_watcher_new("w");
    plan_hooks h = { .plans = plans, .routes = true, .backwards = true };
    set_hooks(w, &h);
    note_sink *one = add_sink(w, "one"), *two = add_sink(w, "two");
    step(w, 1, 5);
    assert_notes(one, "201 201 2 203 205 ");
    assert_notes(two, "205 ");
    mcr_watcher_counts counts = mcr_watcher_counts_now(w);
    assert_int_equal(counts.routed, 4);
    assert_int_equal(counts.routed_nowhere, 1);
    assert_int_equal(counts.direct, 5);
    mcr_watcher_free(w);
}

static void works_without_hooks(void **state)
{
    (void)state;
    mcr_watcher *w = mcr_watcher_new("w");
    note_sink *s = add_sink(w, "one");
    s->keeps = true;
    step(w, 1, 3);
    step(w, 4, 4);
    mcr_watcher_step(w, NULL, 0, 0);
    assert_int_equal(s->sink.counts.in_flight, 4);
    mcr_watcher_flush(w, 0);
    assert_notes(s, "1 2 3 | 4 / ");
    assert_int_equal(s->sink.counts.delivered, 4);
    mcr_watcher_counts counts = mcr_watcher_counts_now(w);
    assert_int_equal(counts.routed, 4);
    assert_ledger(w);
    assert_int_equal(mcr_watcher_tick(w, 5), 0);
    mcr_watcher_fini(w, 6);
    mcr_watcher_free(w);
}

static void takes_a_full_batch_to_64_sinks(void **state)
{
    (void)state;
    mcr_watcher *w = mcr_watcher_new("w");
    bool closed[MCR_MAX_SINKS] = { false };
    for (uint32_t i = 0; i < MCR_MAX_SINKS; i++)
        add_sink(w, "s")->closed = &closed[i];
    step(w, 1, MCR_BATCH);
    for (uint32_t i = 0; i < MCR_MAX_SINKS; i++)
        assert_int_equal(mcr_watcher_sink(w, i)->counts.assigned, MCR_BATCH);
    assert_int_equal(mcr_watcher_counts_now(w).routed, MCR_BATCH);
    mcr_watcher_free(w);
    for (uint32_t i = 0; i < MCR_MAX_SINKS; i++)
        assert_true(closed[i]);
}

static void finds_sinks_by_name(void **state)
{
    (void)state;
    mcr_watcher *w = mcr_watcher_new("crashes");
    note_sink *a = add_sink(w, "archive"), *b = add_sink(w, "slack");
    assert_string_equal(mcr_watcher_name(w), "crashes");
    assert_string_equal(a->sink.watcher, "crashes");
    assert_int_equal(mcr_watcher_sink_count(w), 2);
    assert_int_equal(mcr_watcher_find_sink(w, MCR_STR("slack")), 1);
    assert_int_equal(mcr_watcher_find_sink(w, MCR_STR("archiv")), -1);
    assert_int_equal(mcr_watcher_find_sink(w, MCR_STR("")), -1);
    assert_ptr_equal(mcr_watcher_sink(w, 0), &a->sink);
    assert_ptr_equal(mcr_watcher_sink(w, 1), &b->sink);
    mcr_watcher_free(w);
}

static void ticks_when_due_and_delivers_what_ticks_emit(void **state)
{
    (void)state;
    mcr_watcher *w = mcr_watcher_new("w");
    plan_hooks h = { .tick_every = 100 };
    set_hooks(w, &h);
    note_sink *s = add_sink(w, "one");
    assert_int_equal(mcr_watcher_tick(w, 1000), 1100);
    assert_int_equal(h.ticks, 1);
    assert_notes(s, "401 ");
    assert_int_equal(mcr_watcher_tick(w, 1099), 1100);
    assert_int_equal(h.ticks, 1);
    // A sink's time can come before the hooks'.
    s->tick_at = 1150;
    assert_int_equal(mcr_watcher_tick(w, 1100), 1150);
    assert_int_equal(h.ticks, 2);
    h.tick_every = 0;
    assert_int_equal(mcr_watcher_tick(w, 1200), 0);
    assert_int_equal(mcr_watcher_tick(w, 9999), 0);
    assert_int_equal(h.ticks, 3);
    assert_notes(s, "401 | 402 | 403 ");
    assert_int_equal(mcr_watcher_counts_now(w).direct, 3);
    assert_int_equal(s->sink.counts.assigned, 3);
    assert_ledger(w);
    mcr_watcher_free(w);
}

static void ends_once_and_flushes(void **state)
{
    (void)state;
    mcr_watcher *w = mcr_watcher_new("w");
    plan_hooks h = { .emits_at_end = true };
    set_hooks(w, &h);
    note_sink *s = add_sink(w, "one");
    s->keeps = true;
    mcr_watcher_fini(w, 1);
    mcr_watcher_fini(w, 2);
    assert_string_equal(h.calls, "f");
    assert_notes(s, "500 / ");
    assert_int_equal(mcr_watcher_tick(w, 1000), 0); // no hook runs after fini
    assert_int_equal(h.ticks, 0);
    assert_ledger(w);
    assert_int_equal(s->sink.counts.delivered, 1);
    mcr_watcher_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_routes_by_plan),
        cmocka_unit_test(keeps_places_whatever_order_a_route_works_in),
        cmocka_unit_test(works_without_hooks),
        cmocka_unit_test(takes_a_full_batch_to_64_sinks),
        cmocka_unit_test(finds_sinks_by_name),
        cmocka_unit_test(ticks_when_due_and_delivers_what_ticks_emit),
        cmocka_unit_test(ends_once_and_flushes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
