// The default policy of the sink "kube": what it makes of each answer.

#include "kube_world.h"

static void a_patch_of_what_is_not_there_becomes_a_post(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    start_world(&w);
    // The code alone counts: it may be a page that says so.
    static const char *const reasons[] = { "NotFound", "" };
    for (int i = 0; i < 2; i++) {
        write_event(&w, "a.1", 5);
        assert_false(calls[0]->create);
        end_call(0, &(ending){ .status = 404, .reason = reasons[i], .text = "not found" });
        assert_int_equal(n_calls, 1);
        assert_true(calls[0]->create);
        assert_int_equal(calls[0]->ev->count, 5);
        end_with(0, 201);
    }
    assert_int_equal(w.kube.sink.counts.delivered, 2);
    assert_int_equal(w.now, 1000 * SECOND);

    // The namespace is gone as well.
    write_event(&w, "a.1", 6);
    end_call(0, &(ending){ .status = 404, .reason = "NotFound", .text = "no event" });
    end_call(0, &(ending){ .status = 404, .reason = "NotFound", .text = "no namespace" });
    assert_int_equal(w.kube.sink.counts.rejected, 1);
    end_world(&w);
}

typedef enum verdict {
    DELIVERED,
    AGAIN,
    REFUSED
} verdict;

static const struct answer_row {
    ending how;
    verdict post, patch;
} answer_rows[] = {
    { { .status = 200 }, DELIVERED, DELIVERED },
    { { .status = 201 }, DELIVERED, DELIVERED },
    { { .status = 204, .text = "0-length response" }, AGAIN, AGAIN },
    { { .status = 200, .text = "json parse error" }, AGAIN, AGAIN },
    { { .status = 200, .text = "x", .class = MCR_WRITE_UNEXPECTED }, AGAIN, AGAIN },
    { { .status = 301, .text = "moved" }, AGAIN, AGAIN },
    { { .status = 304, .text = "not modified" }, AGAIN, AGAIN },
    { { .status = 400, .reason = "BadRequest", .text = "x" }, REFUSED, REFUSED },
    { { .status = 401, .reason = "Unauthorized", .text = "x" }, AGAIN, AGAIN },
    { { .status = 402, .text = "x" }, REFUSED, REFUSED },
    { { .status = 403, .reason = "Forbidden", .text = "x" }, REFUSED, REFUSED },
    { { .status = 403, .reason = "Forbidden", .cause = "NamespaceTerminating", .text = "x" },
      REFUSED,
      REFUSED },
    { { .status = 405, .reason = "MethodNotAllowed", .text = "x" }, REFUSED, REFUSED },
    { { .status = 406, .reason = "NotAcceptable", .text = "x" }, REFUSED, REFUSED },
    { { .status = 408, .text = "x" }, AGAIN, AGAIN },
    { { .status = 409, .reason = "Conflict", .text = "x" }, AGAIN, AGAIN },
    { { .status = 410, .reason = "Gone", .text = "x" }, REFUSED, REFUSED },
    { { .status = 412, .text = "x" }, REFUSED, REFUSED },
    { { .status = 413, .reason = "RequestEntityTooLarge", .text = "x" }, REFUSED, REFUSED },
    { { .status = 415, .reason = "UnsupportedMediaType", .text = "x" }, REFUSED, REFUSED },
    { { .status = 418, .text = "x" }, REFUSED, REFUSED },
    { { .status = 422, .reason = "Invalid", .text = "x" }, REFUSED, REFUSED },
    { { .status = 425, .text = "x" }, AGAIN, AGAIN },
    { { .status = 429, .reason = "TooManyRequests", .text = "x" }, AGAIN, AGAIN },
    { { .status = 431, .text = "x" }, REFUSED, REFUSED },
    { { .status = 500, .text = "x" }, AGAIN, AGAIN },
    { { .status = 500, .reason = "InternalError", .text = "failed calling webhook" },
      AGAIN,
      AGAIN },
    { { .status = 500, .text = "etcdserver: request is too large" }, REFUSED, REFUSED },
    { { .status = 500, .text = "rpc error: trying to send message larger than max (3 vs. 2)" },
      REFUSED,
      REFUSED },
    { { .status = 500, .text = "resourceVersion should not be set on objects to be created" },
      REFUSED,
      REFUSED },
    { { .status = 502, .text = "x" }, AGAIN, AGAIN },
    { { .status = 503, .reason = "ServiceUnavailable", .text = "x" }, AGAIN, AGAIN },
    { { .status = 504, .reason = "Timeout", .text = "x" }, AGAIN, AGAIN },
    { { .outcome = MCR_HTTP_UNREACHED, .text = "connection refused" }, AGAIN, AGAIN },
    { { .outcome = MCR_HTTP_TIMED_OUT, .unsure = true, .text = "timeout" }, AGAIN, AGAIN },
    { { .outcome = MCR_HTTP_BROKEN, .unsure = true, .text = "EOF" }, AGAIN, AGAIN },
    { { .status = 201, .outcome = MCR_HTTP_CUT, .unsure = true, .text = "cut" }, AGAIN, AGAIN },
    { { .outcome = MCR_HTTP_NOT_TRUSTED, .text = "certificate" }, AGAIN, AGAIN },
    { { .outcome = MCR_HTTP_BAD_URL, .text = "no URL" }, REFUSED, REFUSED },
    { { .class = MCR_WRITE_CONSTRUCT, .text = "not encoded" }, REFUSED, REFUSED },
};

