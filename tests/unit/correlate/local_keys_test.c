// correlate/local_keys.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "correlate/local_keys.h"

// Few hashes, so that many keys share one.
static mcr_key key(char *room, int number)
{
    int len = snprintf(room, 16, "%.*d", 1 + number % 7, number);
    return (mcr_key){ mcr_str_n(room, (size_t)len), (uint64_t)(number % 13) };
}

static void check(const mcr_local_keys *set, const int *model, uint32_t n)
{
    char room[16], other[16];
    assert_int_equal(set->n, n);
    for (uint32_t i = 0; i < n; i++) {
        mcr_key k = key(room, model[i]);
        assert_true(mcr_str_eq(mcr_local_keys_at(set, i), k.bytes));
        assert_true(mcr_local_keys_has(set, &k));
        // The same hash, never added.
        k = key(other, model[i] + 13 * 7 * 1000);
        assert_false(mcr_local_keys_has(set, &k));
    }
}

static void keeps_the_order_while_keys_come_and_go(void **state)
{
    (void)state;
    mcr_local_keys set = { 0 };
    int model[100];
    uint32_t n = 0;
    char room[16];
    for (int i = 0; i < 60; i++) {
        mcr_key k = key(room, i);
        assert_false(mcr_local_keys_has(&set, &k));
        mcr_local_keys_add(&set, &k);
        model[n++] = i;
        check(&set, model, n);
    }
    while (n) {
        uint32_t at = n * 7 / 9;
        mcr_key k = key(room, model[at]);
        mcr_local_keys_remove(&set, at);
        assert_false(mcr_local_keys_has(&set, &k));
        memmove(model + at, model + at + 1, (n - at - 1) * sizeof *model);
        check(&set, model, --n);
    }
    mcr_local_keys_fini(&set);
}

static void a_cleared_set_is_empty_and_works_again(void **state)
{
    (void)state;
    char room[16];
    static const int sizes[] = { 0, 3, 40 };
    for (size_t s = 0; s < 3; s++) {
        mcr_local_keys set = { 0 };
        for (int i = 0; i < sizes[s]; i++) {
            mcr_key k = key(room, i);
            mcr_local_keys_add(&set, &k);
        }
        mcr_local_keys_clear(&set);
        assert_int_equal(set.n, 0);
        mcr_key k = key(room, 1);
        assert_false(mcr_local_keys_has(&set, &k));
        mcr_local_keys_add(&set, &k);
        check(&set, (int[]){ 1 }, 1);
        mcr_local_keys_fini(&set);
    }
}

static void a_cleared_set_does_not_hold_much_memory(void **state)
{
    (void)state;
    char *longest = calloc(1, 100000);
    mcr_local_keys set = { 0 };
    mcr_local_keys_add(&set, &(mcr_key){ mcr_str_n(longest, 100000), 1 });
    mcr_local_keys_clear(&set);
    assert_true(set.bytes.cap <= 4096);
    mcr_local_keys_fini(&set);
    free(longest);
}

static void the_empty_key_is_a_key(void **state)
{
    (void)state;
    mcr_local_keys set = { 0 };
    mcr_key empty = { { 0 }, 5 };
    assert_false(mcr_local_keys_has(&set, &empty));
    mcr_local_keys_add(&set, &empty);
    assert_true(mcr_local_keys_has(&set, &empty));
    mcr_local_keys_remove(&set, 0);
    assert_false(mcr_local_keys_has(&set, &empty));
    mcr_local_keys_fini(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_order_while_keys_come_and_go),
        cmocka_unit_test(a_cleared_set_is_empty_and_works_again),
        cmocka_unit_test(a_cleared_set_does_not_hold_much_memory),
        cmocka_unit_test(the_empty_key_is_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
