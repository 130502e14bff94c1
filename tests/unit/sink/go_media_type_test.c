#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/go_duration.h"
#include "sink/go_media_type.h"

static void each_header(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        const char *type; // NULL: refused with `why`
        const char *why;
    } rows[] = {
        { "application/json", "application/json", NULL },
        { " Application/JSON ; charset=\"utf-8\" ", "application/json", NULL },
        { "text", "text", NULL },
        { "text/plain;", "text/plain", NULL },
        { "text/plain; a=1; b=2; a=1", "text/plain", NULL },
        { "text/plain; a=\"x\\\"y;\"; b=2", "text/plain", NULL },
        { "text/plain; a=\"\"", "text/plain", NULL },
        { "", NULL, "mime: no media type" },
        { ";", NULL, "mime: no media type" },
        { "/json", NULL, "mime: no media type" },
        { "a b", NULL, "mime: expected slash after first token" },
        { "application/", NULL, "mime: expected token after slash" },
        { "application/json x", NULL, "mime: unexpected content after media subtype" },
        { "text/plain; charset", NULL, "mime: invalid media parameter" },
        { "text/plain; charset=", NULL, "mime: invalid media parameter" },
        { "text/plain; charset=\"x", NULL, "mime: invalid media parameter" },
        { "text/plain;; a=1", NULL, "mime: invalid media parameter" },
        { "text/plain; a=1; A=2", NULL, "mime: duplicate parameter name" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mcr_buf type = { 0 };
        const char *why;
        bool good = mcr_go_media_type(&type, mcr_str_of(rows[i].header), &why);
        if (good != (rows[i].type != NULL))
            fail_msg("'%s': %s", rows[i].header, good ? mcr_buf_cstr(&type) : why);
        if (good)
            assert_string_equal(mcr_buf_cstr(&type), rows[i].type);
        else
            assert_string_equal(why, rows[i].why);
        mcr_buf_fini(&type);
    }
}

static void each_duration(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } rows[] = {
        { 0, "0s" },
        { 1, "1ns" },
        { 1500, "1.5\u00b5s" },
        { 250000000, "250ms" },
        { 1000000000, "1s" },
        { 2500000000, "2.5s" },
        { 60000000000, "1m0s" },
        { 90000000000, "1m30s" },
        { 3600000000000, "1h0m0s" },
        { 3600000000001, "1h0m0.000000001s" },
        { -1000000000, "-1s" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mcr_buf text = { 0 };
        mcr_go_duration(&text, rows[i].ns);
        assert_string_equal(mcr_buf_cstr(&text), rows[i].text);
        mcr_buf_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_header),
        cmocka_unit_test(each_duration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
