// broadcast/broadcaster.h with a distributor thread: the facts of client-go's mux_test.go
// (UPSTREAM_TESTS.md, pkg/watch) and what the header says beyond them. What would be a deadlock is
// ended by the alarm.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "broadcast/broadcaster.h"
#include "numbered.h"

static mcr_broadcaster *broadcaster(uint32_t queue, uint32_t incoming, mcr_full_behavior full)
{
    mcr_broadcaster_options options = { .queue = queue, .incoming = incoming, .full = full };
    mcr_broadcaster *b = mcr_broadcaster_new(&options);
    assert_non_null(b);
    return b;
}

static mcr_watch *watch(mcr_broadcaster *b)
{
    mcr_watch *w = mcr_broadcaster_watch(b, NULL);
    assert_non_null(w);
    return w;
}

static void action(mcr_broadcaster *b, int number)
{
    mcr_event *ev = numbered(number);
    assert_int_equal(mcr_broadcaster_action(b, ev, NULL), MCR_OK);
    mcr_event_unref(ev);
}

static bool action_or_drop(mcr_broadcaster *b, int number)
{
    mcr_event *ev = numbered(number);
    bool accepted;
    assert_int_equal(mcr_broadcaster_action_or_drop(b, ev, &accepted, NULL), MCR_OK);
    mcr_event_unref(ev);
    return accepted;
}

static void distributed(mcr_broadcaster *b)
{
    while (mcr_broadcaster_counts_now(b).queued)
        sched_yield();
}

static void assert_next(mcr_watch *w, int number)
{
    mcr_event *ev;
    assert_int_equal(mcr_watch_next(w, -1, &ev), MCR_WATCH_EVENT);
    assert_int_equal(ev->count, number);
    mcr_event_unref(ev);
}

static void assert_end(mcr_watch *w, mcr_watch_result expected)
{
    mcr_event *ev;
    assert_int_equal(mcr_watch_next(w, 0, &ev), expected);
}

static void assert_sums(mcr_broadcaster *b, mcr_watch *w)
{
    if (b) {
        mcr_broadcaster_counts c = mcr_broadcaster_counts_now(b);
        assert_int_equal(c.accepted, c.incoming_full + c.emit_full + c.queued + c.distributed);
    }
    if (w) {
        mcr_watch_counts c = mcr_watch_counts_now(w);
        assert_int_equal(c.offered, c.ring_full + c.queued + c.taken);
    }
}

// A thread that reads a watch to its end and keeps the numbers.
struct reader {
    mcr_watch *w;
    pthread_t thread;
    int got[64];
    int n;
};

static void *read_all(void *arg)
{
    struct reader *r = arg;
    mcr_event *ev;
    while (mcr_watch_next(r->w, -1, &ev) == MCR_WATCH_EVENT) {
        r->got[r->n++] = ev->count;
        mcr_event_unref(ev);
    }
    return NULL;
}

static void every_watch_sees_all_in_order(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(0, 25, MCR_WAIT_IF_CHANNEL_FULL);
    struct reader readers[2] = { { .w = watch(b) }, { .w = watch(b) } };
    for (int i = 0; i < 2; i++)
        pthread_create(&readers[i].thread, NULL, read_all, &readers[i]);
    for (int number = 1; number <= 4; number++)
        action(b, number);
    mcr_broadcaster_shutdown(b);
    for (int i = 0; i < 2; i++) {
        pthread_join(readers[i].thread, NULL);
        assert_int_equal(readers[i].n, 4);
        for (int k = 0; k < 4; k++)
            assert_int_equal(readers[i].got[k], k + 1);
        assert_sums(b, readers[i].w);
        mcr_watch_free(readers[i].w);
    }
    mcr_broadcaster_free(b);
}

static void stopped_and_shut_down_watches_are_closed(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(0, 25, MCR_WAIT_IF_CHANNEL_FULL);
    mcr_watch *first = watch(b), *second = watch(b);
    mcr_watch_stop(first);
    mcr_broadcaster_shutdown(b);
    assert_end(first, MCR_WATCH_CLOSED);
    assert_end(second, MCR_WATCH_CLOSED);
    mcr_watch_stop(first);
    mcr_watch_stop(second);
    mcr_watch_free(first);
    mcr_watch_free(second);
    mcr_broadcaster_free(b);
}

// Whoever gets the event stops the other watch, which the distributor is trying to put it into.
struct rival {
    mcr_watch *mine;
    mcr_watch *other;
    atomic_bool *won;
    pthread_t thread;
};

