// correlate/correlator.h: what client-go does is in the vectors and upstream_test.c; here is what
// its C and its own options add.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "correlate/sample.h"

static mcr_correlator *client_go(void)
{
    return mcr_correlator_new(&(mcr_correlator_options){ 0 });
}

static void an_unchanged_event_is_itself(void **state)
{
    (void)state;
    mcr_correlator *c = client_go();
    mcr_event fields = sample_fields("m");
    mcr_event *ev = mcr_event_new(&fields);
    mcr_clock clock = mcr_clock_fixed(&START);
    mcr_correlated out;
    mcr_correlator_run(c, ev, &clock, &out);
    assert_ptr_equal(out.ev, ev);
    assert_int_equal(ev->refs, 2);
    assert_false(out.counted || out.aggregated);
    mcr_event_unref(out.ev);
    mcr_event_unref(ev);
    mcr_correlator_free(c);
    mcr_correlator_free(NULL);
}

static void a_repeat_takes_what_the_server_answered(void **state)
{
    (void)state;
    mcr_correlator *c = client_go();
    mcr_event fields = sample_fields("m");
    fields.record = 1;
    mcr_event_unref(sample_run(c, &fields, START).ev);
    mcr_event answer = fields;
    answer.metadata.name = MCR_STR("a-longer-name-that-the-server-has-given");
    answer.metadata.resourceVersion = MCR_STR("7");
    answer.firstTimestamp = mcr_time_of(START - SECOND + 5);
    answer.count = 5;
    mcr_correlator_update(c, &answer);

    fields.metadata.name = MCR_STR("pod.2");
    fields.lastTimestamp = mcr_time_of(START + SECOND);
    fields.record = 2;
    mcr_correlated out = sample_run(c, &fields, START + SECOND);
    assert_true(out.counted && !out.aggregated);
    assert_int_equal(out.ev->refs, 1);
    assert_true(mcr_str_eq(out.ev->metadata.name, answer.metadata.name));
    assert_true(mcr_str_is(out.ev->metadata.resourceVersion, "7"));
    assert_int_equal(mcr_time_ns(&out.ev->firstTimestamp), START - SECOND + 5);
    assert_int_equal(mcr_time_ns(&out.ev->lastTimestamp), START + SECOND);
    assert_int_equal(out.ev->count, 6);
    assert_int_equal(out.ev->record, 2);
    mcr_event_unref(out.ev);
    mcr_correlator_free(c);
}

