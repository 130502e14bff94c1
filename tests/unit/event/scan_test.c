#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/scan.h"

// The text and its pad, exactly.
static char *padded(const char *text, size_t len)
{
    char *copy = malloc(len + MCR_SCAN_PAD);
    memcpy(copy, text, len);
    memset(copy + len, 0, MCR_SCAN_PAD);
    return copy;
}

typedef struct value_case {
    const char *text;
    const char *value; // NULL: an error
    const char *why;
    int at; // where the scan ends
} value_case;

static const value_case values[] = {
    { "null", "null", NULL, 4 },
    { " true ,", "true", NULL, 5 },
    { "false]", "false", NULL, 5 },
    { "0", "0", NULL, 1 },
    { "-0.5e-10}", "-0.5e-10", NULL, 8 },
    { "123E+4", "123E+4", NULL, 6 },
    { "12.0", "12.0", NULL, 4 },
    { "01", "0", NULL, 1 },
    { "\"\"", "\"\"", NULL, 2 },
    { "\"a\\\"b\" x", "\"a\\\"b\"", NULL, 6 },
    { "[]", "[]", NULL, 2 },
    { "{ }", "{ }", NULL, 3 },
    { "[ 1 , [ ] , { \"a\" : { } } , \"]\" ] ]", "[ 1 , [ ] , { \"a\" : { } } , \"]\" ]", NULL,
      33 },
    { "{\"a\":[{\"b\":{}},[[]]],\"c\":null}", "{\"a\":[{\"b\":{}},[[]]],\"c\":null}", NULL, 30 },
    { "", NULL, "unexpected end", 0 },
    { "  ", NULL, "unexpected end", 2 },
    { "tru", NULL, "unexpected end", 3 },
    { "trux", NULL, "expected a value", 3 },
    { "nan", NULL, "expected a value", 1 },
    { "+1", NULL, "expected a value", 0 },
    { ".5", NULL, "expected a value", 0 },
    { "-", NULL, "unexpected end", 1 },
    { "-a", NULL, "a bad number", 1 },
    { "1.", NULL, "unexpected end", 2 },
    { "1.e5", NULL, "a bad number", 2 },
    { "1e", NULL, "unexpected end", 2 },
    { "1e+x", NULL, "a bad number", 3 },
    { "[1,]", NULL, "expected a value", 3 },
    { "[,1]", NULL, "expected a value", 1 },
    { "[1 2]", NULL, "expected ',' or ']'", 3 },
    { "[1}", NULL, "expected ',' or ']'", 2 },
    { "[", NULL, "unexpected end", 1 },
    { "[[[", NULL, "unexpected end", 3 },
    { "{\"a\":1]", NULL, "expected ',' or '}'", 6 },
    { "{\"a\":1,}", NULL, "expected a field name", 7 },
    { "{\"a\" 1}", NULL, "expected ':'", 5 },
    { "{a:1}", NULL, "expected a field name", 1 },
    { "{\"a\":}", NULL, "expected a value", 5 },
    { "{\"a\"}", NULL, "expected ':'", 4 },
    { "{1:2}", NULL, "expected a field name", 1 },
    { "]", NULL, "expected a value", 0 },
    { "\"abc", NULL, "unexpected end", 4 },
    { "\"a\\x\"", NULL, "a bad escape", 3 },
    { "\"\\u12\"", NULL, "expected four hexadecimal digits after \\u", 5 },
    { "\"\\u12", NULL, "unexpected end", 5 },
    { "\"\\u12g4\"", NULL, "expected four hexadecimal digits after \\u", 5 },
    { "\"\\ud83d\\u1\"", NULL, "a lone surrogate", 1 },
    { "\"\\ud83d\\u1", NULL, "unexpected end", 10 },
    { "\"\\ud800\"", NULL, "a lone surrogate", 1 },
    { "\"a\x01\"", NULL, "a control character in a string", 2 },
    { "\"\xc3\x28\"", NULL, "invalid UTF-8", 1 },
    { "[\"0123456789abcdef\xff\"]", NULL, "invalid UTF-8", 18 },
};

static void values_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const value_case *c = &values[i];
        char *text = padded(c->text, strlen(c->text));
        mcr_scan s;
        mcr_str value = { 0 };
        mcr_scan_init(&s, mcr_str_n(text, strlen(c->text)), false);
        bool ok = mcr_scan_value(&s, &value);
        if (ok != (c->value != NULL))
            fail_msg("%s: %s", c->text, s.why ? s.why : "accepted");
        if (ok && !mcr_str_is(value, c->value))
            fail_msg("%s: %.*s", c->text, (int)value.len, value.ptr);
        if (!ok && strncmp(s.why, c->why, strlen(c->why)) != 0)
            fail_msg("%s: %s, not %s", c->text, s.why, c->why);
        if (s.at - s.begin != c->at)
            fail_msg("%s: ends at %d, not %d", c->text, (int)(s.at - s.begin), c->at);
        free(text);
    }
}

