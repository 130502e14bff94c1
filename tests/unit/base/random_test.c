// base/random.h

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"

static uint64_t given(void *self)
{
    return *(uint64_t *)self;
}

static void from_0_up_to_but_not_1(void **state)
{
    (void)state;
    uint64_t bits = 0;
    mcr_random random = { given, &bits };
    assert_true(mcr_random_unit(&random) == 0.0);
    bits = UINT64_C(1) << 63;
    assert_true(mcr_random_unit(&random) == 0.5);
    bits = UINT64_MAX;
    assert_true(mcr_random_unit(&random) == 1.0 - 0x1p-53);
    assert_true(mcr_random_next(&random) == UINT64_MAX);
}

static void the_system_repeats_nothing(void **state)
{
    (void)state;
    uint64_t seen[64];
    for (size_t i = 0; i < 64; i++) {
        seen[i] = mcr_random_next(&mcr_random_system);
        for (size_t k = 0; k < i; k++)
            assert_true(seen[i] != seen[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_0_up_to_but_not_1),
        cmocka_unit_test(the_system_repeats_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