static void counts_wrap_and_zero_is_not_known(void **state)
{
    (void)state;
    // The count that is given, and that of the next three repeats, given with count 1.
    static const struct {
        int32_t given;
        int32_t then[3];
    } cases[] = {
        { 1, { 2, 3, 4 } },
        { 0, { 1, 2, 3 } },
        { -1, { 0, 1, 2 } },
        { INT32_MAX, { INT32_MIN, INT32_MIN + 1, INT32_MIN + 2 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_correlator *c = client_go();
        mcr_event fields = sample_fields("m");
        fields.count = cases[i].given;
        mcr_event_unref(sample_run(c, &fields, START).ev);
        fields.count = 1;
        int32_t known = cases[i].given;
        for (int n = 0; n < 3; n++) {
            mcr_correlated out = sample_run(c, &fields, START);
            assert_int_equal(out.ev->count, cases[i].then[n]);
            assert_int_equal(out.counted, known != 0);
            known = out.ev->count;
            mcr_event_unref(out.ev);
        }
        mcr_correlator_free(c);
    }
}

static void dropped_events_still_count(void **state)
{
    (void)state;
    mcr_correlator *c = mcr_correlator_new(&(mcr_correlator_options){ .burst_size = 1, .qps = 1 });
    mcr_event fields = sample_fields("m");
    mcr_event_unref(sample_run(c, &fields, START).ev);
    mcr_correlated out = sample_run(c, &fields, START);
    assert_null(out.ev);
    assert_true(out.counted);
    out = sample_run(c, &fields, START + SECOND);
    assert_int_equal(out.ev->count, 3);
    mcr_event_unref(out.ev);
    mcr_correlator_free(c);
}

static void a_separator_tells_fields_apart(void **state)
{
    (void)state;
    for (int separated = 0; separated < 2; separated++) {
        mcr_correlator *c =
            separated ? mcr_correlator_new(&mcr_correlator_default_options) : client_go();
        mcr_event a = sample_fields("m"), b = a;
        a.source = (mcr_event_source){ MCR_STR("ab"), MCR_STR("c") };
        b.source = (mcr_event_source){ MCR_STR("a"), MCR_STR("bc") };
        mcr_event_unref(sample_run(c, &a, START).ev);
        mcr_correlated out = sample_run(c, &b, START);
        assert_int_equal(out.ev->count, separated ? 1 : 2);
        mcr_event_unref(out.ev);
        mcr_correlator_free(c);
    }
}

static void long_messages_are_told_apart_by_bounded_keys(void **state)
{
    (void)state;
    char *message = malloc(100001);
    memset(message, 'x', 100000);
    message[100000] = 0;
    // A limit that is too small is raised.
    static const uint32_t limits[] = { 0, 1, 32, 1024 };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        mcr_correlator_options options = { .key_limit = limits[i], .max_events = 3 };
        mcr_correlator *c = mcr_correlator_new(&options);
        for (int n = 0; n < 4; n++) {
            message[99999] = "xyxz"[n];
            mcr_event fields = sample_fields(message);
            mcr_correlated out = sample_run(c, &fields, START);
            assert_int_equal(out.ev->count, n == 2 ? 2 : 1);
            assert_int_equal(out.aggregated, n == 3);
            mcr_event_unref(out.ev);
        }
        mcr_correlator_free(c);
    }
    free(message);
}

// Hooks that note what they were given.
typedef struct noted {
    mcr_event *held;
    int calls;
    bool answers;
} noted;

static bool note(void *self, mcr_event *ev, mcr_buf *out)
{
    noted *n = self;
    n->calls++;
    mcr_event_unref(n->held);
    n->held = mcr_event_ref(ev);
    mcr_buf_puts(out, "hook");
    return n->answers;
}

static void a_hook_that_declines_leaves_client_gos(void **state)
{
    (void)state;
    for (int answers = 0; answers < 2; answers++) {
        noted notes[4] = { { .answers = answers },
                           { .answers = answers },
                           { .answers = answers },
                           { .answers = answers } };
        mcr_correlator *c = mcr_correlator_new(&(mcr_correlator_options){
            .burst_size = 2,
            .max_events = 2,
            .aggregate_key = { note, &notes[0] },
            .local_key = { note, &notes[1] },
            .spam_key = { note, &notes[2] },
            .aggregate_message = { note, &notes[3] },
        });
        mcr_event a = sample_fields("a"), b = sample_fields("b"), other = sample_fields("c");
        other.involvedObject.uid = MCR_STR("other");
        mcr_event_unref(sample_run(c, &a, START).ev);
        // One local key: b is the same as a for the aggregator.
        mcr_correlated out = sample_run(c, &b, START);
        assert_int_equal(out.aggregated, !answers);
        if (!answers)
            assert_true(mcr_str_is(out.ev->message, "(combined from similar events): b"));
        mcr_event_unref(out.ev);
        // One spam key: the burst is used up for the other object too.
        out = sample_run(c, &other, START);
        assert_int_equal(out.ev == NULL, answers);
        mcr_event_unref(out.ev);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(notes[i].calls, i < 3 ? 3 : !answers);
            mcr_event_unref(notes[i].held);
        }
        mcr_correlator_free(c);
    }
}

