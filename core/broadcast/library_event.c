// mooncrier.h: events as C programs see them, by path instead of by struct, so that the struct may
// change without them.

#include "mooncrier.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "event/decode.h"
#include "event/encode.h"
#include "event/event.h"
#include "event/time.h"

static const char *unlike_an_event(mcr_decoded kind)
{
    switch (kind) {
    case MCR_DECODED_CONTROL:
        return "a bookmark or error of a watch, no event";
    case MCR_DECODED_LIST:
        return "a list, not one event";
    case MCR_DECODED_INCOMPLETE:
        return "the text ends inside the event";
    default:
        return NULL;
    }
}

mcr_event *mcr_event_parse(const char *json, size_t len, mcr_errbuf *err)
{
    if (len > UINT32_MAX / 2) {
        mcr_errf(err, MCR_EINVAL, "%zu bytes are too many for an event", len);
        return NULL;
    }
    mcr_event *ev = NULL;
    mcr_decode_error error = { 0 };
    mcr_decoder *decoder = mcr_decoder_new();
    mcr_decoded kind = mcr_decode(decoder, mcr_str_n(json, len), 0, &ev, &error);
    mcr_decoder_free(decoder);
    if (kind == MCR_DECODED_EVENT)
        return ev;
    const char *unlike = unlike_an_event(kind);
    if (unlike)
        mcr_errf(err, MCR_EINVAL, "%s", unlike);
    else
        mcr_errf(err, MCR_EINVAL, "byte %zu: %s", error.offset, error.text);
    return NULL;
}

#define STRING(path, member)                                                                       \
    {                                                                                              \
        path, offsetof(mcr_event, member)                                                          \
    }

static const struct {
    const char *path;
    size_t at; // of an mcr_str
} strings[] = {
    STRING("type", type),
    STRING("reason", reason),
    STRING("message", message),
    STRING("action", action),
    STRING("reportingComponent", reportingComponent),
    STRING("reportingInstance", reportingInstance),
    STRING("firstTimestamp", firstTimestamp.text),
    STRING("lastTimestamp", lastTimestamp.text),
    STRING("eventTime", eventTime.text),
    STRING("series.lastObservedTime", series.lastObservedTime.text),
    STRING("source.component", source.component),
    STRING("source.host", source.host),
    STRING("involvedObject.kind", involvedObject.kind),
    STRING("involvedObject.namespace", involvedObject.namespace),
    STRING("involvedObject.name", involvedObject.name),
    STRING("involvedObject.uid", involvedObject.uid),
    STRING("involvedObject.apiVersion", involvedObject.apiVersion),
    STRING("involvedObject.resourceVersion", involvedObject.resourceVersion),
    STRING("involvedObject.fieldPath", involvedObject.fieldPath),
    STRING("related.kind", related.kind),
    STRING("related.namespace", related.namespace),
    STRING("related.name", related.name),
    STRING("related.uid", related.uid),
    STRING("related.apiVersion", related.apiVersion),
    STRING("related.resourceVersion", related.resourceVersion),
    STRING("related.fieldPath", related.fieldPath),
    STRING("metadata.name", metadata.name),
    STRING("metadata.generateName", metadata.generateName),
    STRING("metadata.namespace", metadata.namespace),
    STRING("metadata.uid", metadata.uid),
    STRING("metadata.resourceVersion", metadata.resourceVersion),
    STRING("metadata.selfLink", metadata.selfLink),
    STRING("metadata.creationTimestamp", metadata.creationTimestamp.text),
    STRING("metadata.deletionTimestamp", metadata.deletionTimestamp.text),
};

static bool pair(const mcr_pairs *pairs, const char *prefix, const char *path, mcr_str *out)
{
    size_t len = strlen(prefix);
    if (strncmp(path, prefix, len) != 0)
        return false;
    const mcr_str *value = mcr_pairs_get(pairs, mcr_str_of(path + len));
    *out = value ? *value : MCR_STR("");
    return true;
}

static bool string_at(const mcr_event *ev, const char *path, mcr_str *out)
{
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        if (strcmp(strings[i].path, path) == 0) {
            *out = *(const mcr_str *)(const void *)((const char *)ev + strings[i].at);
            return true;
        }
    }
    return pair(&ev->metadata.labels, "metadata.labels.", path, out) ||
           pair(&ev->metadata.annotations, "metadata.annotations.", path, out);
}

const char *mcr_event_field(const mcr_event *ev, const char *path, size_t *len)
{
    mcr_str value;
    *len = 0;
    if (!string_at(ev, path, &value))
        return NULL;
    *len = value.len;
    return value.len ? value.ptr : "";
}

bool mcr_event_is(const mcr_event *ev, const char *path, const char *text)
{
    mcr_str value;
    return string_at(ev, path, &value) && mcr_str_is(value, text);
}

bool mcr_event_number(const mcr_event *ev, const char *path, int64_t *value)
{
    if (strcmp(path, "count") == 0)
        *value = ev->count;
    else if (strcmp(path, "series.count") == 0)
        *value = ev->series.count;
    else if (strcmp(path, "metadata.generation") == 0)
        *value = ev->metadata.generation;
    else
        return false;
    return true;
}

int64_t mcr_event_unix_ns(const mcr_event *ev)
{
    const mcr_time *time = mcr_event_time(ev);
    return time ? mcr_time_ns(time) : 0;
}

char *mcr_event_json(const mcr_event *ev, size_t *len)
{
    mcr_buf out = { 0 };
    mcr_event_write(&out, ev);
    mcr_buf_cstr(&out);
    if (len)
        *len = out.len;
    return out.ptr;
}
