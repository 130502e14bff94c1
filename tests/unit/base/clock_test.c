// base/clock.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#include <time.h>

static void fixed_moves_only_by_its_owner(void **state)
{
    (void)state;
    int64_t now = -5;
    mcr_clock clock = mcr_clock_fixed(&now);
    assert_int_equal(mcr_clock_now(&clock), -5);
    now = 1700000000123456789;
    assert_int_equal(mcr_clock_now(&clock), 1700000000123456789);
}

static void wall_is_unix_time(void **state)
{
    (void)state;
    int64_t before = (int64_t)time(NULL);
    int64_t now = mcr_clock_now(&mcr_clock_wall) / 1000000000;
    int64_t after = (int64_t)time(NULL);
    // time(2) may read a coarser clock that is a tick behind.
    assert_in_range(now, before - 1, after + 1);
}

static void monotonic_never_goes_back(void **state)
{
    (void)state;
    int64_t last = mcr_clock_monotonic();
    for (int i = 0; i < 1000; i++) {
        int64_t now = mcr_clock_monotonic();
        assert_true(now >= last);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_moves_only_by_its_owner),
        cmocka_unit_test(wall_is_unix_time),
        cmocka_unit_test(monotonic_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
