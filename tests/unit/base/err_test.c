// base/err.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

#include <string.h>

static void formats_and_returns_the_code(void **state)
{
    (void)state;
    mcr_errbuf err;
    assert_int_equal(mcr_errf(&err, MCR_ECONFIG, "%s:%d: unknown key", "a.lua", 3), MCR_ECONFIG);
    assert_string_equal(err.text, "a.lua:3: unknown key");
}

static void a_missing_buffer_is_fine(void **state)
{
    (void)state;
    assert_int_equal(mcr_errf(NULL, MCR_EIO, "%d", 1), MCR_EIO);
}

static void long_text_is_cut(void **state)
{
    (void)state;
    mcr_errbuf err;
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(mcr_errf(&err, MCR_EINVAL, "%s", text), MCR_EINVAL);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_memory_equal(err.text, text, sizeof err.text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_and_returns_the_code),
        cmocka_unit_test(a_missing_buffer_is_fine),
        cmocka_unit_test(long_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
