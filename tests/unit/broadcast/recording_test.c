// What a watcher and its host do for sinks that record: correlation before routing, repeats left
// out, no more events than there is room for, deliveries that go on after the end of the watch.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ev.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "broadcast/host.h"
#include "broadcast/watcher.h"

// A sink with room for `most` events, which decides one each time its timer fires. It writes down
// names, counts and what it was told of them.
typedef struct slow_sink {
    mcr_sink sink;
    struct ev_loop *loop;
    ev_timer timer;
    size_t most;
    size_t worst; // the most it ever held
    bool never;   // decides nothing
    bool stopped;
    mcr_buf told; // "name×count " each, "+" before counted ones
} slow_sink;

static void decide_one(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    slow_sink *s = timer->data;
    s->sink.counts.in_flight--;
    s->sink.counts.delivered++;
    if (s->sink.counts.in_flight == 0)
        ev_timer_stop(loop, timer);
}

static void slow_start(mcr_sink *sink, struct ev_loop *loop)
{
    slow_sink *s = (slow_sink *)sink;
    s->loop = loop;
    ev_timer_init(&s->timer, decide_one, 0.0005, 0.0005);
    s->timer.data = s;
}

static size_t slow_room(const mcr_sink *sink)
{
    const slow_sink *s = (const slow_sink *)sink;
    size_t held = (size_t)sink->counts.in_flight;
    return held < s->most ? s->most - held : 0;
}

static void slow_write(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now)
{
    (void)now;
    slow_sink *s = (slow_sink *)sink;
    size_t taken = mcr_sink_assign(sink, events, n, (int64_t)s->most);
    if (sink->counts.in_flight > s->worst)
        s->worst = (size_t)sink->counts.in_flight;
    for (size_t i = 0; i < taken; i++)
        mcr_buf_printf(&s->told, "%s%.*s×%d ", events[i]->counted ? "+" : "",
                       (int)events[i]->metadata.name.len, events[i]->metadata.name.ptr,
                       events[i]->count);
    if (s->loop && !s->never)
        ev_timer_again(s->loop, &s->timer);
}

static void slow_flush(mcr_sink *sink, int64_t now)
{
    (void)sink, (void)now;
}

static void slow_stop(mcr_sink *sink)
{
    slow_sink *s = (slow_sink *)sink;
    s->stopped = true;
    if (s->loop)
        ev_timer_stop(s->loop, &s->timer);
    sink->counts.gave_up += sink->counts.in_flight;
    sink->counts.in_flight = 0;
}

static void slow_close(mcr_sink *sink)
{
    slow_sink *s = (slow_sink *)sink;
    mcr_buf_fini(&s->told);
    free(s);
}

static const mcr_sink_kind slow_kind = {
    .name = "slow",
    .start = slow_start,
    .room = slow_room,
    .write = slow_write,
    .flush = slow_flush,
    .stop = slow_stop,
    .close = slow_close,
};

static slow_sink *add_sink(mcr_watcher *w, size_t most)
{
    slow_sink *s = mcr_zalloc(sizeof *s);
    s->sink.kind = &slow_kind;
    s->sink.name = "slow";
    s->most = most;
    mcr_watcher_add_sink_take(w, &s->sink);
    return s;
}

static mcr_event *make(const char *name, const char *message)
{
    mcr_event fields = { 0 };
    fields.metadata.namespace = MCR_STR("prod");
    fields.metadata.name = mcr_str_of(name);
    fields.metadata.deletionGracePeriodSeconds = -1;
    fields.involvedObject.kind = MCR_STR("Pod");
    fields.involvedObject.namespace = MCR_STR("prod");
    fields.involvedObject.name = MCR_STR("web-1");
    fields.type = MCR_STR("Warning");
    fields.reason = MCR_STR("BackOff");
    fields.message = mcr_str_of(message);
    fields.count = 1;
    return mcr_event_new(&fields);
}

static void told(const slow_sink *s, const char *want)
{
    assert_int_equal(s->told.len, strlen(want));
    assert_memory_equal(s->told.ptr, want, s->told.len);
}

static void repeats_have_the_name_and_count_of_the_first(void **state)
{
    (void)state;
    mcr_watcher *w = mcr_watcher_new("rec");
    slow_sink *s = add_sink(w, 64);
    mcr_watcher_correlate(w, &mcr_correlator_default_options, false);
    mcr_event *batch[] = { make("a", "x"), make("b", "y"), make("c", "x"), make("d", "x") };
    mcr_watcher_step(w, batch, 4, 1000);
    told(s, "a×1 b×1 +a×2 +a×3 ");
    mcr_watcher_counts counts = mcr_watcher_counts_now(w);
    assert_int_equal(counts.counted, 2);
    assert_int_equal(counts.routed, 4);
    mcr_watcher_free(w);
}

