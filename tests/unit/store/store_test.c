// The store: versions, lists, removals and changes; pieces of work; expiry, eviction, history.

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
    assert_changes(s, 6, "");
    mcr_store_counts counts = mcr_store_counts_now(s);
    assert_int_equal(counts.events, 3);
    assert_int_equal(counts.written, 5);
    assert_int_equal(counts.removed, 1);
    assert_int_equal(counts.waiting, 0);
    mcr_store_close(s);
}

// Events of several namespaces, with names whose order differs from that of their pairs.
static bool put_places(void *self, mcr_store_tx *tx)
{
    (void)self;
    static const char *const places[][2] = {
        { "b", "x" }, { "a", "z" }, { "a", "y" }, { "c", "x" }
    };
    for (size_t i = 0; i < 4; i++) {
        uint64_t version = mcr_store_next_version(tx);
        mcr_store_put(tx, &(mcr_stored){ mcr_str_of(places[i][0]), mcr_str_of(places[i][1]),
                                         MCR_STR("{}"), version, version, 0 });
    }
    return true;
}

typedef struct page {
    const char *namespace, *after_namespace, *after_name;
    const char *expected;
    mcr_buf text;
} page;

static bool list_page(void *self, mcr_store_tx *tx)
{
    page *p = self;
    dump d = { 0 };
    mcr_str namespace = mcr_str_of(p->after_namespace), name = mcr_str_of(p->after_name);
    bool from = p->after_namespace;
    mcr_store_list(tx, mcr_str_of(p->namespace), from ? &namespace : NULL, from ? &name : NULL,
                   dump_event, &d);
    p->text = d.text;
    return true;
}

static void a_list_goes_on_behind_any_place(void **state)
{
    (void)state;
    mcr_store *s = open_store(&(mcr_store_options){ .path = ":memory:" });
    assert_int_equal(perform(s, put_places, NULL), MCR_OK);
    page pages[] = {
        { "", NULL, NULL, "a/y@3 a/z@2 b/x@1 c/x@4 ", { 0 } },
        { "", "a", "y", "a/z@2 b/x@1 c/x@4 ", { 0 } },
        { "", "a", "zz", "b/x@1 c/x@4 ", { 0 } },
        { "", "c", "x", "", { 0 } },
        { "a", NULL, NULL, "a/y@3 a/z@2 ", { 0 } },
        { "a", "a", "y", "a/z@2 ", { 0 } },
        { "a", "a", "z", "", { 0 } },
        { "nowhere", NULL, NULL, "", { 0 } },
    };
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        assert_int_equal(perform(s, list_page, &pages[i]), MCR_OK);
        assert_string_equal(mcr_buf_cstr(&pages[i].text), pages[i].expected);
        mcr_buf_fini(&pages[i].text);
    }
    mcr_store_close(s);
}

static bool put_and_fail(void *self, mcr_store_tx *tx)
{
    put_names(self, tx);
    remove_event(tx, "a");
    return false;
}

static bool fail_unused(void *self, mcr_store_tx *tx)
{
    (void)self;
    mcr_store_next_version(tx);
    return false;
}

// Holds the store's thread until the test has queued what it wants in one transaction.
static bool wait_for_test(void *self, mcr_store_tx *tx)
{
    (void)tx;
    return mcr_park(self, 60 * SECOND);
}

static void a_piece_of_work_that_fails_takes_nothing_with_it(void **state)
{
    (void)state;
    mcr_store *s = open_store(&(mcr_store_options){ .path = ":memory:" });
    mcr_parker gate;
    mcr_parker_init(&gate);
    task tasks[5];
    task_begin(&tasks[0], s, wait_for_test, &gate);
    task_begin(&tasks[1], s, put_names, &(names_of){ "a b" });
    task_begin(&tasks[2], s, put_and_fail, &(names_of){ "b c d" });
    task_begin(&tasks[3], s, fail_unused, NULL);
    task_begin(&tasks[4], s, put_names, &(names_of){ "e" });
    mcr_unpark(&gate);
    for (int i = 0; i < 5; i++)
        assert_int_equal(task_wait(&tasks[i]), MCR_OK);
    mcr_parker_fini(&gate);
    assert_list(s, "prod/a@1 prod/b@2 prod/e@3 ");
    mcr_store_counts counts = mcr_store_counts_now(s);
    assert_int_equal(counts.written, 3);
    assert_int_equal(counts.removed, 0);
    assert_int_equal(counts.events, 3);
    mcr_store_close(s);
}

