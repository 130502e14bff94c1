// client-go's REST client for events, against a scripted server: what is asked, and what is made of
// each answer.

#include "sample.h"

#include <ev.h>
#include <string.h>

#include "base/log.h"
#include "sink/kube_rest.h"
#include "support/scripted_server.h"

#define MS   (SECOND / 1000)
#define JSON "Content-Type: application/json\n"
#define TEXT "Content-Type: text/plain\n"

typedef struct world {
    scripted_server *server;
    struct ev_loop *loop;
    mcr_http *http;
    mcr_kube_rest_options options;
    mcr_kube_rest *rest;
    int64_t now;
    mcr_clock clock;
    int sleeps;
    int64_t slept;
    // Of the last result.
    int answers;
    bool ok;
    bool unsure;
    int64_t retry_after;
    mcr_write_error_class class;
    int code;
    char reason[64];
    char text[512];
    char cause[64];
    char version[64];
} world;

static int64_t on_sleep(void *self, int64_t ns)
{
    world *w = self;
    w->sleeps++;
    w->slept = ns;
    return 0;
}

static void begin_world(world *w)
{
    memset(w, 0, sizeof *w);
    w->server = scripted_server_new(NULL);
    w->loop = ev_loop_new(EVFLAG_AUTO);
    mcr_errbuf err;
    mcr_http_options http = { .proxy = "" };
    w->http = mcr_http_new(w->loop, &http, &err);
    assert_non_null(w->http);
    w->now = 1000 * SECOND;
    w->clock = mcr_clock_fixed(&w->now);
    w->options = (mcr_kube_rest_options){
        .server = scripted_server_url(w->server),
        .http = w->http,
        .clock = &w->clock,
        .loop = w->loop,
        .redirects = MCR_HTTP_REDIRECTS_GO,
        .sleep = on_sleep,
        .sleep_self = w,
    };
}

static void open_rest(world *w)
{
    w->rest = mcr_kube_rest_new(&w->options);
}

static void end_world(world *w)
{
    mcr_kube_rest_free(w->rest);
    mcr_http_free(w->http);
    ev_loop_destroy(w->loop);
    scripted_server_free(w->server);
}

static void copy(char *to, size_t size, mcr_str s)
{
    snprintf(to, size, "%.*s", (int)s.len, s.ptr ? s.ptr : "");
}

static void on_done(void *self, const mcr_kube_result *result)
{
    world *w = self;
    w->answers++;
    w->ok = result->ok;
    w->unsure = result->unsure;
    w->retry_after = result->retry_after_ns;
    w->class = result->error.class;
    w->code = result->error.code;
    copy(w->reason, sizeof w->reason, result->error.reason);
    copy(w->text, sizeof w->text, result->error.text);
    copy(w->cause, sizeof w->cause, result->error.n_causes ? result->error.causes[0] : MCR_STR(""));
    assert_true(!result->ok || result->answer);
    copy(w->version, sizeof w->version,
         result->ok ? result->answer->metadata.resourceVersion : MCR_STR(""));
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    fail_msg("no answer in a minute");
}

static void run(world *w, int answers)
{
    ev_timer timer;
    ev_timer_init(&timer, on_late, 60, 0);
    ev_now_update(w->loop);
    ev_timer_start(w->loop, &timer);
    while (w->answers < answers)
        ev_run(w->loop, EVRUN_ONCE);
    ev_timer_stop(w->loop, &timer);
}

static mcr_event *named(const char *namespace, const char *name)
{
    mcr_event fields = sample_fields();
    fields.metadata.name = mcr_str_of(name);
    fields.metadata.namespace = mcr_str_of(namespace);
    return mcr_event_new(&fields);
}

static void ask(world *w, bool post, const char *namespace, const char *name)
{
    mcr_event *ev = named(namespace, name);
    int answers = w->answers;
    if (post)
        mcr_kube_create(w->rest, ev, on_done, w);
    else
        mcr_kube_patch(w->rest, ev, MCR_STR("{\"count\":3}"), on_done, w);
    mcr_event_unref(ev);
    assert_int_equal(w->answers, answers); // not from within
    run(w, answers + 1);
}

