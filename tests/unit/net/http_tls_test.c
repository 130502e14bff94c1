// https, client certificates, names, proxies, HTTP/2.

#include <signal.h>
#include <unistd.h>

#include "http_fixture.h"
#include "support/nghttpd.h"

#define TLS_FILE(name) (MCR_TEST_DATA "/tls/" name)

static const scripted_tls server_tls = { .cert_file = TLS_FILE("server.pem"),
                                         .key_file = TLS_FILE("server-key.pem") };
static const scripted_tls strict_tls = { .cert_file = TLS_FILE("server.pem"),
                                         .key_file = TLS_FILE("server-key.pem"),
                                         .client_ca_file = TLS_FILE("ca.pem") };

static char *slurp(const char *path)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char *text = calloc(1, 16384);
    assert_true(fread(text, 1, 16383, file) > 0);
    fclose(file);
    return text;
}

static void test_trust(void **state)
{
    (void)state;
    char *ca = slurp(TLS_FILE("ca.pem"));
    const struct {
        mcr_http_tls tls;
        const char *host;
        mcr_http_outcome outcome;
        const char *error;
    } cases[] = {
        { { .ca_file = TLS_FILE("ca.pem") }, "127.0.0.1", MCR_HTTP_ANSWERED, "" },
        { { .ca_file = TLS_FILE("ca.pem") }, "localhost", MCR_HTTP_ANSWERED, "" },
        { { .ca_pem = ca }, "127.0.0.1", MCR_HTTP_ANSWERED, "" },
        { { .ca_pem = ca, .ca_file = "/nonexistent" }, "127.0.0.1", MCR_HTTP_ANSWERED, "" },
        { { .ca_file = NULL }, "127.0.0.1", MCR_HTTP_NOT_TRUSTED, "certificate" },
        { { .ca_file = TLS_FILE("other-ca.pem") },
          "127.0.0.1",
          MCR_HTTP_NOT_TRUSTED,
          "127.0.0.1:" },
        { { .insecure = true }, "127.0.0.1", MCR_HTTP_ANSWERED, "" },
        { { .insecure = true }, "127.0.0.2", MCR_HTTP_UNREACHED, "127.0.0.2:" },
        { { .ca_file = TLS_FILE("ca.pem"), .server_name = "kubernetes.test" },
          "127.0.0.1",
          MCR_HTTP_ANSWERED,
          "" },
        { { .ca_file = TLS_FILE("ca.pem"), .server_name = "else.test" },
          "127.0.0.1",
          MCR_HTTP_NOT_TRUSTED,
          "else.test" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f =
            fixture_new(&(mcr_http_options){ .proxy = "", .tls = cases[i].tls }, &server_tls);
        char url[256], host[64];
        snprintf(host, sizeof host, "%s:%u", cases[i].host, scripted_server_port(f.server));
        snprintf(url, sizeof url, "https://%s/path", host);
        for (int again = 0; again < 2; again++) {
            told t = ask(&f, (mcr_http_request){ .url = url }, NULL);
            assert_int_equal(t.outcome, cases[i].outcome);
            assert_contains(t.error, cases[i].error);
            assert_string_equal(t.url, url);
        }
        if (cases[i].outcome == MCR_HTTP_ANSWERED) {
            const scripted_request *asked = scripted_server_request(f.server, 1);
            assert_string_equal(asked->uri, "/path");
            assert_header(asked, "Host", host);
            assert_string_equal(asked->server_name, cases[i].tls.server_name ? "kubernetes.test"
                                                    : strcmp(cases[i].host, "localhost") == 0
                                                        ? "localhost"
                                                        : "");
            assert_int_equal(scripted_server_connections(f.server), 1);
        } else {
            assert_int_equal(scripted_server_requests(f.server), 0);
        }
        fixture_free(&f);
    }
    free(ca);
}

// A name for TLS follows a redirect to another host's URL, and so does the Host header.
static void test_server_name_and_redirect(void **state)
{
    (void)state;
    fixture f = fixture_new(&(mcr_http_options){ .proxy = "",
                                                 .tls = { .ca_file = TLS_FILE("ca.pem"),
                                                          .server_name = "kubernetes.test" } },
                            &server_tls);
    char location[128], host[64];
    snprintf(host, sizeof host, "localhost:%u", scripted_server_port(f.server));
    snprintf(location, sizeof location, "Location: https://%s/there\n", host);
    scripted_server_answer(f.server, (scripted_reply){ .status = 308, .headers = location });
    scripted_server_answer(f.server, (scripted_reply){ .status = 200 });
    told t = ask(&f, (mcr_http_request){ .url = at(&f, "/"), .redirects = MCR_HTTP_REDIRECTS_KEEP },
                 NULL);
    assert_int_equal(t.status, 200);
    const scripted_request *asked = scripted_server_request(f.server, 1);
    assert_header(asked, "Host", host);
    assert_string_equal(asked->server_name, "kubernetes.test");
    assert_string_equal(asked->uri, "/there");
    fixture_free(&f);
}

static void test_client_certificate(void **state)
{
    (void)state;
    char *cert = slurp(TLS_FILE("client.pem")), *key = slurp(TLS_FILE("client-key.pem"));
    const mcr_http_tls good[] = {
        { .ca_file = TLS_FILE("ca.pem"),
          .cert_file = TLS_FILE("client.pem"),
          .key_file = TLS_FILE("client-key.pem") },
        { .ca_file = TLS_FILE("ca.pem"), .cert_pem = cert, .key_pem = key },
        { .insecure = true, .cert_file = TLS_FILE("client.pem"), .key_pem = key },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        fixture f = fixture_new(&(mcr_http_options){ .proxy = "", .tls = good[i] }, &strict_tls);
        assert_int_equal(ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL).status, 200);
        assert_true(scripted_server_request(f.server, 0)->client_cert);
        fixture_free(&f);
    }
    // None: the server refuses. Another's key: curl does.
    static const mcr_http_tls bad[] = {
        { .ca_file = TLS_FILE("ca.pem") },
        { .ca_file = TLS_FILE("ca.pem"),
          .cert_file = TLS_FILE("client.pem"),
          .key_file = TLS_FILE("server-key.pem") },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fixture f = fixture_new(&(mcr_http_options){ .proxy = "", .tls = bad[i] }, &strict_tls);
        told t = ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL);
        if (i)
            assert_int_equal(t.outcome, MCR_HTTP_NOT_TRUSTED);
        else
            assert_true(t.outcome == MCR_HTTP_BROKEN || t.outcome == MCR_HTTP_UNREACHED);
        assert_int_equal(scripted_server_requests(f.server), 0);
        fixture_free(&f);
    }
    free(cert);
    free(key);
}

