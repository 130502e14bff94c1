// broadcast/broadcaster.h without a thread: publish, emit, and the side that hosts use.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "broadcast/broadcaster.h"
#include "numbered.h"

static mcr_broadcaster *broadcaster(uint32_t queue, uint32_t incoming)
{
    mcr_broadcaster_options options = { .queue = queue, .incoming = incoming, .is_inline = true };
    return mcr_broadcaster_new(&options);
}

// Publishes the events `from` … `to`; returns how many were distributed.
static uint32_t publish(mcr_broadcaster *b, int from, int to, mcr_full_behavior full)
{
    mcr_event *events[1000] = { NULL };
    uint32_t n = 0;
    for (int number = from; number <= to; number++)
        events[n++] = numbered(number);
    uint32_t done = mcr_broadcaster_publish(b, events, n, full);
    for (uint32_t i = 0; i < n; i++)
        mcr_event_unref(events[i]);
    return done;
}

static bool emit(mcr_broadcaster *b, int number, const mcr_watch *from)
{
    mcr_event *ev = numbered(number);
    bool taken = mcr_broadcaster_emit(b, ev, from);
    assert_int_equal(ev->hops, 0);
    mcr_event_unref(ev);
    return taken;
}

// Reads the events `from` … `to`, after which the watch must be empty or closed.
static void assert_reads(mcr_watch *w, int from, int to, mcr_watch_result end)
{
    mcr_event *ev;
    for (int number = from; number <= to; number++) {
        assert_int_equal(mcr_watch_next(w, 0, &ev), MCR_WATCH_EVENT);
        assert_int_equal(ev->count, number);
        mcr_event_unref(ev);
    }
    assert_int_equal(mcr_watch_next(w, 0, &ev), end);
}

static void count(void *arg)
{
    ++*(int *)arg;
}

static void assert_counts(mcr_broadcaster *b, uint64_t accepted, uint64_t emit_full,
                          uint64_t queued, uint64_t distributed)
{
    mcr_broadcaster_counts counts = mcr_broadcaster_counts_now(b);
    assert_int_equal(counts.accepted, accepted);
    assert_int_equal(counts.incoming_full, 0);
    assert_int_equal(counts.emit_full, emit_full);
    assert_int_equal(counts.queued, queued);
    assert_int_equal(counts.distributed, distributed);
}

static void assert_watch_counts(mcr_watch *w, uint64_t offered, uint64_t ring_full, uint64_t queued,
                                uint64_t taken)
{
    mcr_watch_counts counts = mcr_watch_counts_now(w);
    assert_int_equal(counts.offered, offered);
    assert_int_equal(counts.ring_full, ring_full);
    assert_int_equal(counts.queued, queued);
    assert_int_equal(counts.taken, taken);
}

static void dropping_takes_all_and_counts_the_lost(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(100, 0);
    mcr_watch *w = mcr_broadcaster_watch(b, NULL);
    assert_int_equal(publish(b, 1, 250, MCR_DROP_IF_CHANNEL_FULL), 250);
    assert_watch_counts(w, 250, 150, 100, 0);
    assert_counts(b, 250, 0, 0, 250);
    assert_reads(w, 1, 100, MCR_WATCH_EMPTY);
    assert_int_equal(publish(b, 251, 251, MCR_DROP_IF_CHANNEL_FULL), 1);
    assert_reads(w, 251, 251, MCR_WATCH_EMPTY);
    assert_watch_counts(w, 251, 150, 0, 101);
    mcr_watch_free(w);
    mcr_broadcaster_free(b);
}

