// Reloads under load: 8 watchers of 300-line scripts, of which one file changes again and again.
// Scripts note when they handle an event (by ffi, right here in memory), so that the pause is
// measured between the last event of the old one and the first of the new one: the CPU time of the
// watcher's thread, and what a clock on the wall says. Then how long it took from the edit until
// all watchers have handled an event with the new script, and what of the throughput before is
// there again 100 ms later.

#include "bench_reload.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/file_watch.h"
#include "support/live_app.h"

enum {
    WATCHERS = 8,
    LINES = 300,
    RELOADS_A_RUN = 15,
    SAMPLES = 4096 // of the throughput, one each 10 ms
};

#define SAMPLE_S  0.010
#define BEFORE_NS (200 * INT64_C(1000000)) // throughput is measured so long before the edit
#define LATER_NS  (100 * INT64_C(1000000)) // by then it should be there again
#define AFTER_NS  (200 * INT64_C(1000000)) // and is measured so long

// What the script of a watcher writes; doubles, since Lua has no others. The test reads them when
// the watcher has said that it is done (`number`, written last).
typedef struct slot {
    double cpu, wall;             // ns, of the latest event
    double pause_cpu, pause_wall; // ns, from the old one's last to the new one's first
    double first_wall;
    volatile double number; // of the script
} slot;

typedef struct sample {
    int64_t at; // monotonic ns
    uint64_t published;
} sample;

typedef struct measure {
    live_app live;
    slot slots[WATCHERS];
    mcr_file_watch *watch;
    ev_timer timer;
    sample samples[SAMPLES]; // the latest, in a ring
    uint64_t sample_n;
    int reloads, done;
    int64_t ready_at, edited_at, live_at; // monotonic ns; 0: not yet
    double *pause_cpu, *pause_wall;       // ms, of every watcher
    double *edit_to_live;                 // ms
    double *ratio;                        // of the throughput
} measure;

static char folder[] = "/tmp/mooncrier-bench-reload-XXXXXX";

static void write_file(const char *name, mcr_str text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (!file || fwrite(text.ptr, 1, text.len, file) != text.len || fclose(file)) {
        fprintf(stderr, "bench: cannot write %s\n", path);
        exit(1);
    }
}

static const char script_head[] =
    "local ffi = require('ffi')\n"
    "ffi.cdef('struct bench_time { long s, ns; }; int clock_gettime(int, struct bench_time *);')\n"
    "local time, slot, fresh = ffi.new('struct bench_time'), nil, true\n"
    "local function now(clock)\n"
    "  ffi.C.clock_gettime(clock, time)\n"
    "  return tonumber(time.s) * 1e9 + tonumber(time.ns)\n"
    "end\n"
    "local seen, n = {}, 0\n"
    "local rules = {}\n";

// One rule, three lines.
static const char script_rule[] = "rules[%d] = function(event, total)\n"
                                  "  return event.count %% %d == 0 and total + %d or total\n"
                                  "end\n";

static const char script_tail[] =
    "return {\n"
    "  init = function(params)\n"
    "    slot = ffi.cast('double *', ffi.cast('uintptr_t', params.slot))\n"
    "    for i = 1, 200 do seen['object-' .. i] = i end\n"
    "  end,\n"
    "  self_test = function() return #rules > 80 end,\n"
    "  save = function() return { seen = seen, n = n } end,\n"
    "  restore = function(saved) seen, n = saved.seen, saved.n end,\n"
    "  handle = function(event)\n"
    "    local cpu, wall = now(3), now(1)\n"
    "    if fresh then\n"
    "      fresh = false\n"
    "      slot[2], slot[3], slot[4] = cpu - slot[0], wall - slot[1], wall\n"
    "      slot[5] = number\n"
    "    end\n"
    "    slot[0], slot[1] = cpu, wall\n"
    "    n = n + 1\n"
    "    local total = rules[n % #rules + 1](event, n)\n"
    "    return total >= 0\n"
    "  end,\n"
    "}\n";

