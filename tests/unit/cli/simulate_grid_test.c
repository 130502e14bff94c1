// The grids that `simulate` takes, and what is wrong with others.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/simulate_grid.h"

static mcr_err read_grid(mcr_grid *g, const char *const *texts, mcr_errbuf *err)
{
    size_t n = 0;
    while (texts[n])
        n++;
    const mcr_flag_texts flags = { (const char **)(uintptr_t)texts, n };
    return mcr_grid_read(g, &flags, &mcr_correlator_default_options, err);
}

static void settings_are_all_combinations(void **state)
{
    (void)state;
    static mcr_grid g;
    mcr_errbuf err;
    const char *const texts[] = { "burst=5,25", "max_interval=30,10m,1h", NULL };
    assert_int_equal(read_grid(&g, texts, &err), MCR_OK);
    assert_int_equal(g.n, 6);
    mcr_buf label = { 0 };
    mcr_grid_label(&label, &g, 4, g.axis_n);
    assert_string_equal(mcr_buf_cstr(&label), "burst_size=25, max_interval=10m");
    label.len = 0;
    mcr_grid_label(&label, &g, 4, 0);
    assert_string_equal(mcr_buf_cstr(&label), "max_interval=10m");
    mcr_buf_fini(&label);
    static const int64_t intervals[] = { 30, 600, 3600 };
    for (size_t i = 0; i < g.n; i++) {
        assert_int_equal(g.settings[i].burst_size, i < 3 ? 5 : 25);
        assert_int_equal(g.settings[i].max_interval_s, intervals[i % 3]);
        assert_int_equal(g.settings[i].key_limit, mcr_correlator_default_options.key_limit);
    }
    mcr_grid_fini(&g);
}

static void without_a_grid_there_is_the_base_alone(void **state)
{
    (void)state;
    static mcr_grid g;
    mcr_errbuf err;
    const char *const texts[] = { NULL };
    assert_int_equal(read_grid(&g, texts, &err), MCR_OK);
    assert_int_equal(g.n, 1);
    assert_memory_equal(&g.settings[0], &mcr_correlator_default_options, sizeof g.settings[0]);
    mcr_grid_fini(&g);
}

static void switches_turn_parts_off(void **state)
{
    (void)state;
    static mcr_grid g;
    mcr_errbuf err;
    const char *const texts[] = { "spam_filter=true,false", "aggregate=false", "qps", NULL };
    assert_int_equal(read_grid(&g, texts, &err), MCR_EINVAL);
    mcr_grid_fini(&g);
    const char *const good[] = { "spam_filter=true,false", "aggregate=false", NULL };
    assert_int_equal(read_grid(&g, good, &err), MCR_OK);
    assert_int_equal(g.settings[0].burst_size, 0);
    assert_int_equal(g.settings[1].burst_size, INT32_MAX);
    assert_int_equal(g.settings[1].max_events, -1);
    mcr_grid_fini(&g);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *texts[4];
        const char *message;
    } cases[] = {
        { { "burst_size" },
          "--grid must be NAME=VALUE,VALUE… such as burst_size=5,25,100, not 'burst_size'" },
        { { "=5" }, "--grid must be NAME=VALUE,VALUE… such as burst_size=5,25,100, not '=5'" },
        { { "bursts_size=5" },
          "--grid bursts_size=5: there is no option 'bursts_size'; did you mean 'burst_size'?" },
        { { "colour=red" },
          "--grid colour=red: there is no option 'colour' (there are lru_cache_size, burst_size, "
          "qps, max_events, max_interval, spam_filter, aggregate)" },
        { { "burst_size=" }, "--grid burst_size=: a value is missing" },
        { { "burst_size=5," }, "--grid burst_size=5,: a value is missing" },
        { { "burst_size=5,many" },
          "--grid burst_size=many: 'burst_size' must be a whole number, 0 "
          "or more" },
        { { "burst_size=0" },
          "--grid burst_size=0: 0 stands for the default; say the number that "
          "is meant" },
        { { "burst_size=5", "burst=6" }, "--grid burst=6: 'burst_size' has a grid already" },
        { { "max_interval=1.5s" },
          "--grid: the setting max_interval=1.5s: 'max_interval' is in "
          "whole seconds" },
        { { "burst_size=5", "spam_filter=true,false" },
          "--grid: the setting burst_size=5, spam_filter=false: 'burst_size' and 'qps' are of the "
          "spam filter, which is off" },
        { { "burst_size=1,2,3,4,5,6,7,8,9,10", "max_events=1,2,3,4,5,6,7,8,9,10",
            "max_interval=1,2,3" },
          "--grid: 10 × 10 × 3 values are more than 256 settings; try fewer values, or some of "
          "them at a time" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static mcr_grid g;
        mcr_errbuf err;
        assert_int_equal(read_grid(&g, cases[i].texts, &err), MCR_EINVAL);
        assert_string_equal(err.text, cases[i].message);
        mcr_grid_fini(&g);
    }
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_all_combinations),
        cmocka_unit_test(without_a_grid_there_is_the_base_alone),
        cmocka_unit_test(switches_turn_parts_off),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
