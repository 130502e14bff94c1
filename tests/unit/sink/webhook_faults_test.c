// Each fault that a server can have in the middle of a batch, and random ones. Whenever the loop
// comes round the ledger's sum holds; in the end each event is in one place: at the server, in
// order, or in the dead letters with the words of the server.

#include "webhook_fixture.h"

#include <pthread.h>

enum {
    BATCH = 5
};

#define JSON "Content-Type: application/json\n"

typedef enum fault_kind {
    REPLY,
    SPOIL, // scripted_server_spoil
    DOWN   // nobody listens
} fault_kind;

typedef struct fault {
    const char *name;
    fault_kind kind;
    scripted_reply reply;
    scripted_place place;
    scripted_mode how;
    bool is_final;      // no other try
    bool is_split;      // its halves are tried, and taken
    const char *letter; // what the dead letters say; NULL: it was taken all the same
} fault;

#define ANSWER(title, ...)        .name = title, .reply = { __VA_ARGS__ }
#define SPOILT(title, where, end) .name = title, .kind = SPOIL, .place = where, .how = end

static const fault faults[] = {
    { ANSWER("200, cut", .mode = SCRIPTED_HALF_BODY, .body = MCR_STR("{\"took\":1}")),
      .is_final = true },
    { ANSWER("204", .status = 204), .is_final = true },
    { ANSWER("400", .status = 400, .body = MCR_STR("mapper_parsing\n")), .is_split = true },
    { ANSWER("401", .status = 401), .is_final = true, .letter = ": answered 401" },
    { ANSWER("403", .status = 403, .headers = JSON, .body = MCR_STR("{\"error\":\"no\"}")),
      .is_final = true, .letter = ": answered 403: {\\\"error\\\":\\\"no\\\"}" },
    { ANSWER("404", .status = 404, .body = MCR_STR("no such hook")), .is_final = true,
      .letter = ": answered 404: no such hook" },
    { ANSWER("409", .status = 409), .is_split = true },
    { ANSWER("413", .status = 413, .body = MCR_STR("too much")), .is_split = true },
    { ANSWER("422", .status = 422, .body = MCR_STR("a\nb")), .is_split = true },
    { ANSWER("408", .status = 408) },
    { ANSWER("425", .status = 425) },
    { ANSWER("429", .status = 429) },
    { ANSWER("429 with Retry-After", .status = 429, .headers = "Retry-After: 0\n") },
    { ANSWER("500", .status = 500) },
    { ANSWER("502", .status = 502) },
    { ANSWER("503 with Retry-After", .status = 503, .headers = "Retry-After: 0\n") },
    { ANSWER("504", .status = 504) },
    { ANSWER("503, cut", .mode = SCRIPTED_TRUNCATE, .status = 503) },
    { ANSWER("closed", .mode = SCRIPTED_CLOSE) },
    { ANSWER("reset", .mode = SCRIPTED_RESET) },
    { ANSWER("silence", .mode = SCRIPTED_HANG) },
    { ANSWER("no HTTP", .mode = SCRIPTED_GARBAGE, .body = MCR_STR("what?\r\n\r\n")) },
    { ANSWER("half a head of 200, closed", .mode = SCRIPTED_HALF_HEAD), .is_final = true },
    { ANSWER("half a head of 200, silence", .mode = SCRIPTED_HALF_HEAD, .then = SCRIPTED_HANG),
      .is_final = true },
    { ANSWER("half a body of 200, silence", .mode = SCRIPTED_HALF_BODY,
             .body = MCR_STR("{\"took\":1}"), .then = SCRIPTED_HANG),
      .is_final = true },
    { ANSWER("half a body of 400, silence", .mode = SCRIPTED_HALF_BODY, .status = 400,
             .body = MCR_STR("no field"), .then = SCRIPTED_HANG),
      .is_split = true },
    { ANSWER("half a 500, silence", .mode = SCRIPTED_HALF_BODY, .status = 500,
             .body = MCR_STR("no no"), .then = SCRIPTED_HANG) },
    { ANSWER("half a head of 503, closed", .mode = SCRIPTED_HALF_HEAD, .status = 503) },
    { SPOILT("accepted and closed", SCRIPTED_AT_ACCEPT, SCRIPTED_CLOSE) },
    { SPOILT("accepted and reset", SCRIPTED_AT_ACCEPT, SCRIPTED_RESET) },
    { SPOILT("accepted, then silence", SCRIPTED_AT_ACCEPT, SCRIPTED_HANG) },
    { SPOILT("accepted by another service", SCRIPTED_AT_ACCEPT, SCRIPTED_GARBAGE) },
    { SPOILT("request read, closed", SCRIPTED_IN_REQUEST, SCRIPTED_CLOSE) },
    { SPOILT("request read, reset", SCRIPTED_IN_REQUEST, SCRIPTED_RESET) },
    { .name = "refused connection", .kind = DOWN },
};