// The answers to the POST of a new event, the PATCH of a repeat, and the POST after a PATCH.
static void each_answer_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answer_rows / sizeof *answer_rows; i++) {
        const struct answer_row *row = &answer_rows[i];
        for (int step = 0; step < 3; step++) {
            world w;
            begin_world(&w);
            start_world(&w);
            write_event(&w, "a.1", step ? 2 : 1);
            if (step == 2)
                end_call(0, &(ending){ .status = 404, .reason = "NotFound", .text = "x" });
            assert_int_equal(calls[0]->create, step != 1);
            end_call(0, &row->how);
            check_ledger(&w);
            const mcr_sink_counts *c = &w.kube.sink.counts;
            verdict expected = step == 1 ? row->patch : row->post;
            if (c->delivered != (expected == DELIVERED) || c->rejected != (expected == REFUSED) ||
                c->in_flight != (expected == AGAIN))
                fail_msg("row %zu (%d %s), step %d: delivered %d, rejected %d, in flight %d", i,
                         row->how.status, row->how.text, step, (int)c->delivered, (int)c->rejected,
                         (int)c->in_flight);
            // What is tried again is tried in the same way.
            pass(&w, SECOND);
            assert_int_equal(n_calls, expected == AGAIN);
            if (expected == AGAIN)
                assert_int_equal(calls[0]->create, step != 1);
            end_world(&w);
        }
    }
}

// Whatever became of the first try: the name is of this event alone.
static void a_new_event_that_already_exists_is_delivered(void **state)
{
    (void)state;
    static const ending before[] = {
        { .outcome = MCR_HTTP_BROKEN, .unsure = true, .text = "EOF" },
        { .status = 504, .reason = "Timeout", .text = "etcd" },
        { .status = 201, .text = "json parse error" },
        { .status = 429, .text = "x" },
        { .outcome = MCR_HTTP_UNREACHED, .text = "refused" },
    };
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        world w;
        begin_world(&w);
        start_world(&w);
        write_event(&w, "a.1", 1);
        end_call(0, &before[i]);
        pass(&w, SECOND);
        end_call(0, &already_exists);
        assert_int_equal(w.kube.sink.counts.delivered, 1);
        end_world(&w);
    }
    world w;
    begin_world(&w);
    start_world(&w);
    write_event(&w, "a.1", 1);
    end_call(0, &already_exists);
    assert_int_equal(w.kube.sink.counts.delivered, 1);
    end_world(&w);
}

// The count that the server has in the end is the repeat's, whoever has made the event.
static void already_exists_of_a_repeat_is_patched(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    start_world(&w);
    write_event(&w, "a.1", 3);
    end_with(0, 404);
    end_call(0, &already_exists);
    assert_int_equal(n_calls, 1);
    assert_false(calls[0]->create);
    end_with(0, 200);
    assert_int_equal(w.kube.sink.counts.delivered, 1);

    // Somebody makes and deletes it all the time: not for ever.
    write_event(&w, "a.1", 4);
    int asked = 0;
    for (; n_calls; asked++)
        if (calls[0]->create)
            end_call(0, &already_exists);
        else
            end_with(0, 404);
    assert_int_equal(asked, 4);
    assert_int_equal(w.kube.sink.counts.in_flight, 1);
    pass(&w, SECOND);
    assert_int_equal(n_calls, 1);
    end_with(0, 200);
    assert_int_equal(w.kube.sink.counts.delivered, 2);
    end_world(&w);
}

