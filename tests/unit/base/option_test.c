// base/option.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/option.h"

#include <string.h>

struct options {
    const char *path;
    bool sync;
    int64_t tries;
    int64_t wait;
    int64_t limit;
    int full;
};

static const mcr_option list[] = {
    { "path", MCR_OPTION_STRING, offsetof(struct options, path), NULL, "where" },
    { "sync", MCR_OPTION_BOOL, offsetof(struct options, sync), NULL, "whether" },
    { "tries", MCR_OPTION_INT, offsetof(struct options, tries), NULL, "how often" },
    { "wait", MCR_OPTION_DURATION, offsetof(struct options, wait), NULL, "how long" },
    { "limit", MCR_OPTION_SIZE, offsetof(struct options, limit), NULL, "how much" },
    { "full", MCR_OPTION_CHOICE, offsetof(struct options, full), "drop|wait|fail", "what then" },
    { .name = NULL },
};

static mcr_option_value string(const char *text)
{
    return (mcr_option_value){ .kind = MCR_VALUE_STRING, .string = text };
}

static mcr_option_value number(double value)
{
    return (mcr_option_value){ .kind = MCR_VALUE_NUMBER, .number = value };
}

static mcr_option_value boolean(bool value)
{
    return (mcr_option_value){ .kind = MCR_VALUE_BOOL, .boolean = value };
}

static void values_reach_their_place(void **state)
{
    (void)state;
    struct options o = { 0 };
    mcr_errbuf err = { "untouched" };
    const struct {
        const char *name;
        mcr_option_value value;
    } sets[] = {
        { "path", string("first") }, { "path", string("second") }, { "sync", boolean(true) },
        { "tries", number(12) },     { "wait", string("250ms") },  { "limit", string("4MiB") },
        { "full", string("fail") },
    };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        assert_int_equal(mcr_option_set(&o, list, sets[i].name, &sets[i].value, &err), MCR_OK);
    assert_string_equal(o.path, "second");
    assert_true(o.sync);
    assert_int_equal(o.tries, 12);
    assert_int_equal(o.wait, 250000000);
    assert_int_equal(o.limit, 4 << 20);
    assert_int_equal(o.full, 2);
    assert_string_equal(err.text, "untouched");

    mcr_option_value seconds = number(1.5), bytes = number(100);
    assert_int_equal(mcr_option_set(&o, list, "wait", &seconds, &err), MCR_OK);
    assert_int_equal(o.wait, 1500000000);
    assert_int_equal(mcr_option_set(&o, list, "limit", &bytes, &err), MCR_OK);
    assert_int_equal(o.limit, 100);
    mcr_options_fini(&o, list);
    assert_null(o.path);
}

static void an_alias_is_another_name(void **state)
{
    (void)state;
    struct options o = { .tries = 3 }, same = { .tries = 3 };
    static const mcr_option aliased[] = {
        { "tries", MCR_OPTION_INT, offsetof(struct options, tries), NULL, "" },
        { "attempts", MCR_OPTION_ALIAS, 0, "tries", "" },
        { .name = NULL },
    };
    mcr_errbuf err = { "" };
    mcr_option_value five = number(5), none = number(-1);
    assert_int_equal(mcr_option_set(&o, aliased, "attempts", &five, &err), MCR_OK);
    assert_int_equal(o.tries, 5);
    assert_false(mcr_options_equal(&o, &same, aliased));
    assert_int_equal(mcr_option_set(&o, aliased, "attempts", &none, &err), MCR_ECONFIG);
    assert_string_equal(err.text, "'tries' must be a whole number, 0 or more");
    assert_int_equal(mcr_option_set(&o, aliased, "attemps", &five, &err), MCR_ECONFIG);
    assert_string_equal(err.text, "unknown key 'attemps'; did you mean 'attempts'?");
    mcr_buf out = { 0 };
    mcr_options_describe(&out, &o, aliased);
    assert_string_equal(mcr_buf_cstr(&out), "  tries     5\n");
    mcr_buf_fini(&out);
    mcr_options_fini(&o, aliased);
}

