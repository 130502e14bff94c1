#include "sample.h"

#include <time.h>

#include "sink/format.h"
#include "sink/klog.h"

static void writes_the_structured_line(void **state)
{
    (void)state;
    static const struct {
        mcr_str namespace, name, reason, message;
        const char *line;
    } cases[] = {
        { MCR_STR("default"), MCR_STR("web-1"), MCR_STR("Started"), MCR_STR("it runs"),
          "\"Event occurred\" object=\"default/web-1\" fieldPath=\"\" kind=\"Pod\" "
          "apiVersion=\"v1\""
          " type=\"Normal\" reason=\"Started\" message=\"it runs\"\n" },
        { MCR_STR(""), MCR_STR("node-1"), MCR_STR("Back \"Off\""), MCR_STR(""),
          "\"Event occurred\" object=\"node-1\" fieldPath=\"\" kind=\"Pod\" apiVersion=\"v1\""
          " type=\"Normal\" reason=\"Back \\\"Off\\\"\" message=\"\"\n" },
        { MCR_STR("ns"), MCR_STR(""), MCR_STR("R\nx"), MCR_STR("ends\n"),
          "\"Event occurred\" object=\"ns/\" fieldPath=\"\" kind=\"Pod\" apiVersion=\"v1\""
          " type=\"Normal\" reason=<\n\tR\n\tx\n > message=<\n\tends\n >\n" },
        { MCR_STR("ns"), MCR_STR("a \"q\"\n"), MCR_STR("R"), MCR_STR("\n\n"),
          "\"Event occurred\" object=\"ns/a \"q\"\n\" fieldPath=\"\" kind=\"Pod\" apiVersion=\"v1\""
          " type=\"Normal\" reason=\"R\" message=<\n\t\n\t\n >\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mcr_event ev = sample_fields();
        ev.involvedObject.namespace = cases[i].namespace;
        ev.involvedObject.name = cases[i].name;
        ev.reason = cases[i].reason;
        ev.message = cases[i].message;
        mcr_buf out = { 0 };
        mcr_klog_structured(&out, &ev);
        assert_text(&out, cases[i].line);
        mcr_buf_fini(&out);
    }
}

static void writes_the_plain_text(void **state)
{
    (void)state;
    mcr_event ev = sample_fields();
    ev.involvedObject.name = MCR_STR("we\"b");
    ev.message = MCR_STR("two\n'lines'");
    mcr_buf out = { 0 };
    mcr_klog_plain(&out, &ev);
    assert_text(&out, "Event(v1.ObjectReference{Kind:\"Pod\", Namespace:\"default\", "
                      "Name:\"we\\\"b\", UID:\"8d0b6f0e\", APIVersion:\"v1\", "
                      "ResourceVersion:\"\", FieldPath:\"\"}): type: 'Normal' reason: 'Started' "
                      "two\n'lines'");
    mcr_buf_fini(&out);
}

static void writes_headers_second_by_second(void **state)
{
    (void)state;
    setenv("TZ", "IST-5:30", 1);
    tzset();
    static const struct {
        int64_t now;
        const char *time;
    } cases[] = {
        { SAMPLE_NOW, "I1115 03:43:20.123456" },
        { SAMPLE_NOW + 1000, "E1115 03:43:20.123457" },
        { 1700000000 * SECOND, "I1115 03:43:20.000000" },
        { 1700000000 * SECOND - 1, "I1115 03:43:19.999999" },
        { 0, "I0101 05:30:00.000000" },
        { -1, "I0101 05:29:59.999999" },
    };
    mcr_klog_header header = { 0 };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mcr_buf out = { 0 }, expected = { 0 };
        mcr_klog_header_write(&out, &header, *cases[i].time, cases[i].now);
        mcr_buf_printf(&expected, "%s %7d mooncrier:1] ", cases[i].time, (int)getpid());
        assert_text(&out, mcr_buf_cstr(&expected));
        mcr_buf_fini(&out);
        mcr_buf_fini(&expected);
    }
    unsetenv("TZ");
    tzset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_structured_line),
        cmocka_unit_test(writes_the_plain_text),
        cmocka_unit_test(writes_headers_second_by_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
