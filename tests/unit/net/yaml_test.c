// net/yaml.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/alloc.h"
#include "net/yaml.h"

static mcr_yaml *read_fine(const char *text)
{
    mcr_errbuf err;
    mcr_yaml *y = mcr_yaml_read(mcr_str_of(text), &err);
    if (!y)
        fail_msg("%s: %s", text, err.text);
    return y;
}

static void as_json(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        const char *json;
    } cases[] = {
        { "a: 1\nb: [x, 'true', true, null, ~, 1.5, -3e2, 01, 1_0, \"q\\\"\\n\"]\n",
          "{\"a\":1,\"b\":[\"x\",\"true\",true,null,null,1.5,-3e2,\"01\",\"1_0\",\"q\\\"\\u000a\"]"
          "}" },
        { "{\"json\": {\"is\": [\"yaml\", 1]}}", "{\"json\":{\"is\":[\"yaml\",1]}}" },
        { "a: &x {k: v}\nb: *x\n", "{\"a\":{\"k\":\"v\"},\"b\":{\"k\":\"v\"}}" },
        { "a: |\n  two\n  lines\n", "{\"a\":\"two\\u000alines\\u000a\"}" },
        { "---\na: 1\n---\nb: 2\n", "{\"a\":1}" },
        { "a: &x [*x]\n", NULL },
        { "? [a]\n: b\n", NULL },
        { "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
          "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
          "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
          "g: [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n",
          NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_yaml *y = read_fine(cases[i].yaml);
        mcr_buf out = { 0 };
        bool ok = mcr_yaml_json(y, mcr_yaml_root(y), &out);
        assert_int_equal(ok, cases[i].json != NULL);
        assert_string_equal(mcr_buf_cstr(&out), ok ? cases[i].json : "");
        mcr_buf_fini(&out);
        mcr_yaml_free(y);
    }
}

static void fields(void **state)
{
    (void)state;
    mcr_yaml *y = read_fine("base: &base {a: from base, b: from base}\n"
                            "more: {a: from more}\n"
                            "one:\n  <<: *base\n  b: own\n"
                            "two: {<<: [{c: first}, *base]}\n"
                            "loop: &loop {<<: [*loop, *loop], z: 1}\n"
                            "twice: 1\ntwice: 2\n"
                            "nothing: ~\nempty: ''\n");
    const mcr_yaml_node *root = mcr_yaml_root(y), *one = mcr_yaml_get(y, root, "one"),
                        *two = mcr_yaml_get(y, root, "two"), *node;
    assert_string_equal(mcr_yaml_text(mcr_yaml_get(y, one, "a"), NULL), "from base");
    assert_string_equal(mcr_yaml_text(mcr_yaml_get(y, one, "b"), NULL), "own");
    assert_string_equal(mcr_yaml_text(mcr_yaml_get(y, two, "c"), NULL), "first");
    assert_string_equal(mcr_yaml_text(mcr_yaml_get(y, two, "b"), NULL), "from base");
    assert_null(mcr_yaml_get(y, mcr_yaml_get(y, root, "loop"), "q"));
    assert_string_equal(mcr_yaml_text(mcr_yaml_get(y, root, "twice"), NULL), "2");
    assert_null(mcr_yaml_get(y, root, "nothing"));
    assert_non_null(node = mcr_yaml_get(y, root, "empty"));
    assert_int_equal(mcr_yaml_line(node), 11);
    assert_null(mcr_yaml_get(y, node, "x"));
    assert_null(mcr_yaml_get(y, NULL, "x"));
    assert_null(mcr_yaml_item(y, one, 0));
    assert_null(mcr_yaml_text(one, NULL));
    mcr_yaml_free(y);

    y = read_fine("- true\n- 'no'\n- Off\n- maybe\n- []\n");
    static const int expected[] = { 1, 0, 0, -1, -1 };
    for (size_t i = 0; i < 5; i++) {
        bool value = false;
        bool is = mcr_yaml_bool(mcr_yaml_item(y, mcr_yaml_root(y), i), &value);
        assert_int_equal(is ? value : -1, expected[i]);
    }
    assert_null(mcr_yaml_item(y, mcr_yaml_root(y), 5));
    mcr_yaml_free(y);

    y = read_fine("# nothing\n");
    assert_null(mcr_yaml_root(y));
    mcr_yaml_free(y);
}

static void what_cannot_be_read(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        const char *says;
    } cases[] = {
        { "a: [\n", "line 2: did not find expected node content while parsing a flow node" },
        { "a: *x\n", "line 1: found undefined alias" },
        { "a:\n\tb: 1\n",
          "line 2: found character that cannot start any token while scanning for the next token" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_errbuf err;
        assert_null(mcr_yaml_read(mcr_str_of(cases[i].yaml), &err));
        assert_string_equal(err.text, cases[i].says);
    }
    mcr_errbuf err;
    char *huge = mcr_zalloc(MCR_YAML_SIZE_MAX + 1);
    assert_null(mcr_yaml_read(mcr_str_n(huge, MCR_YAML_SIZE_MAX + 1), &err));
    assert_string_equal(err.text, "longer than 4194304 bytes");
    free(huge);
    char *deep = mcr_alloc(100000);
    memset(deep, '[', 100000);
    assert_null(mcr_yaml_read(mcr_str_n(deep, 100000), &err));
    assert_string_equal(err.text, "line 1: nested more than 64 deep");
    mcr_yaml *y = mcr_yaml_read(mcr_str_n(deep, 64), &err); // is only not ended
    assert_null(y);
    assert_string_equal(err.text, "line 2: did not find expected node content while parsing a flow "
                                  "node");
    free(deep);
}

static void test_pairs_in_their_order(void **state)
{
    (void)state;
    mcr_yaml *y = read_fine("b: 1\n<<: {c: 2}\na: ~\nl: [null, '', x]\n");
    const mcr_yaml_node *root = mcr_yaml_root(y), *key, *value;
    static const char *const names[] = { "b", "<<", "a", "l" };
    for (size_t i = 0; i < 4; i++) {
        assert_true(mcr_yaml_pair(y, root, i, &key, &value));
        assert_string_equal(mcr_yaml_text(key, NULL), names[i]);
        assert_int_equal(mcr_yaml_line(key), i + 1);
        assert_int_equal(value == NULL, i == 2);
    }
    assert_false(mcr_yaml_pair(y, root, 4, &key, &value));
    const mcr_yaml_node *list = value;
    assert_false(mcr_yaml_pair(y, list, 0, &key, &value));
    assert_true(mcr_yaml_is_null(mcr_yaml_item(y, list, 0)));
    assert_false(mcr_yaml_is_null(mcr_yaml_item(y, list, 1)));
    assert_false(mcr_yaml_is_null(mcr_yaml_item(y, list, 2)));
    mcr_yaml_free(y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_in_their_order),
        cmocka_unit_test(as_json),
        cmocka_unit_test(fields),
        cmocka_unit_test(what_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
