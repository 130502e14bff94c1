// mooncrier.h: StartRecordingToSink with an EventSink of the program's own, CorrelatorOptions,
// clocks, and what the library says by mcr_set_log.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mooncrier.h"

#define SECONDS     INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)

static const mcr_record_object web = {
    .api_version = "v1", .kind = "Pod", .ns = "shop", .name = "web-1", .uid = "u-1"
};

// A writer that notes its calls and answers what it was told to. Read after a flush or stop.
typedef struct notebook {
    mcr_write_answer answers[16]; // of the calls in their order; MCR_WRITE_DONE afterwards
    size_t calls;
    size_t closes;
    bool versions;   // answers have a resourceVersion: the number of the call
    char text[2000]; // a line of each call
    char name[64];   // of the last event
} notebook;

static void note(notebook *n, const char *what, const mcr_event *ev)
{
    size_t name_len;
    const char *name = mcr_event_field(ev, "metadata.name", &name_len);
    snprintf(n->name, sizeof n->name, "%.*s", (int)name_len, name);
    size_t len = strlen(n->text);
    size_t version_len;
    const char *version = mcr_event_field(ev, "metadata.resourceVersion", &version_len);
    snprintf(n->text + len, sizeof n->text - len, "%s ×%d v%.*s\n", what,
             (int)mcr_event_occurrences(ev), (int)version_len, version);
}

static mcr_write_answer answer_of(notebook *n, mcr_event **answer, mcr_errbuf *err)
{
    mcr_write_answer said = n->calls < 16 ? n->answers[n->calls] : MCR_WRITE_DONE;
    n->calls++;
    if (said == MCR_WRITE_REFUSED || said == MCR_WRITE_FAILED)
        snprintf(err->text, sizeof err->text, "call %zu said no", n->calls);
    if (said == MCR_WRITE_DONE && n->versions) {
        char json[400];
        snprintf(json, sizeof json,
                 "{\"kind\":\"Event\",\"metadata\":{\"name\":\"first\",\"namespace\":\"shop\","
                 "\"resourceVersion\":\"%zu\"},\"involvedObject\":{\"kind\":\"Pod\","
                 "\"namespace\":\"shop\",\"name\":\"web-1\",\"uid\":\"u-1\",\"apiVersion\":\"v1\"},"
                 "\"reason\":\"R\",\"message\":\"m\",\"source\":{\"component\":\"tester\"},"
                 "\"count\":%zu,\"type\":\"Normal\"}",
                 n->calls, n->calls);
        *answer = mcr_event_parse(json, strlen(json), err);
        assert_non_null(*answer);
    }
    return said;
}

static mcr_write_answer create(void *self, mcr_event *ev, mcr_event **answer, mcr_errbuf *err)
{
    note(self, "create", ev);
    return answer_of(self, answer, err);
}

static mcr_write_answer patch(void *self, mcr_event *ev, const char *text, size_t len,
                              mcr_event **answer, mcr_errbuf *err)
{
    assert_int_equal(strlen(text), len);
    assert_non_null(strstr(text, "\"lastTimestamp\":\""));
    char count[32];
    snprintf(count, sizeof count, "{\"count\":%d,", (int)mcr_event_occurrences(ev));
    assert_memory_equal(text, count, strlen(count));
    note(self, "patch", ev);
    return answer_of(self, answer, err);
}

static void close_notebook(void *self)
{
    ((notebook *)self)->closes++;
}

typedef struct world {
    mcr_broadcaster *b;
    mcr_event_recorder *r;
    mcr_event_watcher *w;
    notebook book;
} world;

static void begin(world *x, mcr_recording_sink_options options)
{
    mcr_errbuf err = { "" };
    mcr_event_writer writer = { &x->book, create, patch, close_notebook };
    options.writer = &writer;
    x->b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 1000 });
    x->r = mcr_new_recorder(x->b, "tester", NULL);
    x->w = mcr_start_recording_to_sink(x->b, &options, &err);
    if (!x->w)
        fail_msg("%s", err.text);
    writer = (mcr_event_writer){ 0 }; // it was copied
}

