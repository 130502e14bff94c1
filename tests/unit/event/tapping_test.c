// event/tapping.h: what taps take of what they are told, what they count, and that they come and go
// while others tell.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "event/tapping.h"

enum {
    BATCH = 64,
    TELLERS = 3,
    TIMES = 4000,
    SEVERAL = 200 // taps that come and go
};

typedef struct world {
    mcr_tapping *tapping;
    mcr_event *events[BATCH];
} world;

static int set_up(void **state)
{
    static world w;
    w.tapping = mcr_tapping_new();
    for (int i = 0; i < BATCH; i++) {
        mcr_event fields = { .count = i, .reason = MCR_STR("Test") };
        w.events[i] = mcr_event_new(&fields);
    }
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    mcr_tapping_free(w->tapping);
    for (int i = 0; i < BATCH; i++) {
        assert_int_equal(w->events[i]->refs, 1);
        mcr_event_unref(w->events[i]);
    }
    return 0;
}

static mcr_tap *add(world *w, mcr_tap_options options)
{
    mcr_tap *tap = mcr_tapping_add(w->tapping, &options);
    assert_non_null(tap);
    return tap;
}

static void tell(world *w, uint32_t stages, const char *watcher, const char *sink, uint32_t n)
{
    const mcr_passing passing = {
        .stages = stages, .outcome = "told", .watcher = watcher, .sink = sink, .reason = "why"
    };
    mcr_tapping_tell(w->tapping, &passing, w->events, n);
}

// Takes all there are; the last of them is freed as well.
static uint32_t take_all(mcr_tap *tap)
{
    uint32_t n = 0;
    mcr_tap_note *note;
    for (; (note = mcr_tap_take(tap)); n++)
        mcr_tap_note_free(note);
    return n;
}

static void stages_have_names(void **state)
{
    (void)state;
    static const char *const names[] = { "source", "filtered", "recorded", "delivered", "dropped" };
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(mcr_tap_stage_of(mcr_str_of(names[i])), 1u << i);
        assert_string_equal(mcr_tap_stage_name(1u << i), names[i]);
    }
    assert_int_equal(mcr_tap_stage_of(MCR_STR("sourc")), 0);
    assert_int_equal(mcr_tap_stage_of(MCR_STR("")), 0);
}

static void nobody_wants_anything_without_taps(void **state)
{
    world *w = *state;
    assert_false(mcr_tapping_wants(NULL, MCR_TAP_STAGES));
    assert_false(mcr_tapping_wants(w->tapping, MCR_TAP_STAGES));
    mcr_tap *a = add(w, (mcr_tap_options){ .stages = MCR_TAP_SOURCE });
    mcr_tap *b = add(w, (mcr_tap_options){ .stages = MCR_TAP_DROPPED });
    assert_true(mcr_tapping_wants(w->tapping, MCR_TAP_SOURCE | MCR_TAP_FILTERED));
    assert_true(mcr_tapping_wants(w->tapping, MCR_TAP_DROPPED));
    assert_false(mcr_tapping_wants(w->tapping, MCR_TAP_FILTERED));
    mcr_tapping_remove(w->tapping, a);
    assert_false(mcr_tapping_wants(w->tapping, MCR_TAP_SOURCE));
    assert_true(mcr_tapping_wants(w->tapping, MCR_TAP_DROPPED));
    mcr_tapping_remove(w->tapping, b);
    assert_false(mcr_tapping_wants(w->tapping, MCR_TAP_STAGES));
}

static void a_note_says_all_that_was_told(void **state)
{
    world *w = *state;
    mcr_tap *tap = add(w, (mcr_tap_options){ .stages = MCR_TAP_DELIVERED });
    tell(w, MCR_TAP_DELIVERED, "w", "s", 2);
    mcr_tap_note *note = mcr_tap_take(tap);
    assert_ptr_equal(note->ev, w->events[0]);
    assert_int_equal(note->stage, MCR_TAP_DELIVERED);
    assert_string_equal(note->outcome, "told");
    assert_string_equal(note->watcher, "w");
    assert_string_equal(note->sink, "s");
    assert_string_equal(note->reason, "why");
    assert_null(note->from);
    assert_true(note->at > 0);
    mcr_tap_note_free(note);
    note = mcr_tap_take(tap);
    assert_ptr_equal(note->ev, w->events[1]);
    mcr_tap_note_free(note);
    assert_null(mcr_tap_take(tap));
}

