// config/config.h: what a configuration may say, and the message for everything it may not.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
// cmocka.h wants the five above first.
#include <cmocka.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/buf.h"
#include "config/config.h"
#include "config/config_line.h"

static char folder[] = "/tmp/mooncrier-config-XXXXXX";
static char config_path[64];

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_folder(void **state)
{
    (void)state;
    char path[128];
    assert_non_null(mkdtemp(folder));
    snprintf(config_path, sizeof config_path, "%s/mooncrier.lua", folder);
    snprintf(path, sizeof path, "%s/lib", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file("a.lua", "return {}");
    write_file("b.lua", "return {}");
    write_file("lib/c.lua", "return {}");
    write_file("secret", "s3cret\n");
    setenv("MOONCRIER_TEST", "from the environment", 1);
    return 0;
}

static mcr_config *load(const char *text, mcr_errbuf *err)
{
    write_file("mooncrier.lua", text);
    err->text[0] = '\0';
    return mcr_config_load(config_path, err);
}

static mcr_config *load_fine(const char *text)
{
    mcr_errbuf err;
    mcr_config *config = load(text, &err);
    if (!config)
        fail_msg("%s", err.text);
    return config;
}

// Around what a case is about.
#define SOURCES  "sources = { { kind = 'jsonl', path = 'in.jsonl' } },\n"
#define SINKS    "sinks = { out = { kind = 'stdout' }, keep = { kind = 'file', path = 'x' } },\n"
#define WATCHERS "watchers = { { name = 'w' } },\n"
#define WATCHER(keys)                                                                              \
    "return {\n" SOURCES SINKS "watchers = {\n{ name = 'w' },\n{ " keys " },\n},\n}"

typedef struct bad_case {
    const char *text;
    const char *want; // behind the path
} bad_case;

static void refuses(void **state)
{
    (void)state;
    static const bad_case cases[] = {
        { "", ": must return a table, not nothing" },
        { "return 5", ": must return a table, not number" },
        { "return {\n  sources = {,\n}", ":2: unexpected symbol near ','" },
        { "local x = 1\nerror('oh')", ":2: oh" },
        { "return {\n\n  x = os.time() }", ":3: undefined global 'os'" },
        { "return { x = env 'MOONCRIER_NOT_SET' }",
          ":1: environment variable MOONCRIER_NOT_SET is not set" },
        { "return {\n x = file '/nowhere/at/all' }",
          ":2: /nowhere/at/all: No such file or directory" },
        { "return {}", ": 'sources' is missing" },
        { "return { sources = {} }", ":1: 'sources' lists no source" },
        { "return { sources = 5 }", ":1: 'sources' must be a table, not a number" },
        { "return { sources = 'x' }", ":1: 'sources' must be a table, not a string" },
        { "return { sources = { kind = 'jsonl' } }",
          ":1: 'sources' is a list, but it has a key 'kind'" },
        { "return { sources = { 'jsonl' } }", ":1: a source is a table in sources" },
        { "return { sources = { {} } }", ":1: 'kind' is missing in sources[1]" },
        { "return {\n sources = {\n { kind = 'jsnol' } } }",
          ":3: no source of kind 'jsnol'; did you mean 'jsonl'? in sources[1]" },
        { "return {\n sources = {\n { kind = 'zzz' } } }",
          ":3: no source of kind 'zzz' in sources[1]" },
        { "return {\n sources = {\n { kind = 5 } } }",
          ":3: 'kind' must be a string, not a number in sources[1]" },
        { "return {\n sources = {\n { kind = 'jsonl', paht = '-' } } }",
          ":3: unknown key 'paht'; did you mean 'path'? in sources[1]" },
        { "return {\n sources = {\n{ kind = 'jsonl', path = 'a' },\n{ kind = 'jsonl', path = true "
          "} } }",
          ":4: 'path' must be a string in sources[2]" },
        { "return { " SOURCES "}", ": 'watchers' is missing" },
        { "return { " SOURCES WATCHERS "\nwacthers = {} }",
          ":4: unknown key 'wacthers'; did you mean 'watchers'?" },
        { "return { " SOURCES WATCHERS "[5] = 1 }", ":3: unknown key '[5]'" },
        { "return { " SOURCES WATCHERS "dead_letters = true }",
          ":3: 'dead_letters' must be a string, not a boolean" },
        { "return { " SOURCES WATCHERS "scripts = '/nowhere' }",
          ":3: scripts folder '/nowhere': No such file or directory" },
        { "return { " SOURCES WATCHERS "limits = { evnt = 1 } }",
          ":3: unknown key 'evnt'; did you mean 'event'? in limits" },
        { "return { " SOURCES WATCHERS "limits = { event = '1xB' } }", ":3: " },
        { "return { " SOURCES WATCHERS "limits = { event = 10 } }",
          ":3: 'event' must be from 1KiB to 1GiB in limits" },
        { "return { " SOURCES WATCHERS "limits = { event = '2GiB' } }",
          ":3: 'event' must be from 1KiB to 1GiB in limits" },
        { "return { " SOURCES WATCHERS "limits = { memory = '1MiB' } }",
          ":3: 'memory' must be from 8MiB to 16GiB in limits" },
        { WATCHER("memory = '1MiB'"), ":6: 'memory' must be from 8MiB to 16GiB in watchers[2]" },
        { WATCHER("memory = '100GiB'"), ":6: 'memory' must be from 8MiB to 16GiB in watchers[2]" },
        { "return { " SOURCES WATCHERS "limits = { emit = 0 } }",
          ":3: 'emit' must be from 1 to 16777216 in limits" },
        { "return { " SOURCES "sinks = { 'out' }, }", ":2: 'sinks' maps names to tables" },
        { "return { " SOURCES "sinks = {\n a = { kind = 'webhook', url = 'http://h',\n retry = {\n"
          "attempts = 0, deadline = 0 } } } }",
          ":5: 'retry.attempts' and 'retry.deadline' cannot both be 0: one must end the tries in "
          "sinks.a.retry" },
        { "return { " SOURCES "sinks = {\n a = { kind = 'webhook', url = 'http://h',\n"
          "tls = { key = 'k' } } } }",
          ":4: 'tls.cert' and 'tls.key' need each other in sinks.a.tls" },
        { "return { " SOURCES "sinks = {\n a = {\n kind = 'webhook', url = 'http://h',\n"
          "batch = { events = 0 } } } }",
          ":5: 'batch.events' must be from 1 to 100000 in sinks.a.batch" },
        { "return { " SOURCES "sinks = { out = 'stdout' }, }", ":2: 'sinks' maps names to tables" },
        { "return { " SOURCES "sinks = { log = { kind = 'stdout' } }, }",
          ":2: 'log' is the built-in sink of `log = …` in sinks" },
        { "return { " SOURCES "sinks = {\nout = {} }, }", ":3: 'kind' is missing in sinks.out" },
        { "return { " SOURCES "sinks = {\nout = { kind = 'stdoot' } }, }",
          ":3: no sink of kind 'stdoot'; did you mean 'stdout'? in sinks.out" },
        { "return { " SOURCES
          "sinks = {\nout = { kind = 'stdout' },\nb = { kind = 'file', pth = 'x' } }, }",
          ":4: unknown key 'pth'; did you mean 'path'? in sinks.b" },
        { "return { " SOURCES "watchers = {} }", ":2: 'watchers' lists no watcher" },
        { "return { " SOURCES "watchers = { w = {} } }",
          ":2: 'watchers' is a list, but it has a key 'w'" },
        { "return { " SOURCES "watchers = { 'w' } }", ":2: a watcher is a table in watchers" },
        { WATCHER("script = { 'a.lua', allow = { 'io', 'fii' } }"),
          ":6: allow: unknown grant 'fii'; did you mean 'ffi'? in watchers[2]" },
        { WATCHER("script = { 'a.lua', allow = { 'everything' } }"),
          ":6: allow: unknown grant 'everything'; there are c_modules, debug, env, ffi, io, jit, "
          "os "
          "in watchers[2]" },
        { WATCHER("script = { 'a.lua', allow = { 5 } }"),
          ":6: 'allow' is a list of names such as \"io\" in watchers[2]" },
        { WATCHER("nmae = 'x'"), ":6: unknown key 'nmae'; did you mean 'name'? in watchers[2]" },
        { WATCHER("name = 5"), ":6: 'name' must be a string in watchers[2]" },
        { WATCHER("name = 'w'"), ":6: a second watcher called 'w' in watchers[2]" },
        { WATCHER("queue = 0"), ":6: 'queue' must be from 1 to 16777216 in watchers[2]" },
        { WATCHER("queue = 1e9"), ":6: 'queue' must be from 1 to 16777216 in watchers[2]" },
        { WATCHER("queue = 1.5"), ":6: " },
        { WATCHER("queue = -1"), ":6: " },
        { WATCHER("on_error = 'dorp'"), ":6: " },
        { WATCHER("log = 'strctured'"), ":6: log: " },
        { WATCHER("script = 'c.lua'"), ":6: no script 'c.lua' beside the configuration, and none "
                                       "are installed with this program: "
                                       "where they are is said by scripts = \"FOLDER\" in "
                                       "watchers[2]" },
        { WATCHER("script = 5"), ":6: a script is a path or { path, parameters } in watchers[2]" },
        { WATCHER("script = {}"), ":6: a script's first item is its path in watchers[2]" },
        { WATCHER("scripts = 'a.lua'"),
          ":6: 'scripts' must be a table, not a string in watchers[2]" },
        { WATCHER("scripts = { 'a.lua', threshold = 5 }"),
          ":6: 'scripts' is a list, but it has a key 'threshold' in watchers[2]" },
        { WATCHER("scripts = { { 'a.lua', 'b.lua' } }"),
          ": a script is { path, name = value, … }, but this has a second item in watchers[2]" },
        { WATCHER("script = { 'a.lua', on = print }"), ":6: undefined global 'print'" },
        { WATCHER("script = { 'a.lua', on = table.concat }"),
          ":6: parameter 'on' holds a function; parameters are strings, numbers, booleans and "
          "tables of them in watchers[2]" },
        { WATCHER("script = { 'a.lua', deep = { { x = env } } }"),
          ":6: parameter 'deep' holds a function; " },
        { WATCHER("script = { 'a.lua', n = 5LL }"), ":6: parameter 'n' holds a cdata value; " },
        { WATCHER("script = { 'a.lua', t = { [{}] = 1 } }"),
          ":6: parameter 't' has a key that is a table in watchers[2]" },
        { WATCHER("script = { 'a.lua', t = (function() local t = {} t.t = t return t end)() }"),
          ":6: parameter 't' is nested too deep, or in a circle in watchers[2]" },
        { WATCHER("sinks = 'out'"), ":6: 'sinks' must be a table, not a string in watchers[2]" },
        { WATCHER("sinks = { 5 }"), ":6: 'sinks' is a list of sink names in watchers[2]" },
        { WATCHER("sinks = { out = true }"),
          ":6: 'sinks' is a list, but it has a key 'out' in watchers[2]" },
        { WATCHER("sinks = { 'kepe' }"),
          ":6: unknown sink 'kepe'; did you mean 'keep'? in watchers[2]" },
        { WATCHER("sinks = { 'zzz' }"), ":6: unknown sink 'zzz' in watchers[2]" },
        { WATCHER("sinks = { 'out', 'keep', 'out' }"),
          ":6: sink 'out' is listed twice in watchers[2]" },
        { WATCHER("sinks = { 'out' }, fallback = { 'keep' }"),
          ":6: fallback 'keep' is not among its sinks in watchers[2]" },
        { WATCHER("sinks = { 'out' }, fallback = { 'log' }"),
          ":6: unknown sink 'log' in watchers[2]" },
        { WATCHER("sinks = { 'out' }, fallback = { 5 }"),
          ":6: 'fallback' is a list of sink names in watchers[2]" },
        { WATCHER("sinks = { 'out' }, fallback = 'out'"),
          ":6: 'fallback' must be a table, not a string in watchers[2]" },
    };
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_errbuf err;
        mcr_config *config = load(cases[i].text, &err);
        char want[512];
        size_t n = (size_t)snprintf(want, sizeof want, "%s%s", config_path, cases[i].want);
        // What ends in a space goes on with words of another part.
        bool whole = want[n - 1] != ' ';
        if (whole ? strcmp(err.text, want) != 0 : strncmp(err.text, want, n) != 0) {
            print_error("%s\ngives: %s\nnot:   %s\n", cases[i].text, config ? "no error" : err.text,
                        want);
            wrong++;
        }
        mcr_config_unref(config);
    }
    assert_int_equal(wrong, 0);
}

