// daemon/reload.h: requests and their outcomes; and under load, good and broken scripts in turn,
// while events flow as fast as they can.
//
// Under load each event has a number. The scripts themselves check that each is the one after the
// last, with the last one handed over by save and restore, and that both scripts of a watcher are
// of one generation. Every 50th event is written with the generation that handled it, and looked at
// by the test.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka.h wants the five above first.
#include <cmocka.h>

#include <dirent.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "mooncrier.h"
#include "support/live_app.h"

enum {
    WATCHERS = 4,
    EACH = 50 // every so many events are written
};

#if defined(__SANITIZE_THREAD__)
enum {
    RELOADS = 40,
    GROWTH_MIB = 1000 // shadow memory: of no interest here
};
// Lua stores a hook's deadline by the FFI, 8 aligned bytes at once, of which tsan sees a memcpy.
const char *__tsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void)
{
    return "race:look_at";
}
#elif defined(__SANITIZE_ADDRESS__)
enum {
    RELOADS = 200,
    GROWTH_MIB = 64
};
// What was freed is kept for a while, but not so much of it that it looks like a leak.
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
    return "quarantine_size_mb=8";
}
#else
enum {
    RELOADS = 1000,
    GROWTH_MIB = 32
};
#endif

static char folder[] = "/tmp/mooncrier-reload-XXXXXX";

