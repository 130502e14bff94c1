#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "event/decode.h"
#include "event/encode.h"
#include "event/time.h"
#include "vectors/vectors.h"

enum {
    LONG_DIGITS = 15 // what a double holds
};

static const char nul_stands[] = "\xef\xa3\xbf"; // U+F8FF

// Copies the string at `at` behind its quote; returns where it ends.
static const char *copy_string(mcr_buf *out, const char *at, const char *end)
{
    while (at < end && *at != '"') {
        bool escape = *at == '\\' && end - at > 1;
        if (end - at >= 6 && memcmp(at, "\\u0000", 6) == 0) {
            mcr_buf_puts(out, "\\uf8ff");
            at += 6;
            continue;
        }
        mcr_buf_append(out, at, escape ? 2 : 1);
        at += escape ? 2 : 1;
    }
    mcr_buf_putc(out, '"');
    return at + 1;
}

cJSON *vectors_parse(const char *line, size_t len)
{
    mcr_buf text = { 0 };
    const char *at = line, *end = line + len;
    while (at < end) {
        size_t digits = strspn(at, "-0123456789");
        size_t number = strspn(at, "-+.eE0123456789");
        if (*at == '"') {
            mcr_buf_putc(&text, '"');
            at = copy_string(&text, at + 1, end);
        } else if (digits == number && digits > LONG_DIGITS) {
            mcr_buf_putc(&text, '"');
            mcr_buf_append(&text, at, digits);
            mcr_buf_putc(&text, '"');
            at += digits;
        } else if (number) {
            mcr_buf_append(&text, at, number);
            at += number;
        } else {
            mcr_buf_putc(&text, *at++);
        }
    }
    cJSON *json = cJSON_ParseWithLength(text.ptr, text.len);
    mcr_buf_fini(&text);
    return json;
}

int64_t vector_int(const cJSON *item)
{
    return cJSON_IsString(item) ? strtoll(item->valuestring, NULL, 10) : (int64_t)item->valuedouble;
}

// Appends `text`, with `nul` for each U+F8FF.
static void restore(mcr_buf *out, const char *text, mcr_str nul)
{
    const char *found;
    while ((found = strstr(text, nul_stands))) {
        mcr_buf_append(out, text, (size_t)(found - text));
        mcr_buf_add(out, nul);
        text = found + sizeof nul_stands - 1;
    }
    mcr_buf_puts(out, text);
}

static void from_base64(mcr_buf *out, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0;
    int n = 0;
    for (const char *digit; *text && (digit = strchr(digits, *text)); text++) {
        bits = bits << 6 | (unsigned)(digit - digits);
        n += 6;
        if (n < 8)
            continue;
        n -= 8;
        mcr_buf_putc(out, (char)(bits >> n & 0xff));
    }
}

bool vector_text(const cJSON *object, const char *name, mcr_buf *out)
{
    mcr_buf other = { 0 };
    mcr_buf_printf(&other, "%s_b64", name);
    const cJSON *base64 = cJSON_GetObjectItemCaseSensitive(object, mcr_buf_cstr(&other));
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(object, name);
    mcr_buf_fini(&other);
    if (cJSON_IsString(base64))
        from_base64(out, base64->valuestring);
    else if (cJSON_IsString(text) && cJSON_IsTrue(base64))
        from_base64(out, text->valuestring);
    else if (cJSON_IsString(text))
        restore(out, text->valuestring, mcr_str_n("", 1));
    else
        return false;
    return true;
}

// The string field of the dotted path; NULL when there is none.
static mcr_str *field(mcr_event *ev, const char *path)
{
    const struct {
        const char *path;
        mcr_str *at;
    } fields[] = {
        { "message", &ev->message },
        { "reason", &ev->reason },
        { "type", &ev->type },
        { "action", &ev->action },
        { "metadata.name", &ev->metadata.name },
        { "metadata.namespace", &ev->metadata.namespace },
        { "source.component", &ev->source.component },
        { "source.host", &ev->source.host },
        { "involvedObject.kind", &ev->involvedObject.kind },
        { "involvedObject.namespace", &ev->involvedObject.namespace },
        { "involvedObject.name", &ev->involvedObject.name },
        { "involvedObject.uid", &ev->involvedObject.uid },
        { "involvedObject.apiVersion", &ev->involvedObject.apiVersion },
        { "involvedObject.fieldPath", &ev->involvedObject.fieldPath },
        { "reportingComponent", &ev->reportingComponent },
        { "reportingInstance", &ev->reportingInstance },
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i].path, path) == 0)
            return fields[i].at;
    return NULL;
}

