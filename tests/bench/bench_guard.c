// What guarding scripts costs while they behave, and how long it takes to stop one that does not.

#include "bench_guard.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "bench_handler.h"
#include "script/script.h"

static mcr_scripts *scripts_of(const char *text, int64_t deadline)
{
    mcr_scripts *scripts =
        mcr_scripts_new(&(mcr_script_options){ .watcher = "bench", .deadline = deadline });
    mcr_errbuf err;
    if (mcr_scripts_load_text(scripts, mcr_str_of(text), "bench", &err)) {
        fprintf(stderr, "bench: %s\n", err.text);
        exit(1);
    }
    return scripts;
}

typedef struct side {
    mcr_scripts *scripts;
    double *ns;
} side;

static void measure(side *s, const bench_decoded *in, uint32_t batch, int run)
{
    enum {
        ROUNDS = 50
    };
    const mcr_hooks *hooks = mcr_scripts_hooks(s->scripts);
    double before = bench_cpu_ns();
    uint32_t passed = 0;
    for (int round = 0; round < ROUNDS; round++)
        passed += bench_pass(hooks, in, batch);
    bench_keep(&passed);
    s->ns[run] = (bench_cpu_ns() - before) / ((double)in->n * ROUNDS);
}

// One handler, guarded and not, in turn: what the machine does meanwhile meets both.
static void compare(const mcr_bench *self, const char *handler, const char *text,
                    const bench_decoded *in, uint32_t batch, int runs)
{
    side on = { scripts_of(text, 0), calloc((size_t)runs, sizeof(double)) };
    side off = { scripts_of(text, MCR_NO_DEADLINE), calloc((size_t)runs, sizeof(double)) };
    for (int warm = 0; warm < 2; warm++) {
        measure(&on, in, batch, 0);
        measure(&off, in, batch, 0);
    }
    for (int run = 0; run < runs; run++) {
        measure(run % 2 ? &on : &off, in, batch, run);
        measure(run % 2 ? &off : &on, in, batch, run);
    }
    double ns_on = bench_median(on.ns, (size_t)runs), ns_off = bench_median(off.ns, (size_t)runs);
    printf("{\"bench\":\"%s\",\"handler\":\"%s\",\"batch\":%u,\"ns\":%.1f,"
           "\"baseline\":\"without guard\",\"baseline_ns\":%.1f,\"ratio\":%.3f,"
           "\"ratio_of_best\":%.3f,\"runs\":%d}\n",
           self->name, handler, batch, ns_on, ns_off, ns_on / ns_off, on.ns[0] / off.ns[0], runs);
    mcr_scripts_free(on.scripts);
    mcr_scripts_free(off.scripts);
    free(on.ns);
    free(off.ns);
}

int bench_guard(const mcr_bench *self, int runs)
{
    static const char longer[] = "local seen = {}\n"
                                 "return { handle = function(event)\n"
                                 "  local object = event.involvedObject\n"
                                 "  local key = object.kind\n"
                                 "  local n = (seen[key] or 0) + event.count\n"
                                 "  seen[key] = n\n"
                                 "  if event.type == 'Normal' and n % 7 == 0 then\n"
                                 "    return false\n"
                                 "  end\n"
                                 "  for i = 1, 10 do\n"
                                 "    n = n + i\n"
                                 "  end\n"
                                 "  if n < 0 then\n"
                                 "    return event:with{ message = 'never' }\n"
                                 "  end\n"
                                 "end }\n";
    bench_input input = bench_input_load();
    bench_decoded in = { .n = 0 };
    bench_decode_some(&in, &input);
    compare(self, "filter", bench_filter, &in, MCR_BATCH, runs);
    compare(self, "filter", bench_filter, &in, 1, runs);
    compare(self, "ten lines", longer, &in, MCR_BATCH, runs);
    bench_release_decoded(&in);
    bench_input_free(&input);
    return 0;
}

static const struct {
    const char *name;
    const char *body;
} runaways[] = {
    { "compiled loop", "while true do end" },
    { "interpreted loop", "while true do ('x'):gsub('x', function(c) return c end) end" },
    { "pcall that swallows", "while true do pcall(function() while true do end end) end" },
    { "pattern that backtracks", "return ('a'):rep(3000):find(('.-'):rep(9) .. 'b')" },
};

static void stop(const mcr_bench *self, size_t i, mcr_event *ev, int runs)
{
    static const int64_t deadline = 20 * INT64_C(1000000);
    char text[256];
    // Lets every third event alone, so that its breaker stays closed. Not counted in a variable,
    // which is lost when it is cut off.
    snprintf(text, sizeof text,
             "return { filter = function()\n"
             "  if shared.add('n', 1) %% 3 ~= 0 then %s end\nend }",
             runaways[i].body);
    mcr_scripts *scripts = scripts_of(text, deadline);
    const mcr_hooks *hooks = mcr_scripts_hooks(scripts);
    size_t n = (size_t)runs * 10;
    double *late = calloc(n, sizeof *late);
    for (size_t done = 0; done < n;) {
        mcr_verdict v = { .ev = ev };
        int64_t before = mcr_clock_monotonic();
        hooks->handle(hooks->self, &v, 1, 0);
        int64_t took = mcr_clock_monotonic() - before;
        if (v.outcome == MCR_REFUSED)
            late[done++] = (double)(took - deadline) / 1e6;
    }
    double p50 = bench_median(late, n);
    printf("{\"bench\":\"%s\",\"what\":\"%s\",\"late_ms_p50\":%.2f,\"late_ms_p99\":%.2f,"
           "\"late_ms_max\":%.2f,\"stops\":%zu}\n",
           self->name, runaways[i].name, p50, late[n * 99 / 100], late[n - 1], n);
    free(late);
    mcr_scripts_free(scripts);
}

int bench_guard_stop(const mcr_bench *self, int runs)
{
    mcr_log_level level = mcr_log_get_level();
    mcr_log_set_level(MCR_LOG_ERROR);
    bench_input input = bench_input_load();
    bench_decoded in = { .n = 0 };
    bench_decode_some(&in, &input);
    for (size_t i = 0; i < sizeof runaways / sizeof *runaways; i++)
        stop(self, i, in.events[0], runs);
    bench_release_decoded(&in);
    bench_input_free(&input);
    mcr_log_set_level(level);
    return 0;
}