static void expired_events_are_gone_at_once_and_told_as_deleted(void **state)
{
    (void)state;
    int64_t now = NOW;
    mcr_clock clock = mcr_clock_fixed(&now);
    mcr_store *s = open_store(
        &(mcr_store_options){ .path = ":memory:", .ttl_ns = 10 * SECOND, .clock = &clock });
    assert_int_equal(put(s, "a b"), MCR_OK);
    __atomic_store_n(&now, NOW + 5 * SECOND, __ATOMIC_RELEASE);
    assert_int_equal(put(s, "b"), MCR_OK); // its time begins anew
    __atomic_store_n(&now, NOW + 10 * SECOND - 1, __ATOMIC_RELEASE);
    assert_list(s, "prod/a@1 prod/b@3 ");
    __atomic_store_n(&now, NOW + 10 * SECOND, __ATOMIC_RELEASE);
    assert_list(s, "prod/b@3 ");
    assert_changes(s, 3, "Da@4 ");
    __atomic_store_n(&now, NOW + 15 * SECOND, __ATOMIC_RELEASE);
    assert_int_equal(put(s, "b"), MCR_OK); // a new one under that name
    assert_changes(s, 3, "Da@4 Db@5 Ab@6 ");
    assert_int_equal(mcr_store_counts_now(s).expired, 2);
    mcr_store_close(s);
}

// More events than are swept in one transaction.
static bool put_many(void *self, mcr_store_tx *tx)
{
    (void)self;
    for (int i = 0; i < 1200; i++) {
        char name[16];
        snprintf(name, sizeof name, "e%04d", i);
        put_event(tx, name, i);
    }
    return true;
}

static void what_was_not_swept_yet_is_gone_all_the_same(void **state)
{
    (void)state;
    int64_t now = NOW;
    mcr_clock clock = mcr_clock_fixed(&now);
    mcr_store *s = open_store(
        &(mcr_store_options){ .path = ":memory:", .ttl_ns = 10 * SECOND, .clock = &clock });
    assert_int_equal(perform(s, put_many, NULL), MCR_OK);
    __atomic_store_n(&now, NOW + 10 * SECOND, __ATOMIC_RELEASE);
    assert_int_equal(put(s, "e1199"), MCR_OK); // as if it were new
    dump d = { 0 };
    assert_int_equal(perform(s, dump_list, &d), MCR_OK);
    unsigned long long version = 0;
    assert_int_equal(sscanf(mcr_buf_cstr(&d.text), "prod/e1199@%llu", &version), 1);
    for (int i = 0; i < 3000 && mcr_store_counts_now(s).events > 1; i++)
        usleep(10000);
    assert_int_equal(mcr_store_counts_now(s).expired, 1200);
    d.text.len = 0;
    assert_int_equal(perform(s, dump_changes, &d), MCR_OK);
    char expected[64];
    snprintf(expected, sizeof expected, "De1199@%llu Ae1199@%llu ", version - 1, version);
    assert_non_null(strstr(mcr_buf_cstr(&d.text), expected));
    mcr_buf_fini(&d.text);
    mcr_store_close(s);
}

static void events_expire_while_nobody_asks(void **state)
{
    (void)state;
    mcr_store *s = open_store(&(mcr_store_options){ .path = ":memory:", .ttl_ns = SECOND / 20 });
    assert_int_equal(put(s, "a b"), MCR_OK);
    for (int i = 0; i < 3000 && mcr_store_counts_now(s).events; i++)
        usleep(10000);
    assert_int_equal(mcr_store_counts_now(s).expired, 2);
    assert_changes(s, 2, "Da@3 Db@4 ");
    mcr_store_close(s);
}

static void what_changed_longest_ago_makes_room(void **state)
{
    (void)state;
    mcr_store *s = open_store(&(mcr_store_options){ .path = ":memory:", .max_bytes = 250 });
    assert_int_equal(put(s, "a b c"), MCR_OK); // 68 bytes each
    assert_int_equal(put(s, "a"), MCR_OK);
    assert_list(s, "prod/a@4 prod/b@2 prod/c@3 ");
    assert_int_equal(put(s, "d"), MCR_OK);
    assert_list(s, "prod/a@4 prod/c@3 prod/d@5 ");
    mcr_store_counts counts = mcr_store_counts_now(s);
    assert_int_equal(counts.evicted, 1);
    assert_true(counts.bytes <= 250);
    mcr_store_close(s);
}

