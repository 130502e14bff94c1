// A watcher that gets other sinks and other hooks between two steps (broadcast/watcher.h,
// retired.h). Without a host: the test is the one that drives it.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "broadcast/watcher.h"

#define SECOND INT64_C(1000000000)

// What has become of a sink; outlives it.
typedef struct life {
    struct ev_loop *loop; // it was started on
    int starts, flushes, drains, stops, closes;
    uint64_t written;
} life;

// A sink whose deliveries are under way until the test says otherwise.
typedef struct slow_sink {
    mcr_sink sink;
    life *life;
    bool quick;      // delivers at once
    int64_t tick_at; // what tick returns
} slow_sink;

static void slow_start(mcr_sink *sink, struct ev_loop *loop)
{
    slow_sink *s = (slow_sink *)sink;
    s->life->starts++;
    s->life->loop = loop;
}

static void slow_write(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now)
{
    (void)events, (void)now;
    slow_sink *s = (slow_sink *)sink;
    assert_int_equal(s->life->drains + s->life->stops, 0);
    s->life->written += n;
    sink->counts.assigned += n;
    *(s->quick ? &sink->counts.delivered : &sink->counts.in_flight) += n;
}

static void slow_flush(mcr_sink *sink, int64_t now)
{
    (void)now;
    ((slow_sink *)sink)->life->flushes++;
}

static int64_t slow_tick(mcr_sink *sink, int64_t now)
{
    const slow_sink *s = (slow_sink *)sink;
    return now < s->tick_at ? s->tick_at : 0;
}

static void slow_drain(mcr_sink *sink, int64_t now)
{
    (void)now;
    slow_sink *s = (slow_sink *)sink;
    assert_true(s->life->flushes > 0); // what was buffered has gone before
    s->life->drains++;
}

static void slow_stop(mcr_sink *sink)
{
    slow_sink *s = (slow_sink *)sink;
    s->life->stops++;
    sink->counts.gave_up += sink->counts.in_flight;
    sink->counts.in_flight = 0;
}

static void slow_close(mcr_sink *sink)
{
    slow_sink *s = (slow_sink *)sink;
    s->life->closes++;
    free(s);
}

static const mcr_sink_kind slow_kind = {
    .name = "slow",
    .start = slow_start,
    .write = slow_write,
    .flush = slow_flush,
    .tick = slow_tick,
    .drain = slow_drain,
    .stop = slow_stop,
    .close = slow_close,
};

static mcr_sink *make(const char *name, life *l, bool quick)
{
    slow_sink *s = mcr_zalloc(sizeof *s);
    s->sink.kind = &slow_kind;
    s->sink.name = name;
    s->life = l;
    s->quick = quick;
    return &s->sink;
}

// `n` of what is in flight have arrived.
static void arrive(mcr_sink *sink, uint64_t n)
{
    sink->counts.in_flight -= n;
    sink->counts.delivered += n;
}

static void step(mcr_watcher *w, const char *name, int64_t now)
{
    mcr_event fields = { .metadata = { .name = mcr_str_n(name, strlen(name)) } };
    mcr_event *ev = mcr_event_new(&fields);
    mcr_watcher_step(w, &ev, 1, now);
}

static void note(void *arg, const mcr_retired *r)
{
    assert_int_equal(r->counts.assigned, r->counts.delivered + r->counts.gave_up +
                                             r->counts.suppressed + r->counts.in_flight);
    mcr_buf_printf(arg, "%s: %d assigned %d delivered %d gave_up %d in_flight; ", r->name,
                   (int)r->counts.assigned, (int)r->counts.delivered, (int)r->counts.gave_up,
                   (int)r->counts.in_flight);
}

static void assert_retired(const mcr_watcher *w, const char *want)
{
    mcr_buf list = { 0 };
    mcr_watcher_each_retired(w, note, &list);
    assert_string_equal(mcr_buf_cstr(&list), want);
    mcr_buf_fini(&list);
}

// Stands for a loop: sinks are only handed on what they were given.
static char place_of_a_loop;
#define LOOP ((struct ev_loop *)(void *)&place_of_a_loop)

