#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_fixture.h"

static void test_post(void **state)
{
    (void)state;
    fixture f = fixture_new(NULL, NULL);
    scripted_server_answer(f.server, (scripted_reply){ .status = 201,
                                                       .headers = "X-Two: a\nx-two:  b \nEmpty:\n",
                                                       .body = MCR_STR("{\"ok\":true}") });
    const mcr_str headers[] = { MCR_STR("Content-Type: application/json"), MCR_STR("X-Empty:"),
                                MCR_STR("Accept:application/json, */*") };
    const mcr_http_request request = { .method = "POST",
                                       .url = at(&f, "/api/v1/../events?x=%20"),
                                       .headers = headers,
                                       .n_headers = 3,
                                       .body = MCR_STR("{}") };
    told t = ask(&f, request, "X-TWO");
    assert_int_equal(t.outcome, MCR_HTTP_ANSWERED);
    assert_int_equal(t.status, 201);
    assert_string_equal(t.error, "");
    assert_string_equal(t.body, "{\"ok\":true}");
    assert_string_equal(t.url, request.url);
    assert_string_equal(t.header, "a");
    const scripted_request *asked = scripted_server_request(f.server, 0);
    assert_string_equal(asked->method, "POST");
    assert_string_equal(asked->uri, "/api/v1/../events?x=%20");
    assert_string_equal(asked->body, "{}");
    char host[64], expected[512];
    snprintf(host, sizeof host, "127.0.0.1:%u", scripted_server_port(f.server));
    // All there is, so that nothing is sent unasked.
    snprintf(expected, sizeof expected,
             "Host: %s\nUser-Agent: mooncrier/" MCR_VERSION "\nAccept-Encoding: gzip\n"
             "Content-Type: application/json\nX-Empty:\nAccept: application/json, */*\n"
             "Content-Length: 2\n",
             host);
    assert_string_equal(asked->headers, expected);
    fixture_free(&f);
}

static void test_answer_headers(void **state)
{
    (void)state;
    fixture f = fixture_new(NULL, NULL);
    scripted_server_answer(f.server,
                           (scripted_reply){ .headers = "X-Two: a\nx-two:  b \t\nEmpty:\n" });
    static const struct {
        const char *name;
        size_t n;
        const char *value;
    } cases[] = { { "x-Two", 0, "a" }, { "X-Two", 1, "b" },     { "X-Two", 2, "(none)" },
                  { "empty", 0, "" },  { "X-Tw", 0, "(none)" }, { "Content-Length", 0, "0" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        told t = { .header_name = cases[i].name, .header_n = cases[i].n };
        mcr_http_send(f.http, &(mcr_http_request){
                                  .method = "GET", .url = at(&f, "/"), .done = note, .self = &t });
        ev_run(f.loop, 0);
        assert_string_equal(t.header, cases[i].value);
    }
    fixture_free(&f);
}

// The same handle asks in every way after the other; what one needed must not show in the next.
static void test_methods(void **state)
{
    (void)state;
    static const struct {
        const char *method, *body, *length;
    } cases[] = {
        { "GET", "", "(none)" },     { "POST", "", "0" },        { "POST", "body", "4" },
        { "GET", "", "(none)" },     { "PATCH", "{}", "2" },     { "HEAD", "", "(none)" },
        { "PUT", "", "0" },          { "DELETE", "", "(none)" }, { "DELETE", "why", "3" },
        { "PATCH", "", "0" },        { "GET", "odd", "3" },      { "GET", "", "(none)" },
        { "OPTIONS", "", "(none)" }, { "HEAD", "", "(none)" },   { "POST", "last", "4" },
    };
    fixture f = fixture_new(NULL, NULL);
    scripted_server_answer(f.server, (scripted_reply){ .body = MCR_STR("here") });
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        told t = ask(&f,
                     (mcr_http_request){ .method = cases[i].method,
                                         .url = at(&f, "/m"),
                                         .body = mcr_str_of(cases[i].body) },
                     NULL);
        assert_int_equal(t.outcome, MCR_HTTP_ANSWERED);
        assert_string_equal(t.body, strcmp(cases[i].method, "HEAD") == 0 ? "" : "here");
        const scripted_request *asked = scripted_server_request(f.server, i);
        assert_string_equal(asked->method, cases[i].method);
        assert_string_equal(asked->body, cases[i].body);
        assert_header(asked, "Content-Length", cases[i].length);
        assert_header(asked, "Content-Type", "(none)");
        assert_header(asked, "Accept", "(none)");
    }
    assert_int_equal(scripted_server_connections(f.server), 1);
    fixture_free(&f);
}

