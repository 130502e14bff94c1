// The test server itself, through libcurl's simplest interface: what it says is what others rely
// on.

#include "support/scripted_server.h"

#include <curl/curl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

typedef struct asked {
    CURLcode code;
    long status;
    char body[256];
} asked;

static size_t keep(char *bytes, size_t one, size_t n, void *self)
{
    asked *a = self;
    strncat(a->body, bytes, n);
    return one * n;
}

static asked ask(CURL *easy, const char *url, const char *body)
{
    asked a = { .status = 0 };
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &a);
    if (body)
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    a.code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &a.status);
    return a;
}

static void test_script(void **state)
{
    (void)state;
    scripted_server *server = scripted_server_new(NULL);
    scripted_server_answer(server, (scripted_reply){ .status = 503, .headers = "X-One: 1\n" });
    scripted_server_answer(server, (scripted_reply){ .mode = SCRIPTED_ECHO });
    CURL *easy = curl_easy_init();
    assert_int_equal(ask(easy, scripted_server_url(server), "first").status, 503);
    for (int i = 0; i < 2; i++) {
        asked a = ask(easy, scripted_server_url(server), "second");
        assert_int_equal(a.status, 201);
        assert_string_equal(a.body, "second");
    }
    scripted_server_clear(server);
    assert_int_equal(ask(easy, scripted_server_url(server), "third").status, 200);
    assert_int_equal(scripted_server_requests(server), 4);
    assert_int_equal(scripted_server_connections(server), 1);
    const scripted_request *first = scripted_server_request(server, 0);
    char value[64];
    assert_string_equal(first->method, "POST");
    assert_string_equal(first->uri, "/");
    assert_string_equal(first->body, "first");
    assert_true(scripted_request_header(first, "content-length", value, sizeof value));
    assert_string_equal(value, "5");
    assert_false(scripted_request_header(first, "X-None", value, sizeof value));
    scripted_server_forget(server);
    assert_int_equal(scripted_server_requests(server), 0);
    curl_easy_cleanup(easy);
    scripted_server_free(server);
}

static void test_modes(void **state)
{
    (void)state;
    static const struct {
        scripted_reply reply;
        CURLcode code;
        long status;
    } cases[] = {
        { { .mode = SCRIPTED_CLOSE }, CURLE_GOT_NOTHING, 0 },
        { { .mode = SCRIPTED_RESET }, CURLE_RECV_ERROR, 0 },
        { { .mode = SCRIPTED_TRUNCATE, .status = 500, .body = { "x", 1, 0 } },
          CURLE_PARTIAL_FILE,
          500 },
        { { .mode = SCRIPTED_GARBAGE, .body = { "junk\r\n\r\n", 8, 0 } },
          CURLE_UNSUPPORTED_PROTOCOL,
          0 },
        { { .status = 204, .close = true }, CURLE_OK, 204 },
        { { .status = 200, .delay_ms = 10, .body = { "late", 4, 0 } }, CURLE_OK, 200 },
    };
    scripted_server *server = scripted_server_new(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CURL *easy = curl_easy_init();
        scripted_server_clear(server);
        scripted_server_answer(server, cases[i].reply);
        asked a = ask(easy, scripted_server_url(server), "body");
        assert_int_equal(a.code, cases[i].code);
        assert_int_equal(a.status, cases[i].status);
        curl_easy_cleanup(easy);
    }
    assert_int_equal(scripted_server_connections(server), sizeof cases / sizeof *cases);
    scripted_server_free(server);
}

static void test_dies_and_comes_back(void **state)
{
    (void)state;
    scripted_server *server = scripted_server_new(NULL);
    CURL *easy = curl_easy_init();
    const char *url = scripted_server_url(server);
    assert_int_equal(ask(easy, url, NULL).status, 200);
    scripted_server_stop(server);
    assert_int_equal(scripted_server_open(server), 0);
    assert_int_equal(ask(easy, url, NULL).code, CURLE_COULDNT_CONNECT);
    scripted_server_start(server);
    assert_int_equal(ask(easy, url, NULL).status, 200);
    assert_int_equal(scripted_server_requests(server), 2);
    curl_easy_cleanup(easy);
    scripted_server_free(server);
}

static void answer_by_uri(void *self, const scripted_request *request, scripted_reply *reply)
{
    mcr_buf *text = self;
    text->len = 0;
    mcr_buf_printf(text, "you asked for %s", request->uri);
    reply->status = 404;
    reply->body = mcr_buf_str(text);
}

static void test_handler(void **state)
{
    (void)state;
    scripted_server *server = scripted_server_new(NULL);
    mcr_buf text = { 0 }, url = { 0 };
    scripted_server_handle(server, answer_by_uri, &text);
    mcr_buf_printf(&url, "%s/a?b", scripted_server_url(server));
    CURL *easy = curl_easy_init();
    asked a = ask(easy, mcr_buf_cstr(&url), NULL);
    assert_int_equal(a.status, 404);
    assert_string_equal(a.body, "you asked for /a?b");
    curl_easy_cleanup(easy);
    scripted_server_free(server);
    mcr_buf_fini(&url);
    mcr_buf_fini(&text);
}

static void test_tls(void **state)
{
    (void)state;
    const scripted_tls tls = { .cert_file = MCR_TEST_DATA "/tls/server.pem",
                               .key_file = MCR_TEST_DATA "/tls/server-key.pem",
                               .client_ca_file = MCR_TEST_DATA "/tls/ca.pem" };
    scripted_server *server = scripted_server_new(&tls);
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_CAINFO, MCR_TEST_DATA "/tls/ca.pem");
    assert_int_not_equal(ask(easy, scripted_server_url(server), NULL).code, CURLE_OK);
    curl_easy_setopt(easy, CURLOPT_SSLCERT, MCR_TEST_DATA "/tls/client.pem");
    curl_easy_setopt(easy, CURLOPT_SSLKEY, MCR_TEST_DATA "/tls/client-key.pem");
    assert_int_equal(ask(easy, scripted_server_url(server), NULL).status, 200);
    assert_int_equal(scripted_server_requests(server), 1);
    assert_true(scripted_server_request(server, 0)->client_cert);
    curl_easy_cleanup(easy);
    scripted_server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_script),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_dies_and_comes_back),
        cmocka_unit_test(test_handler),
        cmocka_unit_test(test_tls),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
