// script/script.h: loading scripts, init, ticks, fini, and expressions.

#include "harness.h"

#include <lauxlib.h>
#include <lua.h>

static void ticks(void **state)
{
    (void)state;
    static const struct {
        const char *every;
        int64_t period;
    } periods[] = { { "'30s'", 30000 }, { "0.25", 250 }, { "nil", 1000 }, { "'250ms'", 250 } };
    const int64_t ms = 1000000, start = 1795410000 * INT64_C(1000000000);
    for (size_t i = 0; i < sizeof periods / sizeof *periods; i++) {
        char text[256];
        mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
        snprintf(text, sizeof text,
                 "return { tick_every = %s, tick = function(now)\n"
                 "  assert(now == time.now()) shared.add('ticks') end,\n"
                 "  filter = function(e) return shared.get('ticks') == e.count end }",
                 periods[i].every);
        load_text(s, text, "t");
        run_init(s);
        const mcr_hooks *hooks = mcr_scripts_hooks(s);
        int64_t due = hooks->tick(hooks->self, start);
        assert_in_range(due, start + periods[i].period * ms - 1000, start + periods[i].period * ms);
        // Exactly when it asked for it, on time each time.
        for (int n = 2; n < 50; n++) {
            int64_t next = hooks->tick(hooks->self, due);
            assert_in_range(next - due, periods[i].period * ms - 1000,
                            periods[i].period * ms + 1000);
            due = next;
        }
        // Late by ten periods: once, and again a whole period later.
        int64_t late = due + 10 * periods[i].period * ms;
        int64_t next = hooks->tick(hooks->self, late);
        assert_in_range(next - late, periods[i].period * ms - 1000, periods[i].period * ms + 1000);
        assert_int_equal(mcr_scripts_counts_now(s).script_errors, 0);
        mcr_event *ev = numbered_event(50); // 49 ticks so far: the first sets the time
        mcr_verdict v = { .ev = ev };
        hooks->handle(hooks->self, &v, 1, late);
        assert_int_equal(v.outcome, MCR_DROP);
        mcr_event_unref(ev);
        mcr_scripts_free(s);
    }
}

static void survives_failing_ticks(void **state)
{
    (void)state;
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    load_text(s, "return { tick = function() error('t') end, fini = function() error('f') end }",
              "t");
    run_init(s);
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    const int64_t second = 1000000000;
    assert_int_equal(hooks->tick(hooks->self, second), 2 * second);
    assert_int_equal(hooks->tick(hooks->self, 2 * second), 3 * second);
    hooks->fini(hooks->self, 3 * second);
    assert_int_equal(mcr_scripts_counts_now(s).script_errors, 2);
    mcr_scripts_free(s);
}

typedef struct load_case {
    const char *text;
    const char *want; // how the message begins
} load_case;

