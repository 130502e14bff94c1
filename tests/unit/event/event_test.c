#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <pthread.h>

#include <cmocka.h>

#include "dump.h"
#include "event/atom.h"
#include "event/decode.h"
#include "event/event.h"

static mcr_event *decode(const char *text)
{
    mcr_decoder *d = mcr_decoder_new();
    mcr_decode_error err;
    mcr_event *ev = NULL;
    if (mcr_decode(d, mcr_str_of(text), 0, &ev, &err) != MCR_DECODED_EVENT)
        fail_msg("%s: %s", text, err.text);
    mcr_decoder_free(d);
    return ev;
}

static const char full[] =
    "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\",\"generateName\":\"g\","
    "\"namespace\":\"ns\",\"selfLink\":\"/"
    "l\",\"uid\":\"u\",\"resourceVersion\":\"5\",\"generation\":7,"
    "\"creationTimestamp\":\"1970-01-01T00:00:01Z\",\"deletionTimestamp\":\"1970-01-01T00:00:02Z\","
    "\"deletionGracePeriodSeconds\":0,\"labels\":{\"a\":\"b\"},\"annotations\":{\"c\":\"d\"},"
    "\"ownerReferences\":[{}],\"finalizers\":[\"f\"],\"managedFields\":[{\"manager\":\"m\"}]},"
    "\"involvedObject\":{\"kind\":\"Pod\",\"namespace\":\"ns\",\"name\":\"p\",\"uid\":\"u\","
    "\"apiVersion\":\"v1\",\"resourceVersion\":\"9\",\"fieldPath\":\"spec\"},\"reason\":\"R\","
    "\"message\":\"M\",\"source\":{\"component\":\"c\",\"host\":\"h\"},"
    "\"firstTimestamp\":\"1970-01-01T00:00:03Z\",\"lastTimestamp\":\"1970-01-01T00:00:04Z\","
    "\"count\":3,\"type\":\"Normal\",\"eventTime\":\"1970-01-01T00:00:05Z\","
    "\"series\":{\"count\":2,\"lastObservedTime\":\"1970-01-01T00:00:07Z\"},\"action\":\"A\","
    "\"related\":{\"kind\":\"Node\",\"name\":\"no\"},\"reportingComponent\":\"rc\","
    "\"reportingInstance\":\"ri\",\"x\":1}";

// Of a decoded event and of one that was derived itself.
static void a_derived_event_equals_a_made_one(void **state)
{
    (void)state;
    mcr_event *original = decode(full);
    for (int i = 0; i < 2; i++) {
        mcr_event fields = *original;
        char name[] = "other", version[] = "77";
        fields.metadata.name = mcr_str_of(name);
        fields.metadata.resourceVersion = mcr_str_of(version);
        fields.count = 12 + i;
        mcr_buf want = { 0 }, got = { 0 };
        mcr_event *made = mcr_event_new(&fields), *derived = mcr_event_derive(original, &fields);
        memset(name, '#', sizeof name);
        memset(version, '#', sizeof version);
        mcr_event_unref(original);
        assert_int_equal(derived->refs, 1);
        dump_event(&want, made);
        dump_event(&got, derived);
        assert_string_equal(mcr_buf_cstr(&got), mcr_buf_cstr(&want));
        mcr_event_unref(made);
        mcr_buf_fini(&want);
        mcr_buf_fini(&got);
        original = derived;
    }
    mcr_event_unref(original);
}

static void a_made_event_copies_everything(void **state)
{
    (void)state;
    mcr_event *original = decode(full);
    mcr_buf want = { 0 }, got = { 0 };
    original->unknown_fields = 0; // a made one has no original
    dump_event(&want, original);
    mcr_event *made = mcr_event_new(original);
    assert_int_equal(made->refs, 1);
    assert_int_equal(made->raw.len, 0);
    memset((char *)(uintptr_t)original->raw.ptr, '#', original->raw.len);
    mcr_event_unref(original);
    dump_event(&got, made);
    assert_string_equal(mcr_buf_cstr(&got), mcr_buf_cstr(&want));
    mcr_event_unref(made);
    mcr_buf_fini(&want);
    mcr_buf_fini(&got);
}

static void a_made_event_has_atoms(void **state)
{
    (void)state;
    mcr_event fields = { .type = MCR_STR("Warning"), .reason = MCR_STR("BackOff"), .count = 2 };
    fields.metadata.name = MCR_STR("n");
    fields.involvedObject.kind = MCR_STR("Pod");
    fields.refs = 99;
    mcr_event *ev = mcr_event_new(&fields);
    assert_int_equal(ev->refs, 1);
    assert_int_equal(ev->type.id, mcr_atom("Warning", 7));
    assert_int_equal(ev->reason.id, mcr_atom("BackOff", 7));
    assert_int_equal(ev->involvedObject.kind.id, mcr_atom("Pod", 3));
    assert_int_equal(ev->metadata.name.id, 0);
    assert_int_equal(ev->source.component.id, 0);
    assert_ptr_not_equal(ev->reason.ptr, fields.reason.ptr);
    mcr_event_unref(ev);
}