static void what_is_asked(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    scripted_server_answer(w.server, (scripted_reply){ .mode = SCRIPTED_ECHO });
    open_rest(&w);
    mcr_event fields = sample_fields();
    fields.metadata.resourceVersion = MCR_STR("77"); // which is not sent
    mcr_event *ev = mcr_event_new(&fields);
    mcr_kube_create(w.rest, ev, on_done, &w);
    mcr_event_unref(ev);
    run(&w, 1);
    assert_true(w.ok);
    const scripted_request *post = scripted_server_request(w.server, 0);
    assert_string_equal(post->method, "POST");
    assert_string_equal(post->uri, "/api/v1/namespaces/default/events");
    char value[128];
    assert_true(scripted_request_header(post, "Accept", value, sizeof value));
    assert_string_equal(value, "application/json, */*");
    assert_true(scripted_request_header(post, "Content-Type", value, sizeof value));
    assert_string_equal(value, "application/json");
    assert_false(scripted_request_header(post, "Authorization", value, sizeof value));
    assert_non_null(strstr(post->body, "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":"));
    assert_null(strstr(post->body, "resourceVersion"));
    assert_int_equal(post->body[post->body_len - 1], '\n');

    ask(&w, false, "default", "a.1");
    const scripted_request *patch = scripted_server_request(w.server, 1);
    assert_string_equal(patch->method, "PATCH");
    assert_string_equal(patch->uri, "/api/v1/namespaces/default/events/a.1");
    assert_true(scripted_request_header(patch, "Content-Type", value, sizeof value));
    assert_string_equal(value, "application/strategic-merge-patch+json");
    assert_string_equal(patch->body, "{\"count\":3}");
    end_world(&w);
}

static void names_in_urls(void **state)
{
    (void)state;
    static const struct {
        bool post;
        const char *namespace, *name;
        const char *uri;  // NULL: nothing is asked,
        const char *text; // and this is why
    } rows[] = {
        { true, "", "a.1", "/api/v1/events", NULL },
        { false, "", "a.1", "/api/v1/events/a.1", NULL },
        { true, "my-ns", "a/b", "/api/v1/namespaces/my-ns/events", NULL },
        { false, "my-ns", "sp ace", "/api/v1/namespaces/my-ns/events/sp%20ace", NULL },
        { false, "my-ns", "é.1", "/api/v1/namespaces/my-ns/events/%C3%A9.1", NULL },
        { false, "my-ns", "a?b#c", "/api/v1/namespaces/my-ns/events/a%3Fb%23c", NULL },
        { false, "my-ns", "$&+,:;=@-_.~", "/api/v1/namespaces/my-ns/events/$&+,:;=@-_.~", NULL },
        { false, "my-ns", "a%b.1", NULL, "invalid resource name \"a%b.1\": [may not contain '%']" },
        { false, "my-ns", "a/%", NULL,
          "invalid resource name \"a/%\": [may not contain '/' may not contain '%']" },
        { false, "my-ns", "..", NULL, "invalid resource name \"..\": [may not be '..']" },
        { false, "my-ns", "", NULL, "resource name may not be empty" },
        { true, "a/b", "x", NULL, "invalid namespace \"a/b\": [may not contain '/']" },
        { true, ".", "x", NULL, "invalid namespace \".\": [may not be '.']" },
    };
    world w;
    begin_world(&w);
    scripted_server_answer(w.server, (scripted_reply){ .headers = JSON, .body = MCR_STR("{}") });
    open_rest(&w);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scripted_server_forget(w.server);
        ask(&w, rows[i].post, rows[i].namespace, rows[i].name);
        assert_int_equal(scripted_server_requests(w.server), rows[i].uri != NULL);
        assert_int_equal(w.ok, rows[i].uri != NULL);
        if (rows[i].uri) {
            assert_string_equal(scripted_server_request(w.server, 0)->uri, rows[i].uri);
        } else {
            assert_int_equal(w.class, MCR_WRITE_OTHER);
            assert_string_equal(w.text, rows[i].text);
            assert_false(w.unsure);
        }
    }
    end_world(&w);
}

static void as_somebody_else(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.impersonate = "system:serviceaccount:a:b";
    open_rest(&w);
    ask(&w, true, "my-ns", "a.1");
    char value[64];
    assert_true(scripted_request_header(scripted_server_request(w.server, 0), "Impersonate-User",
                                        value, sizeof value));
    assert_string_equal(value, "system:serviceaccount:a:b");
    end_world(&w);
}

static void the_server_is_told_of_the_timeout(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.told_timeout_ns = 90000 * MS;
    open_rest(&w);
    ask(&w, true, "my-ns", "a.1");
    ask(&w, false, "my-ns", "a.1");
    assert_string_equal(scripted_server_request(w.server, 0)->uri,
                        "/api/v1/namespaces/my-ns/events?timeout=1m30s");
    assert_string_equal(scripted_server_request(w.server, 1)->uri,
                        "/api/v1/namespaces/my-ns/events/a.1?timeout=1m30s");
    end_world(&w);
}

static void a_client_for_one_namespace(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.namespace = "other-ns";
    open_rest(&w);
    ask(&w, true, "my-ns", "a.1");
    assert_string_equal(w.text,
                        "can't create an event with namespace 'my-ns' in namespace 'other-ns'");
    ask(&w, false, "my-ns", "a.1");
    assert_string_equal(w.text,
                        "can't patch an event with namespace 'my-ns' in namespace 'other-ns'");
    assert_int_equal(scripted_server_requests(w.server), 0);
    end_world(&w);
}

#define EVENT                                                                                      \
    "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"555\"}}"
#define STATUS(rest) "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{}," rest "}"
#define NO_MORE(code)                                                                              \
    "the server responded with the status code " code " but did not return more information"

static const struct answer_row {
    int status;
    const char *headers, *body;
    bool ok;
    const char *version;         // when ok
    mcr_write_error_class class; // when not
    int code;
    const char *reason, *text; // without " (post events)"
} answer_rows[] = {
    { 200, JSON, EVENT, .ok = true, .version = "555" },
    { 201, JSON, EVENT, .ok = true, .version = "555" },
    { 206, JSON, EVENT, .ok = true, .version = "555" },
    { 200, NULL, EVENT, .ok = true, .version = "555" },
    { 200, "Content-Type: application/json; charset=utf-8\n", EVENT, .ok = true, .version = "555" },
    { 200, JSON, "{}", .ok = true, .version = "" },
    { 200, JSON, STATUS("\"status\":\"Success\""), .ok = true, .version = "" },
    { 200, JSON, "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{}}", .ok = true,
      .version = "" },
    { 200, JSON, "",
      .text = "0-length response with status code: 200 and content type: application/json" },
    { 200, "Content-Type: text/html\n", "<html>",
      .text = "serializer for text/html doesn't exist" },
    { 200, JSON, "OK", .text = NULL },
    { 200, JSON, "{\"kind\":\"Zork\",\"apiVersion\":\"v1\"}", .text = NULL },
    { 200, JSON, "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"count\":\"3\"}", .text = NULL },
    { 200, JSON,
      STATUS("\"status\":\"Failure\",\"reason\":\"Gone\",\"code\":410,\"message\":\"m\""),
      .class = MCR_WRITE_STATUS, .code = 410, .reason = "Gone", .text = "m" },
    { 200, "Content-Type: /;\n", EVENT, .class = MCR_WRITE_STATUS, .code = 500,
      .reason = "InternalError" },
    { 200, "Content-Type: application/json; charset\n", EVENT, .class = MCR_WRITE_STATUS,
      .code = 500, .reason = "InternalError" },
    { 200, "Content-Type: APPLICATION/JSON;\n", EVENT, .ok = true, .version = "555" },
    { 200, "Content-Type: application/yaml\n", EVENT, .ok = true, .version = "555" },
    { 200, JSON, "null", .ok = true, .version = "" },
    { 200, JSON,
      "{\"kind\":\"Event\",\"apiVersion\":\"events.k8s.io/v1\",\"metadata\":{"
      "\"resourceVersion\":\"7\"}}",
      .ok = true, .version = "" },
    { 200, JSON, EVENT "x", .text = NULL },
    { 207, JSON, EVENT, .class = MCR_WRITE_STATUS, .code = 207, .reason = "",
      .text = NO_MORE("207") },
    { 304, NULL, "", .class = MCR_WRITE_STATUS, .code = 304, .reason = "", .text = NO_MORE("304") },
    { 403, JSON,
      STATUS("\"status\":\"Failure\",\"message\":\"no\",\"reason\":\"Forbidden\",\"code\":403"),
      .class = MCR_WRITE_STATUS, .code = 403, .reason = "Forbidden", .text = "no" },
    // The Status' own code and reason count.
    { 500, JSON,
      STATUS("\"status\":\"Failure\",\"message\":\"nope\",\"reason\":\"NotFound\",\"code\":404"),
      .class = MCR_WRITE_STATUS, .code = 404, .reason = "NotFound", .text = "nope" },
    { 404, JSON, STATUS("\"status\":\"Failure\",\"reason\":\"NotFound\",\"message\":\"m\""),
      .class = MCR_WRITE_STATUS, .code = 0, .reason = "NotFound", .text = "m" },
    // One that does not say Failure, is not whole or not well-typed is none.
    { 404, JSON, STATUS("\"message\":\"m\",\"code\":410"), .class = MCR_WRITE_STATUS, .code = 404,
      .reason = "NotFound" },
    { 404, JSON, STATUS("\"status\":\"Failure\",\"code\":410") "x", .class = MCR_WRITE_STATUS,
      .code = 404, .reason = "NotFound" },
    { 404, JSON, STATUS("\"status\":\"Failure\",\"code\":\"410\""), .class = MCR_WRITE_STATUS,
      .code = 404, .reason = "NotFound" },
    { 404, JSON, STATUS("\"status\":\"Failure\",\"details\":{\"causes\":{}},\"code\":410"),
      .class = MCR_WRITE_STATUS, .code = 404, .reason = "NotFound" },
    // A Status in something else is none.
    { 504, TEXT, STATUS("\"status\":\"Failure\",\"code\":504"), .class = MCR_WRITE_STATUS,
      .code = 504, .reason = "Timeout",
      .text = "the server was unable to return a response in the time allotted, but may still be "
              "processing the request" },
    { 400, JSON, "oops", .class = MCR_WRITE_STATUS, .code = 400, .reason = "BadRequest",
      .text = "the server rejected our request for an unknown reason" },
    { 401, NULL, "", .class = MCR_WRITE_STATUS, .code = 401, .reason = "Unauthorized",
      .text = "the server has asked for the client to provide credentials" },
    { 402, TEXT, "go away\n", .class = MCR_WRITE_STATUS, .code = 402, .reason = "",
      .text = NO_MORE("402") },
    { 403, TEXT, "go away\n", .class = MCR_WRITE_STATUS, .code = 403, .reason = "Forbidden",
      .text = "go away" },
    { 403, NULL, "", .class = MCR_WRITE_STATUS, .code = 403, .reason = "Forbidden", .text = "" },
    { 404, TEXT, "404 page not found", .class = MCR_WRITE_STATUS, .code = 404, .reason = "NotFound",
      .text = "the server could not find the requested resource" },
    { 406, JSON, "oops", .class = MCR_WRITE_STATUS, .code = 406, .reason = "NotAcceptable",
      .text = "the server was unable to respond with a content type that the client supports" },
    { 409, TEXT, "x", .class = MCR_WRITE_STATUS, .code = 409, .reason = "AlreadyExists",
      .text = "the server reported a conflict" },
    { 415, JSON, "oops", .class = MCR_WRITE_STATUS, .code = 415, .reason = "UnsupportedMediaType",
      .text = "unknown" },
    { 422, NULL, "", .class = MCR_WRITE_STATUS, .code = 422, .reason = "Invalid",
      .text = "the server rejected our request due to an error in our request" },
    { 429, TEXT, "later", .class = MCR_WRITE_STATUS, .code = 429, .reason = "TooManyRequests",
      .text = "the server has received too many requests and has asked us to try again later" },
    { 500, TEXT, "a \"b\"\n", .class = MCR_WRITE_STATUS, .code = 500, .reason = "InternalError",
      .text =
          "an error on the server (\"a \\\"b\\\"\") has prevented the request from succeeding" },
    { 599, JSON, "oops", .class = MCR_WRITE_STATUS, .code = 599, .reason = "InternalError",
      .text = "an error on the server (\"unknown\") has prevented the request from succeeding" },
};

static void each_answer(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    open_rest(&w);
    for (size_t i = 0; i < sizeof answer_rows / sizeof *answer_rows; i++) {
        const struct answer_row *row = &answer_rows[i];
        scripted_server_clear(w.server);
        scripted_server_answer(w.server, (scripted_reply){ .status = row->status,
                                                           .headers = row->headers,
                                                           .body = mcr_str_of(row->body) });
        ask(&w, true, "my-ns", "a.1");
        if (w.ok != row->ok || w.class != row->class || w.code != row->code)
            fail_msg("row %zu: ok %d, class %d, code %d, '%s'", i, w.ok, w.class, w.code, w.text);
        if (row->ok)
            assert_string_equal(w.version, row->version);
        if (row->reason)
            assert_string_equal(w.reason, row->reason);
        // What was taken, but answered in a way that cannot be read, may be there.
        assert_int_equal(w.unsure, !row->ok && row->status < 207 && row->code != 410);
        char text[512];
        bool generic = row->class == MCR_WRITE_STATUS && row->text &&
                       !(row->body[0] == '{' && row->headers && !strcmp(row->headers, JSON) &&
                         row->status != 207);
        snprintf(text, sizeof text, "%s%s", row->text ? row->text : "",
                 generic ? " (post events)" : "");
        if (row->text)
            assert_string_equal(w.text, text);
    }
    // A patch has its name in the text, and a conflict is one.
    ask(&w, false, "my-ns", "a.1");
    assert_string_equal(w.text, "an error on the server (\"unknown\") has prevented the request "
                                "from succeeding (patch events a.1)");
    scripted_server_clear(w.server);
    scripted_server_answer(w.server, (scripted_reply){ .status = 409 });
    ask(&w, false, "my-ns", "a.1");
    assert_string_equal(w.reason, "Conflict");
    scripted_server_clear(w.server);
    scripted_server_answer(
        w.server,
        (scripted_reply){
            .status = 403,
            .headers = JSON,
            .body = MCR_STR(STATUS("\"status\":\"Failure\",\"details\":{\"causes\":[{\"reason\":"
                                   "\"NamespaceTerminating\"}]},\"code\":403")) });
    ask(&w, true, "my-ns", "a.1");
    assert_string_equal(w.cause, "NamespaceTerminating");
    end_world(&w);
}

static void requests_that_come_to_nothing(void **state)
{
    (void)state;
    static const struct {
        scripted_reply reply;
        bool unsure;
        const char *text; // a part of it
    } rows[] = {
        { { .mode = SCRIPTED_CLOSE }, true, "Post \"http://127.0.0.1:" },
        { { .mode = SCRIPTED_RESET }, true, "/api/v1/namespaces/my-ns/events\": " },
        { { .mode = SCRIPTED_HANG }, true, "Post \"" },
        { { .mode = SCRIPTED_TRUNCATE, .status = 500, .body = MCR_STR("{") },
          true,
          "unexpected error when reading response body. Please retry. Original error: unexpected "
          "EOF" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world w;
        begin_world(&w);
        w.options.timeout_ns = 200 * MS;
        scripted_server_answer(w.server, rows[i].reply);
        open_rest(&w);
        ask(&w, true, "my-ns", "a.1");
        assert_false(w.ok);
        assert_int_equal(w.class, MCR_WRITE_OTHER);
        assert_int_equal(w.unsure, rows[i].unsure);
        assert_non_null(strstr(w.text, rows[i].text));
        end_world(&w);
    }
    world w;
    begin_world(&w);
    scripted_server_stop(w.server);
    open_rest(&w);
    ask(&w, true, "my-ns", "a.1");
    assert_int_equal(w.class, MCR_WRITE_OTHER);
    assert_false(w.unsure);
    end_world(&w);
}

static void retry_after(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *headers;
        int times;         // that the server says so
        int asked;         // requests, of at most 11
        int64_t slept;     // the last time
        int64_t handed_up; // when it was no use
    } rows[] = {
        { 429, "Retry-After: 3\n", 1, 2, 3 * SECOND, -1 },
        { 500, "Retry-After: +0\n", 1, 2, 0, -1 },
        { 503, "Retry-After: -3\n", 10, 11, 0, -1 },
        { 429, "Retry-After: 1\n", 11, 11, SECOND, SECOND },
        { 429, "Retry-After: 1.5\n", 1, 1, 0, -1 },
        { 429, "Retry-After: 0x0\n", 1, 1, 0, -1 },
        { 429, "Retry-After: Wed, 21 Oct 2037 07:28:00 GMT\n", 1, 1, 0, -1 },
        { 429, NULL, 1, 1, 0, -1 },
        { 404, "Retry-After: 1\n", 1, 1, 0, SECOND },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world w;
        begin_world(&w);
        w.options.retry_after = 10;
        for (int n = 0; n < rows[i].times; n++)
            scripted_server_answer(
                w.server, (scripted_reply){ .status = rows[i].status, .headers = rows[i].headers });
        scripted_server_answer(w.server, (scripted_reply){ .mode = SCRIPTED_ECHO });
        open_rest(&w);
        ask(&w, true, "my-ns", "a.1");
        assert_int_equal(scripted_server_requests(w.server), rows[i].asked);
        assert_int_equal(w.ok, rows[i].asked > rows[i].times);
        assert_int_equal(w.sleeps, rows[i].asked - 1);
        assert_int_equal(w.slept, rows[i].slept);
        assert_int_equal(w.retry_after, rows[i].handed_up);
        end_world(&w);
    }
    // Asked for no sleeps, it hands them up.
    world w;
    begin_world(&w);
    scripted_server_answer(w.server,
                           (scripted_reply){ .status = 429, .headers = "Retry-After: 7\n" });
    open_rest(&w);
    ask(&w, true, "my-ns", "a.1");
    assert_int_equal(w.retry_after, 7 * SECOND);
    assert_int_equal(scripted_server_requests(w.server), 1);
    end_world(&w);
}

static void the_limiter_holds_calls_back(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.qps = 1000;
    w.options.burst = 2;
    scripted_server_answer(w.server, (scripted_reply){ .mode = SCRIPTED_ECHO });
    open_rest(&w);
    mcr_event *ev = named("my-ns", "a.1");
    mcr_kube_call *third = NULL;
    for (int i = 0; i < 4; i++) {
        mcr_kube_call *call = mcr_kube_create(w.rest, ev, on_done, &w);
        third = i == 2 ? call : third;
    }
    mcr_event_unref(ev);
    run(&w, 2); // the clock stands still
    for (int i = 0; i < 20; i++)
        ev_run(w.loop, EVRUN_NOWAIT);
    assert_int_equal(scripted_server_requests(w.server), 2);
    mcr_kube_cancel(third);
    w.now += 2 * MS;
    run(&w, 3);
    assert_int_equal(scripted_server_requests(w.server), 3);
    end_world(&w);
    assert_int_equal(w.answers, 3);
}

static void cancelled_calls_say_nothing(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    scripted_server_answer(w.server, (scripted_reply){ .mode = SCRIPTED_HANG });
    open_rest(&w);
    mcr_event *ev = named("my-ns", "a.1"), *bad = named("my-ns", "");
    mcr_kube_call *hangs = mcr_kube_create(w.rest, ev, on_done, &w);
    mcr_kube_create(w.rest, ev, on_done, &w);
    mcr_kube_call *fails = mcr_kube_patch(w.rest, bad, MCR_STR("{}"), on_done, &w);
    mcr_event_unref(ev);
    mcr_event_unref(bad);
    while (scripted_server_requests(w.server) < 1)
        ev_run(w.loop, EVRUN_NOWAIT);
    int answers = w.answers; // that of the bad name may be there
    if (!answers)
        mcr_kube_cancel(fails);
    mcr_kube_cancel(hangs);
    end_world(&w);
    assert_int_equal(w.answers, answers);
}

int main(void)
{
    mcr_log_set_level(MCR_LOG_ERROR);
    mcr_http_global_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked),
        cmocka_unit_test(names_in_urls),
        cmocka_unit_test(as_somebody_else),
        cmocka_unit_test(the_server_is_told_of_the_timeout),
        cmocka_unit_test(a_client_for_one_namespace),
        cmocka_unit_test(each_answer),
        cmocka_unit_test(requests_that_come_to_nothing),
        cmocka_unit_test(retry_after),
        cmocka_unit_test(the_limiter_holds_calls_back),
        cmocka_unit_test(cancelled_calls_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
