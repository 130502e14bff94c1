// sink/go_sprintf.h against what Go's fmt.Sprintf writes.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/go_sprintf.h"

#define I(i)                                                                                       \
    {                                                                                              \
        .type = MCR_GO_INT, .integer = (i)                                                         \
    }
#define F(f)                                                                                       \
    {                                                                                              \
        .type = MCR_GO_FLOAT, .number = (f)                                                        \
    }
#define S(s)                                                                                       \
    {                                                                                              \
        .type = MCR_GO_STRING, .string = { s, sizeof(s) - 1, 0 }                                   \
    }
#define B(b)                                                                                       \
    {                                                                                              \
        .type = MCR_GO_BOOL, .boolean = (b)                                                        \
    }
#define NIL                                                                                        \
    {                                                                                              \
        .type = MCR_GO_NIL                                                                         \
    }

typedef struct one {
    const char *format;
    mcr_go_arg arg;
    const char *expected;
} one;

static void check(const one *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mcr_buf out = { 0 };
        mcr_go_sprintf(&out, mcr_str_of(cases[i].format), &cases[i].arg, 1);
        if (strcmp(mcr_buf_cstr(&out), cases[i].expected) != 0)
            fail_msg("%s: %s, not %s", cases[i].format, out.ptr, cases[i].expected);
        mcr_buf_fini(&out);
    }
}

#define CHECK(cases) check(cases, sizeof(cases) / sizeof *(cases))

static void integers(void **state)
{
    (void)state;
    static const one cases[] = {
        { "%d", I(7), "7" },
        { "%v", I(-7), "-7" },
        { "%d", I(INT64_MIN), "-9223372036854775808" },
        { "%+d|", I(7), "+7|" },
        { "% d|", I(7), " 7|" },
        { "%+ d|", I(7), "+7|" },
        { "%5d|", I(42), "   42|" },
        { "%-5d|", I(42), "42   |" },
        { "%05d|", I(42), "00042|" },
        { "%05d|", I(-42), "-0042|" },
        { "%+05d|", I(42), "+0042|" },
        { "% 05d|", I(42), " 0042|" },
        { "%-05d|", I(42), "42   |" },
        { "%.3d|", I(5), "005|" },
        { "%6.3d|", I(-5), "  -005|" },
        { "%06.3d|", I(5), "   005|" },
        { "%.0d|", I(0), "|" },
        { "%.d|", I(0), "|" },
        { "%3.0d|", I(0), "   |" },
        { "%03.0d|", I(0), "   |" },
        { "%.0d|", I(3), "3|" },
        { "%b", I(5), "101" },
        { "%#b", I(5), "0b101" },
        { "%o", I(8), "10" },
        { "%#o", I(8), "010" },
        { "%#o", I(0), "0" },
        { "%#.4o", I(8), "0010" },
        { "%O", I(8), "0o10" },
        { "%x", I(255), "ff" },
        { "%X", I(255), "FF" },
        { "%#x", I(255), "0xff" },
        { "%#X", I(-255), "-0XFF" },
        { "%#08x", I(255), "0x000000ff" },
        { "%x", I(-255), "-ff" },
        { "%c", I('A'), "A" },
        { "%3c|", I(0x20ac), "  \xe2\x82\xac|" },
        { "%c", I(0xe9), "\xc3\xa9" },
        { "%c", I(0x1f600), "\xf0\x9f\x98\x80" },
        { "%c", I(-1), "\xef\xbf\xbd" },
        { "%c", I(0xd800), "\xef\xbf\xbd" },
        { "%c", I(0x110000), "\xef\xbf\xbd" },
        { "%q", I('A'), "'A'" },
        { "%q", I('\''), "'\\''" },
        { "%q", I('"'), "'\"'" },
        { "%q", I('\\'), "'\\\\'" },
        { "%q", I('\n'), "'\\n'" },
        { "%+q", I(0x20ac), "'\\u20ac'" },
        { "%+q", I(0x1f600), "'\\U0001f600'" },
        { "%U", I('A'), "U+0041" },
        { "%U", I(0x1f600), "U+1F600" },
        { "%#U", I(0x20ac), "U+20AC '\xe2\x82\xac'" },
        { "%#U", I('\n'), "U+000A" },
        { "%#U", I('"'), "U+0022 '\"'" },
        { "%.6U", I('A'), "U+000041" },
        { "%010U|", I('A'), "    U+0041|" },
        { "%T", I(1), "int" },
        { "%s", I(1), "%!s(int=1)" },
        { "%5s", I(1), "%!s(int=    1)" },
        { "%t", I(1), "%!t(int=1)" },
        { "%z", I(1), "%!z(int=1)" },
        { "%\xc3\xa9", I(1), "%!\xc3\xa9(int=1)" },
        { "%+v", I(1), "1" },
        { "%#v", I(10), "10" },
    };
    CHECK(cases);
}

