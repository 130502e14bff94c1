// Kinds "http": recordToSink over the REST client, against a real server that answers as the
// vectors' one did. Protobuf is left out.

#include <ev.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sink/kube_rest.h"
#include "sink/record_to_sink.h"
#include "support/scripted_server.h"
#include "vectors/vectors.h"

#define SECOND INT64_C(1000000000)

typedef struct scenario {
    const cJSON *json;
    const cJSON *out;
    scripted_server *server;
    bool stopped;
    pthread_mutex_t lock; // of what the server's threads use
    int replies;          // that were given, refused connections as well
    int version;          // the last resource version
    mcr_buf answer;
    mcr_buf headers;
    struct ev_loop *loop;
    mcr_http *http;
    mcr_kube_access access;
    mcr_credentials *credentials;
    mcr_kube_rest *rest;
    mcr_delivery delivery;
    mcr_delivery_step step;
    bool answered;
    int next_call;
    int next_sleep;
    int next_log;
    bool status_error; // the last call ended in one
    bool other_error;  // some call ended in another
    bool failed;
    char *why;
    size_t why_size;
} scenario;

// The first thing that is wrong stays in `why`.
static void wrong(scenario *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void wrong(scenario *s, const char *format, ...)
{
    if (s->failed)
        return;
    s->failed = true;
    va_list args;
    va_start(args, format);
    vsnprintf(s->why, s->why_size, format, args);
    va_end(args);
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(member(object, name));
    return text ? text : "";
}

// The last reply is given for ever.
static const cJSON *reply_at(const scenario *s, int i)
{
    const cJSON *replies = member(s->json, "replies");
    int n = cJSON_GetArraySize(replies);
    return cJSON_GetArrayItem(replies, i < n ? i : n - 1);
}

static bool is_mode(const cJSON *reply, const char *mode)
{
    return strcmp(text_of(reply, "mode"), mode) == 0;
}

static void add_headers(mcr_buf *out, const cJSON *headers)
{
    const cJSON *header;
    cJSON_ArrayForEach(header, headers)
    {
        const cJSON *value;
        if (!cJSON_IsArray(header)) {
            mcr_buf_printf(out, "%s: %s\n", header->string, cJSON_GetStringValue(header));
            continue;
        }
        cJSON_ArrayForEach(value, header)
            mcr_buf_printf(out, "%s: %s\n", header->string, cJSON_GetStringValue(value));
    }
}

static void echo(scenario *s, const scripted_request *request, scripted_reply *reply)
{
    mcr_buf_puts(&s->headers, "Content-Type: application/json\n");
    mcr_buf_printf(&s->answer,
                   "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"e\","
                   "\"resourceVersion\":\"%d\"}}",
                   s->version);
    reply->status = strcmp(request->method, "POST") == 0 ? 201 : 200;
}

static void on_request(void *self, const scripted_request *request, scripted_reply *reply)
{
    static const struct {
        const char *name;
        scripted_mode mode;
    } modes[] = {
        { "close", SCRIPTED_CLOSE },       { "reset", SCRIPTED_RESET },
        { "truncate", SCRIPTED_TRUNCATE }, { "garbage", SCRIPTED_GARBAGE },
        { "hang", SCRIPTED_HANG },
    };
    scenario *s = self;
    pthread_mutex_lock(&s->lock);
    const cJSON *given = reply_at(s, s->replies++), *status = member(given, "status");
    s->version++;
    s->answer.len = s->headers.len = 0;
    *reply = (scripted_reply){ .status = status ? status->valueint : 200 };
    add_headers(&s->headers, member(given, "headers"));
    vector_text(given, "body", &s->answer);
    if (is_mode(given, "echo"))
        echo(s, request, reply);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (is_mode(given, modes[i].name))
            reply->mode = modes[i].mode;
    reply->headers = mcr_buf_cstr(&s->headers);
    reply->body = mcr_buf_str(&s->answer);
    pthread_mutex_unlock(&s->lock);
}

static double half(void *self)
{
    (void)self;
    return 0.5;
}

static int64_t no_sleep(void *self, int64_t ns)
{
    (void)self;
    (void)ns;
    return 0;
}

static mcr_str err_of(const mcr_log_record *record)
{
    for (size_t i = 0; i < record->n; i++)
        if (strcmp(record->values[i].key, "err") == 0)
            return record->values[i].text;
    return MCR_STR("");
}

static void compare_log(void *self, const mcr_log_record *record)
{
    scenario *s = self;
    const cJSON *expected = cJSON_GetArrayItem(member(s->out, "logs"), s->next_log++);
    const cJSON *v = member(expected, "v");
    if (strcmp(record->message, text_of(expected, "msg")) != 0 ||
        record->error != (strcmp(text_of(expected, "level"), "error") == 0) ||
        record->v != (v ? v->valueint : 0) ||
        (s->status_error && !mcr_str_is(err_of(record), text_of(expected, "err"))))
        wrong(s, "it logs %s", record->message);
}

static void compare_error(scenario *s, const cJSON *call, const mcr_write_error *error)
{
    bool is_status = strcmp(text_of(call, "err_type"), "*errors.StatusError") == 0;
    if (!member(call, "err_type"))
        wrong(s, "call %d fails: %.*s", s->next_call, (int)error->text.len, error->text.ptr);
    if (is_status != (error->class == MCR_WRITE_STATUS))
        wrong(s, "call %d: class %d, not %s", s->next_call, error->class,
              text_of(call, "err_type"));
    s->status_error = is_status;
    s->other_error |= !is_status;
    if (!is_status)
        return;
    const cJSON *code = member(call, "status_code");
    if (error->code != (code ? code->valueint : 0) ||
        !mcr_str_is(error->reason, text_of(call, "status_reason")))
        wrong(s, "call %d: status %d %.*s", s->next_call, error->code, (int)error->reason.len,
              error->reason.ptr ? error->reason.ptr : "");
    if (!mcr_str_is(error->text, text_of(call, "err")))
        wrong(s, "call %d: '%.*s'", s->next_call, (int)error->text.len, error->text.ptr);
}

static void on_done(void *self, const mcr_kube_result *result)
{
    scenario *s = self;
    const cJSON *call = cJSON_GetArrayItem(member(s->out, "sink_calls"), s->next_call);
    s->status_error = false;
    s->answered = true;
    if (!result->ok) {
        compare_error(s, call, &result->error);
        s->step = mcr_delivery_failed(&s->delivery, &result->error);
        return;
    }
    const char *version = text_of(call, "ok");
    if (strcmp(version, "(empty)") == 0)
        version = "";
    if (!member(call, "ok") || !mcr_str_is(result->answer->metadata.resourceVersion, version))
        wrong(s, "call %d is answered with version '%.*s'", s->next_call,
              (int)result->answer->metadata.resourceVersion.len,
              result->answer->metadata.resourceVersion.ptr);
    s->step = mcr_delivery_written(&s->delivery, result->answer);
}

// A server that refuses connections does not listen.
static void listen_or_not(scenario *s)
{
    bool refuse = is_mode(reply_at(s, s->replies), "refuse");
    if (refuse)
        s->replies++;
    if (refuse && !s->stopped)
        scripted_server_stop(s->server);
    else if (!refuse && s->stopped)
        scripted_server_start(s->server);
    s->stopped = refuse;
}

static void call_server(scenario *s)
{
    const cJSON *call = cJSON_GetArrayItem(member(s->out, "sink_calls"), s->next_call);
    bool patch = s->step.action == MCR_DELIVERY_PATCH;
    if (!call || strcmp(text_of(call, "m"), patch ? "patch" : "create") != 0) {
        wrong(s, "call %d is a %s", s->next_call, patch ? "patch" : "create");
        return;
    }
    listen_or_not(s);
    s->answered = false;
    if (patch)
        mcr_kube_patch(s->rest, s->step.event, s->step.has_patch ? s->step.patch : MCR_STR(""),
                       on_done, s);
    else
        mcr_kube_create(s->rest, s->step.event, on_done, s);
    while (!s->answered)
        ev_run(s->loop, EVRUN_ONCE);
    s->next_call++;
}

static void compare_headers(scenario *s, int i, const scripted_request *asked, const cJSON *headers)
{
    static const char *const names[] = { "Content-Type", "Accept", "Authorization", "User-Agent" };
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        const char *expected = cJSON_GetStringValue(member(headers, names[n]));
        char value[256] = "";
        // What is not said of program and machine is ours to say.
        if (!expected || strstr(expected, "kubernetes/$Format"))
            continue;
        scripted_request_header(asked, names[n], value, sizeof value);
        if (strcmp(value, expected) != 0)
            wrong(s, "request %d has %s: %s", i, names[n], value);
    }
}