static void the_spam_filter_has_its_own_counter(void **state)
{
    (void)state;
    mcr_watcher *w = mcr_watcher_new("rec");
    slow_sink *s = add_sink(w, 64);
    mcr_correlator_options options = mcr_correlator_default_options;
    options.burst_size = 2;
    mcr_watcher_correlate(w, &options, false);
    mcr_event *batch[] = { make("a", "x"), make("b", "y"), make("c", "z") };
    mcr_watcher_step(w, batch, 3, 1000);
    told(s, "a×1 b×1 ");
    mcr_watcher_counts counts = mcr_watcher_counts_now(w);
    assert_int_equal(counts.taken, 3);
    assert_int_equal(counts.spam_filtered, 1);
    assert_int_equal(counts.routed, 2);
    mcr_watcher_free(w);
}

// Events of a file or a script may have no name; then it is the one that client-go's recorder
// gives.
static void an_event_without_a_name_is_named_before_it_is_counted(void **state)
{
    (void)state;
    mcr_watcher *w = mcr_watcher_new("rec");
    slow_sink *s = add_sink(w, 64);
    mcr_watcher_correlate(w, &mcr_correlator_default_options, false);
    mcr_event *batch[] = { make("", "x"), make("", "y"), make("", "x") };
    mcr_watcher_step(w, batch, 3, 0x1000);
    told(s, "web-1.1000×1 web-1.1001×1 +web-1.1000×2 ");
    s->told.len = 0;
    batch[0] = make("", "x");
    batch[1] = make("", "z");
    mcr_watcher_step(w, batch, 2, 0x2000);
    told(s, "+web-1.1000×3 web-1.2001×1 ");
    mcr_watcher_free(w);
}

// Without a correlator events go on as they came.
static void an_event_without_a_name_stays_so_where_nothing_is_counted(void **state)
{
    (void)state;
    mcr_watcher *w = mcr_watcher_new("out");
    slow_sink *s = add_sink(w, 64);
    mcr_event *batch[] = { make("", "x") };
    mcr_watcher_step(w, batch, 1, 0x1000);
    told(s, "×1 ");
    mcr_watcher_free(w);
}

// client-go names a combined event by the object and the time: within a batch, which has one time,
// two of them must not get one name.
static void combined_events_of_a_batch_have_names_of_their_own(void **state)
{
    (void)state;
    mcr_watcher *w = mcr_watcher_new("rec");
    slow_sink *s = add_sink(w, 64);
    mcr_correlator_options options = mcr_correlator_default_options;
    options.max_events = 1;
    mcr_watcher_correlate(w, &options, false);
    mcr_event *second = make("b", "y");
    mcr_event other = *second;
    other.reason = MCR_STR("Killing");
    mcr_event *batch[] = { make("a", "x"), mcr_event_new(&other) };
    mcr_event_unref(second);
    mcr_watcher_step(w, batch, 2, 4096);
    told(s, "web-1.1000×1 web-1.1001×1 ");
    assert_int_equal(mcr_watcher_counts_now(w).aggregated, 2);
    mcr_watcher_free(w);
}

typedef struct updates_case {
    int64_t every;
    int64_t at[4]; // when the same event comes
    int passes;
} updates_case;

