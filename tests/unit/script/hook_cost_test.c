// script/hook_cost.h: by itself, with marks that lie as far back as a test says, and as scripts
// are measured.

#include "script/hook_cost.h"

#include "harness.h"

#define MS INT64_C(1000000)

// A call that began so long ago.
static void call(mcr_hook_cost *cost, int64_t ns)
{
    mcr_hook_cost_mark mark = { .at = mcr_clock_monotonic() - ns };
    mcr_hook_cost_end(cost, &mark, NULL);
}

static void whole_batch(mcr_hook_cost *cost, int64_t ns, uint32_t n)
{
    mcr_hook_cost_mark mark = { .at = mcr_clock_monotonic() - ns };
    mcr_hook_cost_end_batch(cost, &mark, NULL, n);
}

// Whether `n` is `ms`, or up to half more: the machine may have done something else in between.
static bool is_about(uint64_t n, uint64_t ms)
{
    return n > ms * MS - ms * MS / 16 && n < ms * MS + ms * MS / 2 + 50 * MS;
}

static void the_first_call_is_measured(void **state)
{
    (void)state;
    mcr_hook_cost cost = { 0 };
    assert_true(mcr_hook_cost_due(&cost));
    call(&cost, 1000 * MS);
    mcr_hook_cost_sums sums = mcr_hook_cost_now(&cost);
    assert_int_equal(sums.calls, 1);
    assert_int_equal(sums.measured, 1);
    assert_true(is_about(sums.ns, 1000));
    assert_true(is_about(sums.time.p50, 1000));
    assert_int_equal(sums.time.p50 <= sums.time.max, true);
    assert_int_equal(sums.bytes, 0);
}

static void slow_calls_are_all_measured_and_fast_ones_seldom(void **state)
{
    (void)state;
    mcr_hook_cost slow = { 0 }, fast = { 0 };
    uint32_t measured = 0;
    for (int i = 0; i < 5000; i++) {
        assert_true(mcr_hook_cost_due(&slow));
        call(&slow, MS);
        if (mcr_hook_cost_due(&fast)) {
            call(&fast, 0);
            measured++;
        } else {
            mcr_hook_cost_pass(&fast, 1);
        }
    }
    assert_int_equal(mcr_hook_cost_now(&slow).measured, 5000);
    mcr_hook_cost_sums sums = mcr_hook_cost_now(&fast);
    assert_int_equal(sums.calls, 5000);
    assert_int_equal(sums.measured, measured);
    assert_in_range(measured, 50, 500);
}

static void calls_that_are_not_measured_count_like_the_next_that_is(void **state)
{
    (void)state;
    mcr_hook_cost cost = { 0 };
    mcr_hook_cost_pass(&cost, 9);
    call(&cost, 100 * MS);
    mcr_hook_cost_sums sums = mcr_hook_cost_now(&cost);
    assert_int_equal(sums.calls, 10);
    assert_int_equal(sums.measured, 1);
    assert_true(is_about(sums.ns, 1000));
    assert_true(is_about(sums.time.p99, 100));
}

static void batches_are_exact_and_name_their_slowest_event(void **state)
{
    (void)state;
    mcr_hook_cost cost = { 0 };
    call(&cost, 0);
    for (int i = 0; i < 1000; i++)
        whole_batch(&cost, 64 * 20, 64);
    uint64_t usual = mcr_hook_cost_now(&cost).ns;
    whole_batch(&cost, 3000 * MS, 64);
    mcr_hook_cost_sums sums = mcr_hook_cost_now(&cost);
    assert_int_equal(sums.calls, 1 + 1001 * 64);
    assert_true(is_about(sums.ns - usual, 3000));
    assert_true(is_about(sums.time.max, 3000));
    assert_int_equal(sums.measured, 1);
}

static void laps_are_measured_one_by_one(void **state)
{
    (void)state;
    mcr_hook_cost cost = { 0 };
    mcr_hook_cost_pass(&cost, 6); // as if each of three stood for three
    mcr_hook_cost_begin_laps(&cost, NULL, 3);
    static const int64_t took[] = { 100 * MS, 1000 * MS, 100 * MS };
    for (size_t i = 0; i < 3; i++) {
        cost.lap.since.at = mcr_clock_monotonic() - took[i];
        if (i < 2)
            mcr_hook_cost_lap(&cost, NULL);
    }
    mcr_hook_cost_end_laps(&cost, NULL, 3); // the last one was stopped
    mcr_hook_cost_sums sums = mcr_hook_cost_now(&cost);
    assert_int_equal(sums.calls, 9);
    assert_int_equal(sums.measured, 3);
    assert_true(is_about(sums.time.p50, 100));
    assert_true(is_about(sums.time.p99, 1000));
    assert_true(is_about(sums.time.max, 1000));
    assert_true(is_about(sums.ns, 3600));
}

