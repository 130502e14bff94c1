// cli/flame.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/flame.h"

static const char stacks[] = "h of a;f a:1;a:2;[jit] 60\n"
                             "h of a;f a:1;a:3;gsub (C);[c] 20\n"
                             "h of a;f a:1;a:2;f a:1;a:2;[gc] 20\n";

static char *text_of(const char *root, const char *lines, uint32_t rows)
{
    mcr_flame *flame = mcr_flame_new();
    mcr_buf out = { 0 };
    mcr_flame_add(flame, root, lines);
    mcr_flame_write_text(&out, flame, rows);
    mcr_flame_free(flame);
    mcr_buf_cstr(&out);
    return out.ptr;
}

static void the_list_has_shares_and_counts_recursion_once(void **state)
{
    (void)state;
    char *text = text_of(NULL, stacks, 10);
    assert_string_equal(text, "  jit 60.0 %, c 20.0 %, gc 20.0 %\n"
                              "     self    total  where\n"
                              "   80.0 %   80.0 %  a:2\n"
                              "   20.0 %   20.0 %  gsub (C)\n"
                              "    0.0 %  100.0 %  f a:1\n"
                              "    0.0 %  100.0 %  h of a\n"
                              "    0.0 %   20.0 %  a:3\n");
    free(text);
    text = text_of(NULL, stacks, 1);
    assert_non_null(strstr(text, "a:2\n"));
    assert_null(strstr(text, "gsub"));
    free(text);
}

static void lines_without_a_number_are_left_out(void **state)
{
    (void)state;
    static const char *const rows[] = { "", "\n", "a;b", "12", " 12", "a;b \n", "a b\n" };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mcr_flame *flame = mcr_flame_new();
        mcr_flame_add(flame, "root", rows[i]);
        assert_int_equal(mcr_flame_samples(flame), 0);
        mcr_flame_free(flame);
    }
}

static char *svg_of(const char *lines)
{
    mcr_flame *flame = mcr_flame_new();
    mcr_buf out = { 0 };
    mcr_flame_add(flame, NULL, lines);
    mcr_flame_write_svg(&out, flame, "a < b", "below");
    mcr_flame_free(flame);
    mcr_buf_cstr(&out);
    return out.ptr;
}

static void frames_are_as_wide_as_their_share(void **state)
{
    (void)state;
    char *svg = svg_of("h of a;f a:1;[jit] 3\nh of b;[c] 1\n");
    // 1168 px are all.
    assert_non_null(strstr(svg, "<rect x=\"16\" y=\"96\" width=\"876\" height=\"19\" class=\"k1\">"
                                "<title>h of a\n3 samples, 75.0 %</title>"));
    assert_non_null(strstr(svg, "<rect x=\"892\" y=\"96\" width=\"292\" height=\"19\" class=\"k1\">"
                                "<title>h of b\n1 samples, 25.0 %</title>"));
    assert_non_null(strstr(svg, "<rect x=\"16\" y=\"116\" width=\"876\" height=\"19\" class=\"k2\">"
                                "<title>f a:1\n"));
    assert_non_null(strstr(svg, ">a &lt; b<"));
    free(svg);
}

static void what_is_too_narrow_is_left_out_and_labels_are_cut(void **state)
{
    (void)state;
    char *svg = svg_of("h of a;a_rather_long_name_of_a_function a.lua:1;[jit] 80\n"
                       "h of a;another a.lua:9;[jit] 9999\n"
                       "h of a;tiny a.lua:20;[jit] 1\n");
    assert_null(strstr(svg, "tiny"));
    assert_non_null(strstr(svg, "<title>a_rather_long_name_of_a_function a.lua:1"));
    assert_null(strstr(svg, ">a_rather_long_name_of_a_function a.lua:1</text>"));
    assert_non_null(strstr(svg, ">another a.lua:9</text>"));
    free(svg);
    svg = svg_of("");
    assert_non_null(strstr(svg, "no samples"));
    free(svg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_has_shares_and_counts_recursion_once),
        cmocka_unit_test(lines_without_a_number_are_left_out),
        cmocka_unit_test(frames_are_as_wide_as_their_share),
        cmocka_unit_test(what_is_too_narrow_is_left_out_and_labels_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
