// What client-go's events_cache_test.go states, fact by fact: its clock steps at each reading, its
// events are about a pod in a container of an example image.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "correlate/keys.h"
#include "correlate/sample.h"

typedef struct stepping {
    int64_t now;
    int64_t step;
} stepping;

static int64_t read_stepping(void *self)
{
    stepping *s = self;
    s->now += s->step;
    return s->now;
}

// An event that a recorder makes now; `number` tells objects or messages apart.
typedef struct given {
    const char *pod;
    const char *field_path;
    const char *reason;
    const char *message;
} given;

static mcr_correlated correlate(mcr_correlator *c, const given *g, stepping *time)
{
    mcr_event fields = sample_fields(g->message);
    fields.involvedObject.name = mcr_str_of(g->pod);
    fields.involvedObject.fieldPath = mcr_str_of(g->field_path);
    fields.reason = mcr_str_of(g->reason);
    fields.firstTimestamp = fields.lastTimestamp = mcr_time_of(time->now);
    mcr_event *ev = mcr_event_new(&fields);
    mcr_clock clock = { read_stepping, time };
    mcr_correlated out;
    mcr_correlator_run(c, ev, &clock, &out);
    mcr_event_unref(ev);
    if (out.ev)
        mcr_correlator_update(c, out.ev);
    return out;
}

static void event_correlator(void **state)
{
    (void)state;
    enum {
        SAME,     // all earlier events equal the new one
        PODS,     // each about another pod
        MESSAGES, // each with another message
        CONTAINER // another container
    };
    static const struct {
        const char *what;
        int earlier;
        int differ;
        int step_s;
        bool skip;
        int32_t count;
        const char *message;
    } cases[] = {
        { "one event", 0, SAME, 5, false, 1, "new" },
        { "one earlier duplicate", 1, SAME, 5, false, 2, "new" },
        { "10 earlier duplicates", 10, SAME, 30, false, 11, "new" },
        { "26 earlier duplicates", 26, SAME, 1, true, 0, "" },
        { "30 different pods", 30, PODS, 5, false, 1, "new" },
        { "9 similar", 9, MESSAGES, 5, false, 1, "(combined from similar events): new" },
        { "10 similar", 10, MESSAGES, 5, false, 2, "(combined from similar events): new" },
        { "another container", 1, CONTAINER, 5, false, 1, "new" },
        { "9 similar, too far apart", 9, MESSAGES, 600, false, 1, "new" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stepping time = { START, cases[i].step_s * SECOND };
        mcr_correlator *c = mcr_correlator_new(&(mcr_correlator_options){ 0 });
        for (int n = 0; n < cases[i].earlier; n++) {
            char number[16];
            snprintf(number, sizeof number, "%d", n);
            given earlier = { "pod", "containers{one}", "Reason", "new" };
            if (cases[i].differ == PODS)
                earlier.pod = number;
            if (cases[i].differ == MESSAGES)
                earlier.message = number;
            if (cases[i].differ == CONTAINER)
                earlier.field_path = "containers{two}";
            mcr_event_unref(correlate(c, &earlier, &time).ev);
        }
        given g = { "pod", "containers{one}", "Reason", "new" };
        mcr_correlated out = correlate(c, &g, &time);
        if ((out.ev == NULL) != cases[i].skip)
            fail_msg("%s: skip is %d", cases[i].what, out.ev == NULL);
        if (out.ev) {
            const mcr_time *first = &out.ev->firstTimestamp, *last = &out.ev->lastTimestamp;
            assert_int_equal(out.ev->count, cases[i].count);
            assert_true(mcr_str_is(out.ev->message, cases[i].message));
            assert_true(first->set && last->set);
            assert_int_equal(mcr_time_ns(first) != mcr_time_ns(last), cases[i].count > 1);
            assert_int_equal(out.counted, cases[i].count > 1);
        }
        mcr_event_unref(out.ev);
        mcr_correlator_free(c);
    }
}

static bool with_reason(void *self, mcr_event *ev, mcr_buf *out)
{
    (void)self;
    mcr_key_spam(out, ev, 0);
    mcr_buf_add(out, ev->reason);
    return true;
}

static void event_spam_filter(void **state)
{
    (void)state;
    static const struct {
        bool with_reason;
        given second;
        bool skip;
    } cases[] = {
        { false, { "pod", "", "Other", "first" }, true },
        { true, { "pod", "", "Other", "first" }, false },
        { true, { "pod", "", "Reason", "second" }, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stepping time = { START, SECOND };
        mcr_correlator_options options = { .burst_size = 1 };
        if (cases[i].with_reason)
            options.spam_key.call = with_reason;
        mcr_correlator *c = mcr_correlator_new(&options);
        mcr_correlated first = correlate(c, &(given){ "pod", "", "Reason", "first" }, &time);
        assert_non_null(first.ev);
        mcr_event_unref(first.ev);
        mcr_correlated out = correlate(c, &cases[i].second, &time);
        assert_int_equal(out.ev == NULL, cases[i].skip);
        if (out.ev)
            assert_int_equal(out.ev->count, 1);
        mcr_event_unref(out.ev);
        mcr_correlator_free(c);
    }
}

// EventAggregatorByReasonFunc.
static void by_reason(void **state)
{
    (void)state;
    mcr_buf keys[3] = { 0 };
    mcr_event a = sample_fields("a"), b = sample_fields("b"), c = sample_fields("c");
    c.reason = MCR_STR("Other");
    const mcr_event *events[] = { &a, &b, &c };
    for (int i = 0; i < 3; i++) {
        mcr_key_spam(&keys[i], events[i], 0);
        mcr_key_aggregate_rest(&keys[i], events[i], 0);
    }
    assert_true(mcr_str_eq(mcr_buf_str(&keys[0]), mcr_buf_str(&keys[1])));
    assert_false(mcr_str_eq(mcr_buf_str(&keys[0]), mcr_buf_str(&keys[2])));
    for (int i = 0; i < 3; i++)
        mcr_buf_fini(&keys[i]);
}

// EventAggregatorByReasonMessageFunc.
static void by_reason_message(void **state)
{
    (void)state;
    mcr_buf out = { 0 };
    mcr_event ev = sample_fields("end-user event");
    mcr_aggregate_message(&out, &ev);
    assert_string_equal(mcr_buf_cstr(&out), "(combined from similar events): end-user event");
    mcr_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_correlator),
        cmocka_unit_test(event_spam_filter),
        cmocka_unit_test(by_reason),
        cmocka_unit_test(by_reason_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
