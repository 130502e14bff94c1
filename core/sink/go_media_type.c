#include "sink/go_media_type.h"

#include <string.h>

// One parameter; the value as it means, without quotes.
typedef struct parameter {
    mcr_str key;
    mcr_buf value;
} parameter;

static mcr_str from(mcr_str s, size_t n)
{
    return mcr_str_n(s.ptr + n, s.len - n);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static mcr_str without_space(mcr_str s)
{
    size_t n = 0;
    while (n < s.len && is_space(s.ptr[n]))
        n++;
    return from(s, n);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static size_t token_length(mcr_str s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] > ' ' && s.ptr[n] < 0x7f && !strchr("()<>@,;:\\\"/[]?=", s.ptr[n]))
        n++;
    return n;
}

// How many bytes the quoted string takes; 0: it has no end, or a line end inside.
static size_t quoted(mcr_str s, mcr_buf *value)
{
    for (size_t i = 1; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '"')
            return i + 1;
        // Only what needs it is escaped: browsers send paths of Windows as they are.
        if (c == '\\' && i + 1 < s.len && strchr("()<>@,;:\\\"/[]?=", s.ptr[i + 1]) && s.ptr[i + 1])
            c = s.ptr[++i];
        else if (c == '\r' || c == '\n')
            return 0;
        mcr_buf_putc(value, c);
    }
    return 0;
}

// Reads "; key=value" at the start of `s`, and goes behind it. False: that is not there.
static bool read_parameter(mcr_str *s, parameter *p)
{
    mcr_str rest = without_space(*s);
    if (!rest.len || rest.ptr[0] != ';')
        return false;
    rest = without_space(from(rest, 1));
    size_t n = token_length(rest);
    p->key = mcr_str_n(rest.ptr, n);
    rest = without_space(from(rest, n));
    if (!n || !rest.len || rest.ptr[0] != '=')
        return false;
    rest = without_space(from(rest, 1));
    p->value.len = 0;
    if (rest.len && rest.ptr[0] == '"') {
        n = quoted(rest, &p->value);
    } else {
        n = token_length(rest);
        mcr_buf_append(&p->value, rest.ptr, n);
    }
    *s = from(rest, n);
    return n > 0;
}

static bool same_key(mcr_str a, mcr_str b)
{
    if (a.len != b.len)
        return false;
    for (uint32_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

// The same name may be there twice, with one value.
static bool contradicted(mcr_str parameters, const parameter *p)
{
    parameter earlier = { 0 };
    bool found = false;
    while (!found && read_parameter(&parameters, &earlier) && earlier.key.ptr != p->key.ptr)
        found = same_key(earlier.key, p->key) &&
                !mcr_str_eq(mcr_buf_str(&earlier.value), mcr_buf_str(&p->value));
    mcr_buf_fini(&earlier.value);
    return found;
}

static const char *check_parameters(mcr_str parameters)
{
    const char *why = NULL;
    parameter p = { 0 };
    mcr_str rest = without_space(parameters);
    while (!why && rest.len) {
        mcr_str before = rest;
        if (!read_parameter(&rest, &p)) {
            // A semicolon at the end is let through.
            if (before.ptr[0] != ';' || without_space(from(before, 1)).len)
                why = "mime: invalid media parameter";
            break;
        }
        if (contradicted(parameters, &p))
            why = "mime: duplicate parameter name";
        rest = without_space(rest);
    }
    mcr_buf_fini(&p.value);
    return why;
}

static const char *check_type(mcr_str type)
{
    size_t n = token_length(type);
    if (!n)
        return "mime: no media type";
    if (n == type.len)
        return NULL;
    if (type.ptr[n] != '/')
        return "mime: expected slash after first token";
    mcr_str rest = from(type, n + 1);
    n = token_length(rest);
    if (!n)
        return "mime: expected token after slash";
    return n < rest.len ? "mime: unexpected content after media subtype" : NULL;
}

bool mcr_go_media_type(mcr_buf *out, mcr_str header, const char **why)
{
    const char *semicolon = header.len ? memchr(header.ptr, ';', header.len) : NULL;
    size_t end = semicolon ? (size_t)(semicolon - header.ptr) : header.len;
    mcr_str type = without_space(mcr_str_n(header.ptr, end));
    while (type.len && is_space(type.ptr[type.len - 1]))
        type.len--;
    *why = check_type(type);
    if (!*why)
        *why = check_parameters(from(header, end));
    if (*why)
        return false;
    for (uint32_t i = 0; i < type.len; i++)
        mcr_buf_putc(out, lower(type.ptr[i]));
    return true;
}
