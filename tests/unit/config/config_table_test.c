// config/config_table.h: nested tables, lists and maps as options.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <lualib.h>

#include "config/config_table.h"

struct options {
    const char *url;
    int64_t attempts;
    int64_t wait;
    const char *deep;
    mcr_option_list statuses;
    mcr_option_map headers;
};

static const mcr_option list[] = {
    { "url", MCR_OPTION_URL, offsetof(struct options, url), NULL, "" },
    { "retry.attempts", MCR_OPTION_INT, offsetof(struct options, attempts), NULL, "" },
    { "retry.wait", MCR_OPTION_DURATION, offsetof(struct options, wait), NULL, "" },
    { "retry.on.deep", MCR_OPTION_STRING, offsetof(struct options, deep), NULL, "" },
    { "retry.statuses", MCR_OPTION_LIST, offsetof(struct options, statuses), NULL, "" },
    { "headers", MCR_OPTION_MAP, offsetof(struct options, headers), NULL, "" },
    { "retry.tries", MCR_OPTION_ALIAS, 0, "retry.attempts", "" },
    { .name = NULL },
};

static const char *const kind[] = { "kind", NULL };

static mcr_err read_options(const char *table, struct options *o, mcr_errbuf *err)
{
    lua_State *L = luaL_newstate();
    mcr_buf text = { 0 };
    mcr_buf_printf(&text, "return {\nsinks = {\nx = %s } }", table);
    assert_int_equal(luaL_loadstring(L, mcr_buf_cstr(&text)), 0);
    lua_call(L, 0, 1);
    lua_getfield(L, -1, "sinks");
    lua_getfield(L, -1, "x"); // config sinks x
    mcr_config_reader r = { L, "m.lua", text.ptr, err };
    *o = (struct options){ .attempts = 12 };
    mcr_err code = mcr_config_options(&r, "sinks.x", list, kind, o);
    assert_int_equal(lua_gettop(L), 3);
    lua_close(L);
    mcr_buf_fini(&text);
    return code;
}

static void tables_reach_their_place(void **state)
{
    (void)state;
    struct options o;
    mcr_errbuf err = { "" };
    mcr_err code = read_options("{ kind = 'webhook', url = 'http://h', headers = { ['X-A'] = 'b', "
                                "C = 'd' },\nretry = { attempts = 5, wait = '2s', on = { deep = "
                                "'yes' }, statuses = { 408, '5xx' } } }",
                                &o, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(code, MCR_OK);
    assert_int_equal(o.attempts, 5);
    assert_int_equal(o.wait, 2000000000);
    assert_string_equal(o.deep, "yes");
    assert_int_equal(o.statuses.n, 2);
    assert_string_equal(o.statuses.items[1], "5xx");
    assert_string_equal(mcr_option_map_get(&o.headers, "X-A"), "b");
    assert_string_equal(mcr_option_map_get(&o.headers, "C"), "d");
    mcr_options_fini(&o, list);

    assert_int_equal(read_options("{ retry = { statuses = 429 } }", &o, &err), MCR_OK);
    assert_string_equal(o.statuses.items[0], "429");
    mcr_options_fini(&o, list);
    assert_int_equal(read_options("{ retry = { tries = 7 } }", &o, &err), MCR_OK);
    assert_int_equal(o.attempts, 7);
    mcr_options_fini(&o, list);
    assert_int_equal(read_options("{ retry = {} }", &o, &err), MCR_OK);
    assert_int_equal(o.attempts, 12);
    mcr_options_fini(&o, list);
}

static void mistakes_are_explained(void **state)
{
    (void)state;
    static const struct {
        const char *table;
        const char *says;
    } cases[] = {
        { "{\nretry = {\natempts = 5 } }",
          "m.lua:5: unknown key 'atempts'; did you mean 'attempts'? in sinks.x.retry" },
        { "{\nretri = {} }", "m.lua:4: unknown key 'retri'; did you mean 'retry'? in sinks.x" },
        { "{\nretry = 5 }", "m.lua:4: 'retry' must be a table, not a number in sinks.x" },
        { "{\nretry = {\nattempts = 'x' } }",
          "m.lua:5: 'retry.attempts' must be a whole number, 0 or more in sinks.x.retry" },
        { "{\nretry = { on = { depe = 1 } } }",
          "m.lua:4: unknown key 'depe'; did you mean 'deep'? in sinks.x.retry.on" },
        { "{\nretry = { kind = 1 } }", "m.lua:4: unknown key 'kind' in sinks.x.retry" },
        { "{\nretry = { 5 } }", "m.lua: unknown key '[1]' in sinks.x.retry" },
        { "{\nretry = { statuses = { a = 1 } } }",
          "m.lua:4: 'statuses' must be a list in sinks.x.retry" },
        { "{\nretry = { statuses = { {} } } }",
          "m.lua:4: 'retry.statuses' must be a list of strings or numbers in sinks.x.retry" },
        { "{\nheaders = { a = 1 } }",
          "m.lua:4: 'headers' must be a table of names and strings in sinks.x" },
        { "{\nheaders = { 'a: b' } }",
          "m.lua:4: 'headers' must be a table of names and strings in sinks.x" },
        { "{\nheaders = 'a: b' }",
          "m.lua:4: 'headers' must be a table of names and strings in sinks.x" },
        { "{\n['retry.attempts'] = 5 }", "m.lua:4: unknown key 'retry.attempts' in sinks.x" },
        { "{\nretry = { attempts = 5,\ntries = 6 } }",
          "m.lua:5: 'tries' is another name of 'attempts': say one of them in sinks.x.retry" },
        { "{\nurl = {} }", "m.lua:4: 'url' must be a string in sinks.x" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options o;
        mcr_errbuf err = { "" };
        assert_int_equal(read_options(cases[i].table, &o, &err), MCR_ECONFIG);
        assert_string_equal(err.text, cases[i].says);
        mcr_options_fini(&o, list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_reach_their_place),
        cmocka_unit_test(mistakes_are_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
