#include "correlate/keys.h"

#define XXH_INLINE_ALL // a call costs as much as hashing a key
#include <xxhash.h>

// memcpy of a field: most are short, where the call costs more than the copy.
static inline char *put(char *to, const char *from, size_t n)
{
    if (n > 32) {
        memcpy(to, from, n);
    } else if (n >= 16) {
        memcpy(to, from, 16);
        memcpy(to + n - 16, from + n - 16, 16);
    } else if (n >= 8) {
        memcpy(to, from, 8);
        memcpy(to + n - 8, from + n - 8, 8);
    } else if (n >= 4) {
        memcpy(to, from, 4);
        memcpy(to + n - 4, from + n - 4, 4);
    } else {
        for (size_t i = 0; i < n; i++)
            to[i] = from[i];
    }
    return to + n;
}

// Fields with a separator between them, into room that holds them all.
static inline void join(mcr_buf *out, const mcr_str *fields, size_t n, char separator)
{
    size_t size = n;
    for (size_t i = 0; i < n; i++)
        size += fields[i].len;
    char *at = mcr_buf_reserve(out, size);
    for (size_t i = 0; i < n; i++) {
        if (separator && i)
            *at++ = separator;
        at = put(at, fields[i].ptr, fields[i].len);
    }
    out->len = (size_t)(at - out->ptr);
}

#define JOIN(out, separator, ...)                                                                  \
    join((out), (const mcr_str[]){ __VA_ARGS__ },                                                  \
         sizeof((const mcr_str[]){ __VA_ARGS__ }) / sizeof(mcr_str), (separator))

void mcr_key_spam(mcr_buf *out, const mcr_event *ev, char separator)
{
    const mcr_object_reference *object = &ev->involvedObject;
    JOIN(out, separator, ev->source.component, ev->source.host, object->kind, object->namespace,
         object->name, object->uid, object->apiVersion, ev->type);
}

void mcr_key_aggregate_rest(mcr_buf *out, const mcr_event *ev, char separator)
{
    if (separator)
        mcr_buf_putc(out, separator);
    JOIN(out, separator, ev->reason, ev->reportingComponent, ev->reportingInstance);
}

void mcr_key_event(mcr_buf *out, const mcr_event *ev, char separator)
{
    const mcr_object_reference *object = &ev->involvedObject;
    JOIN(out, separator, ev->source.component, ev->source.host, object->kind, object->namespace,
         object->name, object->fieldPath, object->uid, object->apiVersion, ev->type, ev->reason,
         ev->message);
}

mcr_key mcr_key_of(mcr_str bytes, uint32_t limit, mcr_buf *room)
{
    if (limit && bytes.len > limit) {
        XXH128_canonical_t whole;
        XXH128_canonicalFromHash(&whole, XXH3_128bits(bytes.ptr, bytes.len));
        room->len = 0;
        mcr_buf_append(room, bytes.ptr, limit - sizeof whole.digest);
        mcr_buf_append(room, whole.digest, sizeof whole.digest);
        bytes = mcr_buf_str(room);
    }
    return (mcr_key){ bytes, XXH3_64bits(bytes.ptr, bytes.len) };
}
