// script/profile.h: what scripts do, while they stay guarded.

#include "script/profile.h"

#include "harness.h"
#include "script/hook_cost.h"

#if defined(__SANITIZE_THREAD__)
#define SIGNALS false // ThreadSanitizer keeps them from Lua code
#else
#define SIGNALS true
#endif

static const char text[] = "local function spin(n)\n"
                           "  local sum = 0\n"
                           "  for i = 1, n do sum = (sum * 7 + i) % 1000003 end\n"
                           "  return sum\n"
                           "end\n"
                           "local function deep(n) return 1 + deep(n + 1) end\n"
                           "return { handle = function(event)\n"
                           "  if event.reason == 'R1' then return spin(300000) > 0 end\n"
                           "  if event.reason == 'R2' then while true do end end\n"
                           "  if event.reason == 'R3' then\n"
                           "    return ('a'):rep(3000):find(('.-'):rep(9) .. 'b')\n"
                           "  end\n"
                           "  if event.reason == 'R4' then\n"
                           "    for i = 1, 100 do (function() return i end)() end\n"
                           "    return deep(1)\n"
                           "  end\n"
                           "end }\n";

static mcr_scripts *scripts_of(int64_t deadline)
{
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){
        .watcher = "w", .deadline = deadline, .on_error = MCR_ON_ERROR_DROP });
    load_text(s, text, "s");
    run_init(s);
    return s;
}

// One event "R<i>", whose hook does what the script says; how it ended.
static mcr_outcome run(mcr_scripts *s, int i)
{
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    mcr_verdict v = { .ev = numbered_event(i) };
    hooks->handle(hooks->self, &v, 1, 0);
    mcr_event_unref(v.ev);
    return v.outcome;
}

static void start(mcr_scripts *s, mcr_profile_kind kind)
{
    mcr_errbuf err = { "" };
    if (mcr_profile_start(s, kind, &err))
        fail_msg("%s", err.text);
}

static mcr_profile_result stop(void)
{
    mcr_profile_result result;
    mcr_profile_stop(&result);
    mcr_buf_cstr(&result.stacks);
    mcr_buf_cstr(&result.jit);
    return result;
}

// As many as it takes until samples were taken, which a loaded machine may do seldom.
static mcr_profile_result profile_spin(mcr_scripts *s)
{
    start(s, MCR_PROFILE_STACKS);
    for (int i = 0; i < 300; i++)
        run(s, 1);
    return stop();
}

static int quietly(void **state)
{
    (void)state;
    mcr_log_set_level((mcr_log_level)-1);
    return 0;
}

static void assert_guarded(mcr_scripts *s)
{
    if (SIGNALS)
        assert_int_equal(run(s, 2), MCR_REFUSED);
}

static void nothing_is_profiled(void **state)
{
    (void)state;
    assert_false(mcr_profile_has_ended());
    mcr_profile_result result = stop();
    assert_int_equal(result.samples + result.outside, 0);
    assert_int_equal(result.stacks.len, 0);
    mcr_profile_result_fini(&result);
}

static void stacks_name_hook_function_line_and_machine(void **state)
{
    (void)state;
    mcr_scripts *s = scripts_of(200 * 1000000);
    mcr_profile_result result = profile_spin(s);
    assert_null(result.ended);
    assert_true(result.ns > 0);
    if (SIGNALS) {
        assert_true(result.samples > 0);
        assert_non_null(strstr(result.stacks.ptr, "handle of s;function s:7;spin s:1;s:3;[jit] "));
    }
    mcr_profile_result_fini(&result);
    assert_guarded(s);
    mcr_scripts_free(s);
}

static void there_is_one_at_a_time(void **state)
{
    (void)state;
    mcr_scripts *one = scripts_of(0), *two = scripts_of(20 * 1000000);
    mcr_errbuf err;
    start(one, MCR_PROFILE_STACKS);
    assert_int_equal(mcr_profile_start(two, MCR_PROFILE_JIT, &err), MCR_EINVAL);
    assert_int_equal(mcr_profile_start(one, MCR_PROFILE_STACKS, &err), MCR_EINVAL);
    assert_guarded(two); // another state on the thread is neither sampled nor let go
    mcr_profile_result result = stop();
    assert_null(strstr(result.stacks.ptr, "s:9"));
    mcr_profile_result_fini(&result);
    mcr_scripts_free(two);
    mcr_scripts_free(one);
}