static void waiting_stops_before_the_first_that_does_not_fit(void **state)
{
    (void)state;
    int rooms = 0;
    mcr_broadcaster *b = broadcaster(100, 0);
    mcr_broadcaster_on_room(b, count, &rooms);
    mcr_watch *slow = mcr_broadcaster_watch(b, NULL);
    mcr_watch *fast = mcr_broadcaster_watch(b, NULL);
    assert_int_equal(publish(b, 1, 90, MCR_WAIT_IF_CHANNEL_FULL), 90);
    assert_reads(fast, 1, 90, MCR_WATCH_EMPTY);
    assert_int_equal(publish(b, 91, 250, MCR_WAIT_IF_CHANNEL_FULL), 10);
    assert_reads(fast, 91, 100, MCR_WATCH_EMPTY); // no watch is ahead of the others
    assert_int_equal(publish(b, 101, 250, MCR_WAIT_IF_CHANNEL_FULL), 0);
    assert_int_equal(rooms, 0);
    mcr_event *ev;
    for (int number = 1; number <= 49; number++) {
        mcr_watch_next(slow, 0, &ev);
        mcr_event_unref(ev);
    }
    assert_int_equal(rooms, 0);
    mcr_watch_next(slow, 0, &ev);
    mcr_event_unref(ev);
    assert_int_equal(rooms, 1); // half of its queue is free
    assert_int_equal(publish(b, 101, 250, MCR_WAIT_IF_CHANNEL_FULL), 50);
    assert_reads(slow, 51, 150, MCR_WATCH_EMPTY);
    assert_int_equal(rooms, 2);
    assert_watch_counts(slow, 150, 0, 0, 150);
    assert_watch_counts(fast, 150, 0, 50, 100);
    assert_counts(b, 150, 0, 0, 150);
    mcr_watch_free(slow);
    mcr_watch_free(fast);
    mcr_broadcaster_free(b);
}

static void stopping_a_full_watch_makes_room(void **state)
{
    (void)state;
    int rooms = 0;
    mcr_broadcaster *b = broadcaster(4, 0);
    mcr_broadcaster_on_room(b, count, &rooms);
    mcr_watch *full = mcr_broadcaster_watch(b, NULL);
    assert_int_equal(publish(b, 1, 6, MCR_WAIT_IF_CHANNEL_FULL), 4);
    mcr_watch_stop(full);
    mcr_watch_stop(full);
    assert_true(rooms >= 1);
    assert_int_equal(publish(b, 5, 6, MCR_WAIT_IF_CHANNEL_FULL), 2);
    rooms = 0;
    assert_reads(full, 1, 4, MCR_WATCH_CLOSED);
    assert_int_equal(rooms, 0); // the broadcaster is not bothered any more
    mcr_watch_free(full);
    mcr_broadcaster_free(b);
}

static void without_a_watch_events_are_gone(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(4, 0);
    assert_int_equal(publish(b, 1, 200, MCR_WAIT_IF_CHANNEL_FULL), 200);
    assert_counts(b, 200, 0, 0, 200);
    mcr_broadcaster_free(b);
}

static void a_queue_of_none_is_one(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(0, 0);
    mcr_watch *w = mcr_broadcaster_watch(b, NULL);
    assert_int_equal(publish(b, 1, 2, MCR_WAIT_IF_CHANNEL_FULL), 1);
    assert_reads(w, 1, 1, MCR_WATCH_EMPTY);
    mcr_watch_free(w);
    mcr_broadcaster_free(b);
}

static void emitted_events_reach_the_other_watches(void **state)
{
    (void)state;
    int wakes = 0;
    mcr_broadcaster *b = broadcaster(300, 300);
    mcr_broadcaster_on_emit(b, count, &wakes);
    mcr_watch *emitter = mcr_broadcaster_watch(b, NULL);
    mcr_watch *other = mcr_broadcaster_watch(b, NULL);
    for (int number = 1; number <= 200; number++)
        assert_true(emit(b, number, emitter));
    assert_true(emit(b, 201, NULL));
    assert_int_equal(wakes, 1); // the inbox was empty once
    assert_counts(b, 201, 0, 201, 0);
    assert_int_equal(mcr_broadcaster_distribute_emitted(b), 201);
    assert_int_equal(mcr_broadcaster_distribute_emitted(b), 0);
    assert_counts(b, 201, 0, 0, 201);
    assert_reads(emitter, 201, 201, MCR_WATCH_EMPTY);
    assert_reads(other, 1, 201, MCR_WATCH_EMPTY);
    assert_watch_counts(emitter, 1, 0, 0, 1);
    assert_true(emit(b, 1, other));
    assert_int_equal(wakes, 2);
    mcr_watch_free(emitter);
    mcr_watch_free(other);
    mcr_broadcaster_free(b); // with one in the inbox
}

