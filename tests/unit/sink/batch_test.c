// sink/batch.h.

#include "sample.h"

#include <string.h>

#include "sink/batch.h"
#include "sink/gzip.h"

typedef struct log {
    mcr_buf text; // "target:n:body " for each batch
} log;

static void on_closed(void *self, mcr_batch *batch)
{
    log *l = self;
    mcr_buf_add(&l->text, batch->target);
    mcr_buf_printf(&l->text, ":%zu:", batch->n);
    mcr_buf_add(&l->text, mcr_buf_str(&batch->body));
    mcr_buf_putc(&l->text, ' ');
}

static void assert_log(log *l, const char *expected)
{
    assert_string_equal(mcr_buf_cstr(&l->text), expected);
    l->text.len = 0;
}

static void add(mcr_batches *b, const char *target, mcr_event *ev, const char *body, int64_t now)
{
    mcr_batches_add(b, mcr_str_of(target), ev, mcr_str_of(body), now);
}

static void targets_have_batches_of_their_own(void **state)
{
    (void)state;
    log l = { 0 };
    mcr_event *ev = raw_event("{}");
    mcr_batch_limits limits = { .events = 3,
                                .bytes = 100,
                                .wait = 10,
                                .prefix = MCR_STR("["),
                                .separator = MCR_STR(","),
                                .suffix = MCR_STR("]") };
    mcr_batches *b = mcr_batches_new(&limits, on_closed, &l);
    assert_int_equal(mcr_batches_due(b, 0), 0);
    add(b, "x", ev, "1", 0);
    add(b, "y", ev, "2", 5);
    add(b, "x", ev, "3", 6);
    assert_int_equal(mcr_batches_events(b), 3);
    assert_int_equal(holders(ev), 4);
    assert_int_equal(mcr_batches_due(b, 9), 10);
    assert_log(&l, "");
    add(b, "x", ev, "4", 7);
    assert_log(&l, "x:3:[1,3,4] ");
    assert_int_equal(mcr_batches_due(b, 14), 15);
    add(b, "x", ev, "5", 14);
    assert_int_equal(mcr_batches_due(b, 15), 24);
    assert_log(&l, "y:1:[2] ");
    assert_int_equal(mcr_batches_due(b, 1000), 0);
    assert_log(&l, "x:1:[5] ");
    add(b, "y", ev, "6", 0);
    add(b, "x", ev, "7", 0);
    mcr_batches_flush(b);
    assert_log(&l, "y:1:[6] x:1:[7] ");
    assert_int_equal(mcr_batches_events(b), 0);
    add(b, "x", ev, "8", 0);
    mcr_batches_free(b); // forgets it
    assert_int_equal(holders(ev), 1);
    assert_log(&l, "");
    mcr_event_unref(ev);
    mcr_buf_fini(&l.text);
}

static void bytes_are_those_of_the_whole_body(void **state)
{
    (void)state;
    static const struct {
        size_t bytes;
        const char *expected; // after "aa", "bb", "cc" and a flush
    } cases[] = {
        { 1, "x:1:[aa] x:1:[bb] x:1:[cc] " },
        { 6, "x:1:[aa] x:1:[bb] x:1:[cc] " },
        { 7, "x:2:[aa,bb] x:1:[cc] " },
        { 9, "x:2:[aa,bb] x:1:[cc] " },
        { 10, "x:3:[aa,bb,cc] " },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        log l = { 0 };
        mcr_event *ev = raw_event("{}");
        mcr_batch_limits limits = { .events = 100,
                                    .bytes = cases[i].bytes,
                                    .prefix = MCR_STR("["),
                                    .separator = MCR_STR(","),
                                    .suffix = MCR_STR("]") };
        mcr_batches *b = mcr_batches_new(&limits, on_closed, &l);
        add(b, "x", ev, "aa", 0);
        add(b, "x", ev, "bb", 0);
        add(b, "x", ev, "cc", 0);
        mcr_batches_flush(b);
        assert_log(&l, cases[i].expected);
        mcr_batches_free(b);
        mcr_event_unref(ev);
        mcr_buf_fini(&l.text);
    }
}

static void open_batches_are_bounded(void **state)
{
    (void)state;
    log l = { 0 };
    mcr_event *ev = raw_event("{}");
    mcr_batch_limits limits = { .events = 2, .bytes = 100, .wait = 10 };
    mcr_batches *b = mcr_batches_new(&limits, on_closed, &l);
    for (int i = 0; i < MCR_BATCHES_OPEN_MAX + 2; i++) {
        char target[16];
        snprintf(target, sizeof target, "t%d", i);
        add(b, target, ev, "x", i);
    }
    assert_log(&l, "t0:1:x t1:1:x ");
    assert_int_equal(mcr_batches_events(b), MCR_BATCHES_OPEN_MAX);
    mcr_batches_free(b);
    mcr_event_unref(ev);
    mcr_buf_fini(&l.text);
}

static void on_parts(void *self, mcr_batch *batch)
{
    static const size_t parts[][2] = { { 0, 1 }, { 1, 1 }, { 1, 2 }, { 0, 3 }, { 2, 1 } };
    const mcr_batch_limits *limits = self;
    mcr_buf out = { 0 }, zipped = { 0 }, plain = { 0 };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t ends[3], again[3];
        mcr_batch_part(limits, mcr_buf_str(&batch->body), batch->ends, parts[i][0], parts[i][1],
                       &out, ends);
        // A part of the part is what it says it is.
        mcr_buf last = { 0 };
        mcr_batch_part(limits, mcr_buf_str(&out), ends, parts[i][1] - 1, 1, &last, again);
        mcr_buf_printf(&plain, "%s%s ", mcr_buf_cstr(&out), mcr_buf_cstr(&last));
        mcr_buf_fini(&last);
        out.len = 0;
    }
    assert_string_equal(mcr_buf_cstr(&plain),
                        "<[1]><[1]> <[22]><[22]> <[22,;333]><[333]> <[1,;22,;333]><[333]> "
                        "<[333]><[333]> ");
    mcr_gzip(&zipped, mcr_buf_str(&plain));
    mcr_gunzip(&out, mcr_buf_str(&zipped), plain.len);
    assert_string_equal(mcr_buf_cstr(&out), plain.ptr);
    mcr_buf_fini(&out);
    mcr_buf_fini(&zipped);
    mcr_buf_fini(&plain);
}

static void batches_come_apart(void **state)
{
    (void)state;
    mcr_batch_limits limits = { .events = 3,
                                .bytes = 100,
                                .prefix = MCR_STR("<["),
                                .separator = MCR_STR(",;"),
                                .suffix = MCR_STR("]>") };
    mcr_batches *b = mcr_batches_new(&limits, on_parts, &limits);
    mcr_event *ev = raw_event("{}");
    add(b, "x", ev, "1", 0);
    add(b, "x", ev, "22", 0);
    add(b, "x", ev, "333", 0);
    assert_int_equal(mcr_batches_events(b), 0);
    mcr_batches_free(b);
    mcr_event_unref(ev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_have_batches_of_their_own),
        cmocka_unit_test(bytes_are_those_of_the_whole_body),
        cmocka_unit_test(batches_come_apart),
        cmocka_unit_test(open_batches_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