static void a_state_that_goes_ends_its_profile(void **state)
{
    (void)state;
    static const mcr_profile_kind kinds[] = { MCR_PROFILE_STACKS, MCR_PROFILE_JIT };
    for (size_t i = 0; i < 2; i++) {
        mcr_scripts *s = scripts_of(0);
        start(s, kinds[i]);
        run(s, 1);
        mcr_scripts_free(s);
        assert_true(mcr_profile_has_ended());
        mcr_profile_result result = stop();
        assert_non_null(strstr(result.ended, "loaded anew"));
        mcr_profile_result_fini(&result);
        s = scripts_of(20 * 1000000);
        result = profile_spin(s);
        assert_null(result.ended);
        assert_true(!SIGNALS || result.samples > 0);
        mcr_profile_result_fini(&result);
        assert_guarded(s);
        mcr_scripts_free(s);
    }
}

static void a_state_that_is_cut_off_ends_its_profile(void **state)
{
    (void)state;
    if (!SIGNALS)
        skip();
    static const mcr_profile_kind kinds[] = { MCR_PROFILE_STACKS, MCR_PROFILE_JIT };
    mcr_scripts *s = scripts_of(20 * 1000000);
    for (size_t i = 0; i < 2; i++) {
        start(s, kinds[i]);
        run(s, 1);
        assert_int_equal(run(s, 3), MCR_REFUSED);
        assert_int_equal(mcr_scripts_counts_now(s).discards, i + 1);
        assert_true(mcr_profile_has_ended());
        mcr_profile_result result = stop();
        assert_non_null(strstr(result.ended, "cut off"));
        mcr_profile_result_fini(&result);
        result = profile_spin(s);
        assert_null(result.ended);
        assert_non_null(strstr(result.stacks.ptr, "spin s:1;s:3"));
        mcr_profile_result_fini(&result);
        assert_guarded(s);
    }
    mcr_scripts_free(s);
}

static void a_hook_is_stopped_while_it_is_profiled(void **state)
{
    (void)state;
    if (!SIGNALS)
        skip();
    static const mcr_profile_kind kinds[] = { MCR_PROFILE_STACKS, MCR_PROFILE_JIT };
    mcr_scripts *s = scripts_of(20 * 1000000);
    for (size_t i = 0; i < 2; i++) {
        start(s, kinds[i]);
        assert_int_equal(run(s, 2), MCR_REFUSED);
        run(s, 5);
        mcr_profile_result result = stop();
        assert_null(result.ended);
        mcr_profile_result_fini(&result);
        assert_guarded(s);
        run(s, 5);
    }
    mcr_scripts_free(s);
}

static void what_is_not_compiled_is_told_also_at_full_stacks(void **state)
{
    (void)state;
    mcr_scripts *s = scripts_of(0);
    start(s, MCR_PROFILE_JIT);
    for (int i = 0; i < 90; i++) { // the breaker lets 99 failures in a row pass
        assert_int_equal(run(s, 4), MCR_REFUSED);
        run(s, 5);
    }
    mcr_profile_result result = stop();
    assert_null(result.ended);
    assert_non_null(strstr(result.jit.ptr, "\"place\":\"s:14\""));
    assert_non_null(strstr(result.jit.ptr, "a function is created"));
    mcr_profile_result_fini(&result);
    assert_guarded(s);
    mcr_scripts_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_profiled),
        cmocka_unit_test(stacks_name_hook_function_line_and_machine),
        cmocka_unit_test(there_is_one_at_a_time),
        cmocka_unit_test(a_state_that_goes_ends_its_profile),
        cmocka_unit_test(a_state_that_is_cut_off_ends_its_profile),
        cmocka_unit_test(a_hook_is_stopped_while_it_is_profiled),
        cmocka_unit_test(what_is_not_compiled_is_told_also_at_full_stacks),
    };
    return cmocka_run_group_tests(tests, quietly, NULL);
}
