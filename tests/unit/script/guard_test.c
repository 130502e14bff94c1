// Hooks that do not end by themselves. Each script of `attacks` has a handler that runs away on the
// event R2 of a batch of three; it is stopped, R2 alone is refused, and R3 is handled as ever.

#include <lua.h>

#include "base/clock.h"
#include "script/harness.h"
#include "script/stop.h"
#include "sink/dead_letters.h"

// Long enough for hooks that do end to get their CPU time on a machine that is overloaded.
#define DEADLINE_NS (100 * INT64_C(1000000))

static const struct {
    const char *name;
    const char *before; // statements before the hooks
    const char *body;   // what the handler does with R2
} attacks[] = {
    { "empty loop", "", "while true do end" },
    { "counting loop", "", "local x = 0 while true do x = x + 1 end" },
    { "counting loop on one line, no exit", "", "for i = 1, math.huge do end" },
    { "repeat until false", "", "repeat until false" },
    { "goto", "", "::again:: goto again" },
    { "pcall that swallows", "", "while true do pcall(error, 'x') end" },
    { "pcall around a loop, for ever", "",
      "while true do pcall(function() while true do end end) end" },
    { "pcall in pcall", "",
      "local function f() while true do pcall(f) end end while true do pcall(f) end" },
    { "in a coroutine", "", "coroutine.wrap(function() while true do end end)()" },
    { "coroutines without end", "",
      "while true do coroutine.wrap(function() coroutine.yield(1) end)() end" },
    { "a coroutine that yields for ever", "",
      "local co = coroutine.wrap(function() while true do coroutine.yield() end end) "
      "while true do co() end" },
    { "pcall in a coroutine", "",
      "while true do coroutine.wrap(function() pcall(function() while true do end end) end)() "
      "end" },
    { "in a metamethod",
      "local t = setmetatable({}, { __index = function() while true do end end })", "return t.x" },
    { "in __add", "local t = setmetatable({}, { __add = function() while true do end end })",
      "return t + 1" },
    { "in __lt of sort", "",
      "local t = { 3, 1, 2 } table.sort(t, function(a, b) while true do end return a < b end)" },
    { "sort with a comparator that makes no sense", "",
      "while true do pcall(table.sort, { 1, 2, 3, 4, 5 }, function() return true end) end" },
    { "gsub with a callback", "",
      "local s = ('x'):rep(1000) s:gsub('.', function() while true do end end)" },
    { "gsub for ever", "",
      "while true do local s = ('x'):rep(1000):gsub('.', function(c) return c end) end" },
    { "gmatch for ever", "", "while true do for _ in ('x y z'):gmatch('%a') do end end" },
    { "rep for ever", "", "while true do local s = ('x'):rep(100000) end" },
    { "concat for ever", "",
      "local t = {} for i = 1, 1000 do t[i] = 'x' end while true do table.concat(t) end" },
    { "strings that grow", "", "local s = '' while true do s = (s .. 'x'):sub(-1000) end" },
    { "tostring for ever", "", "while true do tostring(1.5) end" },
    { "recursion without end, swallowed", "",
      "local function f() return 1 + f() end while true do pcall(f) end" },
    { "tail calls", "", "local function f() return f() end f()" },
    { "mutual tail calls",
      "local g local function f() return g() end g = function() return f() end", "f()" },
    { "deep loops", "",
      "for a = 1, 1e9 do for b = 1, 1e9 do for c = 1, 1e9 do local d = a + b + c end end end" },
    { "iterating over events", "", "while true do local r = event.reason .. event.message end" },
    { "changing events", "", "while true do local e = event:with{ message = 'other' } end" },
    { "keeping events", "", "while true do local e = event:keep() end" },
    { "JSON", "", "while true do json.decode(json.encode({ 1, 2, 3 })) end" },
    { "labels", "", "while true do local l = event.metadata.labels['a'] end" },
    { "regular expressions", "local match = require('mooncrier.match')",
      "while true do match.regex('^a+$') end" },
    { "an error value that does not end", "",
      "error(setmetatable({}, { __tostring = function() while true do end end }))" },
    { "pairs over itself", "", "local t = { 1 } while true do for k in pairs(t) do end end" },
    { "next for ever", "", "local t = { 1, 2, 3 } while true do local k = next(t) end" },
    { "setmetatable loop", "",
      "local t = setmetatable({}, { __newindex = function(t, k, v) rawset(t, k, v) end }) "
      "local i = 0 while true do i = (i + 1) % 100 t[i] = i end" },
    { "varargs", "",
      "local function f(...) return select('#', ...) end while true do f(1, 2, 3) end" },
    { "shared", "", "while true do shared.add('n', 1) end" },
};

