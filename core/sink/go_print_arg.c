#include "sink/go_print_arg.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/format.h"
#include "sink/go_quote.h"

static const char lower_digits[] = "0123456789abcdefx", upper_digits[] = "0123456789ABCDEFX";

static const int32_t MAX_RUNE = 0x10ffff;

// Where an argument is written to, and how.
typedef struct printer {
    mcr_buf *out;
    mcr_go_flags flags;
} printer;

void mcr_go_rune(mcr_buf *out, int64_t rune)
{
    if (rune < 0 || rune > MAX_RUNE || (rune >= 0xd800 && rune <= 0xdfff))
        rune = 0xfffd;
    if (rune < 0x80) {
        mcr_buf_putc(out, (char)rune);
        return;
    }
    int more = rune < 0x800 ? 1 : rune < 0x10000 ? 2 : 3;
    static const unsigned char first[] = { 0, 0xc0, 0xe0, 0xf0 };
    mcr_buf_putc(out, (char)(first[more] | rune >> 6 * more));
    while (more-- > 0)
        mcr_buf_putc(out, (char)(0x80 | (rune >> 6 * more & 0x3f)));
}

static size_t runes(mcr_str s)
{
    size_t n = 0, width;
    for (size_t i = 0; i < s.len; i += width, n++)
        mcr_utf8_rune(s.ptr + i, s.len - i, &width);
    return n;
}

static void padding(printer *p, size_t n)
{
    if (!n)
        return;
    char c = p->flags.zero && !p->flags.minus ? '0' : ' ';
    memset(mcr_buf_reserve(p->out, n), c, n);
    p->out->len += n;
}

static void pad(printer *p, mcr_str s)
{
    size_t width = p->flags.width_present ? (size_t)p->flags.width : 0;
    size_t have = width ? runes(s) : 0;
    size_t missing = width > have ? width - have : 0;
    if (!p->flags.minus)
        padding(p, missing);
    mcr_buf_add(p->out, s);
    if (p->flags.minus)
        padding(p, missing);
}

static void pad_without_zeros(printer *p, mcr_str s)
{
    bool zero = p->flags.zero;
    p->flags.zero = false;
    pad(p, s);
    p->flags.zero = zero;
}

static void bad_verb(printer *p, const mcr_go_arg *arg, int32_t verb)
{
    mcr_buf_puts(p->out, "%!");
    mcr_go_rune(p->out, verb);
    mcr_buf_putc(p->out, '(');
    if (arg->type == MCR_GO_NIL) {
        mcr_buf_puts(p->out, "<nil>");
    } else {
        mcr_buf_puts(p->out, mcr_go_type_name(arg->type));
        mcr_buf_putc(p->out, '=');
        mcr_go_print_arg(p->out, &p->flags, arg, 'v');
    }
    mcr_buf_putc(p->out, ')');
}

// How many digits at least: from the precision, or from a width that zeros fill. 0: no matter.
static size_t least_digits(const printer *p, bool negative)
{
    const mcr_go_flags *f = &p->flags;
    if (f->precision_present)
        return (size_t)f->precision;
    if (!f->zero || f->minus || !f->width_present || f->width == 0)
        return 0;
    return (size_t)f->width - (negative || f->plus || f->space);
}

static void integer(printer *p, int64_t value, unsigned base, int32_t verb, const char *digits)
{
    const mcr_go_flags *f = &p->flags;
    bool negative = value < 0;
    uint64_t left = negative ? -(uint64_t)value : (uint64_t)value;
    if (f->precision_present && f->precision == 0 && left == 0) {
        pad_without_zeros(p, MCR_STR(""));
        return;
    }
    char text[64], *end = text + sizeof text, *at = end;
    do {
        *--at = digits[left % base];
        left /= base;
    } while (left);
    mcr_buf all = { 0 };
    if (negative)
        mcr_buf_putc(&all, '-');
    else if (f->plus || f->space)
        mcr_buf_putc(&all, f->plus ? '+' : ' ');
    size_t n = (size_t)(end - at), least = least_digits(p, negative);
    if (verb == 'O')
        mcr_buf_puts(&all, "0o");
    if (f->sharp && base == 8 && *at != '0' && n >= least)
        mcr_buf_putc(&all, '0');
    if (f->sharp && (base == 2 || base == 16)) {
        mcr_buf_putc(&all, '0');
        mcr_buf_putc(&all, base == 2 ? 'b' : digits[16]);
    }
    for (; n < least; least--)
        mcr_buf_putc(&all, '0');
    mcr_buf_append(&all, at, n);
    pad_without_zeros(p, mcr_buf_str(&all));
    mcr_buf_fini(&all);
}

