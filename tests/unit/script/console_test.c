// The console: what is typed at a prompt runs in the sandbox of scripts, and nothing that is typed
// ends it.

#include <pthread.h>
#include <unistd.h>

#include "harness.h"
#include "script/console.h"

static mcr_console *console;
static mcr_buf out, why;

static mcr_console_result call(const char *name, const char *text)
{
    out.len = why.len = 0;
    return mcr_console_call(console, name, mcr_str_of(text), &out, &why);
}

static void gives(const char *name, const char *text, const char *printed)
{
    mcr_console_result result = call(name, text);
    assert_string_equal(mcr_buf_cstr(&why), "");
    assert_string_equal(mcr_buf_cstr(&out), printed);
    assert_int_equal(result, MCR_CONSOLE_DONE);
}

static void fails(const char *name, const char *text, const char *message)
{
    mcr_console_result result = call(name, text);
    assert_string_equal(mcr_buf_cstr(&why), message);
    assert_int_equal(result, MCR_CONSOLE_FAILED);
}

static int set_up(void **state)
{
    (void)state;
    console = mcr_console_new(&(mcr_console_options){ .deadline = 200000000 });
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mcr_console_free(console);
    mcr_buf_fini(&out);
    mcr_buf_fini(&why);
    return 0;
}

static void load(int n)
{
    mcr_event *events[8];
    for (int i = 0; i < n; i++)
        events[i] = numbered_event(i + 1);
    mcr_console_take_events(console, events, (size_t)n);
    call("loaded", "test");
}

static void test_expressions_and_statements(void **state)
{
    (void)state;
    gives("enter", "1 + 1", "2\n");
    gives("enter", "= 'x' .. 1", "\"x1\"\n");
    gives("enter", "x = 3", "");
    gives("enter", "local y = x * 2", "");
    gives("enter", "y, nil, true", "6\tnil\ttrue\n");
    gives("enter", "_", "6\n");
    gives("enter", "nil", "nil\n");
    gives("enter", "'<a&b>\\n\\\\u0026\\1'", "\"<a&b>\\n\\\\u0026\\u0001\"\n");
    gives("enter", "{ [7] = 1, x = {}, ['a b'] = { 1, 2 } }",
          "{ [7] = 1, [\"a b\"] = { 1, 2 }, x = {} }\n");
    gives("enter", "local function twice(n) return 2 * n end", "");
    gives("enter", "twice(21)", "42\n");
    gives("enter", "local a, b = 1, 2", "");
    gives("enter", "a + b", "3\n");
    gives("enter", "print('a', 1, { b = 2 })", "a\t1\t{ b = 2 }\n");
    gives("enter", "  ", "");
    gives("enter", "match.glob('web-*')('web-1')", "true\n");
    gives("enter", "require('mooncrier.template') == template", "true\n");
}

static void test_incomplete_input_goes_on(void **state)
{
    (void)state;
    static const char *const beginnings[] = { "for i = 1, 2 do", "x = {",       "function f()", "(",
                                              "'a' ..",          "if true then" };
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        assert_int_equal(call("enter", beginnings[i]), MCR_CONSOLE_MORE);
    gives("enter", "for i = 1, 2 do\nprint(i)\nend", "1\n2\n");
}

static void test_mistakes_are_told(void **state)
{
    (void)state;
    fails("enter", "x y", "'=' expected near 'y'\n");
    fails("enter", "evnts", "undefined global 'evnts'; did you mean 'events'?\n");
    fails("enter", "event", "there is no event yet: :load FILE reads some\n");
    fails("enter", "io.open('/etc/passwd')",
          "undefined global 'io'; the configuration can grant it: allow = { \"io\" }\n");
    fails("enter", "error('so', 0)", "so\n");
    fails("enter", "setmetatable({}, { __tostring = error })()",
          "attempt to call a table value: setmetatable or setmetatable(…)\n");
    fails("next", "", "there are no events yet: :load FILE reads some\n");
    fails("current", "", "`event` is no event: :load FILE reads some, :next goes on\n");
    gives("enter", "1", "1\n");
}

static void test_events(void **state)
{
    (void)state;
    load(3);
    gives("enter", "#events", "3\n");
    gives("enter", "print('first', event)", "first\tR1: m\n");
    gives("enter", "event.reason, events[2].reason", "\"R1\"\t\"R2\"\n");
    gives("next", "", "2 of 3: R2 ×2: m\n");
    gives("next", "3", "3 of 3: R3 ×3: m\n");
    fails("next", "4", "there are events 1 to 3\n");
    fails("next", "", "that was the last one\n");
    gives("filter", "event.count >= 2",
          "2 of 3 events (66.7 %); they are in `matching`, and :next goes through them\n"
          "2 of 3: R2 ×2: m\n");
    gives("enter", "#matching", "2\n");
    gives("filter", "event.count > 5", "0 of 3 events (0.0 %)\n");
    fails("filter", "event.cuont", "no field 'cuont'; did you mean 'count'?\n");
    gives("where", "", "2/3\n");
    load(1);
    gives("enter", "#events", "1\n");
}

