#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/decode.h"
#include "event/encode.h"
#include "event/lists.h"
#include "event/time.h"

static void check(mcr_buf *got, const char *want, size_t want_len)
{
    if (got->len != want_len || memcmp(got->ptr, want, want_len) != 0)
        fail_msg("\ngot:  %s\nwant: %.*s", mcr_buf_cstr(got), (int)want_len, want);
    mcr_buf_fini(got);
}

// What comes before and behind the parts that a case is about.
#define HEAD       "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{"
#define BARE       "\"creationTimestamp\":null},\"involvedObject\":{},"
#define TIMES      "\"firstTimestamp\":null,\"lastTimestamp\":null,"
#define END        "\"eventTime\":null,\"reportingComponent\":\"\",\"reportingInstance\":\"\"}"
#define META(json) HEAD json "},\"involvedObject\":{},\"source\":{}," TIMES END

typedef struct encode_case {
    const char *input;
    const char *want;
} encode_case;

static const encode_case cases[] = {
    { "{}", HEAD BARE "\"source\":{}," TIMES END },
    { "{\"reportingInstance\":\"i\",\"reportingComponent\":\"c\",\"source\":{\"host\":\"h\","
      "\"component\":\"k\"},\"type\":\"T\",\"count\":-3,\"message\":\"m\",\"reason\":\"r\","
      "\"action\":\"a\"}",
      HEAD BARE
      "\"reason\":\"r\",\"message\":\"m\",\"source\":{\"component\":\"k\",\"host\":\"h\"}," TIMES
      "\"count\":-3,\"type\":\"T\",\"eventTime\":null,\"action\":\"a\","
      "\"reportingComponent\":\"c\",\"reportingInstance\":\"i\"}" },
    { "{\"involvedObject\":{\"fieldPath\":\"f\",\"resourceVersion\":\"9\",\"apiVersion\":\"v\","
      "\"uid\":\"u\",\"name\":\"n\",\"namespace\":\"s\",\"kind\":\"K\"},\"related\":{}}",
      HEAD "\"creationTimestamp\":null},\"involvedObject\":{\"kind\":\"K\",\"namespace\":\"s\","
           "\"name\":\"n\",\"uid\":\"u\",\"apiVersion\":\"v\",\"resourceVersion\":\"9\","
           "\"fieldPath\":\"f\"},\"source\":{}," TIMES "\"eventTime\":null,\"related\":{},"
           "\"reportingComponent\":\"\",\"reportingInstance\":\"\"}" },
    { "{\"series\":{}}",
      HEAD BARE "\"source\":{}," TIMES "\"eventTime\":null,\"series\":{\"lastObservedTime\":null},"
                "\"reportingComponent\":\"\",\"reportingInstance\":\"\"}" },
    { "{\"series\":{\"count\":7,\"lastObservedTime\":\"2026-11-23T05:01:40.100000Z\"},"
      "\"eventTime\":\"2026-11-23T06:01:40.000001+01:00\"}",
      HEAD BARE "\"source\":{}," TIMES
                "\"eventTime\":\"2026-11-23T05:01:40.000001Z\",\"series\":{\"count\":7,"
                "\"lastObservedTime\":\"2026-11-23T05:01:40.100000Z\"},"
                "\"reportingComponent\":\"\",\"reportingInstance\":\"\"}" },
    { "{\"firstTimestamp\":\"2026-11-23T05:01:40Z\",\"lastTimestamp\":\"2026-11-23T05:01:41.9Z\"}",
      HEAD BARE "\"source\":{},\"firstTimestamp\":\"2026-11-23T05:01:40Z\","
                "\"lastTimestamp\":\"2026-11-23T05:01:41Z\"," END },
    { "{\"firstTimestamp\":\"2026-11-23T05:31:40+00:30\",\"lastTimestamp\":"
      "\"0001-01-01T00:00:00Z\"}",
      HEAD BARE "\"source\":{},\"firstTimestamp\":\"2026-11-23T05:01:40Z\","
                "\"lastTimestamp\":null," END },
    { "{\"metadata\":{\"managedFields\":[],\"finalizers\":[ ],\"ownerReferences\":null,"
      "\"annotations\":{},\"labels\":null}}",
      META("\"creationTimestamp\":null") },
    { "{\"metadata\":{\"finalizers\":[\"f<\",\"\\u0067\"],\"annotations\":{\"b\":\"2\",\"\":\"0\","
      "\"a\":\"1\",\"ab\":\"3\"},\"labels\":{\"x\":\"y\"},\"deletionGracePeriodSeconds\":0,"
      "\"deletionTimestamp\":\"2026-11-23T05:01:41Z\",\"creationTimestamp\":"
      "\"2026-11-23T05:01:40Z\",\"generation\":4,\"resourceVersion\":\"1\",\"uid\":\"u\","
      "\"selfLink\":\"/x\",\"namespace\":\"s\",\"generateName\":\"g\",\"name\":\"n\"}}",
      META("\"name\":\"n\",\"generateName\":\"g\",\"namespace\":\"s\",\"selfLink\":\"/x\","
           "\"uid\":\"u\",\"resourceVersion\":\"1\",\"generation\":4,"
           "\"creationTimestamp\":\"2026-11-23T05:01:40Z\",\"deletionTimestamp\":"
           "\"2026-11-23T05:01:41Z\",\"deletionGracePeriodSeconds\":0,\"labels\":{\"x\":\"y\"},"
           "\"annotations\":{\"\":\"0\",\"a\":\"1\",\"ab\":\"3\",\"b\":\"2\"},"
           "\"finalizers\":[\"f\\u003c\",\"g\"]") },
    { "{\"new\":[1, 2],\"reason\":\"r\",\"x\":null}",
      HEAD BARE "\"reason\":\"r\",\"source\":{}," TIMES
                "\"eventTime\":null,\"reportingComponent\":\"\",\"reportingInstance\":\"\","
                "\"new\":[1, 2],\"x\":null}" },
    { "{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\",\"note\":\"m\",\"extra\":\"<\","
      "\"regarding\":{\"kind\":\"Pod\"},\"deprecatedCount\":2,\"deprecatedSource\":"
      "{\"component\":\"k\"},\"reportingController\":\"c\",\"message\":\"not of this API\"}",
      HEAD "\"creationTimestamp\":null},\"involvedObject\":{\"kind\":\"Pod\"},\"message\":\"m\","
           "\"source\":{\"component\":\"k\"}," TIMES "\"count\":2,\"eventTime\":null,"
           "\"reportingComponent\":\"c\",\"reportingInstance\":\"\",\"extra\":\"<\"}" },
};

