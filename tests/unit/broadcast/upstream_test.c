// What tools/record/event_test.go asks of the recorder, the correlator and the sink together
// (spec UPSTREAM_TESTS). What needs threads is in broadcaster_test.c.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broadcast/recorder.h"
#include "sink/format.h"
#include "sink/record_to_sink.h"

#define SECOND INT64_C(1000000000)

static const mcr_scheme_type types[] = { { "v1.Pod", "Pod", "v1" } };
static const mcr_scheme scheme = { "client-go", types, 1 };

// A recorder whose events go straight into a recording.
typedef struct world {
    mcr_recording *recording;
    int64_t now;
    mcr_event *last; // what was published last
    int logged;
} world;

static mcr_err publish(void *self, mcr_event *ev, bool *accepted, mcr_errbuf *err)
{
    (void)err;
    world *w = self;
    mcr_event_unref(w->last);
    w->last = mcr_event_ref(ev);
    *accepted = true;
    return MCR_OK;
}

static void count_line(void *self, const mcr_log_record *record)
{
    (void)record;
    ((world *)self)->logged++;
}

static double half(void *self)
{
    (void)self;
    return 0.5;
}

static mcr_recording *recording_of(world *w)
{
    mcr_recording_options options = { .random = half, .log = { count_line, w } };
    return mcr_recording_new(&options);
}

static mcr_recorder recorder_of(world *w)
{
    return (mcr_recorder){ .source = { .component = MCR_STR("eventTest") },
                           .clock = mcr_clock_fixed(&w->now),
                           .scheme = &scheme,
                           .publish = { publish, w },
                           .log = { count_line, w } };
}

static const mcr_object_reference first = { .kind = MCR_STR("Pod"),
                                            .name = MCR_STR("foo"),
                                            .namespace = MCR_STR("baz"),
                                            .uid = MCR_STR("bar"),
                                            .apiVersion = MCR_STR("v1"),
                                            .fieldPath = MCR_STR("spec.containers[2]") };
static const mcr_object_reference second = { .kind = MCR_STR("Pod"),
                                             .name = MCR_STR("foo"),
                                             .namespace = MCR_STR("baz"),
                                             .uid = MCR_STR("differentUid"),
                                             .apiVersion = MCR_STR("v1"),
                                             .fieldPath = MCR_STR("spec.containers[3]") };

static const struct {
    const mcr_object_reference *reference; // NULL: the pod itself
    const char *reason;
    mcr_delivery_action action;
    int32_t count;
} rows[] = {
    { &first, "Started", MCR_DELIVERY_CREATE, 1 }, { NULL, "Killed", MCR_DELIVERY_CREATE, 1 },
    { &first, "Started", MCR_DELIVERY_PATCH, 2 },  { &second, "Started", MCR_DELIVERY_CREATE, 1 },
    { &first, "Started", MCR_DELIVERY_PATCH, 3 },  { &second, "Stopped", MCR_DELIVERY_CREATE, 1 },
    { &second, "Stopped", MCR_DELIVERY_PATCH, 2 },
};

static void assert_plain(const mcr_event *ev, const char *field_path, const char *reason)
{
    mcr_buf found = { 0 }, expected = { 0 };
    mcr_klog_plain(&found, ev);
    mcr_buf_printf(&expected,
                   "Event(v1.ObjectReference{Kind:\"Pod\", Namespace:\"baz\", Name:\"foo\", "
                   "UID:\"%.*s\", APIVersion:\"v1\", ResourceVersion:\"\", FieldPath:\"%s\"}): "
                   "type: 'Normal' reason: '%s' some verbose message: 1",
                   (int)ev->involvedObject.uid.len, ev->involvedObject.uid.ptr, field_path, reason);
    assert_string_equal(mcr_buf_cstr(&found), mcr_buf_cstr(&expected));
    mcr_buf_fini(&found);
    mcr_buf_fini(&expected);
}

static void run_row(world *w, size_t i)
{
    mcr_recorder r = recorder_of(w);
    mcr_regarding object = { .reference = rows[i].reference,
                             .json = MCR_STR("{\"metadata\":{\"name\":\"foo\",\"namespace\":\"baz\""
                                             ",\"uid\":\"bar\"}}"),
                             .type = MCR_STR("v1.Pod") };
    mcr_recorded what = { .type = MCR_STR("Normal"),
                          .reason = mcr_str_of(rows[i].reason),
                          .message = MCR_STR("some verbose message: %v") };
    mcr_go_arg one = { .type = MCR_GO_INT, .integer = 1 };
    assert_int_equal(mcr_recorder_eventf(&r, &object, &what, &one, 1), MCR_RECORD_PUBLISHED);
    const char *path = rows[i].reference == &first    ? "spec.containers[2]"
                       : rows[i].reference == &second ? "spec.containers[3]"
                                                      : "";
    assert_plain(w->last, path, rows[i].reason);

    mcr_delivery d;
    mcr_clock clock = mcr_clock_fixed(&w->now);
    mcr_delivery_step step = mcr_delivery_start(&d, w->recording, w->last, &clock);
    assert_int_equal(step.action, rows[i].action);
    assert_int_equal(step.event->count, rows[i].count);
    assert_memory_equal(step.event->metadata.name.ptr, "foo.", 4);
    assert_true(mcr_str_is(step.event->metadata.namespace, "baz"));
    assert_true(mcr_str_is(step.event->source.component, "eventTest"));
    assert_true(mcr_str_is(step.event->reportingComponent, "eventTest"));
    assert_int_equal(step.event->firstTimestamp.sec == step.event->lastTimestamp.sec,
                     rows[i].count == 1);
    assert_int_equal(mcr_delivery_written(&d, step.event).result, MCR_DELIVERY_RECORDED);
    mcr_delivery_fini(&d);
    w->now += SECOND;
}