static void floats(void **state)
{
    (void)state;
    static const one cases[] = {
        { "%v", F(1.5), "1.5" },
        { "%v", F(1), "1" },
        { "%v", F(0.1), "0.1" },
        { "%v", F(-0.0), "-0" },
        { "%v", F(100000), "100000" },
        { "%v", F(1e6), "1e+06" },
        { "%v", F(123456789), "1.23456789e+08" },
        { "%v", F(0.0001), "0.0001" },
        { "%v", F(0.00001), "1e-05" },
        { "%v", F(1e300), "1e+300" },
        { "%v", F(5e-324), "5e-324" },
        { "%v", F(0.1 + 0.2), "0.30000000000000004" },
        { "%v", F(12345.678), "12345.678" },
        { "%g", F(2.5), "2.5" },
        { "%G", F(1e6), "1E+06" },
        { "%.3g", F(1234.5), "1.23e+03" },
        { "%.3g", F(100), "100" },
        { "%e", F(1234.5), "1.234500e+03" },
        { "%E", F(1234.5), "1.234500E+03" },
        { "%f", F(3.14159), "3.141590" },
        { "%F", F(3.14159), "3.141590" },
        { "%5.2f|", F(3.14159), " 3.14|" },
        { "%-7.2f|", F(3.14159), "3.14   |" },
        { "%07.2f|", F(-3.14159), "-003.14|" },
        { "%07.2f|", F(3.14159), "0003.14|" },
        { "%+07.2f|", F(3.14159), "+003.14|" },
        { "% .1f|", F(3), " 3.0|" },
        { "%.0f", F(2.5), "2" },
        { "%#.0f", F(2), "2." },
        { "%#g", F(1), "1.00000" },
        { "%#g", F(1e6), "1.00000e+06" },
        { "%#g", F(0), "0.00000" },
        { "%#.3g", F(-1), "-1.00" },
        { "%f", F(INFINITY), "+Inf" },
        { "%f", F(-INFINITY), "-Inf" },
        { "%+f", F(INFINITY), "+Inf" },
        { "%v", F(NAN), "NaN" },
        { "%+v", F(NAN), "NaN" },
        { "%+f", F(NAN), "+NaN" },
        { "%06f|", F(-INFINITY), "  -Inf|" },
        { "%06f|", F(NAN), "   NaN|" },
        { "%d", F(1.5), "%!d(float64=1.5)" },
        { "%T", F(1.5), "float64" },
    };
    CHECK(cases);
}

static void strings_and_the_rest(void **state)
{
    (void)state;
    static const one cases[] = {
        { "%s", S("a"), "a" },
        { "%v", S(""), "" },
        { "%5s|", S("ab"), "   ab|" },
        { "%-5s|", S("ab"), "ab   |" },
        { "%05s|", S("ab"), "000ab|" },
        { "%-05s|", S("ab"), "ab   |" },
        { "%.2s|", S("h\xc3\xa9llo"), "h\xc3\xa9|" },
        { "%4.1s|", S("\xc3\xa9!"), "   \xc3\xa9|" },
        { "%4s|", S("\xff\xfe"), "  \xff\xfe|" },
        { "%q", S("q\"\n"), "\"q\\\"\\n\"" },
        { "%+q", S("\xc3\xa9"), "\"\\u00e9\"" },
        { "%#q", S("a\"\t"), "`a\"\t`" },
        { "%#q", S("a`"), "\"a`\"" },
        { "%#q", S("a\n"), "\"a\\n\"" },
        { "%#q", S("\xff"), "\"\\xff\"" },
        { "%#q", S("\xef\xbb\xbf"), "\"\\ufeff\"" },
        { "%6q|", S("a"), "   \"a\"|" },
        { "%.1q", S("abc"), "\"a\"" },
        { "%#v", S("a"), "\"a\"" },
        { "%x", S("h\xff"), "68ff" },
        { "%X", S("h\xff"), "68FF" },
        { "% x", S("abc"), "61 62 63" },
        { "%#x", S("abc"), "0x616263" },
        { "%# X", S("ab"), "0X61 0X62" },
        { "%.1x", S("ab"), "61" },
        { "%6x|", S("ab"), "  6162|" },
        { "%-6x|", S("ab"), "6162  |" },
        { "%x|", S(""), "|" },
        { "%T", S(""), "string" },
        { "%d", S("s"), "%!d(string=s)" },
        { "%t", B(true), "true" },
        { "%v", B(false), "false" },
        { "%6t|", B(true), "  true|" },
        { "%d", B(true), "%!d(bool=true)" },
        { "%v", NIL, "<nil>" },
        { "%T", NIL, "<nil>" },
        { "%7v|", NIL, "  <nil>|" },
        { "%s", NIL, "%!s(<nil>)" },
        { "%d", NIL, "%!d(<nil>)" },
    };
    CHECK(cases);
}

