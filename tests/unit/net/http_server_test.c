// The HTTP server: whole answers, limits, its end. Streams are in http_stream_test.c.

#include <zlib.h>

#include "net/http_world.h"

//
// Answers
//

static void test_answers_at_once(void **state)
{
    (void)state;
    world w;
    world_init(&w, (mcr_http_server_options){ 0 });
    client c = connected(address_of(&w));
    say(&c, GET);
    until(w.loop, heard(&c, "GET /a/b%2Fc?q=%20+x [] me/1"));
    assert_true(heard(&c, "HTTP/1.1 200 OK\r\n"));
    assert_true(heard(&c, "Content-Type: text/plain\r\n"));
    assert_true(heard(&c, "X-One: 1\r\n"));
    assert_true(heard(&c, "X-Two: 2\r\n"));
    assert_true(heard(&c, "Content-Length: 28\r\n"));
    hang_up(&c);
    until(w.loop, mcr_http_server_counts_now(w.server).connections == 0);
    mcr_http_server_counts counts = mcr_http_server_counts_now(w.server);
    assert_int_equal(counts.requests, 1);
    assert_int_equal(counts.exchanges, 0);
    world_fini(&w);
}

static void test_keeps_connections(void **state)
{
    (void)state;
    world w;
    world_init(&w, (mcr_http_server_options){ 0 });
    client c = connected(address_of(&w));
    // Two at once, then a third; the body of one comes in chunks.
    say(&c, GET POST("3\r\n\r\nabc"));
    until(w.loop, heard(&c, "POST /p [abc] none"));
    say(&c, "PUT /q HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n");
    turn(w.loop);
    say(&c, "1\r\nf\r\n0\r\n\r\n");
    until(w.loop, heard(&c, "PUT /q [def] none"));
    assert_int_equal(times_in(&c, "HTTP/1.1 200 OK"), 3);
    assert_false(c.ended);
    assert_int_equal(mcr_http_server_counts_now(w.server).connections, 1);
    say(&c, "HEAD /h HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    until(w.loop, heard_end(&c));
    assert_int_equal(times_in(&c, "HTTP/1.1 200 OK"), 4);
    assert_false(heard(&c, "HEAD /h"));
    hang_up(&c);
    world_fini(&w);
}

static void test_answers_later(void **state)
{
    (void)state;
    world w;
    world_init(&w, (mcr_http_server_options){ 0 });
    w.manner = LATER;
    client c = connected(address_of(&w)), d = connected(address_of(&w));
    say(&c, GET);
    until(w.loop, w.held);
    mcr_exchange *first = w.held;
    w.held = NULL;
    say(&d, POST("2\r\n\r\nhi"));
    until(w.loop, w.held);
    for (int i = 0; i < 5; i++)
        turn(w.loop);
    assert_false(heard(&c, "HTTP"));
    assert_int_equal(mcr_http_server_counts_now(w.server).exchanges, 2);
    answer(&w, w.held);
    until(w.loop, heard(&d, "POST /p [hi] none"));
    assert_false(heard(&c, "HTTP"));
    answer(&w, first);
    until(w.loop, heard(&c, "GET /a/b"));
    hang_up(&c);
    hang_up(&d);
    world_fini(&w);
}

// Whose client has gone, an exchange is answered all the same, to nobody.
static void test_answers_nobody(void **state)
{
    (void)state;
    world w;
    world_init(&w, (mcr_http_server_options){ 0 });
    w.manner = LATER;
    client c = connected(address_of(&w));
    say(&c, GET);
    until(w.loop, w.held);
    struct linger hard = { .l_onoff = 1 };
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard); // a reset, not an end
    hang_up(&c);
    turn(w.loop);
    assert_int_equal(mcr_http_server_counts_now(w.server).exchanges, 1);
    w.body_size = 1 << 20;
    answer(&w, w.held);
    until(w.loop, mcr_http_server_counts_now(w.server).connections == 0);
    assert_int_equal(mcr_http_server_counts_now(w.server).exchanges, 0);
    world_fini(&w);
}

