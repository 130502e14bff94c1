#include "net/http_redirect.h"

#include "http_fixture.h"

// What the server is asked after a first answer with `status` and Location: /next.
static void test_methods(void **state)
{
    (void)state;
    static const struct {
        mcr_http_redirects redirects;
        int status;
        const char *method, *then; // NULL: not followed
        bool body;
    } cases[] = {
        { MCR_HTTP_REDIRECTS_NONE, 301, "POST", NULL, false },
        { MCR_HTTP_REDIRECTS_NONE, 307, "POST", NULL, false },
        { MCR_HTTP_REDIRECTS_NONE, 308, "GET", NULL, false },
        { MCR_HTTP_REDIRECTS_KEEP, 301, "POST", NULL, false },
        { MCR_HTTP_REDIRECTS_KEEP, 302, "GET", NULL, false },
        { MCR_HTTP_REDIRECTS_KEEP, 303, "POST", NULL, false },
        { MCR_HTTP_REDIRECTS_KEEP, 307, "PATCH", "PATCH", true },
        { MCR_HTTP_REDIRECTS_KEEP, 308, "POST", "POST", true },
        { MCR_HTTP_REDIRECTS_GO, 300, "POST", NULL, false },
        { MCR_HTTP_REDIRECTS_GO, 301, "POST", "GET", false },
        { MCR_HTTP_REDIRECTS_GO, 302, "PATCH", "GET", false },
        { MCR_HTTP_REDIRECTS_GO, 303, "PUT", "GET", false },
        { MCR_HTTP_REDIRECTS_GO, 303, "DELETE", "GET", false },
        { MCR_HTTP_REDIRECTS_GO, 301, "HEAD", "HEAD", false },
        { MCR_HTTP_REDIRECTS_GO, 304, "POST", NULL, false },
        { MCR_HTTP_REDIRECTS_GO, 307, "PATCH", "PATCH", true },
        { MCR_HTTP_REDIRECTS_GO, 308, "POST", "POST", true },
        { MCR_HTTP_REDIRECTS_GO, 307, "GET", "GET", false },
    };
    fixture f = fixture_new(NULL, NULL);
    const mcr_str type = MCR_STR("Content-Type: text/x");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool has_body = strcmp(cases[i].method, "GET") != 0 && strcmp(cases[i].method, "HEAD") != 0;
        scripted_server_clear(f.server);
        scripted_server_forget(f.server);
        scripted_server_answer(f.server, (scripted_reply){ .status = cases[i].status,
                                                           .headers = "Location: /next\n",
                                                           .body = MCR_STR("look there") });
        scripted_server_answer(f.server, (scripted_reply){ .body = MCR_STR("here") });
        told t = ask(&f,
                     (mcr_http_request){ .method = cases[i].method,
                                         .url = at(&f, "/first"),
                                         .headers = &type,
                                         .n_headers = 1,
                                         .body = has_body ? MCR_STR("the body") : MCR_STR(""),
                                         .redirects = cases[i].redirects },
                     NULL);
        assert_int_equal(t.outcome, MCR_HTTP_ANSWERED);
        if (!cases[i].then) {
            assert_int_equal(t.status, cases[i].status);
            assert_int_equal(scripted_server_requests(f.server), 1);
            continue;
        }
        assert_int_equal(t.status, 200);
        assert_string_equal(t.url, at(&f, "/next"));
        assert_string_equal(t.body, strcmp(cases[i].then, "HEAD") == 0 ? "" : "here");
        assert_int_equal(scripted_server_requests(f.server), 2);
        const scripted_request *asked = scripted_server_request(f.server, 1);
        assert_string_equal(asked->method, cases[i].then);
        assert_string_equal(asked->uri, "/next");
        assert_string_equal(asked->body, cases[i].body ? "the body" : "");
        assert_header(asked, "Content-Length", cases[i].body ? "8" : "(none)");
        assert_header(asked, "Content-Type", "text/x"); // as Go
    }
    assert_int_equal(scripted_server_connections(f.server), 1);
    fixture_free(&f);
}

