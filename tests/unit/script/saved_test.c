// save(), restore(saved) and self_test(): what a script hands to the one that follows it.

#include "harness.h"

#include <lauxlib.h>
#include <lua.h>

static mcr_scripts *load(const char *text)
{
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    load_text(s, text, "t");
    run_init(s);
    return s;
}

// Saves in `old`, restores in `next`; the message when one of them refuses, "" when all is well.
static const char *hand_over(mcr_scripts *old, mcr_scripts *next)
{
    static mcr_errbuf err;
    err.text[0] = '\0';
    mcr_buf saved = { 0 };
    mcr_err code = mcr_scripts_save(old, 0, &saved, &err);
    if (!code && saved.len)
        code = mcr_scripts_restore(next, 0, mcr_buf_str(&saved), &err);
    assert_int_equal(code, err.text[0] ? MCR_ESCRIPT : MCR_OK);
    mcr_buf_fini(&saved);
    return err.text;
}

// What becomes of `value` (Lua): `check` (Lua, over `got`) must be true in the next state.
static void values_arrive(void **state)
{
    (void)state;
    static const struct {
        const char *value, *check;
    } cases[] = {
        { "5", "got == 5" },
        { "-0.1", "got == -0.1" },
        { "1/0", "got == math.huge" },
        { "0/0", "got ~= got" },
        { "true", "got == true" },
        { "false", "got == false" },
        { "''", "got == ''" },
        { "'a\\0\\255\\n'", "got == 'a\\0\\255\\n'" },
        { "9007199254740993LL",
          "got == 9007199254740993LL and tostring(got) == '9007199254740993LL'" },
        { "-1LL", "got == -1LL" },
        { "18446744073709551615ULL", "tostring(got) == '18446744073709551615ULL'" },
        { "json.null", "got == json.null" },
        { "{ json.null, a = json.null }", "got[1] == json.null and got.a == json.null" },
        { "{}", "type(got) == 'table' and next(got) == nil" },
        { "{ 1, 2, nil, 4 }", "got[1] == 1 and got[2] == 2 and got[3] == nil and got[4] == 4" },
        { "{ a = { b = { c = { 'deep', [2.5] = true, [false] = 1 } } } }",
          "got.a.b.c[1] == 'deep' and got.a.b.c[2.5] == true and got.a.b.c[false] == 1" },
        { "json.decode('{\"big\":9223372036854775807,\"list\":[1,null]}')",
          "tostring(got.big):match('^9223372036854775807') and got.list[2] == json.null" },
        { "(function() local t = { 1 } return { t, t } end)()",
          "got[1][1] == 1 and got[2][1] == 1" },
        { "('x'):rep(1000000)", "#got == 1000000" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        snprintf(text, sizeof text, "return { save = function() return %s end }", cases[i].value);
        mcr_scripts *old = load(text);
        snprintf(text, sizeof text,
                 "return { restore = function(got) shared.set('n', 1)\n"
                 "  if not (%s) then return false, 'came as ' .. tostring(got) end end,\n"
                 "  self_test = function() return shared.get('n') == 1 end }",
                 cases[i].check);
        mcr_scripts *next = load(text);
        const char *message = hand_over(old, next);
        if (message[0])
            fail_msg("%s: %s", cases[i].value, message);
        assert_int_equal(mcr_scripts_self_test(next, 0, NULL), MCR_OK); // restore was called
        mcr_scripts_free(old);
        mcr_scripts_free(next);
    }
}

static void what_cannot_be_saved_says_where(void **state)
{
    (void)state;
    static const struct {
        const char *save, *want;
    } cases[] = {
        { "return { seen = { f = print } }", "seen.f is a function" },
        { "return print", "it is a function" },
        { "return { a = { ['b c'] = function() end } }", "a[\"b c\"] is a function" },
        { "return { [1] = { coroutine.create(print) } }", "[1][1] is a thread" },
        { "return { [{}] = 1 }", "it has a table as key" },
        { "return { x = { [print] = 1 } }", "x has a function as key" },
        { "local t = {} t.t = t return t", "is nested more than 100 deep, or holds itself" },
        { "return { e = kept }", "e is an event or other object" },
        { "return ('x'):rep(1048577)", "save returned 1.0 MiB; 1 MiB is the most" },
        { "return { ('x'):rep(700000), ('y'):rep(700000) }",
          "save returned 1.3 MiB; 1 MiB is the most" },
        { "error('cannot')", "cannot" },
        { "error({ code = 5 })", "t: save:" },
        { "local x = nil return x.y", "attempt to index" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "local kept\n"
                 "return { filter = function(e) kept = e return true end,\n"
                 "save = function()\n%s end,\n"
                 "self_test = function() return true end }",
                 cases[i].save);
        mcr_scripts *old = load(text);
        batch b;
        batch_fill(&b, 1);
        const mcr_hooks *hooks = mcr_scripts_hooks(old);
        hooks->handle(hooks->self, b.v, b.n, 0);
        assert_string_equal(batch_text(&b), "R1");
        batch_release(&b);
        mcr_errbuf err = { "" };
        mcr_buf saved = { 0 };
        assert_int_equal(mcr_scripts_save(old, 0, &saved, &err), MCR_ESCRIPT);
        assert_int_equal(saved.len, 0);
        if (!strstr(err.text, cases[i].want))
            fail_msg("%s: '%s' lacks '%s'", cases[i].save, err.text, cases[i].want);
        // It names the script and, but for tables that were raised, the line.
        if (!strchr(err.text, ':') || err.text[0] != 't')
            fail_msg("%s: '%s' does not say where", cases[i].save, err.text);
        // The old one goes on as if nothing had happened.
        batch_fill(&b, 2);
        hooks->handle(hooks->self, b.v, b.n, 0);
        assert_string_equal(batch_text(&b), "R1 R2");
        batch_release(&b);
        mcr_buf_fini(&saved);
        mcr_scripts_free(old);
    }
}

static void the_new_one_may_refuse(void **state)
{
    (void)state;
    static const struct {
        const char *body, *want; // NULL: it agrees
    } cases[] = {
        { "return false, 'too old'", "t: %s refused: too old" },
        { "return false", "t: %s refused: no reason given" },
        { "return false, 12", "t: %s refused: 12" },
        { "error('broken')", "broken" },
        { "return nil, 'only said'", NULL },
        { "return true", NULL },
        { "", NULL },
    };
    static const char *const hooks[] = { "restore", "self_test" };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int k = 0; k < 2; k++) {
            char text[256], want[128];
            snprintf(text, sizeof text, "return { %s = function() %s end }", hooks[k],
                     cases[i].body);
            mcr_scripts *old = load("return { save = function() return 1 end }");
            mcr_scripts *next = load(text);
            mcr_errbuf err = { "" };
            if (k == 1)
                mcr_scripts_self_test(next, 0, &err);
            const char *message = k == 0 ? hand_over(old, next) : err.text;
            if (cases[i].want) {
                snprintf(want, sizeof want, cases[i].want, hooks[k]);
                if (!strstr(message, want) || message[0] != 't')
                    fail_msg("'%s' is not '%s'", message, want);
            } else {
                assert_string_equal(message, "");
            }
            mcr_scripts_free(old);
            mcr_scripts_free(next);
        }
}

