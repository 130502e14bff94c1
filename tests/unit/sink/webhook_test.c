// The sink "webhook": what becomes of events, whatever the server does.

#include "webhook_fixture.h"

#include <zlib.h>

static void one_event_one_request(void **state)
{
    (void)state;
    setting settings[] = { { "headers.X-Scope", "tenant", 0 }, { "method", "PUT", 0 } };
    begin(settings, 2);
    write_number(1);
    run_until_settled(1);
    assert_int_equal(f.sink->counts.delivered, 1);
    const scripted_request *asked = scripted_server_request(f.server, 0);
    assert_string_equal(asked->method, "PUT");
    assert_string_equal(asked->uri, "/");
    assert_string_equal(asked->body, "{\"n\":1}");
    assert_string_equal(header(0, "Content-Type"), "application/json");
    assert_string_equal(header(0, "X-Scope"), "tenant");
    assert_string_equal(header(0, "Authorization"), "-");
}

static void batches_by_number(void **state)
{
    (void)state;
    setting settings[] = { { "batch.events", NULL, 3 }, { "batch.wait", "1h", 0 } };
    begin(settings, 2);
    for (int i = 1; i <= 7; i++)
        write_number(i);
    f.sink->kind->flush(f.sink, f.now);
    run_until_settled(6);
    assert_int_equal(scripted_server_requests(f.server), 2);
    assert_string_equal(body(0), "[{\"n\":1},{\"n\":2},{\"n\":3}]");
    assert_string_equal(body(1), "[{\"n\":4},{\"n\":5},{\"n\":6}]");
    assert_int_equal(f.sink->counts.in_flight, 1);
    f.sink->kind->drain(f.sink, f.now); // sends what waits for company
    run_until_settled(7);
    assert_string_equal(body(2), "[{\"n\":7}]");
    assert_int_equal(f.sink->counts.delivered, 7);
}

static void batches_by_bytes(void **state)
{
    (void)state;
    // "{"n":1}\n" is 8 bytes.
    setting settings[] = { { "batch.events", NULL, 100 },
                           { "batch.bytes", NULL, 23 },
                           { "batch.format", "ndjson", 0 } };
    begin(settings, 3);
    for (int i = 1; i <= 3; i++)
        write_number(i);     // the third would make 24
    write_number(123456789); // too long together with it: it goes alone, as does the next
    write_number(1234567890);
    f.sink->kind->drain(f.sink, f.now);
    run_until_settled(5);
    assert_int_equal(scripted_server_requests(f.server), 4);
    assert_string_equal(body(0), "{\"n\":1}\n{\"n\":2}\n");
    assert_string_equal(body(1), "{\"n\":3}\n");
    assert_string_equal(body(2), "{\"n\":123456789}\n");
    assert_string_equal(header(0, "Content-Type"), "application/x-ndjson");
}

static void batches_by_time(void **state)
{
    (void)state;
    setting settings[] = { { "batch.events", NULL, 100 }, { "batch.wait", "2s", 0 } };
    begin(settings, 2);
    assert_int_equal(f.sink->kind->tick(f.sink, f.now), 0);
    int64_t due = f.now + 2 * SECOND;
    write_number(1);
    f.now += SECOND;
    write_number(2);
    assert_int_equal(f.sink->kind->tick(f.sink, f.now), due);
    f.now = due - 1;
    assert_int_equal(f.sink->kind->tick(f.sink, f.now), due);
    assert_int_equal(scripted_server_requests(f.server), 0);
    f.now = due;
    assert_int_equal(f.sink->kind->tick(f.sink, f.now), 0);
    run_until_settled(2);
    assert_string_equal(body(0), "[{\"n\":1},{\"n\":2}]");
}

static void bodies_are_wrapped(void **state)
{
    (void)state;
    setting settings[] = { { "batch.prefix", "{\"streams\":[", 0 },
                           { "batch.suffix", "]}", 0 },
                           { "batch.separator", ";", 0 },
                           { "batch.events", NULL, 2 } };
    begin(settings, 4);
    write_number(1);
    write_number(2);
    run_until_settled(2);
    assert_string_equal(body(0), "{\"streams\":[{\"n\":1};{\"n\":2}]}");
}

