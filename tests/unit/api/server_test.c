// The server's end, which must not depend on what is under way.

#include "net/sockets.h"

#include "api/api_server.h"
#include "store/store.h"

typedef struct fixture {
    struct ev_loop *loop;
    mcr_store *store;
    mcr_api_server *server;
} fixture;

static fixture fixture_new(const char *faults)
{
    mcr_errbuf err = { .text = "" };
    const mcr_store_options store = { .path = ":memory:" };
    const mcr_api_server_options options = { .listen = "127.0.0.1:0", .faults = faults };
    fixture f = { .loop = ev_loop_new(EVFLAG_AUTO), .store = mcr_store_open(&store, &err) };
    f.server = mcr_api_server_new(f.loop, f.store, &options, &err);
    if (!f.server)
        fail_msg("%s", err.text);
    return f;
}

// As `serve` does it: the store first.
static void end(fixture *f)
{
    mcr_store_close(f->store);
    mcr_api_server_free(f->server);
    ev_loop_destroy(f->loop);
}

static client ask(const fixture *f, const char *target)
{
    char text[256];
    client c = connected(mcr_api_server_address(f->server));
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", target);
    say(&c, text);
    return c;
}

// What the latency fault holds back is cut, not forgotten: the sanitizer counts.
static void test_ends_with_calls_held_back(void **state)
{
    (void)state;
    for (int stopped = 0; stopped < 2; stopped++) {
        fixture f = fixture_new("latency=1h");
        client a = ask(&f, "/api/v1/events"), b = ask(&f, "/api/v1/events?watch=1"),
               c = ask(&f, "/version");
        for (int i = 0; i < 20; i++)
            turn(f.loop);
        assert_false(mcr_api_server_idle(f.server));
        assert_false(heard(&a, "HTTP") || heard(&b, "HTTP") || heard(&c, "HTTP"));
        if (stopped) {
            mcr_api_server_stop(f.server);
            turn(f.loop);
            assert_false(mcr_api_server_idle(f.server));
        }
        end(&f);
        assert_true(heard_end(&a) && heard_end(&b) && heard_end(&c));
        assert_int_equal(a.in.len, 0);
        hang_up(&a);
        hang_up(&b);
        hang_up(&c);
    }
}

// Held back for a moment, they are answered, however many wait and in whatever order they end.
static void test_answers_what_was_held_back(void **state)
{
    (void)state;
    fixture f = fixture_new("latency=20ms:0.5");
    client clients[16];
    for (size_t i = 0; i < 16; i++)
        clients[i] = ask(&f, "/api/v1/namespaces/a/events/none");
    for (size_t i = 0; i < 16; i++) {
        until(f.loop, heard(&clients[i], "\"code\":404}"));
        hang_up(&clients[i]);
    }
    until(f.loop, mcr_api_server_idle(f.server));
    end(&f);
}

static void test_ends_with_watches_open(void **state)
{
    (void)state;
    for (int stopped = 0; stopped < 2; stopped++) {
        fixture f = fixture_new(NULL);
        client c = ask(&f, "/api/v1/events?watch=1"),
               d = ask(&f, "/api/v1/events?watch=1&fieldSelector=type%3DNormal");
        until(f.loop, heard(&c, "\r\n\r\n") && heard(&d, "\r\n\r\n"));
        if (stopped) {
            mcr_api_server_stop(f.server);
            until(f.loop, mcr_api_server_idle(f.server));
            until(f.loop, heard(&c, "\r\n0\r\n\r\n") && heard(&d, "\r\n0\r\n\r\n"));
        }
        end(&f);
        assert_true(heard_end(&c) && heard_end(&d));
        hang_up(&c);
        hang_up(&d);
    }
}

// Answers are still with the store when everything ends.
static void test_ends_with_calls_in_the_store(void **state)
{
    (void)state;
    fixture f = fixture_new(NULL);
    client clients[8];
    for (size_t i = 0; i < 8; i++)
        clients[i] = ask(&f, i % 2 ? "/api/v1/events" : "/api/v1/events?watch=1");
    for (int i = 0; i < 3; i++)
        ev_run(f.loop, EVRUN_NOWAIT);
    end(&f);
    for (size_t i = 0; i < 8; i++) {
        assert_true(heard_end(&clients[i]));
        hang_up(&clients[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_with_calls_held_back),
        cmocka_unit_test(test_answers_what_was_held_back),
        cmocka_unit_test(test_ends_with_watches_open),
        cmocka_unit_test(test_ends_with_calls_in_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
