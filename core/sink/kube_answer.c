#include "sink/kube_answer.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "event/decode.h"
#include "sink/go_media_type.h"
#include "sink/go_quote.h"

enum {
    TEXT_MAX = 2048, // bytes of a body that is no Status, in an error
    OK_FIRST = 200,
    OK_LAST = 206,
    CAUSES_MAX = 16
};

#define SECOND INT64_C(1000000000)

struct mcr_kube_reader {
    mcr_decoder *decoder;
    mcr_buf text;
    mcr_event *event; // of the last answer
    cJSON *json;      // the same
    mcr_str causes[CAUSES_MAX];
};

mcr_kube_reader *mcr_kube_reader_new(void)
{
    mcr_kube_reader *reader = mcr_zalloc(sizeof *reader);
    reader->decoder = mcr_decoder_new();
    return reader;
}

static void forget(mcr_kube_reader *reader)
{
    mcr_event_unref(reader->event);
    reader->event = NULL;
    cJSON_Delete(reader->json);
    reader->json = NULL;
    reader->text.len = 0;
}

void mcr_kube_reader_free(mcr_kube_reader *reader)
{
    if (!reader)
        return;
    forget(reader);
    mcr_buf_fini(&reader->text);
    mcr_decoder_free(reader->decoder);
    free(reader);
}

static mcr_str trimmed(mcr_str s)
{
    while (s.len && isspace((unsigned char)s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && isspace((unsigned char)s.ptr[s.len - 1]))
        s.len--;
    return s;
}

typedef enum body_kind {
    BODY_JSON, // also when nothing is said: it is the type that was asked for
    BODY_TEXT, // text/…
    BODY_OTHER // one that no decoder is for
} body_kind;

// False, with Go's words in `*why`: the Content-Type is none. YAML is read as far as it is JSON.
static bool kind_of(mcr_str content_type, body_kind *kind, const char **why)
{
    mcr_buf type = { 0 };
    bool good = mcr_go_media_type(&type, content_type, why);
    mcr_str media = mcr_buf_str(&type);
    *kind = BODY_OTHER;
    if (mcr_str_is(media, "application/json") || mcr_str_is(media, "application/yaml"))
        *kind = BODY_JSON;
    else if (media.len >= 5 && memcmp(media.ptr, "text/", 5) == 0)
        *kind = BODY_TEXT;
    mcr_buf_fini(&type);
    return good;
}

static mcr_str string_in(const cJSON *object, const char *key)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(member) ? mcr_str_of(member->valuestring) : MCR_STR("");
}

// Go decodes no object whose fields are of other types than its own; null is any type's nothing.
static bool is_string_or_none(const cJSON *object, const char *key)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);
    return !member || cJSON_IsNull(member) || cJSON_IsString(member);
}

static bool has_causes(const cJSON *details)
{
    const cJSON *cause, *causes = cJSON_GetObjectItemCaseSensitive(details, "causes");
    if (causes && !cJSON_IsNull(causes) && !cJSON_IsArray(causes))
        return false;
    cJSON_ArrayForEach(cause, causes)
    {
        if (!cJSON_IsNull(cause) && !(cJSON_IsObject(cause) && is_string_or_none(cause, "reason")))
            return false;
    }
    return true;
}

static bool has_fields_of_status(const cJSON *json)
{
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(json, "code");
    const cJSON *details = cJSON_GetObjectItemCaseSensitive(json, "details");
    bool number = cJSON_IsNumber(code) && code->valuedouble == (double)code->valueint;
    return (!code || cJSON_IsNull(code) || number) && is_string_or_none(json, "status") &&
           is_string_or_none(json, "message") && is_string_or_none(json, "reason") &&
           (!details || cJSON_IsNull(details) || (cJSON_IsObject(details) && has_causes(details)));
}

// The body's JSON, NULL when there is anything else in it.
static const cJSON *read_json(mcr_kube_reader *reader, mcr_str body)
{
    const char *end = NULL;
    cJSON *json = body.len ? cJSON_ParseWithLengthOpts(body.ptr, body.len, &end, false) : NULL;
    if (json && trimmed(mcr_str_n(end, (size_t)(body.ptr + body.len - end))).len) {
        cJSON_Delete(json);
        json = NULL;
    }
    cJSON_Delete(reader->json);
    reader->json = json;
    return json;
}

// `json` if it is a Status, else NULL. There is one for all API versions.
static const cJSON *as_status(const cJSON *json)
{
    return cJSON_IsObject(json) && mcr_str_is(string_in(json, "kind"), "Status") &&
                   is_string_or_none(json, "apiVersion") && has_fields_of_status(json)
               ? json
               : NULL;
}

