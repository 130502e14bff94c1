// net/base64.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/base64.h"

static void there_and_back(void **state)
{
    (void)state;
    static const struct {
        mcr_str bytes;
        const char *text;
    } cases[] = {
        { { "", 0, 0 }, "" },
        { { "f", 1, 0 }, "Zg==" },
        { { "fo", 2, 0 }, "Zm8=" },
        { { "foo", 3, 0 }, "Zm9v" },
        { { "foob", 4, 0 }, "Zm9vYg==" },
        { { "\xff\xfe\0\x01", 4, 0 }, "//4AAQ==" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_buf text = { 0 }, bytes = { 0 };
        mcr_base64_encode(&text, cases[i].bytes);
        assert_string_equal(mcr_buf_cstr(&text), cases[i].text);
        assert_true(mcr_base64_decode(&bytes, mcr_buf_str(&text)));
        assert_true(mcr_str_eq(mcr_buf_str(&bytes), cases[i].bytes));
        mcr_buf_fini(&text);
        mcr_buf_fini(&bytes);
    }
}

static void what_is_no_base64(void **state)
{
    (void)state;
    static const char *const cases[] = { "Z",     "Zg",    "Zg=",  "Zg=a",     "=",     "====",
                                         "Zg===", "Zm9v=", "Z-==", "Zg==Zg==", "Zm9v Z" };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_buf out = { 0 };
        mcr_buf_puts(&out, "kept");
        if (mcr_base64_decode(&out, mcr_str_of(cases[i])))
            fail_msg("%s", cases[i]);
        assert_int_equal(out.len, 4);
        mcr_buf_fini(&out);
    }
    mcr_buf out = { 0 };
    assert_true(mcr_base64_decode(&out, MCR_STR("Zm 9v\r\nYg\t==\n")));
    assert_string_equal(mcr_buf_cstr(&out), "foob");
    mcr_buf_fini(&out);
    assert_false(mcr_base64_decode(&out, mcr_str_n("Zg\0=", 4)));
    mcr_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(what_is_no_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
