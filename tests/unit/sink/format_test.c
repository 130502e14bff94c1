#include "sample.h"

#include <time.h>

#include "sink/format.h"

static mcr_formatter *formatter(const char *spec)
{
    mcr_errbuf err;
    mcr_formatter *f = mcr_formatter_new(spec, &err);
    if (!f)
        fail_msg("%s", err.text);
    return f;
}

static void says_what_is_wrong_with_a_format(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        const char *error;
    } cases[] = {
        { "jsn", "unknown format 'jsn'; did you mean 'json'?" },
        { "structurd", "unknown format 'structurd'; did you mean 'structured'?" },
        { "yaml!", "unknown format 'yaml!'; there are json, structured, plain, json-log, table, "
                   "wide and custom-columns=TITLE:path,…" },
        { "", "unknown format ''; there are json, structured, plain, json-log, table, wide and "
              "custom-columns=TITLE:path,…" },
        { "custom-columns",
          "custom-columns needs columns, such as custom-columns=NAME:.metadata.name" },
        { "custom-columns=",
          "custom-columns needs columns, such as custom-columns=NAME:.metadata.name" },
        { "custom-columns=NAME", "custom-columns: expected TITLE:path such as "
                                 "NAME:.metadata.name, found 'NAME'" },
        { "custom-columns=A:.a,", "custom-columns: expected TITLE:path such as "
                                  "NAME:.metadata.name, found ''" },
        { "custom-columns=:.a", "custom-columns: expected TITLE:path such as "
                                "NAME:.metadata.name, found ':.a'" },
        { "custom-columns=A:", "custom-columns: column 'A': path '': it is empty" },
        { "custom-columns=A:.", "custom-columns: column 'A': path '.': a field name is missing" },
        { "custom-columns=A:{}", "custom-columns: column 'A': path '{}': it is empty" },
        { "custom-columns=A:.a..b", "custom-columns: column 'A': path '.a..b': '..' is not "
                                    "supported, name every field on the way" },
        { "custom-columns=A:.a[", "custom-columns: column 'A': path '.a[': expected a number, '*' "
                                  "or a quoted name in brackets (filters and slices are not "
                                  "supported)" },
        { "custom-columns=A:.a[?(@.b)]", "custom-columns: column 'A': path '.a[?(@.b)]': expected "
                                         "a number, '*' or a quoted name in brackets (filters and "
                                         "slices are not supported)" },
        { "custom-columns=A:.a[0:2]", "custom-columns: column 'A': path '.a[0:2]': expected ']'" },
        { "custom-columns=A:.a['b]", "custom-columns: column 'A': path '.a['b]': a quote is not "
                                     "closed" },
        { "custom-columns=A:.a[0]b", "custom-columns: column 'A': path '.a[0]b': expected '.' or "
                                     "'['" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mcr_errbuf err = { "" };
        assert_null(mcr_formatter_new(cases[i].spec, &err));
        assert_string_equal(err.text, cases[i].error);
    }
}

static void writes_lines(void **state)
{
    (void)state;
    setenv("TZ", "UTC0", 1);
    char header[64];
    snprintf(header, sizeof header, "I1114 22:13:20.123456 %7d mooncrier:1] ", (int)getpid());
    static const struct {
        const char *spec;
        bool has_header;
        const char *line;
    } cases[] = {
        { "json", false, "{\"any\":\"thing\"}\n" },
        { "structured", true,
          "\"Event occurred\" object=\"default/web-1\" fieldPath=\"\" kind=\"Pod\" "
          "apiVersion=\"v1\""
          " type=\"Normal\" reason=\"Started\" message=\"Started container web\"\n" },
        { "plain", true,
          "Event(v1.ObjectReference{Kind:\"Pod\", Namespace:\"default\", Name:\"web-1\", "
          "UID:\"8d0b6f0e\", APIVersion:\"v1\", ResourceVersion:\"\", FieldPath:\"\"}): type: "
          "'Normal' reason: 'Started' Started container web\n" },
        { "json-log", false,
          "{\"ts\":1700000000123.4568,\"caller\":\"mooncrier:1\",\"msg\":\"Event "
          "occurred\",\"v\":0,"
          "\"object\":{\"name\":\"web-1\",\"namespace\":\"default\"},\"fieldPath\":\"\",\"kind\":"
          "\"Pod\",\"apiVersion\":\"v1\",\"type\":\"Normal\",\"reason\":\"Started\",\"message\":"
          "\"Started container web\"}\n" },
    };
    mcr_event *ev = raw_event("{\"any\":\"thing\"}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mcr_formatter *f = formatter(cases[i].spec);
        mcr_buf out = { 0 }, expected = { 0 };
        mcr_formatter_add(f, &out, ev, SAMPLE_NOW);
        mcr_buf_printf(&expected, "%s%s", cases[i].has_header ? header : "", cases[i].line);
        assert_text(&out, mcr_buf_cstr(&expected));
        mcr_formatter_flush(f, &out);
        assert_int_equal(out.len, expected.len);
        mcr_buf_fini(&out);
        mcr_buf_fini(&expected);
        mcr_formatter_free(f);
    }
    mcr_event_unref(ev);
    unsetenv("TZ");
}