static void *read_and_stop_other(void *arg)
{
    struct rival *r = arg;
    mcr_event *ev;
    if (mcr_watch_next(r->mine, -1, &ev) == MCR_WATCH_EVENT) {
        mcr_event_unref(ev);
        if (!atomic_exchange(r->won, true))
            mcr_watch_stop(r->other);
    }
    return NULL;
}

static void stopping_a_watch_that_is_waited_for_is_no_deadlock(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        mcr_broadcaster *b = broadcaster(0, 25, MCR_WAIT_IF_CHANNEL_FULL);
        mcr_watch *first = watch(b), *second = watch(b);
        atomic_bool won = false;
        struct rival rivals[2] = { { first, second, &won, 0 }, { second, first, &won, 0 } };
        for (int i = 0; i < 2; i++)
            pthread_create(&rivals[i].thread, NULL, read_and_stop_other, &rivals[i]);
        action(b, 1);
        for (int i = 0; i < 2; i++)
            pthread_join(rivals[i].thread, NULL);
        mcr_broadcaster_shutdown(b);
        assert_true(won);
        mcr_watch_free(first);
        mcr_watch_free(second);
        mcr_broadcaster_free(b);
    }
}

static void stopping_an_unbuffered_watch_that_nobody_reads(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(0, 25, MCR_WAIT_IF_CHANNEL_FULL);
    mcr_watch *read = watch(b), *unread = watch(b);
    action(b, 1);
    assert_next(read, 1); // so the distributor is at the other one, or about to be
    mcr_watch_stop(unread);
    distributed(b);
    assert_end(unread, MCR_WATCH_CLOSED);
    assert_int_equal(mcr_watch_counts_now(unread).offered, 0);
    mcr_broadcaster_shutdown(b);
    mcr_watch_free(read);
    mcr_watch_free(unread);
    mcr_broadcaster_free(b);
}

static void a_full_watch_loses_the_newest(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(1, 25, MCR_DROP_IF_CHANNEL_FULL);
    mcr_watch *watches[2] = { watch(b), watch(b) };
    action(b, 1);
    action(b, 2);
    mcr_broadcaster_shutdown(b);
    for (int i = 0; i < 2; i++) {
        mcr_watch_counts counts = mcr_watch_counts_now(watches[i]);
        assert_int_equal(counts.offered, 2);
        assert_int_equal(counts.ring_full, 1);
        assert_int_equal(counts.queued, 1);
        assert_next(watches[i], 1);
        assert_end(watches[i], MCR_WATCH_CLOSED);
        mcr_watch_free(watches[i]);
    }
    mcr_broadcaster_free(b);
}

static void calls_after_shutdown_fail_cleanly(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(1, 25, MCR_DROP_IF_CHANNEL_FULL);
    mcr_broadcaster_shutdown(b);
    mcr_broadcaster_shutdown(b);
    mcr_errbuf err = { "" };
    mcr_event *ev = numbered(1);
    assert_null(mcr_broadcaster_watch(b, &err));
    assert_string_equal(err.text, "broadcaster already stopped");
    err.text[0] = '\0';
    assert_null(mcr_broadcaster_watch_with_prefix(b, &ev, 1, &err));
    assert_string_equal(err.text, "broadcaster already stopped");
    err.text[0] = '\0';
    assert_int_equal(mcr_broadcaster_action(b, ev, &err), MCR_ESTOPPED);
    assert_string_equal(err.text, "broadcaster already stopped");
    err.text[0] = '\0';
    bool accepted = true;
    assert_int_equal(mcr_broadcaster_action_or_drop(b, ev, &accepted, &err), MCR_ESTOPPED);
    assert_false(accepted);
    assert_string_equal(err.text, "broadcaster already stopped");
    assert_int_equal(mcr_broadcaster_counts_now(b).accepted, 0);
    mcr_event_unref(ev);
    mcr_broadcaster_free(b);
}

static void *stop(void *watch)
{
    mcr_watch_stop(watch);
    return NULL;
}

static void watches_may_be_stopped_during_shutdown(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        mcr_broadcaster *b = broadcaster(1, 25, MCR_WAIT_IF_CHANNEL_FULL);
        mcr_watch *watches[2] = { watch(b), watch(b) };
        action(b, 1);
        pthread_t threads[2];
        for (int i = 0; i < 2; i++)
            pthread_create(&threads[i], NULL, stop, watches[i]);
        mcr_broadcaster_shutdown(b);
        for (int i = 0; i < 2; i++) {
            pthread_join(threads[i], NULL);
            assert_next(watches[i], 1);
            assert_end(watches[i], MCR_WATCH_CLOSED);
            mcr_watch_free(watches[i]);
        }
        mcr_broadcaster_free(b);
    }
}

