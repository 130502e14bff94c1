// script/lua_json.h: what JSON becomes in Lua and back, text by text.

#include "harness.h"

#include <lauxlib.h>
#include <lua.h>

#include "script/lua_json.h"

static void comes_back_as_it_was(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *want; // NULL: the same
    } cases[] = {
        { "null", NULL },
        { "true", NULL },
        { "0", NULL },
        { "-0", "0" },
        { "1.0", "1" },
        { "1e2", "100" },
        { "0.1", NULL },
        { "1.7976931348623157e+308", NULL },
        { "9007199254740991", NULL },
        { "9007199254740992", NULL },
        { "9007199254740993", NULL },
        { "-9007199254740993", NULL },
        { "9223372036854775807", NULL },
        { "-9223372036854775808", NULL },
        { "18446744073709551616", "1.8446744073709552e+19" },
        { "123456789012345678901234567890123456789012345678901234567890123456789",
          "1.234567890123457e+68" },
        { "\"\"", NULL },
        { "\"\\u0041\\n\\u00e9\"", "\"A\\né\"" },
        { "\"\\ud83d\\ude00\"", "\"😀\"" },
        { "\"a\\u0000b\"", "\"a\\u0000b\"" },
        { "[]", NULL },
        { "{}", NULL },
        { "[[],{},[null]]", NULL },
        { "{\"b\":1,\"a\":{\"d\":[],\"c\":{}}}", "{\"a\":{\"c\":{},\"d\":[]},\"b\":1}" },
        { "{\"a\":1,\"a\":2}", "{\"a\":2}" },
        { " [ 1 , 2 ] ", "[1,2]" },
        { "{\"\":{\"\":0}}", NULL },
    };
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    lua_State *L = mcr_scripts_state(s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_buf text = { 0 }, out = { 0 };
        mcr_buf_puts(&text, cases[i].text);
        memset(mcr_buf_reserve(&text, 64), 0, 64);
        if (!mcr_lua_json_push(L, mcr_buf_str(&text)))
            fail_msg("%s: %s", cases[i].text, lua_tostring(L, -1));
        assert_true(mcr_lua_json_write(L, -1, &out));
        assert_string_equal(mcr_buf_cstr(&out), cases[i].want ? cases[i].want : cases[i].text);
        lua_pop(L, 1);
        assert_int_equal(lua_gettop(L), 0);
        mcr_buf_fini(&text);
        mcr_buf_fini(&out);
    }
    mcr_scripts_free(s);
}

// `n` times `open`, then `n` times `close`.
static char *nested(const char *open, const char *close, int n)
{
    mcr_buf text = { 0 };
    for (int i = 0; i < n; i++)
        mcr_buf_puts(&text, open);
    for (int i = 0; i < n; i++)
        mcr_buf_puts(&text, close);
    mcr_buf_cstr(&text);
    return text.ptr;
}

static bool reads(lua_State *L, const char *json)
{
    mcr_buf text = { 0 };
    mcr_buf_puts(&text, json);
    memset(mcr_buf_reserve(&text, 64), 0, 64);
    bool ok = mcr_lua_json_push(L, mcr_buf_str(&text));
    assert_int_equal(lua_gettop(L), 1);
    lua_pop(L, 1);
    mcr_buf_fini(&text);
    return ok;
}

static void bounds_depth(void **state)
{
    (void)state;
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    lua_State *L = mcr_scripts_state(s);
    char *fits = nested("[", "]", MCR_LUA_JSON_DEPTH);
    char *deep = nested("[", "]", MCR_LUA_JSON_DEPTH + 1);
    char *numbers = nested("{\"a\":[9007199254740993,", "0]}", 10000);
    assert_true(reads(L, fits));
    assert_false(reads(L, deep));
    assert_false(reads(L, numbers));
    free(fits);
    free(deep);
    free(numbers);
    mcr_scripts_free(s);
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",         " ",          "{",      "[",     "[1",  "[1,",  "[,1]", "[1 2]",    "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}", "{a:1}",  "{1:2}", "'a'", "tru",  "nul",  "nulll",    "+1",
        "01",       "1.",         ".5",     "1e",    "-",   "0x10", "NaN",  "Infinity", "\"",
        "\"\\x\"",  "\"\\u12\"",  "\"\n\"", "1 2",   "[]]", "{}}",  "]",    "}",
    };
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (reads(mcr_scripts_state(s), bad[i]))
            fail_msg("%s was read", bad[i]);
    mcr_scripts_free(s);
}

// What scripts may hand to the writer, and what it says to it.
static void writes_values(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *want; // "!…": an error with these words
    } cases[] = {
        { "{ 1, 2, 3 }", "[1,2,3]" },
        { "{ b = 1, a = { true } }", "{\"a\":[true],\"b\":1}" },
        { "{ 1, json.null, 3 }", "[1,null,3]" },
        { "json.array()", "[]" },
        { "json.array{ 1 }", "[1]" },
        { "{}", "{}" },
        { "5LL", "5" },
        { "18446744073709551615ULL", "18446744073709551615" },
        { "1/3", "0.3333333333333333" },
        { "2^53", "9007199254740992" },
        { "1e15", "1000000000000000" },
        { "'\\255'", "\"\\ufffd\"" },
        { "nil", "null" },
        { "0/0", "!JSON has no NaN" },
        { "-1/0", "!JSON has no infinity" },
        { "print", "!JSON has no function" },
        { "coroutine.create(function() end)", "!JSON has no thread" },
        { "{ 1, a = 2 }", "!both list items and other fields" },
        { "{ [1] = 1, [3] = 3 }", "!" },
        { "{ [true] = 1 }", "!both list items and named fields" },
        { "json.array{ a = 1 }", "!" },
        { "2i", "!JSON has no cdata of this type" },
        { "(function() local t = {} t.t = t return t end)()", "!nested too deep, or in a circle" },
        { "(function() local t = {} t[1] = t return t end)()", "!nested too deep, or in a circle" },
        { "json.decode('{')", "!not JSON: " },
        { "json.decode({})", "!bad argument #1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
        char text[512];
        snprintf(text, sizeof text,
                 "return { init = function() return false, json.encode(%s) end }", cases[i].value);
        load_text(s, text, "s");
        mcr_errbuf err = { "" };
        assert_int_equal(mcr_scripts_init(s, 0, &err), MCR_ESCRIPT);
        bool is_error = cases[i].want[0] == '!';
        char want[256];
        snprintf(want, sizeof want, "s: init refused: %s", cases[i].want);
        if (is_error ? !strstr(err.text, cases[i].want + 1) || !strstr(err.text, "init: s:1: ")
                     : strcmp(err.text, want) != 0)
            fail_msg("%s: %s", cases[i].value, err.text);
        mcr_scripts_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_as_it_was),
        cmocka_unit_test(bounds_depth),
        cmocka_unit_test(refuses),
        cmocka_unit_test(writes_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
