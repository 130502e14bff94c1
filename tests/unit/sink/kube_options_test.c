// The options of the sink "kube" that say how far its default policy goes, each said otherwise than
// by default; what goes with policy = "client-go".

#include "kube_world.h"

static const ending conflict = { .status = 409, .reason = "Conflict", .text = "modified" };

// Ends the only call, and says whether it will be tried again; else it is over.
static bool is_tried_again(world *w, const ending *how)
{
    end_call(0, how);
    bool again = w->kube.sink.counts.in_flight > 0;
    pass(w, 60 * SECOND);
    return again && n_calls == 1;
}

static void statuses_say_what_is_tried_again(void **state)
{
    (void)state;
    static char *items[] = { (char *)"404", (char *)"504", (char *)"418" };
    static const struct {
        int status;
        bool again;
    } rows[] = {
        { 418, true },  { 404, true },  { 500, false }, { 503, false }, { 429, false },
        { 401, false }, { 408, false }, { 301, false }, { 204, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world w;
        begin_world(&w);
        w.options.statuses = (mcr_option_list){ items, 3 };
        start_world(&w);
        write_event(&w, "a.1", 1);
        bool again = is_tried_again(&w, &(ending){ .status = rows[i].status, .text = "x" });
        if (again != rows[i].again)
            fail_msg("%d is %s", rows[i].status, again ? "tried again" : "not tried again");
        if (again)
            end_with(0, 201);
        end_world(&w);
    }
}

static void conflicts_say_how_often(void **state)
{
    (void)state;
    for (int most = 0; most < 3; most++) {
        world w;
        begin_world(&w);
        w.options.conflicts = most;
        start_world(&w);
        write_event(&w, "a.1", 2);
        for (int i = 0; i < most; i++)
            assert_true(is_tried_again(&w, &conflict));
        assert_false(is_tried_again(&w, &conflict));
        assert_int_equal(w.kube.sink.counts.rejected, 1);
        end_world(&w);
    }
}

static void already_exists_may_be_a_refusal(void **state)
{
    (void)state;
    for (int count = 1; count <= 2; count++) {
        world w;
        begin_world(&w);
        w.options.already_exists = MCR_KUBE_REFUSE;
        start_world(&w);
        write_event(&w, "a.1", count);
        if (count > 1) // to the POST
            end_call(0, &(ending){ .status = 404, .reason = "NotFound", .text = "none" });
        assert_true(calls[0]->create);
        end_call(0, &already_exists);
        assert_int_equal(n_calls, 0);
        assert_int_equal(w.kube.sink.counts.rejected, 1);
        assert_int_equal(w.kube.sink.counts.delivered, 0);
        end_world(&w);
    }
}

static void without_fit_events_are_sent_as_they_are(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.fit = false;
    start_world(&w);
    static char text[3000];
    memset(text, 'x', sizeof text);
    mcr_event fields = fields_of("Bad Name", 1);
    fields.metadata.namespace = MCR_STR("");
    fields.message = mcr_str_n(text, sizeof text);
    fields.eventTime = mcr_time_of(SAMPLE_NOW);
    write_fields(&w, &fields);
    assert_int_equal(n_calls, 1);
    assert_true(mcr_str_is(calls[0]->ev->metadata.name, "Bad Name"));
    assert_int_equal(calls[0]->ev->metadata.namespace.len, 0);
    assert_int_equal(calls[0]->ev->message.len, sizeof text);
    end_call(0, &(ending){ .status = 422, .reason = "Invalid", .text = "metadata.name" });
    assert_int_equal(w.kube.sink.counts.rejected, 1);
    end_world(&w);
}

static void without_merge_each_repeat_is_sent(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.merge = false;
    w.options.max_in_flight = 1;
    start_world(&w);
    for (int count = 1; count <= 4; count++)
        write_event(&w, "a.1", count);
    assert_int_equal(w.kube.sink.counts.merged, 0);
    for (int count = 1; count <= 4; count++) {
        assert_int_equal(calls[0]->ev->count, count);
        assert_int_equal(calls[0]->create, count == 1);
        end_with(0, count == 1 ? 201 : 200);
    }
    assert_int_equal(w.kube.sink.counts.delivered, 4);
    end_world(&w);
}

static void jitter_is_how_much_of_a_wait_is_random(void **state)
{
    (void)state;
    static const struct {
        double jitter;
        int64_t wait; // with the random number 0.5
    } rows[] = { { 0, 4 * SECOND }, { 0.5, 3 * SECOND }, { 1, 2 * SECOND } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world w;
        begin_world(&w);
        w.chance = UINT64_C(1) << 63;
        w.options.jitter = rows[i].jitter;
        w.options.wait = 4 * SECOND;
        start_world(&w);
        write_event(&w, "a.1", 1);
        end_call(0, &(ending){ .status = 500, .text = "x" });
        pass(&w, rows[i].wait - 1);
        assert_int_equal(n_calls, 0);
        pass(&w, 1);
        end_with(0, 201);
        end_world(&w);
    }
}

// Options as the configuration would set them, a name and a value each.
static const char *check(mcr_kube_options *o, const char *name, mcr_option_value value,
                         mcr_errbuf *err)
{
    assert_int_equal(mcr_option_set(o, mcr_sink_kind_kube.options, name, &value, err), MCR_OK);
    return mcr_sink_kind_kube.check(o, err);
}

static void what_client_go_decides_is_not_said_beside_it(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        mcr_option_value value;
        bool wrong;
    } rows[] = {
        { "max_in_flight", { .kind = MCR_VALUE_NUMBER, .number = 64 }, true },
        { "max_in_flight", { .kind = MCR_VALUE_NUMBER, .number = 1 }, false },
        { "retry.max_wait", { .kind = MCR_VALUE_STRING, .string = "60s" }, true },
        { "retry.deadline", { .kind = MCR_VALUE_STRING, .string = "1h" }, true },
        { "retry.deadline", { .kind = MCR_VALUE_NUMBER, .number = 0 }, true },
        { "retry.jitter", { .kind = MCR_VALUE_NUMBER, .number = 0.5 }, true },
        { "retry.statuses", { .kind = MCR_VALUE_NUMBER, .number = 429 }, true },
        { "retry.conflicts", { .kind = MCR_VALUE_NUMBER, .number = 3 }, true },
        { "already_exists", { .kind = MCR_VALUE_STRING, .string = "accept" }, true },
        { "retry.attempts", { .kind = MCR_VALUE_NUMBER, .number = 0 }, true },
        { "retry.attempts", { .kind = MCR_VALUE_NUMBER, .number = 5 }, false },
        { "retry.wait", { .kind = MCR_VALUE_STRING, .string = "1s" }, false },
        { "queue", { .kind = MCR_VALUE_NUMBER, .number = 5 }, false },
        { "timeout", { .kind = MCR_VALUE_STRING, .string = "1s" }, false },
        { "rate", { .kind = MCR_VALUE_NUMBER, .number = 5 }, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mcr_kube_options o;
        mcr_errbuf err = { "" };
        mcr_sink_kind_kube.defaults(&o);
        assert_null(check(&o, rows[i].name, rows[i].value, &err));
        mcr_options_fini(&o, mcr_sink_kind_kube.options);

        mcr_sink_kind_kube.defaults(&o);
        o.policy = MCR_KUBE_CLIENT_GO;
        const char *wrong = check(&o, rows[i].name, rows[i].value, &err);
        if (rows[i].wrong) {
            assert_non_null(wrong);
            assert_string_equal(wrong, rows[i].name);
            assert_non_null(strstr(err.text, "policy = \"client-go\""));
        } else {
            assert_null(wrong);
            mcr_sink_kind_kube.settle(&o);
            assert_null(mcr_sink_kind_kube.check(&o, &err));
            assert_int_equal(o.max_in_flight, 1);
            assert_false(o.fit || o.merge);
        }
        mcr_options_fini(&o, mcr_sink_kind_kube.options);
    }
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        mcr_option_value value;
        const char *says;
    } rows[] = {
        { "retry.jitter",
          { .kind = MCR_VALUE_NUMBER, .number = 1.5 },
          "'retry.jitter' must be from 0 to 1" },
        { "retry.statuses",
          { .kind = MCR_VALUE_STRING, .string = "5x" },
          "'retry.statuses' lists statuses such as 429 or \"5xx\", not '5x'" },
        { "retry.statuses",
          { .kind = MCR_VALUE_STRING, .string = "2xx" },
          "'retry.statuses' lists statuses such as 429 or \"5xx\", not '2xx'" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mcr_kube_options o;
        mcr_errbuf err = { "" };
        mcr_sink_kind_kube.defaults(&o);
        assert_string_equal(check(&o, rows[i].name, rows[i].value, &err), rows[i].name);
        assert_string_equal(err.text, rows[i].says);
        mcr_options_fini(&o, mcr_sink_kind_kube.options);
    }
}

int main(void)
{
    mcr_log_set_level(MCR_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_say_what_is_tried_again),
        cmocka_unit_test(conflicts_say_how_often),
        cmocka_unit_test(already_exists_may_be_a_refusal),
        cmocka_unit_test(without_fit_events_are_sent_as_they_are),
        cmocka_unit_test(without_merge_each_repeat_is_sent),
        cmocka_unit_test(jitter_is_how_much_of_a_wait_is_random),
        cmocka_unit_test(what_client_go_decides_is_not_said_beside_it),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