static void a_tap_takes_what_it_chooses(void **state)
{
    world *w = *state;
    static const struct {
        mcr_tap_options options;
        uint32_t stages;
        const char *watcher, *sink;
        uint32_t takes; // of 3
        uint32_t as;
    } cases[] = {
        { { .stages = MCR_TAP_SOURCE }, MCR_TAP_SOURCE, NULL, NULL, 3, MCR_TAP_SOURCE },
        { { .stages = MCR_TAP_SOURCE }, MCR_TAP_DROPPED, NULL, NULL, 0, 0 },
        { { .stages = MCR_TAP_DROPPED, .watcher = "a" },
          MCR_TAP_DROPPED,
          "a",
          NULL,
          3,
          MCR_TAP_DROPPED },
        { { .stages = MCR_TAP_DROPPED, .watcher = "a" }, MCR_TAP_DROPPED, "b", NULL, 0, 0 },
        // Who has no watcher yet may still come to it.
        { { .stages = MCR_TAP_SOURCE, .watcher = "a" },
          MCR_TAP_SOURCE,
          NULL,
          NULL,
          3,
          MCR_TAP_SOURCE },
        { { .stages = MCR_TAP_STAGES, .sink = "s" },
          MCR_TAP_DELIVERED,
          "a",
          "s",
          3,
          MCR_TAP_DELIVERED },
        { { .stages = MCR_TAP_STAGES, .sink = "s" }, MCR_TAP_DELIVERED, "a", "t", 0, 0 },
        { { .stages = MCR_TAP_STAGES, .sink = "s" }, MCR_TAP_FILTERED, "a", NULL, 0, 0 },
        // What is at two stages comes once, as dropped when that is asked for.
        { { .stages = MCR_TAP_STAGES },
          MCR_TAP_DELIVERED | MCR_TAP_DROPPED,
          "a",
          "s",
          3,
          MCR_TAP_DROPPED },
        { { .stages = MCR_TAP_DELIVERED },
          MCR_TAP_DELIVERED | MCR_TAP_DROPPED,
          "a",
          "s",
          3,
          MCR_TAP_DELIVERED },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_tap *tap = add(w, cases[i].options);
        tell(w, cases[i].stages, cases[i].watcher, cases[i].sink, 3);
        assert_int_equal(mcr_tap_counts_now(tap).passed, cases[i].takes);
        assert_int_equal(mcr_tap_counts_now(tap).taken, cases[i].takes);
        mcr_tap_note *first = mcr_tap_take(tap);
        if (cases[i].takes) {
            assert_int_equal(first->stage, cases[i].as);
            mcr_tap_note_free(first);
        }
        assert_int_equal(take_all(tap), cases[i].takes ? cases[i].takes - 1 : 0);
        mcr_tapping_remove(w->tapping, tap);
    }
}

static void sampling_takes_a_seconds_worth_at_once_and_counts_the_rest(void **state)
{
    world *w = *state;
    // One a second: the test does not take so long.
    mcr_tap *tap =
        add(w, (mcr_tap_options){ .stages = MCR_TAP_SOURCE | MCR_TAP_FILTERED, .sample = 1 });
    tell(w, MCR_TAP_SOURCE, NULL, NULL, BATCH);
    assert_int_equal(take_all(tap), 1);
    // Each stage has its own.
    tell(w, MCR_TAP_FILTERED, NULL, NULL, BATCH);
    assert_int_equal(take_all(tap), 1);
    assert_int_equal(mcr_tap_counts_now(tap).passed, 2 * BATCH);
    assert_int_equal(mcr_tap_counts_now(tap).taken, 2);
    assert_int_equal(mcr_tap_counts_now(tap).full, 0);
    mcr_tapping_remove(w->tapping, tap);

    tap = add(w, (mcr_tap_options){ .stages = MCR_TAP_SOURCE, .sample = 16 });
    tell(w, MCR_TAP_SOURCE, NULL, NULL, BATCH);
    // 16 of 64: every fourth, spread over the batch.
    for (int i = 0; i < 16; i++) {
        mcr_tap_note *note = mcr_tap_take(tap);
        assert_non_null(note);
        assert_int_equal(note->ev->count, 4 * i);
        mcr_tap_note_free(note);
    }
    assert_null(mcr_tap_take(tap));
}

static void what_does_not_fit_is_counted(void **state)
{
    world *w = *state;
    mcr_tap *tap = add(w, (mcr_tap_options){ .stages = MCR_TAP_SOURCE });
    for (int i = 0; i < MCR_TAP_QUEUE / BATCH + 2; i++)
        tell(w, MCR_TAP_SOURCE, NULL, NULL, BATCH);
    mcr_tap_counts counts = mcr_tap_counts_now(tap);
    assert_int_equal(counts.passed, MCR_TAP_QUEUE + 2 * BATCH);
    assert_int_equal(counts.taken, MCR_TAP_QUEUE);
    assert_int_equal(counts.full, 2 * BATCH);
    assert_int_equal(take_all(tap), MCR_TAP_QUEUE);
    tell(w, MCR_TAP_SOURCE, NULL, NULL, 1);
    assert_int_equal(take_all(tap), 1);
    // What is not read goes with the tap: tear_down looks at the events.
    tell(w, MCR_TAP_SOURCE, NULL, NULL, BATCH);
}

