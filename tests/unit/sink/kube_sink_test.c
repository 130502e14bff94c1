// The sink "kube" with a server at the other end that does everything wrong: the sink's own table
// of functions, a real loop, real requests. After each scenario the ledger's sum holds, and the
// server has what client-go would have left there, or better.

#include "api_world.h"

static void a_new_one_is_posted_and_its_repeat_patched(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    open_sink(&w);
    write_event(&w, "a.1", 1);
    run_to_end(&w);
    write_event(&w, "a.1", 2);
    run_to_end(&w);
    assert_int_equal(w.sink->counts.delivered, 2);
    assert_int_equal(api_server_requests(&w.api), 2);
    const scripted_request *post = scripted_server_request(w.api.server, 0);
    assert_string_equal(post->method, "POST");
    assert_string_equal(post->uri, "/api/v1/namespaces/default/events");
    const scripted_request *patch = scripted_server_request(w.api.server, 1);
    assert_string_equal(patch->method, "PATCH");
    assert_string_equal(patch->uri, "/api/v1/namespaces/default/events/a.1");
    assert_string_equal(patch->body, "{\"count\":2,\"lastTimestamp\":\"2023-11-14T22:08:08Z\","
                                     "\"message\":\"Started container web\"}");
    assert_int_equal(api_server_count(&w.api, "a.1"), 2);
    end_world(&w);
}

typedef struct fault_row {
    int status; // 0: what is in `reply`
    const char *reason;
    scripted_reply reply;
    bool done;      // the server has done it
    bool permanent; // to be refused
} fault_row;

static const fault_row fault_rows[] = {
    { .status = 400, .reason = "BadRequest", .permanent = true },
    { .status = 401, .reason = "Unauthorized" },
    { .status = 403, .reason = "Forbidden", .permanent = true },
    { .status = 405, .reason = "MethodNotAllowed", .permanent = true },
    { .status = 406, .reason = "NotAcceptable", .permanent = true },
    { .status = 408, .reason = "" },
    { .status = 409, .reason = "Conflict" },
    { .status = 410, .reason = "Gone", .permanent = true },
    { .status = 413, .reason = "RequestEntityTooLarge", .permanent = true },
    { .status = 415, .reason = "UnsupportedMediaType", .permanent = true },
    { .status = 422, .reason = "Invalid", .permanent = true },
    { .status = 425, .reason = "" },
    { .status = 429, .reason = "TooManyRequests" },
    { .status = 431, .reason = "", .permanent = true },
    { .status = 500, .reason = "InternalError" },
    { .status = 500, .reason = "InternalError", .done = true },
    { .status = 502, .reason = "" },
    { .status = 503, .reason = "ServiceUnavailable" },
    { .status = 504, .reason = "Timeout" },
    { .status = 504, .reason = "Timeout", .done = true },
    // Not a Status.
    { .reply = { .status = 429,
                 .headers = "Content-Type: text/plain\nRetry-After: 1\n",
                 .body = MCR_STR("Too many requests, please try again later.\n") } },
    { .reply = { .status = 502, .headers = "Content-Type: text/html\n", .body = MCR_STR("<p>") } },
    { .reply = { .status = 503 } },
    { .reply = { .status = 403 }, .permanent = true },
    { .reply = { .status = 302, .headers = "Location: /login\n" } },
    // Answers that cannot be read, and none.
    { .reply = { .status = 201, .headers = "Content-Type: application/json\n" }, .done = true },
    { .reply = { .status = 201,
                 .headers = "Content-Type: application/json\n",
                 .body = MCR_STR("{\"kind\":\"Ev") },
      .done = true },
    { .reply = { .mode = SCRIPTED_TRUNCATE,
                 .status = 201,
                 .headers = "Content-Type: application/json\n",
                 .body = MCR_STR("{\"kind\":\"Event\",") },
      .done = true },
    { .reply = { .mode = SCRIPTED_TRUNCATE, .status = 500, .body = MCR_STR("{") } },
    { .reply = { .mode = SCRIPTED_CLOSE } },
    { .reply = { .mode = SCRIPTED_CLOSE }, .done = true },
    { .reply = { .mode = SCRIPTED_RESET } },
    { .reply = { .mode = SCRIPTED_RESET }, .done = true },
    { .reply = { .mode = SCRIPTED_GARBAGE, .body = MCR_STR("SSH-2.0-nonsense\r\n") } },
    { .reply = { .mode = SCRIPTED_HANG } },
    { .reply = { .mode = SCRIPTED_HANG }, .done = true },
};

