// The sink "webhook": what its requests say, and what its options may not.

#include "webhook_fixture.h"

static void credentials(void **state)
{
    static const struct {
        setting settings[2];
        size_t n;
        const char *userinfo; // in the URL
        const char *authorization;
    } cases[] = {
        { { { "bearer", "tok\n", 0 } }, 1, "", "Bearer tok" },
        { { { "user", "jane", 0 }, { "password", "p:w", 0 } }, 2, "", "Basic amFuZTpwOnc=" },
        { { { NULL, NULL, 0 } }, 0, "us%40er:p%3Aw@", "Basic dXNAZXI6cDp3" },
        { { { NULL, NULL, 0 } }, 0, "jane@", "Basic amFuZTo=" },
        { { { "headers.authorization", "ApiKey x", 0 } }, 1, "a:b@", "ApiKey x" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char url[64];
        setting settings[3];
        snprintf(url, sizeof url, "http://%s127.0.0.1:%d/x?y=z", cases[i].userinfo,
                 scripted_server_port(f.server));
        memcpy(settings, cases[i].settings, sizeof cases[i].settings);
        settings[cases[i].n] = (setting){ "url", url, 0 };
        begin(settings, cases[i].n + 1);
        write_number(1);
        run_until_settled(1);
        assert_string_equal(header(0, "Authorization"), cases[i].authorization);
        assert_string_equal(scripted_server_request(f.server, 0)->uri, "/x?y=z");
        if (i + 1 < sizeof cases / sizeof *cases) {
            teardown(state);
            setup(state);
        }
    }
}

static void bearer_files_are_read_again(void **state)
{
    (void)state;
    char *path = scratch_path("token");
    setting settings[] = { { "bearer_file", path, 0 } };
    begin(settings, 1);
    scripted_server_answer(f.server, (scripted_reply){ .status = 401, .body = MCR_STR("old one") });
    scripted_server_answer(f.server, (scripted_reply){ .status = 401, .body = MCR_STR("old one") });
    scripted_server_answer(f.server, (scripted_reply){ .status = 200 });
    write_number(1); // there is no file yet: waits for another try
    ev_run(f.loop, EVRUN_NOWAIT);
    assert_int_equal(f.sink->counts.in_flight, 1);
    FILE *file = fopen(path, "w");
    fputs("old one", file);
    fclose(file);
    while (scripted_server_requests(f.server) < 1)
        ev_run(f.loop, EVRUN_NOWAIT);
    file = fopen(path, "w");
    fputs("new one", file);
    fclose(file);
    run_until_settled(1);
    assert_int_equal(f.sink->counts.delivered, 1);
    assert_string_equal(header(0, "Authorization"), "Bearer old one");
    assert_string_equal(header(2, "Authorization"), "Bearer new one");
    remove_scratch(path);
}

static void without_a_token_nothing_is_sent(void **state)
{
    (void)state;
    setting settings[] = { { "bearer_file", "/nonexistent/token", 0 },
                           { "retry.deadline", NULL, 20 },
                           { "retry.wait", NULL, 60 },
                           { "max_in_flight", NULL, 2 } };
    begin(settings, 4);
    for (int i = 1; i <= 4; i++)
        write_number(i);
    run_until_settled(4);
    assert_int_equal(f.sink->counts.dead_lettered, 4);
    assert_dead("not delivered within 20s; last: token file '/nonexistent/token': No such file or "
                "directory");
    assert_int_equal(scripted_server_requests(f.server), 0);
    write_number(5); // its try has not ended when the sink is closed
}

static void secrets_are_crossed_out(void **state)
{
    (void)state;
    char url[80];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/services/path-secret?key=query-secret",
             scripted_server_port(f.server));
    setting settings[] = { { "bearer", "token-secret", 0 }, { "url", url, 0 } };
    begin(settings, 2);
    scripted_server_answer(
        f.server,
        (scripted_reply){ .status = 403, .body = MCR_STR("no token-secret, token-secret!") });
    write_number(1);
    run_until_settled(1);
    char expected[128];
    snprintf(expected, sizeof expected,
             "POST http://127.0.0.1:%d/…: answered 403: no ************, ************!",
             scripted_server_port(f.server));
    assert_dead(expected);
    mcr_buf text = read_file(f.dead_path);
    assert_null(strstr(mcr_buf_cstr(&text), "secret"));
    mcr_buf_fini(&text);
}

