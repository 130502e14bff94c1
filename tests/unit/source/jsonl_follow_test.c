// source/jsonl.h with follow = true: growth, rotation, truncation.

#include "source/reader.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "source/gzip.h"

static char folder[] = "/tmp/mooncrier-follow-XXXXXX";
static char path[64], old_path[64], other_path[64];

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/in", folder);
    snprintf(old_path, sizeof old_path, "%s/in.1", folder);
    snprintf(other_path, sizeof other_path, "%s/other", folder);
    return 0;
}

static int clean_files(void **state)
{
    (void)state;
    unlink(path);
    unlink(old_path);
    unlink(other_path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(folder);
}

// Writes events first … first + n - 1 to the file, in `mode`.
static void write_events(const char *to, const char *mode, int first, int n)
{
    mcr_buf text = { 0 };
    reader_append_events(&text, first, n);
    reader_write(to, mode, text.ptr, text.len);
    mcr_buf_fini(&text);
}

static void write_text(const char *to, const char *mode, const char *text)
{
    reader_write(to, mode, text, strlen(text));
}

// Turns the loop until n events have come, which must be the numbers from `first` on, and sees that
// no more come.
static void expect_events(reader *r, int first, uint32_t n)
{
    mcr_buf expected = { 0 };
    r->goal = n;
    reader_run_until(r, reader_has_reached_goal);
    for (int i = 0; i < 5; i++)
        ev_run(r->loop, EVRUN_NOWAIT);
    assert_string_equal(mcr_buf_cstr(&r->names), reader_names(&expected, first, (int)n));
    assert_int_equal(r->ended, 0);
    mcr_buf_fini(&expected);
}

static void follow(reader *r, bool from_end)
{
    *r = (reader){ .options = { .path = path, .follow = true, .from = from_end },
                   .take_at_most = NO_LIMIT };
    assert_true(reader_open(r, 1 << 20));
}

static void finish(reader *r, const char *messages)
{
    assert_string_equal(mcr_buf_cstr(&r->messages), messages);
    r->source->kind->stop(r->source);
    ev_run(r->loop, EVRUN_NOWAIT);
    assert_int_equal(r->ended, 0);
    reader_close(r);
}

static void test_growth(void **state)
{
    (void)state;
    reader r;
    mcr_buf line = { 0 };
    write_events(path, "w", 1, 2);
    follow(&r, false);
    expect_events(&r, 1, 2);
    write_events(path, "a", 3, 100);
    expect_events(&r, 1, 102);
    reader_append_events(&line, 103, 1);
    reader_write(path, "a", line.ptr, 40); // half-written: waited for
    expect_events(&r, 1, 102);
    reader_write(path, "a", line.ptr + 40, line.len - 40);
    expect_events(&r, 1, 103);
    mcr_buf_fini(&line);
    finish(&r, "");
}

// From the end: what was there is skipped, but for the line that is being written.
static void test_from_end(void **state)
{
    (void)state;
    reader r;
    mcr_buf line = { 0 };
    reader_append_events(&line, 201, 1);
    write_events(path, "w", 1, 200);
    reader_write(path, "a", line.ptr, 40);
    follow(&r, true);
    expect_events(&r, 201, 0);
    reader_write(path, "a", line.ptr + 40, line.len - 40);
    write_events(path, "a", 202, 1);
    expect_events(&r, 201, 2);
    rename(path, old_path); // only the first file is begun at its end
    write_events(path, "w", 203, 2);
    expect_events(&r, 201, 4);
    mcr_buf_fini(&line);
    finish(&r, "");
}

static void test_from_end_of_one_long_line(void **state)
{
    (void)state;
    reader r;
    mcr_buf line = { 0 };
    mcr_buf_printf(&line, "{\"metadata\":{\"name\":\"e1\"},\"message\":\"%09999d\"}\n", 0);
    reader_write(path, "w", line.ptr, line.len - 1);
    follow(&r, true);
    expect_events(&r, 1, 0);
    write_text(path, "a", "\n");
    expect_events(&r, 1, 1);
    mcr_buf_fini(&line);
    finish(&r, "");
}

static void test_missing_at_first(void **state)
{
    (void)state;
    reader r;
    follow(&r, true);
    expect_events(&r, 1, 0);
    write_events(path, "w", 1, 3); // new, so all of it
    expect_events(&r, 1, 3);
    finish(&r, "");
}

// The writer keeps the renamed file until it reopens the path: nothing of either is lost.
static void test_rotation(void **state)
{
    (void)state;
    reader r;
    write_events(path, "w", 1, 2);
    follow(&r, false);
    expect_events(&r, 1, 2);
    rename(path, old_path);
    write_events(old_path, "a", 3, 1); // nothing is at the path
    expect_events(&r, 1, 3);
    write_text(path, "w", ""); // logrotate's `create`
    write_events(old_path, "a", 4, 1);
    expect_events(&r, 1, 4);
    write_events(old_path, "a", 5, 1); // both before we look
    write_events(path, "a", 6, 2);
    expect_events(&r, 1, 7);
    write_events(path, "a", 8, 1);
    expect_events(&r, 1, 8);
    unlink(path); // and by removal
    expect_events(&r, 1, 8);
    write_events(path, "w", 9, 1);
    expect_events(&r, 1, 9);
    finish(&r, "");
}

// What the old file ends with is no longer waited for.
static void test_rotation_inside_a_line(void **state)
{
    (void)state;
    reader r;
    mcr_buf line = { 0 };
    reader_append_events(&line, 2, 1);
    write_events(path, "w", 1, 1);
    reader_write(path, "a", line.ptr, line.len - 1);
    follow(&r, false);
    expect_events(&r, 1, 1);
    rename(path, old_path);
    write_events(path, "w", 3, 1);
    expect_events(&r, 1, 3);
    write_text(path, "a", "{\"metadata\":");
    rename(path, old_path);
    write_text(path, "w", "broken\n");
    write_events(path, "a", 4, 1);
    expect_events(&r, 1, 4);
    assert_int_equal(r.source->counts.malformed, 2);
    char expected[256]; // lines are counted anew in each file
    snprintf(expected, sizeof expected, "%s:1: byte 0: ", path);
    const char *second = strchr(mcr_buf_cstr(&r.messages), '\n') + 1;
    assert_int_equal(strncmp(r.messages.ptr, path, strlen(path)), 0);
    assert_int_equal(strncmp(second, expected, strlen(expected)), 0);
    r.messages.len = 0;
    mcr_buf_fini(&line);
    finish(&r, "");
}

static void test_truncation(void **state)
{
    (void)state;
    reader r;
    write_events(path, "w", 1, 3);
    follow(&r, false);
    expect_events(&r, 1, 3);
    assert_int_equal(truncate(path, 0), 0);
    expect_events(&r, 1, 3);
    write_events(path, "a", 4, 1);
    expect_events(&r, 1, 4);
    write_events(path, "a", 5, 5);
    expect_events(&r, 1, 9);
    write_events(path, "w", 10, 1); // truncated and shorter in one step
    expect_events(&r, 1, 10);
    finish(&r, "");
}

// Rotated while the owner has no room: the old file comes first, whole.
static void test_rotation_while_paused(void **state)
{
    (void)state;
    reader r;
    mcr_buf expected = { 0 };
    write_events(path, "w", 1, 150);
    follow(&r, false);
    r.take_at_most = 50;
    reader_run_until(&r, reader_has_paused_or_ended);
    rename(path, old_path);
    write_events(path, "w", 151, 150);
    while (r.events < 300) {
        for (int i = 0; i < 3; i++)
            ev_run(r.loop, EVRUN_NOWAIT);
        if (r.paused) {
            r.paused = false;
            r.source->kind->resume(r.source);
        }
        r.goal = r.events + 1;
        reader_run_until(&r, reader_has_reached_goal);
    }
    assert_string_equal(mcr_buf_cstr(&r.names), reader_names(&expected, 1, 300));
    mcr_buf_fini(&expected);
    finish(&r, "");
}

// As the kubelet's /var/log/containers: the path is a link to where the file is.
static void test_symbolic_link(void **state)
{
    (void)state;
    reader r;
    write_events(other_path, "w", 1, 1);
    assert_int_equal(symlink(other_path, path), 0);
    follow(&r, false);
    expect_events(&r, 1, 1);
    write_events(other_path, "a", 2, 1);
    expect_events(&r, 1, 2);
    write_events(old_path, "w", 3, 1);
    unlink(path);
    assert_int_equal(symlink(old_path, path), 0);
    expect_events(&r, 1, 3);
    finish(&r, "");
}

static void test_not_followed(void **state)
{
    (void)state;
    reader r;
    mcr_buf packed = { 0 };
    gzip_append(&packed, "{}\n", 3);
    reader_write(path, "w", packed.ptr, packed.len);
    follow(&r, false);
    reader_run_until(&r, reader_has_ended);
    assert_string_equal(r.error, "is gzip, which cannot be followed");
    reader_close(&r);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    follow(&r, false);
    reader_run_until(&r, reader_has_ended);
    assert_string_equal(r.error, "only regular files can be followed");
    reader_close(&r);
    mcr_buf_fini(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_growth, clean_files),
        cmocka_unit_test_teardown(test_from_end, clean_files),
        cmocka_unit_test_teardown(test_from_end_of_one_long_line, clean_files),
        cmocka_unit_test_teardown(test_missing_at_first, clean_files),
        cmocka_unit_test_teardown(test_rotation, clean_files),
        cmocka_unit_test_teardown(test_rotation_inside_a_line, clean_files),
        cmocka_unit_test_teardown(test_truncation, clean_files),
        cmocka_unit_test_teardown(test_rotation_while_paused, clean_files),
        cmocka_unit_test_teardown(test_symbolic_link, clean_files),
        cmocka_unit_test_teardown(test_not_followed, clean_files),
    };
    return cmocka_run_group_tests_name("source/jsonl follow", tests, set_up, tear_down);
}
