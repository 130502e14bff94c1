#include "sink/template_filter.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/suggest.h"
#include "event/encode.h"
#include "event/time.h"

typedef enum argument_type {
    TAKES_NOTHING,
    TAKES_NUMBER,
    TAKES_STRING
} argument_type;

struct mcr_template_filter {
    const char *name;
    void (*apply)(mcr_field_value *value, const mcr_filter_argument *argument);
    argument_type takes;
    const char *wanted; // what the argument must be
};

static void set_text(mcr_field_value *value, mcr_buf text)
{
    mcr_buf_fini(&value->text);
    value->text = text;
    value->kind = MCR_FIELD_TEXT;
}

static void upper(mcr_field_value *value, const mcr_filter_argument *argument)
{
    (void)argument;
    for (size_t i = 0; i < value->text.len; i++)
        if (value->text.ptr[i] >= 'a' && value->text.ptr[i] <= 'z')
            value->text.ptr[i] -= 'a' - 'A';
    value->kind = MCR_FIELD_TEXT;
}

static void lower(mcr_field_value *value, const mcr_filter_argument *argument)
{
    (void)argument;
    for (size_t i = 0; i < value->text.len; i++)
        if (value->text.ptr[i] >= 'A' && value->text.ptr[i] <= 'Z')
            value->text.ptr[i] += 'a' - 'A';
    value->kind = MCR_FIELD_TEXT;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void trim(mcr_field_value *value, const mcr_filter_argument *argument)
{
    (void)argument;
    mcr_buf *text = &value->text;
    size_t from = 0;
    while (text->len && is_space(text->ptr[text->len - 1]))
        text->len--;
    while (from < text->len && is_space(text->ptr[from]))
        from++;
    text->len -= from;
    if (from)
        memmove(text->ptr, text->ptr + from, text->len);
    value->kind = MCR_FIELD_TEXT;
}

// White space with a line end in it becomes one space.
static void oneline(mcr_field_value *value, const mcr_filter_argument *argument)
{
    (void)argument;
    mcr_buf out = { 0 };
    const char *at = value->text.ptr, *end = at ? at + value->text.len : at;
    while (at < end) {
        const char *stop = at;
        bool line_end = false;
        for (; stop < end && is_space(*stop); stop++)
            line_end = line_end || *stop == '\n' || *stop == '\r';
        if (line_end)
            mcr_buf_putc(&out, ' ');
        else
            mcr_buf_append(&out, at, (size_t)(stop - at));
        if (stop == at)
            mcr_buf_putc(&out, *stop++);
        at = stop;
    }
    set_text(value, out);
}

static bool begins_character(char c)
{
    return (c & 0xC0) != 0x80;
}

// Where the first `n` characters end.
static size_t end_of(const mcr_buf *text, int64_t n)
{
    size_t i = 0;
    for (; i < text->len; i++)
        if (begins_character(text->ptr[i]) && n-- == 0)
            break;
    return i;
}

static void truncate_text(mcr_field_value *value, const mcr_filter_argument *argument)
{
    value->kind = MCR_FIELD_TEXT;
    if (end_of(&value->text, argument->number) == value->text.len)
        return;
    value->text.len = end_of(&value->text, argument->number - 1);
    mcr_buf_puts(&value->text, "…");
}

static void pad(mcr_field_value *value, const mcr_filter_argument *argument)
{
    int64_t missing = argument->number;
    for (size_t i = 0; i < value->text.len; i++)
        missing -= begins_character(value->text.ptr[i]);
    for (; missing > 0; missing--)
        mcr_buf_putc(&value->text, ' ');
    value->kind = MCR_FIELD_TEXT;
}

static void use_default(mcr_field_value *value, const mcr_filter_argument *argument)
{
    if (value->kind != MCR_FIELD_ABSENT && (value->kind != MCR_FIELD_TEXT || value->text.len))
        return;
    value->text.len = 0;
    mcr_buf_puts(&value->text, argument->text);
    value->kind = MCR_FIELD_TEXT;
}

// What is no time stays as it is, to be seen.
static void date(mcr_field_value *value, const mcr_filter_argument *argument)
{
    mcr_time parsed;
    time_t seconds;
    char text[256];
    if (value->kind == MCR_FIELD_NUMBER) {
        double number = strtod(mcr_buf_cstr(&value->text), NULL);
        if (number == 0 || !(fabs(number) < 1e15)) {
            value->text.len = number == 0 ? 0 : value->text.len;
            value->kind = MCR_FIELD_TEXT;
            return;
        }
        seconds = (time_t)floor(number);
    } else if (value->kind == MCR_FIELD_TEXT &&
               mcr_time_parse(mcr_buf_str(&value->text), &parsed)) {
        seconds = parsed.sec;
    } else {
        return;
    }
    struct tm tm;
    gmtime_r(&seconds, &tm);
    value->kind = MCR_FIELD_TEXT;
    value->text.len = 0;
    mcr_buf_append(&value->text, text, strftime(text, sizeof text, argument->text, &tm));
}

void mcr_field_write_json(mcr_buf *out, const mcr_field_value *value)
{
    if (value->kind == MCR_FIELD_ABSENT)
        mcr_buf_puts(out, "null");
    else if (value->kind == MCR_FIELD_TEXT)
        mcr_json_string(out, mcr_buf_str(&value->text));
    else
        mcr_buf_add(out, mcr_buf_str(&value->text));
}

static void json(mcr_field_value *value, const mcr_filter_argument *argument)
{
    (void)argument;
    mcr_buf out = { 0 };
    mcr_field_write_json(&out, value);
    set_text(value, out);
    value->kind = MCR_FIELD_JSON;
}

static const mcr_template_filter filters[] = {
    { "date", date, TAKES_STRING, "a strftime format" },
    { "default", use_default, TAKES_STRING, "a string" },
    { "json", json, TAKES_NOTHING, NULL },
    { "lower", lower, TAKES_NOTHING, NULL },
    { "oneline", oneline, TAKES_NOTHING, NULL },
    { "pad", pad, TAKES_NUMBER, "a number of characters" },
    { "trim", trim, TAKES_NOTHING, NULL },
    { "truncate", truncate_text, TAKES_NUMBER, "a number of characters" },
    { "upper", upper, TAKES_NOTHING, NULL },
};

enum {
    FILTERS = sizeof filters / sizeof *filters
};

const mcr_template_filter *mcr_template_filter_find(const char *name, mcr_errbuf *err)
{
    const char *names[FILTERS];
    for (size_t i = 0; i < FILTERS; i++) {
        names[i] = filters[i].name;
        if (strcmp(name, names[i]) == 0)
            return &filters[i];
    }
    const char *meant = mcr_suggest(name, names, FILTERS);
    mcr_errf(err, MCR_EINVAL,
             "unknown filter '%s'%s%s%s (known: date, default, json, lower, oneline, pad, trim, "
             "truncate, upper)",
             name, meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
    return NULL;
}

mcr_err mcr_template_filter_check(const mcr_template_filter *filter,
                                  const mcr_filter_argument *argument, mcr_errbuf *err)
{
    bool given = argument->text || argument->number;
    if (filter->takes == TAKES_NOTHING)
        return given ? mcr_errf(err, MCR_EINVAL, "filter %s takes no argument", filter->name)
                     : MCR_OK;
    bool fits = filter->takes == TAKES_NUMBER ? argument->number > 0 && argument->number < 1000000
                                              : argument->text != NULL;
    return fits ? MCR_OK
                : mcr_errf(err, MCR_EINVAL, "filter %s takes %s", filter->name, filter->wanted);
}

void mcr_template_filter_apply(const mcr_template_filter *filter,
                               const mcr_filter_argument *argument, mcr_field_value *value)
{
    filter->apply(value, argument);
}