static void a_hook_may_be_missing(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "return {}",
        "return { save = function() return { 1 } end }",
        "return { restore = function(got) assert(got[1] == 1) shared.add('restored') end }",
    };
    mcr_scripts *empty = load(texts[0]), *saves = load(texts[1]), *restores = load(texts[2]);
    assert_string_equal(hand_over(saves, empty), "");
    assert_string_equal(hand_over(empty, restores), "");
    assert_string_equal(hand_over(empty, empty), "");
    // A script that has nothing to say gives nothing to the next one.
    mcr_scripts *silent = load("return { save = function() end }");
    assert_string_equal(hand_over(silent, restores), "");
    assert_string_equal(hand_over(saves, restores), "");
    mcr_scripts_free(empty);
    mcr_scripts_free(saves);
    mcr_scripts_free(restores);
    mcr_scripts_free(silent);
}

static mcr_scripts *load_all(const char *const *texts, const char *const *names)
{
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    for (; *texts; texts++, names++)
        load_text(s, *texts, *names);
    run_init(s);
    return s;
}

static void each_script_gets_its_own(void **state)
{
    (void)state;
    static const char *const saving[] = { "return { save = function() return 'first a' end }",
                                          "return { save = function() return 'b' end }",
                                          "return { save = function() return 'second a' end }",
                                          NULL };
    static const char *const old_names[] = { "a", "b", "a" };
    // Another order, one more, one less.
    static const char *const restoring[] = {
        "return { restore = function(got) if got ~= 'first a' then return false, got end end }",
        "return { restore = function(got) return false, 'nobody saved for c' end }",
        "return { restore = function(got) if got ~= 'second a' then return false, got end end }",
        NULL
    };
    static const char *const new_names[] = { "a", "c", "a" };
    mcr_scripts *old = load_all(saving, old_names), *next = load_all(restoring, new_names);
    assert_string_equal(hand_over(old, next), "");
    mcr_scripts_free(old);
    mcr_scripts_free(next);
}

// The limit is one script's.
static void many_scripts_may_save_much(void **state)
{
    (void)state;
    static const char
        saves[] = "return { save = function() return ('x'):rep(1000000) end }",
        restores[] = "return { restore = function(got) assert(#got == 1e6) shared.add('n') end,\n"
                     "self_test = function() return shared.get('n') == 3 end }";
    static const char *const saving[] = { saves, saves, saves, NULL }, *const restoring[] = {
        restores, restores, restores, NULL
    };
    static const char *const names[] = { "a", "b", "c" };
    mcr_scripts *old = load_all(saving, names), *next = load_all(restoring, names);
    assert_string_equal(hand_over(old, next), "");
    assert_int_equal(mcr_scripts_self_test(next, 0, NULL), MCR_OK);
    mcr_scripts_free(old);
    mcr_scripts_free(next);
}

