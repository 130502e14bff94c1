#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "event/time.h"

typedef struct parse_case {
    const char *text;
    int64_t sec;
    int32_t nsec;
    bool set;
} parse_case;

static const parse_case times[] = {
    { "1970-01-01T00:00:00Z", 0, 0, true },
    { "2024-01-02T03:04:05Z", 1704164645, 0, true },
    { "2024-01-02T03:04:05+05:30", 1704144845, 0, true },
    { "2024-01-02T03:04:05-00:01", 1704164705, 0, true },
    { "2024-02-29T23:59:59Z", 1709251199, 0, true },
    { "2000-02-29T00:00:00Z", 951782400, 0, true },
    { "1969-12-31T23:59:59.5Z", -1, 500000000, true },
    { "2024-01-02T03:04:05.123456Z", 1704164645, 123456000, true },
    { "2024-01-02T03:04:05.000000001Z", 1704164645, 1, true },
    { "2024-01-02T03:04:05.9999999999Z", 1704164645, 999999999, true },
    { "2024-01-02T03:04:05.1+01:00", 1704161045, 100000000, true },
    { "2024-01-02T03:04:05,25Z", 1704164645, 250000000, true },
    { "2024-01-02T3:04:05Z", 1704164645, 0, true },
    { "2024-01-02T3:04:05.5-01:00", 1704168245, 500000000, true },
    { "2024-01-02T03:04:05+24:60", 1704074645, 0, true },
    { "0001-01-01T00:00:00Z", -62135596800, 0, false },
    { "0001-01-01T01:00:00+01:00", -62135596800, 0, false },
    { "0001-01-01T00:00:00.1Z", -62135596800, 100000000, true },
    { "0000-01-01T00:00:00Z", -62167219200, 0, true },
    { "9999-12-31T23:59:59Z", 253402300799, 0, true },
};

static const char *const not_times[] = {
    "",
    "2024",
    "2024-01-02",
    "2024-01-02T03:04:05",
    "2024-01-02 03:04:05Z",
    "2024-01-02t03:04:05Z",
    "2024-01-02T03:04:05z",
    "2024-01-02T03:04Z",
    "2024-01-02T03:04:5Z",
    "2024-01-02T03:4:05Z",
    "2024-01-02T:04:05Z",
    "2024-1-02T03:04:05Z",
    "24-01-02T03:04:05Z",
    "12024-01-02T03:04:05Z",
    "-024-01-02T03:04:05Z",
    "2024-00-02T03:04:05Z",
    "2024-13-02T03:04:05Z",
    "2024-01-00T03:04:05Z",
    "2024-01-32T03:04:05Z",
    "2023-02-29T03:04:05Z",
    "1900-02-29T03:04:05Z",
    "2024-04-31T03:04:05Z",
    "2024-01-02T24:00:00Z",
    "2024-01-02T03:60:05Z",
    "2024-01-02T03:04:60Z",
    "2024-01-02T03:04:05.Z",
    "2024-01-02T03:04:05.",
    "2024-01-02T03:04:05.1",
    "2024-01-02T03:04:05..1Z",
    "2024-01-02T03:04:05 Z",
    "2024-01-02T03:04:05ZZ",
    "2024-01-02T03:04:05Z ",
    " 2024-01-02T03:04:05Z",
    "2024-01-02T03:04:05+0530",
    "2024-01-02T03:04:05+5:30",
    "2024-01-02T03:04:05+05",
    "2024-01-02T03:04:05+05:3",
    "2024-01-02T03:04:05+25:00",
    "2024-01-02T03:04:05+05:61",
    "2024-01-02T03:04:05UTC",
};

// Parses a copy that ends where the text ends.
static bool parse(const char *text, bool micro, mcr_time *t)
{
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    mcr_str s = mcr_str_n(copy, len);
    bool ok = micro ? mcr_micro_time_parse(s, t) : mcr_time_parse(s, t);
    assert_true(!ok || (t->text.ptr == copy && t->text.len == len));
    free(copy);
    return ok;
}

static void times_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        mcr_time t;
        if (!parse(times[i].text, false, &t))
            fail_msg("%s is a time", times[i].text);
        if (t.sec != times[i].sec || t.nsec != times[i].nsec || t.set != times[i].set)
            fail_msg("%s is %lld.%d set %d", times[i].text, (long long)t.sec, t.nsec, t.set);
    }
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof not_times / sizeof *not_times; i++) {
        mcr_time t = { .sec = 77 };
        if (parse(not_times[i], false, &t))
            fail_msg("'%s' is no time", not_times[i]);
        assert_int_equal(t.sec, 77);
        assert_false(parse(not_times[i], true, &t));
    }
}

