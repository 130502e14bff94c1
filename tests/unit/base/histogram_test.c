// base/histogram.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/histogram.h"

static void nothing_has_no_spread(void **state)
{
    (void)state;
    const mcr_histogram h = { 0 };
    assert_int_equal(mcr_histogram_quantile(&h, 0), 0);
    assert_int_equal(mcr_histogram_quantile(&h, 0.99), 0);
}

static void every_number_comes_back_within_a_sixteenth(void **state)
{
    (void)state;
    uint64_t before = 0;
    for (uint64_t n = 0; n < UINT64_C(1) << 37; n += n / 97 + 1) {
        mcr_histogram h = { 0 };
        mcr_histogram_add(&h, n, 1);
        uint64_t back = mcr_histogram_quantile(&h, 0.5);
        uint64_t off = back > n ? back - n : n - back;
        assert_true(off <= n / 16);
        assert_true(back >= before); // in order
        before = back;
    }
}

static void what_is_too_large_counts_as_the_largest(void **state)
{
    (void)state;
    mcr_histogram h = { 0 };
    mcr_histogram_add(&h, UINT64_MAX, 1);
    mcr_histogram_add(&h, UINT64_C(1) << 37, 1);
    uint64_t largest = mcr_histogram_quantile(&h, 0.5);
    assert_int_equal(mcr_histogram_quantile(&h, 1), largest);
    assert_true(largest > UINT64_C(1) << 36 && largest < UINT64_C(1) << 37);
}

static void quantiles_are_of_all_that_came(void **state)
{
    (void)state;
    static const struct {
        double q;
        uint64_t expected;
    } rows[] = {
        { 0, 1 }, { 0.5, 1 }, { 0.9, 1 }, { 0.905, 2 }, { 0.99, 2 }, { 0.991, 3 }, { 1, 3 }
    };
    mcr_histogram h = { 0 };
    mcr_histogram_add(&h, 1, 900);
    mcr_histogram_add(&h, 2, 45);
    mcr_histogram_add(&h, 2, 45);
    mcr_histogram_add(&h, 3, 10);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(mcr_histogram_quantile(&h, rows[i].q), rows[i].expected);
}

enum {
    ADDED = 200000
};

static mcr_histogram shared;
static atomic_bool done;

static void *adds(void *arg)
{
    (void)arg;
    for (int i = 0; i < ADDED; i++)
        mcr_histogram_add(&shared, i % 2 ? 5 : 7, 1);
    atomic_store(&done, true);
    return NULL;
}

static void another_thread_reads_while_one_adds(void **state)
{
    (void)state;
    pthread_t adding;
    assert_int_equal(pthread_create(&adding, NULL, adds, NULL), 0);
    while (!atomic_load(&done)) {
        uint64_t seen = mcr_histogram_quantile(&shared, 0.5);
        assert_true(seen == 0 || seen == 5 || seen == 7);
    }
    pthread_join(adding, NULL);
    assert_int_equal(mcr_histogram_quantile(&shared, 0.5), 5);
    assert_int_equal(mcr_histogram_quantile(&shared, 0.51), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_has_no_spread),
        cmocka_unit_test(every_number_comes_back_within_a_sixteenth),
        cmocka_unit_test(what_is_too_large_counts_as_the_largest),
        cmocka_unit_test(quantiles_are_of_all_that_came),
        cmocka_unit_test(another_thread_reads_while_one_adds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
