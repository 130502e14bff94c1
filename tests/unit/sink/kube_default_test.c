// The default policy of the sink "kube": what is sent, merged, made fit, drained.

#include "kube_world.h"

static void first_is_posted_and_repeat_is_patched(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    start_world(&w);
    write_event(&w, "a.1", 1);
    assert_int_equal(n_calls, 1);
    assert_true(calls[0]->create);
    end_with(0, 201);
    assert_int_equal(w.answers, 1);

    write_event(&w, "a.1", 2);
    assert_int_equal(n_calls, 1);
    assert_false(calls[0]->create);
    mcr_buf expected = { 0 };
    mcr_count_patch(&expected, calls[0]->ev);
    assert_true(mcr_str_eq(mcr_buf_str(&expected), mcr_buf_str(&calls[0]->patch)));
    mcr_buf_fini(&expected);
    end_with(0, 200);
    assert_int_equal(w.kube.sink.counts.delivered, 2);

    // Counted, whatever the number; and a number that nobody counted.
    mcr_event fields = fields_of("a.2", 1);
    fields.counted = true;
    write_fields(&w, &fields);
    assert_false(calls[0]->create);
    end_with(0, 200);
    fields = fields_of("a.3", 7);
    fields.counted = false;
    write_fields(&w, &fields);
    assert_false(calls[0]->create);
    end_with(0, 200);
    end_world(&w);
}

static void waiting_repeats_become_one_request(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.max_in_flight = 1;
    start_world(&w);
    write_event(&w, "busy", 1);

    // A POST that waits takes the count of its repeats with it, and stays a POST; the first
    // timestamp is the earlier one.
    mcr_event first = fields_of("a.1", 1);
    first.firstTimestamp = mcr_time_of(SAMPLE_NOW - 50 * SECOND);
    write_fields(&w, &first);
    for (int count = 2; count <= 4; count++) {
        mcr_event repeat = fields_of("a.1", count);
        repeat.firstTimestamp = mcr_time_of(SAMPLE_NOW - (50 - count) * SECOND);
        write_fields(&w, &repeat);
    }
    // A PATCH that waits stays one.
    write_event(&w, "b.1", 7);
    write_event(&w, "b.1", 8);
    // A lower count comes after, in order; a second first event as well.
    write_event(&w, "b.1", 3);
    write_event(&w, "c.1", 1);
    write_event(&w, "c.1", 1);
    assert_int_equal(w.kube.sink.counts.merged, 4);
    assert_int_equal(w.kube.sink.counts.in_flight, 6);

    end_with(0, 201);
    assert_true(calls[0]->create);
    assert_int_equal(calls[0]->ev->count, 4);
    assert_int_equal(calls[0]->ev->firstTimestamp.sec, (SAMPLE_NOW - 50 * SECOND) / SECOND);
    end_with(0, 201);
    assert_false(calls[0]->create);
    assert_int_equal(calls[0]->ev->count, 8);
    end_with(0, 200);
    // Ready before the one that b.1 held up.
    assert_true(calls[0]->create);
    assert_true(mcr_str_is(calls[0]->ev->metadata.name, "c.1"));
    end_with(0, 201);
    assert_int_equal(calls[0]->ev->count, 3);
    end_with(0, 200);
    end_call(0, &already_exists); // of an earlier run
    assert_int_equal(w.kube.sink.counts.delivered, 6);
    assert_int_equal(w.kube.sink.counts.rejected, 0);
    end_world(&w);
}

static void a_merged_post_that_exists_is_patched(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.max_in_flight = 1;
    start_world(&w);
    write_event(&w, "busy", 1);
    write_event(&w, "a.1", 1);
    write_event(&w, "a.1", 2);
    end_with(0, 201);
    assert_true(calls[0]->create);
    end_call(0, &reset);
    pass(&w, SECOND);
    assert_true(calls[0]->create);
    end_call(0, &already_exists);
    assert_false(calls[0]->create);
    end_with(0, 200);
    assert_int_equal(w.kube.sink.counts.delivered, 2);
    assert_int_equal(w.kube.sink.counts.merged, 1);
    end_world(&w);
}

static void a_bad_object_holds_up_nobody(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.max_in_flight = 2;
    start_world(&w);
    write_event(&w, "bad", 1);
    write_event(&w, "slow", 1); // never answered in this test
    write_event(&w, "bad", 2);
    end_with(0, 500);
    for (int i = 0; i < 100; i++) {
        char name[24];
        snprintf(name, sizeof name, "good.%d", i);
        write_event(&w, name, 1);
        end_with(1, 201);
    }
    assert_int_equal(w.kube.sink.counts.delivered, 100);
    assert_int_equal(w.kube.sink.counts.in_flight, 3);
    end_world(&w);
    assert_int_equal(cancelled, 1);
    assert_int_equal(w.kube.sink.counts.gave_up, 3);
}

