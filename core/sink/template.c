#include "sink/template.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "event/encode.h"
#include "sink/field.h"
#include "sink/template_filter.h"

enum {
    FILTERS_MAX = 16, // on one field
    STEPS_MAX = 32    // of one path
};

typedef struct applied_filter {
    const mcr_template_filter *filter;
    mcr_filter_argument argument;
} applied_filter;

// Some text, then a field or a literal; the last part has the text alone.
typedef struct part {
    mcr_buf text;
    mcr_field *field;
    char *literal;
    applied_filter filters[FILTERS_MAX];
    size_t n_filters;
    bool quoted; // the field stands in a JSON string
} part;

struct mcr_template {
    mcr_template_place place;
    part *parts;
    size_t n;
};

typedef struct parser {
    const char *text;
    const char *at;
    mcr_errbuf *err;
} parser;

static mcr_err fail(const parser *p, const char *where, const char *format, const char *argument)
{
    int line = 1, column = 1;
    for (const char *at = p->text; at < where; at++) {
        line += *at == '\n';
        column = *at == '\n' ? 1 : column + 1;
    }
    char message[sizeof p->err->text + 64];
    snprintf(message, sizeof message, format, argument);
    return mcr_errf(p->err, MCR_EINVAL, "%d:%d: %s", line, column, message);
}

static void skip_space(parser *p)
{
    while (isspace((unsigned char)*p->at))
        p->at++;
}

// A name at p->at, copied; NULL when there is none.
static char *read_name(parser *p)
{
    const char *from = p->at;
    if (!isalpha((unsigned char)*from) && *from != '_')
        return NULL;
    while (isalnum((unsigned char)*p->at) || *p->at == '_')
        p->at++;
    return strndup(from, (size_t)(p->at - from));
}

static mcr_err read_string(parser *p, char **out)
{
    const char *from = p->at;
    char quote = *p->at++;
    mcr_buf text = { 0 };
    for (; *p->at && *p->at != quote && *p->at != '\n'; p->at++) {
        char c = *p->at;
        if (c == '\\' && p->at[1]) {
            c = *++p->at;
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
        }
        mcr_buf_putc(&text, c);
    }
    if (*p->at != quote) {
        mcr_buf_fini(&text);
        char mark[2] = { quote, '\0' };
        return fail(p, from, "string without its closing %s", mark);
    }
    p->at++;
    mcr_buf_cstr(&text);
    *out = text.ptr;
    return MCR_OK;
}

// A step behind its "." or "[".
static mcr_err read_step(parser *p, mcr_path_step *step)
{
    *step = (mcr_path_step){ .name = NULL };
    if (*p->at == '.') {
        p->at++;
        step->name = read_name(p);
        return step->name ? MCR_OK : fail(p, p->at, "a field name is expected behind '%s'", ".");
    }
    p->at++;
    if (*p->at == '"' || *p->at == '\'') {
        mcr_err code = read_string(p, &step->name);
        if (code)
            return code;
    } else if (*p->at >= '1' && *p->at <= '9') {
        char *end;
        step->place = strtoul(p->at, &end, 10);
        p->at = end;
    } else {
        return fail(p, p->at, "a quoted key or a position from 1 on is expected behind '%s'", "[");
    }
    return *p->at++ == ']' ? MCR_OK : fail(p, p->at - 1, "'%s' is expected here", "]");
}

static mcr_err read_path(parser *p, part *to)
{
    const char *from = p->at;
    mcr_path_step *steps = mcr_zalloc(STEPS_MAX * sizeof *steps);
    size_t n = 0;
    mcr_err code = MCR_OK;
    steps[n].name = read_name(p);
    if (!steps[n++].name)
        code = fail(p, p->at, "%s", "a field name or a string is expected here");
    while (!code && (*p->at == '.' || *p->at == '[')) {
        if (n == STEPS_MAX)
            code = fail(p, p->at, "%s", "the path is too long");
        else
            code = read_step(p, &steps[n++]);
    }
    if (code) {
        for (size_t i = 0; i < n; i++)
            free(steps[i].name);
        free(steps);
        return code;
    }
    mcr_errbuf why;
    to->field = mcr_field_new_take(steps, n, &why);
    return to->field ? MCR_OK : fail(p, from, "%s", why.text);
}

