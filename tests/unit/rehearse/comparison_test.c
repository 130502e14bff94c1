// rehearse/comparison.h: what two configurations do differently. Each case is a pair of them, some
// events, which of these change, and the groups of differences.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka.h wants the five above first.
#include <cmocka.h>

#include "base/buf.h"
#include "event/time.h"
#include "rehearse/comparison.h"

#define SECOND INT64_C(1000000000)

// A configuration that is on no disk, with its one script a.lua.
static mcr_generation *read_config(const char *watchers, const char *script)
{
    mcr_buf text = { 0 };
    mcr_buf_printf(&text,
                   "return { sources = { { kind = 'jsonl', path = '-' } },\n"
                   "sinks = { one = { kind = 'stdout' }, two = { kind = 'stdout' } },\n"
                   "watchers = { %s } }",
                   watchers);
    mcr_file_set *files = mcr_file_set_new();
    mcr_file_set_put(files, "mooncrier.lua", mcr_buf_str(&text));
    mcr_file_set_put(files, "a.lua", mcr_str_of(script));
    mcr_generation *g = mcr_generation_new(files);
    mcr_errbuf err;
    if (mcr_generation_read(g, "mooncrier.lua", &err))
        fail_msg("%s", err.text);
    mcr_file_set_free(files);
    mcr_buf_fini(&text);
    return g;
}

static mcr_event *make_event(int i)
{
    char name[32];
    snprintf(name, sizeof name, "e%d", i);
    mcr_event *ev = mcr_event_new(&(mcr_event){
        .metadata = { .name = mcr_str_of(name), .deletionGracePeriodSeconds = -1 },
        .involvedObject = { .kind = MCR_STR("Pod"), .name = MCR_STR("web") },
        .reason = mcr_str_of(name),
        .message = MCR_STR("m"),
        .lastTimestamp = mcr_time_of((INT64_C(1700000000) + i * 10) * SECOND),
        .count = i,
    });
    ev->record = (uint64_t)i;
    return ev;
}

enum {
    EVENTS = 8
};

typedef struct compared {
    char changed[EVENTS * 4]; // "2 5": the events that change, from 1
    mcr_buf groups;
    bool differs;
} compared;

static void write_groups(mcr_buf *out, mcr_differences *found)
{
    mcr_differences_sort(found);
    for (size_t i = 0; i < mcr_differences_count(found); i++) {
        const mcr_difference *g = mcr_differences_at(found, i);
        mcr_buf_printf(out, "%s %s: %s × %d\n", g->watcher, g->hook, g->decision, (int)g->n);
        for (size_t k = 0; k < g->example_n; k++)
            mcr_buf_printf(out, "  %s %d | %s | %s\n", g->examples[k].event,
                           (int)g->examples[k].record, g->examples[k].before, g->examples[k].after);
    }
    mcr_buf_cstr(out);
}

// Compares over EVENTS events, in batches of three.
static compared compare(mcr_generation *old, mcr_generation *new, size_t examples)
{
    compared out = { 0 };
    mcr_errbuf err;
    mcr_differences *found = mcr_differences_new(examples);
    const mcr_comparison_options options = { .start = INT64_C(1700000000) * SECOND,
                                             .bodies = true,
                                             .into = found };
    mcr_comparison *c = mcr_comparison_new_take(old, new, &options, &err);
    if (!c)
        fail_msg("%s", err.text);
    mcr_event *events[EVENTS];
    bool changed[EVENTS] = { false };
    for (int i = 0; i < EVENTS; i++)
        events[i] = make_event(i + 1);
    for (uint32_t i = 0; i < EVENTS; i += 3) {
        uint32_t n = EVENTS - i < 3 ? EVENTS - i : 3;
        mcr_comparison_step(c, events + i, n, changed + i);
    }
    out.differs = mcr_comparison_finish(c);
    char *at = out.changed;
    for (int i = 0; i < EVENTS; i++) {
        if (changed[i])
            at += sprintf(at, "%s%d", at == out.changed ? "" : " ", i + 1);
        mcr_event_unref(events[i]);
    }
    write_groups(&out.groups, found);
    mcr_comparison_free(c);
    mcr_differences_free(found);
    return out;
}