// What the server has taken, in order, by the handler's thread; the lock is the server's own: one
// request at a time.
typedef struct taken {
    pthread_mutex_t lock;
    char bodies[256][160];
    int n;
    scripted_reply fault;
    int fault_at;    // number of the request; -1: none
    uint64_t random; // 0: only that fault
    int requests;
} taken;

static taken server;

// splitmix64
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

// It says so as soon as its status is out.
static bool is_taken(const scripted_reply *reply)
{
    int status = reply->status ? reply->status : 200;
    bool is_said = reply->mode == SCRIPTED_ANSWER || reply->mode == SCRIPTED_HALF_HEAD ||
                   reply->mode == SCRIPTED_HALF_BODY;
    return is_said && status < 300;
}

static void on_request(void *self, const scripted_request *request, scripted_reply *reply)
{
    (void)self;
    pthread_mutex_lock(&server.lock);
    int number = server.requests++;
    if (number == server.fault_at)
        *reply = server.fault;
    else if (server.random)
        switch (next_random(&server.random) % 12) {
        case 0:
            reply->status = 503;
            break;
        case 1:
            reply->mode = SCRIPTED_RESET;
            break;
        case 2:
            reply->status = 400;
            break;
        case 3:
            reply->mode = SCRIPTED_CLOSE;
            break;
        default:
            break;
        }
    if (is_taken(reply))
        snprintf(server.bodies[server.n++], sizeof server.bodies[0], "%s", request->body);
    pthread_mutex_unlock(&server.lock);
}

static void begin_faults(const setting *settings, size_t n)
{
    server = (taken){ .fault_at = -1 };
    pthread_mutex_init(&server.lock, NULL);
    scripted_server_handle(f.server, on_request, NULL);
    begin(settings, n);
}

static void write_numbers(int from, int n)
{
    for (int i = from; i < from + n; i++)
        write_number(i);
}

static void expect_events(int at, int from, int n)
{
    char expected[160];
    int len = 0;
    for (int i = from; i < from + n; i++)
        len += snprintf(expected + len, sizeof expected - (size_t)len, "%s{\"n\":%d}",
                        i == from ? "[" : ",", i);
    snprintf(expected + len, sizeof expected - (size_t)len, "]");
    assert_string_equal(server.bodies[at], expected);
}

static bool is_silence(const fault *row)
{
    return row->reply.mode == SCRIPTED_HANG || row->reply.then == SCRIPTED_HANG ||
           row->how == SCRIPTED_HANG;
}

static void expect_batch(int at, int from)
{
    expect_events(at, from, BATCH);
}

static void play(const fault *row)
{
    setting settings[] = { { "batch.events", NULL, BATCH },
                           { "timeout", is_silence(row) ? "300ms" : "60s", 0 },
                           { "max_in_flight", NULL, 1 } };
    begin_faults(settings, 3);
    // One that goes well, one that does not, and one behind it.
    write_numbers(0, BATCH);
    run_until_settled(BATCH);
    if (row->kind == REPLY) {
        server.fault = row->reply;
        server.fault_at = server.requests;
    } else {
        scripted_server_stop(f.server);
        if (row->kind == SPOIL) {
            scripted_server_spoil(f.server, row->place, row->how, 1);
            scripted_server_start(f.server);
        }
    }
    write_numbers(BATCH, 2 * BATCH);
    if (row->kind == DOWN) {
        for (int i = 0; i < 20; i++)
            ev_run(f.loop, EVRUN_ONCE);
        assert_int_equal(f.sink->counts.in_flight, 2 * BATCH);
        scripted_server_start(f.server);
    }
    run_until_settled(3 * BATCH);

    int lost = row->letter ? BATCH : 0;
    if ((int)f.sink->counts.dead_lettered != lost)
        fail_msg("%s: %d dead letters", row->name, (int)f.sink->counts.dead_lettered);
    assert_int_equal(f.sink->counts.delivered, 3 * BATCH - lost);
    if (server.n != 3 - (lost > 0) + row->is_split)
        fail_msg("%s: %d batches taken", row->name, server.n);
    expect_batch(0, 0);
    if (row->is_split) {
        expect_events(1, BATCH, BATCH / 2);
        expect_events(2, BATCH + BATCH / 2, BATCH - BATCH / 2);
    } else if (!lost) {
        expect_batch(1, BATCH);
    }
    expect_batch(server.n - 1, 2 * BATCH);
    if (row->kind == REPLY)
        assert_int_equal(server.requests, row->is_split ? 5 : row->is_final ? 3 : 4);
    if (lost) {
        // Each event has a letter of its own.
        mcr_buf text = read_file(f.dead_path);
        mcr_buf_cstr(&text);
        for (int i = BATCH; i < 2 * BATCH; i++) {
            char ending[128];
            snprintf(ending, sizeof ending, "%s\",\"event\":{\"n\":%d}}\n", row->letter, i);
            if (!strstr(text.ptr, ending))
                fail_msg("%s: no %s in %s", row->name, ending, text.ptr);
        }
        mcr_buf_fini(&text);
    }
}

