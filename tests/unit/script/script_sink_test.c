// script/script_sink.h: a script as a sink.

#include "harness.h"

#include <lua.h>

#include "script/script_sink.h"
#include "sink/dead_letters.h"

static const int64_t second = 1000000000;

typedef struct fixture {
    mcr_sink *sink;
    mcr_dead_letters *dead;
    const char *letters;
    const char *trail; // what the script writes
} fixture;

// The script sees `mark("text")`, which appends to the trail.
static const char head[] = "local function mark(text)\n"
                           "  local f = io.open('%s', 'a') f:write(text, ' ') f:close()\n"
                           "end\n"
                           "return { %s }\n";

static double rate; // of the sinks that are opened next

static mcr_err try_open(fixture *f, const char *hooks, mcr_errbuf *err)
{
    char text[2048];
    static int64_t now = 1;
    static mcr_clock clock;
    static mcr_script_sink_options options;
    *f = (fixture){ .letters = scratch("dead.jsonl"), .trail = scratch("trail") };
    clock = mcr_clock_fixed(&now);
    remove(f->letters);
    remove(f->trail);
    snprintf(text, sizeof text, head, f->trail, hooks);
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w", .clock = &clock });
    mcr_grants grants = 0;
    mcr_grants_add(&grants, mcr_str_of("io"), err);
    mcr_scripts_allow(s, grants);
    lua_pushnil(mcr_scripts_state(s));
    mcr_err code = mcr_scripts_load_sink(s, write_scratch("s.lua", text), "s.lua", err);
    if (!code)
        code = mcr_scripts_init(s, 0, err);
    if (code) {
        mcr_scripts_free(s);
        return code;
    }
    mcr_sink_kind_script.defaults(&options);
    options.attempts = 3;
    options.rate = rate;
    options.burst = 2;
    f->sink = mcr_script_sink_open_take(s, "s.lua", &options, err);
    if (!f->sink)
        return MCR_EIO;
    f->dead = mcr_dead_letters_open(f->letters, &clock, err);
    f->sink->name = "s";
    f->sink->watcher = "w";
    f->sink->dead = f->dead;
    return MCR_OK;
}

static fixture open_sink(const char *hooks)
{
    fixture f;
    mcr_errbuf err = { "" };
    if (try_open(&f, hooks, &err))
        fail_msg("%s: %s", hooks, err.text);
    return f;
}

static void close_sink(fixture *f)
{
    f->sink->kind->close(f->sink);
    mcr_dead_letters_close(f->dead);
}

// Events numbered from `first` on.
static void write_events(fixture *f, int first, int n, int64_t now)
{
    mcr_event *events[MCR_BATCH] = { NULL };
    for (int i = 0; i < n; i++)
        events[i] = numbered_event(first + i);
    f->sink->kind->write(f->sink, events, (size_t)n, now);
    for (int i = 0; i < n; i++)
        mcr_event_unref(events[i]);
}

static void has_trail(const fixture *f, const char *expected)
{
    FILE *file = fopen(f->trail, "r");
    if (!file) {
        assert_string_equal("", expected);
        return;
    }
    fclose(file);
    char *text = read_scratch(f->trail);
    assert_string_equal(text, expected);
    free(text);
}

// "delivered 2, dead 1, in flight 0"
static const char *counts(const fixture *f)
{
    static char text[128];
    const mcr_sink_counts *c = &f->sink->counts;
    assert_int_equal(c->assigned,
                     c->delivered + c->rejected + c->gave_up + c->dead_lettered + c->in_flight);
    snprintf(text, sizeof text, "delivered %d, dead %d, in flight %d", (int)c->delivered,
             (int)c->dead_lettered, (int)c->in_flight);
    return text;
}

static void note_errors(void *arg, const char *name, uint64_t n)
{
    if (strcmp(name, "script_errors") == 0)
        *(unsigned *)arg = (unsigned)n;
}

