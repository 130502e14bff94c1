#include "event/scan.h"

#include "event/scan_bytes.h"

void mcr_scan_init(mcr_scan *s, mcr_str text, bool lenient)
{
    *s = (mcr_scan){ text.ptr, text.ptr + text.len, text.ptr, NULL, lenient };
}

bool mcr_scan_fail(mcr_scan *s, const char *why)
{
    if (!s->why)
        s->why = s->at >= s->end ? "unexpected end" : why;
    return false;
}

char mcr_scan_space(mcr_scan *s)
{
    return mcr_scan_next(s);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static int hex4(const char *at)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static void put_utf8(mcr_buf *out, unsigned c)
{
    char b[4];
    size_t n = 0;
    if (c < 0x80) {
        b[n++] = (char)c;
    } else if (c < 0x800) {
        b[n++] = (char)(0xc0 | c >> 6);
        b[n++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        b[n++] = (char)(0xe0 | c >> 12);
        b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        b[n++] = (char)(0x80 | (c & 0x3f));
    } else {
        b[n++] = (char)(0xf0 | c >> 18);
        b[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        b[n++] = (char)(0x80 | (c & 0x3f));
    }
    mcr_buf_append(out, b, n);
}

// Tells whether the text ends inside what may become the low half of a surrogate pair.
static bool is_cut_escape(const mcr_scan *s)
{
    static const char form[] = "\\u";
    size_t left = (size_t)(s->end - s->at), i = 0;
    while (i < left && (i < 2 ? s->at[i] == form[i] : hex_digit(s->at[i]) >= 0))
        i++;
    return left < 6 && i == left;
}

// Reads \uXXXX, and the second half of a surrogate pair; s->at is behind the first `\u`.
static bool scan_unicode(mcr_scan *s, unsigned *c)
{
    const char *escape = s->at - 2;
    int high = s->end - s->at >= 4 ? hex4(s->at) : -1;
    if (high < 0) {
        while (s->at < s->end && hex_digit(*s->at) >= 0)
            s->at++;
        return mcr_scan_fail(s, "expected four hexadecimal digits after \\u");
    }
    s->at += 4;
    *c = (unsigned)high;
    if (high < 0xd800 || high > 0xdfff)
        return true;
    if (high < 0xdc00 && s->end - s->at >= 6 && s->at[0] == '\\' && s->at[1] == 'u') {
        int low = hex4(s->at + 2);
        if (low >= 0xdc00 && low <= 0xdfff) {
            s->at += 6;
            *c = 0x10000 + (((unsigned)high - 0xd800) << 10) + ((unsigned)low - 0xdc00);
            return true;
        }
    }
    if (s->lenient) {
        *c = 0xfffd;
        return true;
    }
    s->at = high < 0xdc00 && is_cut_escape(s) ? s->end : escape;
    return mcr_scan_fail(s, "a lone surrogate");
}

// Reads one escape; s->at is at its backslash.
static bool scan_escape(mcr_scan *s, unsigned *c)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    s->at++;
    if (s->at < s->end && *s->at == 'u') {
        s->at++;
        return scan_unicode(s, c);
    }
    const char *name = s->at < s->end && *s->at ? strchr(names, *s->at) : NULL;
    if (!name)
        return mcr_scan_fail(s, "a bad escape");
    *c = (unsigned char)values[name - names];
    s->at++;
    return true;
}

// A byte that stops mcr_scan_plain and is neither quote nor escape nor valid UTF-8.
static bool scan_bad_byte(mcr_scan *s)
{
    if (s->at >= s->end)
        return mcr_scan_fail(s, "unexpected end");
    if (*s->at == 0)
        return mcr_scan_fail(s, "a NUL byte");
    if ((unsigned char)*s->at < 0x20)
        return mcr_scan_fail(s, "a control character in a string");
    // Half a character at the end of the text.
    unsigned char lead = (unsigned char)*s->at;
    ptrdiff_t need = lead < 0xc2 || lead > 0xf4 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const char *at = s->at + 1;
    while (at < s->end && (*at & 0xc0) == 0x80)
        at++;
    if (at == s->end && at - s->at < need)
        s->at = at;
    return mcr_scan_fail(s, "invalid UTF-8");
}

// Reads a string to its end, into `scratch` when there is one. s->at is behind the quote.
static bool scan_long(mcr_scan *s, mcr_buf *scratch)
{
    for (;;) {
        const char *at = mcr_scan_plain(s->at);
        if (scratch)
            mcr_buf_append(scratch, s->at, (size_t)(at - s->at));
        s->at = at;
        if (at >= s->end)
            return scan_bad_byte(s);
        if (*at == '"') {
            s->at++;
            return true;
        }
        unsigned c = 0xfffd;
        if (*at == '\\') {
            if (!scan_escape(s, &c))
                return false;
            if (scratch)
                put_utf8(scratch, c);
            continue;
        }
        int n = (unsigned char)*at >= 0x80 ? mcr_utf8_len(at, s->end) : -1;
        if (n < 0 || (n == 0 && !s->lenient))
            return scan_bad_byte(s);
        if (scratch && n)
            mcr_buf_append(scratch, at, (size_t)n);
        else if (scratch)
            put_utf8(scratch, 0xfffd);
        s->at += n ? n : 1;
    }
}

bool mcr_scan_string(mcr_scan *s, mcr_buf *scratch, mcr_str *out)
{
    if (s->at >= s->end || *s->at != '"')
        return mcr_scan_fail(s, "expected a string");
    if (mcr_scan_text(s, out))
        return true;
    s->at++;
    size_t from = scratch->len;
    if (!scan_long(s, scratch))
        return false;
    *out = mcr_str_n(scratch->ptr + from, scratch->len - from);
    return true;
}

static bool skip_string(mcr_scan *s)
{
    mcr_str ignored;
    if (mcr_scan_text(s, &ignored))
        return true;
    s->at++;
    return scan_long(s, NULL);
}

static bool skip_digits(mcr_scan *s)
{
    if (*s->at < '0' || *s->at > '9')
        return mcr_scan_fail(s, "a bad number");
    while (*s->at >= '0' && *s->at <= '9')
        s->at++;
    return true;
}

static bool skip_number(mcr_scan *s)
{
    if (*s->at == '-')
        s->at++;
    if (*s->at == '0')
        s->at++;
    else if (!skip_digits(s))
        return false;
    if (*s->at == '.') {
        s->at++;
        if (!skip_digits(s))
            return false;
    }
    if (*s->at == 'e' || *s->at == 'E') {
        s->at++;
        if (*s->at == '+' || *s->at == '-')
            s->at++;
        if (!skip_digits(s))
            return false;
    }
    return true;
}

static bool skip_word(mcr_scan *s, const char *word)
{
    for (; *word; word++, s->at++)
        if (s->at >= s->end || *s->at != *word)
            return mcr_scan_fail(s, "expected a value");
    return true;
}

static bool skip_scalar(mcr_scan *s, char c)
{
    switch (c) {
    case '"':
        return skip_string(s);
    case 't':
        return skip_word(s, "true");
    case 'f':
        return skip_word(s, "false");
    case 'n':
        return skip_word(s, "null");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return skip_number(s);
    default:
        return mcr_scan_fail(s, c ? "expected a value" : "a NUL byte");
    }
}

static bool skip_key(mcr_scan *s)
{
    if (mcr_scan_next(s) != '"')
        return mcr_scan_fail(s, "expected a field name");
    if (!skip_string(s))
        return false;
    if (mcr_scan_next(s) != ':')
        return mcr_scan_fail(s, "expected ':'");
    s->at++;
    return true;
}

bool mcr_scan_value(mcr_scan *s, mcr_str *text)
{
    uint64_t is_object[MCR_SCAN_DEPTH / 64 + 1];
    unsigned depth = 0;
    char c = mcr_scan_next(s);
    const char *from = s->at;
    for (;; c = mcr_scan_next(s)) {
        if (c == '{' || c == '[') {
            if (depth == MCR_SCAN_DEPTH)
                return mcr_scan_fail(s, "nested deeper than 1000");
            if (depth % 64 == 0)
                is_object[depth / 64] = 0;
            uint64_t bit = UINT64_C(1) << depth % 64;
            if (c == '{')
                is_object[depth / 64] |= bit;
            else
                is_object[depth / 64] &= ~bit;
            depth++;
            s->at++;
            char next = mcr_scan_next(s);
            if (next != (c == '{' ? '}' : ']')) {
                if (c == '{' && !skip_key(s))
                    return false;
                continue;
            }
            s->at++;
            depth--;
        } else if (!skip_scalar(s, c)) {
            return false;
        }
        // A value has ended: close what ends with it.
        for (;;) {
            if (depth == 0) {
                *text = mcr_str_n(from, (size_t)(s->at - from));
                return true;
            }
            bool object = is_object[(depth - 1) / 64] >> (depth - 1) % 64 & 1;
            char next = mcr_scan_next(s);
            if (next == ',') {
                s->at++;
                if (object && !skip_key(s))
                    return false;
                break;
            }
            if (next != (object ? '}' : ']'))
                return mcr_scan_fail(s, object ? "expected ',' or '}'" : "expected ',' or ']'");
            s->at++;
            depth--;
        }
    }
}

// What takes up a token's place: white space between two such bytes keeps the tokens apart.
static bool is_word_byte(char c)
{
    return !strchr("{}[],:\"", c) || c == 0;
}

size_t mcr_json_compact_until(char *to, mcr_str text, size_t most, size_t *len)
{
    char *begin = to;
    const char *at = text.ptr, *end = at + text.len;
    bool string = false;
    while (at < end) {
        const char *from = at;
        if (!string && mcr_is_space(*at)) {
            while (at < end && mcr_is_space(*at))
                at++;
            bool between = to > begin && at < end && is_word_byte(to[-1]) && is_word_byte(*at);
            if (!between)
                continue;
            at--; // one of them stays
        }
        if ((size_t)(to - begin) >= most)
            return (size_t)(from - text.ptr);
        char c = *to++ = *at++;
        if (c == '"')
            string = !string;
        else if (c == '\\' && string && at < end && (size_t)(to - begin) < most)
            *to++ = *at++;
        if (!string)
            continue;
        // The run of bytes that mean nothing.
        size_t run = 0, room = most - (size_t)(to - begin);
        while (run < room && at + run < end && at[run] != '"' && at[run] != '\\')
            run++;
        memcpy(to, at, run);
        to += run;
        at += run;
    }
    *len = (size_t)(to - begin);
    return text.len;
}

void mcr_json_compact(mcr_buf *out, mcr_str text)
{
    size_t len = 0;
    mcr_json_compact_until(mcr_buf_reserve(out, text.len), text, SIZE_MAX, &len);
    out->len += len;
}
