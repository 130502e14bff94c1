// correlate-lua: correlator, patch bytes and update with all three key hooks in Lua, over one event
// again and again, over 20,000 in turn and over 1000 by Zipf's law; the spam filter lets everything
// pass, so that the spam key is asked for an event that was made anew for each repeat. CPU time of
// this thread.

#include "bench_correlate_lua.h"

#include <stdio.h>
#include <stdlib.h>

#include <lua.h>

#include "base/alloc.h"
#include "bench_events.h"
#include "correlate/correlator.h"
#include "correlate/patch.h"
#include "script/script.h"

enum {
    STEPS = 200000,
    DISTINCT = 20000
};

static const int64_t STEP = 1000000;

static uint32_t next_event(bench_zipf *zipf, uint32_t n, uint32_t step)
{
    return n == BENCH_OBJECTS ? bench_zipf_draw(zipf) : step % n;
}

// CPU nanoseconds per event; the first round, which fills caches and compiles, is not measured.
static double run(mcr_event *const *events, uint32_t n, const mcr_correlator_options *options)
{
    mcr_correlator *c = mcr_correlator_new(options);
    int64_t now = BENCH_START;
    mcr_clock clock = mcr_clock_fixed(&now);
    mcr_buf patch = { 0 };
    double ns = 0;
    for (int round = 0; round < 2; round++) {
        bench_zipf zipf;
        bench_zipf_init(&zipf, 1);
        ns = bench_cpu_ns();
        for (uint32_t i = 0; i < STEPS; i++) {
            mcr_correlated out;
            mcr_correlator_run(c, events[next_event(&zipf, n, i)], &clock, &out);
            now += STEP;
            patch.len = 0;
            if (out.counted)
                mcr_count_patch(&patch, out.ev);
            bench_keep(patch.ptr);
            mcr_correlator_update(c, out.ev);
            mcr_event_unref(out.ev);
        }
        ns = (bench_cpu_ns() - ns) / STEPS;
    }
    mcr_correlator_free(c);
    mcr_buf_fini(&patch);
    return ns;
}

static mcr_scripts *load(void)
{
    mcr_errbuf err;
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "bench" });
    lua_pushnil(mcr_scripts_state(s));
    if (mcr_scripts_load(s, MCR_SOURCE_DIR "/scripts/keys/client_go.lua", "client_go", &err) ||
        mcr_scripts_init(s, BENCH_START, &err)) {
        fprintf(stderr, "bench: %s\n", err.text);
        exit(1);
    }
    return s;
}

static void measure(const mcr_bench *self, const char *name, uint32_t n, int runs)
{
    mcr_event **events = mcr_alloc(n * sizeof *events);
    double *lua = mcr_alloc((size_t)runs * 2 * sizeof *lua), *c = lua + runs;
    for (uint32_t i = 0; i < n; i++)
        events[i] = bench_event(i);
    mcr_scripts *s = load();
    mcr_correlator_options in_c = { .burst_size = INT32_MAX }, in_lua = in_c;
    mcr_scripts_correlator_hooks(s, &in_lua);
    in_lua.aggregate_message = in_c.aggregate_message; // keys alone are measured
    for (int i = 0; i < runs; i++) {
        lua[i] = run(events, n, &in_lua);
        c[i] = run(events, n, &in_c);
    }
    double ns = bench_median(lua, (size_t)runs), base = bench_median(c, (size_t)runs);
    printf("{\"bench\":\"%s\",\"workload\":\"%s\",\"events\":%d,\"runs\":%d,\"ns_per_event\":%.1f,"
           "\"events_per_cpu_s\":%.0f,\"baseline\":\"keys in C\",\"baseline_ns\":%.1f,"
           "\"ratio\":%.2f,\"script_errors\":%llu}\n",
           self->name, name, STEPS, runs, ns, 1e9 / ns, base, ns / base,
           (unsigned long long)mcr_scripts_counts_now(s).script_errors);
    mcr_scripts_free(s);
    for (uint32_t i = 0; i < n; i++)
        mcr_event_unref(events[i]);
    free(events);
    free(lua);
}

int bench_correlate_lua(const mcr_bench *self, int runs)
{
    measure(self, "same", 1, runs);
    measure(self, "zipf", BENCH_OBJECTS, runs);
    measure(self, "distinct", DISTINCT, runs);
    return 0;
}