static void take_status(mcr_kube_reader *reader, const cJSON *status, mcr_write_error *error)
{
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(status, "code");
    const cJSON *details = cJSON_GetObjectItemCaseSensitive(status, "details");
    const cJSON *causes = cJSON_GetObjectItemCaseSensitive(details, "causes");
    error->class = MCR_WRITE_STATUS;
    error->code = cJSON_IsNumber(code) ? code->valueint : 0;
    error->reason = string_in(status, "reason");
    error->text = string_in(status, "message");
    error->causes = reader->causes;
    const cJSON *cause;
    cJSON_ArrayForEach(cause, causes)
    {
        if (error->n_causes < CAUSES_MAX)
            reader->causes[error->n_causes++] = string_in(cause, "reason");
    }
}

// What stands for an answer that is no Status; NULL for the text: the body's own.
typedef struct generic {
    int code;
    const char *reason;
    const char *text;
} generic;

static const generic generics[] = {
    { 400, "BadRequest", "the server rejected our request for an unknown reason" },
    { 401, "Unauthorized", "the server has asked for the client to provide credentials" },
    { 403, "Forbidden", NULL },
    { 404, "NotFound", "the server could not find the requested resource" },
    { 405, "MethodNotAllowed", "the server does not allow this method on the requested resource" },
    { 406, "NotAcceptable", NULL },
    { 409, "Conflict", "the server reported a conflict" },
    { 415, "UnsupportedMediaType", NULL },
    { 422, "Invalid", "the server rejected our request due to an error in our request" },
    { 429, "TooManyRequests",
      "the server has received too many requests and has asked us to try again later" },
    { 503, "ServiceUnavailable", "the server is currently unable to handle the request" },
    { 504, "Timeout",
      "the server was unable to return a response in the time allotted, but may still be "
      "processing the request" },
};

static void write_generic(mcr_buf *out, const generic *known, int code, mcr_str body)
{
    if (known && known->text) {
        mcr_buf_puts(out, known->text);
    } else if (code == 406 && (!body.len || mcr_str_is(body, "unknown"))) {
        mcr_buf_puts(out, "the server was unable to respond with a content type that the client "
                          "supports");
    } else if (known) {
        mcr_buf_add(out, body);
    } else if (code >= 500) {
        mcr_buf_puts(out, "an error on the server (\"");
        mcr_go_escape(out, body, true);
        mcr_buf_puts(out, "\") has prevented the request from succeeding");
    } else {
        mcr_buf_printf(out,
                       "the server responded with the status code %d but did not return more "
                       "information",
                       code);
    }
}

static void take_generic(mcr_kube_reader *reader, const mcr_http_answer *answer, body_kind kind,
                         bool typed, mcr_str name, mcr_write_error *error)
{
    int code = answer->status;
    const generic *known = NULL;
    for (size_t i = 0; i < sizeof generics / sizeof *generics; i++)
        if (generics[i].code == code)
            known = &generics[i];
    mcr_str body = answer->body;
    if (body.len > TEXT_MAX)
        body.len = TEXT_MAX;
    body = kind == BODY_TEXT || !typed ? trimmed(body) : MCR_STR("unknown");
    bool post = name.len == 0;
    error->class = MCR_WRITE_STATUS;
    error->code = code;
    if (known)
        error->reason = code == 409 && post ? MCR_STR("AlreadyExists") : mcr_str_of(known->reason);
    else if (code >= 500)
        error->reason = MCR_STR("InternalError");
    mcr_buf *out = &reader->text;
    write_generic(out, known, code, body);
    mcr_buf_puts(out, post ? " (post events" : " (patch events ");
    mcr_buf_add(out, name);
    mcr_buf_putc(out, ')');
    error->text = mcr_buf_str(out);
}

// Other kinds that client-go knows leave the event it asked for empty.
static bool is_known_kind(const cJSON *json)
{
    static const char *const kinds[] = {
        "Binding",
        "ComponentStatus",
        "ConfigMap",
        "Endpoints",
        "EventList",
        "LimitRange",
        "List",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "Pod",
        "PodTemplate",
        "ReplicationController",
        "ResourceQuota",
        "Secret",
        "Service",
        "ServiceAccount",
    };
    mcr_str kind = string_in(json, "kind");
    if (!mcr_str_is(string_in(json, "apiVersion"), "v1"))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (mcr_str_is(kind, kinds[i]))
            return true;
    return false;
}

static void take_ok(mcr_kube_reader *reader, mcr_event *answer, mcr_kube_result *result)
{
    mcr_event nothing = { .metadata.deletionGracePeriodSeconds = -1 };
    reader->event = answer ? answer : mcr_event_new(&nothing);
    result->ok = true;
    result->answer = reader->event;
    result->unsure = false;
}