static void statuses_and_what_they_mean(void **state)
{
    (void)state;
    static const struct {
        scripted_reply first;
        size_t requests; // until it is decided; the second is answered 200
        const char *dead;
    } cases[] = {
        { { .status = 204 }, 1, NULL },
        { { .status = 408 }, 2, NULL },
        { { .status = 425 }, 2, NULL },
        { { .status = 429 }, 2, NULL },
        { { .status = 500 }, 2, NULL },
        { { .status = 503, .headers = "Retry-After: 0\n" }, 2, NULL },
        { { .mode = SCRIPTED_RESET }, 2, NULL },
        { { .mode = SCRIPTED_CLOSE }, 2, NULL },
        { { .mode = SCRIPTED_GARBAGE, .body = MCR_STR("what?\r\n\r\n") }, 2, NULL },
        { { .mode = SCRIPTED_TRUNCATE, .status = 503 }, 2, NULL },
        { { .mode = SCRIPTED_TRUNCATE, .status = 200 }, 1, NULL }, // it was taken
        { { .status = 400, .body = MCR_STR("no such\nindex\n") },
          1,
          "POST http://127.0.0.1:%d: answered 400: no such index" },
        { { .status = 401 }, 1, "POST http://127.0.0.1:%d: answered 401" },
        { { .status = 404, .body = MCR_STR("gone") },
          1,
          "POST http://127.0.0.1:%d: answered 404: gone" },
        { { .mode = SCRIPTED_TRUNCATE, .status = 413 }, 1, NULL },
        { { .status = 302, .headers = "Location: /x\n" },
          1,
          "POST http://127.0.0.1:%d: answered 302, a redirect that is not followed" },
    };
    begin(NULL, 0);
    uint64_t delivered = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scripted_server_clear(f.server);
        scripted_server_forget(f.server);
        scripted_server_answer(f.server, cases[i].first);
        scripted_server_answer(f.server, (scripted_reply){ .status = 200 });
        write_number((int)i);
        run_until_settled(i + 1);
        bool dead = cases[i].dead || cases[i].first.status == 413;
        delivered += !dead;
        if (f.sink->counts.delivered != delivered ||
            scripted_server_requests(f.server) != cases[i].requests)
            fail_msg("case %zu: %d delivered, %d requests", i, (int)f.sink->counts.delivered,
                     (int)scripted_server_requests(f.server));
        char expected[256];
        if (cases[i].dead) {
            snprintf(expected, sizeof expected, cases[i].dead, scripted_server_port(f.server));
            assert_dead(expected);
        }
    }
    assert_int_equal(f.sink->counts.dead_lettered, 5);
}

static void statuses_are_chosen(void **state)
{
    (void)state;
    setting settings[] = { { "retry.statuses", NULL, 404 }, { "retry.attempts", NULL, 3 } };
    begin(settings, 2);
    scripted_server_answer(f.server, (scripted_reply){ .status = 404 });
    write_number(1);
    run_until_settled(1);
    assert_int_equal(scripted_server_requests(f.server), 3);
    assert_int_equal(f.sink->counts.dead_lettered, 1);
    scripted_server_clear(f.server);
    scripted_server_forget(f.server);
    scripted_server_answer(f.server, (scripted_reply){ .status = 503 });
    write_number(2);
    run_until_settled(2);
    assert_int_equal(scripted_server_requests(f.server), 1);
    assert_int_equal(f.sink->counts.dead_lettered, 2);
}

static void success_is_what_is_expected(void **state)
{
    (void)state;
    setting settings[] = { { "expect", "\"errors\":false", 0 } };
    begin(settings, 1);
    scripted_server_answer(f.server, (scripted_reply){ .body = MCR_STR("{\"errors\":true}") });
    scripted_server_answer(f.server, (scripted_reply){ .body = MCR_STR("{\"errors\":false}") });
    write_number(1);
    write_number(2);
    run_until_settled(2);
    assert_int_equal(f.sink->counts.delivered, 1);
    char expected[128];
    snprintf(expected, sizeof expected,
             "POST http://127.0.0.1:%d: answered 200: {\\\"errors\\\":true}",
             scripted_server_port(f.server));
    assert_dead(expected);
}

static void bodies_are_compressed(void **state)
{
    (void)state;
    setting settings[] = { { "gzip", NULL, TRUE }, { "batch.events", NULL, 2 } };
    begin(settings, 2);
    scripted_server_answer(f.server, (scripted_reply){ .status = 503 });
    scripted_server_answer(f.server, (scripted_reply){ .status = 200 });
    write_number(1);
    write_number(2);
    run_until_settled(2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(header(i, "Content-Encoding"), "gzip");
        const scripted_request *asked = scripted_server_request(f.server, i);
        char plain[64];
        z_stream z = { .next_in = (Bytef *)asked->body,
                       .avail_in = (uInt)asked->body_len,
                       .next_out = (Bytef *)plain,
                       .avail_out = sizeof plain };
        assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
        assert_int_equal(z.total_out, 17);
        assert_memory_equal(plain, "[{\"n\":1},{\"n\":2}]", 17);
        inflateEnd(&z);
    }
}