static void nothing_is_shown_as_none(void **state)
{
    (void)state;
    struct {
        int64_t wait;
        double rate;
        int64_t tries;
    } o = { 0 };
    const mcr_option shown[] = {
        { "wait", MCR_OPTION_DURATION, 0, NULL, "" },
        { "rate", MCR_OPTION_RATE, sizeof(int64_t), NULL, "" },
        { "tries", MCR_OPTION_INT, sizeof(int64_t) + sizeof(double), NULL, "" },
        { .name = NULL },
    };
    mcr_buf out = { 0 };
    mcr_options_describe(&out, &o, shown);
    assert_string_equal(mcr_buf_cstr(&out), "  wait      none\n"
                                            "  rate      none\n"
                                            "  tries     0\n");
    mcr_buf_fini(&out);
}

static void strings_are_copied(void **state)
{
    (void)state;
    struct options o = { 0 };
    char text[] = "mine";
    mcr_option_value value = string(text);
    assert_int_equal(mcr_option_set(&o, list, "path", &value, NULL), MCR_OK);
    text[0] = 'M';
    assert_string_equal(o.path, "mine");
    mcr_options_fini(&o, list);
}

static void mistakes_are_explained(void **state)
{
    (void)state;
    mcr_option_value other = { .kind = MCR_VALUE_OTHER };
    const struct {
        const char *name;
        mcr_option_value value;
        const char *says;
    } cases[] = {
        { "paht", string("x"), "unknown key 'paht'; did you mean 'path'?" },
        { "colour", string("x"), "unknown key 'colour'" },
        { "path", number(1), "'path' must be a string" },
        { "path", other, "'path' must be a string" },
        { "sync", string("yes"), "'sync' must be true or false" },
        { "tries", string("12"), "'tries' must be a whole number, 0 or more" },
        { "tries", number(1.5), "'tries' must be a whole number, 0 or more" },
        { "tries", number(-1), "'tries' must be a whole number, 0 or more" },
        { "tries", number(1e19), "'tries' must be a whole number, 0 or more" },
        { "wait", string("soon"),
          "'wait' must be a duration such as \"250ms\", \"10s\" or seconds" },
        { "wait", number(-1), "'wait' must be a duration such as \"250ms\", \"10s\" or seconds" },
        { "wait", boolean(true),
          "'wait' must be a duration such as \"250ms\", \"10s\" or seconds" },
        { "limit", string("big"), "'limit' must be a size such as \"64KiB\", \"4MiB\" or bytes" },
        { "full", string("dro"), "'full' must be one of drop|wait|fail" },
        { "full", string("drop|wait"), "'full' must be one of drop|wait|fail" },
        { "full", number(1), "'full' must be one of drop|wait|fail" },
    };
    struct options o = { .tries = 3, .wait = 4, .limit = 5, .full = 1 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_errbuf err;
        assert_int_equal(mcr_option_set(&o, list, cases[i].name, &cases[i].value, &err),
                         MCR_ECONFIG);
        assert_string_equal(err.text, cases[i].says);
    }
    assert_null(o.path);
    assert_int_equal(o.tries, 3);
    assert_int_equal(o.wait, 4);
    assert_int_equal(o.limit, 5);
    assert_int_equal(o.full, 1);
}

struct rich {
    const char *token;
    const char *url;
    double rate;
    double factor;
    int64_t attempts;
    mcr_option_list statuses;
    mcr_option_map headers;
};

static const mcr_option rich_list[] = {
    { "token", MCR_OPTION_SECRET, offsetof(struct rich, token), NULL, "" },
    { "url", MCR_OPTION_URL, offsetof(struct rich, url), NULL, "" },
    { "rate", MCR_OPTION_RATE, offsetof(struct rich, rate), NULL, "" },
    { "factor", MCR_OPTION_NUMBER, offsetof(struct rich, factor), NULL, "" },
    { "retry.attempts", MCR_OPTION_INT, offsetof(struct rich, attempts), NULL, "" },
    { "retry.statuses", MCR_OPTION_LIST, offsetof(struct rich, statuses), NULL, "" },
    { "headers", MCR_OPTION_MAP, offsetof(struct rich, headers), NULL, "" },
    { .name = NULL },
};

