#include "sample.h"

#include "sink/format.h"
#include "sink/go_quote.h"

static void quotes_as_go_does(void **state)
{
    (void)state;
    // What strconv.Quote gives, by its documentation and the golden vectors (log_cases).
    static const struct {
        mcr_str in;
        const char *quoted;
    } cases[] = {
        { { "", 0, 0 }, "\"\"" },
        { MCR_STR("plain"), "\"plain\"" },
        { MCR_STR("exactly8"), "\"exactly8\"" },
        { MCR_STR("sixteen bytes ok"), "\"sixteen bytes ok\"" },
        { MCR_STR("say \"hi\" \\ back"), "\"say \\\"hi\\\" \\\\ back\"" },
        { MCR_STR("\a\b\t\n\v\f\r"), "\"\\a\\b\\t\\n\\v\\f\\r\"" },
        { MCR_STR("nul\0esc\x1b\x1f"), "\"nul\\x00esc\\x1b\\x1f\"" },
        { MCR_STR("del\x7f"), "\"del\\x7f\"" },
        { MCR_STR("long enough, then\x7f"), "\"long enough, then\\x7f\"" },
        { MCR_STR("é 日本 🚀"), "\"é 日本 🚀\"" },
        { MCR_STR("\u00a0\u00ad\u200b\u2028\ufeff"), "\"\\u00a0\\u00ad\\u200b\\u2028\\ufeff\"" },
        { MCR_STR("\xc2\x80\xc2\x9f\xc2\xa1"), "\"\\u0080\\u009f¡\"" },
        { MCR_STR("\U000e0001\U0010ffff\U000e0100"), "\"\\U000e0001\\U0010ffff\U000e0100\"" },
        { MCR_STR("\ufffd"), "\"\ufffd\"" },
        { MCR_STR("\ufdd0\uffff"), "\"\\ufdd0\\uffff\"" },
        // Unassigned until Unicode 15.0 (U+1FAE8) and 15.1 (U+2FFC), 16 (U+1C89).
        { MCR_STR("\U0001fae8\u2ffc\u1c89"), "\"\U0001fae8\\u2ffc\\u1c89\"" },
        // Not UTF-8: stray, cut, overlong, surrogate, past the end.
        { MCR_STR("\x80"), "\"\\x80\"" },
        { MCR_STR("\xff\xfe ok"), "\"\\xff\\xfe ok\"" },
        { MCR_STR("\xe6\x97"), "\"\\xe6\\x97\"" },
        { MCR_STR("\xe6\x97z"), "\"\\xe6\\x97z\"" },
        { MCR_STR("\xc0\x80"), "\"\\xc0\\x80\"" },
        { MCR_STR("\xe0\x80\x80"), "\"\\xe0\\x80\\x80\"" },
        { MCR_STR("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"" },
        { MCR_STR("\xf0\x80\x80\x80"), "\"\\xf0\\x80\\x80\\x80\"" },
        { MCR_STR("\xf4\x90\x80\x80"), "\"\\xf4\\x90\\x80\\x80\"" },
        { MCR_STR("\xf0\x9f\x9a"), "\"\\xf0\\x9f\\x9a\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mcr_buf out = { 0 };
        mcr_go_quote(&out, cases[i].in);
        assert_text(&out, cases[i].quoted);
        mcr_buf_fini(&out);
    }
}

// Every byte at every place of a word, against the rule written out.
static void finds_what_is_not_plain_at_every_place(void **state)
{
    (void)state;
    for (int c = 1; c < 0x80; c++) {
        for (size_t at = 0; at < 17; at++) {
            char in[17];
            memset(in, 'x', sizeof in);
            in[at] = (char)c;
            char special[8];
            const char *letter = c >= 7 && c <= 13 ? &"abtnvfr"[c - 7] : NULL;
            if (letter)
                snprintf(special, sizeof special, "\\%c", *letter);
            else if (c < ' ' || c == 0x7f)
                snprintf(special, sizeof special, "\\x%02x", (unsigned)c);
            else
                snprintf(special, sizeof special, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
            mcr_buf expected = { 0 }, out = { 0 };
            mcr_buf_printf(&expected, "%.*s%s%.*s", (int)at, "xxxxxxxxxxxxxxxxx", special,
                           (int)(16 - at), "xxxxxxxxxxxxxxxxx");
            mcr_go_escape(&out, mcr_str_n(in, sizeof in), true);
            assert_text(&out, mcr_buf_cstr(&expected));
            mcr_buf_fini(&expected);
            mcr_buf_fini(&out);
        }
    }
}

static void leaves_quotes_when_not_asked(void **state)
{
    (void)state;
    mcr_buf out = { 0 };
    mcr_go_escape(&out, MCR_STR("a \"b\" c:\\d\x1b[2J"), false);
    assert_text(&out, "a \"b\" c:\\d\\x1b[2J");
    mcr_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_as_go_does),
        cmocka_unit_test(finds_what_is_not_plain_at_every_place),
        cmocka_unit_test(leaves_quotes_when_not_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
