#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <pthread.h>

#include <cmocka.h>

#include "event/atom.h"

static void equal_strings_have_one_atom(void **state)
{
    (void)state;
    char copy[] = "Warning";
    uint32_t id = mcr_atom("Warning", 7);
    assert_int_not_equal(id, 0);
    assert_int_equal(mcr_atom(copy, 7), id);
    assert_int_not_equal(mcr_atom("Warning", 6), id);
    assert_int_not_equal(mcr_atom("Normal!", 7), id);
    copy[0] = 'w';
    assert_true(mcr_str_is(mcr_atom_str(id), "Warning"));
    assert_int_equal(mcr_atom_str(id).id, id);
}

static void some_strings_have_none(void **state)
{
    (void)state;
    char text[MCR_ATOM_LEN + 1];
    memset(text, 'x', sizeof text);
    assert_int_equal(mcr_atom("", 0), 0);
    assert_int_equal(mcr_atom(NULL, 0), 0);
    assert_int_equal(mcr_atom(text, MCR_ATOM_LEN + 1), 0);
    assert_int_not_equal(mcr_atom(text, MCR_ATOM_LEN), 0);
}

static void bytes_may_be_any(void **state)
{
    (void)state;
    uint32_t id = mcr_atom("a\0b", 3);
    assert_int_not_equal(id, mcr_atom("a\0c", 3));
    assert_true(mcr_str_eq(mcr_atom_str(id), MCR_STR("a\0b")));
}

enum {
    THREADS = 4,
    STRINGS = 4000
};

// Every thread makes atoms of the same strings, each from another end.
static void *make_atoms(void *arg)
{
    uint32_t *ids = arg;
    for (uint32_t i = 0; i < STRINGS; i++) {
        uint32_t n = (i + ids[STRINGS]) % STRINGS;
        char text[32];
        int len = snprintf(text, sizeof text, "thread-%u", n);
        ids[n] = mcr_atom(text, (uint32_t)len);
        mcr_str back = mcr_atom_str(ids[n]);
        if (back.len != (uint32_t)len || memcmp(back.ptr, text, back.len) != 0)
            ids[n] = 0;
    }
    return NULL;
}

static void threads_agree(void **state)
{
    (void)state;
    static uint32_t ids[THREADS][STRINGS + 1];
    pthread_t threads[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        ids[i][STRINGS] = i * STRINGS / THREADS;
        assert_int_equal(pthread_create(&threads[i], NULL, make_atoms, ids[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (uint32_t n = 0; n < STRINGS; n++) {
        assert_int_not_equal(ids[0][n], 0);
        for (uint32_t i = 1; i < THREADS; i++)
            assert_int_equal(ids[i][n], ids[0][n]);
    }
}

// Last: nothing that comes after it has an atom.
static void a_full_table_gives_none(void **state)
{
    (void)state;
    uint32_t known = mcr_atom("known", 5);
    uint32_t most = 0, id = 1;
    for (uint32_t i = 0; i <= MCR_ATOM_MAX; i++) {
        char text[32];
        int len = snprintf(text, sizeof text, "filler-%u", i);
        id = mcr_atom(text, (uint32_t)len);
        most = id > most ? id : most;
    }
    assert_int_equal(id, 0);
    assert_int_equal(most, MCR_ATOM_MAX);
    assert_int_equal(mcr_atom("too late", 8), 0);
    assert_int_equal(mcr_atom("known", 5), known);
    assert_true(mcr_str_is(mcr_atom_str(known), "known"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_strings_have_one_atom),
        cmocka_unit_test(some_strings_have_none),
        cmocka_unit_test(bytes_may_be_any),
        cmocka_unit_test(threads_agree),
        cmocka_unit_test(a_full_table_gives_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