static void lists_and_maps(void **state)
{
    (void)state;
    struct rich o = { 0 };
    const struct {
        const char *name;
        mcr_option_value value;
    } sets[] = {
        { "retry.statuses", number(408) },   { "retry.statuses", string("5xx") },
        { "headers.X-B", string("two") },    { "headers.X-A", string("secret") },
        { "headers.X-B", string("second") }, { "headers.a.b", string("dots") },
        { "rate", string("30/m") },          { "factor", number(1.5) },
        { "token", string("secret") },       { "url", string("https://u:secret@h/secret") },
        { "retry.attempts", number(5) },
    };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        assert_int_equal(mcr_option_set(&o, rich_list, sets[i].name, &sets[i].value, NULL), 0);
    assert_int_equal(o.statuses.n, 2);
    assert_string_equal(o.statuses.items[0], "408");
    assert_string_equal(o.statuses.items[1], "5xx");
    assert_int_equal(o.headers.n, 3);
    assert_string_equal(o.headers.entries[0].name, "X-A");
    assert_string_equal(mcr_option_map_get(&o.headers, "X-B"), "second");
    assert_string_equal(mcr_option_map_get(&o.headers, "a.b"), "dots");
    assert_null(mcr_option_map_get(&o.headers, "X"));
    mcr_buf out = { 0 };
    mcr_options_describe(&out, &o, rich_list);
    assert_string_equal(mcr_buf_cstr(&out), "  token     (set)\n"
                                            "  url       https://h/…\n"
                                            "  rate      30/m\n"
                                            "  factor    1.5\n"
                                            "  retry.attempts 5\n"
                                            "  retry.statuses 408, 5xx\n"
                                            "  headers   X-A, X-B, a.b\n");
    mcr_buf_fini(&out);

    const struct {
        const char *name;
        mcr_option_value value;
        const char *says;
    } mistakes[] = {
        { "headers", string("x"), "'headers' must be a table of names and strings" },
        { "headers.X-A", number(1), "'headers' must be a table of names and strings" },
        { "headers.", string("x"), "unknown key 'headers.'; did you mean 'headers'?" },
        { "headersX", string("x"), "unknown key 'headersX'; did you mean 'headers'?" },
        { "retry.statuses", boolean(true),
          "'retry.statuses' must be a list of strings or numbers" },
        { "rate", string("fast"),
          "'rate' must be a rate such as \"10/s\", \"30/m\" or a number per second" },
        { "factor", string("1"), "'factor' must be a number, 0 or more" },
        { "retry", number(1), "unknown key 'retry'" },
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        mcr_errbuf err;
        assert_int_equal(mcr_option_set(&o, rich_list, mistakes[i].name, &mistakes[i].value, &err),
                         MCR_ECONFIG);
        assert_string_equal(err.text, mistakes[i].says);
    }
    mcr_options_fini(&o, rich_list);
    assert_null(o.headers.entries);
    assert_null(o.statuses.items);
    assert_null(o.token);
}

// Durations and rates are shown in a unit that people would write.
static void describes_in_fitting_units(void **state)
{
    (void)state;
    struct shown {
        int64_t wait;
        double rate;
    } o;
    static const mcr_option shown_list[] = {
        { "wait", MCR_OPTION_DURATION, offsetof(struct shown, wait), NULL, "" },
        { "rate", MCR_OPTION_RATE, offsetof(struct shown, rate), NULL, "" },
        { NULL, MCR_OPTION_STRING, 0, NULL, NULL },
    };
    static const struct {
        double seconds;
        double rate;
        const char *text;
    } cases[] = {
        { 0.25, 10, "  wait      0.25s\n  rate      10/s\n" },
        { 60, 0.5, "  wait      60s\n  rate      30/m\n" },
        { 90, 1. / 60, "  wait      90s\n  rate      1/m\n" },
        { 600, 1. / 720, "  wait      10m\n  rate      5/h\n" },
        { 3600, 1.5, "  wait      1h\n  rate      1.5/s\n" },
        { 86400, 0, "  wait      24h\n  rate      none\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        o = (struct shown){ (int64_t)(cases[i].seconds * 1e9), cases[i].rate };
        mcr_buf out = { 0 };
        mcr_options_describe(&out, &o, shown_list);
        assert_string_equal(mcr_buf_cstr(&out), cases[i].text);
        mcr_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_in_fitting_units),
        cmocka_unit_test(values_reach_their_place),
        cmocka_unit_test(an_alias_is_another_name),
        cmocka_unit_test(nothing_is_shown_as_none),
        cmocka_unit_test(strings_are_copied),
        cmocka_unit_test(mistakes_are_explained),
        cmocka_unit_test(lists_and_maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
