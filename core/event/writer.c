#include "event/writer.h"

#include <stdbool.h>
#include <stdint.h>

#include "event/encode.h"
#include "event/plain.h"
#include "event/scan_bytes.h"

void mcr_writer_more(mcr_writer *w, size_t n)
{
    mcr_writer_end(w);
    w->at = mcr_buf_reserve(w->out, n + MCR_WRITER_SLACK);
    w->end = w->out->ptr + w->out->cap;
}

char *mcr_put_i64(char *at, int64_t value)
{
    char digits[20];
    char *first = digits + sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--first = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        *at++ = '-';
    size_t n = (size_t)(digits + sizeof digits - first);
    memcpy(at, first, n);
    return at + n;
}

// is_separator tells whether U+2028 or U+2029 begins here.
static inline bool is_separator(const char *at, size_t n)
{
    return n >= 3 && memcmp(at, "\xe2\x80", 2) == 0 && ((unsigned char)at[2] & 0xfe) == 0xa8;
}

static void put_u(mcr_writer *w, unsigned code)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {
        '\\', 'u', hex[code >> 12 & 15], hex[code >> 8 & 15], hex[code >> 4 & 15], hex[code & 15]
    };
    memcpy(w->at, text, sizeof text);
    w->at += sizeof text;
}

// put_escaped writes what begins at `at` and is not plain, and returns how many bytes that were.
static size_t put_escaped(mcr_writer *w, const char *at, size_t n)
{
    unsigned char c = (unsigned char)*at;
    if (c >= 0x80) {
        unsigned len = (unsigned)mcr_utf8_len(at, at + n);
        if (!len) {
            MCR_PUT(w, "\\ufffd");
            return 1;
        }
        if (is_separator(at, n)) {
            put_u(w, 0x2000 | (at[2] & 0x3f));
        } else {
            memcpy(w->at, at, len);
            w->at += len;
        }
        return len;
    }
    static const char short_form[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                       ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\' };
    if (c < sizeof short_form && short_form[c]) {
        w->at[0] = '\\';
        w->at[1] = short_form[c];
        w->at += 2;
    } else {
        put_u(w, c);
    }
    return 1;
}

// put_mixed puts a string that is not all plain, behind its quote.
static __attribute__((noinline)) char *put_mixed(mcr_writer *w, char *to, mcr_str s)
{
    const char *at = s.ptr;
    size_t left = s.len;
    w->at = to;
    for (;;) {
        size_t n = mcr_plain_copy(w->at, at, left);
        w->at += n;
        at += n;
        left -= n;
        if (!left)
            break;
        do {
            size_t taken = put_escaped(w, at, left);
            at += taken;
            left -= taken;
            mcr_writer_room(w, left);
        } while (left && !mcr_is_plain(*at));
    }
    *w->at++ = '"';
    return w->at;
}

char *mcr_put_string(mcr_writer *w, char *at, mcr_str s)
{
    size_t n = s.len;
    if ((size_t)(w->end - at) < n + MCR_WRITER_SLACK) {
        w->at = at;
        mcr_writer_more(w, n);
        at = w->at;
    }
    *at++ = '"';
    if (n && !mcr_plain_copy_all(at, s.ptr, n))
        return put_mixed(w, at, s);
    at[n] = '"';
    return at + n + 1;
}

void mcr_writer_string(mcr_writer *w, mcr_str s)
{
    w->at = mcr_put_string(w, w->at, s);
}

void mcr_json_string(mcr_buf *out, mcr_str s)
{
    mcr_writer w;
    mcr_writer_begin(&w, out);
    mcr_writer_string(&w, s);
    mcr_writer_end(&w);
}

void mcr_writer_compact(mcr_writer *w, mcr_str json)
{
    bool in_string = false;
    const char *at = json.ptr;
    const char *end = at + json.len;
    mcr_writer_room(w, json.len);
    if (mcr_compact_len(at, json.len) == json.len) {
        mcr_writer_bytes(w, at, json.len);
        return;
    }
    while (at < end) {
        char c = *at;
        size_t taken = 1;
        if (c == '<' || c == '>' || c == '&') {
            put_u(w, (unsigned)c);
        } else if (c == '\xe2' && is_separator(at, (size_t)(end - at))) {
            taken = put_escaped(w, at, (size_t)(end - at));
        } else if (in_string || (c != ' ' && c != '\t' && c != '\n' && c != '\r')) {
            *w->at++ = c;
            if (c == '"') {
                in_string = !in_string;
            } else if (c == '\\' && end - at > 1) {
                *w->at++ = at[1];
                taken = 2;
            }
        }
        at += taken;
        mcr_writer_room(w, (size_t)(end - at));
    }
}
