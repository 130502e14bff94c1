#include "sink/go_sprintf.h"

#include "sink/go_print_arg.h"
#include "sink/go_quote.h"

enum {
    TOO_LARGE = 1000000 // for a width, a precision or an index
};

// The state of Go's doPrintf.
typedef struct format {
    mcr_buf *out;
    const char *at;
    const char *end;
    const mcr_go_arg *args;
    size_t n;
    size_t next;      // the argument whose turn it is
    bool reordered;   // an index was used: what is left over is no mistake
    bool good_index;  // of this verb
    bool after_index; // an index stands before `at`
    mcr_go_flags flags;
} format;

// Reads digits up to `end`. False: there are none, or too many, and then `*at` may be the end.
static bool number(const char **at, const char *end, int *value)
{
    const char *from = *at;
    *value = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
        if (*value > TOO_LARGE) {
            *value = 0;
            *at = end;
            return false;
        }
        *value = *value * 10 + (**at - '0');
    }
    return *at > from;
}

static bool flag(mcr_go_flags *f, char c)
{
    switch (c) {
    case '#':
        return f->sharp = true;
    case '0':
        return f->zero = true;
    case '+':
        return f->plus = true;
    case '-':
        return f->minus = true;
    case ' ':
        return f->space = true;
    default:
        return false;
    }
}

// "[3]": which argument is next.
static void index_of(format *f)
{
    f->after_index = false;
    if (f->at >= f->end || *f->at != '[')
        return;
    f->reordered = true;
    size_t left = (size_t)(f->end - f->at);
    const char *close = left < sizeof "[n]" - 1 ? NULL : memchr(f->at, ']', left);
    int index = 0;
    const char *at = f->at + 1;
    bool good = close && number(&at, close, &index) && at == close;
    f->at = close ? close + 1 : f->at + 1;
    f->after_index = good && index >= 1 && (size_t)index <= f->n;
    if (f->after_index) {
        f->next = (size_t)index - 1;
        return;
    }
    f->good_index = false;
    f->after_index = good;
}

// "*": a number that is an argument.
static bool argument(format *f, int *value)
{
    *value = 0;
    f->after_index = false;
    if (f->next >= f->n)
        return false;
    const mcr_go_arg *arg = &f->args[f->next++];
    if (arg->type != MCR_GO_INT || arg->integer > TOO_LARGE || arg->integer < -TOO_LARGE)
        return false;
    *value = (int)arg->integer;
    return true;
}

static void width(format *f)
{
    mcr_go_flags *flags = &f->flags;
    if (f->at < f->end && *f->at == '*') {
        f->at++;
        flags->width_present = argument(f, &flags->width);
        if (!flags->width_present)
            mcr_buf_puts(f->out, "%!(BADWIDTH)");
        if (flags->width < 0) {
            flags->width = -flags->width;
            flags->minus = true;
        }
        return;
    }
    flags->width_present = number(&f->at, f->end, &flags->width);
    if (f->after_index && flags->width_present) // "%[3]2d"
        f->good_index = false;
}

static void precision(format *f)
{
    mcr_go_flags *flags = &f->flags;
    if (f->at >= f->end || *f->at != '.')
        return;
    f->at++;
    if (f->after_index) // "%[3].2d"
        f->good_index = false;
    index_of(f);
    if (f->at < f->end && *f->at == '*') {
        f->at++;
        flags->precision_present = argument(f, &flags->precision);
        if (flags->precision < 0) {
            flags->precision = 0;
            flags->precision_present = false;
        }
        if (!flags->precision_present)
            mcr_buf_puts(f->out, "%!(BADPREC)");
        return;
    }
    if (!number(&f->at, f->end, &flags->precision))
        flags->precision = 0; // "%.d" is "%.0d"
    flags->precision_present = true;
}

static void bad(format *f, int32_t verb, const char *why)
{
    mcr_buf_puts(f->out, "%!");
    mcr_go_rune(f->out, verb);
    mcr_buf_puts(f->out, why);
}

// One "%…", `at` behind the percent sign.
static void directive(format *f)
{
    f->flags = (mcr_go_flags){ 0 };
    f->good_index = true;
    while (f->at < f->end && flag(&f->flags, *f->at))
        f->at++;
    index_of(f);
    width(f);
    precision(f);
    if (!f->after_index)
        index_of(f);
    if (f->at >= f->end) {
        mcr_buf_puts(f->out, "%!(NOVERB)");
        return;
    }
    size_t size;
    int32_t verb = mcr_utf8_rune(f->at, (size_t)(f->end - f->at), &size);
    f->at += size;
    if (verb == '%') {
        mcr_buf_putc(f->out, '%');
    } else if (!f->good_index) {
        bad(f, verb, "(BADINDEX)");
    } else if (f->next >= f->n) {
        bad(f, verb, "(MISSING)");
    } else {
        if (verb == 'v') {
            f->flags.sharp_v = f->flags.sharp;
            f->flags.sharp = f->flags.plus = false;
        }
        mcr_go_print_arg(f->out, &f->flags, &f->args[f->next++], verb);
    }
}

static void extra(format *f)
{
    static const mcr_go_flags none;
    mcr_buf_puts(f->out, "%!(EXTRA ");
    for (size_t i = f->next; i < f->n; i++) {
        mcr_buf_puts(f->out, i > f->next ? ", " : "");
        mcr_buf_puts(f->out, mcr_go_type_name(f->args[i].type));
        if (f->args[i].type == MCR_GO_NIL)
            continue;
        mcr_buf_putc(f->out, '=');
        mcr_go_print_arg(f->out, &none, &f->args[i], 'v');
    }
    mcr_buf_putc(f->out, ')');
}

void mcr_go_sprintf(mcr_buf *out, mcr_str text, const mcr_go_arg *args, size_t n)
{
    format f = { .out = out, .at = text.ptr, .end = text.ptr + text.len, .args = args, .n = n };
    while (f.at < f.end) {
        const char *percent = memchr(f.at, '%', (size_t)(f.end - f.at));
        const char *stop = percent ? percent : f.end;
        mcr_buf_append(out, f.at, (size_t)(stop - f.at));
        f.at = stop;
        if (percent) {
            f.at++;
            directive(&f);
        }
    }
    if (!f.reordered && f.next < n)
        extra(&f);
}
