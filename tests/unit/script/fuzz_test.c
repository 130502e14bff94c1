// Random scripts over the whole script API, run on real events: whatever they do with views, after
// their hook, in coroutines, in globals or in `shared`, ends in Lua errors at most. The sanitizers
// are what judges.
//
// The same scripts each time; FUZZ_SECONDS=600 looks for new ones, SCRIPT_SEED=n runs one again and
// prints it.

#include "harness.h"

#include <time.h>

enum {
    SCRIPTS = 150,
    EVENTS = 24,
    MAX_DEPTH = 4,
    HOUR = 3600 // longer than breakers stay open
};

static uint64_t state_of_chance;

static uint32_t below(uint32_t n)
{
    state_of_chance = state_of_chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state_of_chance >> 33) % n;
}

// In these, $ stands for an expression, # for statements, @ for a variable.
static const char *const expressions[] = {
    "event",
    "event",
    "event",
    "@",
    "@",
    "@",
    "G.event",
    "G.meta",
    "G.labels",
    "G.part",
    "G.made",
    "nil",
    "-1e6",
    "true",
    "1",
    "-1",
    "0/0",
    "1e308",
    "'text'",
    "''",
    "{}",
    "{ $ }",
    "{ x = $, y = $ }",
    "event.metadata",
    "event.metadata.labels",
    "event.involvedObject",
    "event.series",
    "event.source",
    "event.related",
    "event.message",
    "event.count",
    "event.metadata.annotations",
    "event.metadata.ownerReferences",
    "event.handle",
    "event.time",
    "($).metadata",
    "($).labels",
    "($).reason",
    "($).gen",
    "($).part",
    "($).handle",
    "($)[$]",
    "#($)",
    "($)()",
    "($)($)",
    "($) == ($)",
    "($) < ($)",
    "($) .. ($)",
    "($) + ($)",
    "tostring($)",
    "type($)",
    "tonumber($)",
    "event:keep()",
    "event:with{}",
    "event:with{ message = $ }",
    "event:with{ reason = $, x = $ }",
    "event:with{ metadata = { labels = { a = $ } } }",
    "event:with($)",
    "event:get($)",
    "event:get('metadata', $)",
    "event:get('')",
    "($):keep()",
    "($):with{ count = $ }",
    "($):get('reason')",
    "event.keep($)",
    "event.with($, $)",
    "event.get($, $)",
    "new_event{ involvedObject = $ }",
    "new_event{ involvedObject = { name = $ }, message = $ }",
    "new_event($)",
    "emit($)",
    "emit($, 'a')",
    "emit($, $)",
    "json.encode($)",
    "json.decode($)",
    "json.decode(json.encode($))",
    "json.array($)",
    "json.decode(tostring(event))",
    "json.null",
    "shared.get($)",
    "shared.add('n', $)",
    "time.now()",
    "time.parse($)",
    "time.format($)",
    "time.duration($)",
    "time.since($)",
    "time.date($)",
    "os.date($)",
    "match.glob($)",
    "match.glob('*')($)",
    "match.regex($)",
    "match.regex('(a)|b'):captures($)",
    "match.regex('.'):replace($, $)",
    "match.regex('x'):find($, $)",
    "match.any{ $ }",
    "window.new{ span = 10 }",
    "W:add($)",
    "W:add('k', $, $)",
    "W:count('k', $)",
    "O:first($, $)",
    "R:allow($)",
    "template.compile($)",
    "T($)",
    "T(event)",
    "setmetatable({}, M)",
    "getmetatable($)",
    "setmetatable($, M)",
    "rawget($, $)",
    "rawequal($, $)",
    "next($)",
    "select('#', $, $)",
    "pcall($, $)",
    "pcall(error, $)",
    "coroutine.wrap(function() # return $ end)()",
    "coroutine.create(function() # coroutine.yield($) # end)",
    "coroutine.resume(G.co, $)",
    "coroutine.status(G.co)",
    "(function(...) # return ... end)($, $)",
    "unpack($)",
    "string.format('%s %d', $, $)",
    "('x'):rep($)",
    "tostring($):gsub('.', $)",
    "env('HOME', $)",
    "(pairs($))",
    "(pairs(event.metadata.labels))($)",
    "G.next(G.state)",
    "tostring($):find($)",
    "bit.band($, $)",
    "math.max($, $)",
    "table.concat($)",
    "9007199254740993LL",
    "($) / ($)",
    "require('mooncrier.params').read($, { x = { 'count', 1 } })",
};

