// script/patch.h: plain changes as a JSON object.

#include "harness.h"

#include <math.h>

#include "script/patch.h"

static void writes_members_in_order(void **state)
{
    (void)state;
    mcr_patch p = { .n = 0 };
    mcr_buf out = { 0 };
    for (int round = 0; round < 2; round++) {
        mcr_patch_begin(&p);
        assert_true(mcr_patch_string(&p, MCR_STR("type"), MCR_STR("a \"b\" <c>\n\xff")));
        assert_true(mcr_patch_number(&p, MCR_STR("count"), 5));
        assert_true(mcr_patch_boolean(&p, MCR_STR("z"), true));
        assert_true(mcr_patch_boolean(&p, MCR_STR("a"), false));
        assert_true(mcr_patch_number(&p, MCR_STR("b\"c"), -0.5));
        assert_true(mcr_patch_string(&p, MCR_STR("b"), MCR_STR("")));
        out.len = 0;
        mcr_patch_write(&p, &out);
        assert_string_equal(mcr_buf_cstr(&out),
                            "{\"a\":false,\"b\":\"\",\"b\\\"c\":-0.5,\"count\":5,"
                            "\"type\":\"a \\\"b\\\" \\u003cc\\u003e\\n\\ufffd\",\"z\":true}");
    }
    mcr_patch_begin(&p);
    out.len = 0;
    mcr_patch_write(&p, &out);
    assert_string_equal(mcr_buf_cstr(&out), "{}");
    mcr_buf_fini(&out);
    mcr_patch_fini(&p);
}

static void has_bounds(void **state)
{
    (void)state;
    mcr_patch p = { .n = 0 };
    mcr_patch_begin(&p);
    assert_false(mcr_patch_number(&p, MCR_STR("n"), NAN));
    assert_false(mcr_patch_number(&p, MCR_STR("n"), INFINITY));
    for (int i = 0; i < MCR_PATCH_MEMBERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%02d", i);
        assert_true(mcr_patch_number(&p, mcr_str_of(name), i));
    }
    assert_false(mcr_patch_boolean(&p, MCR_STR("more"), true));
    assert_false(mcr_patch_string(&p, MCR_STR("more"), MCR_STR("x")));
    assert_int_equal(p.n, MCR_PATCH_MEMBERS);
    mcr_patch_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_members_in_order),
        cmocka_unit_test(has_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