static void refuses_scripts(void **state)
{
    (void)state;
    static const load_case cases[] = {
        { "return 5", "PATH: a script must return a table of hooks, not a number" },
        { "local x = 1", "PATH: a script must return a table of hooks, not nothing" },
        { "return {\n  fliter = function() end\n}",
          "PATH:2: unknown hook 'fliter'; did you mean 'filter'?" },
        { "return {\n  -- tick_evry is a word\n  tick_evry = 5\n}",
          "PATH:3: unknown hook 'tick_evry'; did you mean 'tick_every'?" },
        { "return {\n\n  handle = 'x' }",
          "PATH:3: hook 'handle' must be a function, not a string" },
        { "return { function() end }", "PATH:1: unknown hook '1'" },
        { "return { tick_every = 'soon', tick = function() end }",
          "PATH: tick_every must be a duration such as \"30s\", not soon" },
        { "return { tick_every = 0, tick = function() end }",
          "PATH: tick_every must be a duration such as \"30s\", not 0" },
        { "return {", "PATH:1: unexpected symbol near '<eof>'" },
        { "local x\nerror('loud')", "PATH:2: loud\nstack traceback:\n" },
        { "\nx = 1", "PATH:2: assignment to global 'x'; make it local\n" },
        { "\n\nreturn josn", "PATH:3: undefined global 'josn'; did you mean 'json'?\n" },
        { "\033LJ\002", "PATH: this is bytecode; scripts are text" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = write_scratch("s.lua", cases[i].text);
        mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
        mcr_errbuf err = { "" };
        lua_pushnil(mcr_scripts_state(s));
        assert_int_equal(mcr_scripts_load(s, path, path, &err), MCR_ECONFIG);
        char want[512];
        snprintf(want, sizeof want, "%s%s", path, cases[i].want + strlen("PATH"));
        if (strncmp(err.text, want, strlen(want)) != 0)
            fail_msg("%s\nis not: %s", err.text, want);
        if (strstr(err.text, "mooncrier/"))
            fail_msg("our own frames are in %s", err.text);
        // The state goes on: another script loads and runs.
        load_text(s, "return { filter = function() end }", "fine");
        assert_non_null(mcr_scripts_hooks(s)->handle);
        mcr_scripts_free(s);
    }
}

static void refuses_a_second_route(void **state)
{
    (void)state;
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    load_text(s, "return { route = function() end }", "a.lua");
    mcr_errbuf err;
    assert_int_equal(
        mcr_scripts_load_text(s, MCR_STR("return {\n route = function() end }"), "b.lua", &err),
        MCR_ECONFIG);
    assert_string_equal(err.text,
                        "b.lua:2: a second route hook in one watcher; the first is in a.lua");
    mcr_scripts_free(s);
}

static void asks_init(void **state)
{
    (void)state;
    static const struct {
        const char *init;
        const char *want; // NULL: it starts
    } cases[] = {
        { "", NULL },
        { "return true", NULL },
        { "return nil, 'x'", NULL },
        { "assert(params.n == 3 and params.list[2] == 'b')", NULL },
        { "return false, 'no reason to start'", "s: init refused: no reason to start" },
        { "return false", "s: init refused: no reason given" },
        { "error('boom')", "s: init: " },
        { "error({})", "s: init: " },
        { "local x = params.n.n.n", "s: init: " },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text, "return { init = function(params) %s end }", cases[i].init);
        const char *path = write_scratch("init.lua", text);
        mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
        mcr_errbuf err = { "" };
        assert_int_equal(
            luaL_dostring(mcr_scripts_state(s), "return { n = 3, list = { 'a', 'b' } }"), 0);
        assert_int_equal(mcr_scripts_load(s, path, "s", &err), MCR_OK);
        assert_int_equal(mcr_scripts_init(s, 0, &err), cases[i].want ? MCR_ESCRIPT : MCR_OK);
        if (cases[i].want && strncmp(err.text, cases[i].want, strlen(cases[i].want)) != 0)
            fail_msg("%s: %s", cases[i].init, err.text);
        assert_int_equal(lua_gettop(mcr_scripts_state(s)), 0);
        mcr_scripts_free(s);
    }
}

static void evaluates(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        const char *want;
    } cases[] = {
        { "true", "R1 R2 R3" },
        { "event.count > 1", "drop R2 R3" },
        { "event.count > 1 -- a comment", "drop R2 R3" },
        { "nil", "drop drop drop" },
        { "0", "R1 R2 R3" },
        { "event:with{ reason = 'X' }", "X X X" },
        { "{ reason = 'T' .. event.count }", "T1 T2 T3" },
        { "event.metadata", "R1 R2 R3" },
        { "if event.count == 2 then return event end", "drop R2 drop" },
        { "local n = event.count return n ~= 2", "R1 drop R3" },
        { "local n = event.count\nreturn n ~= 2", "R1 drop R3" },
        { "event.cuont", "refused refused refused" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
        mcr_errbuf err;
        assert_int_equal(mcr_scripts_load_eval(s, mcr_str_of(cases[i].expression), &err), MCR_OK);
        run_init(s);
        const mcr_hooks *hooks = mcr_scripts_hooks(s);
        batch b;
        batch_fill(&b, 3);
        hooks->handle(hooks->self, b.v, 3, 0);
        if (strcmp(batch_text(&b), cases[i].want) != 0)
            fail_msg("%s: %s", cases[i].expression, batch_text(&b));
        batch_release(&b);
        mcr_scripts_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks),           cmocka_unit_test(survives_failing_ticks),
        cmocka_unit_test(refuses_scripts), cmocka_unit_test(refuses_a_second_route),
        cmocka_unit_test(asks_init),       cmocka_unit_test(evaluates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