// Each fault once: in the POST of a new event, in the PATCH of a repeat, in the PATCH of one that
// the server does not have, in the POST that follows.
static void each_fault_at_each_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fault_rows / sizeof *fault_rows; i++) {
        const fault_row *row = &fault_rows[i];
        world w;
        begin_world(&w);
        w.options.timeout = row->reply.mode == SCRIPTED_HANG ? 100 * MS : 0;
        open_sink(&w);
        uint64_t refused = 0;
        for (int step = 0; step < 4; step++) {
            char name[24];
            snprintf(name, sizeof name, "a.%d", step);
            int count = step == 0 ? 1 : 3, before = 0;
            w.api.fault = NULL;
            if (step == 1) {
                write_event(&w, name, 1);
                run_to_end(&w);
                before = 1;
            }
            pthread_mutex_lock(&w.api.lock);
            w.api.fault_status = row->status;
            w.api.fault_reason = row->reason;
            w.api.fault_reply = row->reply;
            w.api.fault_done = row->done;
            w.api.fault_number = w.api.requests + (step == 3);
            w.api.fault = fault_at;
            pthread_mutex_unlock(&w.api.lock);
            write_event(&w, name, count);
            run_to_end(&w);
            refused += row->permanent;
            if (w.sink->counts.dead_lettered != refused ||
                api_server_count(&w.api, name) != (row->permanent ? before : count))
                fail_msg("fault %zu, step %d: %d refused, the server has %d of %d", i, step,
                         (int)w.sink->counts.dead_lettered, api_server_count(&w.api, name), count);
        }
        assert_int_equal(w.sink->counts.in_flight, 0);
        assert_int_equal(w.api.out_of_order, 0);
        end_world(&w);
    }
}

static bool everything_fails(api_server *api, const scripted_request *request, int number,
                             scripted_reply *reply, bool *done)
{
    (void)api;
    (void)request;
    (void)number;
    (void)done;
    reply_status(reply, 500, "InternalError");
    return true;
}

static void a_server_that_only_fails_is_given_up(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.api.fault = everything_fails;
    w.options.attempts = 3;
    open_sink(&w);
    for (int i = 0; i < 10; i++) {
        char name[24];
        snprintf(name, sizeof name, "a.%d", i);
        write_event(&w, name, 1);
    }
    run_to_end(&w);
    assert_int_equal(w.sink->counts.dead_lettered, 10);
    assert_int_equal(api_server_requests(&w.api), 30);
    end_world(&w);
}

static void a_server_that_dies_and_comes_back_gets_everything(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.attempts = 0;
    open_sink(&w);
    char name[24];
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "a.%d", i);
        write_event(&w, name, 1);
    }
    run_until(&w, 10);
    scripted_server_stop(w.api.server);
    for (int i = 50; i < 200; i++) {
        snprintf(name, sizeof name, "a.%d", i);
        write_event(&w, name, 1);
    }
    for (int i = 0; i < 50; i++)
        ev_run(w.loop, EVRUN_ONCE);
    assert_true(w.sink->counts.in_flight >= 150);
    scripted_server_start(w.api.server);
    run_to_end(&w);
    assert_int_equal(w.sink->counts.delivered, 200);
    assert_int_equal(w.api.n, 200);
    end_world(&w);
}