static void kept_sinks_notice_nothing(void **state)
{
    (void)state;
    life a = { 0 }, b = { 0 }, c = { 0 };
    mcr_watcher *w = mcr_watcher_new("w");
    mcr_watcher_add_sink_take(w, make("a", &a, true));
    mcr_watcher_add_sink_take(w, make("b", &b, true));
    mcr_watcher_set_updates(w, 0, MCR_UPDATES_FIRST);
    mcr_watcher_set_updates(w, 1, 5 * SECOND);
    mcr_watcher_start(w, LOOP);
    step(w, "x", SECOND);
    assert_int_equal(a.written, 1);
    assert_int_equal(b.written, 1);

    mcr_sink *first = mcr_watcher_sink(w, 0);
    mcr_sink *const next[] = { make("c", &c, true), first };
    mcr_watcher_exchange_sinks(w, next, 2, LOOP, SECOND, 2 * SECOND);
    assert_int_equal(mcr_watcher_sink_count(w), 2);
    assert_ptr_equal(mcr_watcher_sink(w, 1), first);
    assert_int_equal(mcr_watcher_find_sink(w, MCR_STR("a")), 1);
    assert_int_equal(mcr_watcher_find_sink(w, MCR_STR("b")), -1);
    assert_true(mcr_watcher_updates(w, 1) == MCR_UPDATES_FIRST);
    assert_true(mcr_watcher_updates(w, 0) == MCR_UPDATES_ALL);
    assert_ptr_equal(c.loop, LOOP);
    assert_int_equal(c.starts, 1);
    assert_int_equal(a.starts, 1);
    assert_int_equal(a.flushes + a.drains + a.stops, 0);
    assert_string_equal(mcr_watcher_sink(w, 0)->watcher, "w");

    // A repeat: `a` still knows the event, `c` has never seen it.
    step(w, "x", 3 * SECOND);
    step(w, "y", 3 * SECOND);
    assert_int_equal(a.written, 2);
    assert_int_equal(first->counts.suppressed, 1);
    assert_int_equal(b.written, 1);
    assert_int_equal(c.written, 2);
    mcr_watcher_tick(w, 3 * SECOND);
    assert_int_equal(b.closes, 1);
    assert_retired(w, "b: 1 assigned 1 delivered 0 gave_up 0 in_flight; ");
    mcr_watcher_fini(w, 4 * SECOND);
    mcr_watcher_stop(w);
    mcr_watcher_free(w);
    assert_int_equal(a.closes + c.closes, 2);
    assert_int_equal(b.closes, 1);
}

static void what_is_in_flight_may_arrive(void **state)
{
    (void)state;
    life a = { 0 };
    mcr_watcher *w = mcr_watcher_new("w");
    mcr_sink *sink = make("a", &a, false);
    mcr_watcher_add_sink_take(w, sink);
    mcr_watcher_start(w, LOOP);
    for (int i = 0; i < 3; i++)
        step(w, "x", SECOND);
    mcr_watcher_exchange_sinks(w, NULL, 0, LOOP, 10 * SECOND, 2 * SECOND);
    assert_int_equal(mcr_watcher_sink_count(w), 0);
    assert_int_equal(a.drains, 1);
    assert_int_equal(mcr_watcher_in_flight(w), 3);
    assert_retired(w, "a: 3 assigned 0 delivered 0 gave_up 3 in_flight; ");
    assert_int_equal(mcr_watcher_tick(w, 3 * SECOND), 12 * SECOND); // the end of the patience
    ((slow_sink *)sink)->tick_at = 5 * SECOND;
    assert_int_equal(mcr_watcher_tick(w, 3 * SECOND), 5 * SECOND); // or what it has to do itself
    arrive(sink, 2);
    assert_int_equal(mcr_watcher_in_flight(w), 1);
    assert_int_equal(mcr_watcher_tick(w, 6 * SECOND), 12 * SECOND);
    assert_int_equal(a.closes, 0);
    arrive(sink, 1);
    assert_int_equal(mcr_watcher_tick(w, 7 * SECOND), 0);
    assert_int_equal(a.closes, 1);
    assert_int_equal(mcr_watcher_in_flight(w), 0);
    step(w, "x", 8 * SECOND);
    assert_int_equal(a.written, 3);
    assert_int_equal(mcr_watcher_counts_now(w).handled_only, 1);
    assert_retired(w, "a: 3 assigned 3 delivered 0 gave_up 0 in_flight; ");
    mcr_watcher_free(w);
}

static void past_its_time_it_is_given_up(void **state)
{
    (void)state;
    life a = { 0 };
    mcr_watcher *w = mcr_watcher_new("w");
    mcr_sink *sink = make("a", &a, false);
    mcr_watcher_add_sink_take(w, sink);
    step(w, "x", SECOND);
    step(w, "y", SECOND);
    mcr_watcher_exchange_sinks(w, NULL, 0, LOOP, 10 * SECOND, 2 * SECOND);
    arrive(sink, 1);
    mcr_watcher_tick(w, 12 * SECOND - 1);
    assert_int_equal(a.stops, 0);
    assert_int_equal(mcr_watcher_tick(w, 12 * SECOND), 0);
    assert_int_equal(a.stops, 1);
    assert_int_equal(a.closes, 1);
    assert_retired(w, "a: 2 assigned 1 delivered 1 gave_up 0 in_flight; ");
    // It was not the end of the program that lost it.
    assert_int_equal(mcr_watcher_counts_now(w).undelivered, 0);
    mcr_watcher_free(w);
}

