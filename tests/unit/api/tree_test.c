// api/api_tree.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/api_tree.h"

static void read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *written; // NULL: it cannot be read
        const char *why;
    } cases[] = {
        { " {\"a\":[1,-2,true,null,\"x\"]}\n", "{\"a\":[1,-2,true,null,\"x\"]}", "" },
        { "{\"m\":\"a\\u0000b\\u0000\"}", "{\"m\":\"a\\u0000b\\u0000\"}", "" },
        { "\"\\ud800 x\"", "\"\xef\xbf\xbd x\"", "" },
        { "\"\\udc00\\ud800\\ud800\"", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "" },
        { "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"", "" },
        { "\"\\uD83D\\uDE00\"", "\"\xf0\x9f\x98\x80\"", "" },
        { "\"a\xff\xfe\"", "\"a\xef\xbf\xbd\xef\xbf\xbd\"", "" },
        { "\"\xc0\x80\"", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "" },
        { "\"\\\\u0000\"", "\"\\\\u0000\"", "" },
        { "", NULL, "unexpected end of JSON input" },
        { "{\"count\":", NULL, "unexpected end of JSON input" },
        { "\"\\", NULL, NULL },
        { "\"\\u00", NULL, NULL },
        { "{\"count\":3}xyz", NULL, "invalid character 'x' after top-level value" },
        { "\x1f\x8b", NULL, "invalid character '\\x1f' looking for beginning of value" },
        { "{\"a\" 1}", NULL, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_buf why = { 0 }, out = { 0 };
        cJSON *tree = mcr_api_tree_read(mcr_str_of(cases[i].text), &why);
        if (!tree != !cases[i].written)
            fail_msg("%s: %s", cases[i].text, mcr_buf_cstr(&why));
        if (tree)
            mcr_api_tree_write(&out, tree);
        assert_string_equal(cases[i].written ? cases[i].written : "", mcr_buf_cstr(&out));
        if (cases[i].why)
            assert_string_equal(cases[i].why, mcr_buf_cstr(&why));
        else
            assert_true(why.len > 0);
        cJSON_Delete(tree);
        mcr_buf_fini(&why);
        mcr_buf_fini(&out);
    }
}

static void sized(void **state)
{
    (void)state;
    mcr_buf why = { 0 };
    cJSON *tree = mcr_api_tree_read(MCR_STR("{\"a\":[1,\"xyz\"],\"bc\":{}}"), &why);
    assert_int_equal(5 * 8 + 1 + 3 + 2, mcr_api_tree_size(tree));
    cJSON_Delete(tree);
    mcr_buf_fini(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_and_written),
        cmocka_unit_test(sized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