static void a_new_token_is_read_when_the_old_one_is_refused(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    write_token(&w, "old");
    expect_token(&w, "old");
    w.options.access.token_file = w.token_file;
    open_sink(&w);
    write_event(&w, "a.1", 1);
    run_to_end(&w);
    assert_int_equal(w.sink->counts.delivered, 1);

    expect_token(&w, "new-token");
    for (int i = 2; i < 30; i++) {
        char name[24];
        snprintf(name, sizeof name, "a.%d", i);
        write_event(&w, name, 1);
    }
    write_token(&w, "new-token");
    run_to_end(&w);
    assert_int_equal(w.sink->counts.delivered, 29);
    assert_int_equal(w.api.n, 29);
    end_world(&w);
}

static bool bad_objects(api_server *api, const scripted_request *request, int number,
                        scripted_reply *reply, bool *done)
{
    (void)api;
    (void)number;
    (void)done;
    if (strstr(request->body, "\"name\":\"hangs."))
        *reply = (scripted_reply){ .mode = SCRIPTED_HANG };
    else if (strstr(request->body, "\"name\":\"fails."))
        reply_status(reply, 500, "InternalError");
    else
        return false;
    return true;
}

static void slow_and_bad_objects_delay_no_others(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.max_in_flight = 8;
    w.options.attempts = 0;
    w.api.fault = bad_objects;
    open_sink(&w);
    char name[24];
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "hangs.%d", i);
        write_event(&w, name, 1);
        snprintf(name, sizeof name, "fails.%d", i);
        write_event(&w, name, 1);
    }
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "good.%d", i);
        write_event(&w, name, 1);
    }
    run_until(&w, 200);
    assert_int_equal(w.sink->counts.delivered, 200);
    assert_int_equal(w.sink->counts.in_flight, 8);
    close_sink(&w); // with requests under way
    end_world(&w);
}

// Any request may go wrong, in any way.
static bool random_faults(api_server *api, const scripted_request *request, int number,
                          scripted_reply *reply, bool *done)
{
    (void)request;
    unsigned chance = (unsigned)number * 2654435761u >> 16;
    (void)api;
    switch (chance % 16) {
    case 0:
        reply_status(reply, 500, "InternalError");
        return true;
    case 1:
        reply_status(reply, 504, "Timeout");
        *done = true;
        return true;
    case 2:
        *reply = (scripted_reply){ .mode = SCRIPTED_RESET };
        *done = chance & 1024;
        return true;
    case 3:
        *reply = (scripted_reply){ .mode = SCRIPTED_TRUNCATE, .status = 200 };
        *done = true;
        return true;
    case 4:
        reply_status(reply, 429, "TooManyRequests");
        return true;
    default:
        return false;
    }
}

static void the_order_of_each_event_holds(void **state)
{
    (void)state;
    enum {
        NAMES = 25,
        REPEATS = 20
    };
    world w;
    begin_world(&w);
    w.options.attempts = 0;
    w.api.fault = random_faults;
    open_sink(&w);
    char name[24];
    for (int count = 1; count <= REPEATS; count++) {
        for (int i = 0; i < NAMES; i++) {
            snprintf(name, sizeof name, "a.%d", i);
            write_event(&w, name, count);
        }
        for (int i = 0; i < 10; i++)
            ev_run(w.loop, EVRUN_NOWAIT);
    }
    run_to_end(&w);
    assert_int_equal(w.sink->counts.delivered + w.sink->counts.merged, NAMES * REPEATS);
    assert_true(w.sink->counts.merged > 0);
    assert_int_equal(w.api.n, NAMES);
    assert_int_equal(w.api.out_of_order, 0);
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "a.%d", i);
        assert_int_equal(api_server_count(&w.api, name), REPEATS);
    }
    end_world(&w);
}

static bool first_ones_fail(api_server *api, const scripted_request *request, int number,
                            scripted_reply *reply, bool *done)
{
    (void)request;
    (void)done;
    if (number >= api->fault_number)
        return false;
    reply_status(reply, 503, "ServiceUnavailable");
    return true;
}