static void test_headers_change(void **state)
{
    (void)state;
    static const char *const sets[][3] = {
        { "A: 1", "B: 2", NULL }, { "A: 1", NULL }, { "A: 1", NULL }, { NULL },
        { "A: 1", "B: 3", NULL }, { "B: 3", NULL },
    };
    fixture f = fixture_new(NULL, NULL);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        mcr_str headers[3];
        size_t n = 0;
        for (; n < 3 && sets[i][n]; n++)
            headers[n] = mcr_str_of(sets[i][n]);
        ask(&f, (mcr_http_request){ .url = at(&f, "/"), .headers = headers, .n_headers = n }, NULL);
        const scripted_request *asked = scripted_server_request(f.server, i);
        bool a = strstr(asked->headers, "\nA: 1\n"), b2 = strstr(asked->headers, "\nB: 2\n"),
             b3 = strstr(asked->headers, "\nB: 3\n");
        assert_int_equal(a, i != 3 && i != 5);
        assert_int_equal(b2, i == 0);
        assert_int_equal(b3, i >= 4);
    }
    fixture_free(&f);
}

static void test_large_body(void **state)
{
    (void)state;
    enum {
        SIZE = 3 << 20
    };
    fixture f = fixture_new(NULL, NULL);
    scripted_server_answer(f.server, (scripted_reply){ .mode = SCRIPTED_ECHO });
    char *body = malloc(SIZE);
    memset(body, 'x', SIZE);
    told t = ask(
        &f,
        (mcr_http_request){ .method = "POST", .url = at(&f, "/"), .body = mcr_str_n(body, SIZE) },
        NULL);
    assert_int_equal(t.outcome, MCR_HTTP_ANSWERED);
    assert_int_equal(t.body_len, SIZE);
    assert_header(scripted_server_request(f.server, 0), "Expect", "(none)");
    free(body);
    fixture_free(&f);
}

static void test_gzip(void **state)
{
    (void)state;
    // printf 'hello hello hello' | gzip -9n
    static const char zipped[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9"
                                 "\xc9\x57\xc8\x40\x90\x00\x80\x88\xf9\xe5\x11\x00\x00\x00";
    fixture f = fixture_new(NULL, NULL);
    scripted_server_answer(f.server, (scripted_reply){ .headers = "Content-Encoding: gzip\n",
                                                       .body = { zipped, sizeof zipped - 1, 0 } });
    scripted_server_answer(f.server, (scripted_reply){ .headers = "Content-Encoding: gzip\n",
                                                       .body = MCR_STR("no gzip at all") });
    told t = ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL);
    assert_int_equal(t.outcome, MCR_HTTP_ANSWERED);
    assert_string_equal(t.body, "hello hello hello");
    assert_header(scripted_server_request(f.server, 0), "Accept-Encoding", "gzip");
    t = ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL);
    assert_int_equal(t.outcome, MCR_HTTP_CUT);
    assert_int_equal(t.status, 200);
    fixture_free(&f);
}

static void test_compression_off(void **state)
{
    (void)state;
    fixture f = fixture_new(&(mcr_http_options){ .proxy = "", .compression_off = true }, NULL);
    scripted_server_answer(f.server, (scripted_reply){ .headers = "Content-Encoding: gzip\n",
                                                       .body = MCR_STR("as it is") });
    told t = ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL);
    assert_int_equal(t.outcome, MCR_HTTP_ANSWERED);
    assert_string_equal(t.body, "as it is");
    assert_header(scripted_server_request(f.server, 0), "Accept-Encoding", "(none)");
    fixture_free(&f);
}