static void they_may_not_take_for_ever(void **state)
{
    (void)state;
    mcr_scripts *runs = load("return { save = function() while true do end end,\n"
                             "filter = function() return true end }");
    mcr_scripts *next = load("return { restore = function() while true do end end }");
    mcr_scripts *saves = load("return { save = function() return 1 end }");
    const char *message = hand_over(runs, next);
    if (message[0] != 't' || !strstr(message, "save") || !strstr(message, "deadline"))
        fail_msg("%s", message);
    message = hand_over(saves, next);
    if (message[0] != 't' || !strstr(message, "restore") || !strstr(message, "deadline"))
        fail_msg("%s", message);
    batch b;
    batch_fill(&b, 1);
    const mcr_hooks *hooks = mcr_scripts_hooks(runs);
    hooks->handle(hooks->self, b.v, b.n, 0);
    assert_string_equal(batch_text(&b), "R1");
    batch_release(&b);
    mcr_scripts_free(runs);
    mcr_scripts_free(next);
    mcr_scripts_free(saves);
}

// Between two batches there is nothing to give to a sink: the state may be gone when it would be
// its turn.
static void save_sends_nothing(void **state)
{
    (void)state;
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    load_text(
        s,
        "return { save = function()\n"
        "emit({ reason = 'R', message = 'm', involvedObject = { kind = 'Pod', name = 'p' } },\n"
        "  'out') return 1 end }",
        "t");
    const char *const names[] = { "out" };
    mcr_scripts_set_sinks(s, names, 1, 0);
    run_init(s);
    mcr_errbuf err = { "" };
    mcr_buf saved = { 0 };
    assert_int_equal(mcr_scripts_save(s, 0, &saved, &err), MCR_ESCRIPT);
    assert_string_equal(err.text, "t: save must not emit to a sink");
    assert_int_equal(saved.len, 0);
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    mcr_direct d;
    assert_false(hooks->next_direct(hooks->self, &d));
    mcr_buf_fini(&saved);
    mcr_scripts_free(s);
}

static void note_reason(void *arg, mcr_str reason, uint64_t n)
{
    mcr_buf_printf(arg, "%.*s=%d ", (int)reason.len, reason.ptr, (int)n);
}

static void counters_go_on(void **state)
{
    (void)state;
    static const char text[] =
        "return { filter = function(e) if e.count == 3 then error('three') end\n"
        "return false, 'count ' .. e.count end }";
    mcr_scripts *old = load(text), *next = load(text);
    for (int i = 0; i < 2; i++) {
        mcr_scripts *s = i ? next : old;
        if (i)
            mcr_scripts_inherit(next, old);
        batch b;
        batch_fill(&b, 3);
        const mcr_hooks *hooks = mcr_scripts_hooks(s);
        hooks->handle(hooks->self, b.v, b.n, 0);
        batch_release(&b);
    }
    assert_int_equal(mcr_scripts_counts_now(next).script_errors, 2);
    mcr_buf list = { 0 };
    mcr_scripts_each_reason(next, note_reason, &list);
    assert_string_equal(mcr_buf_cstr(&list), "count 1=2 count 2=2 ");
    mcr_buf_fini(&list);
    mcr_scripts_free(old);
    // How often memory was full counts on, too.
    mcr_scripts *small =
        mcr_scripts_new(&(mcr_script_options){ .watcher = "w", .memory = 4 << 20 });
    load_text(small, "return { filter = function() return #('x'):rep(16e6) > 0 end }", "t");
    run_init(small);
    batch b;
    batch_fill(&b, 1);
    const mcr_hooks *hooks = mcr_scripts_hooks(small);
    hooks->handle(hooks->self, b.v, b.n, 0);
    batch_release(&b);
    uint64_t full = mcr_scripts_counts_now(small).memory_full;
    assert_true(full > 0);
    mcr_scripts_inherit(next, small);
    assert_int_equal(mcr_scripts_counts_now(next).memory_full, full);
    mcr_scripts_free(small);
    mcr_scripts_free(next);
}

int main(void)
{
    mcr_log_set_level(MCR_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_arrive),
        cmocka_unit_test(what_cannot_be_saved_says_where),
        cmocka_unit_test(the_new_one_may_refuse),
        cmocka_unit_test(a_hook_may_be_missing),
        cmocka_unit_test(each_script_gets_its_own),
        cmocka_unit_test(many_scripts_may_save_much),
        cmocka_unit_test(they_may_not_take_for_ever),
        cmocka_unit_test(save_sends_nothing),
        cmocka_unit_test(counters_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