static void test_limit(void **state)
{
    (void)state;
    fixture f = fixture_new(NULL, NULL);
    for (int i = 0; i < 9; i++)
        scripted_server_answer(f.server,
                               (scripted_reply){ .status = 307, .headers = "Location: /again\n" });
    scripted_server_answer(f.server, (scripted_reply){ .status = 200 });
    const mcr_http_request request = { .url = at(&f, "/"), .redirects = MCR_HTTP_REDIRECTS_GO };
    char error[64];
    snprintf(error, sizeof error, "127.0.0.1:%u: stopped after 10 redirects",
             scripted_server_port(f.server));
    assert_int_equal(ask(&f, request, NULL).outcome, MCR_HTTP_ANSWERED);
    assert_int_equal(scripted_server_requests(f.server), 10);

    scripted_server_clear(f.server);
    scripted_server_forget(f.server);
    scripted_server_answer(f.server,
                           (scripted_reply){ .status = 302, .headers = "Location: /again\n" });
    told t = ask(&f, request, NULL);
    assert_int_equal(t.outcome, MCR_HTTP_BROKEN);
    assert_string_equal(t.error, error);
    assert_int_equal(scripted_server_requests(f.server), 10);
    fixture_free(&f);
}

static void test_odd_locations(void **state)
{
    (void)state;
    static const struct {
        const char *headers, *error; // NULL: not followed, an answer
    } cases[] = {
        { NULL, NULL },
        { "Location: http://[::1\n", "redirects to what is no URL: http://[::1" },
        { "Location: ftp://127.0.0.1/\n", "ftp" },
        { "Location: http://127.0.0.1:1/\n", "127.0.0.1:1: Connection refused" },
    };
    fixture f = fixture_new(NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scripted_server_clear(f.server);
        scripted_server_answer(f.server,
                               (scripted_reply){ .status = 307, .headers = cases[i].headers });
        told t = ask(&f,
                     (mcr_http_request){
                         .method = "POST", .url = at(&f, "/"), .redirects = MCR_HTTP_REDIRECTS_GO },
                     NULL);
        assert_int_equal(t.outcome, cases[i].error ? MCR_HTTP_BROKEN : MCR_HTTP_ANSWERED);
        assert_contains(t.error, cases[i].error ? cases[i].error : "");
    }
    fixture_free(&f);
}

static void test_credentials(void **state)
{
    (void)state;
    fixture f = fixture_new(NULL, NULL);
    char elsewhere[128];
    snprintf(elsewhere, sizeof elsewhere, "Location: http://localhost:%u/there\n",
             scripted_server_port(f.server));
    const mcr_str headers[] = { MCR_STR("Authorization: Bearer t"), MCR_STR("X-Other: 1"),
                                MCR_STR("Cookie: c") };
    const mcr_http_request request = {
        .url = at(&f, "/"), .headers = headers, .n_headers = 3, .redirects = MCR_HTTP_REDIRECTS_GO
    };
    // Stays at the host, goes elsewhere, and on from there; the next call has them again.
    scripted_server_answer(f.server,
                           (scripted_reply){ .status = 307, .headers = "Location: /b\n" });
    scripted_server_answer(f.server, (scripted_reply){ .status = 307, .headers = elsewhere });
    scripted_server_answer(f.server,
                           (scripted_reply){ .status = 307, .headers = "Location: /d\n" });
    scripted_server_answer(f.server, (scripted_reply){ .status = 200 });
    ask(&f, request, NULL);
    ask(&f, request, NULL);
    static const bool has[] = { true, true, false, false, true };
    for (size_t i = 0; i < 5; i++) {
        const scripted_request *asked = scripted_server_request(f.server, i);
        assert_header(asked, "Authorization", has[i] ? "Bearer t" : "(none)");
        assert_header(asked, "Cookie", has[i] ? "c" : "(none)");
        assert_header(asked, "X-Other", "1");
    }
    fixture_free(&f);
}

static void test_same_host(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        bool same;
    } cases[] = {
        { "http://a.example/x", "http://a.example/y", true },
        { "http://a.example/x", "https://A.example:8443/y", true },
        { "https://a.example/x", "http://a.example/y", false },
        { "http://example/x", "http://b.example/y", true },
        { "http://a.example/x", "http://b.example/y", false },
        { "http://a.example/x", "http://example/y", false },
        { "http://a.example/x", "http://ba.example/y", false },
        { "http://10.0.0.1/", "http://9.10.0.0.1/", false },
        { "http://[::1]/", "http://[::1]:8080/", true },
        { "http://[::1]/", "http://[::2]/", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(mcr_http_same_host(cases[i].from, cases[i].to), cases[i].same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods),       cmocka_unit_test(test_limit),
        cmocka_unit_test(test_odd_locations), cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_same_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