static void long_answers_are_cut(void **state)
{
    (void)state;
    begin(NULL, 0);
    mcr_buf answer = { 0 }, expected = { 0 };
    for (int i = 0; i < 700; i++)
        mcr_buf_puts(&answer, "é");
    scripted_server_answer(f.server,
                           (scripted_reply){ .status = 400, .body = mcr_buf_str(&answer) });
    write_number(1);
    run_until_settled(1);
    mcr_buf_printf(&expected,
                   "POST http://127.0.0.1:%d: answered 400: ", scripted_server_port(f.server));
    mcr_buf_append(&expected, answer.ptr, 1000);
    mcr_buf_puts(&expected, "…");
    assert_dead(mcr_buf_cstr(&expected));
    mcr_buf_fini(&answer);
    mcr_buf_fini(&expected);
}

// What the hook does is the event's number.
static mcr_render_result render(void *self, mcr_event *ev, const char *sink, mcr_rendered *out,
                                mcr_errbuf *err)
{
    const char *elsewhere = self;
    assert_string_equal(sink, "hook");
    switch (ev->raw.ptr[5]) {
    case '1':
        return MCR_RENDER_NONE;
    case '2':
        mcr_buf_puts(&out->body, "\"two\"");
        mcr_buf_puts(&out->headers, "X-Own: yes\nContent-Type: text/plain\n");
        return MCR_RENDER_DONE;
    case '3':
        return MCR_RENDER_SUPPRESS;
    case '4':
        mcr_buf_puts(&out->body, "half");
        mcr_errf(err, MCR_ESCRIPT, "render.lua:3: oh");
        return MCR_RENDER_FAILED;
    case '5':
        mcr_buf_printf(&out->url, "%s/five", elsewhere);
        mcr_buf_puts(&out->method, "PATCH");
        return MCR_RENDER_DONE;
    case '6':
        mcr_buf_puts(&out->headers, "Content-Length: 3\n");
        return MCR_RENDER_DONE;
    case '7':
        mcr_buf_puts(&out->url, "ftp://x");
        return MCR_RENDER_DONE;
    case '8':
        mcr_buf_puts(&out->headers, "X: a\rb\n");
        return MCR_RENDER_DONE;
    default:
        return MCR_RENDER_NONE;
    }
}

static void hooks_render(void **state)
{
    (void)state;
    scripted_server *other = scripted_server_new(NULL);
    setting settings[] = { { "bearer", "token", 0 }, { "batch.events", NULL, 2 } };
    begin(settings, 2);
    f.sink->render =
        (mcr_render_hook){ .call = render, .self = (void *)(uintptr_t)scripted_server_url(other) };
    for (int i = 1; i <= 9; i++)
        write_number(i);
    assert_int_equal(f.sink->counts.suppressed, 1);
    assert_int_equal(f.sink->counts.dead_lettered, 4);
    assert_dead("render.lua:3: oh");
    assert_dead("header 'Content-Length' is not yours to set");
    assert_dead("the URL must begin with http:// or https://");
    assert_dead("header 'X' has control characters in it");
    f.sink->kind->drain(f.sink, f.now);
    run_until_settled(9);
    assert_int_equal(f.sink->counts.delivered, 4);
    assert_int_equal(scripted_server_requests(f.server), 2);
    size_t together = strcmp(header(0, "X-Own"), "-") == 0 ? 0 : 1; // at once, so in any order
    assert_string_equal(body(together), "[{\"n\":1},{\"n\":9}]");
    assert_string_equal(body(1 - together), "[\"two\"]");
    assert_string_equal(header(1 - together, "Content-Type"), "text/plain");
    assert_string_equal(header(1 - together, "Authorization"), "Bearer token");
    const scripted_request *asked = scripted_server_request(other, 0);
    assert_string_equal(asked->method, "PATCH");
    assert_string_equal(asked->uri, "/five");
    assert_string_equal(asked->body, "[{\"n\":5}]");
    char value[64];
    assert_false(scripted_request_header(asked, "Authorization", value, sizeof value));
    scripted_server_free(other);
}

static void templates_fill_in(void **state)
{
    (void)state;
    char url[128];
    snprintf(url, sizeof url, "%s/{{involvedObject.namespace}}/{{metadata.name}}",
             scripted_server_url(f.server));
    setting settings[] = { { "url", url, 0 },
                           { "body", "{\"text\": \"{{reason}}: {{metadata.name}}\"}", 0 } };
    begin(settings, 2);
    write_number(1);
    run_until_settled(1);
    assert_string_equal(body(0), "{\"text\": \"Started: {\\\"n\\\":1}\"}");
    assert_string_equal(scripted_server_request(f.server, 0)->uri, "/default/%7B%22n%22%3A1%7D");
}

