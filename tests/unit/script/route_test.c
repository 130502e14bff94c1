// script/script.h: where route and emit send events.

#include "harness.h"

#include "broadcast/broadcaster.h"

static const char *const sinks[] = { "one", "two", "three" };

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
        { "return 'tow'", FALLBACK, 0, 1, "" },
        { "return { 'one', 'three' }", ONE | THREE, 0, 0, "" },
        { "return { 'one', 'one', 'one' }", ONE, 0, 0, "" },
        { "return { 'one', 'nine', 'nine' }", ONE, 0, 2, "" },
        { "return { one = true, two = false }", ONE, 0, 0, "" },
        { "return { 'one', three = true }", ONE | THREE, 0, 0, "" },
        { "return { one = true, nine = true }", ONE, 0, 1, "" },
        { "return { two = e:with{ reason = 'X' } }", 0, 0, 0, "1:1:X" },
        { "return { one = true, two = e:with{ reason = 'X' } }", ONE, 0, 0, "1:1:X" },
        { "return { nine = e:with{ reason = 'X' } }", FALLBACK, 0, 1, "" },
        { "return { nine = true, one = e:with{ reason = 'X' } }", 0, 0, 1, "0:1:X" },
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

// Sinks that nobody has declared: each event goes where `expected` says, by what the sinks are
// called in the end.
static void routes_openly(const char *text, const char *expected)
{
    static const char *const names[] = { "(all)", "", "", "(other)" };
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    load_text(s, text, "r");
    mcr_scripts_open_sinks(s, names, 4);
    mcr_errbuf err;
    assert_int_equal(mcr_scripts_check_sinks(s, &err), MCR_OK);
    run_init(s);
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    batch b;
    batch_fill(&b, 5);
    if (hooks->handle)
        hooks->handle(hooks->self, b.v, 5, 0);
    hooks->route(hooks->self, b.v, 5, 0);
    char got[512] = "", *at = got;
    for (uint32_t i = 0; i < 5; i++) {
        at += sprintf(at, "%s", i ? "; " : "");
        for (uint32_t k = 0; k < 4; k++)
            if (b.v[i].sinks >> k & 1)
                at += sprintf(at, "%s ", mcr_scripts_sink_name(s, k));
    }
    mcr_direct d;
    while (hooks->next_direct(hooks->self, &d)) {
        at += sprintf(at, "! %s ", mcr_scripts_sink_name(s, d.sink));
        mcr_event_unref(d.ev);
    }
    assert_string_equal(got, expected);
    assert_int_equal(mcr_scripts_counts_now(s).unknown_sinks, 0);
    batch_release(&b);
    mcr_scripts_free(s);
}

// Names that stand in the code come first.
static void any_name_is_an_open_sink(void **state)
{
    (void)state;
    routes_openly("return { filter = function() return true end }",
                  "(all) ; (all) ; (all) ; (all) ; (all) ");
    routes_openly("return { route = function(e) return 'to-' .. e.count end }",
                  "to-1 ; to-2 ; (other) ; (other) ; (other) ");
    routes_openly("return { route = function(e)\n"
                  "  if e.count == 1 then return { 'b', 'a' } end\n"
                  "  if e.count == 2 then return { a = true } end\n"
                  "  if e.count == 3 then return false end\n"
                  "  if e.count == 4 then return 5 end\n"
                  "end }",
                  "a b ; a ; ; (all) ; (all) ");
    routes_openly("return { handle = function(e) emit(e, 'x' .. e.count % 2) end }",
                  "(all) ; (all) ; (all) ; (all) ; (all) ! x1 ! x0 ! x1 ! x0 ! x1 ");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes),
        cmocka_unit_test(any_name_is_an_open_sink),
        cmocka_unit_test(bounds_what_waits_for_sinks),
        cmocka_unit_test(emits_to_the_others),
        cmocka_unit_test(emits_nothing_before_it_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