static void compare_requests(scenario *s)
{
    const cJSON *requests = member(s->out, "requests"), *first = cJSON_GetArrayItem(requests, 0);
    int n = (int)scripted_server_requests(s->server);
    if (n != cJSON_GetArraySize(requests))
        wrong(s, "there are %d requests", n);
    mcr_buf body = { 0 };
    for (int i = 0; i < n && !s->failed; i++) {
        const scripted_request *asked = scripted_server_request(s->server, (size_t)i);
        const cJSON *expected = cJSON_GetArrayItem(requests, i);
        const cJSON *text = cJSON_IsObject(expected) ? expected : first;
        body.len = 0;
        if (strcmp(text_of(text, "body"), "(as the first)") == 0)
            vector_text(first, "body", &body);
        else
            vector_text(text, "body", &body);
        if (strcmp(asked->method, text_of(text, "method")) != 0 ||
            strcmp(asked->uri, text_of(text, "uri")) != 0)
            wrong(s, "request %d is %s %s", i, asked->method, asked->uri);
        if (!mcr_str_eq(mcr_buf_str(&body), mcr_str_n(asked->body, asked->body_len)))
            wrong(s, "the body of request %d is %s", i, asked->body);
        compare_headers(s, i, asked, member(text, "headers"));
    }
    mcr_buf_fini(&body);
}