static void a_full_inbox_refuses(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(10, 3);
    for (int number = 1; number <= 3; number++)
        assert_true(emit(b, number, NULL));
    assert_false(emit(b, 4, NULL));
    assert_false(emit(b, 5, NULL));
    assert_counts(b, 5, 2, 3, 0);
    assert_int_equal(mcr_broadcaster_distribute_emitted(b), 3);
    assert_true(emit(b, 6, NULL));
    assert_counts(b, 6, 2, 1, 3);
    mcr_broadcaster_free(b);
}

static void emitting_drops_where_a_watch_is_full(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(2, 10);
    mcr_watch *w = mcr_broadcaster_watch(b, NULL);
    for (int number = 1; number <= 5; number++)
        assert_true(emit(b, number, NULL));
    assert_int_equal(mcr_broadcaster_distribute_emitted(b), 5);
    assert_watch_counts(w, 5, 3, 2, 0);
    assert_reads(w, 1, 2, MCR_WATCH_EMPTY);
    mcr_watch_free(w);
    mcr_broadcaster_free(b);
}

// Two watchers that answer each other's events do so MCR_MAX_HOPS times.
static void hops_are_limited(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(10, 10);
    mcr_watch *watches[2] = { mcr_broadcaster_watch(b, NULL), mcr_broadcaster_watch(b, NULL) };
    mcr_event *ev = numbered(7);
    int hops = 0;
    while (mcr_broadcaster_emit(b, ev, watches[hops % 2])) {
        mcr_event_unref(ev);
        mcr_broadcaster_distribute_emitted(b);
        assert_int_equal(mcr_watch_next(watches[(hops + 1) % 2], 0, &ev), MCR_WATCH_EVENT);
        assert_int_equal(ev->count, 7);
        assert_int_equal(ev->hops, ++hops);
    }
    mcr_event_unref(ev);
    assert_int_equal(hops, MCR_MAX_HOPS);
    assert_counts(b, MCR_MAX_HOPS + 1, 1, 0, MCR_MAX_HOPS);
    mcr_watch_free(watches[0]);
    mcr_watch_free(watches[1]);
    mcr_broadcaster_free(b);
}

static void shutdown_distributes_what_was_accepted(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(200, 200);
    mcr_watch *w = mcr_broadcaster_watch(b, NULL);
    publish(b, 1, 2, MCR_DROP_IF_CHANNEL_FULL);
    for (int number = 3; number <= 150; number++)
        emit(b, number, NULL);
    mcr_broadcaster_shutdown(b);
    mcr_broadcaster_shutdown(b);
    assert_counts(b, 150, 0, 0, 150);
    assert_int_equal(publish(b, 151, 152, MCR_DROP_IF_CHANNEL_FULL), 0);
    assert_false(emit(b, 153, NULL));
    assert_counts(b, 151, 1, 0, 150);
    mcr_errbuf err;
    assert_null(mcr_broadcaster_watch(b, &err));
    assert_string_equal(err.text, "broadcaster already stopped");
    mcr_broadcaster_free(b);
    assert_reads(w, 1, 150, MCR_WATCH_CLOSED);
    mcr_watch_free(w);
}

