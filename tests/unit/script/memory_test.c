// The limit of memory: scripts that run into it fail with a message, and work again.

#include "harness.h"

#include <unistd.h>

static mcr_scripts *scripts_of(const char *text, const char *name, size_t memory)
{
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w",
                                                            .on_error = MCR_ON_ERROR_DROP,
                                                            .memory = memory,
                                                            .deadline = MCR_DEADLINE_MAX_NS });
    load_text(s, text, name);
    run_init(s);
    return s;
}

// What the log says while `fn` runs over a batch; the caller frees it.
static char *logged(mcr_scripts *s, batch *b, bool route)
{
    const char *path = scratch("log");
    int before = dup(2);
    assert_non_null(freopen(path, "w", stderr));
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    (route ? hooks->route : hooks->handle)(hooks->self, b->v, b->n, 0);
    fflush(stderr);
    dup2(before, 2);
    close(before);
    return read_scratch(path);
}

typedef struct bomb {
    const char *body; // of a handle hook, for the third event
    size_t memory;
} bomb;

static const bomb bombs[] = {
    { "local t = {} for i = 1, 1e9 do t[i] = { i } end", 0 },
    { "local t = {} for i = 1, 1e9 do t[i] = i end", 16 << 20 },
    { "local t = {} for i = 1, 1e9 do t['k' .. i] = i end", 16 << 20 },
    { "local s = 'x' while true do s = s .. s end", 16 << 20 },
    { "local s = event.reason for i = 1, 1e9 do s = s .. s end", 16 << 20 },
    { "local t = {} while true do t = { t, t } end", 16 << 20 },
    { "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end", 16 << 20 },
    { "local t = {} while true do t[#t + 1] = function() return t end end", 16 << 20 },
    { "local t = {} while true do t[#t + 1] = event:get('') or event.reason .. #t end", 16 << 20 },
    { "local t = {} while true do t[#t + 1] = json.decode('[[1,2],{}]') end", 16 << 20 },
    { "local t = {} for i = 1, 1e6 do t[i] = 'some text' end while true do t = { table.concat(t), "
      "table.concat(t) } end",
      16 << 20 },
};

static void ends_bombs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        mcr_buf text = { 0 };
        char name[32]; // each message is logged once a minute
        snprintf(name, sizeof name, "bomb%zu.lua", i);
        mcr_buf_printf(&text,
                       "return { handle = function(event)\n"
                       "if event.reason == 'R3' then\n%s\nend\n"
                       "local t = {} for i = 1, 1000 do t[i] = { event.reason } end\nend }",
                       bombs[i].body);
        mcr_scripts *s = scripts_of(mcr_buf_cstr(&text), name, bombs[i].memory);
        size_t limit = bombs[i].memory ? bombs[i].memory : 64 << 20;
        for (uint32_t round = 1; round <= 3; round++) {
            batch b;
            batch_fill(&b, 5);
            char *log = logged(s, &b, false);
            char want[128];
            snprintf(want, sizeof want, "%s:1: script memory limit of %zu MiB reached", name,
                     limit >> 20);
            if (round == 1 && !strstr(log, want))
                fail_msg("%s: %s", bombs[i].body, log);
            free(log);
            if (strcmp(batch_text(&b), "R1 R2 refused R4 R5") != 0)
                fail_msg("%s: %s", bombs[i].body, batch_text(&b));
            batch_release(&b);
            mcr_script_counts counts = mcr_scripts_counts_now(s);
            assert_int_equal(counts.script_errors, round);
            assert_int_equal(counts.memory_full, round);
            assert_int_equal(counts.memory_limit, limit);
            assert_in_range(counts.memory_used, 1, limit / 2);
        }
        mcr_scripts_free(s);
        mcr_buf_fini(&text);
    }
}

// A script that catches the error goes on; what it left behind is collected after the batch.
static void relieves_scripts_that_catch_it(void **state)
{
    (void)state;
    mcr_scripts *s = scripts_of("return { handle = function(event)\n"
                                "if event.reason == 'R1' then\n"
                                "local ok, message = pcall(function()\n"
                                "local t = {} while true do t[#t + 1] = {} end end)\n"
                                "return not ok and message == 'not enough memory' end\n"
                                "local t = {} for i = 1, 1000 do t[i] = {} end end }",
                                "catches.lua", 8 << 20);
    for (int round = 1; round <= 3; round++) {
        batch b;
        batch_fill(&b, 1);
        mcr_scripts_hooks(s)->handle(mcr_scripts_hooks(s)->self, b.v, b.n, 0);
        assert_string_equal(batch_text(&b), "R1");
        batch_release(&b);
        assert_int_equal(mcr_scripts_counts_now(s).memory_full, round);
        assert_in_range(mcr_scripts_counts_now(s).memory_used, 1, 4 << 20);
        b.n = 1;
        b.v[0] = (mcr_verdict){ .ev = numbered_event(2), .outcome = MCR_PASS };
        mcr_scripts_hooks(s)->handle(mcr_scripts_hooks(s)->self, b.v, b.n, 0);
        assert_string_equal(batch_text(&b), "R2");
        batch_release(&b);
    }
    assert_int_equal(mcr_scripts_counts_now(s).script_errors, 0);
    mcr_scripts_free(s);
}

