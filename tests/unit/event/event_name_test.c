// event/event_name.h. Names of many objects are in the vectors (name/*).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/event_name.h"

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void a_dns_subdomain(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool valid;
    } cases[] = {
        { "a", true },
        { "0", true },
        { "a-b.c--d.0", true },
        { A63 "." A63 "." A63 "." A63 "aaaaaaaaa.aaaaaaaaaaaa", false },
        { A63 A63 A63 A63 "a", true }, // 253: labels have no limit of their own
        { A63 A63 A63 A63 "aa", false },
        { "", false },
        { ".", false },
        { "-", false },
        { "a.", false },
        { ".a", false },
        { "a..b", false },
        { "-a", false },
        { "a-", false },
        { "a-.b", false },
        { "a.-b", false },
        { "A", false },
        { "a_b", false },
        { "a:b", false },
        { "a/b", false },
        { "a`b", false },
        { "a{b", false },
        { "\xc3\xa9", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (mcr_event_name_valid(mcr_str_of(cases[i].name)) != cases[i].valid)
            fail_msg("%s", cases[i].name);
    assert_false(mcr_event_name_valid((mcr_str){ "a\0b", 3, 0 }));
}

static uint64_t counted(void *self)
{
    uint64_t *n = self;
    return (*n)++ ? 0 : UINT64_C(0x0123456789abcdef);
}

static void assert_name(const char *object, int64_t ns, bool uuids, const char *expected,
                        bool is_uuid)
{
    uint64_t n = 0;
    mcr_random random = { counted, &n };
    mcr_buf out = { 0 };
    mcr_buf_puts(&out, "UPPER ");
    assert_int_equal(mcr_event_name(&out, mcr_str_of(object), ns, uuids ? &random : NULL), is_uuid);
    assert_string_equal(mcr_buf_cstr(&out) + 6, expected);
    mcr_buf_fini(&out);
}

static void the_object_and_the_time(void **state)
{
    (void)state;
    assert_name("web-1", 1700000000987654321, true, "web-1.17979cfe710868b1", false);
    assert_name("test-pod", 105999103295324396, true, "test-pod.178959f726d80ec", false);
    assert_name("", 255, false, ".ff", false);
    assert_name("p", -1, false, "p.-1", false);
    assert_name("p", INT64_MIN, false, "p.-8000000000000000", false);
    assert_name("p", INT64_MAX, false, "p.7fffffffffffffff", false);
}

static void a_uuid_where_the_server_would_refuse(void **state)
{
    (void)state;
    static const char uuid[] = "01234567-89ab-4def-8000-000000000000";
    assert_name("UPPER", 0, true, uuid, true);
    assert_name("UPPER", 0, false, "UPPER.0", false);
    assert_name("2001:db8::123", 1, true, uuid, true);
    assert_name("p", -1, true, uuid, true);
    assert_name("", 1, true, uuid, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dns_subdomain),
        cmocka_unit_test(the_object_and_the_time),
        cmocka_unit_test(a_uuid_where_the_server_would_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