// What write answers, and what becomes of three events.
static void answers(void **state)
{
    (void)state;
    static const struct {
        const char *body; // of write(e)
        const char *counts;
        const char *letter; // in the dead letters
        unsigned errors;
    } cases[] = {
        { "", "delivered 3, dead 0, in flight 0", NULL, 0 },
        { "return true", "delivered 3, dead 0, in flight 0", NULL, 0 },
        { "return nil, 'x'", "delivered 3, dead 0, in flight 0", NULL, 0 },
        { "return e.reason ~= 'R2', 'two'", "delivered 2, dead 1, in flight 0",
          "\"stage\":\"sink\",\"sink\":\"s\",\"reason\":\"two\",\"event\"", 0 },
        { "return false", "delivered 0, dead 3, in flight 0",
          "\"reason\":\"s.lua refused it and did not say why\"", 0 },
        { "return false, { code = 5 }", "delivered 0, dead 3, in flight 0",
          "\"reason\":\"{\\\"code\\\":5}\"", 0 },
        { "return false, mark", "delivered 0, dead 3, in flight 0", "JSON has no function", 3 },
        { "if e.count == 2 then error('two!') end", "delivered 2, dead 1, in flight 0",
          "s.lua:4: two!\",\"traceback\":\"stack traceback:", 1 },
        { "return e.resaon", "delivered 0, dead 3, in flight 0",
          "no field 'resaon'; did you mean 'reason'?", 3 },
        { "return 5", "delivered 0, dead 3, in flight 0",
          "write must return nothing, true, false or \\\"retry\\\", not a number", 3 },
        { "return 'rerty'", "delivered 0, dead 3, in flight 0", "not \\\"rerty\\\"", 3 },
        { "return e", "delivered 0, dead 3, in flight 0", "not an event", 3 },
        { "emit(e)", "delivered 0, dead 3, in flight 0", "nor from a sink", 3 },
        { "return 'retry', 'busy'", "delivered 0, dead 0, in flight 3", NULL, 0 },
        { "mark(e:with{ reason = 'X' }.reason)", "delivered 3, dead 0, in flight 0", NULL, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char hooks[512];
        snprintf(hooks, sizeof hooks, "write = function(e) %s end", cases[i].body);
        fixture f = open_sink(hooks);
        write_events(&f, 1, 3, second);
        unsigned errors = 0;
        f.sink->kind->each_note(f.sink, note_errors, &errors);
        if (strcmp(counts(&f), cases[i].counts) != 0 || errors != cases[i].errors)
            fail_msg("%s: %s, %u errors", cases[i].body, counts(&f), errors);
        char *letters = read_scratch(f.letters);
        if (cases[i].letter && !strstr(letters, cases[i].letter))
            fail_msg("%s: %s", cases[i].body, letters);
        free(letters);
        close_sink(&f);
    }
}

static void lives(void **state)
{
    (void)state;
    fixture f =
        open_sink("init = function() mark('init') end, open = function() mark('open') end,\n"
                  "write = function(e) mark(e.reason) end,\n"
                  "flush = function() mark('flush') end,\n"
                  "tick = function(now) mark('tick' .. now) end, tick_every = '2s',\n"
                  "reopen = function() mark('reopen') end,\n"
                  "close = function() mark('close') end");
    const mcr_sink_kind *kind = f.sink->kind;
    assert_int_equal(kind->tick(f.sink, second), 3 * second);
    write_events(&f, 1, 2, second);
    assert_string_equal(counts(&f), "delivered 0, dead 0, in flight 2");
    kind->flush(f.sink, second);
    kind->flush(f.sink, second);
    assert_string_equal(counts(&f), "delivered 2, dead 0, in flight 0");
    write_events(&f, 3, 1, second);
    kind->reopen(f.sink);
    assert_int_equal(kind->tick(f.sink, 3 * second), 5 * second);
    write_events(&f, 4, 1, 3 * second);
    kind->drain(f.sink, 4 * second);
    assert_int_equal(kind->tick(f.sink, 9 * second), 0);
    assert_string_equal(counts(&f), "delivered 4, dead 0, in flight 0");
    kind->stop(f.sink);
    kind->stop(f.sink);
    has_trail(&f, "init open R1 R2 flush R3 flush reopen tick3 R4 flush close ");
    close_sink(&f);
}

// The sink waits, longer each time, and later events wait behind.
static void tries_again(void **state)
{
    (void)state;
    fixture f =
        open_sink("write = function(e)\n"
                  "  mark(e.reason)\n"
                  "  if e.reason == 'R2' and time.now() < 4 then return 'retry', 'busy' end\n"
                  "end");
    const mcr_sink_kind *kind = f.sink->kind;
    write_events(&f, 1, 3, second);
    assert_int_equal(kind->room(f.sink), 0);
    assert_string_equal(counts(&f), "delivered 1, dead 0, in flight 2");
    assert_int_equal(kind->tick(f.sink, second), 2 * second);
    assert_int_equal(kind->tick(f.sink, 2 * second), 4 * second);
    kind->flush(f.sink, 3 * second);
    has_trail(&f, "R1 R2 R2 ");
    assert_int_equal(kind->tick(f.sink, 4 * second), 0);
    has_trail(&f, "R1 R2 R2 R2 R3 ");
    assert_string_equal(counts(&f), "delivered 3, dead 0, in flight 0");
    assert_in_range(kind->room(f.sink), MCR_BATCH, 1024);
    close_sink(&f);
}

static void gives_up(void **state)
{
    (void)state;
    fixture f = open_sink("write = function(e) return e.reason == 'R1' and 'retry', 'busy' end");
    const mcr_sink_kind *kind = f.sink->kind;
    write_events(&f, 1, 2, second);
    kind->tick(f.sink, 2 * second);
    assert_string_equal(counts(&f), "delivered 0, dead 0, in flight 2");
    assert_int_equal(kind->tick(f.sink, 4 * second), 0);
    // `false and …` is a refusal, whose reason is beside it.
    assert_string_equal(counts(&f), "delivered 0, dead 2, in flight 0");
    char *letters = read_scratch(f.letters);
    assert_non_null(strstr(letters, "\"reason\":\"given up after 3 tries: busy\""));
    assert_non_null(strstr(letters, "\"reason\":\"busy\""));
    free(letters);
    close_sink(&f);
}

// Two at once, then two a second; what waits for that waits for nothing else.
static void keeps_to_its_rate(void **state)
{
    (void)state;
    rate = 2;
    fixture f = open_sink("write = function(e) mark(e.reason) end");
    rate = 0;
    const mcr_sink_kind *kind = f.sink->kind;
    write_events(&f, 1, 5, second);
    has_trail(&f, "R1 R2 ");
    assert_int_equal(kind->room(f.sink), 0);
    int64_t due = kind->tick(f.sink, second);
    assert_in_range(due, second + second / 2, second + second / 2 + 1);
    kind->flush(f.sink, due - 2);
    has_trail(&f, "R1 R2 ");
    kind->tick(f.sink, due);
    has_trail(&f, "R1 R2 R3 ");
    assert_int_equal(kind->tick(f.sink, 10 * second), 0);
    has_trail(&f, "R1 R2 R3 R4 R5 ");
    assert_string_equal(counts(&f), "delivered 5, dead 0, in flight 0");
    close_sink(&f);
}

// What flush answers goes for all events that were written since the last one.
static void flushes(void **state)
{
    (void)state;
    fixture f = open_sink("write = function(e) mark(e.reason) end,\n"
                          "flush = function()\n"
                          "  mark('flush' .. time.now())\n"
                          "  if time.now() < 3 then return 'retry', 'full' end\n"
                          "  if time.now() < 5 then return false, 'broken' end\n"
                          "  if time.now() < 6 then error('raised', 0) end\n"
                          "end");
    const mcr_sink_kind *kind = f.sink->kind;
    write_events(&f, 1, 2, second);
    kind->flush(f.sink, second);
    assert_int_equal(kind->room(f.sink), 0);
    write_events(&f, 3, 1, second); // a direct delivery comes all the same, and waits
    kind->flush(f.sink, second);
    assert_int_equal(kind->tick(f.sink, second), 2 * second);
    has_trail(&f, "R1 R2 flush1 ");
    kind->tick(f.sink, 2 * second);
    kind->tick(f.sink, 4 * second);
    // Two tries at 1 and 2, the third is refused; only then the other is written.
    has_trail(&f, "R1 R2 flush1 flush2 flush4 R3 ");
    assert_string_equal(counts(&f), "delivered 0, dead 2, in flight 1");
    kind->flush(f.sink, 5 * second);
    assert_string_equal(counts(&f), "delivered 0, dead 3, in flight 0");
    write_events(&f, 4, 1, 6 * second);
    kind->flush(f.sink, 6 * second);
    assert_string_equal(counts(&f), "delivered 1, dead 3, in flight 0");
    char *letters = read_scratch(f.letters);
    assert_non_null(strstr(letters, "\"reason\":\"broken\""));
    assert_non_null(strstr(letters, "\"script\":\"s.lua\",\"sink\":\"s\",\"reason\":\""));
    assert_non_null(strstr(letters, "s.lua:9: raised\",\"traceback\":\""));
    free(letters);
    close_sink(&f);
}

// What waits for flush is bounded.
static void flushes_when_many_wait(void **state)
{
    (void)state;
    fixture f = open_sink("write = function() end, flush = function() mark('flush') end");
    for (int i = 0; i < 10; i++)
        write_events(&f, 1, MCR_BATCH, second);
    has_trail(&f, "flush flush ");
    assert_string_equal(counts(&f), "delivered 512, dead 0, in flight 128");
    f.sink->kind->flush(f.sink, second);
    assert_string_equal(counts(&f), "delivered 640, dead 0, in flight 0");
    close_sink(&f);
}

// At the end what waits is tried at once, then given up.
static void ends(void **state)
{
    (void)state;
    fixture f = open_sink("write = function(e)\n"
                          "  mark(e.reason) if e.reason == 'R2' then return 'retry', 'busy' end\n"
                          "end, flush = function() mark('flush') end,\n"
                          "close = function() mark('close') error('no close', 0) end");
    write_events(&f, 1, 3, second);
    f.sink->kind->drain(f.sink, second);
    assert_string_equal(counts(&f), "delivered 1, dead 0, in flight 2");
    f.sink->kind->stop(f.sink);
    assert_string_equal(counts(&f), "delivered 1, dead 2, in flight 0");
    has_trail(&f, "R1 R2 flush R2 close ");
    unsigned errors = 0;
    f.sink->kind->each_note(f.sink, note_errors, &errors);
    assert_int_equal(errors, 1);
    close_sink(&f);
}

static void refuses_what_is_no_sink(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "", "s.lua: a sink has a write hook; this script has none" },
        { "wirte = function() end", "unknown hook 'wirte'; did you mean 'write'?" },
        { "write = function() end, filter = function() end", "unknown hook 'filter'" },
        { "write = 5", "hook 'write' must be a function, not a number" },
        { "write = print, tick = print, tick_every = 'often'", "tick_every must be a duration" },
        { "write = print, init = function() return false, 'not today' end",
          "s.lua: init refused: not today" },
        { "write = print, open = function() return false, 'no folder' end",
          "open of s.lua: no folder" },
        { "write = print, open = function() error('raised', 0) end", "open of s.lua: " },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        mcr_errbuf err = { "" };
        assert_int_not_equal(try_open(&f, cases[i][0], &err), MCR_OK);
        if (!strstr(err.text, cases[i][1]) || strchr(err.text, '\n'))
            fail_msg("%s: %s", cases[i][0], err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(lives),
        cmocka_unit_test(tries_again),
        cmocka_unit_test(gives_up),
        cmocka_unit_test(keeps_to_its_rate),
        cmocka_unit_test(flushes),
        cmocka_unit_test(flushes_when_many_wait),
        cmocka_unit_test(ends),
        cmocka_unit_test(refuses_what_is_no_sink),
    };
    mcr_log_set_level(MCR_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