static void write_script(int number)
{
    mcr_buf text = { 0 };
    mcr_buf_printf(&text, "local number = %d\n%s", number, script_head);
    enum {
        AROUND = 33 // lines of head and tail
    };
    for (int i = 1; i <= (LINES - AROUND) / 3; i++)
        mcr_buf_printf(&text, script_rule, i, i + 1, i);
    mcr_buf_puts(&text, script_tail);
    write_file("rules.lua", mcr_buf_str(&text));
    mcr_buf_fini(&text);
}

static void write_config(const measure *m)
{
    mcr_buf text = { 0 };
    mcr_buf_puts(&text,
                 "return { sources = { { kind = 'jsonl', path = '/dev/null', follow = true } },\n"
                 "watchers = {\n");
    for (int i = 0; i < WATCHERS; i++)
        mcr_buf_printf(
            &text, "{ name = 'w%d', script = { 'rules.lua', allow = { 'ffi' }, slot = %llu } },\n",
            i, (unsigned long long)(uintptr_t)&m->slots[i]);
    mcr_buf_puts(&text, "} }\n");
    write_file("mooncrier.lua", mcr_buf_str(&text));
    mcr_buf_fini(&text);
}

static const sample *sample_at(const measure *m, uint64_t i)
{
    return &m->samples[i % SAMPLES];
}

// Events a second between two times of the latest samples.
static double rate(const measure *m, int64_t from, int64_t to)
{
    uint64_t oldest = m->sample_n > SAMPLES ? m->sample_n - SAMPLES : 0, i = m->sample_n;
    const sample *last = NULL, *first = NULL;
    while (i-- > oldest && sample_at(m, i)->at >= from) {
        first = sample_at(m, i);
        if (first->at <= to && !last)
            last = first;
    }
    if (!last || last->at <= first->at)
        return 0;
    return (double)(last->published - first->published) * 1e9 / (double)(last->at - first->at);
}

// Notes what this reload took.
static void conclude(measure *m)
{
    for (int i = 0; i < WATCHERS; i++) {
        m->pause_cpu[m->done * WATCHERS + i] = m->slots[i].pause_cpu / 1e6;
        m->pause_wall[m->done * WATCHERS + i] = m->slots[i].pause_wall / 1e6;
    }
    m->edit_to_live[m->done] = (double)(m->live_at - m->edited_at) / 1e6;
    m->ratio[m->done] = rate(m, m->live_at + LATER_NS, m->live_at + LATER_NS + AFTER_NS) /
                        rate(m, m->edited_at - BEFORE_NS, m->edited_at);
    m->done++;
    m->ready_at = mcr_clock_monotonic();
    m->edited_at = m->live_at = 0;
}

static void note_if_live(measure *m)
{
    for (int i = 0; i < WATCHERS; i++)
        if ((int)m->slots[i].number != m->done + 1)
            return;
    for (int i = 0; i < WATCHERS; i++)
        if ((int64_t)m->slots[i].first_wall > m->live_at)
            m->live_at = (int64_t)m->slots[i].first_wall;
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)revents;
    measure *m = timer->data;
    int64_t now = mcr_clock_monotonic();
    m->samples[m->sample_n++ % SAMPLES] = (sample){ now, m->live.published };
    if (!m->edited_at && now > m->ready_at + BEFORE_NS) {
        write_script(m->done + 1);
        m->edited_at = mcr_clock_monotonic();
    }
    if (m->edited_at && !m->live_at)
        note_if_live(m);
    if (m->live_at && now > m->live_at + LATER_NS + AFTER_NS)
        conclude(m);
    if (m->done == m->reloads)
        ev_break(loop, EVBREAK_ALL);
}

static void on_outcome(void *arg, const mcr_reload_outcome *outcome)
{
    const measure *m = arg;
    if (!outcome->ok)
        exit(1); // the log has said why
    if (m->watch)
        mcr_file_watch_renew(m->watch);
}

typedef struct idle_reload {
    struct ev_loop *loop;
    double cpu; // ns, of the process
} idle_reload;

