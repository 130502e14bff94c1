// rehearse/rehearsal.h: what watchers make of events, in the time of the events. Each case is a
// configuration with its scripts, some events, and the transcript of what the observer was told.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka.h wants the five above first.
#include <cmocka.h>

#include "base/buf.h"
#include "event/time.h"
#include "rehearse/rehearsal.h"

#define SECOND INT64_C(1000000000)
#define START  (INT64_C(1700000000) * SECOND)

static char folder[] = "/tmp/mooncrier-rehearsal-XXXXXX";

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = { "mooncrier.lua", "a.lua", "b.lua" };
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        remove(path);
    }
    return remove(folder);
}

// "name reason second": an event of that second after START; second -1: without any time.
typedef struct given {
    const char *name;
    const char *reason;
    int second;
} given;

static mcr_event *make_event(const given *g)
{
    mcr_event fields = {
        .metadata = { .name = mcr_str_of(g->name),
                      .namespace = MCR_STR("prod"),
                      .deletionGracePeriodSeconds = -1 },
        .involvedObject = { .kind = MCR_STR("Pod"),
                            .namespace = MCR_STR("prod"),
                            .name = MCR_STR("web"),
                            .uid = MCR_STR("u1") },
        .reason = mcr_str_of(g->reason),
        .message = MCR_STR("m"),
        .count = 1,
        .type = MCR_STR("Normal"),
    };
    if (g->second >= 0)
        fields.lastTimestamp = mcr_time_of(START + g->second * SECOND);
    return mcr_event_new(&fields);
}

static void add_body(mcr_buf *out, const mcr_sent *sent)
{
    static const char *const forms[] = { "line", "request", "create", "patch", "event" };
    mcr_buf_printf(out, " %s", forms[sent->form]);
    if (sent->form == MCR_SENDING_REQUEST) {
        mcr_buf_puts(out, " ");
        mcr_buf_add(out, sent->method);
        mcr_buf_puts(out, " ");
        mcr_buf_add(out, sent->url);
        mcr_buf_puts(out, " ");
        mcr_buf_add(out, sent->body);
    } else if (sent->form == MCR_SENDING_PATCH) {
        mcr_buf_puts(out, " ");
        mcr_buf_add(out, sent->body);
    }
}

static mcr_str first_line(mcr_str text)
{
    const char *end = text.len ? memchr(text.ptr, '\n', text.len) : NULL;
    return end ? mcr_str_n(text.ptr, (size_t)(end - text.ptr)) : text;
}

// "3 7s b/out sent name by a"
static void on_record(void *self, const mcr_rehearsal_place *at, const mcr_rehearsal_record *record)
{
    mcr_buf *out = self;
    mcr_buf_printf(out, "%d %ds w%u", (int)at->input, (int)((at->now - START) / SECOND),
                   at->watcher);
    if (record->sink >= 0)
        mcr_buf_printf(out, "/%d", record->sink);
    mcr_buf_printf(out, " %s%s ", record->direct ? "direct " : "",
                   mcr_rehearsed_name(record->what));
    mcr_buf_add(out, record->ev->metadata.name);
    for (uint32_t i = 0; i < at->by_n; i++)
        mcr_buf_printf(out, " by w%u", at->by[i]);
    if (!at->came)
        mcr_buf_puts(out, " ticking");
    if (record->why.len) {
        mcr_buf_puts(out, ": ");
        mcr_buf_add(out, first_line(record->why));
    }
    if (record->sent)
        add_body(out, record->sent);
    mcr_buf_puts(out, "\n");
}

// "  handle of a.lua (a.lua:1) changed …"
static void on_hook(void *self, const mcr_rehearsal_place *at, const mcr_hook_result *result)
{
    static const char *const dids[] = { "passed", "changed", "dropped",  "failed",     "routed",
                                        "text",   "none",    "rendered", "suppressed", "emitted" };
    (void)at;
    mcr_buf *out = self;
    const char *file = strrchr(result->where, '/');
    mcr_buf_printf(out, "  %s (%s) %s", result->stage ? result->stage : "tick",
                   file ? file + 1 : result->where, dids[result->did]);
    if (result->text.len) {
        mcr_buf_puts(out, " '");
        mcr_buf_add(out, first_line(result->text));
        mcr_buf_puts(out, "'");
    }
    if (result->did == MCR_HOOK_CHANGED || result->did == MCR_HOOK_EMITTED) {
        mcr_buf_puts(out, " ");
        mcr_buf_add(out, result->after->metadata.name);
    }
    if (result->did == MCR_HOOK_ROUTED || result->did == MCR_HOOK_EMITTED)
        mcr_buf_printf(out, " to %d", (int)result->sinks);
    if (result->own)
        mcr_buf_printf(out, " own %d", (int)result->own);
    mcr_buf_puts(out, "\n");
}

