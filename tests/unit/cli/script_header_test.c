// cli/script_header.h: what a script's first comment says.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "cli/script_header.h"

static void assert_text(mcr_str found, const char *wanted)
{
    char *text = mcr_strndup(found.ptr ? found.ptr : "", found.len);
    assert_string_equal(text, wanted);
    free(text);
}

// The header of an allocation that ends where the text does.
static mcr_script_header read_header(const char *text, char **copy)
{
    mcr_script_header h;
    *copy = mcr_strdup(text);
    mcr_script_header_read(&h, mcr_str_of(*copy));
    return h;
}

static void all_of_it(void **state)
{
    (void)state;
    char *text;
    mcr_script_header h = read_header("-- Finds what is\n"
                                      "-- wrong, e.g. loops. And more.\n"
                                      "--\n"
                                      "-- Another paragraph.\n"
                                      "--\n"
                                      "-- @param threshold count    (5)      how many\n"
                                      "-- @param window  duration (\"10m\")  how long; the\n"
                                      "--                          rest of it\n"
                                      "-- @param keys table ({ \"a (b)\",\n"
                                      "--        2 }) which\n"
                                      "--\n"
                                      "-- A note.\n"
                                      "--\n"
                                      "-- { \"x.lua\" }\n"
                                      "\n"
                                      "-- not of the header\n"
                                      "return {}\n",
                                      &text);
    assert_text(mcr_buf_str(&h.summary), "Finds what is wrong, e.g. loops.");
    assert_text(mcr_buf_str(&h.about),
                "Finds what is\nwrong, e.g. loops. And more.\n\nAnother paragraph.\n");
    assert_int_equal(h.params_n, 3);
    assert_text(h.params[0].name, "threshold");
    assert_text(h.params[0].kind, "count");
    assert_text(h.params[0].default_text, "5");
    assert_text(h.params[0].doc, "how many");
    assert_text(h.params[1].default_text, "\"10m\"");
    assert_text(h.params[1].doc, "how long; the rest of it");
    assert_text(h.params[2].default_text, "{ \"a (b)\", 2 }");
    assert_text(h.params[2].doc, "which");
    assert_text(mcr_buf_str(&h.notes), "A note.\n\n{ \"x.lua\" }\n");
    mcr_script_header_fini(&h);
    free(text);
}

typedef struct header_case {
    const char *text;
    const char *summary;
    const char *about;
    size_t params_n;
    const char *notes;
} header_case;

static void odd_ones(void **state)
{
    (void)state;
    static const header_case cases[] = {
        { "", "", "", 0, "" },
        { "return {}\n", "", "", 0, "" },
        { "--", "", "", 0, "" },
        { "--\n--\n", "", "", 0, "" },
        { "--No space and no end", "No space and no end", "No space and no end\n", 0, "" },
        { "-- No stop\n--\n-- Next.\n", "No stop", "No stop\n\nNext.\n", 0, "" },
        { "-- Version 1.5 of it. More.\n", "Version 1.5 of it.", "Version 1.5 of it. More.\n", 0,
          "" },
        { "-- @param x", "", "", 1, "" },
        { "-- @param x string (never closed", "", "", 1, "" },
        { "-- @param x string )(\n-- Note.\n", "", "", 1, "Note.\n" },
        { "-- @parameters are none\n", "@parameters are none", "@parameters are none\n", 0, "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text;
        mcr_script_header h = read_header(cases[i].text, &text);
        assert_text(mcr_buf_str(&h.summary), cases[i].summary);
        assert_text(mcr_buf_str(&h.about), cases[i].about);
        assert_int_equal(h.params_n, cases[i].params_n);
        assert_text(mcr_buf_str(&h.notes), cases[i].notes);
        mcr_script_header_fini(&h);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it),
        cmocka_unit_test(odd_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
