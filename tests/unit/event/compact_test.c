// Events in little memory: the same in everything, and nothing of the original is looked at again.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "event/compact.h"
#include "event/decode.h"
#include "event/dump.h"
#include "event/encode.h"

static const char *const documents[] = {
    "{}",
    "{\"metadata\":{\"name\":\"a.1\"},\"involvedObject\":{}}",
    "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a.1\",\"generateName\":\"a-"
    "\","
    "\"namespace\":\"ns\",\"uid\":\"u\",\"resourceVersion\":\"7\",\"creationTimestamp\":"
    "\"2023-11-14T22:13:20Z\",\"labels\":{\"a\":\"b\",\"c\\u0041\":\"d\\n\"},\"annotations\":"
    "{\"x\":\"\"},\"finalizers\":[\"f\"],\"ownerReferences\":[{\"name\":\"o\"}],\"managedFields\":"
    "[{\"manager\":\"m\"}]},\"involvedObject\":{\"kind\":\"Pod\",\"namespace\":\"ns\",\"name\":"
    "\"p\","
    "\"uid\":\"u2\",\"apiVersion\":\"v1\",\"resourceVersion\":\"5\",\"fieldPath\":\"spec\"},"
    "\"reason\":\"R\",\"message\":\"one\\ntwo \\u00e9\",\"source\":{\"component\":\"c\",\"host\":"
    "\"h\"},\"firstTimestamp\":\"2023-11-14T22:13:20Z\",\"lastTimestamp\":\"2023-11-14T22:13:21Z\","
    "\"count\":3,\"type\":\"Warning\",\"eventTime\":\"2023-11-14T22:13:20.000001Z\",\"series\":"
    "{\"count\":4,\"lastObservedTime\":\"2023-11-14T22:13:22.000002Z\"},\"action\":\"A\","
    "\"related\":"
    "{\"kind\":\"Node\",\"name\":\"n\"},\"reportingComponent\":\"rc\",\"reportingInstance\":\"ri\","
    "\"zork\":[1,2]}",
    "{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\",\"metadata\":{\"name\":\"a.1\"},"
    "\"regarding\":{\"kind\":\"Pod\"},\"note\":\"a \\\"note\\\"\",\"deprecatedCount\":2}",
};

static void texts(mcr_buf *out, const mcr_event *ev)
{
    dump_event(out, ev);
    mcr_buf_putc(out, '\n');
    mcr_event_write(out, ev);
    mcr_buf_putc(out, '\n');
    mcr_event_encode(out, ev, true);
}

static void a_copy_is_the_same_and_stands_alone(void **state)
{
    (void)state;
    mcr_decoder *decoder = mcr_decoder_new();
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        mcr_event *ev;
        mcr_decode_error err;
        assert_int_equal(mcr_decode(decoder, mcr_str_of(documents[i]), MCR_DECODE_GO, &ev, &err),
                         MCR_DECODED_EVENT);
        ev->hops = 3;
        ev->delta = 5;
        mcr_buf before = { 0 }, after = { 0 };
        texts(&before, ev);
        mcr_event *copy = mcr_event_compact(ev);
        assert_ptr_not_equal(copy, ev);
        mcr_event_unref(ev); // which frees it
        texts(&after, copy);
        assert_string_equal(mcr_buf_cstr(&after), mcr_buf_cstr(&before));
        assert_int_equal(copy->hops, 3);
        assert_int_equal(copy->delta, 5);
        assert_int_equal(copy->refs, 1);

        // What is compact already stays.
        assert_ptr_equal(mcr_event_compact(copy), copy);
        mcr_event_unref(copy);
        mcr_event_unref(copy);
        mcr_buf_fini(&before);
        mcr_buf_fini(&after);
    }
    mcr_decoder_free(decoder);
}

// The event it was derived from, with a chunk to itself, is let go of.
static void a_derived_event_stands_alone_too(void **state)
{
    (void)state;
    mcr_decoder *decoder = mcr_decoder_new();
    mcr_event *ev;
    mcr_decode_error err;
    assert_int_equal(mcr_decode(decoder, mcr_str_of(documents[0]), MCR_DECODE_GO, &ev, &err),
                     MCR_DECODED_EVENT);
    mcr_event fields = *ev;
    fields.count = 7;
    mcr_event *derived = mcr_event_derive(ev, &fields);
    assert_int_equal(ev->refs, 2);
    mcr_buf before = { 0 }, after = { 0 };
    texts(&before, derived);
    mcr_event *copy = mcr_event_compact(derived);
    assert_ptr_not_equal(copy, derived);
    mcr_event_unref(derived);
    assert_int_equal(ev->refs, 1);
    mcr_event_unref(ev);
    mcr_decoder_free(decoder);
    texts(&after, copy);
    assert_string_equal(mcr_buf_cstr(&after), mcr_buf_cstr(&before));
    assert_int_equal(copy->count, 7);
    mcr_event_unref(copy);
    mcr_buf_fini(&before);
    mcr_buf_fini(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_the_same_and_stands_alone),
        cmocka_unit_test(a_derived_event_stands_alone_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
