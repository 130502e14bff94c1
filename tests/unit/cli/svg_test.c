// Drawings are well-formed XML whatever text is put in, and show what was asked for.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "cli/svg.h"

static void escapes(const void *text, size_t len, const char *expected)
{
    mcr_buf out = { 0 };
    mcr_svg_escape(&out, mcr_str_n(text, len));
    assert_string_equal(mcr_buf_cstr(&out), expected);
    mcr_buf_fini(&out);
}

#define FFFD "\xef\xbf\xbd"

static void text_becomes_what_xml_can_hold(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        { "plain", "plain" },
        { "a<b>&\"c\"", "a&lt;b&gt;&amp;&quot;c&quot;" },
        { "tab\tand\nline", "tab\tand\nline" },
        { "bell\a", "bell" FFFD },
        { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x99", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x99" },
        { "\xff", FFFD },
        { "\xc3", FFFD },                            // cut
        { "\xc0\xaf", FFFD FFFD },                   // longer than need be
        { "\xe0\x80\xaf", FFFD FFFD FFFD },          // the same
        { "\xed\xa0\x80", FFFD FFFD FFFD },          // a surrogate
        { "\xef\xbf\xbe", FFFD FFFD FFFD },          // no character
        { "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD }, // past the last one
        { "\xe2\x82z", FFFD FFFD "z" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        escapes(cases[i].text, strlen(cases[i].text), cases[i].expected);
    escapes("nul\0nul", 7, "nul" FFFD "nul");
    escapes("\xc3\xa9", 1, FFFD); // what follows is not ours
}

static void shapes_are_written_as_asked(void **state)
{
    (void)state;
    mcr_buf out = { 0 };
    mcr_svg_rect(&out, (mcr_svg_box){ 1, 2.25, 3.04, -1 }, "class=\"a\"", "x < y");
    mcr_svg_circle(&out, (mcr_svg_point){ -0.04, -1.5 }, 3, NULL, NULL);
    mcr_svg_line(&out, (mcr_svg_point){ 0, 0 }, (mcr_svg_point){ 10, 1e300 }, "class=\"grid\"");
    const mcr_svg_point points[] = { { 1, 2 }, { 3.5, 4 } };
    mcr_svg_path(&out, points, 2, "stroke=\"red\"");
    mcr_svg_text(&out, 5, 6, "class=\"end\"", "a&b");
    assert_string_equal(mcr_buf_cstr(&out),
                        "<rect x=\"1\" y=\"2.3\" width=\"3\" height=\"0\" class=\"a\"><title>x "
                        "&lt; y</title></rect>\n"
                        "<circle cx=\"0\" cy=\"-1.5\" r=\"3\"/>\n"
                        "<line x1=\"0\" y1=\"0\" x2=\"10\" y2=\"100000000\" class=\"grid\"/>\n"
                        "<polyline fill=\"none\" points=\"1,2 3.5,4\" stroke=\"red\"/>\n"
                        "<text x=\"5\" y=\"6\" class=\"end\">a&amp;b</text>\n");
    mcr_buf_fini(&out);
}

static void the_head_names_the_drawing_and_its_colours(void **state)
{
    (void)state;
    mcr_buf out = { 0 };
    mcr_svg_begin(&out, 640, 400, "burst & <b>", ".mine { fill: var(--c2); }\n");
    mcr_svg_end(&out);
    const char *text = mcr_buf_cstr(&out);
    static const char *const parts[] = {
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"",
        " width=\"640\" height=\"400\" viewBox=\"0 0 640 400\"",
        "<title>burst &amp; &lt;b&gt;</title>",
        "prefers-color-scheme: dark",
        ".mine { fill: var(--c2); }",
        "<rect x=\"0\" y=\"0\" width=\"640\" height=\"400\" class=\"paper\"/>",
        "</svg>\n",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *found = strstr(text, parts[i]);
        if (!found)
            fail_msg("%s\nhas no %s", text, parts[i]);
        text = found + strlen(parts[i]);
    }
    assert_string_equal(text, "");
    mcr_buf_fini(&out);
}

static void widths_count_characters(void **state)
{
    (void)state;
    assert_true(mcr_svg_text_width(MCR_STR("mm"), 10) > 0);
    assert_true(mcr_svg_text_width(MCR_STR("\xc3\xa9"), 10) ==
                mcr_svg_text_width(MCR_STR("e"), 10));
    assert_true(mcr_svg_text_width(MCR_STR(""), 10) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_becomes_what_xml_can_hold),
        cmocka_unit_test(shapes_are_written_as_asked),
        cmocka_unit_test(the_head_names_the_drawing_and_its_colours),
        cmocka_unit_test(widths_count_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