// Go's quoting in ASCII only: what is printable but not ASCII as well.
static void ascii_only(mcr_buf *out, mcr_str quoted)
{
    size_t width;
    for (size_t i = 0; i < quoted.len; i += width) {
        int32_t rune = mcr_utf8_rune(quoted.ptr + i, quoted.len - i, &width);
        if (rune < 0x80)
            mcr_buf_putc(out, quoted.ptr[i]);
        else
            mcr_buf_printf(out, rune < 0x10000 ? "\\u%04" PRIx32 : "\\U%08" PRIx32, (uint32_t)rune);
    }
}

static void quoted(printer *p, mcr_str text)
{
    mcr_buf ascii = { 0 };
    if (p->flags.plus) {
        ascii_only(&ascii, text);
        text = mcr_buf_str(&ascii);
    }
    pad(p, text);
    mcr_buf_fini(&ascii);
}

static void quoted_rune(printer *p, int64_t rune)
{
    mcr_buf bytes = { 0 }, text = { 0 };
    mcr_go_rune(&bytes, rune);
    mcr_buf_putc(&text, '\'');
    if (rune == '\'' || rune == '\\')
        mcr_buf_putc(&text, '\\');
    mcr_go_escape(&text, mcr_buf_str(&bytes), false);
    mcr_buf_putc(&text, '\'');
    quoted(p, mcr_buf_str(&text));
    mcr_buf_fini(&bytes);
    mcr_buf_fini(&text);
}

static void unicode(printer *p, int64_t value)
{
    const mcr_go_flags *f = &p->flags;
    int digits = f->precision_present && f->precision > 4 ? f->precision : 4;
    mcr_buf text = { 0 };
    mcr_buf_printf(&text, "U+%0*" PRIX64, digits, (uint64_t)value);
    if (f->sharp && value >= 0 && value <= MAX_RUNE) {
        mcr_buf rune = { 0 }, escaped = { 0 };
        mcr_go_rune(&rune, value);
        mcr_go_escape(&escaped, mcr_buf_str(&rune), false);
        if (mcr_str_eq(mcr_buf_str(&rune), mcr_buf_str(&escaped))) // it can be printed
            mcr_buf_printf(&text, " '%.*s'", (int)rune.len, rune.ptr);
        mcr_buf_fini(&rune);
        mcr_buf_fini(&escaped);
    }
    pad_without_zeros(p, mcr_buf_str(&text));
    mcr_buf_fini(&text);
}

static void print_integer(printer *p, const mcr_go_arg *arg, int32_t verb)
{
    int64_t value = arg->integer;
    mcr_buf text = { 0 };
    switch (verb) {
    case 'v':
    case 'd':
        integer(p, value, 10, verb, lower_digits);
        break;
    case 'b':
        integer(p, value, 2, verb, lower_digits);
        break;
    case 'o':
    case 'O':
        integer(p, value, 8, verb, lower_digits);
        break;
    case 'x':
        integer(p, value, 16, verb, lower_digits);
        break;
    case 'X':
        integer(p, value, 16, verb, upper_digits);
        break;
    case 'c':
        mcr_go_rune(&text, value);
        pad(p, mcr_buf_str(&text));
        break;
    case 'q':
        quoted_rune(p, value);
        break;
    case 'U':
        unicode(p, value);
        break;
    default:
        bad_verb(p, arg, verb);
    }
    mcr_buf_fini(&text);
}