static mcr_err read_filter(parser *p, part *to)
{
    skip_space(p);
    const char *from = p->at;
    char *name = read_name(p);
    if (!name)
        return fail(p, p->at, "the name of a filter is expected behind '%s'", "|");
    if (to->n_filters == FILTERS_MAX) {
        free(name);
        return fail(p, from, "%s", "too many filters");
    }
    applied_filter *use = &to->filters[to->n_filters++];
    mcr_errbuf why;
    use->filter = mcr_template_filter_find(name, &why);
    free(name);
    if (!use->filter)
        return fail(p, from, "%s", why.text);
    skip_space(p);
    mcr_err code = MCR_OK;
    if (*p->at == '"' || *p->at == '\'') {
        code = read_string(p, &use->argument.text);
    } else if (isdigit((unsigned char)*p->at)) {
        char *end;
        use->argument.number = strtoll(p->at, &end, 10);
        p->at = end;
    }
    if (!code && mcr_template_filter_check(use->filter, &use->argument, &why))
        code = fail(p, from, "%s", why.text);
    return code;
}

// What stands behind "{{", up to and with "}}".
static mcr_err read_expression(parser *p, part *to)
{
    const char *open = p->at - 2;
    skip_space(p);
    mcr_err code =
        *p->at == '"' || *p->at == '\'' ? read_string(p, &to->literal) : read_path(p, to);
    while (!code) {
        skip_space(p);
        if (strncmp(p->at, "}}", 2) == 0)
            break;
        if (*p->at == '|') {
            p->at++;
            code = read_filter(p, to);
        } else if (!*p->at) {
            code = fail(p, open, "%s", "'{{' without '}}'");
        } else {
            code = fail(p, p->at, "%s", "'|' or '}}' is expected here");
        }
    }
    p->at += code ? 0 : 2;
    return code;
}

// Whether the text, begun in a JSON string or not, ends in one.
static bool ends_quoted(bool quoted, mcr_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (quoted && text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '"')
            quoted = !quoted;
    }
    return quoted;
}

mcr_template *mcr_template_new(const char *text, mcr_template_place place, mcr_errbuf *err)
{
    mcr_template *t = mcr_zalloc(sizeof *t);
    t->place = place;
    parser p = { text, text, err };
    bool quoted = false;
    for (;;) {
        t->parts = mcr_realloc(t->parts, (t->n + 1) * sizeof *t->parts);
        part *to = &t->parts[t->n++];
        *to = (part){ .n_filters = 0 };
        const char *open = strstr(p.at, "{{");
        mcr_buf_append(&to->text, p.at, open ? (size_t)(open - p.at) : strlen(p.at));
        if (!open)
            return t;
        quoted = ends_quoted(quoted, mcr_buf_str(&to->text));
        to->quoted = quoted;
        p.at = open + 2;
        if (read_expression(&p, to)) {
            mcr_template_free(t);
            return NULL;
        }
    }
}

void mcr_template_free(mcr_template *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++) {
        part *one = &t->parts[i];
        mcr_buf_fini(&one->text);
        mcr_field_free(one->field);
        free(one->literal);
        for (size_t j = 0; j < one->n_filters; j++)
            free(one->filters[j].argument.text);
    }
    free(t->parts);
    free(t);
}

bool mcr_template_is_fixed(const mcr_template *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->parts[i].field)
            return false;
    return true;
}

static void write_url(mcr_buf *out, mcr_str text)
{
    static const char plain[] =
        "-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c && strchr(plain, c))
            mcr_buf_putc(out, (char)c);
        else
            mcr_buf_printf(out, "%%%02X", c);
    }
}

static void write_value(const mcr_template *t, const part *from, const mcr_field_value *value,
                        mcr_buf *out)
{
    mcr_str text = mcr_buf_str(&value->text);
    bool own_words = from->literal && !from->n_filters;
    if (own_words || t->place == MCR_TEMPLATE_TEXT) {
        mcr_buf_add(out, text);
    } else if (t->place == MCR_TEMPLATE_URL) {
        write_url(out, text);
    } else if (from->quoted) {
        mcr_buf escaped = { 0 };
        mcr_json_string(&escaped, text);
        mcr_buf_append(out, escaped.ptr + 1, escaped.len - 2);
        mcr_buf_fini(&escaped);
    } else {
        mcr_field_write_json(out, value);
    }
}

void mcr_template_write(const mcr_template *t, const mcr_event *ev, mcr_buf *out)
{
    mcr_field_value value = { 0 };
    for (size_t i = 0; i < t->n; i++) {
        const part *from = &t->parts[i];
        mcr_buf_add(out, mcr_buf_str(&from->text));
        if (from->field) {
            mcr_field_read(from->field, ev, &value);
        } else if (from->literal) {
            value.kind = MCR_FIELD_TEXT;
            value.text.len = 0;
            mcr_buf_puts(&value.text, from->literal);
        } else {
            continue;
        }
        for (size_t j = 0; j < from->n_filters; j++)
            mcr_template_filter_apply(from->filters[j].filter, &from->filters[j].argument, &value);
        write_value(t, from, &value, out);
    }
    mcr_buf_fini(&value.text);
}