static void the_spam_key_hook_sees_the_event_to_record(void **state)
{
    (void)state;
    noted n = { .answers = true };
    mcr_correlator *c = mcr_correlator_new(
        &(mcr_correlator_options){ .burst_size = 2, .max_events = 2, .spam_key = { note, &n } });
    mcr_event a = sample_fields("a"), b = sample_fields("b");
    mcr_event_unref(sample_run(c, &a, START).ev);
    mcr_correlated out = sample_run(c, &a, START);
    assert_ptr_equal(n.held, out.ev);
    assert_int_equal(n.held->count, 2);
    mcr_event_unref(out.ev);
    out = sample_run(c, &b, START); // combined, and dropped
    assert_true(out.aggregated && !out.ev);
    assert_true(mcr_str_is(n.held->message, "(combined from similar events): b"));
    assert_int_equal(n.held->refs, 1);
    mcr_event_unref(n.held);
    mcr_correlator_free(c);
}

static void combined_events_are_counted_under_their_aggregate_key(void **state)
{
    (void)state;
    mcr_correlator *c = mcr_correlator_new(&(mcr_correlator_options){ .max_events = 1 });
    mcr_event a = sample_fields("a"), b = sample_fields("b");
    mcr_correlated first = sample_run(c, &a, START);
    mcr_correlated second = sample_run(c, &b, START + SECOND);
    assert_true(first.aggregated && !first.counted && second.aggregated && second.counted);
    assert_true(mcr_str_eq(first.ev->metadata.name, second.ev->metadata.name));
    assert_int_equal(mcr_time_ns(&second.ev->firstTimestamp), START);
    assert_int_equal(mcr_time_ns(&second.ev->lastTimestamp), START + SECOND);
    assert_true(mcr_str_is(second.ev->message, "(combined from similar events): b"));
    assert_int_equal(second.ev->count, 2);
    mcr_event_unref(first.ev);
    mcr_event_unref(second.ev);
    mcr_correlator_free(c);
}

static void it_tells_how_it_came_to_its_result(void **state)
{
    (void)state;
    mcr_correlator *c = mcr_correlator_new(&(mcr_correlator_options){
        .burst_size = 2, .qps = 0.5f, .max_events = 3, .key_separator = '|' });
    static const struct {
        const char *message;
        double tokens;
        uint32_t similar;
        bool passes;
    } steps[] = { { "a", 1, 1, true }, { "b", 0, 2, true }, { "b", 0, 2, false } };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        mcr_event fields = sample_fields(steps[i].message);
        mcr_event *ev = mcr_event_new(&fields);
        mcr_clock clock = mcr_clock_fixed(&START);
        mcr_correlated out;
        mcr_correlator_run(c, ev, &clock, &out);
        assert_int_equal(out.ev != NULL, steps[i].passes);
        mcr_correlation last;
        mcr_correlator_last(c, &last);
        assert_true(mcr_str_is(last.spam_key, "kubelet|node|Pod|ns|pod|uid|v1|Normal"));
        assert_true(mcr_str_is(last.aggregate_key, "kubelet|node|Pod|ns|pod|uid|v1|Normal|Reason|"
                                                   "kubelet|node"));
        assert_true(mcr_str_is(last.local_key, steps[i].message));
        assert_false(last.own_aggregate_key || last.own_local_key || last.own_spam_key);
        assert_int_equal(last.similar, steps[i].similar);
        assert_int_equal(last.max_events, 3);
        assert_int_equal(last.max_interval_s, 600);
        assert_true(last.tokens == steps[i].tokens && last.qps == 0.5);
        assert_int_equal(last.burst, 2);
        mcr_event_unref(out.ev);
        mcr_event_unref(ev);
    }
    mcr_correlator_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unchanged_event_is_itself),
        cmocka_unit_test(a_repeat_takes_what_the_server_answered),
        cmocka_unit_test(counts_wrap_and_zero_is_not_known),
        cmocka_unit_test(dropped_events_still_count),
        cmocka_unit_test(a_separator_tells_fields_apart),
        cmocka_unit_test(long_messages_are_told_apart_by_bounded_keys),
        cmocka_unit_test(a_hook_that_declines_leaves_client_gos),
        cmocka_unit_test(the_spam_key_hook_sees_the_event_to_record),
        cmocka_unit_test(combined_events_are_counted_under_their_aggregate_key),
        cmocka_unit_test(it_tells_how_it_came_to_its_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
