// broadcast/recorder.h and broadcast/reference.h. What becomes of kinds and types is in the vectors
// (recorder/*).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broadcast/recorder.h"
#include "event/encode.h"

#define POD                                                                                        \
    "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web-1\",\"uid\":\"u\"}}"

static const mcr_scheme_type types[] = { { "v1.Pod", "Pod", "v1" }, { "x", "X", "x.io/v1" } };
static const mcr_scheme scheme = { "mine", types, 2 };

static void assert_reference(const char *json, const char *type, const char *expected)
{
    mcr_regarding object = { .json = mcr_str_of(json), .type = mcr_str_of(type) };
    mcr_object_reference r;
    mcr_buf room = { 0 }, found = { 0 };
    mcr_errbuf err;
    if (mcr_reference_get(&r, &object, &scheme, &room, &err))
        mcr_buf_puts(&found, err.text);
    else
        mcr_buf_printf(&found, "%.*s|%.*s|%.*s|%.*s|%.*s|%.*s|%.*s", (int)r.apiVersion.len,
                       r.apiVersion.ptr, (int)r.kind.len, r.kind.ptr, (int)r.namespace.len,
                       r.namespace.ptr, (int)r.name.len, r.name.ptr, (int)r.uid.len, r.uid.ptr,
                       (int)r.resourceVersion.len, r.resourceVersion.ptr, (int)r.fieldPath.len,
                       r.fieldPath.ptr);
    assert_string_equal(mcr_buf_cstr(&found), expected);
    mcr_buf_fini(&room);
    mcr_buf_fini(&found);
}

