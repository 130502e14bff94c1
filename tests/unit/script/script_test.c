// script/script.h: hooks called as a watcher calls them.

#include "harness.h"

#include <lauxlib.h>
#include <lua.h>

#include "broadcast/broadcaster.h"
#include "script/shared.h"
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

typedef struct route_case {
    const char *body; // of route(e)
    uint64_t sinks;
    unsigned errors;
    unsigned unknown;
    const char *direct; // "sink:place:reason …"
} route_case;

static void routes(void **state)
{
    (void)state;
    enum {
        ONE = 1,
        TWO = 2,
        THREE = 4,
        ALL = 7,
        FALLBACK = 2
    };
    static const route_case cases[] = {
        { "", ALL, 0, 0, "" },
        { "return nil", ALL, 0, 0, "" },
        { "return false", 0, 0, 0, "" },
        { "return {}", 0, 0, 0, "" },
        { "return 'two'", TWO, 0, 0, "" },
        { "return 'tow'", 0, 0, 1, "" },
        { "return { 'one', 'three' }", ONE | THREE, 0, 0, "" },
        { "return { 'one', 'one', 'one' }", ONE, 0, 0, "" },
        { "return { 'one', 'nine', 'nine' }", ONE, 0, 2, "" },
        { "return { one = true, two = false }", ONE, 0, 0, "" },
        { "return { 'one', three = true }", ONE | THREE, 0, 0, "" },
        { "return { one = true, nine = true }", ONE, 0, 1, "" },
        { "return { two = e:with{ reason = 'X' } }", 0, 0, 0, "1:1:X" },
        { "return { one = true, two = e:with{ reason = 'X' } }", ONE, 0, 0, "1:1:X" },
        { "return { nine = e:with{ reason = 'X' } }", 0, 0, 1, "" },
        { "return { one = e:keep() }", 0, 0, 0, "0:1:R1" },
        { "return true", FALLBACK, 1, 0, "" },
        { "return 5", FALLBACK, 1, 0, "" },
        { "return e", FALLBACK, 1, 0, "" },
        { "return { one = 5 }", FALLBACK, 1, 0, "" },
        { "return { true }", FALLBACK, 1, 0, "" },
        { "return { [{}] = true }", FALLBACK, 1, 0, "" },
        { "return { one = e:with{ reason = 'X' }, two = {} }", FALLBACK, 1, 0, "" },
        { "error('no')", FALLBACK, 1, 0, "" },
        { "emit(e, 'three') return 'one'", ONE, 0, 0, "2:0:R1" },
        { "emit(e:with{ reason = 'a' }, 'one') emit(e, 'one') return {}", 0, 0, 0, "0:0:a 0:0:R1" },
        { "emit(e, 'nine')", FALLBACK, 1, 0, "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512], direct[256] = "", *at = direct;
        mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
        snprintf(text, sizeof text, "return { route = function(e) %s end }", cases[i].body);
        load_text(s, text, "r");
        mcr_scripts_set_sinks(s, sinks, 3, FALLBACK);
        run_init(s);
        const mcr_hooks *hooks = mcr_scripts_hooks(s);
        batch b;
        batch_fill(&b, 1);
        hooks->route(hooks->self, b.v, 1, 0);
        mcr_direct d;
        while (hooks->next_direct(hooks->self, &d)) {
            at += sprintf(at, "%s%u:%u:%.*s", at == direct ? "" : " ", d.sink, d.place,
                          (int)d.ev->reason.len, d.ev->reason.ptr);
            mcr_event_unref(d.ev);
        }
        mcr_script_counts counts = mcr_scripts_counts_now(s);
        if (b.v[0].sinks != cases[i].sinks || counts.script_errors != cases[i].errors ||
            counts.unknown_sinks != cases[i].unknown || strcmp(direct, cases[i].direct) != 0)
            fail_msg("%s: sinks %llx, %u errors, %u unknown, direct \"%s\"", cases[i].body,
                     (unsigned long long)b.v[0].sinks, (unsigned)counts.script_errors,
                     (unsigned)counts.unknown_sinks, direct);
        batch_release(&b);
        mcr_scripts_free(s);
    }
}

// A route may give every event of a batch changed to every sink; emit is bounded.
static void bounds_what_waits_for_sinks(void **state)
{
    (void)state;
    enum {
        SINKS = 50,
        EMITTED = 1024 // MCR_MAX_EMITTED of script/state.h
    };
    char room[SINKS][16];
    const char *names[SINKS];
    for (int i = 0; i < SINKS; i++) {
        snprintf(room[i], sizeof room[i], "s%d", i);
        names[i] = room[i];
    }
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    load_text(s,
              "local full = 0\n"
              "return { route = function(e)\n"
              "  local to = {}\n"
              "  for i = 0, 49 do to['s' .. i] = e:with{ reason = 'S' .. i } end\n"
              "  return to\n"
              "end, filter = function(e)\n"
              "  for i = 1, 2000 do if not emit(e, 's1') then full = full + 1 end end\n"
              "  assert(full == 2000 - 1024)\n"
              "  return true\n"
              "end }",
              "wide");
    mcr_scripts_set_sinks(s, names, SINKS, 0);
    run_init(s);
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    batch b;
    batch_fill(&b, MCR_BATCH);
    mcr_direct d;
    unsigned n = 0;
    hooks->route(hooks->self, b.v, MCR_BATCH, 0);
    for (; hooks->next_direct(hooks->self, &d); n++) {
        assert_int_equal(d.place, n / SINKS + 1);
        mcr_event_unref(d.ev);
    }
    assert_int_equal(n, SINKS * MCR_BATCH);
    hooks->handle(hooks->self, b.v, 1, 0);
    for (n = 0; hooks->next_direct(hooks->self, &d); n++)
        mcr_event_unref(d.ev);
    assert_int_equal(n, EMITTED);
    assert_int_equal(mcr_scripts_counts_now(s).script_errors, 0);
    assert_int_equal(mcr_scripts_counts_now(s).emit_full, 2000 - EMITTED);
    hooks->handle(hooks->self, b.v, 1, 0); // what waits at the end is freed
    batch_release(&b);
    mcr_scripts_free(s);
}

static void emits_to_the_others(void **state)
{
    (void)state;
    mcr_errbuf err;
    mcr_broadcaster *bc = mcr_broadcaster_new(
        &(mcr_broadcaster_options){ .queue = 10, .incoming = 2, .is_inline = true });
    mcr_watch *own = mcr_broadcaster_watch(bc, &err), *other = mcr_broadcaster_watch(bc, &err);
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w", .broadcaster = bc });
    load_text(
        s,
        "return { handle = function(e)\n"
        "  shared.add('took', emit(e:with{ reason = 'E' }) and 1 or 0)\n"
        "  shared.add('took', emit{ involvedObject = { name = 'o' }, reason = 'T' } and 1 or 0)\n"
        "  shared.add('took', emit(e) and 1 or 0)\n"
        "  assert(shared.get('took') == 2)\n"
        "end }",
        "emit");
    run_init(s);
    mcr_scripts_set_watch(s, own);
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    batch b;
    batch_fill(&b, 1);
    hooks->handle(hooks->self, b.v, 1, 0);
    assert_string_equal(batch_text(&b), "R1");
    assert_int_equal(mcr_scripts_counts_now(s).emitted, 2);
    assert_int_equal(mcr_scripts_counts_now(s).emit_full, 1);
    assert_int_equal(mcr_broadcaster_distribute_emitted(bc), 2);
    mcr_event *ev;
    assert_int_equal(mcr_watch_next(own, 0, &ev), MCR_WATCH_EMPTY);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mcr_watch_next(other, 0, &ev), MCR_WATCH_EVENT);
        assert_true(mcr_str_is(ev->reason, i ? "T" : "E"));
        assert_int_equal(ev->hops, 1);
        mcr_event_unref(ev);
    }
    batch_release(&b);
    mcr_scripts_free(s);
    mcr_broadcaster_shutdown(bc);
    mcr_watch_free(own);
    mcr_watch_free(other);
    mcr_broadcaster_free(bc);
}

