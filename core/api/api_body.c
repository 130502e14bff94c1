#include "api/api_body.h"

#include <cjson/cJSON.h>
#include <stdio.h>

#include "api/api_tree.h"
#include "event/time.h"

enum {
    SHOWN_MAX = 30 // bytes of an unreadable body that are told, as kube-apiserver does
};

static const char *api_version(bool events_api)
{
    return events_api ? "events.k8s.io/v1" : "v1";
}

static mcr_str trim(mcr_str s)
{
    while (s.len && strchr(" \t\r\n", s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && strchr(" \t\r\n", s.ptr[s.len - 1]))
        s.len--;
    return s;
}

static void write_shown(mcr_buf *out, mcr_str text)
{
    bool printable = true;
    for (uint32_t i = 0; i < text.len && i < SHOWN_MAX; i++)
        printable &= text.ptr[i] >= ' ' && text.ptr[i] < 127;
    if (!text.len)
        mcr_buf_puts(out, "<empty>");
    else if (printable && *text.ptr == '{')
        mcr_buf_printf(out, "%.*s%s", text.len < SHOWN_MAX ? (int)text.len : SHOWN_MAX, text.ptr,
                       text.len > SHOWN_MAX ? " ..." : "");
    else
        for (uint32_t i = 0; i < text.len && i < SHOWN_MAX; i++)
            mcr_buf_printf(out, "%02x%s", (unsigned char)text.ptr[i],
                           i + 1 == SHOWN_MAX ? " ..." : "");
}

static void unreadable(mcr_api_body *out, mcr_str text)
{
    out->fault = MCR_API_BODY_UNREADABLE;
    mcr_buf_puts(&out->message, "the object provided is unrecognized (must be of type Event): "
                                "couldn't get version/kind; json parse error: ");
    if (text.len && *text.ptr == '[')
        mcr_buf_puts(&out->message, "json: cannot unmarshal array into Go value of type struct { "
                                    "APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind "
                                    "string \"json:\\\"kind,omitempty\\\"\" }");
    else
        mcr_api_syntax_write(&out->message, text);
    mcr_buf_puts(&out->message, " (");
    write_shown(&out->message, text);
    mcr_buf_puts(&out->message, ")");
}

// Valid JSON that says it is something else. False: it does not.
static bool is_other(mcr_api_body *out, const cJSON *body, bool events_api)
{
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "kind"));
    const char *version =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "apiVersion"));
    if (!version || !*version)
        version = api_version(events_api);
    if (kind && *kind && strcmp(kind, "Event") != 0) {
        mcr_buf_printf(&out->message,
                       "%s in version \"%s\" cannot be handled as a Event: converting (v1.%s) to "
                       "(core.Event): unknown conversion",
                       kind, version, kind);
    } else if (strcmp(version, api_version(events_api)) != 0) {
        out->other_version = true;
        mcr_buf_printf(&out->message,
                       "the API version in the data (%s) does not match the expected API version "
                       "(%s)",
                       version, api_version(events_api));
    } else {
        return false;
    }
    out->fault = MCR_API_BODY_MISFIT;
    return true;
}

//
// Types
//

typedef struct typed {
    const char *path; // "Event.count", for both APIs
    const char *core;
    const char *events;
    char type; // 's' string, 'i' int32, 't' time, 'm' micro time, 'o' object
} typed;

static const typed types[] = {
    { "metadata", "metadata", "metadata", 'o' },
    { "involvedObject", "involvedObject", "regarding", 'o' },
    { "related", "related", "related", 'o' },
    { "source", "source", "deprecatedSource", 'o' },
    { "series", "series", "series", 'o' },
    { "reason", "reason", "reason", 's' },
    { "message", "message", "note", 's' },
    { "type", "type", "type", 's' },
    { "action", "action", "action", 's' },
    { "reportingComponent", "reportingComponent", "reportingController", 's' },
    { "reportingInstance", "reportingInstance", "reportingInstance", 's' },
    { "count", "count", "deprecatedCount", 'i' },
    { "firstTimestamp", "firstTimestamp", "deprecatedFirstTimestamp", 't' },
    { "lastTimestamp", "lastTimestamp", "deprecatedLastTimestamp", 't' },
    { "eventTime", "eventTime", "eventTime", 'm' },
};

static const char *json_type(const cJSON *value)
{
    return cJSON_IsString(value)   ? "string"
           : cJSON_IsNumber(value) ? "number"
           : cJSON_IsBool(value)   ? "bool"
           : cJSON_IsArray(value)  ? "array"
                                   : "object";
}

