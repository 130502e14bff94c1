// The HTTP server's answers without an end in sight.

#include "net/http_world.h"

static void test_streams(void **state)
{
    (void)state;
    world w;
    world_init(&w, (mcr_http_server_options){ 0 });
    w.manner = STREAM;
    client c = connected(address_of(&w));
    say(&c, GET);
    until(w.loop, heard(&c, "\r\n\r\n") && w.drained > 0);
    assert_true(heard(&c, "Transfer-Encoding: chunked\r\n"));
    assert_true(heard(&c, "X-One: 1\r\n"));
    int drained = w.drained;
    mcr_stream_write(w.held, MCR_STR("one\n"));
    mcr_stream_write(w.held, MCR_STR("two\n"));
    assert_int_equal(mcr_stream_waiting(w.held), 8);
    assert_int_equal(w.drained, drained); // never from within
    until(w.loop, heard(&c, "8\r\none\ntwo\n\r\n") && w.drained > drained);
    for (int i = 0; i < 5; i++)
        turn(w.loop);
    assert_int_equal(w.gone, 0);
    mcr_stream_write(w.held, MCR_STR("end\n"));
    mcr_stream_end(w.held, false);
    assert_int_equal(w.gone, 0);
    until(w.loop, w.gone == 1);
    until(w.loop, heard(&c, "4\r\nend\n\r\n0\r\n\r\n"));
    assert_false(c.ended); // and the connection is kept
    w.manner = AT_ONCE;
    say(&c, GET);
    until(w.loop, heard(&c, "me/1"));
    hang_up(&c);
    world_fini(&w);
}

static void test_breaks_streams_off(void **state)
{
    (void)state;
    world w;
    world_init(&w, (mcr_http_server_options){ 0 });
    w.manner = STREAM;
    client c = connected(address_of(&w));
    say(&c, GET);
    until(w.loop, w.held && w.drained > 0);
    mcr_stream_write(w.held, MCR_STR("half a li"));
    mcr_stream_end(w.held, true);
    until(w.loop, w.gone == 1);
    until(w.loop, heard_end(&c));
    assert_true(heard(&c, "half a li"));
    assert_false(heard(&c, "\r\n0\r\n"));
    hang_up(&c);
    world_fini(&w);
}

static void test_streams_to_http_1_0(void **state)
{
    (void)state;
    world w;
    world_init(&w, (mcr_http_server_options){ 0 });
    w.manner = STREAM;
    client c = connected(address_of(&w));
    say(&c, "GET / HTTP/1.0\r\n\r\n");
    until(w.loop, w.held && w.drained > 0);
    mcr_stream_write(w.held, MCR_STR("line\n"));
    until(w.loop, heard(&c, "\r\n\r\nline\n"));
    assert_false(heard(&c, "chunked"));
    mcr_stream_end(w.held, false);
    until(w.loop, heard_end(&c));
    hang_up(&c);
    world_fini(&w);
}

// A client that does not read holds back what it is sent, without a loss.
static void test_waits_for_slow_readers(void **state)
{
    (void)state;
    enum {
        BLOCK = 1 << 20,
        BLOCKS = 16
    };
    world w;
    world_init(&w, (mcr_http_server_options){ 0 });
    w.manner = STREAM;
    client c = connected(address_of(&w));
    say(&c, GET);
    until(w.loop, w.held && w.drained > 0);
    char *block = malloc(BLOCK);
    memset(block, 'x', BLOCK);
    for (int i = 0; i < BLOCKS; i++)
        mcr_stream_write(w.held, (mcr_str){ .ptr = block, .len = BLOCK });
    for (int i = 0; i < 20; i++)
        turn(w.loop);
    assert_true(mcr_stream_waiting(w.held) > 0);
    int drained = w.drained;
    until(w.loop, (hear(&c), w.drained > drained));
    mcr_stream_end(w.held, false);
    until(w.loop, heard(&c, "\r\n0\r\n\r\n"));
    size_t body = 0;
    for (size_t i = 0; i < c.in.len; i++)
        body += c.in.ptr[i] == 'x';
    assert_true(body >= (size_t)BLOCK * BLOCKS);
    assert_true(body <= (size_t)BLOCK * BLOCKS + 8); // of the head
    free(block);
    hang_up(&c);
    world_fini(&w);
}

static void test_notices_that_a_watcher_left(void **state)
{
    (void)state;
    static const struct {
        bool early;    // it had sent more than its request
        bool on_write; // and left just when there was something for it
    } cases[] = { { false, false }, { false, true }, { true, false } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world w;
        world_init(&w, (mcr_http_server_options){ 0 });
        w.manner = STREAM;
        client c = connected(address_of(&w));
        say(&c, GET);
        until(w.loop, w.held && w.drained > 0);
        if (cases[i].early) {
            say(&c, GET);
            turn(w.loop);
        }
        hang_up(&c);
        if (cases[i].on_write)
            mcr_stream_write(w.held, MCR_STR("for nobody\n"));
        until(w.loop, w.gone == 1);
        assert_int_equal(w.asked, 1);
        until(w.loop, mcr_http_server_counts_now(w.server).connections == 0);
        world_fini(&w);
    }
}

static void test_ends_with_streams_open(void **state)
{
    (void)state;
    world w;
    world_init(&w, (mcr_http_server_options){ 0 });
    w.manner = STREAM;
    client c = connected(address_of(&w)), reading = connected(address_of(&w)),
           idle = connected(address_of(&w));
    say(&c, GET);
    until(w.loop, w.held && w.drained > 0);
    say(&reading, POST("10\r\n\r\nabc"));
    until(w.loop, mcr_http_server_counts_now(w.server).exchanges == 2);
    until(w.loop, mcr_http_server_counts_now(w.server).connections == 3);
    // What comes too late is not asked any more.
    w.manner = AT_ONCE;
    say(&reading, "defghij");
    say(&idle, GET);
    mcr_http_server_free(w.server);
    assert_int_equal(w.gone, 1);
    assert_int_equal(w.asked, 1);
    assert_true(heard_end(&c));
    assert_true(heard_end(&reading));
    assert_true(heard_end(&idle));
    hang_up(&c);
    hang_up(&reading);
    hang_up(&idle);
    ev_loop_destroy(w.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_breaks_streams_off),
        cmocka_unit_test(test_streams_to_http_1_0),
        cmocka_unit_test(test_waits_for_slow_readers),
        cmocka_unit_test(test_notices_that_a_watcher_left),
        cmocka_unit_test(test_ends_with_streams_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