#define SOURCES "sources = { { kind = 'jsonl', path = '-' } },\n"

typedef struct rehearsal_case {
    const char *config;
    const char *a; // a.lua
    const char *b; // b.lua
    given events[6];
    bool sent;
    bool hooks; // the transcript has those too
    const char *want;
} rehearsal_case;

static const rehearsal_case cases[] = {
    // Order: events, then watchers, then sinks.
    { .config =
          "return {" SOURCES "sinks = { x = { kind = 'stdout' }, y = { kind = 'stdout' } },"
          "watchers = { { name = 'a', sinks = { 'y', 'x' } }, { name = 'b', sinks = { 'x' } },"
          "{ name = 'c' } } }",
      .events = { { "e1", "R", 0 }, { "e2", "R", 5 } },
      .want =
          "1 0s w0/0 sent e1\n1 0s w0/1 sent e1\n1 0s w1/0 sent e1\n1 0s w2 handled_only e1\n"
          "2 5s w0/0 sent e2\n2 5s w0/1 sent e2\n2 5s w1/0 sent e2\n2 5s w2 handled_only e2\n" },
    // The ends of events that reach no sink.
    { .config = "return {" SOURCES "sinks = { x = { kind = 'stdout' } },"
                "watchers = { { name = 'a', script = 'a.lua', sinks = { 'x' } } } }",
      .a = "return { filter = function(e) return e.reason ~= 'Drop', 'unwanted' end,\n"
           "handle = function(e) if e.reason == 'Fail' then error('no') end end,\n"
           "route = function(e) if e.reason == 'Nowhere' then return false end end }",
      .events = { { "e1", "Drop", 0 },
                  { "e2", "Fail", 0 },
                  { "e3", "Nowhere", 0 },
                  { "e4", "", 0 } },
      .want = "1 0s w0 filtered e1\n2 0s w0 refused e2\n3 0s w0 routed_nowhere e3\n"
              "4 0s w0/0 sent e4\n" },
    // The clock: never back, also for time.now; what has no time happens at the same time.
    { .config = "return {" SOURCES "sinks = { x = { kind = 'stdout' } },"
                "watchers = { { name = 'a', script = 'a.lua', sinks = { 'x' } } } }",
      .a = "return { handle = function(e) return e:with{ metadata = { name = "
           "tostring(time.now() - 1700000000) } } end }",
      .events = { { "e", "R", 10 }, { "e", "R", 4 }, { "e", "R", -1 }, { "e", "R", 11 } },
      .want = "1 10s w0/0 sent 10\n2 10s w0/0 sent 10\n3 10s w0/0 sent 10\n4 11s w0/0 sent 11\n" },
    // Ticks come at their time, before the event that is later.
    { .config = "return {" SOURCES "sinks = { x = { kind = 'stdout' } },"
                "watchers = { { name = 'a', script = 'a.lua', sinks = { 'x' } } } }",
      .a = "local n = 0\n"
           "local function say(what)\n"
           "  n = n + 1\n"
           "  emit(new_event{ metadata = { name = what .. n }, involvedObject = { name = 'web' } },"
           " 'x')\n"
           "end\n"
           "return { tick_every = '10s', tick = function() say('tick') end,\n"
           "fini = function() say('fini') end }",
      .events = { { "e1", "R", 5 }, { "e2", "R", 31 }, { "e3", "R", 31 } },
      .want = "1 5s w0/0 sent e1\n1 15s w0/0 direct sent tick1 ticking\n"
              "1 25s w0/0 direct sent tick2 ticking\n2 31s w0/0 sent e2\n3 31s w0/0 sent e3\n"
              "3 31s w0/0 direct sent fini3 ticking\n" },
    // What is emitted goes to the others before the next event, and what they emit of it, too.
    { .config = "return {" SOURCES "sinks = { x = { kind = 'stdout' } },"
                "watchers = { { name = 'a', script = 'a.lua', sinks = { 'x' } },"
                "{ name = 'b', script = 'b.lua', sinks = { 'x' } } } }",
      .a = "return { handle = function(e)\n"
           "  if e.reason == 'Ask' then emit(e:with{ metadata = { name = 'asked' }, reason = "
           "'Asked' }) end\n"
           "end }",
      .b = "return { handle = function(e)\n"
           "  if e.reason == 'Asked' then emit(e:with{ metadata = { name = 'told' }, reason = "
           "'Told' }) end\n"
           "end }",
      .events = { { "e1", "Ask", 0 }, { "e2", "R", 1 } },
      .want = "1 0s w0/0 sent e1\n1 0s w1/0 sent e1\n1 0s w1/0 sent asked by w0\n"
              "1 0s w0/0 sent told by w0 by w1\n2 1s w0/0 sent e2\n2 1s w1/0 sent e2\n" },
    // Repeats: what `updates` leaves out, and patches.
    { .config = "return {" SOURCES "sinks = { k = { kind = 'kube', server = 'http://127.0.0.1:1' },"
                "x = { kind = 'stdout', updates = 'first' } },"
                "watchers = { { name = 'a', sinks = { 'k', 'x' }, correlate = true } } }",
      .events = { { "e1", "R", 0 }, { "e2", "R", 7 } },
      .sent = true,
      .want = "1 0s w0/0 sent e1 create\n1 0s w0/1 sent e1 line\n"
              "2 7s w0/0 sent e1 patch {\"count\":2,\"lastTimestamp\":\"2023-11-14T22:13:27Z\","
              "\"message\":\"m\"}\n2 7s w0/1 suppressed e1\n" },
    // A webhook's render hook and templates are asked as the sink asks them.
    { .config = "return {" SOURCES "sinks = { h = { kind = 'webhook', url = 'http://h.example/in',"
                "body = '{{reason}}' } },"
                "watchers = { { name = 'a', script = 'a.lua', sinks = { 'h' } } } }",
      .a = "return { render = function(e)\n"
           "  if e.reason == 'Skip' then return false end\n"
           "  if e.reason == 'Fail' then error('no') end\n"
           "  if e.reason == 'Own' then return 'own', { url = 'http://other.example/' } end\n"
           "end }",
      .events = { { "e1", "Plain", 0 },
                  { "e2", "Skip", 0 },
                  { "e3", "Fail", 0 },
                  { "e4", "Own", 0 } },
      .sent = true,
      .want = "1 0s w0/0 sent e1 request POST http://h.example/in \"Plain\"\n"
              "2 0s w0/0 suppressed e2: render\n3 0s w0/0 rejected e3: FOLDER/a.lua:3: no\n"
              "4 0s w0/0 sent e4 request POST http://other.example/ own\n" },
    // What each hook made of it.
    { .config =
          "return {" SOURCES "sinks = { h = { kind = 'webhook', url = 'http://h.example/in' },"
          "x = { kind = 'stdout' } }, watchers = { { name = 'a', correlate = true,"
          "scripts = { 'a.lua', 'b.lua' }, sinks = { 'h', 'x' } } } }",
      .a = "return {\nfilter = function(e) return e.reason ~= 'Drop', 'unwanted' end,\n"
           "handle = function(e)\n  if e.reason == 'Fail' then error('no') end\n"
           "  emit(e, 'x')\n  return e:with{ metadata = { name = 'n' } }\nend,\n"
           "spam_key = function(e) return 'all' end,\n"
           "local_key = function(e) return nil end,\n"
           "aggregate_key = { 'reason' },\n"
           "route = function(e) return { h = true, x = e:with{ reason = 'X' } } end }",
      .b = "return {\nhandle = function(e) end,\n"
           "render = function(e) return 'text' end }",
      .events = { { "e1", "Drop", 0 }, { "e2", "Fail", 0 }, { "e3", "R", 0 } },
      .hooks = true,
      .want = "  filter (a.lua:2) dropped 'unwanted'\n1 0s w0 filtered e1: unwanted\n"
              "  filter (a.lua:2) passed\n  handle (a.lua:3) failed 'FOLDER/a.lua:4: no'\n"
              "2 0s w0 refused e2: FOLDER/a.lua:4: no\n"
              "  filter (a.lua:2) passed\n  handle (a.lua:3) emitted e3 to 2\n"
              "  handle (a.lua:3) changed n\n  handle (b.lua:2) passed\n"
              "  aggregate_key () text 'R'\n  local_key (a.lua:9) none\n"
              "  spam_key (a.lua:8) text 'all'\n  route (a.lua:11) routed to 1 own 2\n"
              "  render (b.lua:3) rendered 'text'\n3 0s w0/0 sent n\n3 0s w0/1 direct sent n\n"
              "3 0s w0/1 direct sent e3\n" },
};

