// Many calls at once: connections kept, cancelling and freeing at awkward moments, deadlines.

#include "http_fixture.h"

enum {
    CALLS = 300,
    IN_FLIGHT = 16
};

typedef struct stream {
    fixture *f;
    char url[256];
    size_t begun, answered;
} stream;

static void send_next(stream *s);

static void on_answer(void *self, const mcr_http_answer *answer)
{
    stream *s = self;
    assert_int_equal(answer->outcome, MCR_HTTP_ANSWERED);
    assert_int_equal(answer->status, 201);
    assert_true(mcr_str_is(answer->body, "body"));
    s->answered++;
    send_next(s);
}

static void send_next(stream *s)
{
    if (s->begun == CALLS)
        return;
    s->begun++;
    mcr_http_send(s->f->http, &(mcr_http_request){ .method = "POST",
                                                   .url = s->url,
                                                   .body = MCR_STR("body"),
                                                   .timeout_ns = 60 * SECONDS,
                                                   .done = on_answer,
                                                   .self = s });
}

static void run_stream(fixture *f)
{
    stream s = { .f = f };
    snprintf(s.url, sizeof s.url, "%s", at(f, "/s"));
    scripted_server_answer(f->server, (scripted_reply){ .mode = SCRIPTED_ECHO });
    for (int i = 0; i < IN_FLIGHT; i++)
        send_next(&s);
    ev_run(f->loop, 0);
    assert_int_equal(s.answered, CALLS);
    assert_int_equal(scripted_server_requests(f->server), CALLS);
}

static void test_connections_are_kept(void **state)
{
    (void)state;
    fixture f = fixture_new(NULL, NULL);
    run_stream(&f);
    assert_int_equal(scripted_server_connections(f.server), IN_FLIGHT);
    fixture_free(&f);
}

static void test_connections_are_limited(void **state)
{
    (void)state;
    fixture f = fixture_new(&(mcr_http_options){ .proxy = "", .connections = 3 }, NULL);
    run_stream(&f);
    assert_int_equal(scripted_server_connections(f.server), 3);
    fixture_free(&f);
}

// A server that dies and comes back: the connections it has left behind are noticed.
static void test_kept_connections_that_died(void **state)
{
    (void)state;
    fixture f = fixture_new(NULL, NULL);
    run_stream(&f);
    scripted_server_stop(f.server);
    scripted_server_start(f.server);
    scripted_server_forget(f.server);
    run_stream(&f);
    assert_int_equal(scripted_server_connections(f.server), 2 * IN_FLIGHT);
    fixture_free(&f);
}

static void test_deadline_while_waiting_for_a_connection(void **state)
{
    (void)state;
    fixture f = fixture_new(&(mcr_http_options){ .proxy = "", .connections = 1 }, NULL);
    scripted_server_answer(f.server, (scripted_reply){ .mode = SCRIPTED_HANG });
    told first = { .times = 0 }, second = { .times = 0 };
    mcr_http_request request = {
        .method = "GET", .url = at(&f, "/"), .timeout_ns = SECONDS, .done = note, .self = &first
    };
    mcr_http_send(f.http, &request);
    request.timeout_ns = SECONDS / 5;
    request.self = &second;
    second.stop = f.loop;
    mcr_http_send(f.http, &request);
    ev_run(f.loop, 0);
    assert_int_equal(first.times, 0);
    assert_int_equal(second.outcome, MCR_HTTP_UNREACHED);
    assert_contains(second.error, "no connection within 0.2 seconds");
    ev_run(f.loop, 0);
    assert_int_equal(first.outcome, MCR_HTTP_TIMED_OUT);
    assert_int_equal(scripted_server_requests(f.server), 1);
    fixture_free(&f);
}

static void test_cancel(void **state)
{
    (void)state;
    fixture f = fixture_new(NULL, NULL);
    scripted_server_answer(f.server, (scripted_reply){ .mode = SCRIPTED_HANG });
    scripted_server_answer(f.server, (scripted_reply){ .status = 200 });
    told never = { .times = 0 };
    mcr_http_request request = { .method = "GET",
                                 .url = at(&f, "/"),
                                 .timeout_ns = 30 * SECONDS,
                                 .done = note,
                                 .self = &never };
    // At once, when it hangs, and one that cannot be sent.
    mcr_http_cancel(mcr_http_send(f.http, &request));
    mcr_http_call *call = mcr_http_send(f.http, &request);
    while (scripted_server_requests(f.server) == 0)
        ev_run(f.loop, EVRUN_NOWAIT);
    mcr_http_cancel(call);
    request.method = "";
    mcr_http_cancel(mcr_http_send(f.http, &request));
    ev_run(f.loop, 0);
    assert_int_equal(never.times, 0);
    assert_int_equal(ask(&f, (mcr_http_request){ .url = at(&f, "/") }, NULL).status, 200);
    assert_int_equal(scripted_server_requests(f.server), 2);
    fixture_free(&f);
}