static const char *const statements[] = {
    "local f, s = pairs(event.metadata.labels) s.i = $ return f(s)",
    "local f, s = pairs(event.metadata.labels) s.view = $ return f(s)",
    "local f, s = pairs(event.metadata.labels) s.view, s.i = event.involvedObject, $ return f(s)",
    "local @ = $",
    "@ = $",
    "@ = $",
    "G.event = $",
    "G.event = event",
    "G.part = $",
    "G.meta = event.metadata",
    "G.labels = event.metadata.labels",
    "G.made = event:with{ x = 1 }",
    "G.made = G.event:keep()",
    "G[#G + 1] = $",
    "for k, v in pairs($) do # end",
    "for k, v in pairs(event.metadata.labels) do @ = k .. v # end",
    "for i, v in ipairs($) do # end",
    "for i = 1, 20 do # end",
    "if $ then # else # end",
    "pcall(function() # end)",
    "pcall(function() # end)",
    "do # end",
    "($).x = $",
    "G.x = { $ }",
    "@, @ = $, $",
    "G.next, G.state = pairs(event.metadata.labels)",
    "if G.state then G.state.i = $ end",
    "if G.state then G.state.view = $ end",
    "G.co = coroutine.create(function(e) while true do # "
    "e = coroutine.yield(event) end end)",
    "if G.co then coroutine.resume(G.co, event) end",
    "G.f = function() # return event end",
    "if G.f then G.f() end",
    "shared.set('k', $)",
    "shared.set($, $, $)",
    "emit($)",
    "emit(event, 'a')",
    "log.debug('%s', $)",
    "error($)",
    "rawset(G, $, $)",
    "table.insert(G, $)",
    "table.sort($)",
    "M.__index = function(t, k) # return $ end",
    "M.__tostring = function() # return $ end",
    "M.__eq = function() return $ end",
    "M.__concat = function(a, b) return $ end",
    "M.__call = function() # return $ end",
    "M.__len = function() return $ end",
    "M.__newindex = $",
    "return $",
    "return $, $",
    "for i = 1, 300 do G[i] = event:with{ message = 'm' .. i } end",
    "for i = 1, 100 do G[i] = nil end",
    "local t = {} for i = 1, 5000 do t[i] = { i } end",
    "G = { event = G.event }",
};

static void put_lua(mcr_buf *out, const char *const *list, size_t n, int depth);

static void put_template(mcr_buf *out, const char *text, int depth)
{
    static const char *const leaves[] = { "event", "1", "'k'", "nil", "a", "G.event", "G.part" };
    for (; *text; text++) {
        if (*text == '$' && depth >= MAX_DEPTH)
            mcr_buf_puts(out, leaves[below(sizeof leaves / sizeof *leaves)]);
        else if (*text == '$')
            put_lua(out, expressions, sizeof expressions / sizeof *expressions, depth + 1);
        else if (*text == '@')
            mcr_buf_putc(out, "abcd"[below(4)]);
        else if (*text == '#' && text[1] == ' ')
            for (uint32_t i = below(3); i > 0 && depth < MAX_DEPTH; i--) {
                mcr_buf_puts(out, "pcall(function() ");
                put_lua(out, statements, sizeof statements / sizeof *statements, depth + 1);
                mcr_buf_puts(out, " end) ");
            }
        else
            mcr_buf_putc(out, *text);
    }
}

static void put_lua(mcr_buf *out, const char *const *list, size_t n, int depth)
{
    put_template(out, list[below((uint32_t)n)], depth);
}

static void put_hook(mcr_buf *out, const char *name)
{
    mcr_buf_printf(out, "%s = function(event, arg)\n", name);
    for (uint32_t i = 1 + below(6); i > 0; i--) {
        bool caught = below(4) != 0;
        mcr_buf_puts(out, caught ? "pcall(function() " : "do ");
        put_lua(out, statements, sizeof statements / sizeof *statements, 1);
        mcr_buf_puts(out, caught ? " end)\n" : " end\n");
    }
    mcr_buf_puts(out, "do return ");
    static const char *const answers[] = { "true", "event",  "nil", "false",
                                           "@",    "G.made", "$",   "$, $" };
    put_template(out, answers[below(sizeof answers / sizeof *answers)], 2);
    mcr_buf_puts(out, " end\nend,\n");
}

static void put_script(mcr_buf *out)
{
    static const char *const hooks[] = {
        "filter", "handle", "route", "render",        "local_key",        "spam_key",
        "fini",   "tick",   "init",  "aggregate_key", "aggregate_message"
    };
    mcr_buf_puts(out,
                 "local match, window = require('mooncrier.match'), require('mooncrier.window')\n"
                 "local template = require('mooncrier.template')\n"
                 "local W, O = window.new{ span = '1m' }, window.once{ every = '1m' }\n"
                 "local R, T = window.rate{ per = 1 }, template.compile('{{message | upper}}')\n"
                 "local G, M, a, b, c, d = {}, {}\n"
                 "return {\n");
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++)
        if (i < 3 || below(3) == 0)
            put_hook(out, hooks[i]);
    mcr_buf_puts(out, "}\n");
}