// Puts the folder's path in place of FOLDER.
static void fill_in(mcr_buf *out, const char *text)
{
    const char *at;
    for (; (at = strstr(text, "FOLDER")); text = at + strlen("FOLDER")) {
        mcr_buf_append(out, text, (size_t)(at - text));
        mcr_buf_puts(out, folder);
    }
    mcr_buf_puts(out, text);
}

static mcr_rehearsal *open_case(const rehearsal_case *c, mcr_buf *transcript)
{
    char path[128];
    mcr_errbuf err = { .text = "" };
    write_file("mooncrier.lua", c->config);
    write_file("a.lua", c->a ? c->a : "return {}");
    write_file("b.lua", c->b ? c->b : "return {}");
    snprintf(path, sizeof path, "%s/mooncrier.lua", folder);
    mcr_generation *g = mcr_generation_new(NULL);
    if (mcr_generation_read(g, path, &err))
        fail_msg("%s", err.text);
    mcr_rehearsal *r = mcr_rehearsal_new_take(
        g,
        &(mcr_rehearsal_options){
            .start = START + (c->events[0].second > 0 ? c->events[0].second : 0) * SECOND,
            .observer = { .self = transcript,
                          .record = on_record,
                          .hook = c->hooks ? on_hook : NULL },
            .sent = c->sent },
        &err);
    if (!r)
        fail_msg("%s", err.text);
    return r;
}

