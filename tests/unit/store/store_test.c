// The store: puts and gets, versions, lists, removals, changes, limits.

#include "store/fixture.h"

static void events_are_kept_with_growing_versions(void **state)
{
    (void)state;
    mcr_store *s = open_store(&(mcr_store_options){ .path = ":memory:" });
    assert_int_equal(put(s, "b a c"), MCR_OK);
    assert_list(s, "prod/a@2 prod/b@1 prod/c@3 ");
    assert_int_equal(put(s, "b"), MCR_OK);
    assert_list(s, "prod/a@2 prod/b@4 prod/c@3 ");
    assert_changes(s, 0, "Aa@2 Ac@3 Ab@4 ");
    assert_changes(s, 2, "Ac@3 Mb@4 ");
    assert_int_equal(take(s, "a"), MCR_OK);
    assert_changes(s, 2, "Ac@3 Mb@4 Da@5 ");
    assert_int_equal(put(s, "a"), MCR_OK);
    assert_changes(s, 4, "Da@5 Aa@6 ");
    mcr_store_counts counts = mcr_store_counts_now(s);
    assert_int_equal(counts.events, 3);
    assert_int_equal(counts.written, 5);
    assert_int_equal(counts.removed, 1);
    mcr_store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_kept_with_growing_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
