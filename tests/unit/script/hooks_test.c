// script/script.h: what filter and handle return, how they fail, and what becomes of the events.

#include "harness.h"

#include <lua.h>

#include "sink/dead_letters.h"

static const char *const sinks[] = { "one", "two", "three" };

typedef struct hook_case {
    const char *what;
    const char *scripts[3]; // each `return { … }` without the words around it
    const char *want;       // batch_text of the events R1, R2, R3
    unsigned errors;
} hook_case;

static void run_case(const hook_case *c, mcr_on_error on_error, uint32_t batch_size)
{
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w", .on_error = on_error });
    for (size_t i = 0; i < 3 && c->scripts[i]; i++) {
        char text[2048], name[16];
        snprintf(text, sizeof text, "return { %s }", c->scripts[i]);
        snprintf(name, sizeof name, "s%zu", i + 1);
        load_text(s, text, name);
    }
    run_init(s);
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    batch b;
    batch_fill(&b, 3);
    for (uint32_t i = 0; hooks->handle && i < b.n; i += batch_size)
        hooks->handle(hooks->self, b.v + i, b.n - i < batch_size ? b.n - i : batch_size, 0);
    if (strcmp(batch_text(&b), c->want) != 0 ||
        mcr_scripts_counts_now(s).script_errors != c->errors)
        fail_msg("%s, %u at a time: \"%s\" with %u errors, not \"%s\" with %u", c->what, batch_size,
                 batch_text(&b), (unsigned)mcr_scripts_counts_now(s).script_errors, c->want,
                 c->errors);
    batch_release(&b);
    mcr_scripts_free(s);
}