static void repeats_are_left_out_as_the_sink_wants(void **state)
{
    (void)state;
    static const updates_case cases[] = {
        { MCR_UPDATES_ALL, { 1, 2, 3, 4 }, 4 },
        { MCR_UPDATES_FIRST, { 1, 200, 300, 400 }, 1 },
        { 100, { 1, 100, 101, 150 }, 2 },
        { 100, { 1, 101, 201, 202 }, 3 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_watcher *w = mcr_watcher_new("rec");
        slow_sink *s = add_sink(w, 64);
        mcr_watcher_set_updates(w, 0, cases[i].every);
        for (int k = 0; k < 4; k++) {
            mcr_event *ev = make("a", "x");
            mcr_watcher_step(w, &ev, 1, cases[i].at[k]);
        }
        assert_int_equal(s->sink.counts.assigned, 4);
        assert_int_equal(s->sink.counts.in_flight, cases[i].passes);
        assert_int_equal(s->sink.counts.suppressed, 4 - cases[i].passes);
        mcr_watcher_free(w);
    }
}

// What could not be told has not been told.
static void a_repeat_is_told_when_the_first_one_was_lost(void **state)
{
    (void)state;
    static const int64_t every[] = { MCR_UPDATES_FIRST, 1000 };
    for (size_t i = 0; i < sizeof every / sizeof *every; i++) {
        mcr_watcher *w = mcr_watcher_new("rec");
        slow_sink *s = add_sink(w, 64);
        mcr_watcher_set_updates(w, 0, every[i]);
        for (int n = 0; n < 3; n++) {
            mcr_event *ev = make("a", "x");
            mcr_event_ref(ev);
            mcr_watcher_step(w, &ev, 1, n);
            if (n == 0)
                mcr_sink_give_up(&s->sink, ev, "nobody is there");
            mcr_event_unref(ev);
        }
        assert_int_equal(s->sink.counts.gave_up, 1);
        assert_int_equal(s->sink.counts.in_flight, 1);
        assert_int_equal(s->sink.counts.suppressed, 1);
        mcr_watcher_free(w);
    }
}

static void repeats_that_could_not_be_remembered_are_counted(void **state)
{
    (void)state;
    mcr_watcher *w = mcr_watcher_new("rec");
    slow_sink *s = add_sink(w, 10000);
    mcr_watcher_set_updates(w, 0, MCR_UPDATES_FIRST);
    for (int n = 0; n < 4100; n++) {
        char name[16];
        snprintf(name, sizeof name, "e%d", n % 4099);
        mcr_event *ev = make(name, "x");
        mcr_watcher_step(w, &ev, 1, n);
    }
    assert_int_equal(mcr_watcher_counts_now(w).forgotten, 4);
    assert_int_equal(s->sink.counts.in_flight, 4100);
    mcr_watcher_free(w);
}

typedef struct world {
    mcr_broadcaster *b;
    mcr_watch *watch;
    mcr_watcher *w;
    mcr_host *host;
    slow_sink *sink;
} world;

static world world_new(size_t room, int64_t patience)
{
    world x = { .b = mcr_broadcaster_new(
                    &(mcr_broadcaster_options){ .queue = 1000, .is_inline = true }) };
    mcr_errbuf err;
    x.watch = mcr_broadcaster_watch(x.b, &err);
    x.w = mcr_watcher_new("rec");
    x.sink = add_sink(x.w, room);
    x.host = mcr_host_new("rec", &mcr_clock_wall);
    mcr_host_set_drain_timeout(x.host, patience);
    mcr_host_add(x.host, x.w, x.watch);
    return x;
}

static void publish(world *x, int n)
{
    for (int i = 0; i < n; i++) {
        char name[16];
        snprintf(name, sizeof name, "e%d", i);
        mcr_event *ev = make(name, name);
        assert_int_equal(mcr_broadcaster_publish(x->b, &ev, 1, MCR_WAIT_IF_CHANNEL_FULL), 1);
        mcr_event_unref(ev);
    }
}

static void world_end(world *x)
{
    mcr_broadcaster_shutdown(x->b);
    assert_true(mcr_host_ends(x->host, 60 * INT64_C(1000000000)));
    mcr_host_join(x->host);
}

static void world_free(world *x)
{
    mcr_watcher_free(x->w);
    mcr_watch_free(x->watch);
    mcr_broadcaster_free(x->b);
}

static void a_sink_gets_no_more_than_it_has_room_for(void **state)
{
    (void)state;
    world x = world_new(3, 60 * INT64_C(1000000000));
    mcr_errbuf err;
    publish(&x, 200);
    assert_int_equal(mcr_host_start(x.host, &err), MCR_OK);
    world_end(&x);
    assert_int_equal(x.sink->worst, 3);
    assert_int_equal(x.sink->sink.counts.delivered, 200);
    assert_true(x.sink->stopped);
    world_free(&x);
}

static void what_is_in_flight_at_the_end_is_waited_for(void **state)
{
    (void)state;
    world x = world_new(1000, 60 * INT64_C(1000000000));
    mcr_errbuf err;
    publish(&x, 100);
    assert_int_equal(mcr_host_start(x.host, &err), MCR_OK);
    world_end(&x);
    assert_int_equal(x.sink->sink.counts.delivered, 100);
    assert_int_equal(x.sink->sink.counts.gave_up, 0);
    world_free(&x);
}

static void the_wait_ends_with_the_drain_timeout(void **state)
{
    (void)state;
    world x = world_new(1000, 50 * INT64_C(1000000));
    x.sink->never = true;
    mcr_errbuf err;
    publish(&x, 5);
    assert_int_equal(mcr_host_start(x.host, &err), MCR_OK);
    world_end(&x);
    assert_int_equal(x.sink->sink.counts.delivered, 0);
    assert_int_equal(x.sink->sink.counts.gave_up, 5);
    assert_int_equal(mcr_watcher_counts_now(x.w).undelivered, 5);
    world_free(&x);
}

// A sink that never has room again holds up neither the end nor who wants to read the watch empty.
static void check_cut_off(const world *x)
{
    assert_int_equal(x->sink->worst, 3);
    assert_int_equal(x->sink->sink.counts.assigned, 200);
    assert_int_equal(x->sink->sink.counts.gave_up, 200);
    assert_int_equal(x->sink->sink.turned_away, 197);
    assert_int_equal(mcr_watcher_counts_now(x->w).undelivered, 200);
    assert_int_equal(mcr_watch_counts_now(x->watch).queued, 0);
}

static void a_full_sink_is_given_up_when_the_watch_was_closed_so_long_ago(void **state)
{
    (void)state;
    world x = world_new(3, 20 * INT64_C(1000000));
    x.sink->never = true;
    mcr_errbuf err;
    publish(&x, 200);
    assert_int_equal(mcr_host_start(x.host, &err), MCR_OK);
    world_end(&x);
    check_cut_off(&x);
    world_free(&x);
}

static void a_full_sink_is_given_up_at_the_time_that_was_set(void **state)
{
    (void)state;
    world x = world_new(3, 3600 * INT64_C(1000000000));
    x.sink->never = true;
    mcr_errbuf err;
    publish(&x, 200);
    assert_int_equal(mcr_host_start(x.host, &err), MCR_OK);
    mcr_host_end_by(x.host, mcr_clock_monotonic() + 20 * INT64_C(1000000));
    mcr_host_end_by(x.host, INT64_MAX); // changes nothing
    while (mcr_watch_counts_now(x.watch).queued)
        sched_yield();
    world_end(&x);
    check_cut_off(&x);
    world_free(&x);
}

// Sinks that have room get what is left all the same.
static void the_rest_goes_to_a_sink_that_is_slow_but_has_room(void **state)
{
    (void)state;
    world x = world_new(1000, 0);
    mcr_errbuf err;
    publish(&x, 200);
    mcr_host_end_by(x.host, mcr_clock_monotonic());
    assert_int_equal(mcr_host_start(x.host, &err), MCR_OK);
    world_end(&x);
    assert_int_equal(x.sink->sink.turned_away, 0);
    assert_int_equal(x.sink->sink.counts.assigned, 200);
    assert_int_equal(x.sink->sink.counts.delivered + x.sink->sink.counts.gave_up, 200);
    world_free(&x);
}

static void hurry_does_not_wait_for_deliveries(void **state)
{
    (void)state;
    world x = world_new(1, 3600 * INT64_C(1000000000));
    x.sink->never = true;
    mcr_errbuf err;
    publish(&x, 5);
    assert_int_equal(mcr_host_start(x.host, &err), MCR_OK);
    mcr_host_hurry(x.host);
    assert_true(mcr_host_ends(x.host, 60 * INT64_C(1000000000)));
    mcr_host_join(x.host);
    assert_true(x.sink->stopped);
    assert_int_equal(mcr_watch_counts_now(x.watch).queued + x.sink->sink.counts.gave_up, 5);
    world_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_have_the_name_and_count_of_the_first),
        cmocka_unit_test(the_spam_filter_has_its_own_counter),
        cmocka_unit_test(an_event_without_a_name_is_named_before_it_is_counted),
        cmocka_unit_test(an_event_without_a_name_stays_so_where_nothing_is_counted),
        cmocka_unit_test(combined_events_of_a_batch_have_names_of_their_own),
        cmocka_unit_test(repeats_are_left_out_as_the_sink_wants),
        cmocka_unit_test(a_repeat_is_told_when_the_first_one_was_lost),
        cmocka_unit_test(repeats_that_could_not_be_remembered_are_counted),
        cmocka_unit_test(a_sink_gets_no_more_than_it_has_room_for),
        cmocka_unit_test(what_is_in_flight_at_the_end_is_waited_for),
        cmocka_unit_test(the_wait_ends_with_the_drain_timeout),
        cmocka_unit_test(a_full_sink_is_given_up_when_the_watch_was_closed_so_long_ago),
        cmocka_unit_test(a_full_sink_is_given_up_at_the_time_that_was_set),
        cmocka_unit_test(the_rest_goes_to_a_sink_that_is_slow_but_has_room),
        cmocka_unit_test(hurry_does_not_wait_for_deliveries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