typedef struct comparison_case {
    const char *watchers[2]; // [1] NULL: the same
    const char *scripts[2];
    const char *changed;
    const char *groups;
} comparison_case;

#define ONE "{ name = 'w', script = 'a.lua', sinks = { 'one', 'two' }, correlate = false }"
#define TWO                                                                                        \
    "{ name = 'w', script = 'a.lua', sinks = { 'one' }, correlate = false },"                      \
    "{ name = 'v', sinks = { 'two' }, correlate = false }"

static void differences_are_told(void **state)
{
    (void)state;
    static const comparison_case cases[] = {
        { { ONE }, { "return {}", "return { handle = function(e) end }" }, "", "" },
        { { ONE },
          { "return { filter = function(e) return e.count ~= 3 end }",
            "return { filter = function(e) return e.count ~= 4, 'four' end }" },
          "3 4",
          "w filter: dropped → passed × 1\n"
          "  e3 3 | dropped, filter at a.lua:1 | passed\n"
          "w filter: passed → dropped (four) × 1\n"
          "  e4 4 | passed | dropped (four), filter at a.lua:1\n" },
        { { ONE },
          { "return { filter = function(e) return true end }",
            "return { filter = function(e) return true end,\n"
            "  handle = function(e) if e.count > 7 then return false, 'late' end end }" },
          "8",
          "w handle: passed → dropped (late) × 1\n"
          "  e8 8 | passed | dropped (late), handle at a.lua:2\n" },
        { { ONE },
          { "return { handle = function(e) return e:with{ message = 'a' } end }",
            "return { handle = function(e) return e:with{ message = e.count == 2 and 'b' or 'a' } "
            "end }" },
          "2",
          "w handle: message × 1\n  e2 2 | message: \"a\" | message: \"b\"\n" },
        { { ONE },
          { "return {}",
            "return { handle = function(e) if e.count == 5 then error('no') end end }" },
          "5",
          "w handle: passed → failed: a.lua:1: no × 1\n"
          "  e5 5 | passed | failed: a.lua:1: no, handle at a.lua:1\n"
          "w errors: 0 → 1 in all × 1\n" },
        { { ONE },
          { "return { route = function(e) return 'one' end }",
            "return { route = function(e) if e.count == 1 then return false end return "
            "{ one = e.count == 2 and e:with{ reason = 'x' } or true } end }" },
          "1 2",
          "w route: one → nowhere × 1\n"
          "  e1 1 | one, route at a.lua:1 | nowhere, route at a.lua:1\n"
          "w route: to one: reason × 1\n"
          "  e2 2 | reason: \"e2\" | reason: \"x\"\n" },
        // What the second watcher makes of what is emitted is no difference of its own.
        { { TWO },
          { "return {}", "return { handle = function(e) if e.count == 6 then emit(e) end end }" },
          "6",
          "w emit: nothing → an event × 1\n"
          "  e6 6 | nothing | an event: e6 e6, handle at a.lua:1\n" },
        { { TWO },
          { "return { handle = function(e) emit(e:with{ message = 'a' }) end }",
            "return { handle = function(e) emit(e:with{ message = e.count == 2 and 'b' or 'a' }) "
            "end }" },
          "2",
          "w emit: message × 1\n  e2 2 | message: \"a\" | message: \"b\"\n" },
        { { TWO, ONE },
          { "return {}", "return {}" },
          "1 2 3 4 5 6 7 8",
          "w route: one → one, two × 8\n"
          "  e1 1 | one | one, two\n"
          "v watcher: to two → no such watcher × 8\n"
          "  e1 1 | to two | no such watcher\n" },
        { { ONE },
          { "return { tick_every = '30s', tick = function() emit(new_event{ reason = 'T', message "
            "= 'a', involvedObject = { kind = 'Pod', name = 'p' } }, 'one') end }",
            "return {}" },
          "",
          "w emit: an event to one → nothing × 2\n"
          "  (a tick) 0 | an event to one: " },
        { { "{ name = 'w', script = 'a.lua', sinks = { 'one' }, correlate = { burst_size = 3 } }",
            "{ name = 'w', script = 'a.lua', sinks = { 'one' }, correlate = { burst_size = 5 } }" },
          { "return {}", "return {}" },
          "4 5",
          "w correlate: held back by the spam filter → new × 2\n"
          "  e4 4 | held back by the spam filter | new\n" },
        // What is dropped is missing in the counts of what comes later.
        { { "{ name = 'w', script = 'a.lua', sinks = { 'one' }, correlate = true }" },
          { "return { filter = function(e) return true end, "
            "handle = function(e) return e:with{ reason = 'same' } end }",
            "return { filter = function(e) return e.count > 1 end, "
            "handle = function(e) return e:with{ reason = 'same' } end }" },
          "1 2 3 4 5 6 7 8",
          "w filter: passed → dropped × 1\n"
          "  e1 1 | passed | dropped, filter at a.lua:1\n"
          "w correlate: recorded with another metadata.name × 6\n"
          "  e3 3 | metadata.name: \"e1\" | metadata.name: \"e2\"\n"
          "w correlate: a repeat → new × 1\n"
          "  e2 2 | a repeat | new\n" },
        { { "{ name = 'w', script = 'a.lua', sinks = { 'one' }, correlate = true }" },
          { "return {}", "return { local_key = function(e) return 'k' end, spam_key = function(e) "
                         "if e.count == 7 then error('no') end end }" },
          "1 2 3 4 5 6 7 8",
          "w local_key: the usual one → its own × 8\n"
          "  e1 1 | the usual one | its own, local_key at a.lua:1\n"
          "w spam_key: the usual one → failed: a.lua:1: no × 1\n"
          "  e7 7 | the usual one | failed: a.lua:1: no, spam_key at a.lua:1\n"
          "w errors: 0 → 1 in all × 1\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const comparison_case *k = &cases[i];
        compared c = compare(
            read_config(k->watchers[0], k->scripts[0]),
            read_config(k->watchers[1] ? k->watchers[1] : k->watchers[0], k->scripts[1]), 1);
        // Names of emitted events are not known: the case has what comes before.
        if (strcmp(c.changed, k->changed) != 0 ||
            strncmp(c.groups.ptr, k->groups, strlen(k->groups)) != 0 ||
            (!*k->groups && c.groups.len) || c.differs != (*k->groups != '\0'))
            fail_msg("case %zu: changed %s\n%s", i, c.changed, c.groups.ptr);
        mcr_buf_fini(&c.groups);
    }
}

static void what_does_not_load_is_said(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        mcr_errbuf err;
        mcr_differences *found = mcr_differences_new(1);
        const mcr_comparison_options options = { .into = found };
        mcr_generation *good = read_config(ONE, "return {}");
        mcr_generation *bad = read_config(ONE, "return { filter = 5 }");
        assert_null(mcr_comparison_new_take(i ? good : bad, i ? bad : good, &options, &err));
        assert_non_null(strstr(err.text, "a.lua"));
        mcr_differences_free(found);
    }
}

