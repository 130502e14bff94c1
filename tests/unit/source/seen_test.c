// source/seen.h: change and delta of events as a stream tells them.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "source/seen.h"

enum {
    UNKNOWN = MCR_CHANGE_UNKNOWN,
    NEW = MCR_CHANGE_NEW,
    REPEAT = MCR_CHANGE_REPEAT,
    DELETED = MCR_CHANGE_DELETED
};

typedef struct note {
    const char *uid;
    const char *name;
    const char *namespace;
    uint8_t change_in;
    int32_t count;
    int32_t series; // 0: no series
    uint8_t change_out;
    int32_t delta;
} note;

typedef struct scenario {
    const char *name;
    note notes[6]; // up to the first with all zeros but `change_out`
} scenario;

static const scenario scenarios[] = {
    { "plain lines",
      { { "u1", "a", "ns", UNKNOWN, 3, 0, NEW, 3 },
        { "u1", "a", "ns", UNKNOWN, 5, 0, REPEAT, 2 },
        { "u1", "a", "ns", UNKNOWN, 5, 0, REPEAT, 0 },
        { "u2", "a", "ns", UNKNOWN, 5, 0, NEW, 5 } } },
    { "a watch",
      { { "u1", "a", "ns", NEW, 1, 0, NEW, 1 },
        { "u1", "a", "ns", REPEAT, 4, 0, REPEAT, 3 },
        { "u1", "a", "ns", DELETED, 4, 0, DELETED, 0 },
        { "u1", "a", "ns", NEW, 2, 0, NEW, 2 } } },
    { "a list again: ADDED for what is known",
      { { "u1", "a", "ns", NEW, 7, 0, NEW, 7 }, { "u1", "a", "ns", NEW, 9, 0, NEW, 2 } } },
    { "MODIFIED first: earlier counts are not ours",
      { { "u1", "a", "ns", REPEAT, 100, 0, REPEAT, 1 },
        { "u1", "a", "ns", REPEAT, 103, 0, REPEAT, 3 } } },
    { "DELETED first", { { "u1", "a", "ns", DELETED, 100, 0, DELETED, 0 } } },
    { "a count that goes back",
      { { "u1", "a", "ns", UNKNOWN, 9, 0, NEW, 9 },
        { "u1", "a", "ns", UNKNOWN, 2, 0, REPEAT, 0 },
        { "u1", "a", "ns", UNKNOWN, 3, 0, REPEAT, 1 } } },
    { "a series counts before count, nothing counts 1",
      { { "u1", "a", "ns", UNKNOWN, 0, 0, NEW, 1 },
        { "u1", "a", "ns", UNKNOWN, 1, 6, REPEAT, 5 } } },
    { "without uid: namespace and name",
      { { "", "a", "ns", UNKNOWN, 1, 0, NEW, 1 },
        { "", "a", "other", UNKNOWN, 1, 0, NEW, 1 },
        { "", "b", "ns", UNKNOWN, 1, 0, NEW, 1 },
        { "", "sa", "n", UNKNOWN, 1, 0, NEW, 1 },
        { "", "a", "ns", UNKNOWN, 3, 0, REPEAT, 2 } } },
    { "without uid and name: always new",
      { { "", "", "ns", UNKNOWN, 2, 0, NEW, 2 }, { "", "", "ns", UNKNOWN, 2, 0, NEW, 2 } } },
    { "the largest step",
      { { "u1", "a", "ns", UNKNOWN, INT32_MIN, 0, NEW, INT32_MIN },
        { "u1", "a", "ns", UNKNOWN, INT32_MAX, 0, REPEAT, INT32_MAX } } },
};

static mcr_event event_of(const note *n)
{
    mcr_event ev = { 0 };
    ev.metadata.uid = mcr_str_of(n->uid);
    ev.metadata.name = mcr_str_of(n->name);
    ev.metadata.namespace = mcr_str_of(n->namespace);
    ev.change = n->change_in;
    ev.count = n->count;
    ev.series.set = n->series != 0;
    ev.series.count = n->series;
    return ev;
}

static void test_scenarios(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        mcr_seen *seen = mcr_seen_new(64);
        for (const note *n = scenarios[i].notes; n < scenarios[i].notes + 6 && n->uid; n++) {
            mcr_event ev = event_of(n);
            mcr_seen_note(seen, &ev);
            if (ev.change != n->change_out || ev.delta != n->delta)
                fail_msg("%s, note %d: change %d delta %d, expected %d and %d", scenarios[i].name,
                         (int)(n - scenarios[i].notes), ev.change, ev.delta, n->change_out,
                         n->delta);
        }
        mcr_seen_free(seen);
    }
}

// All at once gives the same as one by one.
static void test_note_all(void **state)
{
    (void)state;
    enum {
        EVENTS = 150
    };
    static mcr_event one[EVENTS], all[EVENTS];
    static mcr_event *pointers[EVENTS];
    static char uids[EVENTS][16];
    mcr_seen *first = mcr_seen_new(32), *second = mcr_seen_new(32);
    for (int i = 0; i < EVENTS; i++) {
        snprintf(uids[i], sizeof uids[i], "uid-%d", i * i % 41);
        const note n = { .uid = uids[i], .name = "", .namespace = "", .count = i };
        one[i] = all[i] = event_of(&n);
        pointers[i] = &all[i];
        mcr_seen_note(first, &one[i]);
    }
    mcr_seen_note_all(second, pointers, 0);
    mcr_seen_note_all(second, pointers, EVENTS);
    assert_memory_equal(one, all, sizeof one);
    mcr_seen_free(first);
    mcr_seen_free(second);
}

static uint8_t note_number(mcr_seen *seen, int number)
{
    char uid[32];
    snprintf(uid, sizeof uid, "uid-%d", number);
    const note n = { .uid = uid, .name = "", .namespace = "", .count = 1 };
    mcr_event ev = event_of(&n);
    mcr_seen_note(seen, &ev);
    return ev.change;
}

// One set of eight: it keeps exactly the eight seen last.
static void test_forgets_the_oldest(void **state)
{
    (void)state;
    mcr_seen *seen = mcr_seen_new(8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(note_number(seen, i), NEW);
    assert_int_equal(note_number(seen, 0), REPEAT); // now 1 is the oldest
    assert_int_equal(note_number(seen, 8), NEW);    // takes its place
    assert_int_equal(note_number(seen, 0), REPEAT);
    for (int i = 2; i < 9; i++)
        assert_int_equal(note_number(seen, i), REPEAT);
    assert_int_equal(note_number(seen, 1), NEW);
    mcr_seen_free(seen);
}

// Half full, hardly anything is forgotten.
static void test_capacity(void **state)
{
    (void)state;
    enum {
        CAPACITY = 16384
    };
    mcr_seen *seen = mcr_seen_new(CAPACITY);
    int known = 0;
    for (int i = 0; i < CAPACITY / 2; i++)
        assert_int_equal(note_number(seen, i), NEW);
    for (int i = 0; i < CAPACITY / 2; i++)
        known += note_number(seen, i) == REPEAT;
    assert_in_range(known, CAPACITY / 2 * 9 / 10, CAPACITY / 2);
    mcr_seen_free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenarios),
        cmocka_unit_test(test_note_all),
        cmocka_unit_test(test_forgets_the_oldest),
        cmocka_unit_test(test_capacity),
    };
    return cmocka_run_group_tests_name("source/seen", tests, NULL, NULL);
}
