// event/splice.h gives what event/merge.h gives.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/decode.h"
#include "event/encode.h"
#include "event/merge.h"
#include "event/splice.h"

#define TEXT(name, v)                                                                              \
    {                                                                                              \
        .key = { name, sizeof(name) - 1, 0 },                                                      \
        .member = { "\"" name "\":\"" v "\"", sizeof("\"" name "\":\"" v "\"") - 1, 0 },           \
        .value = { "\"" v "\"", sizeof("\"" v "\"") - 1, 0 }, .text = { v, sizeof(v) - 1, 0 },     \
        .number = NAN                                                                              \
    }
#define NUMBER(name, v)                                                                            \
    {                                                                                              \
        .key = { name, sizeof(name) - 1, 0 },                                                      \
        .member = { "\"" name "\":" #v, sizeof("\"" name "\":" #v) - 1, 0 },                       \
        .value = { #v, sizeof(#v) - 1, 0 }, .number = v                                            \
    }

typedef struct change_case {
    const char *name;
    mcr_change changes[4];
    uint32_t n;
} change_case;

static const change_case taken[] = {
    { "nothing", { { .number = 0 } }, 0 },
    { "message", { TEXT("message", "new") }, 1 },
    { "a longer message", { TEXT("message", "new, and much longer than it was before: é🚀") }, 1 },
    { "an empty message", { TEXT("message", "") }, 1 },
    { "count", { NUMBER("count", -5) }, 1 },
    { "all",
      { NUMBER("count", 7), TEXT("message", "m"), TEXT("reason", "R"), TEXT("type", "Normal") },
      4 },
    { "new fields", { TEXT("severity", "high"), NUMBER("weight", 1.5) }, 2 },
    { "old and new", { TEXT("action", "Act"), TEXT("message", "m"), TEXT("zone", "z") }, 3 },
};

static const change_case not_taken[] = {
    { "an object", { TEXT("metadata", "x") }, 1 },
    { "a time", { TEXT("lastTimestamp", "2026-11-23T05:01:40Z") }, 1 },
    { "the kind", { TEXT("kind", "Pod") }, 1 },
    { "a number as message", { NUMBER("message", 1) }, 1 },
    { "a text as count", { TEXT("count", "1") }, 1 },
    { "half a count", { NUMBER("count", 1.5) }, 1 },
    { "a large count", { NUMBER("count", 2147483648) }, 1 },
    { "bad UTF-8", { TEXT("message", "\xff") }, 1 },
    { "the other API's field", { TEXT("note", "x") }, 1 },
};

static mcr_event *decode(mcr_decoder *d, mcr_str line)
{
    mcr_event *ev = NULL;
    mcr_decode_error err;
    mcr_decoded kind = mcr_decode(d, line, 0, &ev, &err);
    return kind == MCR_DECODED_EVENT ? ev : NULL;
}

static void assert_same(const mcr_event *a, const mcr_event *b, const char *what)
{
    mcr_buf x = { 0 }, y = { 0 };
    mcr_event_encode(&x, a, true);
    mcr_event_encode(&y, b, true);
    if (!mcr_str_eq(mcr_buf_str(&x), mcr_buf_str(&y)) || !mcr_str_eq(a->raw, b->raw))
        fail_msg("%s:\n%.*s\n%.*s", what, (int)a->raw.len, a->raw.ptr, (int)b->raw.len, b->raw.ptr);
    assert_int_equal(a->reason.id, b->reason.id);
    assert_int_equal(a->type.id, b->type.id);
    assert_int_equal(a->unknown_fields, b->unknown_fields);
    assert_int_equal(a->change, b->change);
    assert_int_equal(a->delta, b->delta);
    assert_int_equal(a->hops, b->hops);
    mcr_buf_fini(&x);
    mcr_buf_fini(&y);
}

static mcr_event *merge(mcr_decoder *d, const mcr_event *ev, const change_case *c)
{
    mcr_buf patch = { 0 };
    mcr_errbuf err;
    mcr_buf_putc(&patch, '{');
    for (uint32_t i = 0; i < c->n; i++) {
        if (i)
            mcr_buf_putc(&patch, ',');
        mcr_buf_add(&patch, c->changes[i].member);
    }
    mcr_buf_putc(&patch, '}');
    mcr_event *merged = mcr_event_merge(d, ev, mcr_buf_str(&patch), &err);
    mcr_buf_fini(&patch);
    if (!merged)
        fail_msg("%s: %s", c->name, err.text);
    return merged;
}

// Every case on one event, which is gone before what was made of it is read.
static unsigned splice_all(mcr_decoder *d, mcr_str line)
{
    unsigned spliced = 0;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        mcr_event *ev = decode(d, line);
        if (!ev)
            return spliced;
        ev->delta = 3;
        ev->hops = 2;
        mcr_event *merged = merge(d, ev, &taken[i]);
        mcr_event *made = mcr_event_splice(ev, taken[i].changes, taken[i].n);
        mcr_event_unref(ev);
        if (made) {
            assert_same(made, merged, taken[i].name);
            assert_null(mcr_event_splice(made, taken[i].changes, taken[i].n));
            mcr_event *again = merge(d, made, &taken[i]);
            assert_same(again, merged, taken[i].name);
            mcr_event_unref(again);
            spliced++;
        }
        mcr_event_unref(made);
        mcr_event_unref(merged);
    }
    return spliced;
}

static void gives_what_merging_gives(void **state)
{
    (void)state;
    static const char *const files[] = { "examples/data/events.jsonl",
                                         "tests/data/watch-core.jsonl" };
    mcr_decoder *d = mcr_decoder_new();
    unsigned events = 0, spliced = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        FILE *file = fopen(files[i], "r");
        assert_non_null(file);
        char *line = NULL;
        size_t room = 0;
        ssize_t len;
        for (; (len = getline(&line, &room, file)) > 0; events++)
            spliced += splice_all(d, mcr_str_n(line, (size_t)len));
        free(line);
        fclose(file);
    }
    mcr_decoder_free(d);
    assert_true(events > 400);
    // All but some odd ones.
    assert_true(spliced > (events - 20) * (sizeof taken / sizeof *taken));
}

static void leaves_the_rest_to_merging(void **state)
{
    (void)state;
    mcr_decoder *d = mcr_decoder_new();
    mcr_event *ev = decode(d, MCR_STR("{\"message\":\"m\",\"count\":1,\"metadata\":{}}"));
    for (size_t i = 0; i < sizeof not_taken / sizeof *not_taken; i++)
        if (mcr_event_splice(ev, not_taken[i].changes, not_taken[i].n))
            fail_msg("%s was taken", not_taken[i].name);
    mcr_event_unref(ev);

    static const char *const events[] = {
        "{\"message\":\"m\",\"message\":\"n\"}",                // which one?
        "{\"message\":\"m\",\"severity\":1}",                   // it may be the one to set
        "{\"apiVersion\":\"events.k8s.io/v1\",\"note\":\"m\"}", // under another name
        "{\"note\":\"m\"}",
    };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        ev = decode(d, mcr_str_of(events[i]));
        assert_non_null(ev);
        if (mcr_event_splice(ev, taken[1].changes, taken[1].n))
            fail_msg("%s was taken", events[i]);
        mcr_event *copy = mcr_event_new(ev);
        assert_null(mcr_event_splice(copy, taken[1].changes, taken[1].n));
        mcr_event_unref(copy);
        mcr_event_unref(ev);
    }
    mcr_decoder_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_what_merging_gives),
        cmocka_unit_test(leaves_the_rest_to_merging),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