static void leaves_out_an_empty_namespace(void **state)
{
    (void)state;
    mcr_event ev = sample_fields();
    ev.involvedObject.namespace = MCR_STR("");
    mcr_formatter *f = formatter("json-log");
    mcr_buf out = { 0 };
    mcr_formatter_add(f, &out, &ev, 1700000000 * SECOND);
    assert_text(&out,
                "{\"ts\":1700000000000,\"caller\":\"mooncrier:1\",\"msg\":\"Event occurred\","
                "\"v\":0,\"object\":{\"name\":\"web-1\"},\"fieldPath\":\"\",\"kind\":\"Pod\","
                "\"apiVersion\":\"v1\",\"type\":\"Normal\",\"reason\":\"Started\",\"message\":"
                "\"Started container web\"}\n");
    mcr_buf_fini(&out);
    mcr_formatter_free(f);
}

static void writes_kubectls_columns(void **state)
{
    (void)state;
    mcr_event events[4];
    for (size_t i = 0; i < 4; i++)
        events[i] = sample_fields();
    events[0].involvedObject.fieldPath = MCR_STR("spec.containers{web}");
    // The new API's: no counts, no core times, the reporter in place of the source.
    events[1].firstTimestamp = events[1].lastTimestamp = (mcr_time){ 0 };
    events[1].eventTime = mcr_time_of(SAMPLE_NOW - 45 * SECOND);
    events[1].count = 0;
    events[1].source = (mcr_event_source){ 0 };
    events[1].message = MCR_STR("\n first line \nsecond");
    // A series; an object without a name.
    events[2].series.set = 1;
    events[2].series.count = 17;
    events[2].series.lastObservedTime = mcr_time_of(SAMPLE_NOW + SECOND / 2);
    events[2].involvedObject.name = MCR_STR("");
    events[2].involvedObject.kind = MCR_STR("ReplicaSet");
    // No time and no host at all.
    events[3].firstTimestamp = events[3].lastTimestamp = (mcr_time){ 0 };
    events[3].source.host = events[3].reportingInstance = MCR_STR("");
    static const struct {
        const char *spec;
        const char *text;
    } cases[] = {
        { "table", "LAST SEEN   TYPE     REASON    OBJECT       MESSAGE\n"
                   "5m12s       Normal   Started   pod/web-1    Started container web\n"
                   "45s         Normal   Started   pod/web-1    first line ...\n"
                   "0s          Normal   Started   replicaset   Started container web\n"
                   "<unknown>   Normal   Started   pod/web-1    Started container web\n" },
        { "wide",
          "LAST SEEN   TYPE     REASON    OBJECT       SUBOBJECT              SOURCE            "
          "MESSAGE                 FIRST SEEN   COUNT   NAME\n"
          "5m12s       Normal   Started   pod/web-1    spec.containers{web}   kubelet, node-1   "
          "Started container web   60m          3       web-1.17979cfe3d85cd15\n"
          "45s         Normal   Started   pod/web-1                           kubelet, node-1   "
          "first line ...          45s          1       web-1.17979cfe3d85cd15\n"
          "0s          Normal   Started   replicaset                          kubelet, node-1   "
          "Started container web   60m          17      web-1.17979cfe3d85cd15\n"
          "<unknown>   Normal   Started   pod/web-1                           kubelet           "
          "Started container web   <unknown>    3       web-1.17979cfe3d85cd15\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mcr_formatter *f = formatter(cases[i].spec);
        mcr_buf out = { 0 };
        for (size_t e = 0; e < 4; e++)
            mcr_formatter_add(f, &out, &events[e], SAMPLE_NOW);
        assert_int_equal(out.len, 0);
        mcr_formatter_flush(f, &out);
        assert_text(&out, cases[i].text);
        mcr_buf_fini(&out);
        mcr_formatter_free(f);
    }
}

// kubectl cuts ages toward zero, half a second or not.
static void counts_ages_in_whole_seconds(void **state)
{
    (void)state;
    static const struct {
        int64_t seen; // ns before now
        const char *age;
    } cases[] = {
        { SECOND, "1s" },
        { SECOND - 1, "0s" },
        { 2 * SECOND - 1, "1s" },
        { -SECOND, "0s" },
        { -2 * SECOND + 1, "0s" },
        { -2 * SECOND, "<invalid>" },
        { 120 * SECOND - 1, "119s" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mcr_event ev = sample_fields();
        ev.lastTimestamp = mcr_time_of(SAMPLE_NOW - cases[i].seen);
        mcr_formatter *f = formatter("table");
        mcr_buf out = { 0 };
        mcr_formatter_add(f, &out, &ev, SAMPLE_NOW);
        mcr_formatter_flush(f, &out);
        const char *row = strchr(mcr_buf_cstr(&out), '\n') + 1;
        char age[16];
        assert_int_equal(sscanf(row, "%15s", age), 1);
        assert_string_equal(age, cases[i].age);
        mcr_buf_fini(&out);
        mcr_formatter_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_wrong_with_a_format),
        cmocka_unit_test(writes_lines),
        cmocka_unit_test(leaves_out_an_empty_namespace),
        cmocka_unit_test(writes_kubectls_columns),
        cmocka_unit_test(counts_ages_in_whole_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