static mcr_event *decode(mcr_decoder *d, const char *json)
{
    mcr_event *ev = NULL;
    mcr_decode_error wrong;
    if (mcr_decode(d, mcr_str_of(json), 0, &ev, &wrong) != MCR_DECODED_EVENT)
        fail_msg("%s: %s", json, wrong.text);
    return ev;
}

static void fields_as_go_writes_them(void **state)
{
    (void)state;
    mcr_decoder *d = mcr_decoder_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_event *ev = decode(d, cases[i].input);
        mcr_buf out = { 0 };
        mcr_event_encode(&out, ev, true);
        check(&out, cases[i].want, strlen(cases[i].want));
        mcr_event_unref(ev);
    }
    mcr_decoder_free(d);
}

static void unknown_fields_only_when_asked(void **state)
{
    (void)state;
    mcr_decoder *d = mcr_decoder_new();
    mcr_event *ev = decode(d, "{\"new\":1,\"reason\":\"r\"}");
    mcr_buf out = { 0 };
    mcr_event_encode(&out, ev, false);
    static const char want[] = HEAD BARE "\"reason\":\"r\",\"source\":{}," TIMES END;
    check(&out, want, sizeof want - 1);
    mcr_event_unref(ev);
    mcr_decoder_free(d);
}

static void a_known_field_with_an_escaped_key_is_not_unknown(void **state)
{
    (void)state;
    mcr_decoder *d = mcr_decoder_new();
    mcr_event *ev = decode(d, "{\"n\\u0065w\":1,\"\\u0072eason\":\"y\",\"reason\":\"r\"}");
    mcr_buf out = { 0 };
    mcr_event_encode(&out, ev, true);
    static const char want[] =
        HEAD BARE "\"reason\":\"r\",\"source\":{}," TIMES
                  "\"eventTime\":null,\"reportingComponent\":\"\",\"reportingInstance\":\"\","
                  "\"n\\u0065w\":1}";
    check(&out, want, sizeof want - 1);
    mcr_event_unref(ev);
    mcr_decoder_free(d);
}

static void written_as_it_came(void **state)
{
    (void)state;
    static const char raw[] = "{ \"reason\" : \"\\u0061\" }";
    mcr_decoder *d = mcr_decoder_new();
    mcr_event *ev = decode(d, raw);
    mcr_buf out = { 0 };
    mcr_event_write(&out, ev);
    check(&out, raw, sizeof raw - 1);
    mcr_event *made = mcr_event_new(ev);
    mcr_event_write(&out, made);
    static const char want[] = HEAD BARE "\"reason\":\"a\",\"source\":{}," TIMES END;
    check(&out, want, sizeof want - 1);
    mcr_event_unref(made);
    mcr_event_unref(ev);
    mcr_decoder_free(d);
}