static void lost_states_allocate_nothing(void **state)
{
    (void)state;
    mcr_arena *one = mcr_arena_new(MCR_ARENA_MIN), *other = mcr_arena_new(MCR_ARENA_MIN);
    mcr_hook_cost cost = { 0 };
    mcr_hook_cost_mark mark = mcr_hook_cost_begin(one);
    mcr_arena_alloc(one, NULL, 0, 1000);
    mcr_hook_cost_end(&cost, &mark, other);
    assert_int_equal(mcr_hook_cost_now(&cost).bytes, 0);
    mark = mcr_hook_cost_begin(one);
    void *block = mcr_arena_alloc(one, NULL, 0, 1000);
    block = mcr_arena_alloc(one, block, 1000, 1500);
    mcr_arena_alloc(one, block, 1500, 0);
    mcr_hook_cost_end(&cost, &mark, one);
    assert_int_equal(mcr_hook_cost_now(&cost).memory.max, 1500);
    mcr_arena_free(one);
    mcr_arena_free(other);
}

//
// Scripts
//

typedef struct seen {
    char text[512];
    mcr_hook_cost_sums last;
} seen;

static void note(void *arg, const char *stage, const char *script, const mcr_hook_cost_sums *cost)
{
    seen *s = arg;
    size_t len = strlen(s->text);
    snprintf(s->text + len, sizeof s->text - len, "%s of %s %d; ", stage, script, (int)cost->calls);
    s->last = *cost;
}

static seen costs(const mcr_scripts *s)
{
    seen all = { 0 };
    mcr_scripts_each_cost(s, note, &all);
    return all;
}

// Runs `n` events through, `size` at a time.
static void feed(mcr_scripts *s, uint32_t n, uint32_t size)
{
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    for (uint32_t done = 0; done < n; done += size) {
        batch b;
        batch_fill(&b, size);
        hooks->handle(hooks->self, b.v, size, 0);
        if (hooks->route)
            hooks->route(hooks->self, b.v, size, 0);
        batch_release(&b);
    }
}

static void every_call_of_every_hook_is_counted(void **state)
{
    (void)state;
    static const uint32_t sizes[] = { 1, 2, 15, 16, 64 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
        load_text(s, "return { handle = function() end, route = function() end }", "s");
        run_init(s);
        feed(s, 960, sizes[i]);
        assert_string_equal(costs(s).text, "handle of s 960; route of s 960; ");
        mcr_scripts_free(s);
    }
}

static void every_call_in_a_chain_is_counted(void **state)
{
    (void)state;
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    load_text(s,
              "return { filter = function(e) return e.count % 4 ~= 0 end,"
              "  handle = function(e) if e.count % 4 == 1 then error('x') end end }",
              "a");
    load_text(s, "return { filter = function() return true end }", "b");
    run_init(s);
    mcr_log_level before = mcr_log_get_level();
    mcr_log_set_level((mcr_log_level)-1);
    feed(s, 640, 64);
    mcr_log_set_level(before);
    assert_string_equal(costs(s).text, "filter of a 640; handle of a 480; filter of b 320; ");
    mcr_scripts_free(s);
}

static void memory_is_measured_by_event(void **state)
{
    (void)state;
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    load_text(s,
              "local n = 0\n"
              "return { handle = function(e)\n"
              "  n = n + 1\n"
              "  return #(string.rep('x', 100000) .. n) < 0\n"
              "end }",
              "s");
    run_init(s);
    feed(s, 640, 64);
    seen all = costs(s);
    assert_in_range(all.last.memory.p50, 95000, 310000);
    assert_in_range(all.last.bytes / 640, 95000, 310000);
    mcr_scripts_free(s);
}

static void a_hook_that_is_stopped_took_its_deadline(void **state)
{
    (void)state;
#if defined(__SANITIZE_THREAD__)
    skip();
#endif
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w", .deadline = 20 * MS });
    load_text(s, "return { handle = function(e) while e.count == 20 do end end }", "s");
    run_init(s);
    mcr_log_level before = mcr_log_get_level();
    mcr_log_set_level((mcr_log_level)-1);
    feed(s, 64, 64);
    feed(s, 64, 64);
    mcr_log_set_level(before);
    seen all = costs(s);
    assert_string_equal(all.text, "handle of s 128; ");
    assert_true(all.last.time.max >= 20 * MS);
    assert_true(all.last.ns >= 40 * MS);
    mcr_scripts_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_call_is_measured),
        cmocka_unit_test(slow_calls_are_all_measured_and_fast_ones_seldom),
        cmocka_unit_test(calls_that_are_not_measured_count_like_the_next_that_is),
        cmocka_unit_test(batches_are_exact_and_name_their_slowest_event),
        cmocka_unit_test(laps_are_measured_one_by_one),
        cmocka_unit_test(lost_states_allocate_nothing),
        cmocka_unit_test(every_call_of_every_hook_is_counted),
        cmocka_unit_test(every_call_in_a_chain_is_counted),
        cmocka_unit_test(memory_is_measured_by_event),
        cmocka_unit_test(a_hook_that_is_stopped_took_its_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