// Like the decoder's event, with the raw fields and (when not NULL) times in their place.
static mcr_event *replace(const mcr_event *decoded, const cJSON *raw_b64, const mcr_time *first,
                          const mcr_time *last)
{
    enum {
        RAW_MAX = 16
    };
    mcr_buf bytes[RAW_MAX] = { 0 };
    size_t n = 0;
    mcr_event fields = *decoded;
    mcr_event *made = NULL;
    const cJSON *raw;
    cJSON_ArrayForEach(raw, raw_b64)
    {
        mcr_str *at = field(&fields, raw->string);
        if (!at || n == RAW_MAX)
            goto out;
        from_base64(&bytes[n], raw->valuestring);
        *at = mcr_buf_str(&bytes[n++]);
    }
    if (first)
        fields.firstTimestamp = *first;
    if (last)
        fields.lastTimestamp = *last;
    made = mcr_event_new(&fields);
out:
    for (size_t i = 0; i < n; i++)
        mcr_buf_fini(&bytes[i]);
    return made;
}

// Decodes the event, whatever its kind and apiVersion say: Go's type tells what it is.
static mcr_event *decode(const cJSON *event)
{
    cJSON *bare = cJSON_Duplicate(event, true);
    cJSON_DeleteItemFromObjectCaseSensitive(bare, "kind");
    cJSON_DeleteItemFromObjectCaseSensitive(bare, "apiVersion");
    char *printed = cJSON_PrintUnformatted(bare);
    cJSON_Delete(bare);
    mcr_buf text = { 0 };
    restore(&text, printed, MCR_STR("\\u0000"));
    cJSON_free(printed);
    mcr_decoder *d = mcr_decoder_new();
    mcr_decode_error err;
    mcr_event *ev = NULL;
    if (mcr_decode(d, mcr_buf_str(&text), MCR_DECODE_GO, &ev, &err) != MCR_DECODED_EVENT)
        ev = NULL;
    mcr_decoder_free(d);
    mcr_buf_fini(&text);
    return ev;
}

mcr_event *vector_event(const cJSON *event, const cJSON *raw_b64)
{
    mcr_event *decoded = decode(event);
    mcr_event *made = decoded ? replace(decoded, raw_b64, NULL, NULL) : NULL;
    mcr_event_unref(decoded);
    return made;
}

// The time with its nanoseconds; 0 stands for no time where the event has none.
static bool time_of(const cJSON *scenario, const char *name, const mcr_time *decoded, mcr_time *to)
{
    const cJSON *ns = cJSON_GetObjectItemCaseSensitive(scenario, name);
    if (!ns || (!decoded->set && vector_int(ns) == 0))
        return false;
    *to = mcr_time_of(vector_int(ns));
    return true;
}

mcr_event *vector_event_of(const cJSON *scenario)
{
    mcr_event *decoded = decode(cJSON_GetObjectItemCaseSensitive(scenario, "event"));
    if (!decoded)
        return NULL;
    mcr_time first, last;
    bool has_first = time_of(scenario, "first_ns", &decoded->firstTimestamp, &first);
    bool has_last = time_of(scenario, "last_ns", &decoded->lastTimestamp, &last);
    mcr_event *made = replace(decoded, cJSON_GetObjectItemCaseSensitive(scenario, "event_raw"),
                              has_first ? &first : NULL, has_last ? &last : NULL);
    mcr_event_unref(decoded);
    return made;
}

bool vector_same_event(const mcr_event *ev, const cJSON *expected, mcr_buf *text)
{
    mcr_event_encode(text, ev, false);
    cJSON *found = vectors_parse(text->ptr, text->len);
    // Go's type meta is whatever the event was made with, in C it is always there.
    if (!cJSON_GetObjectItemCaseSensitive(expected, "kind"))
        cJSON_DeleteItemFromObjectCaseSensitive(found, "kind");
    if (!cJSON_GetObjectItemCaseSensitive(expected, "apiVersion"))
        cJSON_DeleteItemFromObjectCaseSensitive(found, "apiVersion");
    bool same = cJSON_Compare(found, expected, true);
    cJSON_Delete(found);
    return same;
}
