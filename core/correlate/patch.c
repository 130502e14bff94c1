#include "correlate/patch.h"

#include "event/encode.h"
#include "event/time.h"

// Go encodes the event, decodes it and encodes the difference: what was no UTF-8 is then U+FFFD as
// any other character, and no longer an escape.
static void unescape_replacements(mcr_buf *out, size_t from)
{
    static const char escape[] = "\\ufffd", replacement[] = "\xef\xbf\xbd";
    if (!memmem(out->ptr + from, out->len - from, escape, sizeof escape - 1))
        return;
    const char *at = out->ptr + from, *end = out->ptr + out->len;
    char *to = out->ptr + from;
    while (at < end) {
        if ((size_t)(end - at) >= sizeof escape - 1 && memcmp(at, escape, sizeof escape - 1) == 0) {
            memcpy(to, replacement, sizeof replacement - 1);
            to += sizeof replacement - 1;
            at += sizeof escape - 1;
            continue;
        }
        if (*at == '\\')
            *to++ = *at++;
        *to++ = *at++;
    }
    out->len = (size_t)(to - out->ptr);
}

void mcr_count_patch(mcr_buf *out, const mcr_event *ev)
{
    const mcr_time *last = &ev->lastTimestamp;
    const char *before = "{";
    if (ev->count) {
        mcr_buf_puts(out, "{\"count\":");
        mcr_buf_i64(out, ev->count);
        before = ",";
    }
    // Whole seconds are compared.
    if (!last->set || last->sec != 0) {
        mcr_buf_puts(out, before);
        mcr_buf_puts(out, "\"lastTimestamp\":");
        mcr_time_write(out, last);
        before = ",";
    }
    if (ev->message.len) {
        mcr_buf_puts(out, before);
        mcr_buf_puts(out, "\"message\":");
        size_t from = out->len;
        mcr_json_string(out, ev->message);
        unescape_replacements(out, from);
        before = ",";
    }
    mcr_buf_puts(out, *before == '{' ? "{}" : "}");
}
