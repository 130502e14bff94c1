// Events made as the API server takes them.

#include "sample.h"

#include <string.h>

#include "event/event_name.h"
#include "sink/kube_fit.h"

static mcr_event *fit(const mcr_event *fields, mcr_kube_fitted *what)
{
    mcr_event *ev = mcr_event_new(fields);
    mcr_event *fitted = mcr_kube_fit(ev, what);
    mcr_event_unref(ev);
    return fitted;
}

static void assert_str(mcr_str s, const char *expected)
{
    assert_int_equal(s.len, strlen(expected));
    assert_memory_equal(s.ptr, expected, s.len);
}

static void what_is_right_stays_the_same_event(void **state)
{
    (void)state;
    mcr_event fields = sample_fields();
    mcr_event *ev = mcr_event_new(&fields);
    mcr_kube_fitted what;
    mcr_event *same = mcr_kube_fit(ev, &what);
    assert_ptr_equal(same, ev);
    assert_int_equal(holders(ev), 2);
    assert_false(what.name || what.namespace || what.message);
    mcr_event_unref(same);
    mcr_event_unref(ev);
}

static void bad_names_become_the_same_uuid_each_time(void **state)
{
    (void)state;
    static const char *const names[] = { "Web_1.17979cfe3d85cd15", "a/b.1", "%2f.1", "..", "-a.1" };
    char seen[sizeof names / sizeof *names][40];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        mcr_event fields = sample_fields();
        fields.metadata.name = mcr_str_of(names[i]);
        mcr_kube_fitted what;
        mcr_event *first = fit(&fields, &what);
        assert_true(what.name && !what.namespace && !what.message);
        fields.count++;
        fields.message = MCR_STR("another");
        mcr_event *repeat = fit(&fields, &what);
        assert_true(mcr_str_eq(first->metadata.name, repeat->metadata.name));
        assert_str(repeat->message, "another");
        assert_int_equal(repeat->count, fields.count);

        // xxxxxxxx-xxxx-8xxx-[89ab]xxx-xxxxxxxxxxxx
        mcr_str uuid = first->metadata.name;
        assert_int_equal(uuid.len, 36);
        assert_true(mcr_event_name_valid(uuid));
        for (uint32_t c = 0; c < uuid.len; c++) {
            bool dash = c == 8 || c == 13 || c == 18 || c == 23;
            assert_true(dash ? uuid.ptr[c] == '-' : strchr("0123456789abcdef", uuid.ptr[c]) != 0);
        }
        assert_int_equal(uuid.ptr[14], '8');
        assert_non_null(strchr("89ab", uuid.ptr[19]));
        memcpy(seen[i], uuid.ptr, 36);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(seen[i], seen[j], 36);

        // Another namespace, another event.
        fields.metadata.namespace = MCR_STR("prod");
        mcr_event *elsewhere = fit(&fields, &what);
        assert_false(mcr_str_eq(elsewhere->metadata.name, uuid));
        mcr_event_unref(elsewhere);
        mcr_event_unref(repeat);
        mcr_event_unref(first);
    }
}

static void no_name_becomes_one_of_the_content(void **state)
{
    (void)state;
    mcr_event fields = sample_fields();
    fields.metadata.name = MCR_STR("");
    fields.metadata.generateName = MCR_STR("web-");
    mcr_kube_fitted what;
    mcr_event *a = fit(&fields, &what);
    assert_true(what.name);
    mcr_event *again = fit(&fields, &what);
    assert_true(mcr_str_eq(a->metadata.name, again->metadata.name));
    fields.message = MCR_STR("another");
    mcr_event *b = fit(&fields, &what);
    assert_int_equal(b->metadata.name.len, 36);
    assert_false(mcr_str_eq(a->metadata.name, b->metadata.name));
    mcr_event_unref(a);
    mcr_event_unref(again);
    mcr_event_unref(b);
}

static void a_missing_namespace_is_the_object_s(void **state)
{
    (void)state;
    static const struct {
        const char *event, *object, *expected;
    } rows[] = {
        { "", "prod", "prod" },
        { "", "", "default" },
        { "here", "there", "here" },
        { "here", "", "here" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mcr_event fields = sample_fields();
        fields.metadata.namespace = mcr_str_of(rows[i].event);
        fields.involvedObject.namespace = mcr_str_of(rows[i].object);
        mcr_kube_fitted what;
        mcr_event *ev = fit(&fields, &what);
        assert_str(ev->metadata.namespace, rows[i].expected);
        assert_str(ev->involvedObject.namespace, rows[i].object);
        assert_int_equal(what.namespace, rows[i].event[0] == '\0');
        assert_false(what.name || what.message);
        mcr_event_unref(ev);
    }
}

// `n` times `text`, then `end`.
static mcr_buf repeated(const char *text, int n, const char *end)
{
    mcr_buf out = { 0 };
    for (int i = 0; i < n; i++)
        mcr_buf_puts(&out, text);
    mcr_buf_puts(&out, end);
    return out;
}

static void long_messages_are_cut_only_with_event_time(void **state)
{
    (void)state;
    static const struct {
        bool event_time;
        const char *text;
        int n;
        const char *end;
        uint32_t expected; // bytes left; 0: all
    } rows[] = {
        { true, "a", 1024, "", 0 },
        { true, "a", 1025, "", 1024 },
        { false, "a", 5000, "", 0 },
        { true, "a", 1023, "é", 1023 }, // two bytes do not fit
        { true, "a", 1022, "é", 0 },
        { true, "€", 341, "a", 0 }, // 341 × 3 + 1 = 1024
        { true, "€", 342, "", 341 * 3 },
        { true, "a", 1021, "😀", 1021 },
        { true, "a", 1020, "😀x", 1024 },
        { true, "\xff", 341, "", 0 }, // each is three bytes when it gets there
        { true, "\xff", 342, "", 341 },
        { true, "a", 1022, "\xe2\x82", 1022 }, // the beginning of a character is two faults
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mcr_buf text = repeated(rows[i].text, rows[i].n, rows[i].end);
        mcr_event fields = sample_fields();
        fields.message = mcr_buf_str(&text);
        if (rows[i].event_time)
            fields.eventTime = mcr_time_of(SAMPLE_NOW);
        mcr_kube_fitted what;
        mcr_event *ev = fit(&fields, &what);
        assert_int_equal(what.message, rows[i].expected != 0);
        assert_false(what.name || what.namespace);
        assert_int_equal(ev->message.len, rows[i].expected ? rows[i].expected : text.len);
        assert_memory_equal(ev->message.ptr, text.ptr, ev->message.len);
        mcr_event_unref(ev);
        mcr_buf_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_stays_the_same_event),
        cmocka_unit_test(bad_names_become_the_same_uuid_each_time),
        cmocka_unit_test(no_name_becomes_one_of_the_content),
        cmocka_unit_test(a_missing_namespace_is_the_object_s),
        cmocka_unit_test(long_messages_are_cut_only_with_event_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
