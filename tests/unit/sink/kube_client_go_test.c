// The sink "kube" under policy "client-go": the decisions of recordToSink, one event at a time.

#include "api_world.h"

static void begin_client_go(world *w)
{
    begin_world(w);
    w->options.policy = MCR_KUBE_CLIENT_GO;
}

static void one_at_a_time_and_in_order(void **state)
{
    (void)state;
    world w;
    begin_client_go(&w);
    open_sink(&w);
    assert_int_equal(mcr_sink_kind_kube.room(w.sink), 1);
    write_event(&w, "a.1", 1);
    assert_int_equal(mcr_sink_kind_kube.room(w.sink), 0);
    // Past the room, as scripts may.
    write_event(&w, "a.1", 2);
    write_event(&w, "b.1", 1);
    run_to_end(&w);
    assert_int_equal(mcr_sink_kind_kube.room(w.sink), 1);
    assert_int_equal(w.sink->counts.delivered, 3);
    static const char *const methods[] = { "POST", "PATCH", "POST" };
    for (size_t i = 0; i < 3; i++) {
        const scripted_request *asked = scripted_server_request(w.api.server, i);
        assert_string_equal(asked->method, methods[i]);
        assert_int_equal(asked->connection, 0);
    }
    assert_int_equal(api_server_count(&w.api, "a.1"), 2);
    end_world(&w);
}

static void remember_turned_away(void *arg, const char *name, uint64_t n)
{
    if (strcmp(name, "turned_away") == 0)
        *(uint64_t *)arg = n;
}

static void what_scripts_send_past_the_queue_is_given_up(void **state)
{
    (void)state;
    for (int policy = MCR_KUBE_DEFAULT; policy <= MCR_KUBE_CLIENT_GO; policy++) {
        world w;
        begin_world(&w);
        w.options.policy = policy;
        w.options.queue = 3;
        open_sink(&w);
        for (int i = 0; i < 5; i++) {
            char name[24];
            snprintf(name, sizeof name, "a.%d", i);
            write_event(&w, name, 1);
        }
        assert_int_equal(w.sink->counts.in_flight, 3);
        assert_int_equal(w.sink->counts.dead_lettered, 2);
        run_to_end(&w);
        assert_int_equal(w.sink->counts.delivered, 3);
        write_event(&w, "a.5", 1);
        run_to_end(&w);
        assert_int_equal(w.sink->counts.delivered, 4);
        uint64_t turned_away = 0;
        mcr_sink_kind_kube.each_note(w.sink, remember_turned_away, &turned_away);
        assert_int_equal(turned_away, 2);
        end_world(&w);
    }
}

typedef struct fault_row {
    int status; // 0: `reply`
    const char *reason;
    scripted_reply reply;
    bool done;
    int requests; // until it is over, when the fault comes once
    uint64_t delivered;
} fault_row;

// RECORD 5.2: a status is final, what is no answer is tried again after a sleep.
static const fault_row fault_rows[] = {
    { .status = 400, .reason = "BadRequest", .requests = 1 },
    { .status = 401, .reason = "Unauthorized", .requests = 1 },
    { .status = 403, .reason = "Forbidden", .requests = 1 },
    { .status = 404, .reason = "NotFound", .requests = 1 },
    { .status = 409, .reason = "AlreadyExists", .requests = 1 },
    { .status = 409, .reason = "Conflict", .requests = 1 },
    { .status = 422, .reason = "Invalid", .requests = 1 },
    { .status = 429, .reason = "TooManyRequests", .requests = 1 },
    { .status = 500, .reason = "InternalError", .requests = 1 },
    { .status = 503, .reason = "ServiceUnavailable", .requests = 1 },
    { .status = 504, .reason = "Timeout", .requests = 1 },
    { .reply = { .status = 503, .headers = "Retry-After: 0\n" }, .requests = 2, .delivered = 1 },
    { .reply = { .status = 429, .headers = "Retry-After: 0\n" }, .requests = 2, .delivered = 1 },
    { .reply = { .mode = SCRIPTED_CLOSE }, .requests = 2, .delivered = 1 },
    { .reply = { .mode = SCRIPTED_RESET }, .requests = 2, .delivered = 1 },
    { .reply = { .mode = SCRIPTED_TRUNCATE, .status = 201 }, .requests = 2, .delivered = 1 },
    // Stored, but the answer was lost: then it exists, and that is final.
    { .reply = { .mode = SCRIPTED_TRUNCATE, .status = 201 }, .done = true, .requests = 2 },
};

static void a_status_is_final_and_no_answer_is_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fault_rows / sizeof *fault_rows; i++) {
        const fault_row *row = &fault_rows[i];
        world w;
        begin_client_go(&w);
        w.api.fault = fault_at;
        w.api.fault_status = row->status;
        w.api.fault_reason = row->reason;
        w.api.fault_reply = row->reply;
        w.api.fault_done = row->done;
        open_sink(&w);
        write_event(&w, "a.1", 1);
        run_to_end(&w);
        if (api_server_requests(&w.api) != row->requests ||
            w.sink->counts.delivered != row->delivered)
            fail_msg("row %zu: %d requests, %d delivered", i, api_server_requests(&w.api),
                     (int)w.sink->counts.delivered);
        assert_int_equal(w.sink->counts.dead_lettered, 1 - row->delivered);
        end_world(&w);
    }
}

