// What a simulation counts, against numbers worked out by hand.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rehearse/simulation.h"

#define S INT64_C(1000000000)

static mcr_event *event_of(const char *object, const char *message)
{
    return mcr_event_new(&(mcr_event){
        .metadata = { .name = mcr_str_of("e"), .deletionGracePeriodSeconds = -1 },
        .involvedObject = { .kind = MCR_STR("Pod"), .name = mcr_str_of(object) },
        .reason = MCR_STR("BackOff"),
        .type = MCR_STR("Warning"),
        .message = mcr_str_of(message),
        .count = 1,
    });
}

static void step(mcr_simulation *s, const char *object, const char *message, int64_t second)
{
    mcr_event *ev = event_of(object, message);
    mcr_simulation_step(s, ev, second * S);
    mcr_event_unref(ev);
}

static void assert_counts(const mcr_simulation *s, size_t i, const char *expected)
{
    mcr_simulated r = mcr_simulation_result(s, i);
    char text[256];
    snprintf(text, sizeof text, "%d = %d + %d + %d, aggregated %d, delayed %d, unseen %d: %g %g %g",
             (int)r.events, (int)r.creates, (int)r.patches, (int)r.suppressed, (int)r.aggregated,
             (int)r.delayed, (int)r.unseen, (double)r.latency_p50 / 1e9,
             (double)r.latency_p99 / 1e9, (double)r.latency_max / 1e9);
    assert_string_equal(text, expected);
}

static void what_the_spam_filter_holds_back_is_seen_later(void **state)
{
    (void)state;
    mcr_correlator_options settings[] = { mcr_correlator_default_options,
                                          mcr_correlator_default_options };
    settings[0].burst_size = 2;
    mcr_simulation *s = mcr_simulation_new(settings, 2);
    for (int i = 0; i < 3; i++)
        step(s, "web", "a", i); // the third has no token
    step(s, "web", "b", 3);     // none either: held back at its first occurrence
    step(s, "web", "c", 4);     // never written
    step(s, "web", "b", 313);   // one token since; known by now, and so a patch
    step(s, "web", "b", 620);   // and one more
    assert_counts(s, 0, "7 = 1 + 3 + 3, aggregated 0, delayed 1, unseen 1: 310 310 310");
    assert_counts(s, 1, "7 = 3 + 4 + 0, aggregated 0, delayed 0, unseen 0: 0 0 0");
    assert_int_equal(mcr_simulation_distinct(s), 3);
    mcr_simulation_free(s);
}

static void a_combined_event_shows_what_it_was_made_of(void **state)
{
    (void)state;
    mcr_correlator_options settings[] = { mcr_correlator_default_options };
    settings[0].max_events = 3;
    mcr_simulation *s = mcr_simulation_new(settings, 1);
    static const char *const messages[] = { "a", "b", "c", "d" };
    for (int i = 0; i < 4; i++)
        step(s, "web", messages[i], i);
    // Two of their own, the third begins the combined one, the fourth is a patch of that.
    assert_counts(s, 0, "4 = 3 + 1 + 0, aggregated 2, delayed 0, unseen 0: 0 0 0");
    mcr_simulation_free(s);
}

static void time_does_not_go_back(void **state)
{
    (void)state;
    mcr_correlator_options settings[] = { mcr_correlator_default_options };
    settings[0].burst_size = 1;
    mcr_simulation *s = mcr_simulation_new(settings, 1);
    step(s, "web", "a", 1000);
    step(s, "web", "b", 400);
    step(s, "web", "b", 1310);
    assert_counts(s, 0, "3 = 1 + 1 + 1, aggregated 0, delayed 1, unseen 0: 310 310 310");
    mcr_simulation_free(s);
}

// Settings past the 64th have bits of their own.
static void many_settings_do_not_mix(void **state)
{
    (void)state;
    enum {
        N = MCR_SIMULATION_SETTINGS
    };
    static mcr_correlator_options settings[N];
    for (int i = 0; i < N; i++) {
        settings[i] = mcr_correlator_default_options;
        settings[i].burst_size = i % 2 ? 1 : 100;
    }
    mcr_simulation *s = mcr_simulation_new(settings, N);
    char message[32];
    for (int i = 0; i < 5; i++) {
        snprintf(message, sizeof message, "m%d", i);
        step(s, "web", message, i);
    }
    for (size_t i = 0; i < N; i++)
        assert_counts(s, i,
                      i % 2 ? "5 = 1 + 0 + 4, aggregated 0, delayed 0, unseen 4: 0 0 0"
                            : "5 = 5 + 0 + 0, aggregated 0, delayed 0, unseen 0: 0 0 0");
    mcr_simulation_free(s);
}

static void percentiles_are_of_the_delayed(void **state)
{
    (void)state;
    mcr_correlator_options settings[] = { mcr_correlator_default_options };
    settings[0].burst_size = 1;
    settings[0].qps = 1;
    mcr_simulation *s = mcr_simulation_new(settings, 1);
    char object[32];
    for (int i = 1; i <= 200; i++) { // the second message of each waits for i + 1 seconds
        snprintf(object, sizeof object, "pod-%d", i);
        int64_t at = INT64_C(1000) * i;
        step(s, object, "a", at);
        step(s, object, "b", at);
        step(s, object, "b", at + 1 + i);
    }
    assert_counts(s, 0, "600 = 200 + 200 + 200, aggregated 0, delayed 200, unseen 0: 101 199 201");
    mcr_simulation_free(s);
}

typedef struct key_hook {
    int called;
} key_hook;

static bool key_by_reason(void *self, mcr_event *ev, mcr_buf *out)
{
    ((key_hook *)self)->called++;
    mcr_buf_add(out, ev->reason);
    return true;
}

static void keys_of_scripts_are_asked_for_once(void **state)
{
    (void)state;
    key_hook hook = { 0 };
    mcr_correlator_options settings[3];
    for (int i = 0; i < 3; i++) {
        settings[i] = mcr_correlator_default_options;
        settings[i].aggregate_key = (mcr_text_hook){ key_by_reason, &hook };
        settings[i].max_events = 2 + i;
    }
    mcr_simulation *s = mcr_simulation_new(settings, 3);
    step(s, "a", "1", 1);
    step(s, "b", "2", 2);
    step(s, "c", "3", 3);
    step(s, "d", "4", 4);
    assert_int_equal(hook.called, 4);
    assert_counts(s, 0, "4 = 2 + 2 + 0, aggregated 3, delayed 0, unseen 0: 0 0 0");
    assert_counts(s, 2, "4 = 4 + 0 + 0, aggregated 1, delayed 0, unseen 0: 0 0 0");
    mcr_simulation_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_spam_filter_holds_back_is_seen_later),
        cmocka_unit_test(a_combined_event_shows_what_it_was_made_of),
        cmocka_unit_test(time_does_not_go_back),
        cmocka_unit_test(many_settings_do_not_mix),
        cmocka_unit_test(percentiles_are_of_the_delayed),
        cmocka_unit_test(keys_of_scripts_are_asked_for_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
