// base/token_bucket.h. What the arithmetic must give to the last bit is in the vectors
// (correlator/spam/*).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/token_bucket.h"

static const int64_t SECOND = 1000000000;

// One bucket, and takes at `at` nanoseconds after the start.
typedef struct bucket_case {
    const char *what;
    double qps;
    int64_t burst;
    struct {
        int64_t at;
        bool taken;
    } takes[8]; // those at -1 are none
} bucket_case;

// client-go's default, float32(1/300), makes a token in 299.99999274 s.
static const double DEFAULT_QPS = (double)(float)(1.0 / 300.0);

static void takes_as_go_does(void **state)
{
    (void)state;
    const bucket_case cases[] = {
        { "the burst, then none", 1, 2, { { 0, true }, { 0, true }, { 0, false }, { -1, 0 } } },
        { "one a second",
          1,
          1,
          { { 0, true }, { SECOND - 2, false }, { SECOND, true }, { SECOND, false }, { -1, 0 } } },
        { "no more than the burst comes in",
          1,
          2,
          { { 0, true },
            { 100 * SECOND, true },
            { 100 * SECOND, true },
            { 100 * SECOND, false },
            { -1, 0 } } },
        { "a refusal changes nothing: the refill goes on from the last token",
          0.5,
          1,
          { { 0, true },
            { SECOND, false },
            { 2 * SECOND - 2, false },
            { 2 * SECOND, true },
            { -1, 0 } } },
        { "a token of the default rate",
          DEFAULT_QPS,
          1,
          { { 0, true }, { 299999992734, false }, { 299999992735, true }, { -1, 0 } } },
        { "a shortage worth less than 1 ns passes and is carried over",
          0.7,
          1,
          { { 0, true },
            { 1428571427, false },
            { 1428571428, true },
            { 2857142856, false },
            { 2857142857, true },
            { -1, 0 } } },
        { "no rate: only the burst",
          -1,
          1,
          { { 0, true }, { 1000000 * SECOND, false }, { -1, 0 } } },
        { "a rate of 0 is no rate", 0, 1, { { 0, true }, { 1000000 * SECOND, false }, { -1, 0 } } },
        { "no burst: nothing", 1, 0, { { 0, false }, { 100 * SECOND, false }, { -1, 0 } } },
        { "a negative burst: nothing",
          1,
          -1,
          { { 0, false }, { 100 * SECOND, false }, { -1, 0 } } },
        { "the first take may come late",
          1,
          1,
          { { 5 * SECOND, true }, { 5 * SECOND, false }, { 6 * SECOND, true }, { -1, 0 } } },
        { "a tiny rate never overflows into a pass",
          1e-300,
          1,
          { { 0, true }, { SECOND, false }, { -1, 0 } } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int64_t start = 1700000000 * SECOND;
        mcr_token_bucket b;
        mcr_token_bucket_fill(&b, cases[i].burst, start);
        for (size_t j = 0; cases[i].takes[j].at >= 0; j++) {
            bool taken = mcr_token_bucket_take(&b, cases[i].qps, cases[i].burst,
                                               start + cases[i].takes[j].at);
            if (taken != cases[i].takes[j].taken)
                fail_msg("%s: take %zu", cases[i].what, j);
        }
    }
}

static void time_that_goes_back_refills_nothing_and_is_followed(void **state)
{
    (void)state;
    mcr_token_bucket b;
    mcr_token_bucket_fill(&b, 2, 100 * SECOND);
    assert_true(mcr_token_bucket_take(&b, 1, 2, 100 * SECOND));
    assert_true(mcr_token_bucket_take(&b, 1, 2, 50 * SECOND));
    assert_false(mcr_token_bucket_take(&b, 1, 2, 49 * SECOND));
    assert_true(mcr_token_bucket_take(&b, 1, 2, 51 * SECOND));
    assert_false(mcr_token_bucket_take(&b, 1, 2, 51 * SECOND));
}

static void the_ends_of_time_do_not_overflow(void **state)
{
    (void)state;
    mcr_token_bucket b;
    mcr_token_bucket_fill(&b, 1, INT64_MIN);
    assert_true(mcr_token_bucket_take(&b, 1, 1, INT64_MIN));
    assert_true(mcr_token_bucket_take(&b, 1, 1, INT64_MAX));
    assert_false(mcr_token_bucket_take(&b, 1, 1, INT64_MIN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_as_go_does),
        cmocka_unit_test(time_that_goes_back_refills_nothing_and_is_followed),
        cmocka_unit_test(the_ends_of_time_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
