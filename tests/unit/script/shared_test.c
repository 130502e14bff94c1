// script/shared.h: types, life times, bounds, many threads.

#include "harness.h"

#include <pthread.h>

#include "base/alloc.h"
#include "script/shared.h"

static const mcr_shared_value nothing = { .kind = MCR_SHARED_NONE };

static mcr_shared_value number(double n)
{
    return (mcr_shared_value){ .kind = MCR_SHARED_NUMBER, .number = n };
}

static mcr_shared_value string(const char *text)
{
    return (mcr_shared_value){ .kind = MCR_SHARED_STRING,
                               .string = (char *)(uintptr_t)text,
                               .len = (uint32_t)strlen(text) };
}

static void set(mcr_shared *shared, const char *key, mcr_shared_value value, double now,
                double expires)
{
    assert_true(mcr_shared_set(shared, mcr_str_of(key), &value, now, expires));
}

// A value in words: "nil", "5", "true", "'text'".
static const char *get(mcr_shared *shared, const char *key, double now)
{
    static char text[64];
    mcr_shared_value value = mcr_shared_get(shared, mcr_str_of(key), now);
    switch (value.kind) {
    case MCR_SHARED_NONE:
        return "nil";
    case MCR_SHARED_BOOL:
        return value.boolean ? "true" : "false";
    case MCR_SHARED_NUMBER:
        snprintf(text, sizeof text, "%g", value.number);
        return text;
    case MCR_SHARED_STRING:
        break;
    }
    snprintf(text, sizeof text, "'%.*s'", (int)value.len, value.string);
    free(value.string);
    return text;
}

static void keeps_types(void **state)
{
    (void)state;
    mcr_shared *shared = mcr_shared_new();
    set(shared, "n", number(1.5), 0, 0);
    set(shared, "s", string("text"), 0, 0);
    set(shared, "empty", string(""), 0, 0);
    set(shared, "b", (mcr_shared_value){ .kind = MCR_SHARED_BOOL, .boolean = false }, 0, 0);
    set(shared, "", number(7), 0, 0);
    assert_string_equal(get(shared, "n", 0), "1.5");
    assert_string_equal(get(shared, "s", 0), "'text'");
    assert_string_equal(get(shared, "empty", 0), "''");
    assert_string_equal(get(shared, "b", 0), "false");
    assert_string_equal(get(shared, "", 0), "7");
    assert_string_equal(get(shared, "absent", 0), "nil");
    set(shared, "n", string("was a number"), 0, 0);
    assert_string_equal(get(shared, "n", 0), "'was a number'");
    set(shared, "s", nothing, 0, 0);
    assert_string_equal(get(shared, "s", 0), "nil");
    set(shared, "never there", nothing, 0, 0);
    mcr_shared_free(shared);
}

static void forgets_in_time(void **state)
{
    (void)state;
    mcr_shared *shared = mcr_shared_new();
    double sum;
    set(shared, "k", number(1), 100, 110);
    assert_string_equal(get(shared, "k", 109.9), "1");
    assert_string_equal(get(shared, "k", 110), "nil");
    assert_true(mcr_shared_add(shared, MCR_STR("c"), 2, 100, 110, &sum));
    assert_true(mcr_shared_add(shared, MCR_STR("c"), 3, 105, 999, &sum)); // keeps its expiry
    assert_int_equal((int)sum, 5);
    assert_string_equal(get(shared, "c", 110), "nil");
    assert_true(mcr_shared_add(shared, MCR_STR("c"), 1, 110, 0, &sum)); // anew, for ever
    assert_int_equal((int)sum, 1);
    assert_string_equal(get(shared, "c", 1e12), "1");
    set(shared, "c", number(1), 0, 50); // setting replaces the expiry
    assert_string_equal(get(shared, "c", 50), "nil");
    mcr_shared_free(shared);
}

