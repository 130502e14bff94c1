// daemon/ledger.h: what is printed, and that every equation is checked.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/ledger.h"

// A ledger that adds up, over arrays of its own so that tests can break it.
typedef struct sample {
    mcr_ledger_source sources[2];
    mcr_ledger_reason reasons[2];
    mcr_ledger_note notes[2];
    mcr_ledger_sink sinks[2];
    mcr_ledger_watcher watchers[2];
    mcr_ledger ledger;
} sample;

static char no_reason[] = "not a\nwarning";
static char quoted[] = "\"quoted\"";

static void make_sample(sample *s)
{
    *s = (sample){
        .sources = { { "in.jsonl",
                       { .received = 12,
                         .decoded = 10,
                         .malformed = 1,
                         .control = 1,
                         .bytes = 4000 } },
                     { "stdin", { .received = 5, .decoded = 5 } } },
        .reasons = { { no_reason, 5 }, { quoted, 1 } },
        .notes = { { "retries", 0 }, { "names_replaced", 3 } },
        .sinks = { { .name = "out",
                     .counts = { .assigned = 6,
                                 .delivered = 4,
                                 .dead_lettered = 1,
                                 .in_flight = 1 },
                     .note_n = 2 },
                   { .name = "other", .counts = { .assigned = 3, .delivered = 3 } } },
        .watchers = { { .name = "crashes",
                        .has_watch = true,
                        .watch = { .offered = 17, .ring_full = 1, .queued = 1, .taken = 15 },
                        .counts = { .taken = 15,
                                    .filtered = 7,
                                    .refused = 1,
                                    .handled_only = 0,
                                    .routed_nowhere = 2,
                                    .routed = 5,
                                    .direct = 1 },
                        .scripts = { .script_errors = 1, .emitted = 2, .emit_full = 1 },
                        .reason_n = 2,
                        .sink_n = 2 },
                      { .name = "log",
                        .has_watch = true,
                        .watch = { .offered = 17, .taken = 17 },
                        .counts = { .taken = 17, .handled_only = 17 } } },
        .ledger = { .source_n = 2,
                    .has_broadcaster = true,
                    .broadcaster = { .accepted = 18, .emit_full = 1, .distributed = 17 },
                    .watcher_n = 2,
                    .has_dead_letters = true,
                    .dead_letters = 2 },
    };
    s->watchers[0].reasons = s->reasons;
    s->watchers[0].sinks = s->sinks;
    s->sinks[0].notes = s->notes;
    s->ledger.sources = s->sources;
    s->ledger.watchers = s->watchers;
}

static void test_text(void **state)
{
    (void)state;
    sample s;
    mcr_buf text = { 0 };
    make_sample(&s);
    mcr_ledger_write(&text, &s.ledger, false);
    assert_string_equal(
        mcr_buf_cstr(&text),
        "ledger\n"
        "  source in.jsonl              12 received = 10 decoded + 1 malformed + 1 control\n"
        "  source stdin                  5 received = 5 decoded\n"
        "  broadcaster                  18 accepted = 1 emit_full + 17 distributed\n"
        "  watcher crashes              17 offered  = 1 ring_full + 1 queued + 7 filtered"
        " + 1 refused + 2 routed_nowhere + 5 routed\n"
        "    filtered: not a warning     5\n"
        "    filtered: \"quoted\"          1\n"
        "    sink out                    6 assigned = 4 delivered + 1 dead_lettered"
        " + 1 in_flight\n"
        "      names replaced            3\n"
        "    sink other                  3 assigned = 3 delivered\n"
        "    direct deliveries           1\n"
        "    script errors               1\n"
        "    emitted                     2\n"
        "    emits not taken (see log)   1\n"
        "  watcher log                  17 offered  = 17 handled_only\n"
        "  dead letters                  2\n");
    mcr_buf_fini(&text);
}

