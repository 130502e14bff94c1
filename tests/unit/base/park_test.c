// base/park.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/park.h"

#include <stdatomic.h>

#include "base/clock.h"

static void a_wake_up_before_the_sleep_is_remembered_once(void **state)
{
    (void)state;
    mcr_parker p;
    mcr_parker_init(&p);
    mcr_unpark(&p);
    mcr_unpark(&p);
    assert_true(mcr_park(&p, -1));
    assert_false(mcr_park(&p, 0));
    mcr_parker_fini(&p);
}

static void a_sleep_ends_with_its_time(void **state)
{
    (void)state;
    mcr_parker p;
    mcr_parker_init(&p);
    int64_t before = mcr_clock_monotonic();
    assert_false(mcr_park(&p, 2000000));
    assert_true(mcr_clock_monotonic() - before >= 2000000);
    mcr_parker_fini(&p);
}

static mcr_parker here, there;
static int turns;

static void *other(void *arg)
{
    (void)arg;
    for (int i = 0; i < 1000; i++) {
        mcr_park(&there, -1);
        turns++;
        mcr_unpark(&here);
    }
    return NULL;
}

static void two_threads_take_turns(void **state)
{
    (void)state;
    mcr_parker_init(&here);
    mcr_parker_init(&there);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, other, NULL), 0);
    for (int i = 0; i < 1000; i++) {
        mcr_unpark(&there);
        assert_true(mcr_park(&here, -1));
        assert_int_equal(turns, i + 1);
    }
    pthread_join(thread, NULL);
    mcr_parker_fini(&here);
    mcr_parker_fini(&there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wake_up_before_the_sleep_is_remembered_once),
        cmocka_unit_test(a_sleep_ends_with_its_time),
        cmocka_unit_test(two_threads_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