static void conflicts_are_tried_three_times(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    start_world(&w);
    write_event(&w, "a.1", 2);
    for (int i = 0; i < 3; i++) {
        end_call(0, &(ending){ .status = 409, .reason = "Conflict", .text = "modified" });
        assert_int_equal(w.kube.sink.counts.in_flight, 1);
        pass(&w, 60 * SECOND);
    }
    end_call(0, &(ending){ .status = 409, .reason = "Conflict", .text = "modified" });
    assert_int_equal(w.kube.sink.counts.rejected, 1);
    end_world(&w);
}

static void tries_come_to_an_end_with_the_server_s_words(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    char *path = scratch_path("dead.jsonl");
    mcr_errbuf err;
    w.kube.sink.dead = mcr_dead_letters_open(path, &w.clock, &err);
    w.options.deadline = 0;
    start_world(&w);
    write_event(&w, "a.1", 1);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(n_calls, 1);
        end_call(0, &(ending){ .status = 500, .reason = "InternalError", .text = "out of luck" });
        pass(&w, 60 * SECOND);
    }
    assert_int_equal(n_calls, 0);
    write_event(&w, "a.2", 1);
    end_call(0,
             &(ending){ .status = 422, .reason = "Invalid", .text = "Event \"a.2\" is invalid" });
    write_event(&w, "a.3", 1);
    end_with(0, 418); // without a word
    assert_int_equal(w.kube.sink.counts.dead_lettered, 3);
    end_world(&w);
    mcr_dead_letters_close(w.kube.sink.dead);
    mcr_buf text = read_file(path);
    mcr_buf_cstr(&text);
    assert_non_null(strstr(text.ptr, "\"not delivered in 12 tries; last: out of luck\""));
    assert_non_null(strstr(text.ptr, "\"reason\":\"Event \\\"a.2\\\" is invalid\""));
    assert_non_null(strstr(text.ptr, "\"reason\":\"the server answered with status 418\""));
    mcr_buf_fini(&text);
    remove_scratch(path);
}

static void credentials_are_read_anew_once(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    start_world(&w);
    for (int i = 0; i < 5; i++) {
        char name[24];
        snprintf(name, sizeof name, "a.%d", i);
        write_event(&w, name, 1);
    }
    for (int i = 0; i < 5; i++)
        end_call(0, &(ending){ .status = 401, .text = "old token" });
    assert_int_equal(refused, 1);
    pass(&w, SECOND);
    assert_int_equal(n_calls, 5);
    end_call(0, &(ending){ .status = 401, .text = "still" });
    assert_int_equal(refused, 2);
    while (n_calls)
        end_with(0, 201);
    pass(&w, 2 * SECOND);
    end_with(0, 201);
    assert_int_equal(w.kube.sink.counts.delivered, 5);
    end_world(&w);
}

static void retry_after_is_kept_to_up_to_max_wait(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    start_world(&w);
    write_event(&w, "a.1", 1);
    end_call(0, &(ending){ .status = 429, .text = "busy", .retry_after = 7 * SECOND });
    pass(&w, 7 * SECOND - 1);
    assert_int_equal(n_calls, 0);
    pass(&w, 1);
    assert_int_equal(n_calls, 1);
    end_call(0, &(ending){ .status = 503, .text = "down", .retry_after = 3600 * SECOND });
    pass(&w, 60 * SECOND - 1);
    assert_int_equal(n_calls, 0);
    pass(&w, 1);
    end_with(0, 201);
    assert_int_equal(w.kube.sink.counts.delivered, 1);
    end_world(&w);
}

int main(void)
{
    mcr_log_set_level(MCR_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_patch_of_what_is_not_there_becomes_a_post),
        cmocka_unit_test(each_answer_has_its_verdict),
        cmocka_unit_test(a_new_event_that_already_exists_is_delivered),
        cmocka_unit_test(already_exists_of_a_repeat_is_patched),
        cmocka_unit_test(conflicts_are_tried_three_times),
        cmocka_unit_test(tries_come_to_an_end_with_the_server_s_words),
        cmocka_unit_test(credentials_are_read_anew_once),
        cmocka_unit_test(retry_after_is_kept_to_up_to_max_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