static void emits_nothing_before_it_runs(void **state)
{
    (void)state;
    mcr_broadcaster *bc = mcr_broadcaster_new(
        &(mcr_broadcaster_options){ .queue = 10, .incoming = 2, .is_inline = true });
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w", .broadcaster = bc });
    load_text(s, "return { init = function() emit{ involvedObject = { name = 'o' } } end }",
              "early");
    mcr_errbuf err;
    assert_int_equal(mcr_scripts_init(s, 0, &err), MCR_ESCRIPT);
    assert_ptr_equal(strstr(err.text, "early: init: early:1: emit: nothing runs yet"), err.text);
    mcr_scripts_free(s);
    mcr_broadcaster_shutdown(bc);
    mcr_broadcaster_free(bc);
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
        "\"reason\":\"second:5: new_event: no field 'raeson' in an event; did you mean "
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
        cmocka_unit_test(follows_what_hooks_return),
        cmocka_unit_test(follows_the_policy),
        cmocka_unit_test(guards_what_scripts_keep),
        cmocka_unit_test(guards_parts_and_coroutines),
        cmocka_unit_test(keeps_what_is_kept),
        cmocka_unit_test(routes),
        cmocka_unit_test(bounds_what_waits_for_sinks),
        cmocka_unit_test(emits_to_the_others),
        cmocka_unit_test(emits_nothing_before_it_runs),
        cmocka_unit_test(keeps_dead_letters),
        cmocka_unit_test(counts_reasons),
        cmocka_unit_test(bounds_reasons),
        cmocka_unit_test(ticks),
        cmocka_unit_test(survives_failing_ticks),
        cmocka_unit_test(refuses_scripts),
        cmocka_unit_test(refuses_a_second_route),
        cmocka_unit_test(asks_init),
        cmocka_unit_test(survives_out_of_memory),
        cmocka_unit_test(evaluates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