static void on_idle_outcome(void *arg, const mcr_reload_outcome *outcome)
{
    (void)outcome; // on_outcome has looked at it
    idle_reload *r = arg;
    r->cpu = bench_process_cpu_ns() - r->cpu;
    ev_break(r->loop, EVBREAK_ALL);
}

// The CPU time of a whole reload, in ms, while no events flow.
static void measure_idle(measure *m, double *ms)
{
    live_app_pause(&m->live);
    for (int i = 0; i < m->reloads; i++) {
        write_script(m->done + 1 + i);
        idle_reload r = { m->live.loop, bench_process_cpu_ns() };
        mcr_reload_request(m->live.reload, MCR_RELOAD_DISK, "bench", on_idle_outcome, &r);
        ev_run(m->live.loop, 0);
        ms[i] = r.cpu / 1e6;
    }
}

static double at_most(double *values, size_t n, double share)
{
    bench_median(values, n); // sorts
    size_t i = (size_t)((double)n * share);
    return values[i < n ? i : n - 1];
}

static void print(const mcr_bench *self, const char *what, double *ms, size_t n, double limit)
{
    double median = bench_median(ms, n);
    printf("{\"bench\":\"%s\",\"what\":\"%s\",\"ms\":%.2f,\"p99_ms\":%.2f,\"limit_ms\":%.0f,"
           "\"ratio\":%.3f,\"runs\":%zu}\n",
           self->name, what, median, at_most(ms, n, 0.99), limit, median / limit, n);
}

int bench_reload(const mcr_bench *self, int runs)
{
    static measure m;
    m.reloads = runs * RELOADS_A_RUN;
    size_t n = (size_t)m.reloads;
    double *figures = calloc(n * (2 * WATCHERS + 3), sizeof *figures);
    m.pause_cpu = figures;
    m.pause_wall = m.pause_cpu + n * WATCHERS;
    m.edit_to_live = m.pause_wall + n * WATCHERS;
    m.ratio = m.edit_to_live + n;
    double *idle = m.ratio + n;
    mcr_log_set_level(MCR_LOG_ERROR);
    if (!mkdtemp(folder))
        return 1;
    write_script(0);
    write_config(&m);
    char path[128];
    snprintf(path, sizeof path, "%s/mooncrier.lua", folder);
    live_app_open(&m.live, path);
    mcr_reload_observe(m.live.reload, on_outcome, &m);
    const mcr_config_reload *config = &m.live.app.config->reload;
    m.watch = mcr_file_watch_new(
        m.live.reload, m.live.loop,
        &(mcr_file_watch_options){ .debounce_ns = config->debounce, .poll_ns = config->poll });
    ev_timer_init(&m.timer, on_timer, SAMPLE_S, SAMPLE_S);
    m.timer.data = &m;
    ev_timer_start(m.live.loop, &m.timer);
    m.ready_at = mcr_clock_monotonic() + AFTER_NS; // warm
    live_app_feed(&m.live);
    ev_run(m.live.loop, 0);
    double steady = rate(&m, 0, INT64_MAX);
    ev_timer_stop(m.live.loop, &m.timer);
    mcr_file_watch_free(m.watch);
    m.watch = NULL;
    measure_idle(&m, idle);
    int code = live_app_close(&m.live);
    print(self, "pause, cpu of the watcher", m.pause_cpu, n * WATCHERS, 5);
    print(self, "pause, wall", m.pause_wall, n * WATCHERS, 5);
    print(self, "edit to live", m.edit_to_live, n, 300);
    print(self, "cpu of a reload, idle", idle, n, 200);
    printf("{\"bench\":\"%s\",\"what\":\"throughput 100 ms later\",\"events_s\":%.0f,"
           "\"baseline\":\"before the edit\",\"ratio\":%.3f,\"runs\":%zu}\n",
           self->name, steady, bench_median(m.ratio, n), n);
    free(figures);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) ? 1 : code; // NOLINT(cert-env33-c)
}
