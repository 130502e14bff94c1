// api/api_patch.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/api_patch.h"
#include "api/api_tree.h"

static cJSON *read_tree(const char *text)
{
    mcr_buf why = { 0 };
    cJSON *tree = mcr_api_tree_read(mcr_str_of(text), &why);
    if (!tree)
        fail_msg("%s: %s", text, mcr_buf_cstr(&why));
    mcr_buf_fini(&why);
    return tree;
}

typedef struct patch_case {
    const char *before;
    const char *patch;
    const char *after; // NULL: it is refused
} patch_case;

static void run(const patch_case *c, mcr_api_patch_kind kind)
{
    cJSON *tree = read_tree(c->before), *patch = read_tree(c->patch);
    mcr_errbuf err = { .text = "" };
    bool good = kind == MCR_API_PATCH_JSON
                    ? mcr_api_json_patch(&tree, patch, &err)
                    : mcr_api_merge(&tree, patch, kind == MCR_API_PATCH_STRATEGIC, &err);
    mcr_buf out = { 0 };
    if (good)
        mcr_api_tree_write(&out, tree);
    else
        assert_true(err.text[0] != '\0');
    if (good != (c->after != NULL))
        fail_msg("%s + %s: %s", c->before, c->patch, good ? mcr_buf_cstr(&out) : err.text);
    assert_string_equal(c->after ? c->after : "", mcr_buf_cstr(&out));
    mcr_buf_fini(&out);
    cJSON_Delete(tree);
    cJSON_Delete(patch);
}

#define RUN(cases, kind)                                                                           \
    for (size_t i = 0; i < sizeof(cases) / sizeof *(cases); i++)                                   \
    run(&(cases)[i], kind)

static void media_types(void **state)
{
    (void)state;
    assert_int_equal(
        MCR_API_PATCH_STRATEGIC,
        mcr_api_patch_kind_of("application/strategic-merge-patch+json; charset=utf-8"));
    assert_int_equal(MCR_API_PATCH_MERGE, mcr_api_patch_kind_of("application/merge-patch+json"));
    assert_int_equal(MCR_API_PATCH_JSON, mcr_api_patch_kind_of("application/json-patch+json"));
    assert_int_equal(MCR_API_PATCH_APPLY, mcr_api_patch_kind_of("application/apply-patch+yaml"));
    assert_int_equal(MCR_API_PATCH_NONE, mcr_api_patch_kind_of("application/json"));
    assert_int_equal(MCR_API_PATCH_NONE, mcr_api_patch_kind_of(NULL));
}