static void adds_up(const mcr_rehearsal *r)
{
    const mcr_config *config = mcr_rehearsal_config(r);
    mcr_broadcaster_counts b = mcr_rehearsal_broadcaster_counts(r);
    assert_int_equal(b.accepted, b.incoming_full + b.emit_full + b.queued + b.distributed);
    for (uint32_t i = 0; i < config->watcher_n; i++) {
        mcr_watcher *w = mcr_rehearsal_watcher(r, i);
        mcr_watcher_counts c = mcr_watcher_counts_now(w);
        mcr_watch_counts q = mcr_rehearsal_watch_counts(r, i);
        assert_int_equal(q.taken, c.taken);
        assert_int_equal(q.offered, q.ring_full + q.queued + q.taken);
        assert_int_equal(c.taken, c.filtered + c.refused + c.spam_filtered + c.handled_only +
                                      c.routed_nowhere + c.routed);
        for (uint32_t s = 0; s < mcr_watcher_sink_count(w); s++) {
            const mcr_sink_counts *k = &mcr_watcher_sink(w, s)->counts;
            assert_int_equal(k->assigned, k->delivered + k->suppressed + k->rejected);
        }
    }
}

static void rehearse(const rehearsal_case *c, mcr_buf *transcript)
{
    mcr_rehearsal *r = open_case(c, transcript);
    for (size_t i = 0; i < sizeof c->events / sizeof *c->events && c->events[i].name; i++) {
        mcr_event *ev = make_event(&c->events[i]);
        mcr_rehearsal_step(r, &ev, 1);
        mcr_event_unref(ev);
    }
    mcr_rehearsal_finish(r);
    adds_up(r);
    mcr_rehearsal_free(r);
}

static void tells_what_becomes_of_events(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_buf want = { 0 }, first = { 0 }, second = { 0 };
        fill_in(&want, cases[i].want);
        rehearse(&cases[i], &first);
        assert_string_equal(mcr_buf_cstr(&first), mcr_buf_cstr(&want));
        rehearse(&cases[i], &second);
        assert_string_equal(mcr_buf_cstr(&second), mcr_buf_cstr(&want));
        mcr_buf_fini(&want);
        mcr_buf_fini(&first);
        mcr_buf_fini(&second);
    }
}

static void step(mcr_rehearsal *r, const char *name, const char *reason, int second)
{
    mcr_event *ev = make_event(&(given){ name, reason, second });
    mcr_rehearsal_step(r, &ev, 1);
    mcr_event_unref(ev);
}

static const char counter[] =
    "local n = 0\n"
    "return { tick_every = '1s', tick = function() n = n + 1 end,\n"
    "handle = function(e) return e:with{ metadata = { name = 'n' .. n } } end }";

#define COUNTING                                                                                   \
    "return {" SOURCES "sinks = { x = { kind = 'stdout' } },"                                      \
    "watchers = { { name = 'a', script = 'a.lua', sinks = { 'x' } } } }"