static void end(world *x)
{
    mcr_broadcaster_shutdown(x->b);
    mcr_event_watcher_stop(x->w);
    assert_int_equal(x->book.closes, 1);
    mcr_event_recorder_free(x->r);
    mcr_broadcaster_free(x->b);
}

// Records and has it decided, so that two records are never one batch.
static void record(world *x, const char *message)
{
    assert_int_equal(mcr_record(x->r, &web, "Normal", "R", message), MCR_RECORD_PUBLISHED);
    assert_true(mcr_event_watcher_flush(x->w, 30 * SECONDS));
}

static mcr_event_watcher_ledger ledger_of(world *x)
{
    mcr_event_watcher_ledger ledger;
    assert_true(mcr_event_watcher_ledger_now(x->w, 30 * SECONDS, &ledger));
    assert_int_equal(ledger.taken, ledger.spam_filtered + ledger.sink.assigned);
    return ledger;
}

static void repeats_are_patches(void **state)
{
    (void)state;
    world x = { 0 };
    begin(&x, (mcr_recording_sink_options){ 0 });
    record(&x, "m");
    record(&x, "m");
    record(&x, "other");
    record(&x, "m");
    assert_string_equal(x.book.text, "create ×1 v\npatch ×2 v\ncreate ×1 v\npatch ×3 v\n");
    mcr_event_watcher_ledger ledger = ledger_of(&x);
    assert_int_equal(ledger.counted, 2);
    assert_int_equal(ledger.sink.delivered, 4);
    end(&x);
}

static void answers_are_learnt(void **state)
{
    (void)state;
    world x = { .book.versions = true };
    begin(&x, (mcr_recording_sink_options){ 0 });
    record(&x, "m");
    record(&x, "m");
    record(&x, "m");
    assert_string_equal(x.book.text, "create ×1 v\npatch ×2 v1\npatch ×3 v2\n");
    end(&x);
}

static void what_is_gone_is_created(void **state)
{
    (void)state;
    world x = { .book = { .versions = true, .answers = { MCR_WRITE_DONE, MCR_WRITE_ABSENT } } };
    begin(&x, (mcr_recording_sink_options){ 0 });
    record(&x, "m");
    record(&x, "m");
    assert_string_equal(x.book.text, "create ×1 v\npatch ×2 v1\ncreate ×2 v\n");
    assert_int_equal(ledger_of(&x).sink.delivered, 2);
    end(&x);
}

// An event with a count of its own, which no recorder makes.
static void a_count_without_a_first_is_a_patch(void **state)
{
    (void)state;
    world x = { .book.answers = { MCR_WRITE_ABSENT } };
    begin(&x, (mcr_recording_sink_options){ 0 });
    static const char json[] = "{\"kind\":\"Event\",\"metadata\":{\"name\":\"a\"},\"count\":7,"
                               "\"lastTimestamp\":\"2026-11-23T05:02:41Z\",\"type\":\"Normal\"}";
    mcr_event *ev = mcr_event_parse(json, strlen(json), NULL);
    assert_int_equal(mcr_broadcaster_action(x.b, ev, NULL), MCR_OK);
    mcr_event_unref(ev);
    assert_true(mcr_event_watcher_flush(x.w, 30 * SECONDS));
    assert_string_equal(x.book.text, "patch ×7 v\ncreate ×7 v\n");
    end(&x);
}

typedef struct heard {
    int lines;
    char text[4000];
} heard;

static void hear(void *arg, const char *text, size_t len)
{
    heard *h = arg;
    size_t at = strlen(h->text);
    snprintf(h->text + at, sizeof h->text - at, "%.*s\n", (int)len, text);
    h->lines++;
}

static void a_refusal_is_final_and_said(void **state)
{
    (void)state;
    static heard h;
    mcr_set_log(hear, &h);
    world x = { .book.answers = { MCR_WRITE_REFUSED, MCR_WRITE_DONE } };
    begin(&x, (mcr_recording_sink_options){ 0 });
    record(&x, "m");
    assert_int_equal(ledger_of(&x).sink.rejected, 1);
    mcr_set_log(NULL, NULL);
    assert_int_equal(h.lines, 1);
    assert_non_null(strstr(h.text,
                           "mooncrier: warning: sink 'writer': \"Server rejected event (will "
                           "not retry!)\" err=\"call 1 said no\""));
    record(&x, "other");
    assert_int_equal(ledger_of(&x).sink.delivered, 1);
    end(&x);
}