static uint32_t read_events(mcr_event **events)
{
    FILE *file = fopen(MCR_SOURCE_DIR "/examples/data/events.jsonl", "r");
    assert_non_null(file);
    mcr_buf line = { 0 };
    uint32_t n = 0;
    for (int c; n < EVENTS && (c = fgetc(file)) != EOF;) {
        if (c != '\n') {
            mcr_buf_putc(&line, (char)c);
            continue;
        }
        memset(mcr_buf_reserve(&line, 64), 0, 64); // what decoding may read beyond the end
        events[n++] = event_from(mcr_buf_cstr(&line));
        line.len = 0;
    }
    mcr_buf_fini(&line);
    fclose(file);
    return n;
}

static void call_hooks(mcr_scripts *s, mcr_event **events, uint32_t n, int64_t now)
{
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    mcr_correlator_options texts = { .qps = 0 };
    bool has_texts = mcr_scripts_correlator_hooks(s, &texts);
    batch b = { .n = n };
    for (uint32_t i = 0; i < n; i++)
        b.v[i] = (mcr_verdict){ .ev = mcr_event_ref(events[i]), .outcome = MCR_PASS };
    hooks->handle(hooks->self, b.v, b.n, now);
    const mcr_text_hook *keys[] = { &texts.aggregate_key, &texts.local_key, &texts.spam_key,
                                    &texts.aggregate_message };
    mcr_buf text = { 0 };
    for (uint32_t i = 0; has_texts && i < 4; i++)
        if (keys[i]->call)
            keys[i]->call(keys[i]->self, b.v[0].ev, &text);
    mcr_buf_fini(&text);
    hooks->route(hooks->self, b.v, b.n, now);
    mcr_direct direct;
    while (hooks->next_direct(hooks->self, &direct))
        mcr_event_unref(direct.ev);
    mcr_rendered rendered = { 0 };
    mcr_errbuf err;
    if (hooks->render)
        hooks->render(hooks->self, b.v[0].ev, "a", &rendered, &err);
    mcr_buf_fini(&rendered.body);
    mcr_buf_fini(&rendered.url);
    mcr_buf_fini(&rendered.method);
    mcr_buf_fini(&rendered.headers);
    if (hooks->tick)
        hooks->tick(hooks->self, now);
    batch_release(&b);
}

static void run_script(uint64_t seed, mcr_event **events, uint32_t n, bool print)
{
    state_of_chance = seed * 0x9e3779b97f4a7c15u + 1;
    mcr_buf text = { 0 };
    put_script(&text);
    if (print)
        fprintf(stdout, "%s", mcr_buf_cstr(&text));
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "fuzz",
                                                            .memory = 8 << 20,
                                                            .deadline = 20 * 1000 * 1000,
                                                            .on_error = MCR_ON_ERROR_PASS });
    mcr_errbuf err;
    if (mcr_scripts_load_text(s, mcr_buf_str(&text), "fuzz.lua", &err))
        fail_msg("seed %llu: %s", (unsigned long long)seed, err.text);
    const char *names[] = { "a" };
    mcr_scripts_set_sinks(s, names, 1, 1);
    int64_t now = INT64_C(1795410000000000000);
    if (!mcr_scripts_init(s, now, &err))
        for (int round = 1; round <= 3; round++) {
            call_hooks(s, events, n / 2, now + round * HOUR * INT64_C(1000000000));
            call_hooks(s, events + n / 2, 1, now + round * HOUR * INT64_C(1000000000));
        }
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    if (hooks->fini)
        hooks->fini(hooks->self, now);
    mcr_scripts_free(s);
    mcr_buf_fini(&text);
}

static void random_scripts_end_in_errors_at_most(void **state)
{
    (void)state;
    mcr_event *events[EVENTS];
    uint32_t n = read_events(events);
    const char *one = getenv("SCRIPT_SEED"), *seconds = getenv("FUZZ_SECONDS");
    uint64_t seed = one ? strtoull(one, NULL, 10) : seconds ? (uint64_t)time(NULL) << 20 : 0;
    time_t end = seconds ? time(NULL) + atoi(seconds) : 0;
    mcr_log_set_level(MCR_LOG_ERROR);
    FILE *mark = fopen(scratch("seed"), "w"); // which one it was, after a crash
    for (int i = 0; one ? i < 1 : end ? time(NULL) < end : i < SCRIPTS; i++) {
        rewind(mark);
        fprintf(mark, "%llu\n", (unsigned long long)(seed + (uint64_t)i));
        fflush(mark);
        run_script(seed + (uint64_t)i, events, n, one != NULL);
    }
    fclose(mark);
    while (n)
        mcr_event_unref(events[--n]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_scripts_end_in_errors_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
