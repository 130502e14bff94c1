#include "sample.h"

#include <pthread.h>

#include "sink/dead_letters.h"

static const int64_t sample_now = SAMPLE_NOW;

static mcr_dead_letters *open_dead(const char *path, const mcr_clock *clock)
{
    mcr_errbuf err;
    mcr_dead_letters *dead = mcr_dead_letters_open(path, clock, &err);
    if (!dead)
        fail_msg("%s", err.text);
    return dead;
}

static void writes_one_line_each(void **state)
{
    (void)state;
    char *path = scratch_path("dead.jsonl");
    mcr_clock clock = mcr_clock_fixed(&sample_now);
    mcr_dead_letters *dead = open_dead(path, &clock);
    mcr_event *ev = raw_event("{\"any\" : \"thing\"}");
    mcr_dead_letter full = {
        .watcher = "crashes",
        .stage = "filter",
        .script = "handlers/a.lua",
        .sink = "archive",
        .reason = MCR_STR("said \"no\""),
        .traceback = MCR_STR("stack:\nline"),
        .ev = ev,
    };
    mcr_dead_letter bare = { .watcher = "w", .stage = "handle", .script = "", .ev = ev };
    assert_true(mcr_dead_letters_add(dead, &full));
    assert_true(mcr_dead_letters_add(dead, &bare));
    assert_int_equal(mcr_dead_letters_count(dead), 2);
    mcr_dead_letters_close(dead);
    assert_file(path,
                "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"watcher\":\"crashes\",\"stage\":"
                "\"filter\",\"script\":\"handlers/a.lua\",\"sink\":\"archive\",\"reason\":\"said "
                "\\\"no\\\"\",\"traceback\":\"stack:\\nline\",\"event\":{\"any\" : \"thing\"}}\n"
                "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"watcher\":\"w\",\"stage\":\"handle\","
                "\"reason\":\"\",\"event\":{\"any\" : \"thing\"}}\n");
    mcr_event_unref(ev);
    remove_scratch(path);
}

static void says_when_it_could_not_write(void **state)
{
    (void)state;
    mcr_errbuf err;
    assert_null(mcr_dead_letters_open("/nonexistent-dir/dead.jsonl", &mcr_clock_wall, &err));
    assert_string_equal(err.text, "cannot write to '/nonexistent-dir/dead.jsonl': the directory "
                                  "'/nonexistent-dir' does not exist");

    mcr_dead_letters *dead = open_dead("/dev/full", &mcr_clock_wall);
    mcr_event *ev = raw_event("{}");
    mcr_dead_letter letter = { .watcher = "w", .stage = "sink", .ev = ev };
    assert_false(mcr_dead_letters_add(dead, &letter));
    assert_int_equal(mcr_dead_letters_count(dead), 0);
    mcr_dead_letters_close(dead);
    mcr_event_unref(ev);
}

enum {
    WRITERS = 4,
    LETTERS = 200
};

static void *write_letters(void *arg)
{
    mcr_event *ev = raw_event("{}");
    mcr_dead_letter letter = { .watcher = "w", .stage = "sink", .ev = ev };
    for (int i = 0; i < LETTERS; i++) {
        if (i % 50 == 0)
            mcr_dead_letters_reopen(arg);
        mcr_dead_letters_add(arg, &letter);
    }
    mcr_event_unref(ev);
    return NULL;
}

static void takes_letters_from_many_threads(void **state)
{
    (void)state;
    char *path = scratch_path("dead.jsonl");
    mcr_clock clock = mcr_clock_fixed(&sample_now);
    mcr_dead_letters *dead = open_dead(path, &clock);
    pthread_t threads[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_letters, dead), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(mcr_dead_letters_count(dead), WRITERS * LETTERS);
    mcr_dead_letters_close(dead);
    mcr_buf expected = { 0 };
    for (int i = 0; i < WRITERS * LETTERS; i++)
        mcr_buf_puts(&expected, "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"watcher\":\"w\","
                                "\"stage\":\"sink\",\"reason\":\"\",\"event\":{}}\n");
    assert_file(path, mcr_buf_cstr(&expected));
    mcr_buf_fini(&expected);
    remove_scratch(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_one_line_each),
        cmocka_unit_test(says_when_it_could_not_write),
        cmocka_unit_test(takes_letters_from_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