static int refused;

void __wrap_mcr_credentials_refused(mcr_credentials *c);

void __wrap_mcr_credentials_refused(mcr_credentials *c)
{
    assert_non_null(c);
    refused++;
}

// The event is lost, but the next one is not sent with what the server has refused.
static void a_401_has_credentials_read_anew(void **state)
{
    (void)state;
    static const int statuses[] = { 401, 403 };
    for (size_t i = 0; i < 2; i++) {
        world w;
        begin_client_go(&w);
        w.api.fault = fault_at;
        w.api.fault_status = statuses[i];
        w.api.fault_reason = "Any";
        open_sink(&w);
        refused = 0;
        write_event(&w, "a.1", 1);
        run_to_end(&w);
        assert_int_equal(refused, statuses[i] == 401);
        end_world(&w);
    }
}

static bool nothing_is_answered(api_server *api, const scripted_request *request, int number,
                                scripted_reply *reply, bool *done)
{
    (void)api;
    (void)request;
    (void)number;
    (void)done;
    *reply = (scripted_reply){ .mode = SCRIPTED_CLOSE };
    return true;
}

static void twelve_tries(void **state)
{
    (void)state;
    world w;
    begin_client_go(&w);
    w.api.fault = nothing_is_answered;
    open_sink(&w);
    write_event(&w, "a.1", 1);
    write_event(&w, "b.1", 3); // a repeat begins with its PATCH each time
    run_to_end(&w);
    assert_int_equal(w.sink->counts.dead_lettered, 2);
    assert_int_equal(api_server_requests(&w.api), 24);
    assert_string_equal(scripted_server_request(w.api.server, 11)->method, "POST");
    for (size_t i = 12; i < 24; i++)
        assert_string_equal(scripted_server_request(w.api.server, i)->method, "PATCH");
    end_world(&w);
}

static void a_patch_answered_404_becomes_a_post(void **state)
{
    (void)state;
    world w;
    begin_client_go(&w);
    open_sink(&w);
    write_event(&w, "a.1", 4);
    run_to_end(&w);
    assert_int_equal(w.sink->counts.delivered, 1);
    assert_string_equal(scripted_server_request(w.api.server, 0)->method, "PATCH");
    assert_string_equal(scripted_server_request(w.api.server, 1)->method, "POST");
    assert_int_equal(api_server_count(&w.api, "a.1"), 4);

    // A count that the correlator knows nothing of: a PATCH without a body.
    mcr_event fields = sample_fields();
    fields.metadata.name = MCR_STR("a.1");
    fields.count = 9;
    mcr_event *ev = mcr_event_new(&fields);
    mcr_sink_kind_kube.write(w.sink, &ev, 1, 0);
    mcr_event_unref(ev);
    run_to_end(&w);
    const scripted_request *bare = scripted_server_request(w.api.server, 2);
    assert_string_equal(bare->method, "PATCH");
    assert_int_equal(bare->body_len, 0);
    end_world(&w);
}

static int answers;

static void on_server_answer(void *self, const mcr_event *answer)
{
    (void)self;
    answers++;
    assert_true(mcr_str_is(answer->metadata.resourceVersion, "7"));
}

static void answers_are_told(void **state)
{
    (void)state;
    world w;
    begin_client_go(&w);
    open_sink(&w);
    answers = 0;
    w.sink->answer = (mcr_answer_hook){ on_server_answer, NULL };
    write_event(&w, "a.1", 1);
    write_event(&w, "a.1", 2);
    run_to_end(&w);
    assert_int_equal(answers, 2);
    end_world(&w);
}

static void the_end_cuts_a_sleep_or_a_request_short(void **state)
{
    (void)state;
    world w;
    begin_client_go(&w);
    w.options.wait = 300 * SECOND;
    w.api.fault = nothing_is_answered;
    open_sink(&w);
    write_event(&w, "a.1", 1);
    write_event(&w, "b.1", 1);
    while (api_server_requests(&w.api) < 1)
        ev_run(w.loop, EVRUN_ONCE);
    for (int i = 0; i < 20; i++)
        ev_run(w.loop, EVRUN_NOWAIT);
    assert_int_equal(w.sink->counts.in_flight, 2);
    end_world(&w); // counts both as given up
}

int main(void)
{
    mcr_log_set_level(MCR_LOG_ERROR);
    clean_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_at_a_time_and_in_order),
        cmocka_unit_test(what_scripts_send_past_the_queue_is_given_up),
        cmocka_unit_test(a_status_is_final_and_no_answer_is_not),
        cmocka_unit_test(a_401_has_credentials_read_anew),
        cmocka_unit_test(twelve_tries),
        cmocka_unit_test(a_patch_answered_404_becomes_a_post),
        cmocka_unit_test(answers_are_told),
        cmocka_unit_test(the_end_cuts_a_sleep_or_a_request_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
