// base/suggest.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/suggest.h"

#include <string.h>

static const char *const words[] = { "filter", "handle",  "route", "init",     "tick",
                                     "fini",   "restore", "save",  "self_test" };

static void the_nearest_word_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *typed;
        const char *meant;
    } cases[] = {
        { "filter", "filter" },  // itself
        { "fliter", "filter" },  // neighbours swapped
        { "filtr", "filter" },   // one missing
        { "filtter", "filter" }, // one too many
        { "FILTER", "filter" },  // case does not matter
        { "Handel", "handle" },  // both
        { "rout", "route" },     //
        { "selftest", "self_test" },
        { "self-test", "self_test" },
        { "tock", "tick" },       // a quarter of the letters
        { "int", "init" },        //
        { "abc", NULL },          // nothing near
        { "f", NULL },            // too short to tell
        { "", NULL },             //
        { "filterfilter", NULL }, // more than 3 away
        { "xxlter", "filter" },   // two of six: a third
        { "xxxter", NULL },       // three of six: more than a third
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *meant = mcr_suggest(cases[i].typed, words, sizeof words / sizeof *words);
        if (cases[i].meant && !meant)
            fail_msg("%s: expected %s, found none", cases[i].typed, cases[i].meant);
        else if (!cases[i].meant && meant)
            fail_msg("%s: expected none, found %s", cases[i].typed, meant);
        else if (meant)
            assert_string_equal(meant, cases[i].meant);
    }
}

static void no_words_no_suggestion(void **state)
{
    (void)state;
    assert_null(mcr_suggest("filter", NULL, 0));
}

static void very_long_words_are_left_alone(void **state)
{
    (void)state;
    char typed[5000];
    memset(typed, 'a', sizeof typed - 1);
    typed[sizeof typed - 1] = '\0';
    assert_null(mcr_suggest(typed, words, sizeof words / sizeof *words));
    const char *longest = typed;
    assert_null(mcr_suggest("aaaa", &longest, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_word_or_none),
        cmocka_unit_test(no_words_no_suggestion),
        cmocka_unit_test(very_long_words_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
