#include "sink/kube_answer.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "event/decode.h"
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

static bool is_type(mcr_str type, const char *name)
{
    return type.len == strlen(name) && strncasecmp(type.ptr, name, type.len) == 0;
}

typedef enum body_kind {
    BODY_JSON,      // also when nothing is said: it is the type that was asked for
    BODY_TEXT,      // text/…
    BODY_OTHER,     // one that no decoder is for
    BODY_UNREADABLE // a Content-Type that is none
} body_kind;

static bool is_token_char(char c)
{
    return isalnum((unsigned char)c) || strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static uint32_t token_len(mcr_str s)
{
    uint32_t n = 0;
    while (n < s.len && s.ptr[n] && is_token_char(s.ptr[n]))
        n++;
    return n;
}

// What Go's mime.ParseMediaType says against a type without its parameters; NULL: nothing.
static const char *type_error(mcr_str type)
{
    uint32_t n = token_len(type);
    if (n == 0)
        return "mime: no media type";
    if (n == type.len)
        return NULL;
    if (type.ptr[n] != '/')
        return "mime: expected slash after first token";
    uint32_t m = token_len(mcr_str_n(type.ptr + n + 1, type.len - n - 1));
    if (m == 0)
        return "mime: expected token after slash";
    return n + 1 + m < type.len ? "mime: unexpected content after media subtype" : NULL;
}

// The type in a Content-Type, without its parameters.
static mcr_str bare_type(mcr_str content_type)
{
    const char *semicolon =
        content_type.len ? memchr(content_type.ptr, ';', content_type.len) : NULL;
    size_t len = semicolon ? (size_t)(semicolon - content_type.ptr) : content_type.len;
    return trimmed(mcr_str_n(content_type.ptr, len));
}

static body_kind kind_of(mcr_str content_type)
{
    mcr_str type = bare_type(content_type);
    if (type_error(type))
        return BODY_UNREADABLE;
    if (is_type(type, "application/json"))
        return BODY_JSON;
    return type.len > 5 && strncasecmp(type.ptr, "text/", 5) == 0 ? BODY_TEXT : BODY_OTHER;
}

static mcr_str string_in(const cJSON *object, const char *key)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(member) ? mcr_str_of(member->valuestring) : MCR_STR("");
}

// The Status that the body is, NULL when it is none.
static const cJSON *read_status(mcr_kube_reader *reader, mcr_str body)
{
    if (!body.len)
        return NULL;
    reader->json = cJSON_ParseWithLength(body.ptr, body.len);
    const cJSON *json = reader->json;
    if (!cJSON_IsObject(json) || !mcr_str_is(string_in(json, "kind"), "Status"))
        return NULL;
    mcr_str version = string_in(json, "apiVersion");
    return version.len == 0 || mcr_str_is(version, "v1") ? json : NULL;
}

static bool is_success(const cJSON *status)
{
    return mcr_str_is(string_in(status, "status"), "Success");
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
        "Status",
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
    if (mcr_decode(reader->decoder, answer->body, MCR_DECODE_GO, &event, &why) ==
        MCR_DECODED_EVENT) {
        take_ok(reader, event, result);
        return;
    }
    const cJSON *status = read_status(reader, answer->body);
    if (status && !is_success(status)) {
        take_status(reader, status, error);
        result->unsure = false;
    } else if (status || is_known_kind(reader->json)) {
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
    if (answer->outcome != MCR_HTTP_ANSWERED) {
        result->unsure = answer->outcome != MCR_HTTP_BAD_URL &&
                         answer->outcome != MCR_HTTP_UNREACHED &&
                         answer->outcome != MCR_HTTP_NOT_TRUSTED;
        take_failure(reader, answer, name, error);
        return;
    }
    result->retry_after_ns = read_retry_after(answer);
    mcr_str type = MCR_STR("application/json");
    mcr_str given;
    bool typed = mcr_http_answer_header(answer, "Content-Type", 0, &given) && given.len;
    if (typed)
        type = given;
    body_kind kind = kind_of(type);
    bool ok = answer->status >= OK_FIRST && answer->status <= OK_LAST;
    if (kind == BODY_UNREADABLE) {
        *error = (mcr_write_error){ .class = MCR_WRITE_STATUS,
                                    .code = 500,
                                    .reason = MCR_STR("InternalError") };
        mcr_buf_printf(&reader->text, "Internal error occurred: %s", type_error(bare_type(type)));
        error->text = mcr_buf_str(&reader->text);
        result->unsure = ok;
    } else if (!ok) {
        const cJSON *status = kind == BODY_JSON ? read_status(reader, answer->body) : NULL;
        if (status && !is_success(status))
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