static void bodies_are_escaped_for_their_type(void **state)
{
    static const struct {
        const char *type;
        const char *body;
    } cases[] = {
        { "text/plain", "t=Started container web" },
        { "application/x-www-form-urlencoded", "t=Started%20container%20web" },
        { "application/vnd.api+json", "t=\"Started container web\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setting settings[] = { { "body", "t={{message}}", 0 },
                               { "headers.content-type", cases[i].type, 0 } };
        begin(settings, 2);
        write_number(1);
        run_until_settled(1);
        assert_string_equal(body(0), cases[i].body);
        assert_string_equal(header(0, "Content-Type"), cases[i].type);
        if (i + 1 < sizeof cases / sizeof *cases) {
            teardown(state);
            setup(state);
        }
    }
}

static void redirects_keep_the_body(void **state)
{
    (void)state;
    begin(NULL, 0);
    scripted_server_answer(f.server,
                           (scripted_reply){ .status = 307, .headers = "Location: /else\n" });
    scripted_server_answer(f.server, (scripted_reply){ .status = 201 });
    write_number(1);
    run_until_settled(1);
    assert_int_equal(f.sink->counts.delivered, 1);
    assert_string_equal(scripted_server_request(f.server, 1)->uri, "/else");
    assert_string_equal(scripted_server_request(f.server, 1)->method, "POST");
    assert_string_equal(body(1), "{\"n\":1}");
}

static void mistakes_are_explained(void **state)
{
    (void)state;
    static const struct {
        setting settings[3];
        size_t n;
        const char *option;
        const char *says;
    } cases[] = {
        { { { "url", "ftp://x", 0 } }, 1, "url", "the URL must begin with http:// or https://" },
        { { { "url", "http://x/a b", 0 } },
          1,
          "url",
          "the URL has white space or control characters in it" },
        { { { "url", "http://x/{{nmae}}", 0 }, { "body", "{{reson}}", 0 } },
          2,
          "body",
          "1:3: no field 'reson' in an event; did you mean 'reason'?" },
        { { { "url", "http://x/{{reson}}", 0 } },
          1,
          "url",
          "1:12: no field 'reson' in an event; did you mean 'reason'?" },
        { { { "method", "post", 0 } },
          1,
          "method",
          "the method must be capital letters, such as POST" },
        { { { "headers.A B", "x", 0 } }, 1, "headers", "a header has no name that HTTP allows" },
        { { { "headers.A:B", "x", 0 } }, 1, "headers", "a header has no name that HTTP allows" },
        { { { "headers.A", "x\ny: z", 0 } },
          1,
          "headers",
          "header 'A' has control characters in it" },
        { { { "headers.content-length", "3", 0 } },
          1,
          "headers",
          "header 'Content-Length' is not yours to set" },
        { { { "batch.events", NULL, 0 } },
          1,
          "batch.events",
          "'batch.events' must be from 1 to 100000" },
        { { { "batch.events", NULL, 20000 } },
          1,
          "queue",
          "'queue' must hold at least one batch (batch.events)" },
        { { { "batch.bytes", NULL, 0 } },
          1,
          "batch.bytes",
          "'batch.bytes' must be from 1B to 1GiB" },
        { { { "max_in_flight", NULL, 0 } },
          1,
          "max_in_flight",
          "'max_in_flight' must be from 1 to 1000" },
        { { { "retry.attempts", NULL, 0 }, { "retry.deadline", NULL, 0 } },
          2,
          "retry.attempts",
          "'retry.attempts' and 'retry.deadline' cannot both be 0: one must end the tries" },
        { { { "retry.statuses", "4x", 0 } },
          1,
          "retry.statuses",
          "'retry.statuses' lists statuses such as 429 or \"5xx\", not '4x'" },
        { { { "retry.statuses", "200", 0 } },
          1,
          "retry.statuses",
          "'retry.statuses' lists statuses such as 429 or \"5xx\", not '200'" },
        { { { "rate", NULL, 1 }, { "burst", NULL, 0 } },
          2,
          "burst",
          "'burst' must be at least 1 with 'rate'" },
        { { { "bearer", "\n", 0 } },
          1,
          "bearer",
          "'bearer' is empty or has control characters in it" },
        { { { "bearer", "x", 0 }, { "user", "y", 0 } },
          2,
          "user",
          "only one of 'bearer', 'bearer_file' and 'user' can be used" },
        { { { "bearer", "x", 0 }, { "headers.authorization", "y", 0 } },
          2,
          "bearer",
          "'bearer' and an Authorization header or a user in the URL: only one can be used" },
        { { { "bearer_file", "x", 0 }, { "url", "https://u:p@h", 0 } },
          2,
          "bearer_file",
          "'bearer_file' and an Authorization header or a user in the URL: only one can be used" },
        { { { "password", "x", 0 } }, 1, "password", "'password' needs a 'user'" },
        { { { "tls.cert", "x", 0 } }, 1, "tls.cert", "'tls.cert' and 'tls.key' need each other" },
        { { { "tls.ca", "x", 0 }, { "tls.insecure", NULL, TRUE } },
          2,
          "tls.insecure",
          "with 'tls.insecure', 'tls.ca' means nothing; take one out" },
    };
    const mcr_sink_kind *kind = mcr_sink_kind_find("webhook");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        prepare(cases[i].settings, cases[i].n);
        mcr_errbuf err = { "" };
        const char *option = kind->check(f.options, &err);
        assert_string_equal(err.text, cases[i].says);
        assert_string_equal(option, cases[i].option);
        assert_null(kind->open(f.options, &err));
        mcr_options_fini(f.options, kind->options);
        free(f.options);
        f.options = NULL;
    }
}