static void each_fault_in_the_middle_of_batches(void **state)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        setup(state);
        play(&faults[i]);
        teardown(state);
    }
}

// One target, one order: what was not taken is tried before what comes behind it.
static void order_and_sums_hold_under_random_faults(void **state)
{
    for (uint64_t seed = 1; seed <= 25; seed++) {
        uint64_t random = seed;
        setup(state);
        setting settings[] = { { "batch.events", NULL, 1 + (double)(next_random(&random) % 4) },
                               { "retry.attempts", NULL, 0 },
                               { "ordered", NULL, TRUE },
                               { "max_in_flight", NULL, 1 + (double)(next_random(&random) % 8) } };
        begin_faults(settings, 4);
        server.random = seed;
        int written = 0;
        while (written < 60) {
            int n = 1 + (int)(next_random(&random) % 8);
            n = n < 60 - written ? n : 60 - written;
            write_numbers(written, n);
            written += n;
            f.now += 2 * SECOND;
            f.sink->kind->tick(f.sink, f.now);
            for (uint64_t turns = next_random(&random) % 5; turns; turns--) {
                ev_run(f.loop, EVRUN_NOWAIT);
                assert_sum();
            }
        }
        f.sink->kind->drain(f.sink, f.now);
        run_until_settled(60);
        const mcr_sink_counts *c = &f.sink->counts;
        int seen[60] = { 0 }, n = 0;
        const mcr_webhook_options *o = f.options;
        int last = -1;
        for (int i = 0; i < server.n; i++)
            for (const char *at = server.bodies[i]; (at = strstr(at, "{\"n\":")); at++) {
                int number = atoi(at + 5);
                seen[number]++;
                n++;
                if (o->batch_events > 1 && number <= last)
                    fail_msg("seed %d: %d came after %d", (int)seed, number, last);
                last = number;
            }
        for (int i = 0; i < 60; i++)
            if (seen[i] > 1)
                fail_msg("seed %d: event %d was taken %d times", (int)seed, i, seen[i]);
        if (n != (int)c->delivered || c->delivered + c->dead_lettered != 60)
            fail_msg("seed %d: %d taken, %d delivered, %d dead letters", (int)seed, n,
                     (int)c->delivered, (int)c->dead_lettered);
        teardown(state);
    }
}

// A server that refuses every body with one of these events in it.
static void refuse_some(void *self, const scripted_request *request, scripted_reply *reply)
{
    (void)self;
    pthread_mutex_lock(&server.lock);
    server.requests++;
    if (strstr(request->body, "\"n\":3}") || strstr(request->body, "\"n\":17}"))
        reply->status = 422;
    else
        snprintf(server.bodies[server.n++], sizeof server.bodies[0], "%s", request->body);
    pthread_mutex_unlock(&server.lock);
}

static void bad_events_take_no_good_ones_along(void **state)
{
    for (int ordered = 0; ordered < 2; ordered++) {
        setup(state);
        setting settings[] = { { "batch.events", NULL, 10 },
                               { "ordered", NULL, ordered ? TRUE : FALSE },
                               { "max_in_flight", NULL, 1 } };
        begin_faults(settings, ordered ? 3 : 2);
        scripted_server_handle(f.server, refuse_some, NULL);
        write_numbers(0, 30);
        run_until_settled(30);
        assert_int_equal(f.sink->counts.delivered, 28);
        assert_int_equal(f.sink->counts.dead_lettered, 2);
        int last = -1;
        for (int i = 0; ordered && i < server.n; i++)
            for (const char *at = server.bodies[i]; (at = strstr(at, "{\"n\":")); at++) {
                assert_true(atoi(at + 5) > last);
                last = atoi(at + 5);
            }
        teardown(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_in_the_middle_of_batches),
        cmocka_unit_test(bad_events_take_no_good_ones_along),
        cmocka_unit_test(order_and_sums_hold_under_random_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
