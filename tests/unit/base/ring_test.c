// base/ring.h, on one thread: the stress test has the races.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/ring.h"

enum {
    MANY = 100
};

static int things[MANY];

static void *thing(uint32_t i)
{
    return &things[i % MANY];
}

static void count(void *arg)
{
    ++*(int *)arg;
}

// Pushes `n` things beginning with number `first`; returns how many fit.
static uint32_t push(mcr_ring *r, uint32_t first, uint32_t n)
{
    void *items[MANY];
    for (uint32_t i = 0; i < n; i++)
        items[i] = thing(first + i);
    return mcr_ring_push(r, items, n);
}

// Pops up to `n`, which must be the things from number `first`; returns how many there were.
static uint32_t pop(mcr_ring *r, uint32_t first, uint32_t n)
{
    void *items[MANY];
    uint32_t got = mcr_ring_pop(r, items, n);
    for (uint32_t i = 0; i < got; i++)
        assert_ptr_equal(items[i], thing(first + i));
    return got;
}

static void capacity_is_exact(void **state)
{
    (void)state;
    static const uint32_t capacities[] = { 1, 2, 3, 5, 8, 25, 33 };
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        uint32_t capacity = capacities[i];
        mcr_ring *r = mcr_ring_new(capacity);
        assert_int_equal(mcr_ring_capacity(r), capacity);
        assert_int_equal(push(r, 0, capacity + 1), capacity);
        assert_int_equal(mcr_ring_len(r), capacity);
        assert_int_equal(push(r, 0, 1), 0);
        assert_int_equal(pop(r, 0, 1), 1);
        assert_int_equal(push(r, capacity, 2), 1);
        assert_int_equal(pop(r, 1, capacity + 1), capacity);
        assert_int_equal(pop(r, 0, 1), 0);
        assert_int_equal(mcr_ring_len(r), 0);
        mcr_ring_free(r);
    }
}

static void order_holds_around_the_ring(void **state)
{
    (void)state;
    mcr_ring *r = mcr_ring_new(7);
    uint32_t in = 0, out = 0;
    for (uint32_t round = 0; round < 1000; round++) {
        in += push(r, in, round % 5 + 1);
        out += pop(r, out, round % 4 + 1);
        assert_int_equal(mcr_ring_len(r), in - out);
    }
    assert_true(in > 2000);
    mcr_ring_free(r);
}

static void room_is_what_a_push_takes(void **state)
{
    (void)state;
    mcr_ring *r = mcr_ring_new(5);
    assert_int_equal(mcr_ring_room(r, 3), 3);
    assert_int_equal(mcr_ring_room(r, 9), 5);
    push(r, 0, 4);
    assert_int_equal(mcr_ring_room(r, 3), 1);
    pop(r, 0, 2);
    assert_int_equal(mcr_ring_room(r, 9), 3);
    mcr_ring_free(r);
}

static void a_push_wakes_a_sleeper_once(void **state)
{
    (void)state;
    int woken = 0;
    mcr_ring *r = mcr_ring_new(4);
    mcr_ring_on_wake(r, count, &woken, NULL, NULL);
    push(r, 0, 1);
    assert_int_equal(woken, 0); // nobody sleeps
    assert_false(mcr_ring_sleep(r));
    pop(r, 0, 1);
    assert_true(mcr_ring_sleep(r));
    push(r, 1, 2);
    push(r, 3, 1);
    assert_int_equal(woken, 1);
    pop(r, 1, 3);
    assert_true(mcr_ring_sleep(r));
    push(r, 0, 0);
    assert_int_equal(woken, 1); // nothing came
    push(r, 4, 1);
    assert_int_equal(woken, 2);
    mcr_ring_free(r);
}

static void staying_awake_takes_the_sleep_back(void **state)
{
    (void)state;
    int woken = 0;
    mcr_ring *r = mcr_ring_new(4);
    mcr_ring_on_wake(r, count, &woken, NULL, NULL);
    push(r, 0, 1);
    assert_false(mcr_ring_sleep(r));
    push(r, 1, 1);
    assert_int_equal(woken, 0);
    mcr_ring_free(r);
}

static void a_waiting_producer_is_woken_at_the_room_it_wants(void **state)
{
    (void)state;
    int woken = 0;
    mcr_ring *r = mcr_ring_new(6);
    mcr_ring_on_wake(r, NULL, NULL, count, &woken);
    push(r, 0, 6);
    assert_true(mcr_ring_wait_for_room(r, 3));
    pop(r, 0, 2);
    assert_int_equal(woken, 0);
    pop(r, 2, 1);
    assert_int_equal(woken, 1);
    pop(r, 3, 3);
    assert_int_equal(woken, 1); // once
    mcr_ring_free(r);
}

static void with_room_there_is_nothing_to_wait_for(void **state)
{
    (void)state;
    int woken = 0;
    mcr_ring *r = mcr_ring_new(4);
    mcr_ring_on_wake(r, NULL, NULL, count, &woken);
    push(r, 0, 3);
    assert_false(mcr_ring_wait_for_room(r, 2));
    pop(r, 0, 3);
    assert_int_equal(woken, 0);
    mcr_ring_free(r);
}

static void gathering_room_ends_without_any(void **state)
{
    (void)state;
    int woken = 0;
    mcr_parker parker;
    mcr_parker_init(&parker);
    mcr_ring *r = mcr_ring_new(3);
    mcr_ring_on_wake(r, NULL, NULL, count, &woken);
    push(r, 0, 3);
    mcr_ring_gather_room(r, &parker);
    assert_int_equal(mcr_ring_len(r), 3);
    pop(r, 0, 2);
    mcr_ring_gather_room(r, &parker);
    assert_int_equal(push(r, 3, 3), 2);
    assert_int_equal(woken, 0); // nobody gathers any more
    mcr_ring_free(r);
    mcr_parker_fini(&parker);
}

// A producer that holds wake-ups back: at a quarter of the ring, and when it is told.
static void held_wake_ups_come_later(void **state)
{
    (void)state;
    int woken = 0;
    mcr_ring *r = mcr_ring_new(8);
    mcr_ring_on_wake(r, count, &woken, NULL, NULL);
    mcr_ring_hold(r);
    assert_true(mcr_ring_sleep(r));
    mcr_ring_wake(r);
    assert_int_equal(woken, 0); // there is nothing
    push(r, 0, 1);
    assert_int_equal(woken, 0);
    mcr_ring_wake(r);
    mcr_ring_wake(r);
    assert_int_equal(woken, 1);
    pop(r, 0, 1);
    assert_true(mcr_ring_sleep(r));
    push(r, 1, 1);
    assert_int_equal(woken, 1);
    push(r, 2, 1);
    assert_int_equal(woken, 2); // a quarter
    mcr_ring_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capacity_is_exact),
        cmocka_unit_test(order_holds_around_the_ring),
        cmocka_unit_test(room_is_what_a_push_takes),
        cmocka_unit_test(a_push_wakes_a_sleeper_once),
        cmocka_unit_test(staying_awake_takes_the_sleep_back),
        cmocka_unit_test(a_waiting_producer_is_woken_at_the_room_it_wants),
        cmocka_unit_test(with_room_there_is_nothing_to_wait_for),
        cmocka_unit_test(gathering_room_ends_without_any),
        cmocka_unit_test(held_wake_ups_come_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