typedef struct canceller {
    mcr_http_call *own, *other;
    mcr_http *http; // to be freed
    int times;
} canceller;

static void cancel_in_callback(void *self, const mcr_http_answer *answer)
{
    canceller *c = self;
    c->times++;
    mcr_http_cancel(c->own); // does nothing
    if (c->other)
        mcr_http_cancel(c->other);
    if (c->http)
        mcr_http_free(c->http);
    // The answer is there until the end.
    assert_int_equal(answer->status, 200);
    assert_true(mcr_str_is(answer->body, "body"));
    mcr_str value;
    assert_true(mcr_http_answer_header(answer, "Content-Length", 0, &value));
}

// Whichever of the two is answered first cancels the other, which may be answered by then.
static void test_cancel_in_callback(void **state)
{
    (void)state;
    fixture f = fixture_new(NULL, NULL);
    scripted_server_answer(f.server, (scripted_reply){ .body = MCR_STR("body") });
    for (int i = 0; i < 50; i++) {
        canceller both[2] = { { .times = 0 }, { .times = 0 } };
        for (int j = 0; j < 2; j++)
            both[j].own = mcr_http_send(f.http, &(mcr_http_request){ .method = "GET",
                                                                     .url = at(&f, "/"),
                                                                     .done = cancel_in_callback,
                                                                     .self = &both[j] });
        both[0].other = both[1].own;
        both[1].other = both[0].own;
        ev_run(f.loop, 0);
        assert_int_equal(both[0].times + both[1].times, 1);
    }
    fixture_free(&f);
}

static void test_free_in_callback(void **state)
{
    (void)state;
    fixture f = fixture_new(NULL, NULL);
    scripted_server_answer(f.server, (scripted_reply){ .body = MCR_STR("body") });
    told never = { .times = 0 };
    canceller c = { .http = f.http };
    mcr_http_request request = { .method = "GET",
                                 .url = at(&f, "/"),
                                 .timeout_ns = 30 * SECONDS,
                                 .done = cancel_in_callback,
                                 .self = &c };
    c.own = mcr_http_send(f.http, &request);
    while (!scripted_server_requests(f.server))
        ev_run(f.loop, EVRUN_NOWAIT);
    request.done = note;
    request.self = &never;
    for (int i = 0; i < 10 && !c.times; i++)
        mcr_http_send(f.http, &request);
    ev_run(f.loop, 0);
    assert_int_equal(c.times, 1);
    assert_int_equal(never.times, 0);
    f.http = NULL;
    fixture_free(&f);
}

static void test_free_with_calls_under_way(void **state)
{
    (void)state;
    fixture f = fixture_new(NULL, NULL);
    scripted_server_answer(f.server, (scripted_reply){ .mode = SCRIPTED_HANG });
    told never = { .times = 0 };
    for (int i = 0; i < 20; i++)
        mcr_http_send(f.http, &(mcr_http_request){ .method = i % 5 ? "GET" : "no method",
                                                   .url = at(&f, "/"),
                                                   .timeout_ns = 30 * SECONDS,
                                                   .done = note,
                                                   .self = &never });
    while (scripted_server_requests(f.server) < 16)
        ev_run(f.loop, EVRUN_NOWAIT);
    // Four were told that theirs is none.
    assert_int_equal(never.times, 4);
    mcr_http_free(f.http);
    f.http = NULL;
    ev_run(f.loop, 0);
    assert_int_equal(never.times, 4);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections_are_kept),
        cmocka_unit_test(test_connections_are_limited),
        cmocka_unit_test(test_kept_connections_that_died),
        cmocka_unit_test(test_deadline_while_waiting_for_a_connection),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_in_callback),
        cmocka_unit_test(test_free_in_callback),
        cmocka_unit_test(test_free_with_calls_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