static void test_outcomes(void **state)
{
    (void)state;
    static const struct {
        scripted_reply reply;
        mcr_http_outcome outcome;
        int status;
        const char *error;
    } cases[] = {
        { { .status = 500, .body = { "x", 1, 0 } }, MCR_HTTP_ANSWERED, 500, "" },
        { { .status = 304 }, MCR_HTTP_ANSWERED, 304, "" },
        { { .mode = SCRIPTED_CLOSE }, MCR_HTTP_BROKEN, 0, "was closed before an answer came" },
        { { .mode = SCRIPTED_RESET }, MCR_HTTP_BROKEN, 0, "reset by peer" },
        { { .mode = SCRIPTED_GARBAGE, .body = { "junk\r\n\r\n", 8, 0 } }, MCR_HTTP_BROKEN, 0, ":" },
        { { .mode = SCRIPTED_GARBAGE, .body = { "HTTP/1.1 ", 9, 0 } }, MCR_HTTP_BROKEN, 0, ":" },
        { { .mode = SCRIPTED_TRUNCATE, .status = 500, .body = { "abc", 3, 0 } },
          MCR_HTTP_CUT,
          500,
          "100 bytes" },
        { { .mode = SCRIPTED_GARBAGE,
            .body = MCR_STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab") },
          MCR_HTTP_CUT,
          200,
          ":" },
        { { .mode = SCRIPTED_GARBAGE, .body = MCR_STR("HTTP/1.1 200 OK\r\n\r\nuntil the end") },
          MCR_HTTP_ANSWERED,
          200,
          "" },
        { { .mode = SCRIPTED_GARBAGE,
            .body = MCR_STR("HTTP/1.1 103 Early Hints\r\nX: 1\r\n\r\nHTTP/1.1 500 Oh\r\n\r\n") },
          MCR_HTTP_ANSWERED,
          500,
          "" },
        { { .mode = SCRIPTED_HANG }, MCR_HTTP_TIMED_OUT, 0, "no answer within 0.2 seconds" },
    };
    fixture f = fixture_new(NULL, NULL);
    for (int kept = 0; kept < 2; kept++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            scripted_server_clear(f.server);
            if (kept) // the same on a connection that another request has left behind
                ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL);
            scripted_server_answer(f.server, cases[i].reply);
            scripted_server_forget(f.server);
            bool hangs = cases[i].reply.mode == SCRIPTED_HANG;
            told t = ask(&f,
                         (mcr_http_request){ .method = "POST",
                                             .url = at(&f, "/o"),
                                             .body = MCR_STR("body"),
                                             .timeout_ns = hangs ? SECONDS / 5 : 0 },
                         NULL);
            assert_int_equal(t.outcome, cases[i].outcome);
            assert_int_equal(t.status, cases[i].status);
            assert_contains(t.error, kept && cases[i].reply.mode == SCRIPTED_RESET
                                         ? "before an answer came"
                                         : cases[i].error);
            if (cases[i].outcome != MCR_HTTP_ANSWERED)
                assert_contains(t.error, scripted_server_url(f.server) + strlen("http://"));
            // Nothing is sent twice.
            assert_int_equal(scripted_server_requests(f.server), 1);
        }
    }
    fixture_free(&f);
}

static void test_unreached(void **state)
{
    (void)state;
    fixture f = fixture_new(NULL, NULL);
    char expected[128];
    snprintf(expected, sizeof expected, "127.0.0.1:%u: Connection refused",
             scripted_server_port(f.server));
    ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL);
    scripted_server_stop(f.server);
    told t = ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL);
    assert_int_equal(t.outcome, MCR_HTTP_UNREACHED);
    assert_int_equal(t.status, 0);
    assert_string_equal(t.error, expected);
    scripted_server_start(f.server);
    t = ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL);
    assert_int_equal(t.outcome, MCR_HTTP_ANSWERED);
    // TLS where none is spoken.
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%u/", scripted_server_port(f.server));
    scripted_server_answer(f.server, (scripted_reply){ .mode = SCRIPTED_CLOSE });
    t = ask(&f, (mcr_http_request){ .url = url, .timeout_ns = 2 * SECONDS }, NULL);
    assert_int_equal(t.outcome, MCR_HTTP_UNREACHED);
    fixture_free(&f);
}