static const char *at(const char *name)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(at(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static const char config[] =
    "local watchers, sinks = {}, {}\n"
    "for i = 0, 3 do\n"
    "  local name = 'w' .. i\n"
    "  sinks[name] = { kind = 'file', path = env 'RELOAD_TEST' .. '/' .. name .. '.jsonl' }\n"
    "  watchers[#watchers + 1] = { name = name, sinks = { name }, group = i > 1 and 'g' or nil,\n"
    "    scripts = { { 'a.lua', name = name }, 'b.lua' } }\n"
    "end\n"
    "return { sources = { { kind = 'jsonl', path = env 'RELOAD_TEST' .. '/in.jsonl', follow = true "
    "} },\n"
    "  sinks = sinks, watchers = watchers }\n";

static const char first_script[] =
    "local gen, state = require('gen'), require('state')\n"
    "local name\n"
    "state.last = 0\n"
    "local function breaks(how) return gen.broken == how and gen.where == name end\n"
    "return {\n"
    "  init = function(params)\n"
    "    name = params.name\n"
    "    state.sink = name\n"
    "    if breaks('init') then return false, 'as planned' end\n"
    "    if breaks('save') then shared.set('save fails', name) end\n"
    "  end,\n"
    "  self_test = function() if breaks('self_test') then error('as planned') end end,\n"
    "  filter = function(event)\n"
    "    local n = event.count\n"
    "    if n ~= state.last + 1 then\n"
    "      error(('%s: %d came after %d'):format(name, n, state.last))\n"
    "    end\n"
    "    state.last = n\n"
    "    state.generation = gen.number\n"
    "    return true\n"
    "  end,\n"
    "  save = function()\n"
    "    if shared.get('save fails') == name then\n"
    "      shared.set('save fails', nil)\n"
    "      error('as planned')\n"
    "    end\n"
    "    return { last = state.last, number = gen.number }\n"
    "  end,\n"
    "  restore = function(saved)\n"
    "    if breaks('restore') then return false, 'as planned' end\n"
    "    assert(saved.number < gen.number, 'generations go back')\n"
    "    state.last = saved.last\n"
    "  end,\n"
    "}\n";

static const char second_script[] =
    "local gen, state = require('gen'), require('state')\n"
    "return {\n"
    "  handle = function(event)\n"
    "    assert(state.generation == gen.number, 'two generations in one watcher')\n"
    "    if event.count % 50 == 0 then\n"
    "      return event:with{ message = 'handled by ' .. gen.number }\n"
    "    end\n"
    "  end,\n"
    "  route = function(event) return event.count % 50 == 0 and { state.sink } or {} end,\n"
    "}\n";

static const char *const ways[] = { "syntax", "init", "self_test", "save", "restore" };

typedef struct stress {
    live_app live;
    ev_async next;
    int done;               // attempts
    bool good[RELOADS + 1]; // attempt i was meant to succeed; 0 is the start
    uint64_t generation;
    char want[64]; // what its message has
    long resident; // MiB, after a third of them
    int descriptors;
    int64_t began;
} stress;

static long resident_mib(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * sysconf(_SC_PAGESIZE) / (1 << 20);
}

static int descriptors(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void write_generation(int number, const char *broken, int where)
{
    char text[256];
    snprintf(text, sizeof text, "return { number = %d, broken = '%s',\n  where = 'w%d' }\n%s",
             number, broken, where, strcmp(broken, "syntax") == 0 ? ")" : "");
    write_file("gen.lua", text);
}

static void on_outcome(void *arg, const mcr_reload_outcome *outcome)
{
    stress *s = arg;
    bool good = s->good[s->done];
    if (outcome->ok != good || !strstr(outcome->message, s->want))
        fail_msg("attempt %d: '%s' is not '%s'", s->done, outcome->message, s->want);
    s->generation += good;
    assert_int_equal(outcome->generation, s->generation);
    ev_async_send(s->live.loop, &s->next);
}

static void on_next(struct ev_loop *loop, ev_async *next, int revents)
{
    (void)revents;
    stress *s = next->data;
    if (s->done == RELOADS / 3) {
        s->resident = resident_mib();
        s->descriptors = descriptors();
    }
    if (s->done == RELOADS) {
        ev_break(loop, EVBREAK_ALL);
        return;
    }
    int i = ++s->done;
    const char *broken = i % 2 ? ways[i / 2 % 5] : "not";
    s->good[i] = i % 2 == 0;
    if (s->good[i])
        snprintf(s->want, sizeof s->want, "generation %d runs", (int)s->generation + 1);
    else
        snprintf(s->want, sizeof s->want, "%s",
                 strcmp(broken, "syntax") == 0 ? "gen.lua:3: " : "as planned");
    write_generation(i, broken, i / 2 % WATCHERS);
    mcr_reload_request(s->live.reload, MCR_RELOAD_DISK, "test", on_outcome, s);
}

// What watcher `i` has written: every 50th event once and in order, by generations that were meant
// to run and never go back.
static void check_output(const stress *s, int i)
{
    char name[32], line[2048];
    snprintf(name, sizeof name, "w%d.jsonl", i);
    FILE *file = fopen(at(name), "r");
    assert_non_null(file);
    uint64_t n = 0;
    int generation = 0;
    while (fgets(line, sizeof line, file)) {
        const char *message = strstr(line, "handled by "), *count = strstr(line, "\"count\":");
        assert_non_null(message);
        assert_non_null(count);
        n++;
        assert_int_equal(strtoull(count + 8, NULL, 10), n * EACH);
        int by = (int)strtol(message + 11, NULL, 10);
        assert_true(by >= generation);
        assert_true(by <= RELOADS);
        assert_true(s->good[by]);
        generation = by;
    }
    assert_int_equal(n, s->live.published / EACH);
    assert_true(generation > RELOADS / 2);
    fclose(file);
}

static void nothing_is_lost_doubled_or_mixed(void **state)
{
    (void)state;
    static stress s = { .good = { true }, .generation = 1 };
    write_file("mooncrier.lua", config);
    write_file("a.lua", first_script);
    write_file("b.lua", second_script);
    write_file("state.lua", "return {}");
    write_file("in.jsonl", "");
    write_generation(0, "not", 0);
    live_app_open(&s.live, at("mooncrier.lua"));
    ev_async_init(&s.next, on_next);
    s.next.data = &s;
    ev_async_start(s.live.loop, &s.next);
    live_app_feed(&s.live);
    ev_async_send(s.live.loop, &s.next);
    s.began = mcr_clock_monotonic();
    ev_run(s.live.loop, 0);
    double seconds = (double)(mcr_clock_monotonic() - s.began) / 1e9;
    long grown = resident_mib() - s.resident;
    assert_int_equal(descriptors(), s.descriptors);
    ev_async_stop(s.live.loop, &s.next);
    assert_int_equal(s.live.app.watcher_n, WATCHERS);
    assert_int_equal(live_app_close(&s.live), 0); // the ledger adds up, no script failed
    for (int i = 0; i < WATCHERS; i++)
        check_output(&s, i);
    printf("%d reloads in %.1f s, %llu events (%.0f/s) through %d watchers, grown by %ld MiB\n",
           RELOADS, seconds, (unsigned long long)s.live.published,
           (double)s.live.published / seconds, WATCHERS, grown);
    assert_true(grown < GROWTH_MIB);
}

// A program that is not under load, and what came of its reloads.
typedef struct quiet {
    live_app live;
    int outcomes;
    int waits_for; // the loop ends with so many
    mcr_reload_outcome last;
    char message[512];
} quiet;

static void note_outcome(void *arg, const mcr_reload_outcome *outcome)
{
    quiet *q = arg;
    q->last = *outcome;
    snprintf(q->message, sizeof q->message, "%s", outcome->message);
    if (++q->outcomes == q->waits_for)
        ev_break(q->live.loop, EVBREAK_ALL);
}

static void open_quiet(quiet *q, const char *script)
{
    *q = (quiet){ .waits_for = 1 };
    write_file("quiet.lua",
               "return { sources = { { kind = 'jsonl', path = env 'RELOAD_TEST' .. '/in.jsonl',\n"
               "  follow = true } }, watchers = { { name = 'w', script = 'script.lua' } } }\n");
    write_file("in.jsonl", "");
    write_file("script.lua", script);
    live_app_open(&q->live, at("quiet.lua"));
}

static void ask(quiet *q, mcr_reload_what what)
{
    mcr_reload_request(q->live.reload, what, "test", note_outcome, q);
}

// Until as many outcomes have come as were waited for.
static void await(quiet *q, int more)
{
    q->waits_for = q->outcomes + more;
    ev_run(q->live.loop, 0);
}

static void a_rollback_is_not_undone(void **state)
{
    (void)state;
    quiet q;
    open_quiet(&q, "return { filter = function() return 1 end }");
    char first[17];
    snprintf(first, sizeof first, "%s", mcr_reload_status_now(q.live.reload).generation->hash);
    ask(&q, MCR_RELOAD_ROLLBACK); // known at once
    assert_int_equal(q.outcomes, 1);
    assert_false(q.last.ok);
    assert_string_equal(q.message, "there is no generation before this one; generation 1 goes on");
    assert_false(mcr_reload_is_stale(q.live.reload));
    write_file("script.lua", "return { filter = function() return 2 end }");
    assert_true(mcr_reload_is_stale(q.live.reload));
    ask(&q, MCR_RELOAD_DISK);
    await(&q, 1);
    assert_true(q.last.ok);
    char want[192];
    snprintf(want, sizeof want, "generation 2 runs, changed: %s", at("script.lua"));
    assert_string_equal(q.message, want);
    assert_false(mcr_reload_is_stale(q.live.reload));
    ask(&q, MCR_RELOAD_ROLLBACK);
    await(&q, 1);
    assert_true(q.last.ok);
    assert_int_equal(q.last.generation, 3);
    assert_string_equal(first, mcr_reload_status_now(q.live.reload).generation->hash);
    // The disk has what was rolled back; only another change of it is news.
    assert_false(mcr_reload_is_stale(q.live.reload));
    write_file("script.lua", "return { filter = function() return 3 end }");
    assert_true(mcr_reload_is_stale(q.live.reload));
    // What failed is not tried again and again either.
    write_file("script.lua", "return {{");
    ask(&q, MCR_RELOAD_DISK);
    await(&q, 1);
    assert_false(q.last.ok);
    assert_false(mcr_reload_is_stale(q.live.reload));
    mcr_reload_status status = mcr_reload_status_now(q.live.reload);
    assert_int_equal(status.succeeded, 2);
    assert_int_equal(status.failed, 2);
    assert_false(status.busy);
    assert_int_equal(live_app_close(&q.live), 0);
}

static void what_is_asked_meanwhile_is_answered_by_the_next(void **state)
{
    (void)state;
    quiet q;
    open_quiet(&q, "return {}");
    for (int i = 0; i < 5; i++)
        ask(&q, MCR_RELOAD_DISK); // the first one begins, the others wait
    assert_true(mcr_reload_status_now(q.live.reload).busy);
    ask(&q, MCR_RELOAD_ROLLBACK);
    await(&q, 6);
    assert_true(q.last.ok);
    assert_int_equal(q.last.generation, 4); // one, then one for four, then back
    assert_int_equal(mcr_reload_status_now(q.live.reload).succeeded, 3);
    assert_int_equal(live_app_close(&q.live), 0);
}

static void the_end_answers_everybody(void **state)
{
    (void)state;
    quiet q;
    open_quiet(&q, "return {}");
    for (int i = 0; i < 3; i++)
        ask(&q, MCR_RELOAD_DISK);
    mcr_reload_stop(q.live.reload);
    assert_int_equal(q.outcomes, 3);
    assert_false(q.last.ok);
    assert_string_equal(q.message, "mooncrier is ending; generation 1 goes on");
    ask(&q, MCR_RELOAD_DISK);
    assert_int_equal(q.outcomes, 4);
    assert_int_equal(live_app_close(&q.live), 0);
}

// A hook that takes longer than the patience with it; the reload fails, and nothing else.
static void a_busy_watcher_is_not_waited_for_long(void **state)
{
    (void)state;
    quiet q;
    open_quiet(&q, "return { filter = function()\n"
                   "  while shared.get('go on') == nil do end\n"
                   "  return true end }");
    write_file("quiet.lua",
               "return { sources = { { kind = 'jsonl', path = env 'RELOAD_TEST' .. '/in.jsonl',\n"
               "  follow = true } }, watchers = { { name = 'w', deadline = '60s',\n"
               "  script = 'script.lua' } } }\n");
    ask(&q, MCR_RELOAD_DISK); // takes up the deadline
    await(&q, 1);
    assert_true(q.last.ok);
    live_app_feed(&q.live);
    while (q.live.published == 0)
        ev_run(q.live.loop, EVRUN_ONCE);
    live_app_pause(&q.live);
    while (mcr_host_in_hand(q.live.app.hosts[0]) == 0)
        ev_run(q.live.loop, EVRUN_NOWAIT);
    ask(&q, MCR_RELOAD_DISK);
    await(&q, 1);
    assert_false(q.last.ok);
    assert_string_equal(q.message, "not every watcher came to a pause within 5 s; "
                                   "generation 2 goes on");
    const mcr_shared_value yes = { .kind = MCR_SHARED_BOOL, .boolean = true };
    mcr_shared_set(q.live.app.shared, MCR_STR("go on"), &yes, 0, 0);
    ask(&q, MCR_RELOAD_DISK);
    await(&q, 1);
    assert_true(q.last.ok);
    assert_int_equal(live_app_close(&q.live), 0);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? setenv("RELOAD_TEST", folder, 1) : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command); // NOLINT(cert-env33-c)
}

// Not what was planned.
static void show(void *arg, const char *text, size_t len)
{
    (void)arg;
    if (!memmem(text, len, " goes on", 8))
        printf("%.*s\n", (int)len, text);
}

int main(void)
{
    mcr_log_set_level(MCR_LOG_ERROR);
    mcr_set_log(show, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rollback_is_not_undone),
        cmocka_unit_test(what_is_asked_meanwhile_is_answered_by_the_next),
        cmocka_unit_test(the_end_answers_everybody),
        cmocka_unit_test(a_busy_watcher_is_not_waited_for_long),
        cmocka_unit_test(nothing_is_lost_doubled_or_mixed),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
