// The breaker, by what is done to it: 'd' a deadline, 'f' a failure, 'w' a call that worked, '?'
// asked whether a call is allowed (answers + or -), a number: so many seconds pass.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// cmocka.h wants the five above first.
#include <cmocka.h>

#include "script/breaker.h"

static const struct {
    const char *steps;
    const char *answers; // of '?', 'd' and 'f' that open (o), 'w' that closes (c)
} cases[] = {
    { "? d ? d ? d ?", "+++o-" },
    { "d d w d d ? d ?", "+o-" },
    { "d d f d d ? d ?", "+o-" },
    // The wait is over after 10 s; one call decides.
    { "d d d 9 ? 1 ? w ?", "o-+c+" },
    { "d d d 10 ? d ?", "o+o-" },
    { "d d d 10 ? f ?", "o+o-" },
    // Then it takes 20 s, 40 s, … at most 5 min.
    { "d d d 10 ? d 19 ? 1 ? d 39 ? 1 ?", "o+o-+o-+" },
    { "d d d 10 ? d 20 ? d 40 ? d 80 ? d 160 ? d 299 ? 1 ?", "o+o+o+o+o+o-+" },
    // Once closed, it begins anew.
    { "d d d 10 ? w d d ? d 10 ?", "o+c+o+" },
    // Asked again before the call has ended, it still says yes.
    { "d d d 10 ? ? w", "o++c" },
    // What was under way when it opened changes nothing.
    { "d d d d f ? 10 ?", "o-+" },
};

static void run(const char *steps, char *answers)
{
    mcr_breaker b = { 0 };
    int64_t now = 1000 * INT64_C(1000000000);
    for (const char *at = steps; *at;) {
        char *end;
        long seconds = strtol(at, &end, 10);
        if (end != at && *at != ' ') {
            now += seconds * INT64_C(1000000000);
            at = end;
            continue;
        }
        if (*at == '?')
            *answers++ = mcr_breaker_allows(&b, now) ? '+' : '-';
        else if ((*at == 'd' || *at == 'f') && mcr_breaker_failed(&b, *at == 'd', now))
            *answers++ = 'o';
        else if (*at == 'w' && mcr_breaker_worked(&b))
            *answers++ = 'c';
        at++;
    }
    *answers = '\0';
}

static void test_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char answers[64];
        run(cases[i].steps, answers);
        if (strcmp(answers, cases[i].answers) != 0)
            fail_msg("%s: %s, not %s", cases[i].steps, answers, cases[i].answers);
    }
}

static void test_failures(void **state)
{
    (void)state;
    mcr_breaker b = { 0 };
    for (int i = 1; i < MCR_BREAKER_FAILURES; i++)
        assert_false(mcr_breaker_failed(&b, false, 0));
    assert_true(mcr_breaker_failed(&b, false, 0));
    assert_false(mcr_breaker_allows(&b, MCR_BREAKER_WAIT_NS - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests_name("script/breaker", tests, NULL, NULL);
}