static void test_never_sent(void **state)
{
    (void)state;
    static const struct {
        const char *method, *url, *header, *error;
    } cases[] = {
        { "GET", "", NULL, "" },
        { "GET", "ftp://127.0.0.1/x", NULL, "ftp" },
        { "GET", "file:///etc/passwd", NULL, "file" },
        { "GET", "http://", NULL, "" },
        { "GET", "http://a b/", NULL, "" },
        { "GET", "http://127.0.0.1:99999/", NULL, "" },
        { "GET", "http://127.0.0.1:9/\r\nX: y", NULL, "" },
        { "GE T", "http://127.0.0.1:9/", NULL, "'GE T' is no HTTP method" },
        { "", "http://127.0.0.1:9/", NULL, "'' is no HTTP method" },
        { "GET", "http://127.0.0.1:9/", "X-A: 1\r\nX-B: 2", "the header X-A has a line break" },
        { "GET", "http://127.0.0.1:9/", "no colon", "is no \"Name: value\"" },
        { "GET", "http://127.0.0.1:9/", ": empty", "is no \"Name: value\"" },
        { "GET", "http://127.0.0.1:9/", "Sp ace: x", "is no \"Name: value\"" },
        { "GET", "http://127.0.0.1:9/", "content-length: 5", "is not to be given" },
    };
    fixture f = fixture_new(NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL); // the handle has had an answer
        mcr_str header = mcr_str_of(cases[i].header);
        told t = ask(&f,
                     (mcr_http_request){ .method = cases[i].method,
                                         .url = cases[i].url,
                                         .headers = &header,
                                         .n_headers = cases[i].header != NULL },
                     "Content-Length");
        assert_int_equal(t.outcome, MCR_HTTP_BAD_URL);
        assert_int_equal(t.status, 0);
        assert_string_equal(t.header, "(none)");
        assert_string_equal(t.body, "");
        assert_contains(t.error, cases[i].error);
        assert_true(strlen(t.error) > 0);
    }
    fixture_free(&f);
}

static void test_too_large(void **state)
{
    (void)state;
    fixture f = fixture_new(&(mcr_http_options){ .proxy = "", .answer_limit = 10 }, NULL);
    scripted_server_answer(f.server, (scripted_reply){ .body = MCR_STR("0123456789") });
    scripted_server_answer(f.server,
                           (scripted_reply){ .status = 418, .body = MCR_STR("0123456789a") });
    told t = ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL);
    assert_int_equal(t.outcome, MCR_HTTP_ANSWERED);
    assert_string_equal(t.body, "0123456789");
    t = ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL);
    assert_int_equal(t.outcome, MCR_HTTP_TOO_LARGE);
    assert_int_equal(t.status, 418);
    assert_contains(t.error, "longer than 10 bytes");
    fixture_free(&f);
}

static void test_connect_timeout(void **state)
{
    (void)state;
    // A listener whose queue is full takes no more connections, and says nothing.
    fixture f =
        fixture_new(&(mcr_http_options){ .proxy = "", .connect_timeout_ns = SECONDS / 5 }, NULL);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    int fill[4];
    for (int i = 0; i < 4; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)!connect(fill[i], (struct sockaddr *)&address, len);
    }
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(address.sin_port));
    told t = ask(&f, (mcr_http_request){ .url = url }, NULL);
    assert_int_equal(t.outcome, MCR_HTTP_UNREACHED);
    assert_contains(t.error, "no connection came about in time");
    for (int i = 0; i < 4; i++)
        close(fill[i]);
    close(fd);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_post),
        cmocka_unit_test(test_answer_headers),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_headers_change),
        cmocka_unit_test(test_large_body),
        cmocka_unit_test(test_gzip),
        cmocka_unit_test(test_compression_off),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_unreached),
        cmocka_unit_test(test_never_sent),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_connect_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