static void a_failure_is_tried_again(void **state)
{
    (void)state;
    world x = { .book.answers = { MCR_WRITE_FAILED, MCR_WRITE_FAILED } };
    begin(&x, (mcr_recording_sink_options){ .wait_ns = MILLISECOND });
    record(&x, "m");
    assert_string_equal(x.book.text, "create ×1 v\ncreate ×1 v\ncreate ×1 v\n");
    assert_int_equal(ledger_of(&x).sink.delivered, 1);
    end(&x);
}

static void but_only_so_often(void **state)
{
    (void)state;
    world x = { .book.answers = { MCR_WRITE_FAILED, MCR_WRITE_FAILED, MCR_WRITE_FAILED } };
    begin(&x, (mcr_recording_sink_options){ .wait_ns = MILLISECOND, .attempts = 3 });
    record(&x, "m");
    record(&x, "other");
    assert_int_equal(x.book.calls, 4);
    mcr_event_watcher_ledger ledger = ledger_of(&x);
    assert_int_equal(ledger.sink.gave_up, 1);
    assert_int_equal(ledger.sink.delivered, 1);
    end(&x);
}

// What waits for its next try has no room for others; the end does not wait for it for ever.
static void stopping_gives_up_what_waits(void **state)
{
    (void)state;
    world x = { .book.answers = { MCR_WRITE_FAILED } };
    begin(&x, (mcr_recording_sink_options){ .wait_ns = 100 * 3600 * SECONDS,
                                            .drain_timeout_ns = 20 * MILLISECOND });
    for (int i = 0; i < 5; i++)
        assert_int_equal(mcr_recordf(x.r, &web, "Normal", "R", "%d", i), MCR_RECORD_PUBLISHED);
    end(&x);
    assert_int_equal(x.book.calls, 1);
}

static int long_key(void *self, const mcr_event *ev, char *out, size_t size)
{
    ++*(int *)self;
    size_t len;
    const char *reason = mcr_event_field(ev, "reason", &len);
    return snprintf(out, size, "%1000.*s", (int)len, reason);
}

static int no_key(void *self, const mcr_event *ev, char *out, size_t size)
{
    (void)ev, (void)out, (void)size;
    ++*(int *)self;
    return -1;
}

static int combined(void *self, const mcr_event *ev, char *out, size_t size)
{
    (void)self;
    size_t len;
    const char *text = mcr_event_field(ev, "message", &len);
    return snprintf(out, size, "many, such as %.*s", (int)len, text);
}

static void the_correlator_has_options(void **state)
{
    (void)state;
    int calls = 0;
    mcr_correlation_options options = { .max_events = 2,
                                        .burst_size = 3,
                                        .qps = -1,
                                        .aggregate_key = long_key,
                                        .local_key = no_key,
                                        .aggregate_message = combined,
                                        .self = &calls };
    world x = { 0 };
    begin(&x, (mcr_recording_sink_options){ .correlation = &options });
    mcr_watch *watch = mcr_broadcaster_watch(x.b, NULL);
    options = (mcr_correlation_options){ 0 }; // it was copied
    const char *messages[] = { "a", "b", "c", "d" };
    for (int i = 0; i < 4; i++)
        record(&x, messages[i]);
    mcr_event_watcher_ledger ledger = ledger_of(&x);
    assert_int_equal(ledger.aggregated, 3);
    assert_int_equal(ledger.spam_filtered, 1);
    assert_int_equal(ledger.sink.delivered, 3);
    assert_string_equal(x.book.text, "create ×1 v\ncreate ×1 v\npatch ×2 v\n");
    assert_int_equal(calls, 4 * 3); // the long key is asked for twice
    mcr_watch_free(watch);
    end(&x);
}

static int64_t now_of(void *arg)
{
    return atomic_load((_Atomic int64_t *)arg);
}