static void those_of_one_name_count_together(void **state)
{
    (void)state;
    life lives[4] = { 0 };
    mcr_watcher *w = mcr_watcher_new("w");
    mcr_watcher_add_sink_take(w, make("a", &lives[0], true));
    for (int i = 1; i < 4; i++) {
        step(w, "x", i * SECOND);
        mcr_sink *const next[] = { make(i == 2 ? "b" : "a", &lives[i], i < 2) };
        mcr_watcher_exchange_sinks(w, next, 1, LOOP, 100 * SECOND, i * SECOND);
        mcr_watcher_tick(w, i * SECOND);
    }
    // a, a, b (in flight), a (present).
    assert_retired(w, "a: 2 assigned 2 delivered 0 gave_up 0 in_flight; "
                      "b: 1 assigned 0 delivered 0 gave_up 1 in_flight; ");
    step(w, "x", 4 * SECOND);
    mcr_watcher_exchange_sinks(w, NULL, 0, LOOP, 100 * SECOND, 4 * SECOND);
    assert_retired(w, "a: 3 assigned 2 delivered 0 gave_up 1 in_flight; "
                      "b: 1 assigned 0 delivered 0 gave_up 1 in_flight; ");
    mcr_watcher_fini(w, 5 * SECOND);
    assert_int_equal(mcr_watcher_in_flight(w), 2);
    mcr_watcher_stop(w);
    assert_int_equal(mcr_watcher_in_flight(w), 0);
    assert_int_equal(mcr_watcher_counts_now(w).undelivered, 2);
    assert_retired(w, "a: 3 assigned 2 delivered 1 gave_up 0 in_flight; "
                      "b: 1 assigned 0 delivered 1 gave_up 0 in_flight; ");
    mcr_watcher_free(w);
    for (int i = 0; i < 4; i++)
        assert_int_equal(lives[i].closes, 1);
}

static mcr_render_result render(void *self, mcr_event *ev, const char *sink, mcr_rendered *out,
                                mcr_errbuf *err)
{
    (void)self, (void)ev, (void)sink, (void)out, (void)err;
    return MCR_RENDER_NONE;
}

static void new_sinks_are_told_what_the_others_know(void **state)
{
    (void)state;
    life a = { 0 }, b = { 0 };
    mcr_watcher *w = mcr_watcher_new("w");
    int before, after;
    mcr_watcher_set_hooks(w, &(mcr_hooks){ .self = &before, .render = render });
    mcr_sink *old = make("a", &a, false);
    mcr_watcher_add_sink_take(w, old);
    const mcr_correlator_options options = { 0 };
    mcr_watcher_correlate(w, &options, true);
    assert_non_null(old->answer.call);
    step(w, "x", SECOND);
    mcr_sink *const next[] = { make("b", &b, false) };
    mcr_watcher_exchange_sinks(w, next, 1, LOOP, SECOND, SECOND);
    assert_ptr_equal(next[0]->render.self, &before);
    assert_non_null(next[0]->answer.call);
    assert_null(old->answer.call); // the correlator may go before it does
    mcr_watcher_set_hooks(w, &(mcr_hooks){ .self = &after, .render = render });
    assert_ptr_equal(next[0]->render.self, &after);
    mcr_watcher_correlate(w, NULL, false);
    assert_null(next[0]->answer.call);
    mcr_watcher_free(w);
}

static int64_t count_tick(void *self, int64_t now)
{
    ++*(int *)self;
    return now + 10 * SECOND;
}

static void new_hooks_tick_at_once(void **state)
{
    (void)state;
    mcr_watcher *w = mcr_watcher_new("w");
    int first = 0, second = 0;
    mcr_watcher_set_hooks(w, &(mcr_hooks){ .self = &first, .tick = count_tick });
    assert_int_equal(mcr_watcher_tick(w, SECOND), 11 * SECOND);
    mcr_watcher_set_hooks(w, &(mcr_hooks){ .self = &second, .tick = count_tick });
    assert_int_equal(mcr_watcher_tick(w, 2 * SECOND), 12 * SECOND);
    assert_int_equal(mcr_watcher_tick(w, 11 * SECOND), 12 * SECOND);
    assert_int_equal(first, 1);
    assert_int_equal(second, 1);
    mcr_watcher_set_hooks(w, &(mcr_hooks){ 0 });
    assert_int_equal(mcr_watcher_tick(w, 20 * SECOND), 0);
    assert_int_equal(second, 1);
    mcr_watcher_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_sinks_notice_nothing),
        cmocka_unit_test(what_is_in_flight_may_arrive),
        cmocka_unit_test(past_its_time_it_is_given_up),
        cmocka_unit_test(those_of_one_name_count_together),
        cmocka_unit_test(new_sinks_are_told_what_the_others_know),
        cmocka_unit_test(new_hooks_tick_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