static void groups_and_examples_are_bounded(void **state)
{
    (void)state;
    enum {
        DECISIONS = MCR_DIFFERENCE_GROUPS + 50
    };
    mcr_differences *found = mcr_differences_new(2);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < DECISIONS; i++) {
            char decision[32];
            snprintf(decision, sizeof decision, "decision %d", i);
            mcr_difference_example *example =
                mcr_differences_note(found, "w", 10, "filter", mcr_str_of(decision));
            assert_int_equal(example != NULL, i < MCR_DIFFERENCE_GROUPS
                                                  ? round < 2
                                                  : round == 0 && i < MCR_DIFFERENCE_GROUPS + 2);
        }
    assert_int_equal(mcr_differences_count(found), MCR_DIFFERENCE_GROUPS + 1);
    mcr_differences_note(found, "w", 10, "filter", MCR_STR("decision 7"));
    mcr_differences_sort(found);
    const mcr_difference *first = mcr_differences_at(found, 0);
    assert_string_equal(first->decision, "decision 7");
    assert_int_equal(first->n, 4);
    const mcr_difference *last = mcr_differences_at(found, MCR_DIFFERENCE_GROUPS);
    assert_string_equal(last->hook, "others");
    assert_int_equal(last->n, 150);
    mcr_differences_free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_are_told),
        cmocka_unit_test(what_does_not_load_is_said),
        cmocka_unit_test(groups_and_examples_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