static void draining_does_not_wait_for_the_next_try(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.wait = w.options.max_wait = 300 * SECOND;
    w.api.fault = first_ones_fail;
    w.api.fault_number = 20;
    open_sink(&w);
    for (int i = 0; i < 20; i++) {
        char name[24];
        snprintf(name, sizeof name, "a.%d", i);
        write_event(&w, name, 1);
    }
    while (api_server_requests(&w.api) < 20)
        ev_run(w.loop, EVRUN_ONCE);
    assert_int_equal(w.sink->counts.in_flight, 20);
    // Those whose answer is still on its way have their turn with the next call.
    while (w.sink->counts.in_flight) {
        mcr_sink_kind_kube.drain(w.sink, 0);
        ev_run(w.loop, EVRUN_NOWAIT);
    }
    assert_int_equal(w.sink->counts.delivered, 20);
    end_world(&w);
}

static void ten_thousand_wait_until_it_is_back(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.attempts = 0;
    w.options.wait = 100 * MS;
    w.options.max_wait = 500 * MS;
    open_sink(&w);
    scripted_server_stop(w.api.server);
    for (int i = 0; mcr_sink_kind_kube.room(w.sink) > 0; i++) {
        char name[24];
        snprintf(name, sizeof name, "a.%d", i);
        write_event(&w, name, 1);
    }
    assert_int_equal(w.sink->counts.in_flight, 10000);
    for (int i = 0; i < 20; i++)
        ev_run(w.loop, EVRUN_ONCE);
    scripted_server_start(w.api.server);
    run_to_end(&w);
    assert_int_equal(w.sink->counts.delivered, 10000);
    assert_int_equal(w.api.n, 10000);
    end_world(&w);
}

// A kubeconfig with all that the sink itself has to pass on.
static void a_kubeconfig_says_how(void **state)
{
    (void)state;
    static const char *const rows[] = { "", ", disable-compression: true" };
    for (size_t i = 0; i < 2; i++) {
        world w;
        begin_world(&w);
        char *path = scratch_path("kubeconfig");
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file,
                "current-context: none\n"
                "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
                "clusters: [{name: k, cluster: {server: '%s'%s}}]\n"
                "users: [{name: u, user: {token: sesame, as: jane}}]\n",
                scripted_server_url(w.api.server), rows[i]);
        fclose(file);
        w.options.access = (mcr_kube_access_options){ .kubeconfig = path, .context = "c" };
        open_sink(&w);
        write_event(&w, "a.1", 1);
        run_to_end(&w);
        assert_int_equal(w.sink->counts.delivered, 1);
        const scripted_request *post = scripted_server_request(w.api.server, 0);
        char value[64];
        assert_true(scripted_request_header(post, "Authorization", value, sizeof value));
        assert_string_equal(value, "Bearer sesame");
        assert_true(scripted_request_header(post, "Impersonate-User", value, sizeof value));
        assert_string_equal(value, "jane");
        assert_int_equal(scripted_request_header(post, "Accept-Encoding", value, sizeof value),
                         i == 0);
        end_world(&w);
        remove_scratch(path);
    }
}

static void without_a_loop_events_are_dead_letters(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    mcr_errbuf err;
    w.sink = mcr_sink_kind_kube.open(&w.options, &err);
    assert_non_null(w.sink);
    w.sink->name = w.sink->watcher = "w";
    w.sink->dead = w.dead;
    write_event(&w, "a.1", 1);
    assert_int_equal(w.sink->counts.dead_lettered, 1);
    end_world(&w);
}

int main(void)
{
    mcr_log_set_level(MCR_LOG_ERROR);
    clean_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_one_is_posted_and_its_repeat_patched),
        cmocka_unit_test(each_fault_at_each_step),
        cmocka_unit_test(a_server_that_only_fails_is_given_up),
        cmocka_unit_test(a_server_that_dies_and_comes_back_gets_everything),
        cmocka_unit_test(a_new_token_is_read_when_the_old_one_is_refused),
        cmocka_unit_test(slow_and_bad_objects_delay_no_others),
        cmocka_unit_test(the_order_of_each_event_holds),
        cmocka_unit_test(draining_does_not_wait_for_the_next_try),
        cmocka_unit_test(ten_thousand_wait_until_it_is_back),
        cmocka_unit_test(a_kubeconfig_says_how),
        cmocka_unit_test(without_a_loop_events_are_dead_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