static void compare_end(scenario *s)
{
    static const char *const names[] = { "skipped", "recorded", "abandoned", "retries_exhausted",
                                         "shutdown" };
    if (strcmp(names[s->step.result], text_of(s->out, "result")) != 0)
        wrong(s, "it is %s", names[s->step.result]);
    if (s->next_call != cJSON_GetArraySize(member(s->out, "sink_calls")))
        wrong(s, "there are %d calls", s->next_call);
    if (s->next_sleep != cJSON_GetArraySize(member(s->out, "sleeps")))
        wrong(s, "there are %d sleeps", s->next_sleep);
    if (s->next_log != cJSON_GetArraySize(member(s->out, "logs")))
        wrong(s, "there are %d log lines", s->next_log);
    compare_requests(s);
}

static void record(scenario *s, mcr_recording *recording, mcr_event *in, const mcr_clock *clock)
{
    s->step = mcr_delivery_start(&s->delivery, recording, in, clock);
    while (s->step.action != MCR_DELIVERY_DONE && !s->failed) {
        if (s->step.action != MCR_DELIVERY_SLEEP) {
            call_server(s);
            continue;
        }
        const cJSON *expected = cJSON_GetArrayItem(member(s->out, "sleeps"), s->next_sleep++);
        if (!expected || vector_int(expected) != s->step.sleep_ns)
            wrong(s, "sleep %d is of %lld ns", s->next_sleep - 1, (long long)s->step.sleep_ns);
        s->step = mcr_delivery_slept(&s->delivery);
    }
    if (!s->failed)
        compare_end(s);
    mcr_delivery_fini(&s->delivery);
}

// It was created once before, and the server had it as it was.
static void store_before(scenario *s, mcr_recording *recording, mcr_event *in,
                         const mcr_clock *clock)
{
    mcr_delivery first;
    mcr_event *answer = mcr_event_copy(in);
    answer->metadata.resourceVersion = MCR_STR("1");
    mcr_delivery_start(&first, recording, in, clock);
    mcr_delivery_written(&first, answer);
    mcr_delivery_fini(&first);
    mcr_event_unref(answer);
    s->version = 1;
}

