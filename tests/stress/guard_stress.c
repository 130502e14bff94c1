// Ten thousand hooks that run away, in two states on two threads of one process: each is stopped,
// no event between them is lost, and the process does not grow. Every fiftieth has to be cut off.
// Not under ThreadSanitizer, which keeps the guard's signal from Lua code.
//
//     guard_stress [how many]

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "event/decode.h"
#include "script/script.h"
#include "watchdog.h"

enum {
    THREADS = 2,
    RUNAWAYS = 10000,
    GROWTH_MIB = 8
};

#define DEADLINE_NS (2 * INT64_C(1000000))

// attack[event.count]() runs away; an event without one passes.
static const char script[] =
    "local x, t = 0, setmetatable({}, { __index = function() while true do end end })\n"
    "local function deep() return 1 + deep() end\n"
    "local attack = {\n"
    "  function() while true do end end,\n"
    "  function() while true do x = x + 1 end end,\n"
    "  function() while true do pcall(function() while true do end end) end end,\n"
    "  function() coroutine.wrap(function() while true do end end)() end,\n"
    "  function() return t.x end,\n"
    "  function() while true do local s = ('x'):rep(1000) end end,\n"
    "  function() while true do ('xyz'):gsub('.', function(c) return c end) end end,\n"
    "  function() table.sort({ 3, 1, 2 }, function() while true do end end) end,\n"
    "  function() while true do pcall(deep) end end,\n"
    "  function(event) while true do local e = event:with{ message = 'other' } end end,\n"
    "  function(event) while true do local e = event:keep() end end,\n"
    "  function() while true do json.decode(json.encode({ 1, { 2 } })) end end,\n"
    "  function() return ('a'):rep(3000):find(('.-'):rep(9) .. 'b') end,\n"
    "}\n"
    "return { filter = function(event)\n"
    "  local run = attack[event.count]\n"
    "  if run then run(event) end\n"
    "  return true\n"
    "end }";

enum {
    ATTACKS = 13, // the last is the one that is cut off
    CUT_OFF_EVERY = 50
};

typedef struct worker {
    pthread_t thread;
    unsigned seed;
    int runaways;
    uint64_t passed, stopped, discards;
    const char *wrong;
} worker;

static mcr_event *event_with(mcr_decoder *decoder, int count)
{
    char json[128];
    mcr_event *ev = NULL;
    mcr_decode_error error;
    snprintf(json, sizeof json, "{\"metadata\":{\"name\":\"e\"},\"message\":\"m\",\"count\":%d}",
             count);
    mcr_decode(decoder, mcr_str_of(json), 0, &ev, &error);
    return ev;
}

// A batch with a runaway in it, at any place.
static void run_batch(worker *w, const mcr_hooks *hooks, mcr_decoder *decoder, int attack)
{
    uint32_t n = 1 + (uint32_t)rand_r(&w->seed) % 8, bad = (uint32_t)rand_r(&w->seed) % n;
    mcr_verdict v[8];
    for (uint32_t i = 0; i < n; i++)
        v[i] = (mcr_verdict){ .ev = event_with(decoder, i == bad ? attack : 1000) };
    hooks->handle(hooks->self, v, n, 0);
    for (uint32_t i = 0; i < n; i++) {
        if (i == bad && v[i].outcome != MCR_REFUSED)
            w->wrong = "an event that ran away was not refused";
        else if (v[i].outcome == MCR_DROP)
            w->wrong = "an event was dropped";
        w->passed += v[i].outcome == MCR_PASS;
        mcr_event_unref(v[i].ev);
    }
}

static void *work(void *arg)
{
    worker *w = arg;
    mcr_decoder *decoder = mcr_decoder_new();
    mcr_scripts *scripts = mcr_scripts_new(&(mcr_script_options){
        .watcher = "stress", .deadline = DEADLINE_NS, .on_error = MCR_ON_ERROR_DROP });
    mcr_errbuf err = { "" };
    if (mcr_scripts_load_text(scripts, mcr_str_of(script), "attacks", &err) ||
        mcr_scripts_init(scripts, 0, &err))
        w->wrong = strdup(err.text);
    const mcr_hooks *hooks = mcr_scripts_hooks(scripts);
    for (int i = 1; i <= w->runaways && !w->wrong; i++) {
        int attack = i % CUT_OFF_EVERY == 0 ? ATTACKS : 1 + rand_r(&w->seed) % (ATTACKS - 1);
        run_batch(w, hooks, decoder, attack);
        // One that works, between: the breaker stays closed.
        mcr_verdict fine = { .ev = event_with(decoder, 1000) };
        for (int again = 0; again < 10; again++) {
            fine.outcome = MCR_PASS;
            hooks->handle(hooks->self, &fine, 1, 0);
            if (fine.outcome == MCR_PASS)
                break; // else this thread was kept from running for as long as the deadline
        }
        if (fine.outcome != MCR_PASS)
            w->wrong = "an event was not handled after all";
        mcr_event_unref(fine.ev);
        watchdog_alive();
    }
    mcr_script_counts counts = mcr_scripts_counts_now(scripts);
    w->stopped += counts.deadlines;
    w->discards += counts.discards;
    mcr_scripts_free(scripts);
    mcr_decoder_free(decoder);
    return NULL;
}

static double resident_mib(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long total, resident = 0;
    if (file && fscanf(file, "%lu %lu", &total, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static const char *run(int runaways, worker sum[static 1])
{
    worker workers[THREADS] = { { 0 } };
    for (int i = 0; i < THREADS; i++) {
        workers[i].seed = sum->seed + (unsigned)i;
        workers[i].runaways = runaways / THREADS;
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    const char *wrong = NULL;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        wrong = workers[i].wrong ? workers[i].wrong : wrong;
        sum->passed += workers[i].passed;
        sum->stopped += workers[i].stopped;
        sum->discards += workers[i].discards;
    }
    return wrong;
}

int main(int argc, char **argv)
{
    int runaways = argc > 1 ? atoi(argv[1]) : RUNAWAYS;
    mcr_log_set_level(MCR_LOG_ERROR);
    watchdog_start("stopping hooks");
    worker sum = { .seed = 1 };
    // What is needed once is there after the first tenth.
    const char *wrong = run(runaways / 10, &sum);
    double before = resident_mib();
    if (!wrong)
        wrong = run(runaways, &sum);
    double growth = resident_mib() - before;
    printf("%llu stopped, %llu of them cut off, %llu events passed; grown by %.1f MiB\n",
           (unsigned long long)sum.stopped, (unsigned long long)sum.discards,
           (unsigned long long)sum.passed, growth);
    if (!wrong && growth > GROWTH_MIB)
        wrong = "the process has grown";
    if (wrong)
        fprintf(stderr, "guard_stress: %s\n", wrong);
    return wrong != NULL;
}
