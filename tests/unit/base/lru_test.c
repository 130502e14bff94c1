// base/lru.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/lru.h"

static int *put(mcr_lru *lru, const char *key, uint64_t hash, bool expected_new)
{
    bool is_new;
    int *value = mcr_lru_put(lru, mcr_str_of(key), hash, &is_new);
    assert_int_equal(is_new, expected_new);
    return value;
}

static void the_least_recently_used_goes(void **state)
{
    (void)state;
    mcr_lru *lru = mcr_lru_new(2, sizeof(int), NULL);
    *put(lru, "a", 1, true) = 1;
    *put(lru, "b", 2, true) = 2;
    assert_int_equal(*(int *)mcr_lru_get(lru, MCR_STR("a"), 1), 1);
    *put(lru, "c", 3, true) = 3; // b went, as a was used after it
    assert_null(mcr_lru_get(lru, MCR_STR("b"), 2));
    assert_int_equal(*put(lru, "a", 1, false), 1);
    *put(lru, "d", 4, true) = 4;
    assert_null(mcr_lru_get(lru, MCR_STR("c"), 3));
    assert_int_equal(*(int *)mcr_lru_get(lru, MCR_STR("a"), 1), 1);
    assert_int_equal(*(int *)mcr_lru_get(lru, MCR_STR("d"), 4), 4);
    assert_int_equal(mcr_lru_len(lru), 2);
    mcr_lru_free(lru);
}

static void equal_hashes_do_not_mix_keys_up(void **state)
{
    (void)state;
    mcr_lru *lru = mcr_lru_new(8, sizeof(int), NULL);
    static const char *const keys[] = { "", "a", "b", "ab", "abc" };
    for (int i = 0; i < 5; i++)
        *put(lru, keys[i], 7, true) = i;
    for (int i = 0; i < 5; i++)
        assert_int_equal(*put(lru, keys[i], 7, false), i);
    // The same place and tag, but another hash: there is no need to compare the keys.
    assert_null(mcr_lru_get(lru, MCR_STR("a"), 7 + 64));
    mcr_lru_free(lru);
}

static void no_size_keeps_nothing(void **state)
{
    (void)state;
    for (int64_t size = -1; size <= 0; size++) {
        mcr_lru *lru = mcr_lru_new(size, sizeof(int), NULL);
        *put(lru, "a", 1, true) = 1;
        put(lru, "a", 1, true);
        put(lru, "b", 2, true);
        assert_null(mcr_lru_get(lru, MCR_STR("a"), 1));
        assert_int_equal(mcr_lru_len(lru), 0);
        mcr_lru_free(lru);
    }
}

static int finis;

static void fini(void *value)
{
    finis++;
    free(*(char **)value);
}

static void values_are_ended_once_and_used_again(void **state)
{
    (void)state;
    for (int64_t size = -1; size <= 3; size += 2) {
        finis = 0;
        mcr_lru *lru = mcr_lru_new(size, sizeof(char *), fini);
        for (int i = 0; i < 10; i++) {
            char key[2] = { (char)('a' + i), 0 };
            bool is_new;
            char **value = mcr_lru_put(lru, mcr_str_of(key), (uint64_t)i, &is_new);
            if (i < size)
                assert_null(*value);
            else if (i > size && i > 0)
                assert_int_equal(**value, 'a' + i - (size > 0 ? size : 1));
            if (!*value)
                *value = malloc(1);
            **value = (char)('a' + i);
        }
        mcr_lru_free(lru);
        assert_int_equal(finis, size > 0 ? size : 1);
    }
    mcr_lru_free(NULL);
}

static void a_long_key_does_not_keep_its_memory_for_ever(void **state)
{
    (void)state;
    mcr_lru *lru = mcr_lru_new(1, sizeof(int), NULL);
    char *longest = malloc(100000);
    memset(longest, 'x', 100000);
    bool is_new;
    mcr_lru_put(lru, mcr_str_n(longest, 100000), 1, &is_new);
    put(lru, "short", 2, true);
    put(lru, "short", 2, false);
    mcr_lru_put(lru, mcr_str_n(longest, 99999), 1, &is_new);
    assert_true(is_new);
    assert_non_null(mcr_lru_get(lru, mcr_str_n(longest, 99999), 1));
    free(longest);
    mcr_lru_free(lru);
}

enum {
    KEYS = 64,
    STEPS = 20000
};

// Against a list in order of use, with hashes that share positions.
static void behaves_as_a_list_in_order_of_use(void **state)
{
    (void)state;
    static const int sizes[] = { 1, 2, 3, 17, 40, 64 };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        mcr_lru *lru = mcr_lru_new(sizes[s], sizeof(int), NULL);
        int model[KEYS], n = 0;
        uint32_t seed = 1;
        for (int step = 0; step < STEPS; step++) {
            seed = seed * 1664525 + 1013904223;
            int key = (int)(seed >> 16) % KEYS;
            bool adds = seed >> 31;
            int at = 0;
            while (at < n && model[at] != key)
                at++;
            bool there = at < n;
            char text[8];
            snprintf(text, sizeof text, "%d", key);
            uint64_t hash = (uint64_t)(key % 5) << 32 | (uint64_t)(key % 11 * 29);
            bool is_new = false;
            int *value = adds ? mcr_lru_put(lru, mcr_str_of(text), hash, &is_new)
                              : mcr_lru_get(lru, mcr_str_of(text), hash);
            assert_int_equal(is_new, adds && !there);
            if (there)
                assert_int_equal(*value, key);
            else if (!adds)
                assert_null(value);
            if (!there && !adds)
                continue;
            *value = key;
            if (!there)
                at = n < sizes[s] ? n++ : n - 1;
            memmove(model + 1, model, (size_t)at * sizeof *model);
            model[0] = key;
            assert_int_equal(mcr_lru_len(lru), n);
        }
        mcr_lru_free(lru);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_recently_used_goes),
        cmocka_unit_test(equal_hashes_do_not_mix_keys_up),
        cmocka_unit_test(no_size_keeps_nothing),
        cmocka_unit_test(values_are_ended_once_and_used_again),
        cmocka_unit_test(a_long_key_does_not_keep_its_memory_for_ever),
        cmocka_unit_test(behaves_as_a_list_in_order_of_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