static void test_packs_large_bodies(void **state)
{
    (void)state;
    world w;
    world_init(&w, (mcr_http_server_options){ 0 });
    static const struct {
        const char *accept;
        size_t size;
        bool packed;
    } cases[] = {
        { "gzip", 128 << 10, false },     { "gzip", (128 << 10) + 1, true },
        { "deflate", 200 << 10, false },  { "br, gzip", 200 << 10, true },
        { "gzip;q=0", 200 << 10, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        w.body_size = cases[i].size;
        client c = connected(address_of(&w));
        snprintf(text, sizeof text,
                 "GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: %s\r\nConnection: close\r\n\r\n",
                 cases[i].accept);
        say(&c, text);
        until(w.loop, heard_end(&c));
        assert_int_equal(heard(&c, "Content-Encoding: gzip\r\n"), cases[i].packed);
        const char *body = strstr(c.in.ptr, "\r\n\r\n") + 4;
        size_t len = (size_t)(c.in.ptr + c.in.len - body);
        if (cases[i].packed) {
            z_stream z = { .next_in = (unsigned char *)body, .avail_in = (unsigned)len };
            unsigned char *out = malloc(cases[i].size + 1);
            z.next_out = out;
            z.avail_out = (unsigned)cases[i].size + 1;
            assert_int_equal(inflateInit2(&z, MAX_WBITS + 16), Z_OK);
            assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
            len = z.total_out;
            assert_int_equal(out[len - 1], 'q');
            inflateEnd(&z);
            free(out);
        }
        assert_int_equal(len, cases[i].size);
        hang_up(&c);
    }
    world_fini(&w);
}

static void test_damages(void **state)
{
    (void)state;
    static const struct {
        mcr_answer_damage damage;
        bool reset;
        bool head;
    } cases[] = {
        { MCR_DAMAGE_RESET, true, false },
        { MCR_DAMAGE_CLOSE, false, false },
        { MCR_DAMAGE_HALF, false, true },
    };
    for (int later = 0; later < 2; later++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            world w;
            world_init(&w, (mcr_http_server_options){ 0 });
            w.manner = later ? LATER : DAMAGED;
            w.damage = cases[i].damage;
            w.body_size = 1000;
            client c = connected(address_of(&w));
            say(&c, GET);
            if (later) {
                until(w.loop, w.held);
                answer(&w, w.held);
            }
            until(w.loop, heard_end(&c));
            assert_int_equal(c.reset, cases[i].reset);
            assert_int_equal(heard(&c, "Content-Length: 1000\r\n"), cases[i].head);
            assert_int_equal(times_in(&c, "q"), cases[i].head ? 500 : 0);
            hang_up(&c);
            until(w.loop, mcr_http_server_counts_now(w.server).exchanges == 0);
            world_fini(&w);
        }
    }
}

//
// Limits
//

static void test_limits_bodies(void **state)
{
    (void)state;
    world w;
    world_init(&w, (mcr_http_server_options){ .body_limit = 4 });
    client c = connected(address_of(&w));
    say(&c, POST("4\r\n\r\nabcd"));
    until(w.loop, heard(&c, "POST /p [abcd] none"));
    say(&c, POST("5\r\n\r\nabcde"));
    until(w.loop, heard(&c, "the request is too large\n"));
    assert_true(heard(&c, "HTTP/1.1 413 "));
    say(&c, GET); // and the connection is kept
    until(w.loop, heard(&c, "GET /a/b"));
    assert_int_equal(w.asked, 2);
    hang_up(&c);
    mcr_http_server_counts counts = mcr_http_server_counts_now(w.server);
    assert_int_equal(counts.too_large, 1);
    assert_int_equal(counts.requests, 3);
    world_fini(&w);
}