static void take_success(mcr_kube_reader *reader, const mcr_http_answer *answer, mcr_str type,
                         mcr_kube_result *result)
{
    mcr_write_error *error = &result->error;
    // Something was done; an answer that cannot be read does not say what.
    result->unsure = true;
    if (!answer->body.len) {
        mcr_buf_printf(&reader->text,
                       "0-length response with status code: %d and content type: %.*s",
                       answer->status, (int)type.len, type.ptr ? type.ptr : "");
        error->text = mcr_buf_str(&reader->text);
        return;
    }
    mcr_event *event;
    mcr_decode_error why;
    bool decoded =
        mcr_decode(reader->decoder, answer->body, MCR_DECODE_GO, &event, &why) == MCR_DECODED_EVENT;
    if (decoded && event->api == MCR_API_CORE_V1) {
        take_ok(reader, event, result);
        return;
    }
    const cJSON *json = read_json(reader, answer->body), *status = as_status(json);
    if (decoded && string_in(json, "apiVersion").len) {
        // Of events.k8s.io: another of Go's types.
        mcr_event_unref(event);
        take_ok(reader, NULL, result);
    } else if (decoded) {
        take_ok(reader, event, result);
    } else if (status && !mcr_str_is(string_in(status, "status"), "Success")) {
        take_status(reader, status, error);
        result->unsure = false;
    } else if (status || cJSON_IsNull(json) || is_known_kind(json)) {
        take_ok(reader, NULL, result);
    } else {
        mcr_buf_printf(&reader->text, "the answer is no event: %s", why.text);
        error->text = mcr_buf_str(&reader->text);
    }
}

static int64_t read_retry_after(const mcr_http_answer *answer)
{
    mcr_str value;
    char text[32];
    if (!mcr_http_answer_header(answer, "Retry-After", 0, &value) || value.len == 0 ||
        value.len >= sizeof text || isspace((unsigned char)value.ptr[0]))
        return -1;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    char *end;
    errno = 0;
    long long seconds = strtoll(text, &end, 10);
    if (errno || *end || end == text)
        return -1;
    if (seconds < 0)
        return 0;
    return seconds < INT64_MAX / SECOND ? seconds * SECOND : INT64_MAX;
}

static void take_failure(mcr_kube_reader *reader, const mcr_http_answer *answer, mcr_str name,
                         mcr_write_error *error)
{
    if (answer->outcome == MCR_HTTP_CUT) {
        mcr_buf_puts(&reader->text, "unexpected error when reading response body. Please retry. "
                                    "Original error: unexpected EOF");
    } else {
        mcr_buf_printf(&reader->text, "%s \"%.*s\": %s", name.len ? "Patch" : "Post",
                       (int)answer->url.len, answer->url.ptr ? answer->url.ptr : "", answer->error);
    }
    error->text = mcr_buf_str(&reader->text);
}

void mcr_kube_read(mcr_kube_reader *reader, const mcr_http_answer *answer, mcr_str name,
                   mcr_kube_result *result)
{
    forget(reader);
    *result = (mcr_kube_result){ .http_status = answer->status,
                                 .retry_after_ns = -1,
                                 .outcome = answer->outcome };
    mcr_write_error *error = &result->error;
    // An answer whose body did not come whole has said this much.
    if (answer->status)
        result->retry_after_ns = read_retry_after(answer);
    if (answer->outcome != MCR_HTTP_ANSWERED) {
        result->unsure = answer->outcome != MCR_HTTP_BAD_URL &&
                         answer->outcome != MCR_HTTP_UNREACHED &&
                         answer->outcome != MCR_HTTP_NOT_TRUSTED;
        take_failure(reader, answer, name, error);
        return;
    }
    mcr_str type = MCR_STR("application/json");
    mcr_str given;
    bool typed = mcr_http_answer_header(answer, "Content-Type", 0, &given) && given.len;
    if (typed)
        type = given;
    body_kind kind;
    const char *why;
    bool ok = answer->status >= OK_FIRST && answer->status <= OK_LAST;
    if (!kind_of(type, &kind, &why)) {
        *error = (mcr_write_error){ .class = MCR_WRITE_STATUS,
                                    .code = 500,
                                    .reason = MCR_STR("InternalError") };
        mcr_buf_printf(&reader->text, "Internal error occurred: %s", why);
        error->text = mcr_buf_str(&reader->text);
        result->unsure = ok;
    } else if (!ok) {
        const cJSON *status = kind == BODY_JSON ? as_status(read_json(reader, answer->body)) : NULL;
        if (status && mcr_str_is(string_in(status, "status"), "Failure"))
            take_status(reader, status, error);
        else
            take_generic(reader, answer, kind, typed, name, error);
    } else if (kind == BODY_JSON) {
        take_success(reader, answer, type, result);
    } else {
        result->unsure = true;
        mcr_buf_printf(&reader->text, "serializer for %.*s doesn't exist", (int)type.len, type.ptr);
        error->text = mcr_buf_str(&reader->text);
    }
}

void mcr_kube_read_nothing(mcr_http_outcome outcome, mcr_str text, mcr_kube_result *result)
{
    *result =
        (mcr_kube_result){ .retry_after_ns = -1, .outcome = outcome, .error = { .text = text } };
}
