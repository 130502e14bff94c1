// Objects as kubectl prints them. What is written as YAML is read back as what it was: strings as
// strings, whatever they look like.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/object_text.h"
#include "event/encode.h"
#include "net/yaml.h"

static void assert_text(mcr_buf *found, const char *wanted)
{
    assert_string_equal(mcr_buf_cstr(found), wanted);
    mcr_buf_fini(found);
}

static void test_keys_are_in_order_and_managed_fields_left_out(void **state)
{
    (void)state;
    static const char json[] =
        "{\"kind\":\"Event\",\"metadata\":{\"name\":\"a\",\"managedFields\":[{\"manager\":\"m\"}],"
        "\"labels\":{\"b\":\"1\",\"B\":\"<\"}},\"count\":3,\"list\":[{\"z\":1.5,\"a\":[]},{},null,"
        "true,-7]}";
    mcr_buf out = { 0 };
    cJSON *object = mcr_object_read(mcr_str_of(json), false);
    mcr_object_json(&out, object);
    assert_text(&out, "{\n"
                      "    \"count\": 3,\n"
                      "    \"kind\": \"Event\",\n"
                      "    \"list\": [\n"
                      "        {\n"
                      "            \"a\": [],\n"
                      "            \"z\": 1.5\n"
                      "        },\n"
                      "        {},\n"
                      "        null,\n"
                      "        true,\n"
                      "        -7\n"
                      "    ],\n"
                      "    \"metadata\": {\n"
                      "        \"labels\": {\n"
                      "            \"B\": \"\\u003c\",\n"
                      "            \"b\": \"1\"\n"
                      "        },\n"
                      "        \"name\": \"a\"\n"
                      "    }\n"
                      "}\n");
    mcr_object_yaml(&out, object);
    assert_text(&out, "count: 3\n"
                      "kind: Event\n"
                      "list:\n"
                      "- a: []\n"
                      "  z: 1.5\n"
                      "- {}\n"
                      "- null\n"
                      "- true\n"
                      "- -7\n"
                      "metadata:\n"
                      "  labels:\n"
                      "    B: <\n"
                      "    b: \"1\"\n"
                      "  name: a\n");
    cJSON_Delete(object);
    object = mcr_object_read(mcr_str_of(json), true);
    mcr_object_yaml(&out, object);
    assert_non_null(strstr(mcr_buf_cstr(&out), "  managedFields:\n  - manager: m\n"));
    cJSON_Delete(object);
    mcr_buf_fini(&out);
    assert_null(mcr_object_read(MCR_STR("{\"a\":"), false));
}

// A string, and how Go's yaml writes it behind "a: ".
static const struct {
    const char *json;
    const char *yaml;
} strings[] = {
    { "plain words", "plain words" },
    { "", "\"\"" },
    { "~", "\"~\"" },
    { "null", "\"null\"" },
    { "Null", "\"Null\"" },
    { "nUll", "nUll" },
    { "yes", "\"yes\"" },
    { "NO", "\"NO\"" },
    { "On", "\"On\"" },
    { "y", "\"y\"" },
    { "true", "\"true\"" },
    { "True!", "True!" },
    { ".inf", "\".inf\"" },
    { "-.Inf", "\"-.Inf\"" },
    { "12", "\"12\"" },
    { "-1.5e3", "\"-1.5e3\"" },
    { "1e3", "\"1e3\"" },
    { "1.", "\"1.\"" },
    { ".5", "\".5\"" },
    { "+7", "\"+7\"" },
    { "0x1F", "\"0x1F\"" },
    { "0b10", "\"0b10\"" },
    { "0x", "0x" },
    { "1_000", "\"1_000\"" },
    { "1:30", "\"1:30\"" },
    { "1.2.3", "1.2.3" },
    { "e3", "e3" },
    { "12 apples", "12 apples" },
    { "2026-11-23", "\"2026-11-23\"" },
    { "2026-11-23T05:01:00Z", "\"2026-11-23T05:01:00Z\"" },
    { "2026-11", "2026-11" },
    { "a: b", "'a: b'" },
    { "a:b", "a:b" },
    { "# a", "'# a'" },
    { "a #b", "'a #b'" },
    { "- a", "'- a'" },
    { "-", "'-'" },
    { "{a", "'{a'" },
    { "*a", "'*a'" },
    { "'a", "'''a'" },
    { " a", "' a'" },
    { "a ", "'a '" },
    { "\\u0000", "\"\\0\"" },
    { "\\u0009", "\"\\t\"" },
    { "a\\nb\\n", "|\n  a\n  b" },
    { "a\\nb", "|-\n  a\n  b" },
    { "gr\u00fcn", "gr\u00fcn" },
};

static void test_strings_stay_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        mcr_buf json = { 0 }, wanted = { 0 }, out = { 0 }, again = { 0 };
        mcr_buf_printf(&json, "{\"a\":\"%s\"}", strings[i].json);
        mcr_buf_printf(&wanted, "a: %s\n", strings[i].yaml);
        cJSON *object = mcr_object_read(mcr_buf_str(&json), false);
        assert_non_null(object);
        mcr_object_yaml(&out, object);
        assert_string_equal(mcr_buf_cstr(&out), mcr_buf_cstr(&wanted));
        mcr_errbuf err;
        mcr_yaml *y = mcr_yaml_read(mcr_buf_str(&out), &err);
        assert_non_null(y);
        assert_true(mcr_yaml_json(y, mcr_yaml_root(y), &again));
        cJSON *read = mcr_object_read(mcr_buf_str(&again), false);
        assert_true(cJSON_Compare(object, read, true));
        mcr_yaml_free(y);
        cJSON_Delete(object);
        cJSON_Delete(read);
        mcr_buf_fini(&json);
        mcr_buf_fini(&wanted);
        mcr_buf_fini(&out);
        mcr_buf_fini(&again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_in_order_and_managed_fields_left_out),
        cmocka_unit_test(test_strings_stay_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