static void refuses_too_many_sinks(void **state)
{
    (void)state;
    mcr_buf text = { 0 };
    mcr_buf_puts(&text, "local sinks, names = {}, {}\n"
                        "for i = 1, 52 do\n"
                        "  names[i] = 's' .. i sinks[names[i]] = { kind = 'stdout' }\n"
                        "end\n"
                        "return { " SOURCES " sinks = sinks, watchers = { { sinks = names } } }");
    mcr_errbuf err;
    assert_null(load(mcr_buf_cstr(&text), &err));
    assert_non_null(strstr(err.text, "a watcher has at most 51 sinks in watchers[1]"));
    mcr_buf_fini(&text);
}

static void needs_the_file(void **state)
{
    (void)state;
    mcr_errbuf err;
    assert_null(mcr_config_load("/nowhere/mooncrier.lua", &err));
    assert_string_equal(err.text, "/nowhere/mooncrier.lua: No such file or directory");
    assert_null(mcr_config_load(folder, &err));
    assert_non_null(strstr(err.text, ": Is a directory"));
}

static void reads_everything(void **state)
{
    (void)state;
    char text[2048], dead[64];
    snprintf(text, sizeof text,
             "return {\n"
             "  scripts = 'lib', dead_letters = file '%s/secret' .. env 'MOONCRIER_TEST',\n"
             "  limits = { event = '1MiB', emit = 5 },\n"
             "  sources = { { kind = 'jsonl', name = 'in', path = '-' }, { kind = 'jsonl', path = "
             "'in.jsonl' } },\n"
             "  sinks = { out = { kind = 'stdout' }, keep = { kind = 'file', path = 'x' } },\n"
             "  watchers = {\n"
             "    { name = 'first', queue = 7, group = 'g', on_error = 'pass', log = 'json',\n"
             "      scripts = { 'a.lua', { 'c.lua', n = 5 } }, sinks = { 'out', 'keep' },\n"
             "      fallback = { 'keep', 'log' } },\n"
             "    { script = 'b.lua', fallback = {} },\n"
             "    {},\n"
             "  },\n"
             "}",
             folder);
    mcr_config *c = load_fine(text);
    snprintf(dead, sizeof dead, "s3cret%s", "from the environment");
    assert_string_equal(c->dead_letters, dead);
    assert_string_equal(c->dir, folder);
    assert_int_equal(c->event_limit, 1 << 20);
    assert_int_equal(c->emit_queue, 5);
    assert_int_equal(c->source_n, 2);
    assert_string_equal(c->sources[0].name, "in");
    assert_null(c->sources[1].name);
    assert_int_equal(c->sink_n, 2); // sorted by name
    assert_string_equal(c->sinks[0].name, "keep");
    assert_string_equal(c->sinks[1].name, "out");
    assert_int_equal(c->watcher_n, 3);
    const mcr_config_watcher *w = c->watchers;
    assert_string_equal(w->name, "first");
    assert_string_equal(w->group, "g");
    assert_string_equal(w->log_format, "json-log");
    assert_int_equal(w->queue, 7);
    assert_int_equal(w->on_error, MCR_ON_ERROR_PASS);
    assert_int_equal(w->script_n, 2);
    assert_string_equal(w->scripts[0].name, "a.lua");
    assert_int_equal(w->scripts[0].params, LUA_NOREF);
    assert_string_equal(w->scripts[1].path + strlen(folder), "/lib/c.lua");
    assert_int_not_equal(w->scripts[1].params, LUA_NOREF);
    assert_int_equal(w->sink_n, 2);
    assert_int_equal(w->sinks[0], 1);
    assert_int_equal(w->sinks[1], 0);
    assert_int_equal(w->fallback, 2 | 4); // its sinks: out, keep, log
    w++;
    assert_string_equal(w->name, "watcher2");
    assert_int_equal(w->queue, 1000);
    assert_int_equal(w->on_error, MCR_ON_ERROR_DEAD_LETTER);
    assert_int_equal(w->fallback, 0);
    w++;
    assert_string_equal(w->name, "watcher3");
    assert_true(w->fallback == UINT64_MAX);
    assert_int_equal(w->script_n, 0);
    mcr_config_unref(c);
}