static void a_copy_keeps_the_original_bytes(void **state)
{
    (void)state;
    mcr_event *ev = decode("{\"type\":\"ADDED\",\"object\":{\"note\":\"n\", \"x\":1}}");
    mcr_event *copy = mcr_event_copy(ev);
    mcr_event_unref(ev);
    assert_true(mcr_str_is(copy->raw, "{\"note\":\"n\", \"x\":1}"));
    assert_int_equal(copy->api, MCR_API_EVENTS_V1);
    assert_int_equal(copy->unknown_fields, 1);
    assert_int_equal(copy->change, MCR_CHANGE_NEW);
    assert_true(mcr_str_is(copy->message, "n"));
    mcr_event_unref(copy);
}

static void an_opaque_event_has_its_text(void **state)
{
    (void)state;
    mcr_event *ev = mcr_event_opaque(MCR_STR("[1]"));
    assert_true(mcr_str_is(ev->raw, "[1]"));
    assert_int_equal(ev->reason.len, 0);
    assert_int_equal(ev->metadata.deletionGracePeriodSeconds, -1);
    mcr_event_unref(ev);
}

static void holders_are_counted(void **state)
{
    (void)state;
    mcr_event *ev = decode("{\"reason\":\"r\"}");
    assert_ptr_equal(mcr_event_ref(ev), ev);
    mcr_event_ref_n(ev, 3);
    assert_int_equal(ev->refs, 5);
    for (int i = 0; i < 4; i++)
        mcr_event_unref(ev);
    assert_int_equal(ev->refs, 1);
    assert_true(mcr_str_is(ev->reason, "r"));
    mcr_event_unref(ev);
    mcr_event_unref(NULL);
}

enum {
    THREADS = 4,
    ROUNDS = 20000
};

static void *hold_and_drop(void *arg)
{
    mcr_event *ev = arg;
    for (int i = 0; i < ROUNDS; i++) {
        mcr_event_ref(ev);
        mcr_event_unref(ev);
    }
    mcr_event_unref(ev);
    return NULL;
}

// The last of several threads frees: ASan and TSan say whether it is so.
static void threads_share_an_event(void **state)
{
    (void)state;
    mcr_event *ev = decode("{\"message\":\"a\\nb\"}");
    pthread_t threads[THREADS];
    mcr_event_ref_n(ev, THREADS);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hold_and_drop, ev), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(ev->refs, 1);
    mcr_event_unref(ev);
}

static void the_time_is_the_first_that_is_set(void **state)
{
    (void)state;
    mcr_event ev = { 0 };
    assert_null(mcr_event_time(&ev));
    mcr_time *const order[] = { &ev.metadata.creationTimestamp, &ev.firstTimestamp, &ev.eventTime,
                                &ev.lastTimestamp, &ev.series.lastObservedTime };
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        order[i]->set = 1;
        assert_ptr_equal(mcr_event_time(&ev), order[i]);
    }
    ev.metadata.deletionTimestamp.set = 1;
    assert_ptr_equal(mcr_event_time(&ev), &ev.series.lastObservedTime);
}

static void occurrences(void **state)
{
    (void)state;
    mcr_event ev = { 0 };
    assert_int_equal(mcr_event_occurrences(&ev), 1);
    ev.count = 4;
    assert_int_equal(mcr_event_occurrences(&ev), 4);
    ev.series.count = 9;
    assert_int_equal(mcr_event_occurrences(&ev), 4);
    ev.series.set = 1;
    assert_int_equal(mcr_event_occurrences(&ev), 9);
    ev.series.count = 0;
    assert_int_equal(mcr_event_occurrences(&ev), 4);
}

static void pairs_are_found(void **state)
{
    (void)state;
    mcr_event *ev = decode("{\"metadata\":{\"labels\":{\"a\":\"1\",\"a.b/c\":\"2\",\"\":\"3\"}}}");
    const mcr_pairs *labels = &ev->metadata.labels;
    assert_true(mcr_str_is(*mcr_pairs_get(labels, MCR_STR("a.b/c")), "2"));
    assert_true(mcr_str_is(*mcr_pairs_get(labels, MCR_STR("")), "3"));
    assert_null(mcr_pairs_get(labels, MCR_STR("a.b")));
    assert_null(mcr_pairs_get(&ev->metadata.annotations, MCR_STR("a")));
    mcr_event_unref(ev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_derived_event_equals_a_made_one),
        cmocka_unit_test(a_made_event_copies_everything),
        cmocka_unit_test(a_made_event_has_atoms),
        cmocka_unit_test(a_copy_keeps_the_original_bytes),
        cmocka_unit_test(an_opaque_event_has_its_text),
        cmocka_unit_test(holders_are_counted),
        cmocka_unit_test(threads_share_an_event),
        cmocka_unit_test(the_time_is_the_first_that_is_set),
        cmocka_unit_test(occurrences),
        cmocka_unit_test(pairs_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