static void removals_are_remembered_up_to_the_history(void **state)
{
    (void)state;
    mcr_store *s = open_store(&(mcr_store_options){ .path = ":memory:", .history = 2 });
    dump d = { 0 };
    assert_int_equal(put(s, "a b c d"), MCR_OK);
    assert_int_equal(take(s, "a b"), MCR_OK);
    assert_int_equal(perform(s, dump_changes, &d), MCR_OK);
    assert_int_equal(d.oldest, 0);
    assert_int_equal(take(s, "c"), MCR_OK);
    assert_int_equal(perform(s, dump_changes, &d), MCR_OK);
    assert_int_equal(d.oldest, 5); // a watch from 5 on has missed nothing
    assert_int_equal(d.now, 7);
    assert_changes(s, 5, "Db@6 Dc@7 ");
    mcr_buf_fini(&d.text);
    mcr_store_close(s);
}

static void the_queue_is_bounded_and_closing_works_it_off(void **state)
{
    (void)state;
    mcr_store *s = open_store(&(mcr_store_options){ .path = ":memory:", .max_queue = 3 });
    mcr_parker gate;
    mcr_parker_init(&gate);
    task tasks[4];
    task_begin(&tasks[0], s, wait_for_test, &gate);
    task_begin(&tasks[1], s, put_names, &(names_of){ "a" });
    task_begin(&tasks[2], s, put_names, &(names_of){ "b" });
    mcr_store_work one_too_many = { .run = task_run, .done = task_done };
    assert_false(mcr_store_do(s, &one_too_many));
    assert_int_equal(mcr_store_counts_now(s).waiting, 3);
    mcr_unpark(&gate);
    mcr_store_close(s);
    for (int i = 0; i < 3; i++) {
        assert_true(mcr_park(&tasks[i].done, 0)); // it was told before the end
        mcr_parker_fini(&tasks[i].done);
        assert_int_equal(tasks[i].result, MCR_OK);
    }
    mcr_parker_fini(&gate);
}

static void note_change(void *self)
{
    mcr_unpark(self);
}

static void a_listener_hears_of_changes_alone(void **state)
{
    (void)state;
    mcr_store *s = open_store(&(mcr_store_options){ .path = ":memory:" });
    mcr_parker changed;
    mcr_parker_init(&changed);
    mcr_store_on_change(s, note_change, &changed);
    assert_int_equal(put(s, "a"), MCR_OK);
    assert_true(mcr_park(&changed, 60 * SECOND));
    assert_list(s, "prod/a@1 ");
    assert_list(s, "prod/a@1 "); // the first list's transaction is over
    assert_false(mcr_park(&changed, 0));
    mcr_store_on_change(s, NULL, NULL);
    assert_int_equal(put(s, "a"), MCR_OK);
    assert_list(s, "prod/a@2 ");
    assert_false(mcr_park(&changed, 0));
    mcr_parker_fini(&changed);
    mcr_store_close(s);
}

static void the_version_in_the_json_is_exchanged(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "{\"kind\":\"Event\",\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\",\"uid\":"
          "\"u\"},\"message\":\"\\\"resourceVersion\\\":\\\"1\\\"\"}",
          "{\"kind\":\"Event\",\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"123\",\"uid\":"
          "\"u\"},\"message\":\"\\\"resourceVersion\\\":\\\"1\\\"\"}" },
        { "{\"involvedObject\":{\"resourceVersion\":\"5\"},\"metadata\":{\"name\":\"a\"}}",
          "{\"involvedObject\":{\"resourceVersion\":\"5\"},\"metadata\":{\"name\":\"a\"}}" },
        { "{}", "{}" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_buf out = { 0 };
        mcr_store_json_version(&out, mcr_str_of(cases[i][0]), 123);
        assert_string_equal(mcr_buf_cstr(&out), cases[i][1]);
        mcr_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_kept_with_growing_versions),
        cmocka_unit_test(a_list_goes_on_behind_any_place),
        cmocka_unit_test(a_piece_of_work_that_fails_takes_nothing_with_it),
        cmocka_unit_test(expired_events_are_gone_at_once_and_told_as_deleted),
        cmocka_unit_test(what_was_not_swept_yet_is_gone_all_the_same),
        cmocka_unit_test(events_expire_while_nobody_asks),
        cmocka_unit_test(what_changed_longest_ago_makes_room),
        cmocka_unit_test(removals_are_remembered_up_to_the_history),
        cmocka_unit_test(the_queue_is_bounded_and_closing_works_it_off),
        cmocka_unit_test(a_listener_hears_of_changes_alone),
        cmocka_unit_test(the_version_in_the_json_is_exchanged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
