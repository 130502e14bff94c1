// base/buf.h and base/str.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static void assert_text(const mcr_buf *b, const char *expected)
{
    assert_int_equal(b->len, strlen(expected));
    assert_memory_equal(b->ptr, expected, b->len);
}

static void empty_is_valid(void **state)
{
    (void)state;
    mcr_buf b = { 0 };
    mcr_buf_append(&b, NULL, 0);
    mcr_buf_add(&b, (mcr_str){ 0 });
    assert_int_equal(b.len, 0);
    assert_string_equal(mcr_buf_cstr(&b), "");
    assert_int_equal(b.len, 0);
    mcr_buf_fini(&b);
    mcr_buf_fini(&b);
    assert_null(b.ptr);
}

static void appends_in_order(void **state)
{
    (void)state;
    mcr_buf b = { 0 };
    mcr_buf_puts(&b, "count=");
    mcr_buf_printf(&b, "%d", 3);
    mcr_buf_putc(&b, ';');
    mcr_buf_add(&b, MCR_STR("a\0b"));
    mcr_buf_append(&b, "xyz", 2);
    assert_int_equal(b.len, 13);
    assert_memory_equal(b.ptr, "count=3;a\0bxy", 13);
    assert_true(mcr_str_eq(mcr_buf_str(&b), mcr_str_n("count=3;a\0bxy", 13)));
    mcr_buf_fini(&b);
}

static void cstr_ends_with_a_nul_that_is_not_counted(void **state)
{
    (void)state;
    mcr_buf b = { 0 };
    mcr_buf_puts(&b, "one");
    assert_string_equal(mcr_buf_cstr(&b), "one");
    mcr_buf_puts(&b, "two");
    assert_string_equal(mcr_buf_cstr(&b), "onetwo");
    mcr_buf_fini(&b);
}

static void grows_over_any_number_of_bytes(void **state)
{
    (void)state;
    mcr_buf b = { 0 };
    for (int i = 0; i < 100000; i++)
        mcr_buf_putc(&b, (char)('a' + i % 26));
    assert_int_equal(b.len, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(b.ptr[i], 'a' + i % 26);
    mcr_buf_fini(&b);
}

static void reserve_makes_room_without_adding(void **state)
{
    (void)state;
    mcr_buf b = { 0 };
    mcr_buf_puts(&b, "x");
    char *at = mcr_buf_reserve(&b, 5000);
    assert_int_equal(b.len, 1);
    assert_true(b.cap - b.len >= 5000);
    memset(at, 'y', 5000);
    b.len += 5000;
    assert_int_equal(b.ptr[0], 'x');
    assert_int_equal(b.ptr[5000], 'y');
    mcr_buf_fini(&b);
}

static void prints_what_is_longer_than_the_first_guess(void **state)
{
    (void)state;
    mcr_buf b = { 0 };
    char wide[3001];
    memset(wide, 'w', 3000);
    wide[3000] = '\0';
    mcr_buf_printf(&b, "<%s>", wide);
    assert_int_equal(b.len, 3002);
    assert_int_equal(b.ptr[0], '<');
    assert_int_equal(b.ptr[3001], '>');
    mcr_buf_printf(&b, "%s", "");
    assert_int_equal(b.len, 3002);
    mcr_buf_fini(&b);
}

static void integers(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {
        { 0, "0" },
        { 7, "7" },
        { -1, "-1" },
        { 1234567890123, "1234567890123" },
        { INT64_MAX, "9223372036854775807" },
        { INT64_MIN, "-9223372036854775808" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_buf b = { 0 };
        mcr_buf_i64(&b, cases[i].value);
        assert_text(&b, cases[i].text);
        mcr_buf_fini(&b);
    }
}

static void strings_compare_by_bytes(void **state)
{
    (void)state;
    assert_true(mcr_str_eq((mcr_str){ 0 }, MCR_STR("")));
    assert_true(mcr_str_eq(mcr_str_of(NULL), mcr_str_of("")));
    assert_true(mcr_str_is(MCR_STR("Pod"), "Pod"));
    assert_false(mcr_str_is(MCR_STR("Pod"), "pod"));
    assert_false(mcr_str_is(MCR_STR("Pod"), "Pods"));
    assert_false(mcr_str_eq(MCR_STR("a\0b"), MCR_STR("a\0c")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_is_valid),
        cmocka_unit_test(appends_in_order),
        cmocka_unit_test(cstr_ends_with_a_nul_that_is_not_counted),
        cmocka_unit_test(grows_over_any_number_of_bytes),
        cmocka_unit_test(reserve_makes_room_without_adding),
        cmocka_unit_test(prints_what_is_longer_than_the_first_guess),
        cmocka_unit_test(integers),
        cmocka_unit_test(strings_compare_by_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