static void test_bad_files(void **state)
{
    (void)state;
    static const struct {
        mcr_http_tls tls;
        const char *error;
    } cases[] = {
        { { .ca_file = "/nonexistent/ca" },
          "cannot read the certificate authority /nonexistent/ca: No such file or directory" },
        { { .ca_file = "/" }, "cannot read the certificate authority /: Is a directory" },
        { { .ca_file = TLS_FILE("client-key.pem") },
          "client-key.pem is no PEM certificate authority" },
        { { .ca_pem = "junk" }, "the text given is no PEM certificate authority" },
        { { .cert_file = TLS_FILE("client.pem") }, "client.pem comes without a key" },
        { { .key_file = TLS_FILE("client-key.pem") },
          "client-key.pem comes without a client certificate" },
        { { .cert_file = TLS_FILE("client.pem"), .key_file = TLS_FILE("client.pem") },
          "client.pem is no PEM client key" },
        { { .cert_file = TLS_FILE("client.pem"),
            .key_pem = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n" },
          "the client key given is encrypted" },
    };
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_errbuf err = { .text = "" };
        assert_null(mcr_http_new(loop, &(mcr_http_options){ .tls = cases[i].tls }, &err));
        assert_contains(err.text, cases[i].error);
    }
    ev_loop_destroy(loop);
}

// Certificates exchanged while one request is under way: it goes on, the next has a connection of
// its own. What cannot be read changes nothing.
static void test_set_tls(void **state)
{
    (void)state;
    fixture f = fixture_new(
        &(mcr_http_options){ .proxy = "", .tls = { .ca_file = TLS_FILE("ca.pem") } }, &server_tls);
    const mcr_http_tls tls = { .ca_file = TLS_FILE("ca.pem") }, bad = { .ca_file = "/nonexistent" };
    mcr_errbuf err;
    ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL);
    assert_int_equal(mcr_http_set_tls(f.http, &bad, &err), MCR_EINVAL);
    assert_contains(err.text, "/nonexistent");
    ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL);
    assert_int_equal(scripted_server_connections(f.server), 1);

    scripted_server_answer(f.server, (scripted_reply){ .status = 202, .delay_ms = 300 });
    scripted_server_answer(f.server, (scripted_reply){ .status = 203 });
    told slow = { .times = 0 };
    mcr_http_send(f.http, &(mcr_http_request){ .method = "GET",
                                               .url = at(&f, "/"),
                                               .timeout_ns = 30 * SECONDS,
                                               .done = note,
                                               .self = &slow });
    while (scripted_server_requests(f.server) < 3)
        ev_run(f.loop, EVRUN_NOWAIT);
    assert_int_equal(mcr_http_set_tls(f.http, &tls, &err), MCR_OK);
    assert_int_equal(ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL).status, 203);
    assert_int_equal(slow.status, 202);
    assert_int_equal(scripted_server_connections(f.server), 2);
    assert_int_equal(ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL).status, 203);
    assert_int_equal(scripted_server_connections(f.server), 2);
    fixture_free(&f);
}

