// Which fields of two events differ, and how it is said.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "event/decode.h"
#include "rehearse/event_fields.h"

// `members` is an object without the kind.
static mcr_event *event_from(const char *members)
{
    char json[1024];
    snprintf(json, sizeof json, "{\"kind\":\"Event\"%s%s", members[1] == '}' ? "" : ",",
             members + 1);
    mcr_decoder *decoder = mcr_decoder_new();
    mcr_event *ev = NULL;
    mcr_decode_error err;
    assert_int_equal(mcr_decode(decoder, mcr_str_of(json), 0, &ev, &err), MCR_DECODED_EVENT);
    mcr_decoder_free(decoder);
    return ev;
}

typedef struct fields_case {
    const char *a, *b;
    const char *names; // "": none
    const char *before, *after;
} fields_case;

static void check(const fields_case *c)
{
    mcr_event *a = event_from(c->a), *b = event_from(c->b);
    mcr_buf names = { 0 }, before = { 0 }, after = { 0 };
    bool differ = mcr_fields_differ(&names, a, b);
    mcr_fields_show(&before, &after, a, b);
    assert_string_equal(mcr_buf_cstr(&names), c->names);
    assert_int_equal(differ, *c->names != '\0');
    if (c->before) {
        assert_string_equal(mcr_buf_cstr(&before), c->before);
        assert_string_equal(mcr_buf_cstr(&after), c->after);
    }
    mcr_buf_fini(&names);
    mcr_buf_fini(&before);
    mcr_buf_fini(&after);
    mcr_event_unref(a);
    mcr_event_unref(b);
}

