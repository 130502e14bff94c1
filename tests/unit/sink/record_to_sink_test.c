// sink/record_to_sink.h. What follows from each error, at each place, is in the vectors (sink/*).

#include "sample.h"

#include "event/encode.h"
#include "sink/record_to_sink.h"

static const mcr_write_error transport = { .class = MCR_WRITE_OTHER, .text = MCR_STR("refused") };
static const mcr_write_error unexpected = { .class = MCR_WRITE_UNEXPECTED,
                                            .text = MCR_STR("a Pod") };
static const mcr_write_error construct = { .class = MCR_WRITE_CONSTRUCT, .text = MCR_STR("bad") };
static const mcr_write_error not_found = { .class = MCR_WRITE_STATUS,
                                           .code = 404,
                                           .reason = MCR_STR("NotFound"),
                                           .text = MCR_STR("not found") };

// A recording, what it logs and what its chance is.
typedef struct world {
    mcr_recording *recording;
    mcr_buf log;
    double random;
    int randoms;
    int64_t now;
    mcr_delivery d;
} world;

static void log_line(void *self, const mcr_log_record *record)
{
    world *w = self;
    mcr_buf_printf(&w->log, "%s%d %s", record->error ? "E" : "I", record->v, record->message);
    for (size_t i = 0; i < record->n; i++) {
        const mcr_log_value *value = &record->values[i];
        mcr_str text = value->event ? value->event->metadata.resourceVersion : value->text;
        mcr_buf_printf(&w->log, " %s=%.*s", value->key, (int)text.len, text.len ? text.ptr : "");
    }
    mcr_buf_putc(&w->log, '\n');
}

static double random_of(void *self)
{
    world *w = self;
    w->randoms++;
    return w->random;
}

static world *begin(int64_t sleep_ns, int tries)
{
    world *w = mcr_zalloc(sizeof *w);
    w->now = SAMPLE_NOW;
    w->random = 0.25;
    mcr_recording_options options = { .sleep_ns = sleep_ns,
                                      .tries = tries,
                                      .random = random_of,
                                      .random_self = w,
                                      .log = { log_line, w } };
    w->recording = mcr_recording_new(&options);
    return w;
}

static void assert_log(world *w, const char *expected)
{
    assert_text(&w->log, expected);
    w->log.len = 0;
}

static void end(world *w)
{
    assert_int_equal(w->log.len, 0);
    mcr_recording_free(w->recording);
    mcr_buf_fini(&w->log);
    free(w);
}

static mcr_delivery_step start(world *w, const mcr_event *fields)
{
    mcr_clock clock = mcr_clock_fixed(&w->now);
    mcr_event *ev = mcr_event_new(fields);
    mcr_delivery_step step = mcr_delivery_start(&w->d, w->recording, ev, &clock);
    mcr_event_unref(ev); // the delivery holds it
    return step;
}

static void assert_done(world *w, mcr_delivery_step step, mcr_delivery_result result)
{
    assert_int_equal(step.action, MCR_DELIVERY_DONE);
    assert_int_equal(step.result, result);
    mcr_delivery_fini(&w->d);
}

static mcr_event once(void)
{
    mcr_event fields = sample_fields();
    fields.count = 1;
    return fields;
}

// Records an event as the server answers it: with resource version 7.
static void record(world *w)
{
    mcr_event fields = once(), answered = once();
    answered.metadata.resourceVersion = MCR_STR("7");
    mcr_event *answer = mcr_event_new(&answered);
    assert_int_equal(start(w, &fields).action, MCR_DELIVERY_CREATE);
    assert_done(w, mcr_delivery_written(&w->d, answer), MCR_DELIVERY_RECORDED);
    mcr_event_unref(answer);
}

#define MAY_RETRY "E0 Unable to write event (may retry after sleeping) err="
#define REJECTED  "Server rejected event (will not retry!)"

static void what_the_server_said_is_patched(void **state)
{
    (void)state;
    world *w = begin(4 * SECOND, 0);
    record(w);
    mcr_event fields = once();
    mcr_delivery_step step = start(w, &fields);
    assert_int_equal(step.action, MCR_DELIVERY_PATCH);
    assert_true(step.has_patch);
    assert_true(mcr_str_is(step.patch, "{\"count\":2,\"lastTimestamp\":\"2023-11-14T22:08:08Z\","
                                       "\"message\":\"Started container web\"}"));
    assert_true(mcr_str_is(step.event->metadata.resourceVersion, "7"));
    assert_int_equal(step.event->count, 2);
    assert_done(w, mcr_delivery_written(&w->d, step.event), MCR_DELIVERY_RECORDED);
    end(w);
}