// The fewest digits that read back as the same number; an exponent below -4 and from 6 on.
static void shortest(mcr_buf *out, double value)
{
    char text[32];
    int digits = 1;
    do
        snprintf(text, sizeof text, "%.*e", digits - 1, value);
    while (strtod(text, NULL) != value && digits++ < 17);
    long exponent = strtol(strchr(text, 'e') + 1, NULL, 10);
    if (exponent < -4 || exponent >= 6)
        mcr_buf_puts(out, text);
    else
        mcr_buf_printf(out, "%.*f", digits - 1 > exponent ? digits - 1 - (int)exponent : 0, value);
}

// `#`: a decimal point always and, for %g, as many digits as were asked for.
static void keep_zeros(mcr_buf *text, int digits)
{
    mcr_buf out = { 0 };
    const char *tail = memchr(text->ptr, 'e', text->len);
    const char *end = text->ptr + text->len, *stop = tail ? tail : end;
    bool point = false, significant = false;
    for (const char *at = text->ptr; at < stop; at++) {
        point |= *at == '.';
        significant |= *at >= '1' && *at <= '9';
        digits -= significant && *at != '.';
        mcr_buf_putc(&out, *at);
    }
    const char *first = text->ptr + (*text->ptr == '-');
    if (!point) {
        digits -= stop - first == 1 && *first == '0';
        mcr_buf_putc(&out, '.');
    }
    while (digits-- > 0)
        mcr_buf_putc(&out, '0');
    mcr_buf_append(&out, stop, (size_t)(end - stop));
    mcr_buf_fini(text);
    *text = out;
}

// The number without flags: its digits, the sign only when it is negative.
static void digits_of(mcr_buf *text, const mcr_go_flags *f, double value, int32_t form)
{
    static const char *const formats[] = { "%.*e", "%.*f", "%.*g" };
    int precision = f->precision_present ? f->precision : 6;
    if (form == 'g' && !f->precision_present)
        shortest(text, value);
    else
        mcr_buf_printf(text, formats[form - 'e'], precision, value);
    if (f->sharp)
        keep_zeros(text, form == 'g' ? precision : 0);
}

static void print_float(printer *p, const mcr_go_arg *arg, int32_t verb)
{
    mcr_go_flags *f = &p->flags;
    bool upper = verb == 'E' || verb == 'G';
    int32_t form = verb == 'v' ? 'g' : verb == 'F' ? 'f' : upper ? verb + ('a' - 'A') : verb;
    if (form < 'e' || form > 'g') {
        bad_verb(p, arg, verb);
        return;
    }
    double value = arg->number;
    mcr_buf text = { 0 };
    if (isnan(value)) {
        mcr_buf_puts(&text, f->plus ? "+NaN" : f->space ? " NaN" : "NaN");
    } else {
        if (!signbit(value) && (f->plus || f->space))
            mcr_buf_putc(&text, f->plus ? '+' : ' ');
        mcr_buf digits = { 0 };
        if (isinf(value))
            mcr_buf_puts(&digits, value < 0 ? "-Inf" : f->plus || f->space ? "Inf" : "+Inf");
        else
            digits_of(&digits, f, value, form);
        mcr_buf_add(&text, mcr_buf_str(&digits));
        mcr_buf_fini(&digits);
    }
    for (size_t i = 0; upper && isfinite(value) && i < text.len; i++)
        text.ptr[i] = text.ptr[i] == 'e' ? 'E' : text.ptr[i];
    if (!isfinite(value)) {
        pad_without_zeros(p, mcr_buf_str(&text));
    } else if (f->zero && !f->minus && f->width_present && text.len &&
               (*text.ptr < '0' || *text.ptr > '9')) {
        // Zeros go behind the sign.
        mcr_buf_putc(p->out, *text.ptr);
        f->width -= f->width > 0;
        pad(p, mcr_str_n(text.ptr + 1, text.len - 1));
    } else {
        pad(p, mcr_buf_str(&text));
    }
    mcr_buf_fini(&text);
}

