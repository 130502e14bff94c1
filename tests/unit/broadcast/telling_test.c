// What watchers, their sinks and their queues tell a tap of each event: the stage, the ledger's
// word, the reason. Events are known by their reason.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "broadcast/broadcaster.h"
#include "broadcast/watcher.h"

#define SECOND INT64_C(1000000000)

static const int64_t now = INT64_C(1795410100) * SECOND;

// A sink that refuses events called "Bad" and gives up "Late".
static void write_events(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t at)
{
    (void)at;
    sink->counts.assigned += n;
    sink->counts.in_flight += n;
    for (size_t i = 0; i < n; i++) {
        if (mcr_str_is(events[i]->reason, "Bad")) {
            mcr_sink_refuse(sink, events[i], "it is bad");
        } else if (mcr_str_is(events[i]->reason, "Late")) {
            mcr_sink_give_up(sink, events[i], "it is late");
        } else {
            mcr_sink_tell(sink, "delivered", &events[i], 1);
            sink->counts.delivered++;
            sink->counts.in_flight--;
        }
    }
}

static void flush(mcr_sink *sink, int64_t at)
{
    (void)sink, (void)at;
}

static void close_sink(mcr_sink *sink)
{
    free(sink);
}

static const mcr_sink_kind kind = { .write = write_events, .flush = flush, .close = close_sink };

// Hooks that drop "Noise", refuse "Broken" and route "Nowhere" nowhere.
static void handle(void *self, mcr_verdict *v, uint32_t n, int64_t at)
{
    (void)self, (void)at;
    for (uint32_t i = 0; i < n; i++)
        v[i].outcome = mcr_str_is(v[i].ev->reason, "Noise")    ? MCR_DROP
                       : mcr_str_is(v[i].ev->reason, "Broken") ? MCR_REFUSED
                                                               : MCR_PASS;
}

static void route(void *self, mcr_verdict *v, uint32_t n, int64_t at)
{
    (void)self, (void)at;
    for (uint32_t i = 0; i < n; i++)
        v[i].sinks = !mcr_str_is(v[i].ev->reason, "Nowhere");
}

static void why(void *self, const mcr_verdict *v, uint32_t i, mcr_buf *out)
{
    (void)self;
    mcr_buf_printf(out, "%s at %u", v->outcome == MCR_DROP ? "noise" : "broken", i);
}

static mcr_event *event(const char *reason, const char *object)
{
    mcr_event fields = { .reason = mcr_str_of(reason),
                         .type = MCR_STR("Normal"),
                         .count = 1,
                         .involvedObject.name = mcr_str_of(object),
                         .metadata.name = mcr_str_of(object) };
    return mcr_event_new(&fields);
}

typedef struct world {
    mcr_tapping *tapping;
    mcr_tap *tap;
    mcr_watcher *watcher;
} world;

static world open_world(bool has_sink)
{
    world w = { .tapping = mcr_tapping_new(), .watcher = mcr_watcher_new("w") };
    const mcr_hooks hooks = { .handle = handle, .route = route, .why = why };
    w.tap = mcr_tapping_add(w.tapping, &(mcr_tap_options){ .stages = MCR_TAP_STAGES });
    mcr_watcher_set_tapping(w.watcher, w.tapping);
    if (has_sink) {
        mcr_sink *sink = mcr_zalloc(sizeof *sink);
        sink->kind = &kind;
        sink->name = "s";
        mcr_watcher_add_sink_take(w.watcher, sink);
    }
    mcr_watcher_set_hooks(w.watcher, &hooks);
    return w;
}

static void step(world *w, const char *const *reasons, uint32_t n)
{
    mcr_event *events[MCR_BATCH];
    for (uint32_t i = 0; i < n; i++)
        events[i] = event(reasons[i], "x");
    mcr_watcher_step(w->watcher, events, n, now);
}

// "stage outcome watcher sink event (reason)", a line each.
static void write_notes(mcr_tap *tap, mcr_buf *out)
{
    mcr_tap_note *note;
    while ((note = mcr_tap_take(tap))) {
        mcr_buf_printf(out, "%s %s %s %s %.*s", mcr_tap_stage_name(note->stage), note->outcome,
                       note->watcher, note->sink ? note->sink : "-", (int)note->ev->reason.len,
                       note->ev->reason.ptr);
        mcr_buf_printf(out, note->reason ? " (%s)\n" : "\n", note->reason);
        mcr_tap_note_free(note);
    }
}

static void assert_notes(world *w, const char *expected)
{
    mcr_buf text = { 0 };
    write_notes(w->tap, &text);
    assert_string_equal(mcr_buf_cstr(&text), expected);
    mcr_buf_fini(&text);
}