static void leaves_out_ticks_of_long_gaps(void **state)
{
    (void)state;
    mcr_buf transcript = { 0 };
    mcr_rehearsal *r = open_case(
        &(rehearsal_case){ .config = COUNTING, .a = counter, .events = { { "e", "R", 0 } } },
        &transcript);
    step(r, "e", "R", 0);
    step(r, "e", "R", 100);
    assert_int_equal(mcr_rehearsal_counts_now(r).ticks_skipped, 0);
    step(r, "e", "R", 100 + 2 * MCR_REHEARSAL_TICKS);
    assert_int_equal(mcr_rehearsal_counts_now(r).ticks_skipped, MCR_REHEARSAL_TICKS - 1);
    step(r, "e", "R", 101 + 2 * MCR_REHEARSAL_TICKS);
    mcr_rehearsal_finish(r);
    assert_string_equal(mcr_buf_cstr(&transcript),
                        "1 0s w0/0 sent n0\n2 100s w0/0 sent n100\n3 200100s w0/0 sent n100101\n"
                        "4 200101s w0/0 sent n100102\n");
    mcr_rehearsal_free(r);
    mcr_buf_fini(&transcript);
}

// Until an event has a time there is none, and no ticks make up for it.
static void begins_with_the_first_time(void **state)
{
    (void)state;
    mcr_buf transcript = { 0 };
    write_file("mooncrier.lua", COUNTING);
    write_file("a.lua", counter);
    char path[128];
    mcr_errbuf err;
    snprintf(path, sizeof path, "%s/mooncrier.lua", folder);
    mcr_generation *g = mcr_generation_new(NULL);
    assert_int_equal(mcr_generation_read(g, path, &err), MCR_OK);
    mcr_rehearsal *r = mcr_rehearsal_new_take(
        g, &(mcr_rehearsal_options){ .observer = { .self = &transcript, .record = on_record } },
        &err);
    assert_non_null(r);
    step(r, "e", "R", -1);
    assert_int_equal(mcr_rehearsal_now(r), 0);
    step(r, "e", "R", 5);
    step(r, "e", "R", 6);
    mcr_rehearsal_counts counts = mcr_rehearsal_counts_now(r);
    assert_int_equal(counts.timeless, 1);
    assert_int_equal(counts.ticks_skipped, 0);
    mcr_str lines = mcr_buf_str(&transcript);
    const char *second = memchr(lines.ptr, '\n', lines.len);
    assert_string_equal(mcr_buf_cstr(&transcript) + (second + 1 - lines.ptr),
                        "2 5s w0/0 sent n1\n3 6s w0/0 sent n2\n");
    mcr_rehearsal_free(r);
    mcr_buf_fini(&transcript);
}

// Watchers that answer each other come to the hop limit, also here.
static void ends_at_the_hop_limit(void **state)
{
    (void)state;
    static const char echo[] = "return { handle = function(e) emit(e) end }";
    mcr_buf transcript = { 0 };
    mcr_rehearsal *r = open_case(
        &(rehearsal_case){ .config = "return {" SOURCES "sinks = { x = { kind = 'stdout' } },"
                                     "watchers = { { name = 'a', script = 'a.lua' },"
                                     "{ name = 'b', script = 'b.lua' } } }",
                           .a = echo,
                           .b = echo,
                           .events = { { "e", "R", 0 } } },
        &transcript);
    step(r, "e", "R", 0);
    mcr_rehearsal_finish(r);
    adds_up(r);
    assert_int_equal(mcr_rehearsal_watch_counts(r, 0).taken, 1 + MCR_MAX_HOPS);
    assert_int_equal(mcr_rehearsal_broadcaster_counts(r).emit_full, 2);
    assert_non_null(strstr(mcr_buf_cstr(&transcript),
                           "w0 handled_only e by w0 by w1 by w0 by w1 by w0 by w1 by w0 by w1\n"));
    mcr_rehearsal_free(r);
    mcr_buf_fini(&transcript);
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    mcr_errbuf err;
    char path[128], want[128];
    write_file("mooncrier.lua", COUNTING);
    write_file("a.lua", "return { filter = 1 }");
    snprintf(path, sizeof path, "%s/mooncrier.lua", folder);
    snprintf(want, sizeof want, "%s/a.lua:1", folder);
    mcr_generation *g = mcr_generation_new(NULL);
    assert_int_equal(mcr_generation_read(g, path, &err), MCR_OK);
    assert_null(mcr_rehearsal_new_take(g, &(mcr_rehearsal_options){ 0 }, &err));
    assert_memory_equal(err.text, want, strlen(want));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_becomes_of_events),
        cmocka_unit_test(leaves_out_ticks_of_long_gaps),
        cmocka_unit_test(begins_with_the_first_time),
        cmocka_unit_test(ends_at_the_hop_limit),
        cmocka_unit_test(says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
