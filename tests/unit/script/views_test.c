// script/script.h: events that scripts keep past their hook, properly or not.

#include "harness.h"

#include <lua.h>

// Views that scripts kept: whatever they do with them is an error at most.
static void guards_what_scripts_keep(void **state)
{
    (void)state;
    static const char *const uses[] = {
        "v.reason",
        "v.metadata",
        "v.metadata.name",
        "v.metadata.labels.a",
        "v.involvedObject.name",
        "v:get('reason')",
        "v:with{ reason = 'x' }",
        "v:with{ metadata = { name = 'x' } }",
        "v:keep()",
        "tostring(v)",
        "json.encode(v)",
        "json.encode({ v })",
        "emit(v)",
        "shared.set('k', v)",
        "v.time",
        "v.occurrences",
        "new_event{ involvedObject = v }",
        "string.format('%s', v)",
        "('x'):rep(3, tostring(v))",
    };
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        char text[1024];
        mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
        snprintf(text, sizeof text,
                 "local v\n"
                 "return { handle = function(e)\n"
                 "  if e.count == 1 then v = e return end\n"
                 "  if e.count == 3 then v = e:with{ reason = 'mine' } return end\n"
                 "  local x = %s\n"
                 "end }",
                 uses[i]);
        load_text(s, text, "stale");
        run_init(s);
        const mcr_hooks *hooks = mcr_scripts_hooks(s);
        batch b;
        for (int round = 0; round < 3; round++) {
            batch_fill(&b, 4);
            hooks->handle(hooks->self, b.v, 4, 0);
            if (strcmp(batch_text(&b), "R1 refused R3 refused") != 0)
                fail_msg("%s: %s", uses[i], batch_text(&b));
            batch_release(&b);
        }
        assert_int_equal(mcr_scripts_counts_now(s).script_errors, 6);
        mcr_scripts_free(s);
    }
}

// Parts, and parts in closures and coroutines, after their hook.
static void guards_parts_and_coroutines(void **state)
{
    (void)state;
    static const char *const kept[] = {
        "local p = e.metadata.labels keep = function() return p.a end",
        "local p = e.metadata.labels keep = function() return #p end",
        "local p = e.involvedObject keep = function() return p.name end",
        "local p = e.metadata keep = function() return p.labels end",
        "local p = e.series keep = function() return p.count end",
        "local p = e.source keep = function() return tostring(p) end",
        "local p = e.metadata.labels keep = function() for k in pairs(p) do end end",
        "keep = coroutine.wrap(function() coroutine.yield() return e.reason end) keep()",
        "local m = e.get keep = function() return m(e, 'reason') end",
        "local m = { e.metadata.labels } keep = function() return json.encode(m) end",
    };
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        char text[1024];
        mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
        snprintf(text, sizeof text,
                 "local keep\n"
                 "return { handle = function(e)\n"
                 "  if e.count == 1 then %s return end\n"
                 "  keep()\n"
                 "end }",
                 kept[i]);
        load_text(s, text, "kept");
        run_init(s);
        const mcr_hooks *hooks = mcr_scripts_hooks(s);
        batch b;
        batch_fill(&b, 2);
        hooks->handle(hooks->self, b.v, 2, 0);
        if (strcmp(batch_text(&b), "R1 refused") != 0)
            fail_msg("%s: %s", kept[i], batch_text(&b));
        batch_release(&b);
        mcr_scripts_free(s);
    }
}

// What is kept properly lasts, whatever the collector does; what is made is freed.
static void keeps_what_is_kept(void **state)
{
    (void)state;
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    load_text(s,
              "local kept, parts, n = {}, {}, 0\n"
              "return { handle = function(e)\n"
              "  n = n + 1\n"
              "  kept[n % 100 + 1] = e:keep()\n"
              "  for i = 1, 100 do\n" // past the 64 that need no collector
              "    local made = e:with{ reason = 'M' .. i, message = ('x'):rep(100) }\n"
              "    parts[i] = made:keep().involvedObject\n"
              "    assert(made.reason == 'M' .. i)\n"
              "  end\n"
              "  for _, event in next, kept do assert(event.message == 'm') end\n"
              "  for i = 1, #parts do assert(parts[i].name == '') end\n"
              "  return e:with{ reason = 'last' }\n"
              "end }",
              "gc");
    run_init(s);
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    for (int round = 0; round < 30; round++) {
        batch b;
        batch_fill(&b, 8);
        hooks->handle(hooks->self, b.v, 8, 0);
        assert_string_equal(batch_text(&b), "last last last last last last last last");
        batch_release(&b);
        lua_gc(mcr_scripts_state(s), LUA_GCCOLLECT, 0);
    }
    assert_int_equal(mcr_scripts_counts_now(s).script_errors, 0);
    mcr_scripts_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guards_what_scripts_keep),
        cmocka_unit_test(guards_parts_and_coroutines),
        cmocka_unit_test(keeps_what_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