static bool fits(const cJSON *value, char type)
{
    if (cJSON_IsNull(value))
        return true;
    if (type == 'o')
        return cJSON_IsObject(value);
    if (type == 'i')
        return cJSON_IsNumber(value) && value->valuedouble == (double)(int32_t)value->valuedouble;
    return cJSON_IsString(value);
}

static void describe_type(mcr_api_body *out, const cJSON *value, const char *name, char type)
{
    char number[40] = "";
    if (cJSON_IsNumber(value) && type == 'i')
        snprintf(number, sizeof number, " %.15g", value->valuedouble);
    mcr_buf_printf(&out->message,
                   "json: cannot unmarshal %s%s into Go struct field Event.%s of type %s",
                   json_type(value), number, name,
                   type == 'i'   ? "int32"
                   : type == 'o' ? "map"
                                 : "string");
}

// What of a valid JSON object does not fit an Event; `why`: the decoder's own words.
static void misfit(mcr_api_body *out, const cJSON *body, bool events_api, const char *why)
{
    out->fault = MCR_API_BODY_MISFIT;
    mcr_buf_puts(&out->message, "Event in version \"v1\" cannot be handled as a Event: ");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const char *name = events_api ? types[i].events : types[i].core;
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(body, name);
        if (value && !fits(value, types[i].type)) {
            describe_type(out, value, name, types[i].type);
            return;
        }
        mcr_time time;
        const char *text = cJSON_GetStringValue(value);
        if (text && types[i].type == 'm' && strlen(text) > 19 &&
            !mcr_micro_time_parse(mcr_str_of(text), &time) &&
            mcr_time_parse(mcr_str_of(text), &time)) {
            mcr_buf_printf(&out->message,
                           "parsing time \"%s\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot "
                           "parse \"%s\" as \".000000\"",
                           text, text + 19);
            return;
        }
    }
    mcr_buf_puts(&out->message, why);
}

//
// Reading
//

// The object with kind and apiVersion in front; its own, when it has any, come later and win.
static void complete(mcr_buf *out, mcr_str text, bool events_api)
{
    mcr_str inside = mcr_str_n(text.ptr + 1, text.len - 1);
    mcr_buf_printf(out, "{\"kind\":\"Event\",\"apiVersion\":\"%s\"%s", api_version(events_api),
                   *trim(inside).ptr == '}' ? "" : ",");
    mcr_buf_add(out, inside);
}

void mcr_api_body_read(mcr_api_body *out, mcr_decoder *decoder, mcr_str text, bool events_api)
{
    *out = (mcr_api_body){ 0 };
    text = trim(text);
    if (mcr_str_is(text, "null"))
        text = MCR_STR("{}");
    if (text.len < 2 || *text.ptr != '{') {
        unreadable(out, text);
        mcr_buf_cstr(&out->message);
        return;
    }
    mcr_buf whole = { 0 };
    complete(&whole, text, events_api);
    mcr_decode_error why;
    mcr_decoded result = mcr_decode(decoder, mcr_buf_str(&whole), MCR_DECODE_GO, &out->event, &why);
    if (result != MCR_DECODED_EVENT) {
        out->event = NULL;
        const char *end = NULL;
        cJSON *alone = cJSON_ParseWithLengthOpts(text.ptr, text.len, &end, false);
        bool one = alone && end == text.ptr + text.len;
        if (!one)
            unreadable(out, text);
        else if (!is_other(out, alone, events_api))
            misfit(out, alone, events_api, why.text);
        cJSON_Delete(alone);
    } else if (out->event->api != (events_api ? MCR_API_EVENTS_V1 : MCR_API_CORE_V1)) {
        cJSON *body = cJSON_ParseWithLength(text.ptr, text.len);
        if (!is_other(out, body, events_api))
            misfit(out, body, events_api, "it is of another API");
        cJSON_Delete(body);
    }
    if (out->fault) {
        mcr_event_unref(out->event);
        out->event = NULL;
    }
    if (out->event || out->other_version) // then what that API does not know
        mcr_api_unknown_fields(&out->unknown, text, out->event ? events_api : !events_api);
    mcr_buf_fini(&whole);
    mcr_buf_cstr(&out->message);
}

void mcr_api_body_fini(mcr_api_body *b)
{
    mcr_event_unref(b->event);
    mcr_buf_fini(&b->unknown);
    mcr_buf_fini(&b->message);
}