static void a_patch_of_nothing_becomes_a_create(void **state)
{
    (void)state;
    world *w = begin(4 * SECOND, 0);
    record(w);
    mcr_event fields = once();
    assert_int_equal(start(w, &fields).action, MCR_DELIVERY_PATCH);
    mcr_delivery_step step = mcr_delivery_failed(&w->d, &not_found);
    assert_int_equal(step.action, MCR_DELIVERY_CREATE);
    assert_false(step.has_patch);
    assert_true(mcr_str_is(step.event->metadata.resourceVersion, ""));
    assert_int_equal(step.event->count, 2);
    step = mcr_delivery_failed(&w->d, &transport);
    assert_int_equal(step.action, MCR_DELIVERY_SLEEP);
    assert_int_equal(step.sleep_ns, SECOND);
    assert_log(w, MAY_RETRY "refused event=\n");
    // Again from the start, but the resource version is gone for good.
    step = mcr_delivery_slept(&w->d);
    assert_int_equal(step.action, MCR_DELIVERY_PATCH);
    assert_true(step.has_patch);
    assert_true(mcr_str_is(step.event->metadata.resourceVersion, ""));
    // The code says so, not the reason.
    mcr_write_error weird = not_found;
    weird.reason = MCR_STR("Weird");
    assert_int_equal(mcr_delivery_failed(&w->d, &weird).action, MCR_DELIVERY_CREATE);
    // A create is not found either: that is the end.
    assert_done(w, mcr_delivery_failed(&w->d, &not_found), MCR_DELIVERY_ABANDONED);
    assert_log(w, "E0 " REJECTED " err=not found event=\n");
    assert_int_equal(w->randoms, 1);
    end(w);
}

static void an_event_with_a_resource_version_is_created_without(void **state)
{
    (void)state;
    world *w = begin(0, 0);
    mcr_event fields = once();
    fields.metadata.resourceVersion = MCR_STR("5");
    fields.reason = MCR_STR("Only");
    mcr_event *ev = mcr_event_new(&fields);
    mcr_clock clock = mcr_clock_fixed(&w->now);
    mcr_delivery_step step = mcr_delivery_start(&w->d, w->recording, ev, &clock);
    assert_int_equal(step.action, MCR_DELIVERY_CREATE);
    assert_true(mcr_str_is(step.event->metadata.resourceVersion, ""));
    assert_true(mcr_str_is(step.event->reason, "Only"));
    assert_true(mcr_str_is(ev->metadata.resourceVersion, "5"));
    assert_int_equal(step.event->refs, 1);
    mcr_delivery_fini(&w->d); // not done
    assert_int_equal(ev->refs, 1);
    mcr_event_unref(ev);
    end(w);
}

static void a_count_that_came_with_it_has_no_patch(void **state)
{
    (void)state;
    world *w = begin(0, 0);
    mcr_event fields = sample_fields();
    fields.count = 2;
    mcr_delivery_step step = start(w, &fields);
    assert_int_equal(step.action, MCR_DELIVERY_PATCH);
    assert_false(step.has_patch);
    assert_int_equal(step.patch.len, 0);
    mcr_delivery_fini(&w->d);
    end(w);
}

static void tries(int given, int expected)
{
    world *w = begin(3000000007, given);
    mcr_event fields = once();
    mcr_delivery_step step = start(w, &fields);
    for (int i = 1; i < expected; i++) {
        step = mcr_delivery_failed(&w->d, i % 2 ? &transport : &unexpected);
        assert_log(w, i % 2 ? MAY_RETRY "refused event=\n" : MAY_RETRY "a Pod event=\n");
        assert_int_equal(step.action, MCR_DELIVERY_SLEEP);
        assert_int_equal(step.sleep_ns, i == 1 ? 750000001 : 3000000007);
        assert_int_equal(mcr_delivery_slept(&w->d).action, MCR_DELIVERY_CREATE);
    }
    assert_done(w, mcr_delivery_failed(&w->d, &transport), MCR_DELIVERY_EXHAUSTED);
    assert_log(w, MAY_RETRY "refused event=\nE0 Unable to write event (retry limit exceeded!) "
                            "event=\n");
    end(w);
}

static void tries_are_counted(void **state)
{
    (void)state;
    tries(0, 12);
    tries(3, 3);
    tries(1, 1);
}

static void at_the_end_it_is_given_up(void **state)
{
    (void)state;
    world *w = begin(SECOND, 0);
    record(w);
    mcr_event fields = once();
    fields.metadata.resourceVersion = MCR_STR("given");
    assert_int_equal(start(w, &fields).action, MCR_DELIVERY_PATCH);
    assert_int_equal(mcr_delivery_failed(&w->d, &transport).action, MCR_DELIVERY_SLEEP);
    assert_done(w, mcr_delivery_shut_down(&w->d), MCR_DELIVERY_SHUT_DOWN);
    // The last line is about the event as it came.
    assert_log(w, MAY_RETRY "refused event=7\n"
                            "E0 Unable to write event (broadcaster is shut down) event=given\n");
    end(w);
}