// Inside one function of LuaJIT's library, which nothing but cutting off ends. The handler counts
// its events in `n`, which is lost each time.
static const struct {
    const char *name;
    const char *body;
} long_calls[] = {
    { "a pattern that backtracks", "return ('a'):rep(60):find(('a?'):rep(60) .. ('a'):rep(60))" },
    { "many lazy repeats", "return ('a'):rep(3000):find(('.-'):rep(9) .. 'b')" },
    { "gsub with such a pattern", "('a'):rep(3000):gsub(('.-'):rep(9) .. 'b', 'x')" },
    { "match in a pcall that swallows",
      "while true do pcall(string.match, ('a'):rep(3000), ('.-'):rep(9) .. 'b') end" },
    { "such a pattern in a coroutine",
      "coroutine.wrap(function() return ('a'):rep(3000):match(('.-'):rep(9) .. 'b') end)()" },
    { "after errors of our own functions",
      "for i = 1, 300 do pcall(json.decode, '{') pcall(shared.set) end "
      "return ('a'):rep(3000):find(('.-'):rep(9) .. 'b')" },
    { "gmatch", "for _ in ('a'):rep(3000):gmatch(('.-'):rep(9) .. 'b') do end" },
    { "such a pattern in a comparator",
      "table.sort({ 2, 1 }, function() return ('a'):rep(3000):match(('.-'):rep(9) .. 'b') end)" },
    { "such a pattern in a callback of gsub",
      "('x'):gsub('x', function() return ('a'):rep(3000):match(('.-'):rep(9) .. 'b') end)" },
};

static mcr_scripts *guarded(const char *before, const char *body, mcr_dead_letters *dead)
{
    mcr_scripts *s = mcr_scripts_new(
        &(mcr_script_options){ .watcher = "w", .deadline = DEADLINE_NS, .dead = dead });
    mcr_buf text = { 0 };
    mcr_buf_printf(&text,
                   "%s\nlocal function run(event)\n%s\nend\n"
                   "return { handle = function(event)\n"
                   "  if event.reason == 'R2' then\n    return run(event) or true\n  end\nend }",
                   before, body);
    load_text(s, mcr_buf_cstr(&text), "attack");
    mcr_buf_fini(&text);
    run_init(s);
    return s;
}

static const char *handled(mcr_scripts *s, batch *b, int64_t now)
{
    batch_fill(b, 3);
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    hooks->handle(hooks->self, b->v, b->n, now);
    return batch_text(b);
}

static void test_attacks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
        mcr_scripts *s = guarded(attacks[i].before, attacks[i].body, NULL);
        // The first run is interpreted for a while; by the second, loops are compiled.
        for (int run = 1; run <= 2; run++) {
            batch b;
            const char *became = handled(s, &b, 0);
            if (strcmp(became, "R1 refused R3") != 0)
                fail_msg("%s, run %d: %s", attacks[i].name, run, became);
            batch_release(&b);
            assert_int_equal(mcr_scripts_counts_now(s).deadlines, run);
            assert_int_equal(mcr_scripts_counts_now(s).script_errors, 0);
        }
        mcr_scripts_free(s);
    }
}

static void test_compiled_code_polls(void **state)
{
    (void)state;
    assert_int_equal(mcr_stop_mode_now(), MCR_STOP_POLL_ONCE);
}

static void keep_reason(void *arg, mcr_str reason, uint64_t n)
{
    (void)n;
    snprintf(arg, 64, "%.*s", (int)reason.len, reason.ptr);
}

#define FOR_EVER "('a'):rep(3000):find(('.-'):rep(9) .. 'b')"