static void *act_100_times(void *b)
{
    for (int i = 0; i < 100; i++)
        action(b, i);
    return NULL;
}

static void many_producers_and_no_watch(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(1, 25, MCR_WAIT_IF_CHANNEL_FULL);
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, act_100_times, b);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    mcr_broadcaster_shutdown(b);
    assert_int_equal(mcr_broadcaster_counts_now(b).distributed, 800);
    assert_sums(b, NULL);
    mcr_broadcaster_free(b);
}

// RECORD §2, "Capacity": the watch's queue, one in the distributor's hand, the incoming queue.
static void waiting_accepts_exactly_queue_and_one_and_incoming(void **state)
{
    (void)state;
    static const struct {
        uint32_t queue, incoming;
    } cases[] = { { 0, 25 }, { 1, 1 }, { 3, 2 }, { 100, 25 }, { 1000, 1000 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_broadcaster *b =
            broadcaster(cases[i].queue, cases[i].incoming, MCR_WAIT_IF_CHANNEL_FULL);
        mcr_watch *w = watch(b);
        int expected = (int)(cases[i].queue + 1 + cases[i].incoming);
        int accepted = 0;
        uint64_t refused = 0;
        while (accepted < expected) {
            if (action_or_drop(b, accepted + 1))
                accepted++;
            else
                refused++;
            sched_yield();
        }
        for (int again = 0; again < 100; again++, refused++)
            assert_false(action_or_drop(b, 0));
        mcr_broadcaster_counts counts = mcr_broadcaster_counts_now(b);
        assert_int_equal(counts.distributed, cases[i].queue);
        assert_int_equal(counts.queued, cases[i].incoming + 1);
        assert_int_equal(counts.incoming_full, refused);
        assert_int_equal(counts.accepted, (uint64_t)accepted + refused);
        for (int number = 1; number <= accepted; number++)
            assert_next(w, number);
        assert_end(w, MCR_WATCH_EMPTY);
        mcr_broadcaster_shutdown(b);
        assert_end(w, MCR_WATCH_CLOSED);
        mcr_watch_free(w);
        mcr_broadcaster_free(b);
    }
}

// A reader that takes one event lets one in: no waiting for half a queue.
static void one_read_makes_room_for_one(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(10, 1, MCR_WAIT_IF_CHANNEL_FULL);
    mcr_watch *w = watch(b);
    for (int number = 1; number <= 12; number++)
        action(b, number);
    for (int number = 1; number <= 100; number++) {
        assert_next(w, number);
        action(b, number + 12); // returns only because of that
    }
    mcr_watch_free(w);
    mcr_broadcaster_free(b);
}

static void stopping_the_slow_watch_frees_the_others(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(2, 1, MCR_WAIT_IF_CHANNEL_FULL);
    mcr_watch *slow = watch(b), *fast = watch(b);
    struct reader reader = { .w = fast };
    pthread_create(&reader.thread, NULL, read_all, &reader);
    pthread_t producer;
    pthread_create(&producer, NULL, act_100_times, b);
    while (mcr_broadcaster_counts_now(b).queued < 2)
        sched_yield(); // until the producer is stuck behind the slow watch
    mcr_watch_stop(slow);
    assert_sums(b, slow);
    for (int number = 0; number < 2; number++)
        assert_next(slow, number);
    assert_end(slow, MCR_WATCH_CLOSED);
    mcr_watch_stop(fast);
    pthread_join(reader.thread, NULL);
    pthread_join(producer, NULL);
    mcr_broadcaster_shutdown(b);
    assert_int_equal(mcr_broadcaster_counts_now(b).distributed, 100);
    mcr_watch_free(slow);
    mcr_watch_free(fast);
    mcr_broadcaster_free(b);
}

static void a_watch_sees_what_comes_after_it(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(5, 25, MCR_DROP_IF_CHANNEL_FULL);
    action(b, 1);
    action(b, 2);
    mcr_watch *w = watch(b);
    action(b, 3);
    assert_next(w, 3);
    mcr_watch_stop(w);
    action(b, 4);
    distributed(b);
    assert_end(w, MCR_WATCH_CLOSED);
    assert_int_equal(mcr_watch_counts_now(w).offered, 1);
    mcr_watch_free(w);
    mcr_broadcaster_free(b);
}

static void a_prefix_comes_first_and_takes_room(void **state)
{
    (void)state;
    static const struct {
        uint32_t queue, prefix, room; // room left behind the prefix
    } cases[] = { { 2, 4, 1 }, { 4, 2, 2 }, { 0, 0, 1 }, { 0, 3, 1 }, { 3, 3, 1 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_broadcaster *b = broadcaster(cases[i].queue, 25, MCR_DROP_IF_CHANNEL_FULL);
        mcr_event *prefix[4];
        for (uint32_t k = 0; k < cases[i].prefix; k++)
            prefix[k] = numbered(-1 - (int)k);
        mcr_watch *w = mcr_broadcaster_watch_with_prefix(b, prefix, cases[i].prefix, NULL);
        for (int number = 1; number <= 5; number++)
            action(b, number);
        mcr_broadcaster_shutdown(b);
        for (uint32_t k = 0; k < cases[i].prefix; k++) {
            assert_next(w, -1 - (int)k);
            mcr_event_unref(prefix[k]);
        }
        for (uint32_t k = 0; k < cases[i].room; k++)
            assert_next(w, (int)k + 1);
        assert_end(w, MCR_WATCH_CLOSED);
        mcr_watch_counts counts = mcr_watch_counts_now(w);
        assert_int_equal(counts.offered, cases[i].prefix + 5);
        assert_int_equal(counts.ring_full, 5 - cases[i].room);
        mcr_watch_free(w);
        mcr_broadcaster_free(b);
    }
}

static void next_waits_no_longer_than_it_is_told(void **state)
{
    (void)state;
    static const uint32_t queues[] = { 0, 3 };
    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) {
        mcr_broadcaster *b = broadcaster(queues[i], 25, MCR_DROP_IF_CHANNEL_FULL);
        mcr_watch *w = watch(b);
        mcr_event *ev;
        assert_int_equal(mcr_watch_next(w, 0, &ev), MCR_WATCH_EMPTY);
        assert_int_equal(mcr_watch_next(w, 1000000, &ev), MCR_WATCH_EMPTY);
        mcr_watch_free(w);
        mcr_broadcaster_free(b);
    }
}

static void an_unbuffered_watch_needs_a_waiting_reader(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(0, 25, MCR_DROP_IF_CHANNEL_FULL);
    mcr_watch *w = watch(b);
    for (int number = 1; number <= 3; number++)
        action(b, number);
    distributed(b);
    assert_end(w, MCR_WATCH_EMPTY);
    assert_int_equal(mcr_watch_counts_now(w).ring_full, 3);

    struct reader reader = { .w = w };
    pthread_create(&reader.thread, NULL, read_all, &reader);
    int sent = 3;
    while (mcr_watch_counts_now(w).taken == 0) {
        action(b, ++sent); // lost until the reader waits
        distributed(b);
    }
    mcr_watch_stop(w);
    pthread_join(reader.thread, NULL);
    assert_true(reader.n >= 1);
    assert_in_range(reader.got[0], 4, sent);
    mcr_watch_counts counts = mcr_watch_counts_now(w);
    assert_int_equal(counts.offered, sent);
    assert_int_equal(counts.taken, reader.n);
    assert_sums(b, w);
    mcr_watch_free(w);
    mcr_broadcaster_free(b);
}

static void a_watch_outlives_its_broadcaster(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster(3, 25, MCR_WAIT_IF_CHANNEL_FULL);
    mcr_watch *read = watch(b), *unread = watch(b);
    action(b, 1);
    action(b, 2);
    mcr_broadcaster_shutdown(b);
    mcr_broadcaster_free(b);
    assert_next(read, 1);
    assert_next(read, 2);
    assert_end(read, MCR_WATCH_CLOSED);
    mcr_watch_stop(read);
    mcr_watch_free(read);
    mcr_watch_free(unread); // with what nobody read
}

int main(void)
{
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_watch_sees_all_in_order),
        cmocka_unit_test(stopped_and_shut_down_watches_are_closed),
        cmocka_unit_test(stopping_a_watch_that_is_waited_for_is_no_deadlock),
        cmocka_unit_test(stopping_an_unbuffered_watch_that_nobody_reads),
        cmocka_unit_test(a_full_watch_loses_the_newest),
        cmocka_unit_test(calls_after_shutdown_fail_cleanly),
        cmocka_unit_test(watches_may_be_stopped_during_shutdown),
        cmocka_unit_test(many_producers_and_no_watch),
        cmocka_unit_test(waiting_accepts_exactly_queue_and_one_and_incoming),
        cmocka_unit_test(one_read_makes_room_for_one),
        cmocka_unit_test(stopping_the_slow_watch_frees_the_others),
        cmocka_unit_test(a_watch_sees_what_comes_after_it),
        cmocka_unit_test(a_prefix_comes_first_and_takes_room),
        cmocka_unit_test(next_waits_no_longer_than_it_is_told),
        cmocka_unit_test(an_unbuffered_watch_needs_a_waiting_reader),
        cmocka_unit_test(a_watch_outlives_its_broadcaster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