static void fields_are_named(void **state)
{
    (void)state;
    static const fields_case cases[] = {
        { "{\"reason\":\"a\"}", "{\"reason\":\"a\"}", "", "", "" },
        { "{\"reason\":\"a\",\"type\":\"b\"}", "{\"type\":\"b\", \"reason\":\"a\"}", "", "", "" },
        { "{\"reason\":\"a\"}", "{\"reason\":\"b\"}", "reason", "reason: \"a\"", "reason: \"b\"" },
        { "{\"x\":\"a\\u0000b\"}", "{\"x\":\"a\\u0000c\"}", "x", NULL, NULL },
        { "{\"x\":\"a\\u0000b\"}", "{\"x\":\"a\\u0000b\"}", "", NULL, NULL },
        { "{\"reason\":\"a\"}", "{}", "reason", "reason: \"a\"", "reason: (absent)" },
        { "{\"count\":1}", "{\"count\":2}", "count", "count: 1", "count: 2" },
        { "{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}}}",
          "{\"metadata\":{\"labels\":{\"a\":\"1\",\"c\":\"4\",\"d\":\"5\"}}}",
          "metadata.labels.b, metadata.labels.c, metadata.labels.d",
          "metadata.labels.b: \"2\"\nmetadata.labels.c: \"3\"\nmetadata.labels.d: (absent)",
          "metadata.labels.b: (absent)\nmetadata.labels.c: \"4\"\nmetadata.labels.d: \"5\"" },
        { "{\"metadata\":{\"labels\":{\"a\":\"1\"}}}", "{\"metadata\":{}}", "metadata.labels",
          "metadata.labels: {\"a\":\"1\"}", "metadata.labels: (absent)" },
        { "{\"involvedObject\":{\"kind\":\"Pod\"},\"source\":{\"host\":\"h\"}}",
          "{\"involvedObject\":{\"kind\":\"Node\"},\"source\":{\"host\":\"i\"}}",
          "involvedObject.kind, source.host", NULL, NULL },
        { "{\"eventTime\":null}", "{\"eventTime\":\"2026-11-23T05:00:00.000000Z\"}", "eventTime",
          NULL, NULL },
        { "{\"series\":{\"count\":1}}", "{\"series\":{\"count\":2}}", "series.count", NULL, NULL },
        { "{}", "{\"series\":{\"count\":2}}", "series", NULL, NULL },
        { "{\"related\":{\"name\":\"a\"}}", "{\"related\":{\"name\":\"b\"}}", "related.name", NULL,
          NULL },
        { "{\"related\":{\"name\":\"a\"}}", "{}", "related", NULL, NULL },
        { "{\"metadata\":{\"ownerReferences\":[{\"name\":\"a\"}]}}",
          "{\"metadata\":{\"ownerReferences\":[{\"name\":\"b\"}]}}", "metadata.ownerReferences",
          NULL, NULL },
        { "{\"mine\":{\"a\":1}}", "{\"mine\":{\"a\":2}}", "mine", "mine.a: 1", "mine.a: 2" },
        { "{\"mine\":1,\"yours\":2,\"his\":3}", "{\"his\":3,\"yours\":4,\"hers\":5}",
          "mine, yours, hers", NULL, NULL },
        { "{\"mine\":{\"a\":1,\"b\":[2]}}", "{\"mine\":{\"b\": [ 2 ], \"a\":1}}", "", "", "" },
        { "{\"mine\":1}", "{}", "mine", "mine: 1", "mine: (absent)" },
        { "{\"mi\\u006ee\":1}", "{}", "mine", NULL, NULL },
        { "{\"reason\":\"a\",\"action\":\"b\",\"type\":\"c\",\"message\":\"d\",\"count\":1,"
          "\"reportingComponent\":\"e\",\"reportingInstance\":\"f\",\"source\":{\"host\":\"g\"},"
          "\"involvedObject\":{\"name\":\"h\"},\"metadata\":{\"name\":\"i\"}}",
          "{}",
          "metadata.name, involvedObject.name, reason, message, source.host, count, type, action "
          "and 2 more",
          NULL, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
}

static void long_texts_are_cut_to_what_differs(void **state)
{
    (void)state;
    char a[401], b[401];
    memset(a, 'x', sizeof a);
    memset(b, 'x', sizeof b);
    a[400] = b[400] = '\0';
    b[390] = 'y';
    mcr_buf before = { 0 }, after = { 0 };
    mcr_text_changes(&before, &after, mcr_str_of(a), mcr_str_of(b));
    assert_string_equal(mcr_buf_cstr(&before), "…xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"");
    assert_string_equal(mcr_buf_cstr(&after), "…xxxxxxxxxxxxxxxxxxxxxxxxyxxxxxxxxx\"");
    before.len = after.len = 0;
    mcr_text_changes(&before, &after, mcr_str_of("short"), mcr_str_of(b));
    assert_string_equal(mcr_buf_cstr(&before), "\"short\"");
    assert_int_equal(after.len, 160 + strlen("…"));
    mcr_buf_fini(&before);
    mcr_buf_fini(&after);
}

static void the_same_bytes_are_the_same_event(void **state)
{
    (void)state;
    mcr_buf room[2] = { { 0 }, { 0 } };
    mcr_event *a = event_from("{\"reason\":\"a\"}"), *b = event_from("{\"reason\":\"a\"}");
    mcr_event *c = event_from("{\"reason\":\"c\"}");
    assert_true(mcr_events_same(a, a, room));
    assert_true(mcr_events_same(a, b, room));
    assert_false(mcr_events_same(a, c, room));
    assert_false(mcr_events_same(a, NULL, room));
    assert_true(mcr_events_same(NULL, NULL, room));
    mcr_event *made = mcr_event_new(c), *other = mcr_event_new(c); // without bytes of their own
    assert_true(mcr_events_same(made, other, room));
    assert_false(mcr_events_same(made, a, room));
    mcr_event_unref(a);
    mcr_event_unref(b);
    mcr_event_unref(c);
    mcr_event_unref(made);
    mcr_event_unref(other);
    mcr_buf_fini(&room[0]);
    mcr_buf_fini(&room[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_named),
        cmocka_unit_test(long_texts_are_cut_to_what_differs),
        cmocka_unit_test(the_same_bytes_are_the_same_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