static void references(void **state)
{
    (void)state;
    static const char nil[] = "can't reference a nil object";
    static const struct {
        const char *json;
        const char *type;
        const char *expected;
    } cases[] = {
        { "", "", nil },
        { " null ", "", nil },
        { POD, "", "v1|Pod||web-1|u||" },
        { POD, "x", "v1|Pod||web-1|u||" },
        { " {\"metadata\" : {\"resourceVersion\":\"9\",\"namespace\":\"n\"}, \"kind\":\"K\"}", "",
          "|K|n|||9|" },
        { "{\"metadata\":{}}", "v1.Pod", "v1|Pod|||||" },
        { "{\"metadata\":null}", "x", "x.io/v1|X|||||" },
        { "{\"metadata\":{}}", "y", "no kind is registered for the type y in scheme \"mine\"" },
        { "{}", "v1.Pod",
          "object does not implement the common interface for accessing the SelfLink" },
        { "{}", "", "Object 'Kind' is missing in 'unstructured object has no kind'" },
        { "{\"kind\":null,\"apiVersion\":\"\"}", "",
          "Object 'Kind' is missing in 'unstructured object has no kind'" },
        { "{\"apiVersion\":\"v1\"}", "", "v1||||||" },
        { "{\"kind\":\"K\",\"apiVersion\":\"a/b\"}", "", "a/b|K|||||" },
        { "{\"kind\":\"K\",\"apiVersion\":\"/b\"}", "", "b|K|||||" },
        { "{\"kind\":\"K\",\"apiVersion\":\"/\"}", "", "|K|||||" },
        { "{\"kind\":\"K\",\"apiVersion\":\"a/b/c\"}", "", "|K|||||" },
        // Names are unescaped, keys too; the last one counts, objects merge.
        { "{\"k\\u0069nd\":\"\\u004b\\n\",\"metadata\":{\"name\":\"a\",\"uid\":\"u\"},"
          "\"metadata\":{\"name\":\"\\\"b\"}}",
          "", "|K\n||\"b|u||" },
        { "{\"kind\":\"K\",\"spec\":{\"kind\":\"no\",\"metadata\":{\"name\":\"no\"}},\"x\":[1,{}]}",
          "", "|K|||||" },
        { "[]", "", "the object is wrong: expected a JSON object" },
        { "{\"kind\":1}", "", "the object is wrong: kind: expected a string" },
        { "{\"metadata\":[]}", "", "the object is wrong: metadata: expected an object" },
        { "{\"metadata\":{\"name\":{}}}", "",
          "the object is wrong: metadata.name: expected a string" },
        { "{\"kind\":\"K\"}x", "", "the object is no JSON: text behind the object (byte 12)" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_reference(cases[i].json, cases[i].type, cases[i].expected);
    mcr_regarding broken = { .json = MCR_STR("{\"kind\":") };
    mcr_object_reference r;
    mcr_buf room = { 0 };
    mcr_errbuf err = { "" };
    assert_int_equal(mcr_reference_get(&r, &broken, NULL, &room, &err), MCR_EINVAL);
    assert_memory_equal(err.text, "the object is no JSON: ", 23);
    mcr_buf_fini(&room);
}

// A publisher that answers as it is told, and a log.
typedef struct ends {
    mcr_err code;
    bool full;
    mcr_event *got;
    mcr_buf log;
    int64_t now;
} ends;

static mcr_err publish(void *self, mcr_event *ev, bool *accepted, mcr_errbuf *err)
{
    ends *e = self;
    if (e->code)
        return mcr_errf(err, e->code, "broadcaster already stopped");
    *accepted = !e->full;
    if (*accepted)
        e->got = mcr_event_ref(ev);
    return MCR_OK;
}

static void log_line(void *self, const mcr_log_record *record)
{
    ends *e = self;
    assert_true(record->error);
    mcr_log_record_write(&e->log, record);
}

static uint64_t zero(void *self)
{
    (void)self;
    return 0;
}

static const mcr_random zeros = { zero, NULL };

static mcr_recorder recorder_of(ends *e)
{
    return (mcr_recorder){ .source = { MCR_STR("component"), MCR_STR("host") },
                           .clock = mcr_clock_fixed(&e->now),
                           .scheme = &scheme,
                           .publish = { publish, e },
                           .log = { log_line, e } };
}

static const mcr_recorded happened = { .type = MCR_STR("Warning"),
                                       .reason = MCR_STR("BackOff"),
                                       .message = MCR_STR("100%") };

static void an_event_as_client_go_makes_it(void **state)
{
    (void)state;
    ends e = { .now = 1700000000987654321 };
    mcr_recorder r = recorder_of(&e);
    mcr_pair pair = { MCR_STR("a"), MCR_STR("1") };
    mcr_recorded what = happened;
    what.annotations = (mcr_pairs){ &pair, 1 };
    mcr_regarding object = { .json = MCR_STR(POD) };
    assert_int_equal(mcr_recorder_event(&r, &object, &what), MCR_RECORD_PUBLISHED);
    assert_int_equal(e.got->refs, 1);
    assert_int_equal(e.got->firstTimestamp.nsec, 987654321);
    assert_int_equal(e.got->lastTimestamp.nsec, 987654321);
    mcr_buf text = { 0 };
    mcr_event_encode(&text, e.got, false);
    assert_string_equal(
        mcr_buf_cstr(&text),
        "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web-1."
        "17979cfe710868b1\""
        ",\"namespace\":\"default\",\"creationTimestamp\":null,\"annotations\":{\"a\":\"1\"}},"
        "\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"web-1\",\"uid\":\"u\","
        "\"apiVersion\":\"v1\"},\"reason\":\"BackOff\",\"message\":\"100%\","
        "\"source\":{\"component\":\"component\",\"host\":\"host\"},"
        "\"firstTimestamp\":\"2023-11-14T22:13:20Z\",\"lastTimestamp\":\"2023-11-14T22:13:20Z\","
        "\"count\":1,\"type\":\"Warning\",\"eventTime\":null,"
        "\"reportingComponent\":\"component\",\"reportingInstance\":\"host\"}");
    assert_int_equal(e.log.len, 0);
    mcr_event_unref(e.got);
    mcr_buf_fini(&text);
}

static void a_format_and_a_name_that_is_none(void **state)
{
    (void)state;
    ends e = { .now = 1 };
    mcr_recorder r = recorder_of(&e);
    r.uuids = &zeros;
    mcr_object_reference reference = { .name = MCR_STR("A:B"), .namespace = MCR_STR("n") };
    mcr_regarding object = { .reference = &reference };
    mcr_go_arg arg = { .type = MCR_GO_INT, .integer = 7 };
    mcr_recorded what = happened;
    what.message = MCR_STR("%d of %d");
    assert_int_equal(mcr_recorder_eventf(&r, &object, &what, &arg, 1), MCR_RECORD_PUBLISHED);
    assert_true(mcr_str_is(e.got->message, "7 of %!d(MISSING)"));
    assert_true(mcr_str_is(e.got->metadata.name, "00000000-0000-4000-8000-000000000000"));
    assert_true(mcr_str_is(e.got->metadata.namespace, "n"));
    assert_true(mcr_str_is(e.got->involvedObject.name, "A:B"));
    mcr_event_unref(e.got);
}

static void what_is_lost_is_logged(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *type;
        mcr_err code;
        bool full;
        mcr_record_result result;
        const char *log;
    } cases[] = {
        { "null", "bad", MCR_OK, false, MCR_RECORD_NO_REFERENCE,
          "\"Could not construct reference, will not report event\" "
          "err=\"can't reference a nil object\" object=null eventType=\"bad\" "
          "reason=\"BackOff\" message=\"100%\"\n" },
        { "{}", "Normal", MCR_OK, false, MCR_RECORD_NO_REFERENCE,
          "\"Could not construct reference, will not report event\" "
          "err=\"Object 'Kind' is missing in 'unstructured object has no kind'\" object=\"{}\" "
          "eventType=\"Normal\" reason=\"BackOff\" message=\"100%\"\n" },
        { POD, "normal", MCR_OK, false, MCR_RECORD_BAD_TYPE,
          "\"Unsupported event type\" eventType=\"normal\"\n" },
        { POD, "Normal", MCR_ESTOPPED, false, MCR_RECORD_STOPPED,
          "\"Unable to record event (will not retry!)\" err=\"broadcaster already stopped\"\n" },
        { POD, "Normal", MCR_OK, true, MCR_RECORD_DROPPED,
          "\"Unable to record event: too many queued events, dropped event\" "
          "event=\"&Event{ObjectMeta:{web-1.7  default    0 " },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ends e = { .now = 7, .code = cases[i].code, .full = cases[i].full };
        mcr_recorder r = recorder_of(&e);
        mcr_recorded what = happened;
        what.type = mcr_str_of(cases[i].type);
        mcr_regarding object = { .json = mcr_str_of(cases[i].json) };
        assert_int_equal(mcr_recorder_event(&r, &object, &what), cases[i].result);
        assert_null(e.got);
        mcr_buf_cstr(&e.log);
        if (cases[i].full)
            e.log.ptr[strlen(cases[i].log)] = '\0';
        assert_string_equal(e.log.ptr, cases[i].log);
        mcr_buf_fini(&e.log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references),
        cmocka_unit_test(an_event_as_client_go_makes_it),
        cmocka_unit_test(a_format_and_a_name_that_is_none),
        cmocka_unit_test(what_is_lost_is_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
