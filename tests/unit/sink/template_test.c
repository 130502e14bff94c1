// sink/template.h, and with it sink/field.h and sink/template_filter.h. The language is that of
// lua/mooncrier/template.lua, whose spec has the same cases.

#include "sample.h"

#include <string.h>

#include "event/decode.h"
#include "sink/template.h"

static mcr_event *decode(const char *json)
{
    mcr_event *ev = NULL;
    mcr_decode_error error = { 0 };
    mcr_decoder *decoder = mcr_decoder_new();
    if (mcr_decode(decoder, mcr_str_of(json), 0, &ev, &error) != MCR_DECODED_EVENT)
        fail_msg("%s: %s", json, error.text);
    mcr_decoder_free(decoder);
    return ev;
}

static const char core[] =
    "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web.1\",\"namespace\":"
    "\"prod\","
    "\"labels\":{\"app\":\"web\",\"a.b/c\":\"x\"},\"ownerReferences\":[{\"name\":\"o1\"},{\"name\":"
    "\"o2\"}]},\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"web-1\",\"custom\":[1,true]},"
    "\"reason\":"
    "\"BackOff\",\"message\":\" say \\\"hi\\\"\\n  caf\\u00e9 \",\"count\":7,\"type\":\"Warning\","
    "\"lastTimestamp\":\"2023-11-14T22:13:20Z\",\"extra\":{\"deep\":\"found\",\"none\":null},"
    "\"source\":{\"host\":\"n1\"}}";

static const char events_v1[] =
    "{\"kind\":\"Event\",\"apiVersion\":\"events.k8s.io/"
    "v1\",\"metadata\":{\"name\":\"e\",\"namespace\":"
    "\"ns\"},\"eventTime\":\"2023-11-14T22:13:20.500000Z\",\"regarding\":{\"kind\":\"Node\","
    "\"name\":"
    "\"n\"},\"note\":\"noted\",\"reason\":\"R\",\"type\":\"Normal\",\"extra\":1,"
    "\"series\":{\"count\":3,\"lastObservedTime\":\"2023-11-14T22:13:21.250000Z\"}}";

typedef struct case_of {
    const char *text;
    const char *expected;
} case_of;

static void assert_cases(const case_of *cases, size_t n, mcr_template_place place,
                         const mcr_event *ev)
{
    for (size_t i = 0; i < n; i++) {
        mcr_errbuf err;
        mcr_template *t = mcr_template_new(cases[i].text, place, &err);
        if (!t)
            fail_msg("%s: %s", cases[i].text, err.text);
        mcr_buf out = { 0 };
        mcr_buf_puts(&out, ">");
        mcr_template_write(t, ev, &out);
        if (strcmp(mcr_buf_cstr(&out) + 1, cases[i].expected) != 0)
            fail_msg("%s\n  gives %s\n  not   %s", cases[i].text, out.ptr + 1, cases[i].expected);
        mcr_buf_fini(&out);
        mcr_template_free(t);
    }
}

static void fields(void **state)
{
    (void)state;
    static const case_of cases[] = {
        { "", "" },
        { "plain } text", "plain } text" },
        { "{{reason}}/{{ type }}", "BackOff/Warning" },
        { "{{involvedObject.name}}", "web-1" },
        { "{{metadata.labels.app}} {{metadata.labels[\"a.b/c\"]}} {{metadata.labels.none}}",
          "web x " },
        { "{{metadata.ownerReferences[2].name}}{{metadata.ownerReferences[3].name}}", "o2" },
        { "{{metadata.labels}}", "{\"app\":\"web\",\"a.b/c\":\"x\"}" },
        { "{{involvedObject.custom}} {{involvedObject.custom[1]}}", "[1,true] 1" },
        { "{{extra.deep}} {{extra.none}} {{extra[\"deep\"]}} {{extra.deep.er}}", "found  found " },
        { "{{count}} {{occurrences}} {{time}} {{delta}} {{change}}", "7 7 1700000000 0 " },
        { "{{lastTimestamp}} {{firstTimestamp}}", "2023-11-14T22:13:20Z " },
        { "{{source.host}}{{source.component}} {{reportingController}}", "n1 " },
        { "{{kind}} {{apiVersion}}", "Event v1" },
        { "{{\"{{\"}}{{'}}'}}", "{{}}" },
    };
    mcr_event *ev = decode(core);
    assert_cases(cases, sizeof cases / sizeof *cases, MCR_TEMPLATE_TEXT, ev);
    mcr_event_unref(ev);
    static const case_of other_api[] = {
        { "{{involvedObject.kind}} {{involvedObject.name}}: {{message}}", "Node n: noted" },
        { "{{regarding.name}} {{note}} {{extra}}", "n noted 1" },
        { "{{eventTime}} {{series.count}} {{occurrences}} {{time}}",
          "2023-11-14T22:13:20.500000Z 3 3 1700000001.25" },
        { "{{involvedObject}}", "{\"kind\":\"Node\",\"name\":\"n\"}" },
    };
    ev = decode(events_v1);
    assert_cases(other_api, sizeof other_api / sizeof *other_api, MCR_TEMPLATE_TEXT, ev);
    mcr_event_unref(ev);
    // Made in C: there are no bytes that say anything.
    static const case_of made[] = {
        { "{{lastTimestamp}} {{eventTime}}", "2023-11-14T22:08:08Z " },
        { "{{involvedObject.uid}} {{metadata.labels}}", "8d0b6f0e " },
    };
    mcr_event sample = sample_fields();
    ev = mcr_event_new(&sample);
    assert_cases(made, sizeof made / sizeof *made, MCR_TEMPLATE_TEXT, ev);
    mcr_event_unref(ev);
}