// Eventf, and MultiSinkCache: a second recording knows nothing of the first.
static void rows_of_eventf(void **state)
{
    (void)state;
    world w = { .now = 1700000000 * SECOND };
    for (int sink = 0; sink < 2; sink++) {
        w.recording = recording_of(&w);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            run_row(&w, i);
        mcr_recording_free(w.recording);
    }
    assert_int_equal(w.logged, 0);
    mcr_event_unref(w.last);
}

// EventfNoNamespace.
static void no_namespace(void **state)
{
    (void)state;
    world w = { .now = SECOND };
    mcr_recorder r = recorder_of(&w);
    mcr_regarding object = { .json = MCR_STR("{\"metadata\":{\"name\":\"foo\"}}"),
                             .type = MCR_STR("v1.Pod") };
    mcr_recorded what = { .type = MCR_STR("Normal"), .reason = MCR_STR("Started") };
    assert_int_equal(mcr_recorder_event(&r, &object, &what), MCR_RECORD_PUBLISHED);
    assert_true(mcr_str_is(w.last->metadata.namespace, "default"));
    assert_int_equal(w.last->involvedObject.namespace.len, 0);
    mcr_event_unref(w.last);
}

static mcr_delivery_step begin(world *w, mcr_delivery *d, mcr_event *ev)
{
    mcr_clock clock = mcr_clock_fixed(&w->now);
    return mcr_delivery_start(d, w->recording, ev, &clock);
}

// WriteEventError, and LotsOfEvents' four failures: one correlator for all.
static void errors_while_writing(void **state)
{
    (void)state;
    static const struct {
        mcr_write_error_class class;
        int errors; // then well
        int tries;
        mcr_delivery_result result;
    } cases[] = {
        { MCR_WRITE_CONSTRUCT, 100, 1, MCR_DELIVERY_ABANDONED },
        { MCR_WRITE_STATUS, 100, 1, MCR_DELIVERY_ABANDONED },
        { MCR_WRITE_UNEXPECTED, 100, 12, MCR_DELIVERY_EXHAUSTED },
        { MCR_WRITE_OTHER, 100, 12, MCR_DELIVERY_EXHAUSTED },
        { MCR_WRITE_OTHER, 1, 2, MCR_DELIVERY_RECORDED },
        { MCR_WRITE_OTHER, 4, 5, MCR_DELIVERY_RECORDED },
    };
    world w = { .now = SECOND };
    w.recording = recording_of(&w);
    mcr_event *ev = mcr_event_new(&(mcr_event){ .type = MCR_STR("Normal"), .count = 1 });
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_write_error err = { .class = cases[i].class };
        int tries = 0;
        mcr_delivery d;
        mcr_delivery_step step = begin(&w, &d, ev);
        while (step.action != MCR_DELIVERY_DONE) {
            if (step.action == MCR_DELIVERY_SLEEP) {
                assert_int_equal(step.sleep_ns, 0);
                step = mcr_delivery_slept(&d);
            } else if (tries++ < cases[i].errors) {
                step = mcr_delivery_failed(&d, &err);
            } else {
                step = mcr_delivery_written(&d, step.event);
            }
        }
        assert_int_equal(tries, cases[i].tries);
        assert_int_equal(step.result, cases[i].result);
        mcr_delivery_fini(&d);
    }
    mcr_event_unref(ev);
    mcr_recording_free(w.recording);
}

// UpdateExpiredEvent.
static void an_expired_event_is_created_again(void **state)
{
    (void)state;
    world w = { .now = SECOND };
    w.recording = recording_of(&w);
    mcr_event fields = { .type = MCR_STR("Normal"), .count = 2 };
    fields.metadata.resourceVersion = MCR_STR("1");
    mcr_event *ev = mcr_event_new(&fields);
    mcr_delivery d;
    assert_int_equal(begin(&w, &d, ev).action, MCR_DELIVERY_PATCH);
    mcr_write_error err = { .class = MCR_WRITE_STATUS, .code = 404 };
    mcr_delivery_step step = mcr_delivery_failed(&d, &err);
    assert_int_equal(step.action, MCR_DELIVERY_CREATE);
    assert_int_equal(step.event->metadata.resourceVersion.len, 0);
    mcr_delivery_fini(&d);
    mcr_event_unref(ev);
    mcr_recording_free(w.recording);
}

// CancelEvent.
static void one_try_after_the_end(void **state)
{
    (void)state;
    world w = { .now = SECOND };
    w.recording = recording_of(&w);
    mcr_event *ev = mcr_event_new(&(mcr_event){ .type = MCR_STR("Normal"), .count = 1 });
    mcr_delivery d;
    assert_int_equal(begin(&w, &d, ev).action, MCR_DELIVERY_CREATE);
    mcr_write_error err = { .class = MCR_WRITE_UNEXPECTED };
    assert_int_equal(mcr_delivery_failed(&d, &err).action, MCR_DELIVERY_SLEEP);
    assert_int_equal(mcr_delivery_shut_down(&d).result, MCR_DELIVERY_SHUT_DOWN);
    assert_int_equal(w.logged, 2);
    mcr_delivery_fini(&d);
    mcr_event_unref(ev);
    mcr_recording_free(w.recording);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_eventf),
        cmocka_unit_test(no_namespace),
        cmocka_unit_test(errors_while_writing),
        cmocka_unit_test(an_expired_event_is_created_again),
        cmocka_unit_test(one_try_after_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