// A state that was cut off is made anew as it was: parameters, files (whatever is on the disk by
// then), init; `shared` and the counters stay, variables do not.
static void test_made_anew(void **state)
{
    (void)state;
    write_scratch("module.lua", "return 'as it was'");
    const char *path =
        write_scratch("anew.lua", "local module = require('module')\n"
                                  "local n, level = 0, nil\n"
                                  "return { init = function(params)\n"
                                  "  level = params.levels[2]\n"
                                  "  shared.add('inits', 1)\n"
                                  "end,\n"
                                  "handle = function(event)\n"
                                  "  n = n + 1\n"
                                  "  if event.reason == 'R2' then return " FOR_EVER " end\n"
                                  "  return false, ('%s %s %d %d'):format(module, level, n,\n"
                                  "    shared.get('inits'))\n"
                                  "end }");
    mcr_scripts *s =
        mcr_scripts_new(&(mcr_script_options){ .watcher = "w", .deadline = DEADLINE_NS });
    lua_State *L = mcr_scripts_state(s);
    lua_newtable(L);               // params
    lua_newtable(L);               // params levels
    lua_pushliteral(L, "low");     // params levels low
    lua_rawseti(L, -2, 1);         // params levels
    lua_pushliteral(L, "high");    // params levels high
    lua_rawseti(L, -2, 2);         // params levels
    lua_setfield(L, -2, "levels"); // params
    mcr_errbuf err = { "" };
    if (mcr_scripts_load(s, path, "anew.lua", &err))
        fail_msg("%s", err.text);
    const char *const sinks[] = { "out" };
    mcr_scripts_set_sinks(s, sinks, 1, 1);
    run_init(s);
    write_scratch("module.lua", "return 'changed'");
    write_scratch("anew.lua", "return { nonsense }");
    batch b;
    assert_string_equal(handled(s, &b, 0), "drop refused drop");
    batch_release(&b);
    mcr_script_counts counts = mcr_scripts_counts_now(s);
    assert_int_equal(counts.discards, 1);
    char reason[64] = "";
    mcr_scripts_each_reason(s, keep_reason, reason);
    assert_string_equal(reason, "as it was high 1 2");
    mcr_scripts_free(s);
}

// Scripts that cannot be loaded anew are tried again after a while; until then every event is
// refused, and none is passed on unseen.
static void test_not_made_anew(void **state)
{
    (void)state;
    static const int64_t second = 1000000000;
    mcr_scripts *s =
        mcr_scripts_new(&(mcr_script_options){ .watcher = "w", .deadline = DEADLINE_NS });
    load_text(
        s,
        "return { init = function()\n"
        "  if shared.get('broken') then error('not now') end\n"
        "end,\n"
        "handle = function(event)\n"
        "  if event.reason == 'R2' and not shared.get('done') then\n"
        "    shared.set('done', true)\n"
        "    shared.set('broken', true, 5)\n"
        "    return " FOR_EVER "\n"
        "  end\n"
        "end, route = function() return false end, aggregate_key = function() return 'k' end }",
        "fails");
    run_init(s);
    static const struct {
        int64_t now; // s
        const char *became;
    } batches[] = {
        { 1000, "R1 refused refused" },
        { 1002, "refused refused refused" },
        { 1009, "refused refused refused" },
        { 1010, "R1 R2 R3" },
    };
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        batch b;
        assert_string_equal(handled(s, &b, batches[i].now * second), batches[i].became);
        batch_release(&b);
    }
    assert_int_equal(mcr_scripts_counts_now(s).discards, 1);
    mcr_scripts_free(s);
}