static void reads_grants(void **state)
{
    (void)state;
    mcr_config *c =
        load_fine(WATCHER("scripts = { { 'a.lua', x = 1, allow = { 'io', 'ffi', 'io' } },\n"
                          "'a.lua', { 'a.lua', allow = {} } }"));
    mcr_buf names = { 0 };
    mcr_grants_print(&names, c->watchers[1].scripts[0].allow, " ");
    assert_string_equal(mcr_buf_cstr(&names), "ffi io");
    mcr_buf_fini(&names);
    assert_int_equal(c->watchers[1].scripts[1].allow, 0);
    assert_int_equal(c->watchers[1].scripts[2].allow, 0);
    lua_State *L = luaL_newstate();
    mcr_config_push_params(c, &c->watchers[1].scripts[0], L); // a grant is no parameter
    lua_getfield(L, -1, "allow");
    assert_true(lua_isnil(L, -1));
    lua_close(L);
    mcr_config_unref(c);
}

// Parameters arrive in the script's state as they were written.
static void copies_params(void **state)
{
    (void)state;
    mcr_config *c = load_fine(
        WATCHER("script = { 'a.lua', s = 'a\\0b', n = 1.5, yes = true, no = false,\n"
                "list = { 'x', { 'y' }, {} }, map = { a = { b = { c = 1 } } }, [2.5] = nil }"));
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    mcr_config_push_params(c, &c->watchers[1].scripts[0], L);
    lua_setglobal(L, "p");
    assert_int_equal(lua_gettop(L), 0);
    if (luaL_dostring(L, "assert(p.s == 'a\\0b' and p.n == 1.5 and p.yes == true)\n"
                         "assert(p.no == false and #p.list == 3 and p.list[1] == 'x')\n"
                         "assert(p.list[2][1] == 'y' and next(p.list[3]) == nil)\n"
                         "assert(p.map.a.b.c == 1 and p[1] == nil)\n"
                         "local n = 0 for _ in next, p do n = n + 1 end assert(n == 6)"))
        fail_msg("%s", lua_tostring(L, -1));
    mcr_config_push_params(c, &c->watchers[1].scripts[0], L); // as often as one likes
    assert_true(lua_istable(L, -1));
    lua_close(L);
    mcr_config_unref(c);

    c = load_fine(WATCHER("script = 'a.lua'"));
    L = luaL_newstate();
    mcr_config_push_params(c, &c->watchers[1].scripts[0], L);
    assert_true(lua_isnil(L, -1));
    lua_close(L);
    mcr_config_unref(c);
}