static void adds_to_numbers_only(void **state)
{
    (void)state;
    mcr_shared *shared = mcr_shared_new();
    double sum = -1;
    set(shared, "s", string("5"), 0, 0);
    set(shared, "b", (mcr_shared_value){ .kind = MCR_SHARED_BOOL, .boolean = true }, 0, 0);
    assert_false(mcr_shared_add(shared, MCR_STR("s"), 1, 0, 0, &sum));
    assert_false(mcr_shared_add(shared, MCR_STR("b"), 1, 0, 0, &sum));
    assert_true(sum == -1);
    assert_string_equal(get(shared, "s", 0), "'5'");
    mcr_shared_free(shared);
}

static void bounds_keys(void **state)
{
    (void)state;
    mcr_shared *shared = mcr_shared_new();
    char key[32];
    double sum;
    for (int i = 0; i < MCR_SHARED_KEYS; i++) {
        snprintf(key, sizeof key, "k%d", i);
        set(shared, key, number(i), 0, i < 10 ? 100 + i : 0);
    }
    assert_false(mcr_shared_set(shared, MCR_STR("one more"),
                                &(mcr_shared_value){ MCR_SHARED_NUMBER, .number = 1 }, 99, 0));
    assert_false(mcr_shared_add(shared, MCR_STR("one more"), 1, 99, 0, &sum));
    set(shared, "k11", number(-1), 99, 0); // what is there can be changed
    assert_string_equal(get(shared, "k11", 99), "-1");
    // What is past its time makes room, all of it.
    for (int i = 0; i < 5; i++) {
        snprintf(key, sizeof key, "late%d", i);
        set(shared, key, number(i), 104, 0);
    }
    assert_false(mcr_shared_add(shared, MCR_STR("one more"), 1, 104, 0, &sum));
    assert_true(mcr_shared_add(shared, MCR_STR("one more"), 1, 105, 0, &sum));
    set(shared, "k20", nothing, 105, 0);
    set(shared, "in its place", number(1), 105, 0);
    assert_false(mcr_shared_add(shared, MCR_STR("another"), 1, 105, 0, &sum));
    mcr_shared_free(shared);
}

static void bounds_bytes(void **state)
{
    (void)state;
    enum {
        HALF = MCR_SHARED_BYTES / 2
    };
    mcr_shared *shared = mcr_shared_new();
    char *text = mcr_zalloc(HALF + 1);
    mcr_shared_value half = { .kind = MCR_SHARED_STRING, .string = text, .len = HALF - 1 };
    set(shared, "a", half, 0, 0);
    set(shared, "b", half, 0, 0);
    for (int i = 0; i < 3; i++)
        set(shared, "b", half, 0, 0); // in its own place
    half.len = HALF;
    assert_false(mcr_shared_set(shared, MCR_STR("b"), &half, 0, 0));
    assert_false(mcr_shared_set(shared, MCR_STR("c"),
                                &(mcr_shared_value){ MCR_SHARED_NUMBER, .number = 1 }, 0, 0));
    set(shared, "a", string("small"), 0, 0);
    set(shared, "b", half, 0, 0);
    set(shared, "a", nothing, 0, 0);
    set(shared, "c", number(1), 0, 0);
    mcr_shared_free(shared);
    free(text);
}

enum {
    THREADS = 4,
    ROUNDS = 5000
};

static void *hammer(void *arg)
{
    mcr_shared *shared = arg;
    char key[16];
    for (int i = 0; i < ROUNDS; i++) {
        double sum;
        if (!mcr_shared_add(shared, MCR_STR("sum"), 1, i, 0, &sum))
            abort();
        snprintf(key, sizeof key, "k%d", i % 50);
        mcr_shared_value text = { .kind = MCR_SHARED_STRING,
                                  .string = key,
                                  .len = (uint32_t)strlen(key) };
        mcr_shared_set(shared, mcr_str_of(key), i % 3 ? &text : &nothing, i, i + 5);
        mcr_shared_value back = mcr_shared_get(shared, mcr_str_of(key), i);
        if (back.kind == MCR_SHARED_STRING &&
            (back.len != strlen(key) || memcmp(back.string, key, back.len) != 0))
            abort();
        free(back.string);
    }
    return NULL;
}