// What the vectors' client was told: the format shows it only in what came of it.
static void open_client(scenario *s, char *namespace, size_t namespace_size)
{
    const cJSON *headers = member(cJSON_GetArrayItem(member(s->out, "requests"), 0), "headers");
    const char *agent = text_of(headers, "User-Agent"), *token = text_of(headers, "Authorization");
    const cJSON *call = cJSON_GetArrayItem(member(s->out, "sink_calls"), 0);
    const char *only = strstr(text_of(call, "err"), "' in namespace '");
    if (only)
        snprintf(namespace, namespace_size, "%.*s", (int)strcspn(only + 16, "'"), only + 16);
    bool hangs = false;
    const cJSON *reply;
    cJSON_ArrayForEach(reply, member(s->json, "replies")) hangs |= is_mode(reply, "hang");

    mcr_http_options http = { .proxy = "", .user_agent = *agent ? agent : NULL };
    mcr_errbuf err;
    s->loop = ev_loop_new(EVFLAG_AUTO);
    s->http = mcr_http_new(s->loop, &http, &err);
    if (strncmp(token, "Bearer ", 7) == 0) {
        s->access.token = mcr_strdup(token + 7);
        s->credentials = mcr_credentials_new(&s->access, s->loop, &mcr_clock_wall, s->http);
    }
    mcr_kube_rest_options rest = {
        .server = scripted_server_url(s->server),
        .namespace = only ? namespace : NULL,
        .http = s->http,
        .credentials = s->credentials,
        .clock = &mcr_clock_wall,
        .loop = s->loop,
        .retry_after = 10,
        // That of the format; nothing that is compared depends on how long it really takes.
        .timeout_ns = hangs ? SECOND / 4 : 0,
        .told_timeout_ns = hangs ? SECOND : 0,
        .redirects = MCR_HTTP_REDIRECTS_GO,
        .sleep = no_sleep,
    };
    s->rest = mcr_kube_rest_new(&rest);
}

static void close_client(scenario *s)
{
    mcr_kube_rest_free(s->rest);
    if (s->credentials)
        mcr_credentials_free(s->credentials);
    mcr_http_free(s->http);
    ev_loop_destroy(s->loop);
    free(s->access.token);
}

// A client that speaks protobuf, or may.
static bool is_protobuf(const cJSON *out)
{
    const cJSON *headers = member(cJSON_GetArrayItem(member(out, "requests"), 0), "headers");
    return strstr(text_of(headers, "Accept"), "protobuf") != NULL;
}

int vectors_http(const cJSON *json, char *why, size_t why_size)
{
    scenario s = { .json = json, .out = member(json, "out"), .why = why, .why_size = why_size };
    if (is_protobuf(s.out))
        return -1;
    mcr_event *in = vector_event(member(json, "in"), member(json, "in_raw"));
    if (!in || !cJSON_GetArraySize(member(json, "replies"))) {
        wrong(&s, "there is no event, or there are no replies");
        mcr_event_unref(in);
        return 0;
    }
    mcr_http_global_init();
    pthread_mutex_init(&s.lock, NULL);
    s.server = scripted_server_new(NULL);
    scripted_server_handle(s.server, on_request, &s);
    char namespace[256];
    open_client(&s, namespace, sizeof namespace);
    int64_t now = 1700000000 * SECOND;
    mcr_clock clock = mcr_clock_fixed(&now);
    mcr_recording_options options = { .sleep_ns = MCR_RECORDING_SLEEP_NS,
                                      .random = half,
                                      .log = { compare_log, &s } };
    mcr_recording *recording = mcr_recording_new(&options);
    if (cJSON_IsTrue(member(json, "stored_before")))
        store_before(&s, recording, in, &clock);
    record(&s, recording, in, &clock);
    mcr_recording_free(recording);
    close_client(&s);
    scripted_server_free(s.server);
    mcr_buf_fini(&s.answer);
    mcr_buf_fini(&s.headers);
    pthread_mutex_destroy(&s.lock);
    mcr_event_unref(in);
    if (s.other_error)
        vectors_not_compared("err of no StatusError");
    if (cJSON_GetArraySize(member(s.out, "klog")))
        vectors_not_compared("klog of http");
    return !s.failed;
}