static void finds_lines(void **state)
{
    (void)state;
    static const char text[] = "-- path = 1\n"                          // 1
                               "--[[ path\n"                            // 2
                               "path ]] local note = 'sinks = { -- '\n" // 3
                               "return {\n"                             // 4
                               "  sources = { { kind = 'a' } },\n"      // 5
                               "  sinks = {\n"                          // 6
                               "    ['b-c'] = { path = [[}]] },\n"      // 7
                               "    d = { x = { path = '{' },\n"        // 8
                               "      path = \"\\\"{\" }, --}\n"        // 9
                               "  },\n"                                 // 10
                               "  watchers = {\n"                       // 11
                               "    { name = 'e' },\n"                  // 12
                               "    { name = 'e',\n"                    // 13
                               "      only = 1 },\n"                    // 14
                               "  },\n"                                 // 15
                               "}\n";
    static const struct {
        const char *where, *word;
        int line;
    } cases[] = {
        { "", "path", 7 },
        { "sinks.b-c", "path", 7 },
        { "sinks.d", "path", 8 },
        { "sinks.d.x", "path", 8 },
        { "watchers[1]", "name", 12 },
        { "watchers[2]", "name", 13 },
        { "watchers[2]", "e", 13 },
        { "watchers[1]", "only", 14 },
        { "watchers[9]", "name", 12 },
        { "nowhere[1]", "name", 12 },
        { "sources[1]", "kind", 5 },
        { "", "absent", 0 },
        { "", "pat", 0 },
        { "watchers", "watchers", 11 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int line = mcr_config_line(text, cases[i].where, cases[i].word);
        if (line != cases[i].line)
            fail_msg("'%s' in '%s' is on line %d, not %d", cases[i].word, cases[i].where, line,
                     cases[i].line);
    }
    static const char *const odd[] = { "",      "{",    "}", "x = {{{", "x = [[",
                                       "x = '", "--[[", "[", "--",      "x = [==[ ]=] ]==] path" };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_in_range(mcr_config_line(odd[i], "x[2].y", "path"), 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses),        cmocka_unit_test(refuses_too_many_sinks),
        cmocka_unit_test(needs_the_file), cmocka_unit_test(reads_everything),
        cmocka_unit_test(copies_params),  cmocka_unit_test(reads_grants),
        cmocka_unit_test(finds_lines),
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
