// correlate/aggregator.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "correlate/sample.h"

static bool add(mcr_aggregator *a, const char *aggregate, const char *local, int64_t now)
{
    mcr_buf room = { 0 };
    mcr_key keys[] = { mcr_key_of(mcr_str_of(aggregate), 0, &room),
                       mcr_key_of(mcr_str_of(local), 0, &room) };
    return mcr_aggregator_add(a, &keys[0], &keys[1], now);
}

// Each event of a group is a letter, given a second after the one before: an upper case answer is
// a combined one.
static void check(mcr_aggregator *a, const char *given, const char *expected)
{
    char found[32] = { 0 };
    for (size_t i = 0; given[i]; i++) {
        char local[2] = { given[i], 0 };
        found[i] = given[i] - (add(a, "group", local, START + (int64_t)i * SECOND) ? 'a' - 'A' : 0);
    }
    assert_string_equal(found, expected);
    mcr_aggregator_free(a);
}

static mcr_aggregator *aggregator(int64_t max_events, int64_t max_interval_s)
{
    return mcr_aggregator_new(16, max_events, max_interval_s, (mcr_pop_hook){ 0 });
}

static void many_different_ones_are_combined(void **state)
{
    (void)state;
    check(aggregator(10, 600), "abcdefghijkl", "abcdefghiJKL");
    check(aggregator(10, 600), "aaaaaaaaaaaa", "aaaaaaaaaaaa");
    check(aggregator(1, 600), "aab", "AAB");
    check(aggregator(-1, 600), "abcdefghijkl", "abcdefghijkl");
    check(aggregator(INT64_MIN, 600), "abc", "abc");
}

static void the_first_messages_stay_their_own_events(void **state)
{
    (void)state;
    check(aggregator(3, 600), "abcabcdab", "abCabCDab");
}

static void negative_intervals_begin_a_group_each_time(void **state)
{
    (void)state;
    check(aggregator(2, -5), "abcd", "abcd");
    mcr_aggregator *a = aggregator(2, -5);
    assert_false(add(a, "g", "a", START));
    assert_false(add(a, "g", "b", START - 4 * SECOND));
    assert_true(add(a, "g", "c", START - 9 * SECOND));
    mcr_aggregator_free(a);
}

static void the_window_rolls_with_each_event(void **state)
{
    (void)state;
    mcr_aggregator *a = aggregator(3, 600);
    assert_false(add(a, "g", "a", START));
    assert_false(add(a, "g", "b", START + 600 * SECOND));
    assert_true(add(a, "g", "c", START + 1200 * SECOND));
    assert_false(add(a, "g", "d", START + 1800 * SECOND + 1));
    assert_false(add(a, "g", "c", START + 1801 * SECOND));
    assert_true(add(a, "g", "e", START)); // time went back: still inside
    assert_false(add(a, "other", "e", START));
    mcr_aggregator_free(a);
}

static void the_ends_of_time_are_far_apart(void **state)
{
    (void)state;
    mcr_aggregator *a = aggregator(2, 600);
    assert_false(add(a, "g", "a", INT64_MIN));
    assert_false(add(a, "g", "b", INT64_MAX));
    assert_true(add(a, "g", "a", INT64_MIN));
    mcr_aggregator_free(a);
}

static size_t oldest(void *self, const mcr_str *local_keys, size_t n)
{
    *(size_t *)self = n;
    assert_true(mcr_str_is(local_keys[n - 1], "c") || mcr_str_is(local_keys[n - 1], "a"));
    return 0;
}

static size_t past_the_end(void *self, const mcr_str *local_keys, size_t n)
{
    (void)self;
    (void)local_keys;
    return n;
}

static void a_hook_chooses_what_goes(void **state)
{
    (void)state;
    size_t n = 0;
    // c takes a's place, so that a is new again and takes b's.
    check(mcr_aggregator_new(16, 3, 600, (mcr_pop_hook){ oldest, &n }), "abcbac", "abCbAc");
    assert_int_equal(n, 3);
    check(mcr_aggregator_new(16, 3, 600, (mcr_pop_hook){ past_the_end, NULL }), "abcab", "abCab");
}

static void a_forgotten_group_begins_again(void **state)
{
    (void)state;
    mcr_aggregator *a = mcr_aggregator_new(1, 2, 600, (mcr_pop_hook){ 0 });
    assert_false(add(a, "g", "a", START));
    assert_true(add(a, "g", "b", START));
    assert_false(add(a, "h", "a", START));
    assert_false(add(a, "g", "b", START));
    mcr_aggregator_free(a);
}

static void large_groups_know_their_keys(void **state)
{
    (void)state;
    mcr_aggregator *a = aggregator(1000, 600);
    char local[3] = { 0 };
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++) {
            local[0] = (char)('0' + i / 64);
            local[1] = (char)('0' + i % 64);
            assert_int_equal(add(a, "g", local, START), i == 999);
        }
    }
    mcr_aggregator_free(a);
}

static void combined_events_have_few_fields(void **state)
{
    (void)state;
    mcr_event ev = sample_fields("m");
    ev.metadata.labels = (mcr_pairs){ &(mcr_pair){ MCR_STR("a"), MCR_STR("b") }, 1 };
    ev.metadata.resourceVersion = MCR_STR("7");
    ev.action = MCR_STR("action");
    ev.related.name = MCR_STR("other");
    ev.has_related = 1;
    ev.series = (mcr_event_series){ .count = 3, .set = 1 };
    ev.eventTime = mcr_time_of(START);
    ev.count = 5;
    ev.record = 42;
    mcr_buf name = { 0 };
    mcr_event out;
    mcr_aggregate_event(&out, &ev, MCR_STR("message"), START + 1, &name);
    assert_true(mcr_str_is(out.metadata.name, "pod.17979cfe362a0001"));
    assert_true(mcr_str_is(out.metadata.namespace, "ns"));
    assert_true(mcr_str_is(out.message, "message"));
    assert_true(mcr_str_is(out.reason, "Reason"));
    assert_true(mcr_str_is(out.type, "Normal"));
    assert_true(mcr_str_is(out.source.host, "node"));
    assert_true(mcr_str_is(out.involvedObject.fieldPath, "path"));
    assert_int_equal(out.count, 1);
    assert_int_equal(mcr_time_ns(&out.firstTimestamp), START + 1);
    assert_int_equal(mcr_time_ns(&out.lastTimestamp), START + 1);
    assert_int_equal(out.record, 42);
    assert_int_equal(out.metadata.deletionGracePeriodSeconds, -1);
    assert_int_equal(out.metadata.labels.n, 0);
    assert_int_equal(out.metadata.resourceVersion.len, 0);
    assert_int_equal(out.reportingComponent.len + out.reportingInstance.len + out.action.len, 0);
    assert_int_equal(out.has_related + out.series.set + out.eventTime.set, 0);
    mcr_aggregate_event(&out, &ev, MCR_STR("message"), -255, &name);
    assert_true(mcr_str_is(out.metadata.name, "pod.-ff"));
    mcr_buf_fini(&name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_different_ones_are_combined),
        cmocka_unit_test(the_first_messages_stay_their_own_events),
        cmocka_unit_test(negative_intervals_begin_a_group_each_time),
        cmocka_unit_test(the_window_rolls_with_each_event),
        cmocka_unit_test(the_ends_of_time_are_far_apart),
        cmocka_unit_test(a_hook_chooses_what_goes),
        cmocka_unit_test(a_forgotten_group_begins_again),
        cmocka_unit_test(large_groups_know_their_keys),
        cmocka_unit_test(combined_events_have_few_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