static void order_is_kept(void **state)
{
    (void)state;
    setting settings[] = { { "batch.events", NULL, 2 } };
    begin(settings, 1);
    scripted_server_answer(f.server, (scripted_reply){ .status = 503 });
    scripted_server_answer(f.server, (scripted_reply){ .mode = SCRIPTED_RESET });
    scripted_server_answer(f.server, (scripted_reply){ .status = 200 });
    for (int i = 1; i <= 6; i++)
        write_number(i);
    run_until_settled(6);
    static const char *const bodies[] = { "[{\"n\":1},{\"n\":2}]", "[{\"n\":1},{\"n\":2}]",
                                          "[{\"n\":1},{\"n\":2}]", "[{\"n\":3},{\"n\":4}]",
                                          "[{\"n\":5},{\"n\":6}]" };
    assert_int_equal(scripted_server_requests(f.server), 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(body(i), bodies[i]);
}

static void a_bad_event_delays_no_other(void **state)
{
    (void)state;
    setting settings[] = { { "ordered", NULL, TRUE }, { "retry.wait", "1h", 0 } };
    begin(settings, 2);
    scripted_server_answer(f.server, (scripted_reply){ .status = 503 });
    scripted_server_answer(f.server, (scripted_reply){ .status = 200 });
    write_number(1);
    while (scripted_server_requests(f.server) < 1)
        ev_run(f.loop, EVRUN_NOWAIT);
    write_number(2);
    write_number(3);
    run_until_settled(2);
    assert_int_equal(f.sink->counts.delivered, 2);
    assert_int_equal(f.sink->counts.in_flight, 1);
}

static void servers_die_and_come_back(void **state)
{
    (void)state;
    setting settings[] = { { "batch.events", NULL, 2 }, { "retry.attempts", NULL, 0 } };
    begin(settings, 2);
    write_number(1);
    write_number(2);
    run_until_settled(2);
    scripted_server_stop(f.server);
    for (int i = 3; i <= 8; i++)
        write_number(i);
    for (int i = 0; i < 20; i++)
        ev_run(f.loop, EVRUN_ONCE);
    assert_int_equal(f.sink->counts.in_flight, 6);
    assert_sum();
    scripted_server_start(f.server);
    run_until_settled(8);
    assert_int_equal(f.sink->counts.delivered, 8);
    assert_string_equal(body(3), "[{\"n\":7},{\"n\":8}]");
}

static void what_is_left_is_given_up(void **state)
{
    (void)state;
    setting settings[] = { { "batch.events", NULL, 2 } };
    begin(settings, 1);
    mcr_dead_letters *dead = f.sink->dead;
    scripted_server_answer(f.server, (scripted_reply){ .mode = SCRIPTED_HANG });
    for (int i = 1; i <= 5; i++)
        write_number(i); // one under way, one behind it, one waits for company
    while (scripted_server_requests(f.server) < 1)
        ev_run(f.loop, EVRUN_NOWAIT);
    f.sink->kind->close(f.sink);
    f.sink = NULL;
    assert_int_equal(mcr_dead_letters_count(dead), 5);
    mcr_dead_letters_close(dead);
    remove_scratch(f.dead_path);
}

static void room_counts_what_waits(void **state)
{
    (void)state;
    setting settings[] = { { "batch.events", NULL, 3 }, { "queue", NULL, 5 } };
    begin(settings, 2);
    scripted_server_answer(f.server, (scripted_reply){ .mode = SCRIPTED_HANG });
    assert_int_equal(f.sink->kind->room(f.sink), 5);
    for (int i = 1; i <= 4; i++)
        write_number(i);
    assert_int_equal(f.sink->kind->room(f.sink), 1);
    write_number(5);
    assert_int_equal(f.sink->kind->room(f.sink), 0);
    // Past it, as scripts may.
    write_number(6);
    write_number(7);
    assert_int_equal(f.sink->kind->room(f.sink), 0);
    assert_int_equal(f.sink->counts.in_flight, 5);
    assert_int_equal(f.sink->counts.dead_lettered, 2);
    assert_int_equal(f.sink->turned_away, 2);
}

static void retry_after_is_kept_to(void **state)
{
    (void)state;
    setting settings[] = { { "retry.wait", "1ms", 0 }, { "retry.max_wait", "1h", 0 } };
    begin(settings, 2);
    scripted_server_answer(f.server,
                           (scripted_reply){ .status = 429, .headers = "Retry-After: 1\n" });
    scripted_server_answer(f.server, (scripted_reply){ .status = 200 });
    int64_t before = mcr_clock_monotonic();
    write_number(1);
    run_until_settled(1);
    assert_true(mcr_clock_monotonic() - before >= SECOND);
    assert_int_equal(f.sink->counts.delivered, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WEBHOOK_CASE(one_event_one_request),
        WEBHOOK_CASE(batches_by_number),
        WEBHOOK_CASE(batches_by_bytes),
        WEBHOOK_CASE(batches_by_time),
        WEBHOOK_CASE(bodies_are_wrapped),
        WEBHOOK_CASE(statuses_and_what_they_mean),
        WEBHOOK_CASE(statuses_are_chosen),
        WEBHOOK_CASE(success_is_what_is_expected),
        WEBHOOK_CASE(bodies_are_compressed),
        WEBHOOK_CASE(order_is_kept),
        WEBHOOK_CASE(a_bad_event_delays_no_other),
        WEBHOOK_CASE(servers_die_and_come_back),
        WEBHOOK_CASE(what_is_left_is_given_up),
        WEBHOOK_CASE(room_counts_what_waits),
        WEBHOOK_CASE(retry_after_is_kept_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