static void follows_what_hooks_return(void **state)
{
    (void)state;
    static const hook_case cases[] = {
        { "no hooks", { "" }, "R1 R2 R3", 0 },
        { "filter true", { "filter = function() return true end" }, "R1 R2 R3", 0 },
        { "filter false", { "filter = function() return false end" }, "drop drop drop", 0 },
        { "filter nothing", { "filter = function() end" }, "drop drop drop", 0 },
        { "filter 0 and ''",
          { "filter = function(e) return e.count == 1 and 0 or e.count == 2 and '' end" },
          "R1 R2 drop",
          0 },
        { "filter by field", { "filter = function(e) return e.count ~= 2 end" }, "R1 drop R3", 0 },
        { "handle nothing", { "handle = function() end" }, "R1 R2 R3", 0 },
        { "handle true", { "handle = function() return true end" }, "R1 R2 R3", 0 },
        { "handle itself", { "handle = function(e) return e end" }, "R1 R2 R3", 0 },
        { "handle false",
          { "handle = function(e) return e.count == 2 and true end" },
          "drop R2 drop",
          0 },
        { "handle with",
          { "handle = function(e) return e:with{ reason = 'X' .. e.count } end" },
          "X1 X2 X3",
          0 },
        { "handle with a table inside",
          { "handle = function(e) return e:with{ reason = 'Y', metadata = { labels = { a = 'b' } } "
            "} "
            "end" },
          "Y Y Y",
          0 },
        { "handle new_event",
          { "handle = function(e) return new_event{ involvedObject = { name = 'o' }, reason = 'N' "
            "} "
            "end" },
          "N N N",
          0 },
        { "handle a kept one", { "handle = function(e) return e:keep() end" }, "R1 R2 R3", 0 },
        { "handle an older one",
          { "handle = function(e) KEPT.x = KEPT.x or e:keep() return KEPT.x end, "
            "init = function() end" },
          "refused refused refused",
          3 },
        { "chain in order",
          { "handle = function(e) return e:with{ reason = e.reason .. 'a' } end",
            "filter = function(e) return e.reason ~= 'R2a' end",
            "handle = function(e) return e:with{ reason = e.reason .. 'b' } end" },
          "R1ab drop R3ab",
          0 },
        { "filter before handle of one script",
          { "handle = function(e) return e:with{ reason = 'Z' } end, "
            "filter = function(e) return e.reason ~= 'R2' end" },
          "Z drop Z",
          0 },
        { "event-major",
          { "handle = function(e) shared.set('last', e.count) end",
            "filter = function(e) return shared.get('last') == e.count end" },
          "R1 R2 R3",
          0 },
        { "scripts do not see each other's refusals",
          { "filter = function(e) if e.count == 2 then error('x') end return true end",
            "handle = function(e) assert(e.count ~= 2) end" },
          "R1 refused R3",
          1 },
        { "raises", { "filter = function(e) error('no') end" }, "refused refused refused", 3 },
        { "raises a table",
          { "handle = function(e) error({}) end" },
          "refused refused refused",
          3 },
        { "raises nil", { "handle = function(e) error() end" }, "refused refused refused", 3 },
        { "raises what raises when shown",
          { "handle = function(e) error(setmetatable({}, { __tostring = function() error('x') end "
            "})) end" },
          "refused refused refused",
          3 },
        { "raises what shows no text",
          { "handle = function(e) error(setmetatable({}, { __tostring = function() return {} end "
            "})) end" },
          "refused refused refused",
          3 },
        { "recursion without end",
          { "handle = function(e) local function f() return 1 + f() end return f() end" },
          "refused refused refused",
          3 },
        { "yields",
          { "handle = function(e) coroutine.yield() end" },
          "refused refused refused",
          3 },
        { "a number from handle",
          { "handle = function(e) return 5 end" },
          "refused refused refused",
          3 },
        { "a table from handle",
          { "handle = function(e) return {} end" },
          "refused refused refused",
          3 },
        { "a part from handle",
          { "handle = function(e) return e.metadata end" },
          "refused refused refused",
          3 },
        { "reasons that are odd",
          { "filter = function(e) return false, e end", NULL },
          "drop drop drop",
          0 },
        { "reasons that raise",
          { "filter = function(e) return false, setmetatable({}, { __tostring = function() "
            "error('x') end }) end" },
          "drop drop drop",
          0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint32_t size = 1; size <= 3; size++)
            run_case(&cases[i], MCR_ON_ERROR_DEAD_LETTER, size);
}

static void follows_the_policy(void **state)
{
    (void)state;
    static const char *const script = "handle = function(e)\n"
                                      "  if e.count == 2 then error('no') end\n"
                                      "  return e:with{ reason = 'X' }\n"
                                      "end";
    run_case(&(hook_case){ "pass", { script }, "X R2 X", 1 }, MCR_ON_ERROR_PASS, 3);
    run_case(&(hook_case){ "drop", { script }, "X refused X", 1 }, MCR_ON_ERROR_DROP, 3);
    run_case(&(hook_case){ "pass on", { script, script }, "X R2 X", 2 }, MCR_ON_ERROR_PASS, 3);
}

static void keeps_dead_letters(void **state)
{
    (void)state;
    const char *path = scratch("dead.jsonl");
    static const int64_t when = 1795410000 * INT64_C(1000000000);
    mcr_clock clock = mcr_clock_fixed(&when);
    mcr_errbuf err;
    mcr_dead_letters *dead = mcr_dead_letters_open(path, &clock, &err);
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w", .dead = dead });
    load_text(s, "return { handle = function(e) return e:with{ reason = 'changed' } end }",
              "first");
    load_text(s,
              "local function deeper(e)\n"
              "  error('bad ' .. e.reason)\n"
              "end\n"
              "return {\n"
              "  handle = function(e)\n"
              "    if e.count == 1 then deeper(e) end\n"
              "    if e.count == 2 then return 5 end\n"
              "    if e.count == 3 then e:with{ count = 'x' } end\n"
              "    if e.count == 4 then json.decode('{') end\n"
              "    if e.count == 5 then error('plain', 0) end\n"
              "    if e.count == 6 then return new_event{ raeson = 'x' } end\n"
              "  end\n"
              "}",
              "second");
    run_init(s);
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    batch b;
    batch_fill(&b, 6);
    hooks->handle(hooks->self, b.v, 6, 0);
    assert_string_equal(batch_text(&b), "refused refused refused refused refused refused");
    batch_release(&b);
    mcr_scripts_free(s);
    assert_int_equal(mcr_dead_letters_count(dead), 6);
    mcr_dead_letters_close(dead);
    char *text = read_scratch(path);
    char *line = strtok(text, "\n");
    assert_string_equal(
        line, "{\"time\":\"2026-11-23T05:00:00.000000Z\",\"watcher\":\"w\",\"stage\":\"handle\","
              "\"script\":\"second\",\"reason\":\"second:2: bad changed\",\"traceback\":"
              "\"stack traceback:\\n\\tsecond:2: in function 'deeper'\\n"
              "\\tsecond:6: in function \\u003csecond:5\\u003e\","
              "\"event\":{\"metadata\":{\"name\":\"e1\"},\"reason\":\"changed\",\"message\":\"m\","
              "\"count\":1}}");
    static const char *const reasons[] = {
        "\"reason\":\"second:5: handle must return nil, true, false or an event, not a number\"",
        "\"reason\":\"second:8: event:with: the changed event is not valid: count: ",
        "\"reason\":\"second:9: not JSON: ",
        "\"reason\":\"second:10: plain\"",
        "\"reason\":\"second:5: new_event: no field 'raeson'; did you mean "
        "'reason'?\"",
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        line = strtok(NULL, "\n");
        if (!strstr(line, reasons[i]))
            fail_msg("%s is not in %s", reasons[i], line);
        if (strstr(line, "mooncrier/"))
            fail_msg("our own frames are in %s", line);
    }
    free(text);
}

static void note(void *arg, mcr_str reason, uint64_t n)
{
    char *at = arg;
    at += strlen(at);
    sprintf(at, "%.*s=%u;", (int)reason.len, reason.ptr, (unsigned)n);
}

static void counts_reasons(void **state)
{
    (void)state;
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    load_text(s,
              "return { filter = function(e)\n"
              "  if e.count == 3 then return false, 'three' end\n"
              "  if e.count == 4 then return false, 4 end\n"
              "  if e.count == 5 then return false, {} end\n"
              "  return false, 'other'\n"
              "end }",
              "f");
    run_init(s);
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    batch b;
    char text[256] = "";
    for (int round = 0; round < 2; round++) {
        batch_fill(&b, 3 + 2 * (uint32_t)round);
        hooks->handle(hooks->self, b.v, b.n, 0);
        batch_release(&b);
    }
    mcr_scripts_each_reason(s, note, text);
    assert_string_equal(text, "other=4;three=2;(a table as reason)=1;4=1;");
    mcr_scripts_free(s);
}

static void bounds_reasons(void **state)
{
    (void)state;
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    load_text(s,
              "local n = 0\n"
              "return { filter = function(e) n = n + 1 return false, ('r'):rep(1000) .. n end,\n"
              "  handle = function() end }",
              "f");
    load_text(s, "return { filter = function(e) end }", "g");
    run_init(s);
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    for (int i = 0; i < 10; i++) {
        batch b;
        batch_fill(&b, 50);
        hooks->handle(hooks->self, b.v, b.n, 0);
        batch_release(&b);
    }
    char text[512] = "";
    mcr_scripts_each_reason(s, note, text);
    assert_int_equal(strlen(text), 200 + strlen("=500;")); // all begin with the same 200 letters
    mcr_scripts_free(s);
}

// An allocator that says no once in a while.
typedef struct scarce {
    lua_Alloc alloc;
    void *arg;
    unsigned long calls;
    unsigned long fail_at; // 0: never
} scarce;

static void *alloc_scarce(void *arg, void *old, size_t old_size, size_t size)
{
    scarce *m = arg;
    if (size > old_size && m->fail_at && ++m->calls >= m->fail_at && m->calls < m->fail_at + 3)
        return NULL;
    return m->alloc(m->arg, old, old_size, size);
}

// Out of memory at any place of a batch: that event is refused, the others are worked on, views of
// it are dead, and the state goes on.
static void survives_out_of_memory(void **state)
{
    (void)state;
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    load_text(
        s,
        "local kept, n = {}, 0\n"
        "return { handle = function(e)\n"
        "  n = n + 1\n"
        "  for i = 1, #kept do assert(not pcall(function() return kept[i].reason end)) end\n"
        "  kept[n % 7 + 1] = e:with{ reason = 'K' .. n, metadata = { labels = { a = 'b' } } }\n"
        "  local t = { json.decode('{\"a\":[1,2,{\"b\":12345678901234567}]}'), tostring(e) }\n"
        "  return e:with{ reason = 'X', message = json.encode(t) .. n }\n"
        "end, route = function(e) return { 'o' .. 'ne', two = e:with{ reason = 'Y' } } end }",
        "hungry");
    mcr_scripts_set_sinks(s, sinks, 3, 4);
    run_init(s);
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    scarce memory = { .alloc = NULL };
    memory.alloc = lua_getallocf(mcr_scripts_state(s), &memory.arg);
    lua_setallocf(mcr_scripts_state(s), alloc_scarce, &memory);
    unsigned refused = 0, passed = 0, lost = 0;
    mcr_log_level level = mcr_log_get_level();
    mcr_log_set_level((mcr_log_level)-1);
    for (unsigned long fail_at = 1; fail_at < 400; fail_at++) {
        batch b;
        batch_fill(&b, 4);
        memory.calls = 0;
        memory.fail_at = fail_at;
        hooks->handle(hooks->self, b.v, 4, 0);
        memory.fail_at = 0;
        for (uint32_t i = 0; i < 4; i++) {
            if (b.v[i].outcome == MCR_REFUSED)
                refused++;
            else if (mcr_str_is(b.v[i].ev->reason, "X"))
                passed++;
            else
                lost++;
            b.v[i].outcome = MCR_PASS;
        }
        memory.calls = 0;
        memory.fail_at = fail_at;
        hooks->route(hooks->self, b.v, 4, 0);
        memory.fail_at = 0;
        mcr_direct d;
        while (hooks->next_direct(hooks->self, &d))
            mcr_event_unref(d.ev);
        for (uint32_t i = 0; i < 4; i++)
            assert_true(b.v[i].sinks == 1 || b.v[i].sinks == 4);
        batch_release(&b);
    }
    mcr_log_set_level(level);
    assert_int_equal(lost, 0);
    assert_int_equal(refused + passed, 4 * 399);
    assert_true(refused > 50);
    assert_true(passed > 50);
    lua_setallocf(mcr_scripts_state(s), memory.alloc, memory.arg);
    mcr_scripts_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_what_hooks_return),
        cmocka_unit_test(follows_the_policy),
        cmocka_unit_test(keeps_dead_letters),
        cmocka_unit_test(counts_reasons),
        cmocka_unit_test(bounds_reasons),
        cmocka_unit_test(survives_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