// A request that was begun with the old certificates leaves nothing behind that trusts by them.
static void test_set_tls_is_for_all_that_come(void **state)
{
    (void)state;
    fixture f =
        fixture_new(&(mcr_http_options){ .proxy = "", .tls = { .insecure = true } }, &server_tls);
    const mcr_http_tls strict = { .ca_file = TLS_FILE("other-ca.pem") };
    mcr_errbuf err;
    scripted_server_answer(f.server, (scripted_reply){ .delay_ms = 50 });
    told slow[3] = { { .times = 0 } };
    for (int i = 0; i < 3; i++)
        mcr_http_send(f.http, &(mcr_http_request){ .method = "GET",
                                                   .url = at(&f, "/"),
                                                   .timeout_ns = 30 * SECONDS,
                                                   .done = note,
                                                   .self = &slow[i] });
    while (scripted_server_requests(f.server) < 3)
        ev_run(f.loop, EVRUN_NOWAIT);
    assert_int_equal(mcr_http_set_tls(f.http, &strict, &err), MCR_OK);
    ev_run(f.loop, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(slow[i].status, 200);
    told t = ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL);
    assert_int_equal(t.outcome, MCR_HTTP_NOT_TRUSTED);
    fixture_free(&f);
}

// The server acts as a proxy: it is asked for the whole URL.
static void test_proxy(void **state)
{
    (void)state;
    fixture f = fixture_new(NULL, NULL);
    mcr_errbuf err;
    mcr_http_free(f.http);
    scripted_server_answer(f.server, (scripted_reply){ .status = 204 });
    f.http =
        mcr_http_new(f.loop, &(mcr_http_options){ .proxy = scripted_server_url(f.server) }, &err);
    setenv("no_proxy", "events.test", 1);
    told t = ask(&f, (mcr_http_request){ .url = "http://events.test/a" }, NULL);
    assert_int_equal(t.status, 204);
    assert_string_equal(scripted_server_request(f.server, 0)->uri, "http://events.test/a");
    assert_header(scripted_server_request(f.server, 0), "Host", "events.test");
    // For https it is asked for a tunnel, and refuses.
    scripted_server_clear(f.server);
    scripted_server_answer(f.server, (scripted_reply){ .status = 403 });
    t = ask(&f, (mcr_http_request){ .method = "POST", .url = "https://events.test/a" }, NULL);
    assert_int_equal(t.outcome, MCR_HTTP_UNREACHED);
    assert_contains(t.error, "403");
    assert_string_equal(scripted_server_request(f.server, 1)->method, "CONNECT");
    mcr_http_free(f.http);

    // The environment's, and the exceptions to it.
    scripted_server_clear(f.server);
    setenv("http_proxy", scripted_server_url(f.server), 1);
    f.http = mcr_http_new(f.loop, &(mcr_http_options){ .proxy = NULL }, &err);
    assert_int_equal(ask(&f, (mcr_http_request){ .url = "http://other.test/" }, NULL).status, 200);
    assert_string_equal(scripted_server_request(f.server, 2)->uri, "http://other.test/");
    unsetenv("http_proxy");
    unsetenv("no_proxy");
    fixture_free(&f);
}