static void times_made_in_c(void **state)
{
    (void)state;
    mcr_event fields = { .metadata.deletionGracePeriodSeconds = -1 };
    fields.firstTimestamp = mcr_time_of(-1); // a nanosecond before 1970
    fields.eventTime = mcr_time_of(1700000000123456789);
    mcr_buf out = { 0 };
    mcr_event_encode(&out, &fields, false);
    static const char want[] =
        HEAD BARE "\"source\":{},\"firstTimestamp\":\"1969-12-31T23:59:59Z\","
                  "\"lastTimestamp\":null,\"eventTime\":\"2023-11-14T22:13:20.123456Z\","
                  "\"reportingComponent\":\"\",\"reportingInstance\":\"\"}";
    check(&out, want, sizeof want - 1);
}

static void strings_are_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t len;
        const char *want;
    } strings[] = {
        { "", 0, "\"\"" },
        { "a", 1, "\"a\"" },
        { "\0\1\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\"" },
        { "\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"" },
        { "\v\"\\/", 4, "\"\\u000b\\\"\\\\/\"" },
        { "<>&'=", 5, "\"\\u003c\\u003e\\u0026'=\"" },
        { "\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", 12,
          "\"\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\"" },
        { "\xc3\xa9\xe6\x97\xa5\xf0\x9f\x9a\x80", 9, "\"\xc3\xa9\xe6\x97\xa5\xf0\x9f\x9a\x80\"" },
        { "a\xff\x62", 3, "\"a\\ufffdb\"" },
        { "\xc3", 1, "\"\\ufffd\"" },
        { "\xc3(", 2, "\"\\ufffd(\"" },
        { "\xc0\xaf", 2, "\"\\ufffd\\ufffd\"" },
        { "\xe0\x80\xaf", 3, "\"\\ufffd\\ufffd\\ufffd\"" },
        { "\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\"" },
        { "\xf4\x90\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
        { "\xf0\x9f\x9a", 3, "\"\\ufffd\\ufffd\\ufffd\"" },
        { "\xf5\x80\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
        { "\xe6\x97", 2, "\"\\ufffd\\ufffd\"" },
        { "\x80", 1, "\"\\ufffd\"" },
    };
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        mcr_buf out = { 0 };
        mcr_json_string(&out, mcr_str_n(strings[i].in, strings[i].len));
        check(&out, strings[i].want, strlen(strings[i].want));
    }
}

// Strings are copied in blocks: a byte to escape at each place of each length, the string at the
// very end of its memory.
static void escapes_at_every_place(void **state)
{
    (void)state;
    static const struct {
        const char *byte, *escaped;
    } bytes[] = { { "\"", "\\\"" },      { "\\", "\\\\" },   { "<", "\\u003c" },
                  { "&", "\\u0026" },    { "\n", "\\n" },    { "\x1f", "\\u001f" },
                  { " ", " " },          { "!", "!" },       { "\xff", "\\ufffd" },
                  { "\x80", "\\ufffd" }, { "\x7f", "\x7f" }, { "=", "=" } };
    for (size_t len = 1; len < 70; len++) {
        char *text = malloc(len);
        for (size_t at = 0; at < len; at++) {
            for (size_t b = 0; b < sizeof bytes / sizeof *bytes; b++) {
                memset(text, 'x', len);
                text[at] = *bytes[b].byte;
                char want[100];
                size_t want_len = 0;
                want[want_len++] = '"';
                memcpy(want + want_len, text, at);
                want_len += at;
                memcpy(want + want_len, bytes[b].escaped, strlen(bytes[b].escaped));
                want_len += strlen(bytes[b].escaped);
                memset(want + want_len, 'x', len - at - 1);
                want_len += len - at - 1;
                want[want_len++] = '"';
                mcr_buf out = { 0 };
                mcr_json_string(&out, mcr_str_n(text, len));
                check(&out, want, want_len);
            }
        }
        free(text);
    }
}

static void many_escapes_grow_the_buffer(void **state)
{
    (void)state;
    enum {
        N = 100000
    };
    char *text = malloc(N);
    memset(text, '<', N);
    mcr_buf out = { 0 };
    mcr_json_string(&out, mcr_str_n(text, N));
    assert_int_equal(out.len, 6 * N + 2);
    for (size_t i = 1; i < out.len - 1; i += 6)
        assert_memory_equal(out.ptr + i, "\\u003c", 6);
    mcr_buf_fini(&out);
    free(text);
}

static void lists_as_go_writes_them(void **state)
{
    (void)state;
    static const struct {
        void (*write)(mcr_writer *, mcr_str);
        const char *in;
        const char *want;
    } lists[] = {
        { mcr_write_strings, "[]", "[]" },
        { mcr_write_strings, " [ \"a\" , \"<\\/\\u00e9\\n\" , null ] ",
          "[\"a\",\"\\u003c/\xc3\xa9\\n\",\"\"]" },
        { mcr_write_strings, "[\"a\xff\",\"\\ud800\"]", "[\"a\xef\xbf\xbd\",\"\xef\xbf\xbd\"]" },
        { mcr_write_owner_references, "[{},null]",
          "[{\"apiVersion\":\"\",\"kind\":\"\",\"name\":\"\",\"uid\":\"\"},"
          "{\"apiVersion\":\"\",\"kind\":\"\",\"name\":\"\",\"uid\":\"\"}]" },
        { mcr_write_owner_references,
          "[ { \"controller\" : true, \"new\": { \"a\" : \"<b\" }, \"uid\":\"u\", \"name\":\"n\", "
          "\"blockOwnerDeletion\":false,\"kind\":\"K\",\"apiVersion\":\"v1\" } ]",
          "[{\"apiVersion\":\"v1\",\"kind\":\"K\",\"name\":\"n\",\"uid\":\"u\",\"controller\":true,"
          "\"blockOwnerDeletion\":false,\"new\":{\"a\":\"\\u003cb\"}}]" },
        { mcr_write_owner_references, "[{\"uid\":\"1\",\"controller\":null,\"uid\":\"2\"}]",
          "[{\"apiVersion\":\"\",\"kind\":\"\",\"name\":\"\",\"uid\":\"2\"}]" },
        { mcr_write_managed_fields,
          "[{\"time\":\"0001-01-01T00:00:00Z\"},{\"time\":\"2026-11-23T05:01:40Z\"}]",
          "[{\"time\":null},{\"time\":\"2026-11-23T05:01:40Z\"}]" },
        { mcr_write_managed_fields, "[{\"time\":\"2026-11-23T05:01:40X\"}]",
          "[{\"time\":\"2026-11-23T05:01:40X\"}]" },
        { mcr_write_managed_fields, "[{\"manager\":\"\",\"operation\":\"Update\"}]",
          "[{\"operation\":\"Update\"}]" },
        { mcr_write_managed_fields, "[{},{\"manager\":\"\",\"time\":null,\"fieldsV1\":null}]",
          "[{},{}]" },
        { mcr_write_managed_fields,
          "[{\"subresource\":\"status\",\"fieldsV1\":{ \"f:a\" : { \"k:{\\\"x\\\":\\\"<}\\\"}\" : "
          "{} "
          "} },\"fieldsType\":\"FieldsV1\",\"time\":\"2026-11-23T06:01:40.5+01:00\","
          "\"apiVersion\":\"v1\",\"operation\":\"Update\",\"manager\":\"m\"}]",
          "[{\"manager\":\"m\",\"operation\":\"Update\",\"apiVersion\":\"v1\","
          "\"time\":\"2026-11-23T05:01:40Z\",\"fieldsType\":\"FieldsV1\","
          "\"fieldsV1\":{\"f:a\":{\"k:{\\\"x\\\":\\\"\\u003c}\\\"}\":{}}},"
          "\"subresource\":\"status\"}]" },
        { mcr_write_managed_fields,
          "[{\"manager\":\"m\",\"fieldsV1\":{\"f:\xe2\x80\xa8 \":{},\"f:bbbbbbbbbbbbbbbbbbbbbbbbbb"
          "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\":{}}}]",
          "[{\"manager\":\"m\",\"fieldsV1\":{\"f:\\u2028 \":{},\"f:bbbbbbbbbbbbbbbbbbbbbbbbbb"
          "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\":{}}}]" },
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        mcr_buf out = { 0 };
        mcr_writer w;
        mcr_writer_begin(&w, &out);
        lists[i].write(&w, mcr_str_of(lists[i].in));
        mcr_writer_end(&w);
        check(&out, lists[i].want, strlen(lists[i].want));
    }
}

static void empty_lists(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool empty;
    } lists[] = { { "", true },      { "null", true },   { "[]", true },   { " [ \n ]", true },
                  { "[{}]", false }, { "[ 1 ]", false }, { "[[]]", false } };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        assert_int_equal(mcr_list_is_empty(mcr_str_of(lists[i].json)), lists[i].empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_as_go_writes_them),
        cmocka_unit_test(unknown_fields_only_when_asked),
        cmocka_unit_test(a_known_field_with_an_escaped_key_is_not_unknown),
        cmocka_unit_test(written_as_it_came),
        cmocka_unit_test(times_made_in_c),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(escapes_at_every_place),
        cmocka_unit_test(many_escapes_grow_the_buffer),
        cmocka_unit_test(lists_as_go_writes_them),
        cmocka_unit_test(empty_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
