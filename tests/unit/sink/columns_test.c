#include "sample.h"

#include "sink/columns.h"

static const char raw[] =
    "{\"metadata\":{\"name\":\"e-1\",\"labels\":{\"app.kubernetes.io/name\":\"web\",\"a,b\":\"c\"},"
    "\"finalizers\":[\"x\",\"y\",\"z\"]},\"count\":3,\"ratio\":0.25,\"big\":1e30,\"yes\":true,"
    "\"no\":false,\"eventTime\":null,\"empty\":{},\"none\":[],\"list\":[{\"n\":1},{\"n\":2},{}],"
    "\"nested\":{\"b\":[1,[2]],\"a\":{\"k\":\"v\"}},\"twice\":1,\"twice\":2,\"text\":"
    "\"a\\tb\\u001b\","
    "\"blank\":\"\"}";

static void finds_values_as_kubectl_does(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *cell;
    } cases[] = {
        { ".metadata.name", "e-1" },
        { "metadata.name", "e-1" },
        { "{.metadata.name}", "e-1" },
        { "{metadata.name}", "e-1" },
        { "$.metadata.name", "e-1" },
        { ".metadata['name']", "e-1" },
        { "['metadata'].name", "e-1" },
        { ".['metadata'][\"name\"]", "e-1" },
        { ".metadata.labels.app\\.kubernetes\\.io/name", "web" },
        { ".metadata.labels['app.kubernetes.io/name']", "web" },
        { ".metadata.labels['a,b']", "c" },
        { ".metadata.finalizers[0]", "x" },
        { ".metadata.finalizers[-1]", "z" },
        { ".metadata.finalizers[3]", "<none>" },
        { ".metadata.finalizers[-4]", "<none>" },
        { ".metadata.finalizers[*]", "x,y,z" },
        { ".metadata.finalizers", "[x y z]" },
        { ".metadata.labels.*", "web,c" },
        { ".list[*].n", "1,2" },
        { ".list[*]", "map[n:1],map[n:2],map[]" },
        { ".count", "3" },
        { ".ratio", "0.25" },
        { ".big", "1e+30" },
        { ".yes", "true" },
        { ".no", "false" },
        { ".eventTime", "<nil>" },
        { ".empty", "map[]" },
        { ".none", "[]" },
        { ".none[*]", "<none>" },
        { ".nested", "map[a:map[k:v] b:[1 [2]]]" },
        { ".twice", "2" },
        { ".blank", "" },
        { ".absent", "<none>" },
        { ".absent.deeper[0]", "<none>" },
        { ".count.deeper", "<none>" },
        { ".metadata[0]", "<none>" },
        { ".Count", "<none>" },
        { ".text", "a\\tb\\x1b" },
    };
    mcr_event *ev = raw_event(raw);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char spec[256];
        snprintf(spec, sizeof spec, "C:%s", cases[i].path);
        mcr_errbuf err;
        mcr_columns *c = mcr_columns_new(spec, true, &err);
        if (!c)
            fail_msg("%s", err.text);
        mcr_buf out = { 0 }, expected = { 0 };
        mcr_columns_row(c, &out, ev);
        mcr_columns_flush(c, &out);
        mcr_buf_printf(&expected, "C\n%s\n", cases[i].cell);
        assert_text(&out, mcr_buf_cstr(&expected));
        mcr_buf_fini(&out);
        mcr_buf_fini(&expected);
        mcr_columns_free(c);
    }
    mcr_event_unref(ev);
}

static void puts_several_columns_side_by_side(void **state)
{
    (void)state;
    mcr_errbuf err;
    mcr_columns *c =
        mcr_columns_new("NAME:.metadata.name,LABEL:.metadata.labels['a,b'],N:.count", true, &err);
    assert_non_null(c);
    mcr_event *ev = raw_event(raw), *bare = raw_event("{}");
    mcr_buf out = { 0 };
    mcr_columns_row(c, &out, ev);
    mcr_columns_row(c, &out, bare);
    assert_int_equal(out.len, 0);
    mcr_columns_flush(c, &out);
    assert_text(&out, "NAME     LABEL    N\n"
                      "e-1      c        3\n"
                      "<none>   <none>   <none>\n");
    mcr_buf_fini(&out);
    mcr_event_unref(ev);
    mcr_event_unref(bare);
    mcr_columns_free(c);
}

// A thousand arrays inside each other are more than cJSON reads; fewer must not cost stack.
static void survives_deep_nesting(void **state)
{
    (void)state;
    static const struct {
        int depth;
        bool readable;
    } cases[] = { { 900, true }, { 5000, false } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mcr_buf json = { 0 }, cell = { 0 }, out = { 0 };
        mcr_buf_puts(&json, "{\"a\":");
        for (int d = 0; d < cases[i].depth; d++) {
            mcr_buf_putc(&json, '[');
            mcr_buf_putc(&cell, '[');
        }
        for (int d = 0; d < cases[i].depth; d++) {
            mcr_buf_putc(&json, ']');
            mcr_buf_putc(&cell, ']');
        }
        mcr_buf_puts(&json, "}");
        mcr_event *ev = raw_event(mcr_buf_cstr(&json));
        mcr_errbuf err;
        mcr_columns *c = mcr_columns_new("A:.a", true, &err);
        mcr_columns_row(c, &out, ev);
        mcr_columns_flush(c, &out);
        mcr_buf_putc(&cell, '\n');
        assert_string_equal(mcr_buf_cstr(&out) + strlen("A\n"),
                            cases[i].readable ? mcr_buf_cstr(&cell) : "<nested too deeply>\n");
        mcr_event_unref(ev);
        mcr_columns_free(c);
        mcr_buf_fini(&json);
        mcr_buf_fini(&cell);
        mcr_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_values_as_kubectl_does),
        cmocka_unit_test(puts_several_columns_side_by_side),
        cmocka_unit_test(survives_deep_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