static void test_json(void **state)
{
    (void)state;
    sample s;
    mcr_buf text = { 0 };
    make_sample(&s);
    s.ledger.source_n = 1;
    s.ledger.watcher_n = 1;
    mcr_ledger_write(&text, &s.ledger, true);
    assert_string_equal(
        mcr_buf_cstr(&text),
        "{\"sources\":[{\"name\":\"in.jsonl\",\"received\":12,\"decoded\":10,\"malformed\":1,"
        "\"control\":1,\"bytes\":4000}],"
        "\"broadcaster\":{\"accepted\":18,\"incoming_full\":0,\"emit_full\":1,\"queued\":0,"
        "\"distributed\":17},"
        "\"watchers\":[{\"name\":\"crashes\",\"offered\":17,\"ring_full\":1,\"queued\":1,"
        "\"taken\":15,\"filtered\":7,\"refused\":1,\"spam_filtered\":0,\"handled_only\":0,\"routed_"
        "nowhere\":2,"
        "\"routed\":5,\"direct\":1,\"counted\":0,\"aggregated\":0,\"updates_forgotten\":0,\"script_"
        "errors\":1,"
        "\"deadlines\":0,\"discards\":0,\"breaker_trips\":0,\"breaker_skipped\":0,\"emitted\":"
        "2,\"emit_full\":1,"
        "\"unknown_sinks\":0,\"memory_full\":0,\"memory_used\":0,\"reasons\":{\"not "
        "a\\nwarning\":5,\"\\\"quoted\\\"\":1},"
        "\"sinks\":[{\"name\":\"out\",\"assigned\":6,\"delivered\":4,\"merged\":0,\"suppressed\":0,"
        "\"rejected\":0,"
        "\"gave_up\":0,\"dead_lettered\":1,\"spooled\":0,\"in_flight\":1,\"retries\":0,"
        "\"names_replaced\":3},"
        "{\"name\":\"other\",\"assigned\":3,\"delivered\":3,\"merged\":0,\"suppressed\":0,"
        "\"rejected\":0,"
        "\"gave_up\":0,\"dead_lettered\":0,\"spooled\":0,\"in_flight\":0}]}],"
        "\"dead_letters\":2}\n");
    mcr_buf_fini(&text);
}

static void test_empty(void **state)
{
    (void)state;
    mcr_ledger empty = { 0 };
    mcr_buf text = { 0 };
    mcr_ledger_write(&text, &empty, false);
    mcr_ledger_write(&text, &empty, true);
    assert_string_equal(mcr_buf_cstr(&text), "ledger\n{\"sources\":[],\"watchers\":[]}\n");
    assert_int_equal(mcr_ledger_check(&empty, NULL), MCR_OK);
    mcr_ledger_fini(&empty);
    mcr_buf_fini(&text);
}