static void test_hands_too_large_bodies_over(void **state)
{
    (void)state;
    world w;
    world_init(&w, (mcr_http_server_options){ .body_limit = 4, .too_large = on_too_large });
    client c = connected(address_of(&w));
    say(&c, "POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    until(w.loop, heard_end(&c)); // nothing was sent, and nobody knows whether it will be
    assert_true(heard(&c, "far too much"));
    assert_true(heard(&c, "Connection: close\r\n"));
    assert_false(heard(&c, "100 Continue"));
    hang_up(&c);

    c = connected(address_of(&w));
    say(&c, "POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    until(w.loop, heard(&c, "HTTP/1.1 100 Continue\r\n\r\n"));
    say(&c, "abcd");
    until(w.loop, heard(&c, "[abcd]"));
    hang_up(&c);

    // Far too much of it: all is read, then the connection ends.
    enum {
        LENGTH = 300000
    };
    c = connected(address_of(&w));
    char head[128], part[1000];
    snprintf(head, sizeof head, POST("%d\r\n\r\n"), LENGTH);
    say(&c, head);
    memset(part, 'y', sizeof part);
    for (size_t sent = 0; sent < LENGTH;) {
        ssize_t n = send(c.fd, part, sizeof part, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        else
            turn(w.loop);
    }
    until(w.loop, heard_end(&c));
    assert_true(heard(&c, "far too much"));
    assert_true(heard(&c, "Connection: close\r\n"));
    assert_int_equal(w.too_large, 2);
    assert_int_equal(w.asked, 1);
    hang_up(&c);
    world_fini(&w);
}

static void test_refuses_long_heads(void **state)
{
    (void)state;
    world w;
    world_init(&w, (mcr_http_server_options){ 0 });
    client c = connected(address_of(&w));
    mcr_buf text = { 0 };
    mcr_buf_puts(&text, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
    for (int i = 0; i < 40000; i++)
        mcr_buf_putc(&text, 'z');
    mcr_buf_puts(&text, "\r\n\r\n");
    say(&c, mcr_buf_cstr(&text));
    until(w.loop, heard_end(&c));
    assert_true(heard(&c, "HTTP/1.1 431 "));
    assert_int_equal(w.asked, 0);
    mcr_buf_fini(&text);
    hang_up(&c);
    world_fini(&w);
}

static void test_cuts_what_is_late(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "GET / HTTP/1.1\r\nHos", // half a head
        POST("10\r\n\r\nabc"),   // half a body
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        world w;
        world_init(&w, (mcr_http_server_options){ .request_ns = 1, .idle_ns = 60 * SECONDS });
        client c = connected(address_of(&w));
        say(&c, parts[i]);
        until(w.loop, heard_end(&c));
        assert_int_equal(w.asked, 0);
        until(w.loop, mcr_http_server_counts_now(w.server).exchanges == 0);
        assert_true(mcr_http_server_counts_now(w.server).cut >= 1);
        hang_up(&c);
        world_fini(&w);
    }
    // Who says nothing, is let go as well; who waits for an answer, is not.
    world w;
    world_init(&w, (mcr_http_server_options){ .request_ns = 1, .idle_ns = 1 });
    w.manner = LATER;
    client asks = connected(address_of(&w)), quiet = connected(address_of(&w));
    say(&asks, GET);
    until(w.loop, w.held);
    until(w.loop, heard_end(&quiet));
    assert_int_equal(mcr_http_server_counts_now(w.server).cut, 0);
    assert_false(heard_end(&asks));
    answer(&w, w.held);
    until(w.loop, heard(&asks, "me/1"));
    hang_up(&asks);
    hang_up(&quiet);
    world_fini(&w);
}

static void test_answers_nonsense(void **state)
{
    (void)state;
    static const char *const nonsense[] = {
        "\r\n\r\n\r\nnonsense\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        world w;
        world_init(&w, (mcr_http_server_options){ 0 });
        client c = connected(address_of(&w));
        say(&c, nonsense[i]);
        until(w.loop, heard_end(&c));
        assert_int_equal(w.asked, 0);
        hang_up(&c);
        c = connected(address_of(&w)); // the next one is served
        say(&c, GET);
        until(w.loop, heard(&c, "me/1"));
        hang_up(&c);
        world_fini(&w);
    }
}

//
// Its end
//

static void test_takes_no_more(void **state)
{
    (void)state;
    world w;
    world_init(&w, (mcr_http_server_options){ 0 });
    w.manner = LATER;
    client c = connected(address_of(&w));
    say(&c, GET);
    until(w.loop, w.held);
    mcr_http_server_quiesce(w.server);
    mcr_http_server_quiesce(w.server);
    turn(w.loop);
    assert_int_equal(try_connect(address_of(&w)), -1);
    answer(&w, w.held);
    until(w.loop, heard_end(&c));
    assert_true(heard(&c, "me/1"));
    assert_true(heard(&c, "Connection: close\r\n"));
    hang_up(&c);
    world_fini(&w);
}

static void test_refuses_addresses(void **state)
{
    (void)state;
    world w;
    world_init(&w, (mcr_http_server_options){ 0 });
    const char *const bad[] = { "127.0.0.1", "127.0.0.1:x", "256.0.0.1:0", "",
                                mcr_http_server_address(w.server) };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mcr_errbuf err = { .text = "" };
        const mcr_http_server_options options = { .listen = bad[i], .request = on_request };
        assert_null(mcr_http_server_new(w.loop, &options, &err));
        assert_true(strlen(err.text) > 10);
    }
    world_fini(&w);
    mcr_http_server_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_at_once),
        cmocka_unit_test(test_keeps_connections),
        cmocka_unit_test(test_answers_later),
        cmocka_unit_test(test_answers_nobody),
        cmocka_unit_test(test_packs_large_bodies),
        cmocka_unit_test(test_damages),
        cmocka_unit_test(test_limits_bodies),
        cmocka_unit_test(test_hands_too_large_bodies_over),
        cmocka_unit_test(test_refuses_long_heads),
        cmocka_unit_test(test_cuts_what_is_late),
        cmocka_unit_test(test_answers_nonsense),
        cmocka_unit_test(test_takes_no_more),
        cmocka_unit_test(test_refuses_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