static void test_emitted_is_shown(void **state)
{
    (void)state;
    load(1);
    gives("enter", "emit(event, 'slack')", "emitted to 'slack': R1: m\ntrue\n");
    gives("enter", "emitted[1].sink, emitted[1].event.reason", "\"slack\"\t\"R1\"\n");
}

static void test_a_runaway_is_stopped(void **state)
{
    (void)state;
    load(2);
    gives("enter", "x = 1", "");
    fails("enter", "while true do end", "deadline: stopped after 0.2 s\n");
    gives("enter", "x", "1\n");
    fails("time", "(function() while true do end end)()", "deadline: stopped after 0.2 s\n");
    gives("enter", "event.reason", "\"R1\"\n");
}

static void test_a_state_that_is_lost_is_made_anew(void **state)
{
    (void)state;
    load(2);
    gives("enter", "x = 1", "");
    fails("enter", "('a'):rep(60):find(('a?'):rep(60) .. ('a'):rep(60))",
          "deadline: cut off after 0.2 s, in a library function that does not end\n"
          "the session starts anew: variables are lost\n");
    fails("enter", "x", "undefined global 'x'\n");
    gives("enter", "#events, event.reason", "2\t\"R1\"\n");
}

static void *interrupt_soon(void *arg)
{
    (void)arg;
    usleep(20000);
    mcr_console_interrupt(console);
    return NULL;
}

static void test_interrupted(void **state)
{
    (void)state;
    mcr_console_free(console);
    console = mcr_console_new(&(mcr_console_options){ .deadline = INT64_C(60000000000) });
    pthread_t thread;
    pthread_create(&thread, NULL, interrupt_soon, NULL);
    fails("enter", "while true do end", "interrupted\n");
    pthread_join(thread, NULL);
    load(2);
    pthread_create(&thread, NULL, interrupt_soon, NULL);
    fails("time", "(function() while true do end end)()", "interrupted\n");
    pthread_join(thread, NULL);
    gives("enter", "1", "1\n");
}

static void test_memory_has_a_limit(void **state)
{
    (void)state;
    mcr_console_free(console);
    console = mcr_console_new(
        &(mcr_console_options){ .deadline = INT64_C(10000000000), .memory = 8 << 20 });
    assert_int_equal(call("enter", "t = {} for i = 1, 1e8 do t[i] = { i } end"),
                     MCR_CONSOLE_FAILED);
    assert_non_null(strstr(mcr_buf_cstr(&why), "memory"));
    // Whether the state is so full that it starts anew is up to what was asked for last.
    gives("enter", "t = nil", "");
    assert_int_equal(call("enter", "t = {} for i = 1, 1e8 do t[i] = ('x'):rep(1000) .. i end"),
                     MCR_CONSOLE_FAILED);
    assert_non_null(strstr(mcr_buf_cstr(&why), "starts anew: variables are lost"));
    gives("enter", "1", "1\n");
}

static void test_scripts(void **state)
{
    (void)state;
    load(2);
    gives("script", "scripts/handlers/warnings.lua",
          "scripts/handlers/warnings.lua: filter, init\n");
    gives("enter", "script:filter(event), script.filter(event)",
          "false\tfalse\t\"not a warning\"\n");
    gives("parameters", "", "{  }\n");
    fails("enter", "script:route(event)", "scripts/handlers/warnings.lua has no route hook\n");
    fails("script", "scripts/handlers/none.lua",
          "scripts/handlers/none.lua: No such file or directory\n");
    fails("script", "scripts/handlers/warnings.lua 3",
          "the parameters of a script are a table such as { threshold = 3 }, not a number\n");
}

static void test_costs_and_bytecode(void **state)
{
    (void)state;
    load(2);
    assert_int_equal(call("time", "event.reason == 'R1'"), MCR_CONSOLE_DONE);
    assert_non_null(strstr(mcr_buf_cstr(&out), " per event ("));
    assert_int_equal(call("enter", "function f(a) return a.reason end"), MCR_CONSOLE_DONE);
    mcr_console_result listed = call("bytecode", "f");
    if (listed == MCR_CONSOLE_FAILED) // where LuaJIT's own Lua files are not installed
        assert_non_null(strstr(mcr_buf_cstr(&why), "jit/vmdef.lua"));
    else
        assert_non_null(strstr(mcr_buf_cstr(&out), "TGETS  1 0 0  ; \"reason\""));
    fails("bytecode", "error", "it is not written in Lua: there is no bytecode\n");
}

static void completes(const char *before, const char *words)
{
    gives("complete", before, words);
}

static void test_completion(void **state)
{
    (void)state;
    load(1);
    completes("event.invo", "6\ninvolvedObject\n");
    completes("x = events[1].metadata.na", "23\nname\nnamespace\n");
    completes("event:", "6\nget\nkeep\nwith\n");
    completes("templ", "0\ntemplate\n");
    completes("match.g", "6\nglob\n");
    completes("time.no", "5\nnow\n");
    completes("nothing.x", "8\n");
    completes("retu", "0\nreturn\n");
}

int main(void)
{
    mcr_log_set_level(MCR_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_expressions_and_statements, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_incomplete_input_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mistakes_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_emitted_is_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_runaway_is_stopped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_state_that_is_lost_is_made_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_interrupted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_memory_has_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_scripts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_costs_and_bytecode, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_completion, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