// Labels from scripts neither break lines nor grow without end.
static void test_long_reason(void **state)
{
    (void)state;
    char reason[200];
    mcr_buf text = { 0 };
    mcr_ledger_reason reasons[12];
    sample s;
    make_sample(&s);
    memset(reason, 'x', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    for (int i = 0; i < 12; i++)
        reasons[i] = (mcr_ledger_reason){ reason, 1 };
    s.watchers[0].reasons = reasons;
    s.watchers[0].reason_n = 12;
    mcr_ledger_write(&text, &s.ledger, false);
    const char *printed = mcr_buf_cstr(&text);
    int shown = 0;
    for (const char *at = printed; (at = strstr(at, "filtered: ")); at++) {
        assert_int_equal(strspn(at + 10, "x"), 60);
        assert_int_equal(strncmp(at + 70, "…", 3), 0);
        shown++;
    }
    assert_int_equal(shown, 10);
    assert_non_null(strstr(printed, "    more reasons "));
    mcr_buf_fini(&text);
}

typedef struct broken {
    size_t offset; // of the counter in `sample` that is one too large
    const char *error;
} broken;

#define AT(field) offsetof(sample, field)

static const broken breakages[] = {
    { AT(sources[1].counts.control),
      "source stdin: 5 received, but it should be = 5 decoded + 0 malformed + 1 control" },
    { AT(ledger.broadcaster.queued),
      "broadcaster: 18 accepted, but it should be = 0 incoming_full + 1 emit_full + 1 queued"
      " + 17 distributed" },
    { AT(watchers[0].scripts.emitted), "broadcaster: 18 accepted, but it should be = 15 decoded + "
                                       "3 emitted + 0 recorded + 1 emit_full" },
    { AT(watchers[0].counts.refused), "watcher crashes: 15 taken, but it should be = 7 filtered + "
                                      "2 refused + 0 spam_filtered + 0 handled_only"
                                      " + 2 routed_nowhere + 5 routed" },
    { AT(watchers[0].watch.queued),
      "watcher crashes: 17 offered, but it should be = 1 ring_full + 2 queued + 15 taken" },
    { AT(sinks[0].counts.gave_up), "sink out: 6 assigned, but it should be = 4 delivered + 0 "
                                   "merged + 0 suppressed + 0 rejected + 1 gave_up"
                                   " + 1 dead_lettered + 0 spooled + 1 in_flight" },
    { AT(reasons[0].n) + 0, NULL }, // 5 + 1 + 1 reasons of 7 filtered: still fine
};

static uint64_t *counter(sample *s, size_t offset)
{
    return (uint64_t *)(void *)((char *)s + offset);
}

static void test_check(void **state)
{
    (void)state;
    sample s;
    mcr_errbuf err;
    make_sample(&s);
    assert_int_equal(mcr_ledger_check(&s.ledger, &err), MCR_OK);
    for (size_t i = 0; i < sizeof breakages / sizeof *breakages; i++) {
        make_sample(&s);
        ++*counter(&s, breakages[i].offset);
        mcr_err code = mcr_ledger_check(&s.ledger, &err);
        assert_int_equal(code, breakages[i].error ? MCR_EINVAL : MCR_OK);
        if (breakages[i].error)
            assert_string_equal(err.text, breakages[i].error);
    }
}

// Stages that hold for themselves and do not fit together.
static void test_check_between(void **state)
{
    (void)state;
    sample s;
    mcr_errbuf err;

    make_sample(&s);
    s.watchers[1].counts.taken = s.watchers[1].counts.handled_only = 16;
    assert_int_equal(mcr_ledger_check(&s.ledger, &err), MCR_EINVAL);
    assert_string_equal(err.text, "watcher log: 17 taken from its queue, but 16 worked on");

    make_sample(&s);
    s.watchers[1].watch.offered = s.watchers[1].watch.taken = 18;
    s.watchers[1].counts.taken = s.watchers[1].counts.handled_only = 18;
    assert_int_equal(mcr_ledger_check(&s.ledger, &err), MCR_EINVAL);
    assert_string_equal(err.text, "watcher log: 18 offered, but only 17 distributed");

    make_sample(&s);
    s.sinks[1].counts = (mcr_sink_counts){ .assigned = 6, .delivered = 6 };
    assert_int_equal(mcr_ledger_check(&s.ledger, &err), MCR_EINVAL);
    assert_string_equal(err.text,
                        "watcher crashes: 12 assigned to its 2 sinks, but 5 routed and 1 direct");

    make_sample(&s);
    s.sinks[0].counts = s.sinks[1].counts = (mcr_sink_counts){ .assigned = 2, .delivered = 2 };
    assert_int_equal(mcr_ledger_check(&s.ledger, &err), MCR_EINVAL);
    assert_string_equal(err.text,
                        "watcher crashes: 4 assigned to its 2 sinks, but 5 routed and 1 direct");

    make_sample(&s);
    s.reasons[0].n = 7;
    assert_int_equal(mcr_ledger_check(&s.ledger, &err), MCR_EINVAL);
    assert_string_equal(err.text, "watcher crashes: 7 filtered, but reasons for 8");

    make_sample(&s); // `eval`: no broadcaster, no queue
    s.ledger.has_broadcaster = false;
    s.watchers[0].has_watch = s.watchers[1].has_watch = false;
    s.ledger.watcher_n = 1;
    assert_int_equal(mcr_ledger_check(&s.ledger, &err), MCR_OK);
    s.sources[1].counts = (mcr_source_counts){ .received = 4, .decoded = 4 };
    assert_int_equal(mcr_ledger_check(&s.ledger, &err), MCR_EINVAL);
    assert_string_equal(err.text, "watcher crashes: 15 taken, but it should be = 14 decoded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),  cmocka_unit_test(test_json),
        cmocka_unit_test(test_empty), cmocka_unit_test(test_long_reason),
        cmocka_unit_test(test_check), cmocka_unit_test(test_check_between),
    };
    return cmocka_run_group_tests_name("daemon/ledger", tests, NULL, NULL);
}
