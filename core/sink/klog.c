#include "sink/klog.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "sink/format.h"
#include "sink/go_quote.h"

static const int64_t SECOND = 1000000000;

// Where the six digits of the fraction are in "I1123 05:01:45.679721".
enum {
    FRACTION = 15
};

static void header_of_second(mcr_klog_header *h, int64_t second)
{
    time_t t = (time_t)second;
    struct tm tm;
    if (!localtime_r(&t, &tm))
        tm = (struct tm){ .tm_mday = 1 }; // a year past int: no clock says so, but no crash
    int len = snprintf(h->text, sizeof h->text, "I%02u%02u %02u:%02u:%02u.000000 %7ld %s] ",
                       (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100,
                       (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
                       (unsigned)tm.tm_sec % 100, (long)getpid(), MCR_KLOG_CALLER);
    h->len = (uint32_t)len;
    h->second = second;
}

void mcr_klog_header_write(mcr_buf *out, mcr_klog_header *h, char severity, int64_t now)
{
    int64_t second = now / SECOND - (now % SECOND < 0);
    if (h->second != second || h->len == 0)
        header_of_second(h, second);
    uint32_t micros = (uint32_t)((now - second * SECOND) / 1000);
    for (int digit = FRACTION + 5; digit >= FRACTION; digit--) {
        h->text[digit] = (char)('0' + micros % 10);
        micros /= 10;
    }
    h->text[0] = severity;
    mcr_buf_append(out, h->text, h->len);
}

static void quoted_field(mcr_buf *out, const char *name, mcr_str value)
{
    mcr_buf_puts(out, name);
    mcr_buf_puts(out, ":");
    mcr_go_quote(out, value);
}

void mcr_klog_plain(mcr_buf *out, const mcr_event *ev)
{
    const mcr_object_reference *object = &ev->involvedObject;
    quoted_field(out, "Event(v1.ObjectReference{Kind", object->kind);
    quoted_field(out, ", Namespace", object->namespace);
    quoted_field(out, ", Name", object->name);
    quoted_field(out, ", UID", object->uid);
    quoted_field(out, ", APIVersion", object->apiVersion);
    quoted_field(out, ", ResourceVersion", object->resourceVersion);
    quoted_field(out, ", FieldPath", object->fieldPath);
    mcr_buf_puts(out, "}): type: '");
    mcr_buf_add(out, ev->type);
    mcr_buf_puts(out, "' reason: '");
    mcr_buf_add(out, ev->reason);
    mcr_buf_puts(out, "' ");
    mcr_buf_add(out, ev->message);
}

// A value with line breaks: its lines behind tabs, not escaped, so that people can read it.
static void block(mcr_buf *out, mcr_str value)
{
    mcr_buf_puts(out, "<\n");
    const char *at = value.ptr, *end = at + value.len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        mcr_buf_putc(out, '\t');
        mcr_buf_append(out, at, (size_t)(stop - at));
        mcr_buf_putc(out, '\n');
        at = stop + 1;
    }
    mcr_buf_puts(out, " >");
}

void mcr_klog_value(mcr_buf *out, mcr_str value)
{
    if (value.len && memchr(value.ptr, '\n', value.len))
        block(out, value);
    else
        mcr_go_quote(out, value);
}

static inline void pair(mcr_buf *out, const char *key, size_t key_len, mcr_str value)
{
    mcr_buf_append(out, key, key_len);
    mcr_klog_value(out, value);
}

#define PAIR(out, key, value) pair(out, " " key "=", sizeof(" " key "=") - 1, value)

void mcr_klog_structured(mcr_buf *out, const mcr_event *ev)
{
    const mcr_object_reference *object = &ev->involvedObject;
    static const char begin[] = "\"Event occurred\" object=\"";
    mcr_buf_append(out, begin, sizeof begin - 1);
    // klog puts the reference between quotes without escaping it.
    if (object->namespace.len) {
        mcr_buf_add(out, object->namespace);
        mcr_buf_putc(out, '/');
    }
    mcr_buf_add(out, object->name);
    mcr_buf_putc(out, '"');
    PAIR(out, "fieldPath", object->fieldPath);
    PAIR(out, "kind", object->kind);
    PAIR(out, "apiVersion", object->apiVersion);
    PAIR(out, "type", ev->type);
    PAIR(out, "reason", ev->reason);
    PAIR(out, "message", ev->message);
    mcr_buf_putc(out, '\n');
}