static void micro_times_have_six_decimals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
    } cases[] = {
        { "2024-01-02T03:04:05.123456Z", true },      { "2024-01-02T03:04:05.000000Z", true },
        { "2024-01-02T03:04:05.123456+01:00", true }, { "2024-01-02T03:04:05Z", false },
        { "2024-01-02T03:04:05.1Z", false },          { "2024-01-02T03:04:05.12345Z", false },
        { "2024-01-02T03:04:05.1234567Z", false },    { "2024-01-02T03:04:05.123456789Z", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_time t;
        if (parse(cases[i].text, true, &t) != cases[i].ok)
            fail_msg("%s", cases[i].text);
    }
}

static void every_day_is_right(void **state)
{
    (void)state;
    for (int64_t day = -25567; day < 60000; day++) { // 1900 to 2134
        time_t want = (time_t)(day * 86400 + 3723);
        struct tm tm;
        char text[64];
        gmtime_r(&want, &tm);
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
        mcr_time t;
        if (!parse(text, false, &t) || t.sec != want)
            fail_msg("%s is %lld", text, (long long)want);
        mcr_buf out = { 0 };
        mcr_time_format(&out, want, 0, 0);
        assert_string_equal(mcr_buf_cstr(&out), text);
        mcr_buf_fini(&out);
    }
}

static void nanoseconds_go_both_ways(void **state)
{
    (void)state;
    static const int64_t cases[] = { 0,          1,           -1,          999999999,
                                     1000000000, -1000000000, -1000000001, 1700000000123456789,
                                     INT64_MAX,  INT64_MIN };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_time t = mcr_time_of(cases[i]);
        assert_true(t.set && t.text.len == 0 && t.nsec >= 0 && t.nsec < 1000000000);
        assert_true(mcr_time_ns(&t) == cases[i]);
    }
    mcr_time none = { .sec = 5 };
    assert_true(mcr_time_ns(&none) == 0);
    mcr_time far = { .sec = 253402300799, .set = 1 }, past = { .sec = -62167219200, .set = 1 };
    assert_true(mcr_time_ns(&far) == INT64_MAX);
    assert_true(mcr_time_ns(&past) == INT64_MIN);
}

static void times_are_written(void **state)
{
    (void)state;
    static const struct {
        mcr_time time;
        const char *whole;
        const char *micro;
    } cases[] = {
        { { .set = 0 }, "null", "null" },
        { { .set = 1 }, "\"1970-01-01T00:00:00Z\"", "\"1970-01-01T00:00:00.000000Z\"" },
        { { .sec = 1704164645, .nsec = 123456789, .set = 1 },
          "\"2024-01-02T03:04:05Z\"",
          "\"2024-01-02T03:04:05.123456Z\"" },
        { { .sec = -1, .nsec = 999999999, .set = 1 },
          "\"1969-12-31T23:59:59Z\"",
          "\"1969-12-31T23:59:59.999999Z\"" },
        { { .sec = 253402300800, .set = 1 },
          "\"10000-01-01T00:00:00Z\"",
          "\"10000-01-01T00:00:00.000000Z\"" },
        { { .sec = -62167219201, .set = 1 },
          "\"-0001-12-31T23:59:59Z\"",
          "\"-0001-12-31T23:59:59.000000Z\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_buf out = { 0 };
        mcr_time_write(&out, &cases[i].time);
        assert_string_equal(mcr_buf_cstr(&out), cases[i].whole);
        out.len = 0;
        mcr_micro_time_write(&out, &cases[i].time);
        assert_string_equal(mcr_buf_cstr(&out), cases[i].micro);
        mcr_buf_fini(&out);
    }
    mcr_buf out = { 0 };
    mcr_buf_puts(&out, "at ");
    mcr_time_format(&out, 1704164645, 123456789, 3);
    mcr_buf_putc(&out, ' ');
    mcr_time_format(&out, 1704164645, 1, 9);
    assert_string_equal(mcr_buf_cstr(&out),
                        "at 2024-01-02T03:04:05.123Z 2024-01-02T03:04:05.000000001Z");
    mcr_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(micro_times_have_six_decimals),
        cmocka_unit_test(every_day_is_right),
        cmocka_unit_test(nanoseconds_go_both_ways),
        cmocka_unit_test(times_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