static void final_errors(void **state)
{
    (void)state;
    static const mcr_str causes[] = { { "Other", 5, 0 }, { "NamespaceTerminating", 20, 0 } };
    static const struct {
        mcr_write_error err;
        const char *log;
    } cases[] = {
        { { .class = MCR_WRITE_STATUS, .code = 500, .reason = MCR_STR("AlreadyExists") },
          "I5 " REJECTED " event= err=\n" },
        { { .class = MCR_WRITE_STATUS, .code = 409, .reason = MCR_STR("Conflict") },
          "E0 " REJECTED " err= event=\n" },
        { { .class = MCR_WRITE_STATUS, .code = 403, .causes = causes, .n_causes = 2 },
          "I5 " REJECTED " event= err=\n" },
        { { .class = MCR_WRITE_STATUS, .code = 403, .causes = causes, .n_causes = 1 },
          "E0 " REJECTED " err= event=\n" },
        { { .class = MCR_WRITE_STATUS, .code = 503 }, "E0 " REJECTED " err= event=\n" },
        // What is no status has no code and no reason, whatever they say.
        { { .class = MCR_WRITE_CONSTRUCT, .reason = MCR_STR("AlreadyExists") },
          "E0 Unable to construct event (will not retry!) err= event=\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world *w = begin(SECOND, 0);
        mcr_event fields = once();
        start(w, &fields);
        assert_done(w, mcr_delivery_failed(&w->d, &cases[i].err), MCR_DELIVERY_ABANDONED);
        assert_log(w, cases[i].log);
        end(w);
    }
    // Of a patch, too; a reason without the code is final, and an error that only looks like 404 is
    // none.
    world *w = begin(SECOND, 0);
    record(w);
    mcr_event fields = once();
    assert_int_equal(start(w, &fields).action, MCR_DELIVERY_PATCH);
    assert_done(w, mcr_delivery_failed(&w->d, &construct), MCR_DELIVERY_ABANDONED);
    assert_log(w, "E0 Unable to construct event (will not retry!) err=bad event=7\n");
    mcr_write_error no_code = not_found;
    no_code.code = 0;
    assert_int_equal(start(w, &fields).action, MCR_DELIVERY_PATCH);
    assert_done(w, mcr_delivery_failed(&w->d, &no_code), MCR_DELIVERY_ABANDONED);
    assert_log(w, "E0 " REJECTED " err=not found event=7\n");
    assert_int_equal(start(w, &fields).action, MCR_DELIVERY_PATCH);
    mcr_write_error wrapped = { .class = MCR_WRITE_OTHER, .code = 404, .text = MCR_STR("w") };
    assert_int_equal(mcr_delivery_failed(&w->d, &wrapped).action, MCR_DELIVERY_SLEEP);
    assert_log(w, MAY_RETRY "w event=7\n");
    mcr_delivery_fini(&w->d);
    end(w);
}

static void the_spam_filter_ends_it(void **state)
{
    (void)state;
    world *w = begin(SECOND, 0);
    mcr_event fields = once();
    for (int i = 0; i < 25; i++) {
        start(w, &fields);
        mcr_delivery_fini(&w->d);
    }
    assert_done(w, start(w, &fields), MCR_DELIVERY_SKIPPED);
    end(w);
}

// Events of several objects may be on their way at once, each with its own tries.
static void deliveries_do_not_know_each_other(void **state)
{
    (void)state;
    world *w = begin(SECOND, 2);
    mcr_clock clock = mcr_clock_fixed(&w->now);
    mcr_event fields = once();
    mcr_event *a = mcr_event_new(&fields);
    fields.involvedObject.name = MCR_STR("web-2");
    mcr_event *b = mcr_event_new(&fields);
    mcr_delivery first, second;
    mcr_delivery_start(&first, w->recording, a, &clock);
    mcr_delivery_start(&second, w->recording, b, &clock);
    assert_int_equal(mcr_delivery_failed(&first, &transport).action, MCR_DELIVERY_SLEEP);
    assert_int_equal(mcr_delivery_failed(&second, &transport).action, MCR_DELIVERY_SLEEP);
    assert_true(mcr_str_is(mcr_delivery_slept(&first).event->involvedObject.name, "web-1"));
    assert_int_equal(mcr_delivery_written(&first, a).result, MCR_DELIVERY_RECORDED);
    assert_true(mcr_str_is(mcr_delivery_slept(&second).event->involvedObject.name, "web-2"));
    assert_int_equal(mcr_delivery_failed(&second, &transport).result, MCR_DELIVERY_EXHAUSTED);
    w->log.len = 0;
    mcr_delivery_fini(&first);
    mcr_delivery_fini(&second);
    mcr_event_unref(a);
    mcr_event_unref(b);
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_server_said_is_patched),
        cmocka_unit_test(a_patch_of_nothing_becomes_a_create),
        cmocka_unit_test(an_event_with_a_resource_version_is_created_without),
        cmocka_unit_test(a_count_that_came_with_it_has_no_patch),
        cmocka_unit_test(tries_are_counted),
        cmocka_unit_test(at_the_end_it_is_given_up),
        cmocka_unit_test(final_errors),
        cmocka_unit_test(the_spam_filter_ends_it),
        cmocka_unit_test(deliveries_do_not_know_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