static void the_first_failure_stays(void **state)
{
    (void)state;
    char *text = padded("x", 1);
    mcr_scan s;
    mcr_scan_init(&s, mcr_str_n(text, 1), false);
    assert_null(s.why);
    assert_false(mcr_scan_fail(&s, "first"));
    assert_false(mcr_scan_fail(&s, "second"));
    assert_string_equal(s.why, "first");
    free(text);
}

static void strings_borrow_or_unescape(void **state)
{
    (void)state;
    static const char text[] = "\"plain\" \"a\\tb\" \"\xff\" \"\\u0041\"";
    char *copy = padded(text, sizeof text - 1);
    mcr_scan s;
    mcr_buf scratch = { 0 };
    mcr_str got;
    mcr_scan_init(&s, mcr_str_n(copy, sizeof text - 1), true);
    assert_int_equal(mcr_scan_space(&s), '"');
    assert_true(mcr_scan_string(&s, &scratch, &got));
    assert_true(mcr_str_is(got, "plain"));
    assert_ptr_equal(got.ptr, copy + 1);
    assert_int_equal(scratch.len, 0);
    mcr_scan_space(&s);
    assert_true(mcr_scan_string(&s, &scratch, &got));
    assert_true(mcr_str_is(got, "a\tb"));
    mcr_scan_space(&s);
    assert_true(mcr_scan_string(&s, &scratch, &got));
    assert_true(mcr_str_is(got, "\ufffd"));
    mcr_scan_space(&s);
    assert_true(mcr_scan_string(&s, &scratch, &got));
    assert_true(mcr_str_is(got, "A"));
    assert_true(mcr_str_is(mcr_buf_str(&scratch), "a\tb\ufffdA")); // appended
    assert_int_equal(mcr_scan_space(&s), 0);
    assert_false(mcr_scan_string(&s, &scratch, &got));
    mcr_buf_fini(&scratch);
    free(copy);
}

// Both sides of the limit, arrays and objects mixed so that the stack of kinds is used.
static void depth_is_limited(void **state)
{
    (void)state;
    for (int depth = MCR_SCAN_DEPTH - 2; depth <= MCR_SCAN_DEPTH + 2; depth++) {
        mcr_buf text = { 0 };
        for (int i = 0; i < depth; i++)
            mcr_buf_puts(&text, i % 3 ? "[" : "{\"a\":");
        mcr_buf_putc(&text, '1');
        for (int i = depth - 1; i >= 0; i--)
            mcr_buf_putc(&text, i % 3 ? ']' : '}');
        memset(mcr_buf_reserve(&text, MCR_SCAN_PAD), 0, MCR_SCAN_PAD);
        mcr_scan s;
        mcr_str value;
        mcr_scan_init(&s, mcr_buf_str(&text), false);
        assert_int_equal(mcr_scan_value(&s, &value), depth <= MCR_SCAN_DEPTH);
        if (depth <= MCR_SCAN_DEPTH)
            assert_int_equal(value.len, text.len);
        else
            assert_string_equal(s.why, "nested deeper than 1000");
        mcr_buf_fini(&text);
    }
}

// Closing with the wrong bracket must fail at every depth.
static void brackets_must_match(void **state)
{
    (void)state;
    for (int wrong = 0; wrong < 130; wrong++) {
        mcr_buf text = { 0 };
        for (int i = 0; i < 130; i++)
            mcr_buf_puts(&text, i % 2 ? "[" : "{\"a\":");
        mcr_buf_putc(&text, '1');
        for (int i = 129; i >= 0; i--)
            mcr_buf_putc(&text, (i % 2 != 0) != (i == wrong) ? ']' : '}');
        memset(mcr_buf_reserve(&text, MCR_SCAN_PAD), 0, MCR_SCAN_PAD);
        mcr_scan s;
        mcr_str value;
        mcr_scan_init(&s, mcr_buf_str(&text), false);
        assert_false(mcr_scan_value(&s, &value));
        assert_int_equal(s.end - s.at, wrong + 1);
        mcr_buf_fini(&text);
    }
}

static void compacting_keeps_strings(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "{}", "{}" },
        { " { \"a b\" :\t[ 1 , 2\r\n] } ", "{\"a b\":[1,2]}" },
        { "\" \\\" \\\\\" , \" \"", "\" \\\" \\\\\",\" \"" },
        { "{\"a\":\"0123456789abcdef  0123456789abcdef\"  }",
          "{\"a\":\"0123456789abcdef  0123456789abcdef\"}" },
        { "", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = strlen(cases[i][0]);
        char *text = malloc(len ? len : 1);
        memcpy(text, cases[i][0], len);
        mcr_buf out = { 0 };
        mcr_buf_puts(&out, "> ");
        mcr_json_compact(&out, mcr_str_n(text, len));
        assert_string_equal(mcr_buf_cstr(&out) + 2, cases[i][1]);
        mcr_buf_fini(&out);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_checked),         cmocka_unit_test(the_first_failure_stays),
        cmocka_unit_test(strings_borrow_or_unescape), cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(brackets_must_match),        cmocka_unit_test(compacting_keeps_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