static void close_world(world *w)
{
    mcr_watcher_free(w->watcher);
    mcr_tapping_free(w->tapping);
}

static void a_watcher_tells_where_events_end(void **state)
{
    (void)state;
    world w = open_world(true);
    step(&w, (const char *[]){ "Good", "Noise", "Broken", "Bad", "Nowhere", "Noise", "Late" }, 7);
    assert_notes(&w, "filtered filtered w - Noise (noise at 1)\n"
                     "filtered filtered w - Noise (noise at 5)\n"
                     "dropped refused w - Broken (broken at 2)\n"
                     "dropped routed_nowhere w - Nowhere\n"
                     "delivered delivered w s Good\n"
                     "dropped rejected w s Bad (it is bad)\n"
                     "dropped gave_up w s Late (it is late)\n");
    close_world(&w);
}

static void without_sinks_they_end_in_handle(void **state)
{
    (void)state;
    world w = open_world(false);
    step(&w, (const char *[]){ "Good", "Noise" }, 2);
    assert_notes(&w, "filtered filtered w - Noise (noise at 1)\n"
                     "delivered handled_only w - Good\n");
    close_world(&w);
}

static void the_correlator_says_what_is_written(void **state)
{
    (void)state;
    world w = open_world(true);
    mcr_correlator_options options = mcr_correlator_default_options;
    options.burst_size = 2;
    options.qps = -1;
    mcr_watcher_correlate(w.watcher, &options, false);
    step(&w, (const char *[]){ "Good", "Good", "Good" }, 3);
    assert_notes(&w, "recorded recorded w - Good (create, count 1)\n"
                     "recorded recorded w - Good (patch, count 2)\n"
                     "dropped spam_filtered w - Good (the spam filter: its object has had too "
                     "many)\n"
                     "delivered delivered w s Good\n"
                     "delivered delivered w s Good\n");
    close_world(&w);
}

static void combined_events_are_said_to_be(void **state)
{
    (void)state;
    world w = open_world(true);
    mcr_correlator_options options = mcr_correlator_default_options;
    options.max_events = 1;
    mcr_watcher_correlate(w.watcher, &options, false);
    step(&w, (const char *[]){ "Good" }, 1);
    assert_notes(&w, "recorded recorded w - Good (aggregated: create, count 1)\n"
                     "delivered delivered w s Good\n");
    close_world(&w);
}

static void updates_suppress(void **state)
{
    (void)state;
    world w = open_world(true);
    mcr_watcher_set_updates(w.watcher, 0, MCR_UPDATES_FIRST);
    step(&w, (const char *[]){ "Good", "Good" }, 2);
    assert_notes(&w, "delivered suppressed w s Good\n"
                     "delivered delivered w s Good\n");
    close_world(&w);
}

static void exchanged_sinks_tell_as_well(void **state)
{
    (void)state;
    world w = open_world(true);
    mcr_sink *next = mcr_zalloc(sizeof *next);
    next->kind = &kind;
    next->name = "next";
    mcr_watcher_exchange_sinks(w.watcher, &next, 1, NULL, SECOND, now);
    step(&w, (const char *[]){ "Good" }, 1);
    assert_notes(&w, "delivered delivered w next Good\n");
    close_world(&w);
}

static void a_full_queue_tells_what_it_loses(void **state)
{
    (void)state;
    mcr_errbuf err;
    mcr_broadcaster *b = mcr_broadcaster_new(
        &(mcr_broadcaster_options){ .queue = 2, .incoming = 1, .is_inline = true });
    mcr_watch *watch = mcr_broadcaster_watch(b, &err);
    world w = open_world(false);
    mcr_watch_set_tapping(watch, w.tapping, "w");
    mcr_event *events[] = { event("Good", "x"), event("Good", "x"), event("Lost", "x") };
    assert_int_equal(mcr_broadcaster_publish(b, events, 3, MCR_DROP_IF_CHANNEL_FULL), 3);
    assert_notes(&w, "dropped ring_full w - Lost\n");
    for (int i = 0; i < 3; i++)
        mcr_event_unref(events[i]);
    mcr_watch_free(watch);
    mcr_broadcaster_free(b);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watcher_tells_where_events_end),
        cmocka_unit_test(without_sinks_they_end_in_handle),
        cmocka_unit_test(the_correlator_says_what_is_written),
        cmocka_unit_test(combined_events_are_said_to_be),
        cmocka_unit_test(updates_suppress),
        cmocka_unit_test(exchanged_sinks_tell_as_well),
        cmocka_unit_test(a_full_queue_tells_what_it_loses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