static void hosts_take_batches_and_are_woken_once(void **state)
{
    (void)state;
    int wakes = 0;
    mcr_broadcaster *b = broadcaster(200, 0);
    mcr_watch *w = mcr_broadcaster_watch(b, NULL);
    mcr_watch_on_wake(w, count, &wakes);
    mcr_event *events[64];
    bool closed = true;
    assert_int_equal(mcr_watch_take(w, events, 64, &closed), 0);
    assert_false(closed);
    assert_true(mcr_watch_sleep(w));
    publish(b, 1, 100, MCR_WAIT_IF_CHANNEL_FULL);
    publish(b, 101, 130, MCR_WAIT_IF_CHANNEL_FULL);
    assert_int_equal(wakes, 1);
    assert_false(mcr_watch_sleep(w));
    static const uint32_t expected[] = { 64, 64, 2, 0 };
    int number = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t n = mcr_watch_take(w, events, 64, &closed);
        assert_int_equal(n, expected[i]);
        assert_false(closed);
        for (uint32_t k = 0; k < n; k++) {
            assert_int_equal(events[k]->count, ++number);
            mcr_event_unref(events[k]);
        }
    }
    assert_int_equal(wakes, 1);
    assert_true(mcr_watch_sleep(w));
    mcr_broadcaster_shutdown(b);
    assert_int_equal(wakes, 2);
    assert_false(mcr_watch_sleep(w));
    assert_int_equal(mcr_watch_take(w, events, 64, &closed), 0);
    assert_true(closed);
    mcr_watch_free(w);
    mcr_broadcaster_free(b);
}

static void held_wake_ups_come_when_the_owner_rests(void **state)
{
    (void)state;
    int wakes = 0;
    mcr_broadcaster *b = broadcaster(100, 0);
    mcr_broadcaster_hold_wakes(b);
    mcr_watch *w = mcr_broadcaster_watch(b, NULL);
    mcr_watch_on_wake(w, count, &wakes);
    assert_true(mcr_watch_sleep(w));
    publish(b, 1, 10, MCR_DROP_IF_CHANNEL_FULL);
    assert_int_equal(wakes, 0);
    mcr_broadcaster_wake(b);
    mcr_broadcaster_wake(b);
    assert_int_equal(wakes, 1);
    assert_reads(w, 1, 10, MCR_WATCH_EMPTY);
    assert_true(mcr_watch_sleep(w));
    publish(b, 11, 35, MCR_DROP_IF_CHANNEL_FULL);
    assert_int_equal(wakes, 2); // a quarter of the queue
    mcr_watch_free(w);
    mcr_broadcaster_free(b);
}

static void a_watch_may_have_a_queue_of_its_own_size(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(10, 0);
    mcr_watch *small = mcr_broadcaster_watch_sized(b, 3, NULL);
    mcr_watch *usual = mcr_broadcaster_watch(b, NULL);
    publish(b, 1, 12, MCR_DROP_IF_CHANNEL_FULL);
    assert_watch_counts(small, 12, 9, 3, 0);
    assert_watch_counts(usual, 12, 2, 10, 0);
    mcr_watch_free(small);
    mcr_watch_free(usual);
    mcr_broadcaster_free(b);
}

static void a_reader_that_left_is_not_woken(void **state)
{
    (void)state;
    int wakes = 0;
    mcr_broadcaster *b = broadcaster(10, 0);
    mcr_watch *w = mcr_broadcaster_watch(b, NULL);
    mcr_watch_on_wake(w, count, &wakes);
    assert_true(mcr_watch_sleep(w));
    mcr_watch_on_wake(w, NULL, NULL);
    publish(b, 1, 1, MCR_DROP_IF_CHANNEL_FULL);
    mcr_broadcaster_shutdown(b);
    assert_int_equal(wakes, 0);
    mcr_watch_free(w);
    mcr_broadcaster_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dropping_takes_all_and_counts_the_lost),
        cmocka_unit_test(waiting_stops_before_the_first_that_does_not_fit),
        cmocka_unit_test(stopping_a_full_watch_makes_room),
        cmocka_unit_test(without_a_watch_events_are_gone),
        cmocka_unit_test(a_queue_of_none_is_one),
        cmocka_unit_test(emitted_events_reach_the_other_watches),
        cmocka_unit_test(a_full_inbox_refuses),
        cmocka_unit_test(emitting_drops_where_a_watch_is_full),
        cmocka_unit_test(hops_are_limited),
        cmocka_unit_test(shutdown_distributes_what_was_accepted),
        cmocka_unit_test(hosts_take_batches_and_are_woken_once),
        cmocka_unit_test(held_wake_ups_come_when_the_owner_rests),
        cmocka_unit_test(a_watch_may_have_a_queue_of_its_own_size),
        cmocka_unit_test(a_reader_that_left_is_not_woken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
