// base/mpsc.h: what one thread sees, and several that write while one reads.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/mpsc.h"

enum {
    WRITERS = 4,
    EACH = 20000
};

static int things[16];

static void comes_out_in_order(void **state)
{
    (void)state;
    mcr_mpsc *q = mcr_mpsc_new(4);
    assert_null(mcr_mpsc_take(q));
    // Several rounds, so that places are used again.
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 3; i++)
            assert_true(mcr_mpsc_put(q, &things[i]));
        for (int i = 0; i < 3; i++)
            assert_ptr_equal(mcr_mpsc_take(q), &things[i]);
        assert_null(mcr_mpsc_take(q));
    }
    mcr_mpsc_free(q);
}

static void a_full_one_refuses(void **state)
{
    (void)state;
    static const struct {
        uint32_t asked, holds;
    } sizes[] = { { 1, 2 }, { 2, 2 }, { 3, 4 }, { 4, 4 }, { 5, 8 } };
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        mcr_mpsc *q = mcr_mpsc_new(sizes[k].asked);
        for (uint32_t i = 0; i < sizes[k].holds; i++)
            assert_true(mcr_mpsc_put(q, &things[i]));
        assert_false(mcr_mpsc_put(q, &things[15]));
        assert_ptr_equal(mcr_mpsc_take(q), &things[0]);
        assert_true(mcr_mpsc_put(q, &things[15]));
        assert_false(mcr_mpsc_put(q, &things[15]));
        mcr_mpsc_free(q);
    }
}

typedef struct writer {
    mcr_mpsc *queue;
    atomic_int *running;
    uintptr_t number; // 1 …
    uint64_t put, refused;
} writer;

// Items are writer * EACH + i.
static void *write_all(void *arg)
{
    writer *w = arg;
    for (uintptr_t i = 0; i < EACH; i++) {
        // NOLINTNEXTLINE(performance-no-int-to-ptr): numbers, never followed
        if (mcr_mpsc_put(w->queue, (void *)(w->number * EACH + i)))
            w->put++;
        else
            w->refused++;
        if (i % 64 == 0)
            sched_yield();
    }
    atomic_fetch_sub(w->running, 1);
    return NULL;
}

static void many_writers_lose_nothing_that_was_taken(void **state)
{
    (void)state;
    mcr_mpsc *q = mcr_mpsc_new(64);
    writer writers[WRITERS];
    pthread_t threads[WRITERS];
    atomic_int running = WRITERS;
    for (uintptr_t i = 0; i < WRITERS; i++) {
        writers[i] = (writer){ .queue = q, .running = &running, .number = i + 1 };
        assert_int_equal(pthread_create(&threads[i], NULL, write_all, &writers[i]), 0);
    }
    uint64_t taken[WRITERS + 1] = { 0 };
    uintptr_t last[WRITERS + 1] = { 0 };
    bool in_order = true;
    for (bool ended = false; !ended;) {
        ended = atomic_load(&running) == 0; // before the queue is found empty
        uintptr_t item = (uintptr_t)mcr_mpsc_take(q);
        if (!item) {
            sched_yield();
            continue;
        }
        ended = false;
        uintptr_t from = item / EACH;
        in_order &= from >= 1 && from <= WRITERS && item > last[from];
        last[from] = item;
        taken[from]++;
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    assert_true(in_order);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(writers[i].put, taken[i + 1]);
        assert_int_equal(writers[i].put + writers[i].refused, EACH);
    }
    mcr_mpsc_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_out_in_order),
        cmocka_unit_test(a_full_one_refuses),
        cmocka_unit_test(many_writers_lose_nothing_that_was_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