#define TLS_FILE(name) (MCR_TEST_DATA "/tls/" name)

static void certificates_are_shown_and_checked(void **state)
{
    (void)state;
    scripted_server *server =
        scripted_server_new(&(scripted_tls){ .cert_file = TLS_FILE("server.pem"),
                                             .key_file = TLS_FILE("server-key.pem"),
                                             .client_ca_file = TLS_FILE("ca.pem") });
    static const struct {
        const char *ca;
        bool cert;
        bool delivered;
    } cases[] = { { "ca.pem", true, true },
                  { "ca.pem", false, false },
                  { "other-ca.pem", true, false },
                  { NULL, true, true } }; // insecure
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char ca[256];
        snprintf(ca, sizeof ca, "%s/tls/%s", MCR_TEST_DATA, cases[i].ca ? cases[i].ca : "");
        setting settings[7] = { { "url", scripted_server_url(server), 0 },
                                { "retry.deadline", NULL, 20 },
                                { "retry.wait", NULL, 60 } };
        size_t n = 3;
        settings[n++] =
            cases[i].ca ? (setting){ "tls.ca", ca, 0 } : (setting){ "tls.insecure", NULL, TRUE };
        if (cases[i].cert) {
            settings[n++] = (setting){ "tls.cert", TLS_FILE("client.pem"), 0 };
            settings[n++] = (setting){ "tls.key", TLS_FILE("client-key.pem"), 0 };
        }
        begin(settings, n);
        write_number(1);
        run_until_settled(1);
        assert_int_equal(f.sink->counts.delivered, cases[i].delivered);
        assert_int_equal(f.sink->counts.dead_lettered, !cases[i].delivered);
        f.sink->kind->reopen(f.sink);
        write_number(2);
        run_until_settled(2);
        assert_int_equal(f.sink->counts.delivered, cases[i].delivered ? 2 : 0);
        if (i + 1 < sizeof cases / sizeof *cases) {
            teardown(state);
            setup(state);
        }
    }
    assert_true(scripted_server_request(server, 0)->client_cert);
    scripted_server_free(server);
}

static void without_certificates_nothing_is_sent(void **state)
{
    (void)state;
    setting settings[] = { { "tls.cert", "/nonexistent/c", 0 },
                           { "tls.key", "/nonexistent/k", 0 } };
    begin(settings, 2);
    write_number(1);
    assert_int_equal(f.sink->counts.dead_lettered, 1);
    assert_int_equal(f.sink->kind->tick(f.sink, f.now), 0);
    f.sink->kind->drain(f.sink, f.now);
    f.sink->kind->reopen(f.sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WEBHOOK_CASE(credentials),
        WEBHOOK_CASE(bearer_files_are_read_again),
        WEBHOOK_CASE(without_a_token_nothing_is_sent),
        WEBHOOK_CASE(secrets_are_crossed_out),
        WEBHOOK_CASE(long_answers_are_cut),
        WEBHOOK_CASE(hooks_render),
        WEBHOOK_CASE(templates_fill_in),
        WEBHOOK_CASE(bodies_are_escaped_for_their_type),
        WEBHOOK_CASE(redirects_keep_the_body),
        WEBHOOK_CASE(mistakes_are_explained),
        WEBHOOK_CASE(certificates_are_shown_and_checked),
        WEBHOOK_CASE(without_certificates_nothing_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