static void huge_events_do_not_pile_up(void **state)
{
    world *w = *state;
    enum {
        HUGE_BYTES = 15 << 20
    };
    mcr_buf json = { 0 };
    mcr_buf_puts(&json, "{\"x\":\"");
    memset(mcr_buf_reserve(&json, HUGE_BYTES), 'x', HUGE_BYTES);
    json.len += HUGE_BYTES;
    mcr_buf_puts(&json, "\"}");
    mcr_event *huge = mcr_event_opaque(mcr_buf_str(&json));
    mcr_event *const events[] = { huge, huge, huge, huge, huge, huge };
    const mcr_passing passing = { .stages = MCR_TAP_SOURCE, .outcome = "decoded" };
    mcr_tap *tap = add(w, (mcr_tap_options){ .stages = MCR_TAP_SOURCE });
    mcr_tapping_tell(w->tapping, &passing, events, 6);
    assert_int_equal(mcr_tap_counts_now(tap).taken, 4);
    assert_int_equal(mcr_tap_counts_now(tap).full, 2);
    assert_int_equal(take_all(tap), 4);
    mcr_tapping_tell(w->tapping, &passing, events, 4);
    assert_int_equal(take_all(tap), 4);
    mcr_event_unref(huge);
    mcr_buf_fini(&json);
}

static void explain(void *arg, uint32_t i, mcr_buf *out)
{
    ++*(int *)arg;
    if (i == 1)
        for (int k = 0; k < MCR_TAP_REASON + 100; k++)
            mcr_buf_puts(out, "x");
    else
        mcr_buf_printf(out, "reason %u", i);
}

static void reasons_are_asked_for_of_what_is_taken(void **state)
{
    world *w = *state;
    int asked = 0;
    const mcr_passing passing = {
        .stages = MCR_TAP_FILTERED, .outcome = "filtered", .explain = explain, .arg = &asked
    };
    mcr_tap *tap = add(w, (mcr_tap_options){ .stages = MCR_TAP_FILTERED, .sample = 2 });
    mcr_tapping_tell(w->tapping, &passing, w->events, 2);
    mcr_tapping_tell(w->tapping, &passing, w->events, BATCH);
    assert_int_equal(asked, 2);
    mcr_tap_note *note = mcr_tap_take(tap);
    assert_string_equal(note->reason, "reason 0");
    mcr_tap_note_free(note);
    note = mcr_tap_take(tap);
    assert_int_equal(strlen(note->reason), MCR_TAP_REASON);
    mcr_tap_note_free(note);
}

static void there_are_so_many_and_no_more(void **state)
{
    world *w = *state;
    mcr_tap *taps[MCR_TAPS];
    const mcr_tap_options options = { .stages = MCR_TAP_SOURCE };
    for (int i = 0; i < MCR_TAPS; i++)
        taps[i] = add(w, options);
    assert_null(mcr_tapping_add(w->tapping, &options));
    tell(w, MCR_TAP_SOURCE, NULL, NULL, 5);
    mcr_tapping_remove(w->tapping, taps[3]);
    taps[3] = add(w, options);
    for (int i = 0; i < MCR_TAPS; i++)
        assert_int_equal(take_all(taps[i]), i == 3 ? 0 : 5);
}

static void *keep_telling(void *arg)
{
    world *w = arg;
    for (int i = 0; i < TIMES; i++)
        if (mcr_tapping_wants(w->tapping, MCR_TAP_DELIVERED))
            tell(w, MCR_TAP_DELIVERED, "w", "s", 16);
    return NULL;
}

static void taps_come_and_go_while_others_tell(void **state)
{
    world *w = *state;
    pthread_t threads[TELLERS];
    mcr_tap *stays = add(w, (mcr_tap_options){ .stages = MCR_TAP_DELIVERED });
    for (int i = 0; i < TELLERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, keep_telling, w), 0);
    uint64_t read = 0;
    for (int i = 0; i < SEVERAL; i++) {
        mcr_tap *tap =
            add(w, (mcr_tap_options){ .stages = MCR_TAP_DELIVERED, .sample = i % 2 ? 1000 : 0 });
        read += take_all(stays);
        take_all(tap);
        mcr_tapping_remove(w->tapping, tap);
    }
    for (int i = 0; i < TELLERS; i++)
        pthread_join(threads[i], NULL);
    read += take_all(stays);
    mcr_tap_counts counts = mcr_tap_counts_now(stays);
    assert_int_equal(counts.passed, (uint64_t)TELLERS * TIMES * 16);
    assert_int_equal(counts.taken + counts.full, counts.passed);
    assert_int_equal(counts.taken, read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_have_names),
        cmocka_unit_test_setup_teardown(nobody_wants_anything_without_taps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_note_says_all_that_was_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tap_takes_what_it_chooses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sampling_takes_a_seconds_worth_at_once_and_counts_the_rest,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(huge_events_do_not_pile_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reasons_are_asked_for_of_what_is_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_are_so_many_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(taps_come_and_go_while_others_tell, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