// Several hooks run in one protected call: one that runs away costs its own event alone, and its
// breaker keeps it from the rest.
static void test_chain(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *became[2]; // of two batches
        unsigned deadlines, discards, trips, skipped;
    } cases[] = {
        { "if e.reason == 'R2a' then while true do end end",
          { "R1ac refused R3ac", "R1ac refused R3ac" },
          2,
          0,
          0,
          0 },
        { "if e.reason == 'R2a' then " FOR_EVER " end",
          { "R1ac refused R3ac", "R1ac refused R3ac" },
          2,
          2,
          0,
          0 },
        { "while true do end",
          { "refused refused refused", "refused refused refused" },
          3,
          0,
          1,
          3 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_scripts *s =
            mcr_scripts_new(&(mcr_script_options){ .watcher = "w", .deadline = DEADLINE_NS });
        char text[256];
        snprintf(text, sizeof text, "return { handle = function(e) %s end }", cases[i].body);
        load_text(s,
                  "return { handle = function(e) return e:with{ reason = e.reason .. 'a' } end }",
                  "first");
        load_text(s, text, "second");
        load_text(s,
                  "return { handle = function(e) return e:with{ reason = e.reason .. 'c' } end }",
                  "third");
        run_init(s);
        for (int k = 0; k < 2; k++) {
            batch b;
            assert_string_equal(handled(s, &b, 0), cases[i].became[k]);
            batch_release(&b);
        }
        mcr_script_counts counts = mcr_scripts_counts_now(s);
        assert_int_equal(counts.deadlines, cases[i].deadlines);
        assert_int_equal(counts.discards, cases[i].discards);
        assert_int_equal(counts.breaker_trips, cases[i].trips);
        assert_int_equal(counts.breaker_skipped, cases[i].skipped);
        mcr_scripts_free(s);
    }
}

// Of two scripts in one watcher, and of hooks of all kinds: the one that runs away is named.
static void test_long_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof long_calls / sizeof *long_calls; i++) {
        mcr_scripts *s = guarded("local kept = {}", long_calls[i].body, NULL);
        for (uint64_t run = 1; run <= 2; run++) {
            batch b;
            const char *became = handled(s, &b, 0);
            if (strcmp(became, "R1 refused R3") != 0)
                fail_msg("%s, run %d: %s", long_calls[i].name, (int)run, became);
            batch_release(&b);
            assert_int_equal(mcr_scripts_counts_now(s).deadlines, run);
            assert_int_equal(mcr_scripts_counts_now(s).discards, run);
            assert_int_equal(mcr_scripts_counts_now(s).script_errors, 0);
        }
        mcr_scripts_free(s);
    }
}

static void test_dead_letter(void **state)
{
    (void)state;
    const char *path = scratch("dead.jsonl");
    mcr_errbuf err;
    mcr_dead_letters *dead = mcr_dead_letters_open(path, &mcr_clock_wall, &err);
    assert_non_null(dead);
    mcr_scripts *s = guarded("", "while true do\nend", dead);
    batch b;
    assert_string_equal(handled(s, &b, 0), "R1 refused R3");
    batch_release(&b);
    mcr_scripts_free(s);
    mcr_dead_letters_close(dead);
    char *text = read_scratch(path);
    assert_non_null(strstr(text, "\"stage\":\"handle\""));
    assert_non_null(strstr(text, "\"script\":\"attack\""));
    assert_non_null(strstr(text, "\"reason\":\"attack:3: deadline: stopped after 0.1 s\""));
    assert_non_null(strstr(text, "stack traceback:\\n\\tattack:3: in function 'run'"));
    assert_null(strstr(text, "mooncrier/"));
    free(text);
}

// Three in a row: the rest of the events do not meet the hook, until it is tried with one.
static void test_breaker(void **state)
{
    (void)state;
    static const int64_t second = 1000000000;
    mcr_scripts *s =
        mcr_scripts_new(&(mcr_script_options){ .watcher = "w", .deadline = DEADLINE_NS });
    load_text(s,
              "local n = 0\n"
              "return { filter = function(event)\n"
              "  n = n + 1\n  while n <= 4 do end\n  return true\nend }",
              "endless");
    run_init(s);
    static const struct {
        int64_t now; // s
        const char *became;
        uint64_t deadlines, trips, skipped;
    } batches[] = {
        { 1000, "refused refused refused", 3, 1, 0 },
        { 1009, "refused refused refused", 3, 1, 3 },
        { 1010, "refused refused refused", 4, 2, 5 },
        { 1029, "refused refused refused", 4, 2, 8 },
        { 1030, "R1 R2 R3", 4, 2, 8 },
        { 1031, "R1 R2 R3", 4, 2, 8 },
    };
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        batch b;
        assert_string_equal(handled(s, &b, batches[i].now * second), batches[i].became);
        batch_release(&b);
        mcr_script_counts counts = mcr_scripts_counts_now(s);
        assert_int_equal(counts.deadlines, batches[i].deadlines);
        assert_int_equal(counts.breaker_trips, batches[i].trips);
        assert_int_equal(counts.breaker_skipped, batches[i].skipped);
    }
    mcr_scripts_free(s);
}

