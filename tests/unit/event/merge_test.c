#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/encode.h"
#include "event/merge.h"
#include "event/walk.h"

typedef struct merge_case {
    const char *base;
    const char *patch;
    const char *want;
} merge_case;

static const merge_case cases[] = {
    // RFC 7396, appendix A, as far as both are objects
    { "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
    { "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
    { "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
    { "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
    { "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
    { "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
    { "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}" },
    { "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
    { "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
    { "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
    { "{}", "{}", "{}" },
    { " { } ", " { } ", "{}" },
    { "{\"a\":1}", "{\"a\":{\"b\":null,\"c\":{\"d\":null,\"e\":[null]}}}",
      "{\"a\":{\"c\":{\"e\":[null]}}}" },
    // bytes that are not touched stay
    { "{ \"b\" :  1.50e1 , \"a\":\"\\u0041<\",\"c\" : {\"x\": [ ]} }", "{\"d\":\"\\/<\"}",
      "{\"b\" :  1.50e1,\"a\":\"\\u0041<\",\"c\" : {\"x\": [ ]},\"d\":\"\\/<\"}" },
    { "{\"a\":{\"y\": 1, \"x\":2},\"b\":3}", "{\"a\":{\"x\":4,\"z\":5}}",
      "{\"a\":{\"y\": 1,\"x\":4,\"z\":5},\"b\":3}" },
    { "{\"a\":1,\"b\":2,\"c\":3}", "{\"c\":4,\"a\":null,\"e\":6,\"d\":5}",
      "{\"b\":2,\"c\":4,\"e\":6,\"d\":5}" },
    { "{\"a\":\"}]\\\"\",\"b\":[\"{\"],\"c\":\"\\\\\"}", "{\"b\":0}",
      "{\"a\":\"}]\\\"\",\"b\":0,\"c\":\"\\\\\"}" },
    // keys are equal when they mean the same
    { "{\"\\u0061\":1}", "{\"a\":2}", "{\"\\u0061\":2}" },
    { "{\"a\\/b\":1,\"a\\\"\":2}", "{\"a/b\":3,\"\\u0061\\u0022\":4}",
      "{\"a\\/b\":3,\"a\\\"\":4}" },
    { "{\"\\n\xff\xff\":1}", "{\"\\n\xef\xbf\xbd\xef\xbf\xbd\":2}", "{\"\\n\xff\xff\":2}" },
    { "{\"\":1}", "{\"\":2}", "{\"\":2}" },
    { "{\"abcdefghi\":1,\"abcdefgxbcdefghi\":2}", "{\"abcdefgybcdefghi\":3}",
      "{\"abcdefghi\":1,\"abcdefgxbcdefghi\":2,\"abcdefgybcdefghi\":3}" },
    // the last of two equal keys counts
    { "{\"a\":1,\"b\":2,\"a\":3}", "{\"c\":4}", "{\"b\":2,\"a\":3,\"c\":4}" },
    { "{\"a\":1,\"\\u0061\":3}", "{\"a\":4}", "{\"\\u0061\":4}" },
    { "{\"a\":{\"x\":1,\"y\":2},\"a\":{},\"a\":{\"y\":3}}", "{\"a\":{\"z\":4}}",
      "{\"a\":{\"x\":1,\"y\":3,\"z\":4}}" },
    { "{\"a\":{\"x\":1},\"a\":{\"y\":3}}", "{\"b\":1}", "{\"a\":{\"x\":1,\"y\":3},\"b\":1}" },
    { "{\"a\":{},\"a\":{}}", "{\"b\":1}", "{\"a\":{},\"b\":1}" },
    { "{\"a\":{\"x\":1},\"a\":5}", "{\"a\":{\"y\":1}}", "{\"a\":{\"y\":1}}" },
    { "{}", "{\"a\":1,\"a\":2}", "{\"a\":2}" },
    { "{\"a\":1}", "{\"a\":null,\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}" },
};

static void merge(mcr_buf *out, const char *base, size_t base_len, const char *patch)
{
    // Exactly as large as the text, so that reading past it is seen.
    char *copy = malloc(base_len);
    memcpy(copy, base, base_len);
    mcr_json_merge(out, mcr_str_n(copy, base_len), mcr_str_of(patch));
    free(copy);
}

static void objects_merge(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_buf out = { 0 };
        mcr_buf_puts(&out, "before ");
        merge(&out, cases[i].base, strlen(cases[i].base), cases[i].patch);
        if (strncmp(mcr_buf_cstr(&out), "before ", 7) != 0 ||
            strcmp(out.ptr + 7, cases[i].want) != 0)
            fail_msg("\n%s\n%s\ngot:  %s\nwant: %s", cases[i].base, cases[i].patch, out.ptr + 7,
                     cases[i].want);
        mcr_buf_fini(&out);
    }
}

// Blocks of 64 bytes are looked at together: a member of every length before the one that changes.
static void values_of_every_length(void **state)
{
    (void)state;
    static const char *const fill[] = { "x", "\\\\", "\\\"", "]", "{" };
    for (size_t kind = 0; kind < sizeof fill / sizeof *fill; kind++) {
        for (size_t n = 0; n < 140; n++) {
            mcr_buf base = { 0 };
            mcr_buf want = { 0 };
            mcr_buf_puts(&base, "{\"a\":{\"b\":[\"");
            for (size_t i = 0; i < n; i++)
                mcr_buf_puts(&base, fill[kind]);
            mcr_buf_puts(&base, "\",{}]}");
            mcr_buf_add(&want, mcr_buf_str(&base));
            mcr_buf_puts(&base, ",\"c\":1}");
            mcr_buf_puts(&want, ",\"c\":2}");
            mcr_buf out = { 0 };
            merge(&out, base.ptr, base.len, "{\"c\":2}");
            assert_string_equal(mcr_buf_cstr(&out), mcr_buf_cstr(&want));
            mcr_buf_fini(&base);
            mcr_buf_fini(&want);
            mcr_buf_fini(&out);
        }
    }
}

static void many_members_and_levels(void **state)
{
    (void)state;
    mcr_buf base = { 0 };
    mcr_buf patch = { 0 };
    mcr_buf want = { 0 };
    enum {
        DEEP = 500,
        MANY = 1000
    };
    for (int i = 0; i < DEEP; i++) {
        mcr_buf_puts(&base, "{\"a\":");
        mcr_buf_puts(&patch, "{\"a\":");
        mcr_buf_puts(&want, "{\"a\":");
    }
    for (int i = 0; i < MANY; i++)
        mcr_buf_printf(&base, "%c\"k%d\":%d", i ? ',' : '{', i % (MANY / 2), i);
    mcr_buf_puts(&base, "}");
    mcr_buf_puts(&patch, "{\"k7\":null,\"new\":true}");
    for (int i = MANY / 2; i < MANY; i++)
        if (i != MANY / 2 + 7)
            mcr_buf_printf(&want, "%c\"k%d\":%d", i > MANY / 2 ? ',' : '{', i - MANY / 2, i);
    mcr_buf_puts(&want, ",\"new\":true}");
    for (int i = 0; i < DEEP; i++) {
        mcr_buf_puts(&base, "}");
        mcr_buf_puts(&patch, "}");
        mcr_buf_puts(&want, "}");
    }
    mcr_buf out = { 0 };
    merge(&out, base.ptr, base.len, mcr_buf_cstr(&patch));
    assert_string_equal(mcr_buf_cstr(&out), mcr_buf_cstr(&want));
    mcr_buf_fini(&base);
    mcr_buf_fini(&patch);
    mcr_buf_fini(&want);
    mcr_buf_fini(&out);
}

static mcr_event *decode(mcr_decoder *d, const char *json, unsigned flags)
{
    mcr_event *ev = NULL;
    mcr_decode_error wrong;
    if (mcr_decode(d, mcr_str_of(json), flags, &ev, &wrong) != MCR_DECODED_EVENT)
        fail_msg("%s: %s", json, wrong.text);
    return ev;
}

static void events_merge(void **state)
{
    (void)state;
    mcr_decoder *d = mcr_decoder_new();
    mcr_event *ev = decode(d, "{\"reason\":\"r\", \"x\":1,\"message\":\"m\"}", 0);
    ev->change = MCR_CHANGE_REPEAT;
    ev->delta = 3;
    ev->hops = 2;
    ev->source_index = 5;
    ev->record = 77;
    mcr_errbuf err;
    mcr_event *changed =
        mcr_event_merge(d, ev, MCR_STR("{\"message\":\"<n\",\"severity\":\"high\"}"), &err);
    assert_non_null(changed);
    static const char want[] =
        "{\"reason\":\"r\",\"x\":1,\"message\":\"<n\",\"severity\":\"high\"}";
    assert_int_equal(changed->raw.len, sizeof want - 1);
    assert_memory_equal(changed->raw.ptr, want, sizeof want - 1);
    assert_true(mcr_str_is(changed->message, "<n"));
    assert_true(mcr_str_is(changed->reason, "r"));
    assert_int_equal(changed->refs, 1);
    assert_int_equal(changed->change, MCR_CHANGE_REPEAT);
    assert_int_equal(changed->delta, 3);
    assert_int_equal(changed->hops, 2);
    assert_int_equal(changed->source_index, 5);
    assert_int_equal(changed->record, 77);
    assert_true(mcr_str_is(ev->message, "m"));
    mcr_event_unref(changed);
    mcr_event_unref(ev);
    mcr_decoder_free(d);
}

static void other_apis_become_core(void **state)
{
    (void)state;
    mcr_decoder *d = mcr_decoder_new();
    mcr_event *ev = decode(d,
                           "{\"kind\":\"Event\",\"apiVersion\":\"events.k8s.io/v1\",\"note\":\"n\","
                           "\"regarding\":{\"name\":\"p\"},\"extra\":[1]}",
                           0);
    assert_int_equal(ev->api, MCR_API_EVENTS_V1);
    mcr_event *made = mcr_event_new(ev);
    mcr_errbuf err;
    static const char patch[] = "{\"involvedObject\":{\"kind\":\"Pod\"}}";
    static const char head[] = "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":"
                               "{\"creationTimestamp\":null},\"involvedObject\":{\"name\":\"p\","
                               "\"kind\":\"Pod\"},\"message\":\"n\",";
    mcr_event *of_original = mcr_event_merge(d, ev, mcr_str_of(patch), &err);
    mcr_event *of_made = mcr_event_merge(d, made, mcr_str_of(patch), &err);
    assert_non_null(of_original);
    assert_non_null(of_made);
    assert_int_equal(of_original->api, MCR_API_CORE_V1);
    assert_memory_equal(of_original->raw.ptr, head, sizeof head - 1);
    assert_memory_equal(of_made->raw.ptr, head, sizeof head - 1);
    static const char tail[] = "\"reportingInstance\":\"\",\"extra\":[1]}";
    assert_memory_equal(of_original->raw.ptr + of_original->raw.len - (sizeof tail - 1), tail,
                        sizeof tail - 1);
    assert_true(mcr_str_is(of_made->involvedObject.name, "p"));
    mcr_event_unref(of_made);
    mcr_event_unref(of_original);
    mcr_event_unref(made);
    mcr_event_unref(ev);
    mcr_decoder_free(d);
}

static void wrong_patches_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *patch, *error;
    } wrong[] = {
        { "[]", "the change is not valid: expected a JSON object" },
        { "", "the change is not valid: unexpected end" },
        { "{\"a\":}", "the change is not valid: " },
        { "{} {}", "the change is not valid: text behind the object" },
        { "{\"a\":\"\xff\"}", "the change is not valid: " },
        { "{\"count\":\"x\"}", "the changed event is not valid: count" },
        { "{\"metadata\":[]}", "the changed event is not valid: metadata" },
        { "{\"kind\":\"Pod\"}", "the changed event is not valid: " },
        { "{\"kind\":\"EventList\"}", "the change makes something else of the event: a list" },
    };
    mcr_decoder *d = mcr_decoder_new();
    mcr_event *ev = decode(d, "{\"kind\":\"Event\",\"reason\":\"r\"}", 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        mcr_errbuf err = { "" };
        assert_null(mcr_event_merge(d, ev, mcr_str_of(wrong[i].patch), &err));
        if (strncmp(err.text, wrong[i].error, strlen(wrong[i].error)) != 0)
            fail_msg("%s\ngot:  %s\nwant: %s", wrong[i].patch, err.text, wrong[i].error);
    }
    mcr_event_unref(ev);
    mcr_decoder_free(d);
}

static void what_was_forgiven_stays_forgiven(void **state)
{
    (void)state;
    mcr_decoder *d = mcr_decoder_new();
    mcr_event *ev = decode(d, "{\"message\":\"a\xff\"}", MCR_DECODE_GO);
    mcr_errbuf err;
    mcr_event *changed = mcr_event_merge(d, ev, MCR_STR("{\"reason\":\"r\"}"), &err);
    assert_non_null(changed);
    assert_true(mcr_str_is(changed->message, "a\xef\xbf\xbd"));
    mcr_event_unref(changed);
    mcr_event_unref(ev);
    mcr_decoder_free(d);
}

// Text that is no JSON must end the walk inside the text.
static void walking_ends_inside_the_text(void **state)
{
    (void)state;
    static const char *const texts[] = { "",          "{",   "{\"",    "{\"a",      "{\"a\"",
                                         "{\"a\":",   "{a}", "{\"a\\", "{\"a\":\"", "{\"a\":[",
                                         "{\"a\" 1",  "[",   "[\"\\",  "[1",        "{,",
                                         "{\"a\":1,", "}",   "]" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t len = strlen(texts[i]);
        char *copy = malloc(len ? len : 1);
        memcpy(copy, texts[i], len);
        mcr_walk walk;
        mcr_str key, value;
        mcr_walk_begin(&walk, mcr_str_n(copy, len));
        while (mcr_walk_member(&walk, &key, &value))
            assert_true(value.ptr + value.len <= copy + len);
        mcr_walk_begin(&walk, mcr_str_n(copy, len));
        while (mcr_walk_element(&walk, &value))
            assert_true(value.ptr + value.len <= copy + len);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_merge),
        cmocka_unit_test(values_of_every_length),
        cmocka_unit_test(many_members_and_levels),
        cmocka_unit_test(events_merge),
        cmocka_unit_test(other_apis_become_core),
        cmocka_unit_test(wrong_patches_are_refused),
        cmocka_unit_test(what_was_forgiven_stays_forgiven),
        cmocka_unit_test(walking_ends_inside_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
