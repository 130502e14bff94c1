// correlate/patch.h. Escapes and odd times are in the vectors (correlator/edge/*).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "correlate/patch.h"

#define T(s)                                                                                       \
    {                                                                                              \
        .sec = (s), .set = 1                                                                       \
    }

static void only_what_differs_from_the_other_side(void **state)
{
    (void)state;
    static const struct {
        int32_t count;
        mcr_time last;
        const char *message;
        const char *patch;
    } cases[] = {
        { 2, T(1700000001), "m",
          "{\"count\":2,\"lastTimestamp\":\"2023-11-14T22:13:21Z\",\"message\":\"m\"}" },
        { 0, T(1700000001), "m", "{\"lastTimestamp\":\"2023-11-14T22:13:21Z\",\"message\":\"m\"}" },
        { -2147483647 - 1, T(0), "", "{\"count\":-2147483648}" },
        { 2, T(0), "m", "{\"count\":2,\"message\":\"m\"}" },
        { 2, { .sec = 0, .nsec = 999999999, .set = 1 }, "m", "{\"count\":2,\"message\":\"m\"}" },
        { 2, T(-1), "", "{\"count\":2,\"lastTimestamp\":\"1969-12-31T23:59:59Z\"}" },
        { 2, T(1), "", "{\"count\":2,\"lastTimestamp\":\"1970-01-01T00:00:01Z\"}" },
        { 2, { .set = 0 }, "", "{\"count\":2,\"lastTimestamp\":null}" },
        { 0, { .set = 0 }, "", "{\"lastTimestamp\":null}" },
        { 0, T(0), "m", "{\"message\":\"m\"}" },
        { 0, T(0), "", "{}" },
        { 0, T(0), "<\xff\"\\\xff\\ufffd",
          "{\"message\":\"\\u003c\xef\xbf\xbd\\\"\\\\\xef\xbf\xbd\\\\ufffd\"}" },
        { 0, T(0), "\\ufffd", "{\"message\":\"\\\\ufffd\"}" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_event ev = { .count = cases[i].count,
                         .lastTimestamp = cases[i].last,
                         .message = mcr_str_of(cases[i].message) };
        mcr_buf out = { 0 };
        mcr_buf_puts(&out, "\\ufffd");
        mcr_count_patch(&out, &ev);
        assert_memory_equal(mcr_buf_cstr(&out), "\\ufffd", 6);
        assert_string_equal(mcr_buf_cstr(&out) + 6, cases[i].patch);
        mcr_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_differs_from_the_other_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