// Deadlines with a hook that works in between do not add up.
static void test_breaker_between(void **state)
{
    (void)state;
    mcr_scripts *s = guarded("", "while true do end", NULL);
    for (int i = 1; i <= 4; i++) {
        batch b;
        assert_string_equal(handled(s, &b, 0), "R1 refused R3");
        batch_release(&b);
        assert_int_equal(mcr_scripts_counts_now(s).deadlines, i);
    }
    assert_int_equal(mcr_scripts_counts_now(s).breaker_trips, 0);
    mcr_scripts_free(s);
}

static void test_tick_and_fini(void **state)
{
    (void)state;
    mcr_scripts *s =
        mcr_scripts_new(&(mcr_script_options){ .watcher = "w", .deadline = DEADLINE_NS });
    load_text(s, "return { tick = function() while true do end end, tick_every = 1 }", "bad");
    load_text(s,
              "local n = 0\nreturn { tick = function() n = n + 1 end, tick_every = 1,\n"
              "  filter = function() return false, 'ticks ' .. n end }",
              "good");
    run_init(s);
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    const int64_t second = 1000000000;
    assert_int_equal(hooks->tick(hooks->self, 100 * second), 101 * second);
    for (int64_t now = 101; now < 106; now++)
        hooks->tick(hooks->self, now * second);
    mcr_script_counts counts = mcr_scripts_counts_now(s);
    assert_int_equal(counts.deadlines, 3);
    assert_int_equal(counts.breaker_trips, 1);
    assert_int_equal(counts.breaker_skipped, 2);
    mcr_scripts_free(s);
}

static void test_load_and_init(void **state)
{
    (void)state;
    mcr_scripts *s =
        mcr_scripts_new(&(mcr_script_options){ .watcher = "w", .deadline = DEADLINE_NS });
    mcr_errbuf err;
    assert_int_equal(mcr_scripts_load_text(s, mcr_str_of("\nwhile true do end"), "chunk", &err),
                     MCR_ECONFIG);
    assert_non_null(strstr(err.text, "chunk:2: deadline: stopped after 1 s"));
    load_text(s, "return { init = function()\n  pcall(function() while true do end end)\nend }",
              "i");
    assert_int_equal(mcr_scripts_init(s, 0, &err), MCR_ESCRIPT);
    assert_non_null(strstr(err.text, "i: init: i:2: deadline: stopped after 1 s"));
    mcr_scripts_free(s);
}

static void test_texts(void **state)
{
    (void)state;
    mcr_scripts *s =
        mcr_scripts_new(&(mcr_script_options){ .watcher = "w", .deadline = DEADLINE_NS });
    load_text(s, "return { aggregate_key = function() while true do end end }", "keys");
    run_init(s);
    mcr_correlator_options options = { 0 };
    assert_true(mcr_scripts_correlator_hooks(s, &options));
    mcr_event *ev = numbered_event(1);
    mcr_buf out = { 0 };
    for (int i = 0; i < 5; i++)
        assert_false(options.aggregate_key.call(options.aggregate_key.self, ev, &out));
    assert_int_equal(mcr_scripts_counts_now(s).deadlines, 3);
    assert_int_equal(mcr_scripts_counts_now(s).breaker_skipped, 2);
    mcr_buf_fini(&out);
    mcr_event_unref(ev);
    mcr_scripts_free(s);
}

int main(void)
{
    mcr_log_set_level(MCR_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compiled_code_polls), cmocka_unit_test(test_attacks),
        cmocka_unit_test(test_long_calls),          cmocka_unit_test(test_chain),
        cmocka_unit_test(test_made_anew),           cmocka_unit_test(test_not_made_anew),
        cmocka_unit_test(test_dead_letter),         cmocka_unit_test(test_breaker),
        cmocka_unit_test(test_breaker_between),     cmocka_unit_test(test_tick_and_fini),
        cmocka_unit_test(test_load_and_init),       cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests_name("script/guard", tests, NULL, NULL);
}