// The first `precision` code points.
static mcr_str truncated(const printer *p, mcr_str s)
{
    size_t left = p->flags.precision_present ? (size_t)p->flags.precision : SIZE_MAX, i = 0, width;
    for (; i < s.len && left > 0; i += width, left--)
        mcr_utf8_rune(s.ptr + i, s.len - i, &width);
    return mcr_str_n(s.ptr, i);
}

// What may stand between back quotes, by Go's strconv.CanBackquote.
static bool can_backquote(mcr_str s)
{
    size_t width;
    for (size_t i = 0; i < s.len; i += width) {
        int32_t rune = mcr_utf8_rune(s.ptr + i, s.len - i, &width);
        if (rune < 0 || rune == 0xfeff || rune == '`' || rune == 0x7f ||
            (rune < ' ' && rune != '\t'))
            return false;
    }
    return true;
}

static void quoted_string(printer *p, mcr_str s)
{
    mcr_buf text = { 0 };
    s = truncated(p, s);
    if (p->flags.sharp && can_backquote(s)) {
        mcr_buf_printf(&text, "`%.*s`", (int)s.len, s.ptr ? s.ptr : "");
        pad(p, mcr_buf_str(&text));
    } else {
        mcr_go_quote(&text, s);
        quoted(p, mcr_buf_str(&text));
    }
    mcr_buf_fini(&text);
}

static void hex_string(printer *p, mcr_str s, const char *digits)
{
    const mcr_go_flags *f = &p->flags;
    size_t len = s.len;
    if (f->precision_present && (size_t)f->precision < len)
        len = (size_t)f->precision;
    mcr_buf text = { 0 };
    for (size_t i = 0; i < len; i++) {
        if (f->space && i > 0)
            mcr_buf_putc(&text, ' ');
        if (f->sharp && (f->space || i == 0)) {
            mcr_buf_putc(&text, '0');
            mcr_buf_putc(&text, digits[16]);
        }
        mcr_buf_putc(&text, digits[(unsigned char)s.ptr[i] >> 4]);
        mcr_buf_putc(&text, digits[s.ptr[i] & 15]);
    }
    pad(p, mcr_buf_str(&text));
    mcr_buf_fini(&text);
}

static void print_string(printer *p, const mcr_go_arg *arg, int32_t verb)
{
    if (verb == 'q' || (verb == 'v' && p->flags.sharp_v))
        quoted_string(p, arg->string);
    else if (verb == 'v' || verb == 's')
        pad(p, truncated(p, arg->string));
    else if (verb == 'x' || verb == 'X')
        hex_string(p, arg->string, verb == 'x' ? lower_digits : upper_digits);
    else
        bad_verb(p, arg, verb);
}

const char *mcr_go_type_name(mcr_go_type type)
{
    static const char *const names[] = { "<nil>", "bool", "int", "float64", "string" };
    return names[type];
}

void mcr_go_print_arg(mcr_buf *out, const mcr_go_flags *flags, const mcr_go_arg *arg, int32_t verb)
{
    printer p = { out, *flags };
    bool boolean = arg->type == MCR_GO_BOOL && (verb == 't' || verb == 'v');
    if (verb == 'T' && arg->type != MCR_GO_NIL)
        pad(&p, truncated(&p, mcr_str_of(mcr_go_type_name(arg->type))));
    else if (arg->type == MCR_GO_NIL && (verb == 'T' || verb == 'v'))
        pad(&p, MCR_STR("<nil>"));
    else if (boolean)
        pad(&p, arg->boolean ? MCR_STR("true") : MCR_STR("false"));
    else if (arg->type == MCR_GO_INT)
        print_integer(&p, arg, verb);
    else if (arg->type == MCR_GO_FLOAT)
        print_float(&p, arg, verb);
    else if (arg->type == MCR_GO_STRING)
        print_string(&p, arg, verb);
    else
        bad_verb(&p, arg, verb);
}