static void serves_many_threads(void **state)
{
    (void)state;
    mcr_shared *shared = mcr_shared_new();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, shared), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    char want[32];
    snprintf(want, sizeof want, "%d", THREADS * ROUNDS);
    assert_string_equal(get(shared, "sum", 0), want);
    mcr_shared_free(shared);
}

// The same from Lua.
static void is_a_global_of_scripts(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *want; // part of the error; NULL: none
    } cases[] = {
        { "shared.set('k', 5) assert(shared.get('k') == 5 and shared.add('k') == 6)", NULL },
        { "shared.set('k', 'x') assert(shared.get('k') == 'x')", NULL },
        { "shared.set('k', '') assert(shared.get('k') == '')", NULL },
        { "shared.set('k', 'a\\0b') assert(shared.get('k') == 'a\\0b')", NULL },
        { "shared.set('k', false) assert(shared.get('k') == false)", NULL },
        { "shared.set('k', nil) assert(shared.get('k') == nil)", NULL },
        { "shared.set('k', 1) shared.delete('k') assert(shared.get('k') == nil)", NULL },
        { "assert(shared.add('k', 2.5) == 2.5 and shared.add('k', -1) == 1.5)", NULL },
        { "shared.set('k', 1, '10m') shared.add('n', 1, 5)", NULL },
        { "shared.set('k', 'x') shared.add('k')", "shared.add: 'k' does not hold a number" },
        { "shared.set('k', true) shared.add('k')", "shared.add: 'k' does not hold a number" },
        { "shared.set('k', {})", "shared holds strings, numbers and booleans, not a table" },
        { "shared.set('k', print)", "shared holds strings, numbers and booleans, not a function" },
        { "shared.set('k', 1, 'soon')",
          "a life time in shared is a duration such as \"10m\", not \"soon\"" },
        { "shared.set('k', 1, -1)", "a life time in shared is a duration such as \"10m\", not -1" },
        { "shared.set('k', 1, 0/0)", "a life time in shared is a duration" },
        { "shared.set({}, 1)", "bad argument #1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_shared *shared = mcr_shared_new();
        mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w", .shared = shared });
        char text[256];
        snprintf(text, sizeof text, "return { init = function() %s end }", cases[i].body);
        load_text(s, text, "s");
        mcr_errbuf err = { "" };
        mcr_err code = mcr_scripts_init(s, 0, &err);
        if (!cases[i].want ? code != MCR_OK
                           : code != MCR_ESCRIPT || !strstr(err.text, cases[i].want) ||
                                 !strstr(err.text, "s: init: s:1: "))
            fail_msg("%s: %s", cases[i].body, err.text);
        mcr_scripts_free(s);
        mcr_shared_free(shared);
    }
}

static void is_written_as_json(void **state)
{
    (void)state;
    mcr_shared *shared = mcr_shared_new();
    mcr_buf out = { 0 };
    set(shared, "n", number(1.5), 0, 0);
    set(shared, "big", number(1e300 * 1e300), 0, 0);
    set(shared, "a \"b\"", string("x\ny"), 0, 0);
    set(shared, "b", (mcr_shared_value){ .kind = MCR_SHARED_BOOL, .boolean = true }, 0, 0);
    set(shared, "gone", number(1), 0, 5);
    mcr_shared_write(shared, &out, 1000, 6);
    assert_string_equal(mcr_buf_cstr(&out),
                        "{\"values\":{\"a \\\"b\\\"\":\"x\\ny\",\"b\":true,\"big\":null,\"n\":1.5},"
                        "\"keys\":4,\"left_out\":0}");
    out.len = 0;
    mcr_shared_write(shared, &out, 20, 6);
    assert_string_equal(mcr_buf_cstr(&out),
                        "{\"values\":{\"a \\\"b\\\"\":\"x\\ny\"},\"keys\":4,\"left_out\":3}");
    mcr_buf_fini(&out);
    mcr_shared_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_types),         cmocka_unit_test(is_written_as_json),
        cmocka_unit_test(forgets_in_time),     cmocka_unit_test(adds_to_numbers_only),
        cmocka_unit_test(bounds_keys),         cmocka_unit_test(bounds_bytes),
        cmocka_unit_test(serves_many_threads), cmocka_unit_test(is_a_global_of_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