static void formats_and_arguments_that_disagree(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        size_t n;
        mcr_go_arg args[3];
        const char *expected;
    } cases[] = {
        { "", 0, { NIL }, "" },
        { "plain", 0, { NIL }, "plain" },
        { "%%", 0, { NIL }, "%" },
        { "%5%|", 0, { NIL }, "%|" },
        { "%", 0, { NIL }, "%!(NOVERB)" },
        { "a%-", 0, { NIL }, "a%!(NOVERB)" },
        { "%d", 0, { NIL }, "%!d(MISSING)" },
        { "%!", 0, { NIL }, "%!!(MISSING)" },
        { "%!", 1, { I(1) }, "%!!(int=1)" },
        { "x", 1, { I(1) }, "x%!(EXTRA int=1)" },
        { "%s", 3, { S("a"), NIL, B(true) }, "a%!(EXTRA <nil>, bool=true)" },
        { "%s=%d", 2, { S("a"), I(7) }, "a=7" },
        { "%[2]d %[1]d", 2, { I(1), I(2) }, "2 1" },
        { "%[2]d", 2, { I(1), I(2) }, "2" },
        { "%[2]d %d", 3, { I(1), I(2), I(3) }, "2 3" },
        { "%[3]d", 2, { I(1), I(2) }, "%!d(BADINDEX)" },
        { "%[0]d", 1, { I(1) }, "%!d(BADINDEX)" },
        { "%[x]d", 1, { I(1) }, "%!d(BADINDEX)" },
        { "%[1]2d", 1, { I(1) }, "%!d(BADINDEX)" },
        { "%[1].2d", 1, { I(1) }, "%!d(BADINDEX)" },
        { "%[99999999999999999999]d", 1, { I(1) }, "%!d(BADINDEX)" },
        { "%[1", 1, { I(1) }, "%!(NOVERB)" },
        { "%[]", 1, { I(1) }, "%!](BADINDEX)" },
        { "%[]d", 1, { I(1) }, "%!d(BADINDEX)" },
        { "%*d|", 2, { I(4), I(7) }, "   7|" },
        { "%*d|", 2, { I(-4), I(7) }, "7   |" },
        { "%0*d|", 2, { I(-4), I(7) }, "7   |" },
        { "%*d", 2, { S("a"), I(7) }, "%!(BADWIDTH)7" },
        { "%*d", 1, { I(1000001) }, "%!(BADWIDTH)%!d(MISSING)" },
        { "%.*f", 2, { I(1), F(2.25) }, "2.2" },
        { "%.*f", 2, { I(-1), F(2.25) }, "%!(BADPREC)2.250000" },
        { "%[2]*[1]d|", 2, { I(7), I(4) }, "   7|" },
        { "%[3]*.[2]*[1]f|", 3, { F(12), I(2), I(6) }, " 12.00|" },
        { "%20000000d", 1, { I(1) }, "%!(NOVERB)%!(EXTRA int=1)" },
        { "%6d|%6d", 1, { I(1) }, "     1|%!d(MISSING)" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_buf out = { 0 };
        mcr_go_sprintf(&out, mcr_str_of(cases[i].format), cases[i].args, cases[i].n);
        if (strcmp(mcr_buf_cstr(&out), cases[i].expected) != 0)
            fail_msg("%s: %s, not %s", cases[i].format, out.ptr, cases[i].expected);
        mcr_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),
        cmocka_unit_test(floats),
        cmocka_unit_test(strings_and_the_rest),
        cmocka_unit_test(formats_and_arguments_that_disagree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