static void merge(void **state)
{
    (void)state;
    // The examples of RFC 7386, appendix A, whose target and patch are objects, and some of ours.
    static const patch_case cases[] = {
        { "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
        { "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
        { "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
        { "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
        { "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
        { "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}" },
        { "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
        { "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
        { "[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}" },
        { "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
        { "{\"finalizers\":[\"a\"]}", "{\"finalizers\":[\"b\"]}", "{\"finalizers\":[\"b\"]}" },
        { "{}", "{\"$patch\":\"odd\"}", "{\"$patch\":\"odd\"}" },
    };
    RUN(cases, MCR_API_PATCH_MERGE);
}

static void strategic(void **state)
{
    (void)state;
    static const patch_case cases[] = {
        { "{\"count\":1,\"reason\":\"r\"}", "{\"count\":2}", "{\"count\":2,\"reason\":\"r\"}" },
        { "{\"series\":{\"count\":2}}", "{\"series\":null}", "{}" },
        { "{\"source\":{\"host\":\"h\"}}", "{\"source\":{\"component\":\"c\"}}",
          "{\"source\":{\"host\":\"h\",\"component\":\"c\"}}" },
        // Lists of an Event that merge.
        { "{\"finalizers\":[\"a\",\"b\"]}", "{\"finalizers\":[\"b\",\"c\"]}",
          "{\"finalizers\":[\"a\",\"b\",\"c\"]}" },
        { "{}", "{\"finalizers\":[\"c\"]}", "{\"finalizers\":[\"c\"]}" },
        { "{\"finalizers\":[\"a\",\"b\"]}",
          "{\"$deleteFromPrimitiveList/finalizers\":[\"a\",\"x\"]}", "{\"finalizers\":[\"b\"]}" },
        { "{\"finalizers\":[\"a\",\"b\"]}",
          "{\"$setElementOrder/finalizers\":[\"c\",\"a\"],\"finalizers\":[\"c\"]}",
          "{\"finalizers\":[\"b\",\"c\",\"a\"]}" },
        { "{\"ownerReferences\":[{\"uid\":\"1\",\"name\":\"a\"},{\"uid\":\"2\"}]}",
          "{\"ownerReferences\":[{\"uid\":\"1\",\"kind\":\"Pod\"},{\"uid\":\"3\"}]}",
          "{\"ownerReferences\":[{\"uid\":\"1\",\"name\":\"a\",\"kind\":\"Pod\"},{\"uid\":\"2\"},"
          "{\"uid\":\"3\"}]}" },
        { "{\"ownerReferences\":[{\"uid\":\"1\"},{\"uid\":\"2\"}]}",
          "{\"ownerReferences\":[{\"$patch\":\"delete\",\"uid\":\"1\"}]}",
          "{\"ownerReferences\":[{\"uid\":\"2\"}]}" },
        { "{\"ownerReferences\":[{\"uid\":\"1\"}]}",
          "{\"ownerReferences\":[{\"$patch\":\"replace\"},{\"uid\":\"2\"}]}",
          "{\"ownerReferences\":[{\"uid\":\"2\"}]}" },
        { "{\"ownerReferences\":[{\"uid\":\"1\"}]}", "{\"ownerReferences\":[{\"name\":\"x\"}]}",
          NULL },
        // All others are replaced.
        { "{\"managedFields\":[{\"manager\":\"a\"}]}", "{\"managedFields\":[]}",
          "{\"managedFields\":[]}" },
        // Directives of maps.
        { "{\"labels\":{\"a\":\"1\"}}", "{\"labels\":{\"$patch\":\"replace\",\"b\":\"2\"}}",
          "{\"labels\":{\"b\":\"2\"}}" },
        { "{\"labels\":{\"a\":\"1\"}}", "{\"labels\":{\"$patch\":\"delete\"}}", "{\"labels\":{}}" },
        { "{\"labels\":{\"a\":\"1\"}}", "{\"labels\":{\"$patch\":\"merge\",\"b\":\"2\"}}",
          "{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}" },
        { "{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}",
          "{\"labels\":{\"$retainKeys\":[\"b\",\"c\"],\"c\":\"3\"}}",
          "{\"labels\":{\"b\":\"2\",\"c\":\"3\"}}" },
        { "{\"labels\":{}}", "{\"labels\":{\"$patch\":\"odd\"}}", NULL },
        { "{\"labels\":{}}", "{\"labels\":{\"$patch\":1}}", NULL },
    };
    RUN(cases, MCR_API_PATCH_STRATEGIC);
}

static void operations(void **state)
{
    (void)state;
    static const patch_case cases[] = {
        { "{\"a\":1}", "[]", "{\"a\":1}" },
        { "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\",\"value\":2}]", "{\"a\":1,\"b\":2}" },
        { "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a\",\"value\":null}]", "{\"a\":null}" },
        { "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b/c\",\"value\":2}]", NULL },
        { "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"\",\"value\":{}}]", "{}" },
        { "{\"a\":[1,2]}", "[{\"op\":\"add\",\"path\":\"/a/1\",\"value\":9}]", "{\"a\":[1,9,2]}" },
        { "{\"a\":[1,2]}", "[{\"op\":\"add\",\"path\":\"/a/2\",\"value\":9}]", "{\"a\":[1,2,9]}" },
        { "{\"a\":[1,2]}", "[{\"op\":\"add\",\"path\":\"/a/-\",\"value\":9}]", "{\"a\":[1,2,9]}" },
        { "{\"a\":[1,2]}", "[{\"op\":\"add\",\"path\":\"/a/3\",\"value\":9}]", NULL },
        { "{\"a\":[]}", "[{\"op\":\"add\",\"path\":\"/a/x\",\"value\":9}]", NULL },
        { "{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/00\",\"value\":9}]", NULL },
        { "{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/4294967296\",\"value\":9}]", NULL },
        { "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/a\"}]", "{}" },
        { "{\"a\":[1,2]}", "[{\"op\":\"remove\",\"path\":\"/a/0\"}]", "{\"a\":[2]}" },
        { "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/b\"}]", NULL },
        { "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":2}]", "{\"a\":2}" },
        { "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/b\",\"value\":2}]", NULL },
        { "{\"a\":[1,2]}", "[{\"op\":\"replace\",\"path\":\"/a/1\",\"value\":3}]",
          "{\"a\":[1,3]}" },
        { "{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/b\"}]", "{\"b\":1}" },
        { "{\"a\":{}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}]", NULL },
        { "{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/b\"}]", "{\"a\":1,\"b\":1}" },
        { "{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"/x\",\"path\":\"/b\"}]", NULL },
        { "{\"a\":[1,{\"b\":2}]}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":[1,{\"b\":2}]}]",
          "{\"a\":[1,{\"b\":2}]}" },
        { "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]", NULL },
        { "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/b\",\"value\":null}]", NULL },
        { "{\"a/b\":1,\"m~n\":2}",
          "[{\"op\":\"test\",\"path\":\"/a~1b\",\"value\":1},{\"op\":\"remove\",\"path\":\"/"
          "m~0n\"}]",
          "{\"a/b\":1}" },
        { "{\"a\":1}", "[{\"op\":\"odd\",\"path\":\"/a\"}]", NULL },
        { "{\"a\":1}", "[{\"path\":\"/a\"}]", NULL },
        { "{\"a\":1}", "[7]", NULL },
    };
    RUN(cases, MCR_API_PATCH_JSON);
}

// Each copy of all into one of two places doubles it.
static void copies_end(void **state)
{
    (void)state;
    cJSON *tree = read_tree("{\"x\":\"some text\"}"), *patch = cJSON_CreateArray();
    for (int i = 0; i < 64; i++)
        cJSON_AddItemToArray(patch,
                             read_tree(i % 2 ? "{\"op\":\"copy\",\"from\":\"\",\"path\":\"/a\"}"
                                             : "{\"op\":\"copy\",\"from\":\"\",\"path\":\"/b\"}"));
    mcr_errbuf err;
    assert_false(mcr_api_json_patch(&tree, patch, &err));
    assert_true(mcr_api_tree_size(tree) < 2 * MCR_API_COPIES_MAX);
    cJSON_Delete(tree);
    cJSON_Delete(patch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(media_types), cmocka_unit_test(merge),      cmocka_unit_test(strategic),
        cmocka_unit_test(operations),  cmocka_unit_test(copies_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