// Much garbage beside much that is held: collected early, never refused.
static void collects_before_the_limit(void **state)
{
    (void)state;
    mcr_scripts *s = scripts_of("local held = {} for i = 1, 100000 do held[i] = { i } end\n"
                                "return { handle = function(event)\n"
                                "local t = {} for i = 1, 2000 do t[i] = { event.reason } end end }",
                                "holds.lua", 16 << 20);
    assert_in_range(mcr_scripts_counts_now(s).memory_used, 7 << 20, 12 << 20);
    for (int round = 0; round < 300; round++) {
        batch b;
        batch_fill(&b, 5);
        mcr_scripts_hooks(s)->handle(mcr_scripts_hooks(s)->self, b.v, b.n, 0);
        assert_string_equal(batch_text(&b), "R1 R2 R3 R4 R5");
        batch_release(&b);
    }
    assert_int_equal(mcr_scripts_counts_now(s).memory_full, 0);
    assert_int_equal(mcr_scripts_counts_now(s).script_errors, 0);
    mcr_scripts_free(s);
}

// What is held on to for ever fills the state: it is made anew, and goes on.
static void starts_full_scripts_anew(void **state)
{
    (void)state;
    mcr_scripts *s = scripts_of("local held = {}\n"
                                "return { handle = function(event)\n"
                                "for i = 1, 20000 do held[#held + 1] = { event.reason } end\n"
                                "return event:with{ count = #held } end }",
                                "hoards.lua", 8 << 20);
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    int first_again = 0;
    for (int round = 1; round <= 40; round++) {
        batch b;
        batch_fill(&b, 1);
        hooks->handle(hooks->self, b.v, b.n, round);
        if (b.v[0].outcome == MCR_PASS && b.v[0].ev->count == 20000 && round > 1 && !first_again)
            first_again = round;
        batch_release(&b);
    }
    mcr_script_counts counts = mcr_scripts_counts_now(s);
    assert_in_range(first_again, 3, 20);
    assert_true(counts.discards >= 2);
    // Each time one event was lost to it, and no more.
    assert_int_equal(counts.script_errors, counts.memory_full);
    assert_in_range(counts.memory_full, counts.discards, counts.discards + 1);
    mcr_scripts_free(s);
}

// At load, in init and in a route the limit holds as well.
static void limits_all_of_a_script(void **state)
{
    (void)state;
    mcr_errbuf err = { "" };
    static const char bomb_text[] = "local t = {} while true do t[#t + 1] = {} end";
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){
        .watcher = "w", .memory = 8 << 20, .deadline = MCR_DEADLINE_MAX_NS });
    assert_int_equal(mcr_scripts_load_text(s, MCR_STR(bomb_text), "l.lua", &err), MCR_ECONFIG);
    assert_string_equal(err.text, "l.lua: script memory limit of 8 MiB reached");
    mcr_buf text = { 0 };
    mcr_buf_printf(&text, "return { init = function() %s end }", bomb_text);
    load_text(s, mcr_buf_cstr(&text), "i.lua");
    assert_int_equal(mcr_scripts_init(s, 0, &err), MCR_ESCRIPT);
    assert_string_equal(err.text, "i.lua: init: i.lua:1: script memory limit of 8 MiB reached");
    mcr_scripts_free(s);

    text.len = 0;
    mcr_buf_printf(&text, "return { route = function(event) %s end, tick = function() %s end }",
                   bomb_text, bomb_text);
    s = scripts_of(mcr_buf_cstr(&text), "bomb.lua", 8 << 20);
    const char *names[] = { "a" };
    mcr_scripts_set_sinks(s, names, 1, 1);
    batch b;
    batch_fill(&b, 2);
    char *log = logged(s, &b, true);
    assert_non_null(strstr(log, "bomb.lua:1: script memory limit of 8 MiB reached"));
    free(log);
    assert_int_equal(b.v[1].sinks, 1);
    batch_release(&b);
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    hooks->tick(hooks->self, 0); // says when the first is due
    hooks->tick(hooks->self, INT64_C(10000000000));
    assert_int_equal(mcr_scripts_counts_now(s).script_errors, 3);
    mcr_scripts_free(s);
    mcr_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_bombs),
        cmocka_unit_test(relieves_scripts_that_catch_it),
        cmocka_unit_test(collects_before_the_limit),
        cmocka_unit_test(starts_full_scripts_anew),
        cmocka_unit_test(limits_all_of_a_script),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
