// base/units.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/units.h"

#define SECOND INT64_C(1000000000)

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns; // -1: not a duration
    } cases[] = {
        { "0", 0 },
        { "10", 10 * SECOND },
        { "10s", 10 * SECOND },
        { "250ms", SECOND / 4 },
        { "5m", 300 * SECOND },
        { "1h", 3600 * SECOND },
        { "2d", 2 * 86400 * SECOND },
        { "1.5s", 3 * SECOND / 2 },
        { "0.25", SECOND / 4 },
        { "10us", 10000 },
        { "7ns", 7 },
        { "36499d", 36499 * (86400 * SECOND) },
        { "36500d", -1 }, // 100 years
        { "", -1 },
        { "s", -1 },
        { "-1s", -1 },
        { "+1s", -1 },
        { " 1s", -1 },
        { "1s ", -1 },
        { "1 s", -1 },
        { "1S", -1 },
        { "1sec", -1 },
        { "1h30m", -1 },
        { "1.2.3s", -1 },
        { "1e3", -1 },
        { "0x10", -1 },
        { "inf", -1 },
        { "nan", -1 },
        { "99999999999999999999999999999999999999999999", -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ns = 42;
        bool good = mcr_parse_duration(mcr_str_of(cases[i].text), &ns);
        if (good != (cases[i].ns >= 0) || ns != (good ? cases[i].ns : 42))
            fail_msg("\"%s\": %s, %lld", cases[i].text, good ? "taken" : "refused", (long long)ns);
    }
}

static void sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes; // -1: not a size
    } cases[] = {
        { "0", 0 },
        { "4096", 4096 },
        { "512B", 512 },
        { "64KiB", 65536 },
        { "4MiB", 4 << 20 },
        { "1GiB", 1 << 30 },
        { "1kB", 1000 },
        { "2MB", 2000000 },
        { "3GB", 3000000000 },
        { "1.5KiB", 1536 },
        { "9000000000000000", 9000000000000000 },
        { "9000001GB", -1 },
        { "", -1 },
        { "KiB", -1 },
        { "-1", -1 },
        { "1KB", -1 }, // kilo is k
        { "1kb", -1 },
        { "1K", -1 },
        { "1 KiB", -1 },
        { "1KiBs", -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t bytes = 42;
        bool good = mcr_parse_size(mcr_str_of(cases[i].text), &bytes);
        if (good != (cases[i].bytes >= 0) || bytes != (good ? (uint64_t)cases[i].bytes : 42))
            fail_msg("\"%s\": %s, %llu", cases[i].text, good ? "taken" : "refused",
                     (unsigned long long)bytes);
    }
}

static void a_nul_byte_is_no_end(void **state)
{
    (void)state;
    int64_t ns = 42;
    uint64_t bytes = 42;
    assert_false(mcr_parse_duration(MCR_STR("1\0s"), &ns));
    assert_false(mcr_parse_duration(MCR_STR("1s\0"), &ns));
    assert_false(mcr_parse_size(MCR_STR("1\0"), &bytes));
    assert_int_equal(ns, 42);
    assert_int_equal(bytes, 42);
}

static void rates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double per_second; // -1: not a rate
    } cases[] = {
        { "10/s", 10 }, { "30/m", 0.5 }, { "1800/h", 0.5 }, { "43200/d", 0.5 }, { "2.5", 2.5 },
        { "0", 0 },     { "10/ms", -1 }, { "10s", -1 },     { "/s", -1 },       { "", -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double rate = 42;
        bool good = mcr_parse_rate(mcr_str_of(cases[i].text), &rate);
        if (good != (cases[i].per_second >= 0))
            fail_msg("\"%s\": %s", cases[i].text, good ? "taken" : "refused");
        assert_float_equal(rate, good ? cases[i].per_second : 42, 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates),
        cmocka_unit_test(durations),
        cmocka_unit_test(sizes),
        cmocka_unit_test(a_nul_byte_is_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