static void filters(void **state)
{
    (void)state;
    static const case_of cases[] = {
        { "{{reason | upper}} {{reason|lower}}", "BACKOFF backoff" },
        { "<{{message | trim}}>", "<say \"hi\"\n  café>" },
        { "<{{message | oneline | trim}}>", "<say \"hi\" café>" },
        { "{{message | oneline | trim | truncate 12}}", "say \"hi\" ca…" },
        { "{{message | oneline | trim | truncate 13}}", "say \"hi\" café" },
        { "{{reason | truncate 1}}", "…" },
        { "<{{count | pad 3}}>{{reason | pad 2}}", "<7  >BackOff" },
        { "{{action | default \"none\"}} {{nothing | default 'it\\'s'}}", "none it's" },
        { "{{lastTimestamp | date \"%d.%m. %H:%M\"}} {{time | date '%Y'}}", "14.11. 22:13 2023" },
        { "<{{firstTimestamp | date '%Y'}}>{{reason | date '%Y'}}", "<>BackOff" },
        { "{{reason | json}} {{count | json}} {{extra.none | json}} {{extra | json}}",
          "\"BackOff\" 7 null {\"deep\":\"found\",\"none\":null}" },
        { "{{\"x\" | pad 3}}.", "x  ." },
    };
    mcr_event *ev = decode(core);
    assert_cases(cases, sizeof cases / sizeof *cases, MCR_TEMPLATE_TEXT, ev);
    mcr_event_unref(ev);
}

static void in_json_and_urls(void **state)
{
    (void)state;
    static const case_of json[] = {
        { "{\"t\": \"{{message}}!\"}", "{\"t\": \" say \\\"hi\\\"\\n  café !\"}" },
        { "{\"t\": {{message}}, \"n\": {{count}}, \"o\": {{extra}}, \"a\": {{nothing}}}",
          "{\"t\": \" say \\\"hi\\\"\\n  café \", \"n\": 7, \"o\": "
          "{\"deep\":\"found\",\"none\":null}, \"a\": null}" },
        { "{\"quote \\\" in it\": {{reason}}}", "{\"quote \\\" in it\": \"BackOff\"}" },
        { "{\"t\": \"{{count}} {{nothing}}{{extra}}\"}",
          "{\"t\": \"7 {\\\"deep\\\":\\\"found\\\",\\\"none\\\":null}\"}" },
        { "{\"t\": \"{{reason | json}}\", \"u\": {{reason | json}}}",
          "{\"t\": \"\\\"BackOff\\\"\", \"u\": \"BackOff\"}" },
        { "{{\"{{\"}}{{'\"k\":'}}{{reason}}", "{{\"k\":\"BackOff\"" },
    };
    static const case_of urls[] = {
        { "https://h/{{involvedObject.kind}}/{{message | trim}}?n={{count}}",
          "https://h/Pod/say%20%22hi%22%0A%20%20caf%C3%A9?n=7" },
        { "{{metadata.labels[\"a.b/c\"]}}{{'/'}}{{metadata.name}}", "x/web.1" },
    };
    mcr_event *ev = decode(core);
    assert_cases(json, sizeof json / sizeof *json, MCR_TEMPLATE_JSON, ev);
    assert_cases(urls, sizeof urls / sizeof *urls, MCR_TEMPLATE_URL, ev);
    mcr_event_unref(ev);
}

static void mistakes(void **state)
{
    (void)state;
    static const case_of cases[] = {
        { "{{reson}}", "1:3: no field 'reson' in an event; did you mean 'reason'?" },
        { "a\n  {{metadata.nmae}}", "2:5: no field 'nmae' in metadata; did you mean 'name'?" },
        { "x {{reason", "1:3: '{{' without '}}'" },
        { "{{reason x}}", "1:10: '|' or '}}' is expected here" },
        { "{{}}", "1:3: a field name or a string is expected here" },
        { "{{a.}}", "1:5: a field name is expected behind '.'" },
        { "{{a[x]}}", "1:5: a quoted key or a position from 1 on is expected behind '['" },
        { "{{a[0]}}", "1:5: a quoted key or a position from 1 on is expected behind '['" },
        { "{{a[1}}", "1:6: ']' is expected here" },
        { "{{a[\"x}}", "1:5: string without its closing \"" },
        { "{{reason | }}", "1:12: the name of a filter is expected behind '|'" },
        { "{{reason | uper}}",
          "1:12: unknown filter 'uper'; did you mean 'upper'? (known: date, default, json, lower, "
          "oneline, pad, trim, truncate, upper)" },
        { "{{reason | upper 3}}", "1:12: filter upper takes no argument" },
        { "{{reason | truncate}}", "1:12: filter truncate takes a number of characters" },
        { "{{reason | truncate 'x'}}", "1:12: filter truncate takes a number of characters" },
        { "{{reason | default 3}}", "1:12: filter default takes a string" },
        { "{{reason | date}}", "1:12: filter date takes a strftime format" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_errbuf err = { "" };
        assert_null(mcr_template_new(cases[i].text, MCR_TEMPLATE_TEXT, &err));
        assert_string_equal(err.text, cases[i].expected);
    }
    mcr_template *fixed = mcr_template_new("a{{'b'}}", MCR_TEMPLATE_TEXT, NULL);
    assert_true(mcr_template_is_fixed(fixed));
    mcr_template_free(fixed);
    mcr_template *moving = mcr_template_new("{{type}}", MCR_TEMPLATE_TEXT, NULL);
    assert_false(mcr_template_is_fixed(moving));
    mcr_template_free(moving);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(filters),
        cmocka_unit_test(in_json_and_urls),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