static void what_cannot_be_sent_is_made_fit_or_refused(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    start_world(&w);
    mcr_event fields = fields_of("Bad Name", 1);
    write_fields(&w, &fields);
    mcr_str name = calls[0]->ev->metadata.name;
    assert_int_equal(name.len, 36);
    fields = fields_of("Bad Name", 2); // its repeat waits for it, having the same name
    write_fields(&w, &fields);
    assert_int_equal(n_calls, 1);
    end_with(0, 201);
    assert_int_equal(n_calls, 1);
    assert_false(calls[0]->create);
    assert_int_equal(calls[0]->ev->metadata.name.len, 36);
    end_with(0, 200);

    fields = fields_of("a.1", 1);
    fields.metadata.namespace = MCR_STR("../kube-system");
    write_fields(&w, &fields);
    assert_int_equal(n_calls, 0);
    assert_int_equal(w.kube.sink.counts.rejected, 1);
    end_world(&w);
}

typedef struct notes {
    uint64_t names_replaced;
    uint64_t retries;
    uint64_t messages_cut;
} notes;

static void on_note(void *arg, const char *name, uint64_t n)
{
    notes *to = arg;
    if (strcmp(name, "names_replaced") == 0)
        to->names_replaced = n;
    else if (strcmp(name, "retries") == 0)
        to->retries = n;
    else if (strcmp(name, "messages_cut") == 0)
        to->messages_cut = n;
}

static void what_was_done_is_noted(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    start_world(&w);
    write_event(&w, "Bad Name", 1);
    end_with(0, 500);
    char text[2000];
    memset(text, 'x', sizeof text);
    mcr_event fields = fields_of("a.1", 1);
    fields.message = mcr_str_n(text, sizeof text);
    fields.eventTime = mcr_time_of(SAMPLE_NOW);
    write_fields(&w, &fields);
    assert_int_equal(calls[0]->ev->message.len, 1024);
    end_with(0, 201);
    pass(&w, SECOND);
    end_with(0, 201);
    notes seen = { 0 };
    mcr_sink_kind_kube.each_note(&w.kube.sink, on_note, &seen);
    assert_int_equal(seen.names_replaced, 1);
    assert_int_equal(seen.messages_cut, 1);
    assert_int_equal(seen.retries, 1);
    end_world(&w);
}

static void draining_tries_at_once_what_waits(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    start_world(&w);
    write_event(&w, "a.1", 1);
    write_event(&w, "b.1", 1);
    end_with(0, 503);
    end_with(0, 503);
    mcr_sink_kind_kube.drain(&w.kube.sink, w.now);
    assert_int_equal(n_calls, 2);
    end_with(0, 201);
    end_with(0, 201);
    assert_int_equal(w.kube.sink.counts.delivered, 2);
    end_world(&w);
}

// An outage: as many as there is room for wait, and come through when it is over.
static void ten_thousand_wait_through_an_outage(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    start_world(&w);
    for (int i = 0; mcr_sink_kind_kube.room(&w.kube.sink) > 0; i++) {
        char name[24];
        snprintf(name, sizeof name, "a.%d", i);
        write_event(&w, name, 1);
        while (n_calls)
            end_call(0, &(ending){ .outcome = MCR_HTTP_UNREACHED, .text = "refused" });
    }
    assert_int_equal(w.kube.sink.counts.in_flight, 10000);
    pass(&w, SECOND);
    while (n_calls)
        end_with(0, 201);
    assert_int_equal(w.kube.sink.counts.delivered, 10000);
    end_world(&w);
}

static void options_are_checked(void **state)
{
    (void)state;
    static const struct {
        mcr_kube_options options;
        const char *wrong;
    } rows[] = {
        { { .max_in_flight = 0 }, "max_in_flight" },
        { { .max_in_flight = 1001 }, "max_in_flight" },
        { { .max_in_flight = 101, .http2 = true }, "max_in_flight" },
        { { .max_in_flight = 64, .queue = 0 }, "queue" },
        { { .max_in_flight = 64, .queue = 1 }, "retry.attempts" },
        { { .max_in_flight = 64, .queue = 1, .attempts = 1, .rate = 5 }, "burst" },
        { { .max_in_flight = 64,
            .queue = 1,
            .attempts = 1,
            .access = { .in_cluster = true, .context = "kind" } },
          "in_cluster" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mcr_errbuf err = { 0 };
        assert_string_equal(mcr_sink_kind_kube.check(&rows[i].options, &err), rows[i].wrong);
        assert_true(err.text[0] != '\0');
        assert_null(mcr_sink_kind_kube.open(&rows[i].options, &err));
    }
    mcr_kube_options good;
    mcr_sink_kind_kube.defaults(&good);
    assert_null(mcr_sink_kind_kube.check(&good, NULL));
}

int main(void)
{
    mcr_log_set_level(MCR_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_is_posted_and_repeat_is_patched),
        cmocka_unit_test(waiting_repeats_become_one_request),
        cmocka_unit_test(a_merged_post_that_exists_is_patched),
        cmocka_unit_test(a_bad_object_holds_up_nobody),
        cmocka_unit_test(what_cannot_be_sent_is_made_fit_or_refused),
        cmocka_unit_test(what_was_done_is_noted),
        cmocka_unit_test(draining_tries_at_once_what_waits),
        cmocka_unit_test(ten_thousand_wait_through_an_outage),
        cmocka_unit_test(options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