// Which requests go through the environment's proxy, the scripted server: those it is asked for.
// The others have a name that is not known.
static void test_proxy_exceptions(void **state)
{
    (void)state;
    static const struct {
        const char *variable; // of the proxy
        const char *exceptions;
        const char *their_variable;
        const char *url;
        bool through;
    } cases[] = {
        { "https_proxy", "", "no_proxy", "https://a.invalid/", true },
        { "HTTPS_PROXY", "", "NO_PROXY", "https://a.invalid/", true },
        { "https_proxy", "", "no_proxy", "http://a.invalid/", false },
        { "http_proxy", "", "no_proxy", "http://a.invalid/", true },
        { "https_proxy", "b.invalid,a.invalid", "no_proxy", "https://a.invalid/", false },
        { "HTTPS_PROXY", "b.invalid, a.invalid", "NO_PROXY", "https://a.invalid:6443/", false },
        { "HTTPS_PROXY", ".invalid", "NO_PROXY", "https://a.invalid/", false },
        { "HTTPS_PROXY", "invalid", "NO_PROXY", "https://a.invalid/", false },
        { "HTTPS_PROXY", "b.invalid", "NO_PROXY", "https://ab.invalid/", true },
        { "HTTPS_PROXY", "10.0.0.0/8", "NO_PROXY", "https://11.0.0.1/", true },
        { "HTTPS_PROXY", "*", "NO_PROXY", "https://a.invalid/", false },
        // This machine, as with Go.
        { "HTTPS_PROXY", "", "NO_PROXY", "https://127.0.0.1:1/", false },
        { "HTTPS_PROXY", "a.invalid", "NO_PROXY", "https://127.1.2.3:1/", false },
        { "HTTPS_PROXY", "a.invalid", "NO_PROXY", "https://localhost:1/", false },
        { "HTTPS_PROXY", "a.invalid", "NO_PROXY", "https://[::1]:1/", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f = fixture_new(NULL, NULL);
        mcr_errbuf err;
        mcr_http_free(f.http);
        scripted_server_answer(f.server, (scripted_reply){ .status = 403 });
        setenv(cases[i].variable, scripted_server_url(f.server), 1);
        setenv(cases[i].their_variable, cases[i].exceptions, 1);
        f.http = mcr_http_new(f.loop, &(mcr_http_options){ .proxy = NULL }, &err);
        told t = ask(&f, (mcr_http_request){ .url = cases[i].url }, NULL);
        bool through = scripted_server_requests(f.server) == 1;
        if (through != cases[i].through)
            fail_msg("case %zu: %s: %s", i, cases[i].url, t.error);
        unsetenv(cases[i].variable);
        unsetenv(cases[i].their_variable);
        fixture_free(&f);
    }
}

enum {
    STREAMS = 64
};

static void test_http2(void **state)
{
    (void)state;
    nghttpd server;
    if (!nghttpd_start(&server, server_tls.cert_file, server_tls.key_file))
        skip();
    fixture f = fixture_new(
        &(mcr_http_options){ .proxy = "", .http2 = true, .tls = { .ca_file = TLS_FILE("ca.pem") } },
        NULL);
    char url[64];
    snprintf(url, sizeof url, "%.40s/x", server.url);
    told t[STREAMS];
    for (int round = 0; round < 2; round++) {
        memset(t, 0, sizeof t);
        for (int i = 0; i < STREAMS; i++)
            mcr_http_send(f.http, &(mcr_http_request){ .method = "POST",
                                                       .url = url,
                                                       .body = MCR_STR("over HTTP/2"),
                                                       .timeout_ns = 30 * SECONDS,
                                                       .done = note,
                                                       .self = &t[i] });
        ev_run(f.loop, 0);
        for (int i = 0; i < STREAMS; i++) {
            assert_int_equal(t[i].outcome, MCR_HTTP_ANSWERED);
            assert_int_equal(t[i].status, 200);
            assert_string_equal(t[i].body, "over HTTP/2");
        }
    }
    assert_int_equal(ask(&f, (mcr_http_request){ .url = url }, NULL).status, 404);
    nghttpd_stop(&server);
    assert_int_equal(ask(&f, (mcr_http_request){ .url = url }, NULL).outcome, MCR_HTTP_UNREACHED);
    fixture_free(&f);
}

static void kill_server(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    const nghttpd *server = timer->data;
    kill(server->pid, SIGKILL);
}

// A server that takes requests and dies: what was sent may have been done.
static void test_http2_dies(void **state)
{
    (void)state;
    nghttpd server;
    if (!nghttpd_start(&server, server_tls.cert_file, server_tls.key_file))
        skip();
    fixture f = fixture_new(
        &(mcr_http_options){ .proxy = "", .http2 = true, .tls = { .insecure = true } }, NULL);
    assert_int_equal(ask(&f, (mcr_http_request){ .url = server.url }, NULL).status, 404);
    kill(server.pid, SIGSTOP);
    ev_timer timer;
    ev_timer_init(&timer, kill_server, 0.2, 0);
    timer.data = &server;
    ev_timer_start(f.loop, &timer);
    told t[2] = { { .times = 0 }, { .times = 0 } };
    for (int i = 0; i < 2; i++)
        mcr_http_send(f.http, &(mcr_http_request){ .method = "POST",
                                                   .url = server.url,
                                                   .body = MCR_STR("lost"),
                                                   .timeout_ns = 30 * SECONDS,
                                                   .done = note,
                                                   .self = &t[i] });
    ev_run(f.loop, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(t[i].outcome, MCR_HTTP_BROKEN);
    nghttpd_stop(&server);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trust),
        cmocka_unit_test(test_server_name_and_redirect),
        cmocka_unit_test(test_client_certificate),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_set_tls),
        cmocka_unit_test(test_set_tls_is_for_all_that_come),
        cmocka_unit_test(test_proxy),
        cmocka_unit_test(test_proxy_exceptions),
        cmocka_unit_test(test_http2),
        cmocka_unit_test(test_http2_dies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