static void time_is_a_parameter(void **state)
{
    (void)state;
    const int64_t then = INT64_C(0x1234) * 1000000000;
    _Atomic int64_t now = then;
    world x = { 0 };
    mcr_correlation_options options = { .max_events = 1 };
    begin(&x,
          (mcr_recording_sink_options){ .correlation = &options, .now = now_of, .now_arg = &now });
    mcr_event_recorder_set_clock(x.r, now_of, &now);
    mcr_watch *watch = mcr_broadcaster_watch(x.b, NULL);
    record(&x, "m");
    mcr_event *ev;
    assert_int_equal(mcr_watch_next(watch, 30 * SECONDS, &ev), MCR_WATCH_EVENT);
    assert_int_equal(mcr_event_unix_ns(ev), then);
    char name[64];
    snprintf(name, sizeof name, "web-1.%llx", (unsigned long long)then);
    assert_true(mcr_event_is(ev, "metadata.name", name));
    mcr_event_unref(ev);
    assert_string_equal(x.book.name, name); // a combined event, named by the correlator
    atomic_store(&now, then + 42);
    record(&x, "m");
    assert_string_equal(x.book.name, name); // one more of it
    assert_string_equal(x.book.text, "create ×1 v\npatch ×2 v\n");
    mcr_watch_free(watch);
    end(&x);
}

static void options_that_do_not_hold_together(void **state)
{
    (void)state;
    notebook book = { 0 };
    const mcr_event_writer writer = { &book, create, patch, close_notebook };
    const mcr_event_writer half = { .create = create };
    const mcr_setting unknown = { "retry.maxwait", "1s" }, wrong = { "retry.max_wait", "soon" };
    const mcr_setting http2 = { "http2", "yes" }, burst = { "burst", "1.5" };
    const struct {
        mcr_recording_sink_options options;
        const char *says;
    } cases[] = {
        { { .store = "/tmp/x.db", .server = "http://127.0.0.1:1" },
          "'store' records to a file: no option of a cluster goes with it" },
        { { .store = "/tmp/x.db", .attempts = 2 },
          "'store' records to a file: no option of a cluster goes with it" },
        { { .writer = &writer, .store = "" },
          "'writer' calls functions: no option of a store or cluster goes with it" },
        { { .writer = &writer, .settings = &wrong, .n_settings = 1 },
          "'writer' calls functions: no option of a store or cluster goes with it" },
        { { .writer = &half }, "'writer' needs both 'create' and 'patch'" },
        { { .wait_ns = -1 }, "'wait_ns' must not be negative" },
        { { .settings = &unknown, .n_settings = 1 },
          "unknown key 'retry.maxwait'; did you mean 'retry.max_wait'?" },
        { { .settings = &wrong, .n_settings = 1 }, "'retry.max_wait' must be " },
        { { .settings = &http2, .n_settings = 1 }, "'http2' must be " },
        { { .settings = &burst, .n_settings = 1 }, "'burst' must be " },
        { { .store = "/tmp/x.db", .settings = &http2, .n_settings = 1 }, "unknown key 'http2'" },
    };
    mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 10 });
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_errbuf err = { "" };
        assert_null(mcr_start_recording_to_sink(b, &cases[i].options, &err));
        if (strncmp(err.text, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("case %zu: \"%s\", not \"%s…\"", i, err.text, cases[i].says);
    }
    mcr_errbuf err = { "" };
    mcr_broadcaster_shutdown(b);
    assert_null(
        mcr_start_recording_to_sink(b, &(mcr_recording_sink_options){ .writer = &writer }, &err));
    assert_string_equal(err.text, "broadcaster already stopped");
    assert_int_equal(book.closes, 0);
    mcr_broadcaster_free(b);
}

int main(void)
{
    alarm(100);
    mcr_set_log(NULL, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_are_patches),
        cmocka_unit_test(answers_are_learnt),
        cmocka_unit_test(what_is_gone_is_created),
        cmocka_unit_test(a_count_without_a_first_is_a_patch),
        cmocka_unit_test(a_refusal_is_final_and_said),
        cmocka_unit_test(a_failure_is_tried_again),
        cmocka_unit_test(but_only_so_often),
        cmocka_unit_test(stopping_gives_up_what_waits),
        cmocka_unit_test(the_correlator_has_options),
        cmocka_unit_test(time_is_a_parameter),
        cmocka_unit_test(options_that_do_not_hold_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
