#include "sink/go_quote.h"

#include "sink/format.h"
#include "sink/go_print.h"

enum {
    GO_PRINT_EDGES = sizeof go_print_edges / sizeof go_print_edges[0],
    MAX_ESCAPE = 10 // \U0010ffff
};

int32_t mcr_utf8_rune(const char *bytes, size_t len, size_t *width)
{
    const unsigned char *b = (const unsigned char *)bytes;
    *width = 1;
    if (b[0] < 0x80)
        return b[0];
    if (b[0] < 0xc2 || b[0] > 0xf4)
        return -1;
    size_t need = b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
    if (len < need)
        return -1;
    int32_t rune = b[0] & (0x7f >> need);
    for (size_t i = 1; i < need; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return -1;
        rune = rune << 6 | (b[i] & 0x3f);
    }
    static const int32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    if (rune < least[need] || (rune >= 0xd800 && rune <= 0xdfff) || rune > 0x10ffff)
        return -1;
    *width = need;
    return rune;
}

static bool is_print(int32_t rune)
{
    if (rune < 0x80)
        return rune >= ' ' && rune != 0x7f;
    size_t low = 0, high = GO_PRINT_EDGES;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (go_print_edges[middle] <= (uint32_t)rune)
            low = middle + 1;
        else
            high = middle;
    }
    return low % 2 == 1;
}

static bool is_plain(unsigned char c)
{
    return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

// Eight bytes at a time: whether any of them is a control character, DEL, not ASCII, a quote or a
// backslash. The usual "has a zero byte" arithmetic, exact as long as only any-or-none is asked.
static bool all_plain(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    uint64_t quote = v ^ ones * '"', backslash = v ^ ones * '\\', del = v ^ ones * 0x7f;
    uint64_t odd = v | ((v - ones * ' ') & ~v) | ((quote - ones) & ~quote) |
                   ((backslash - ones) & ~backslash) | ((del - ones) & ~del);
    return (odd & tops) == 0;
}

// How many bytes at the start of `s` go out as they are.
static size_t plain_run(const char *s, size_t len)
{
    size_t n = 0;
    for (; len - n >= 8; n += 8) {
        uint64_t v;
        memcpy(&v, s + n, sizeof v);
        if (!all_plain(v))
            break;
    }
    while (n < len && is_plain((unsigned char)s[n]))
        n++;
    return n;
}

static char *put_hex(char *at, uint32_t value, int digits)
{
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4)
        *at++ = "0123456789abcdef"[value >> shift & 15];
    return at;
}

static char *put_escape(char *at, int32_t rune)
{
    static const char letters[] = "abtnvfr"; // \a is 7, \r is 13
    *at++ = '\\';
    if (rune >= 7 && rune <= 13) {
        *at++ = letters[rune - 7];
        return at;
    }
    if (rune < ' ' || rune == 0x7f) {
        *at++ = 'x';
        return put_hex(at, (uint32_t)rune, 2);
    }
    *at++ = rune < 0x10000 ? 'u' : 'U';
    return put_hex(at, (uint32_t)rune, rune < 0x10000 ? 4 : 8);
}

void mcr_go_escape(mcr_buf *out, mcr_str s, bool quotes)
{
    const char *from = s.ptr;
    size_t len = s.len;
    while (len > 0) {
        size_t run = plain_run(from, len);
        mcr_buf_append(out, from, run);
        from += run;
        len -= run;
        if (len == 0)
            break;
        size_t width;
        int32_t rune = mcr_utf8_rune(from, len, &width);
        char *begin = mcr_buf_reserve(out, MAX_ESCAPE), *at = begin;
        if (rune < 0) {
            *at++ = '\\';
            *at++ = 'x';
            at = put_hex(at, (unsigned char)*from, 2);
        } else if (is_print(rune)) {
            if (quotes && (rune == '"' || rune == '\\'))
                *at++ = '\\';
            memcpy(at, from, width);
            at += width;
        } else {
            at = put_escape(at, rune);
        }
        out->len += (size_t)(at - begin);
        from += width;
        len -= width;
    }
}

void mcr_go_quote(mcr_buf *out, mcr_str s)
{
    mcr_buf_putc(out, '"');
    mcr_go_escape(out, s, true);
    mcr_buf_putc(out, '"');
}
