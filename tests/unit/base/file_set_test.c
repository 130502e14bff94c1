// base/file_set.h: what a set of files remembers, and how it compares with the disk.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file_set.h"

static char dir[] = "/tmp/file_set_XXXXXX";

// The path of `name` in the test's folder; the latest four stay valid.
static const char *at(const char *name)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(at(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_reads(mcr_file_set *s, const char *name, const char *want)
{
    mcr_str text;
    mcr_errbuf err;
    assert_int_equal(mcr_file_set_read(s, at(name), &text, &err), MCR_OK);
    assert_int_equal(text.len, strlen(want));
    assert_string_equal(text.ptr, want);
}

static void assert_fails(mcr_file_set *s, const char *name, const char *why)
{
    mcr_str text;
    mcr_errbuf err;
    char want[256];
    snprintf(want, sizeof want, "%s: %s", at(name), why);
    assert_int_equal(mcr_file_set_read(s, at(name), &text, &err), MCR_EIO);
    assert_string_equal(err.text, want);
}

static void remembers_what_it_saw(void **state)
{
    (void)state;
    write_file("a", "old");
    write_file("empty", "");
    mcr_file_set *s = mcr_file_set_new();
    assert_reads(s, "a", "old");
    assert_reads(s, "empty", "");
    assert_fails(s, "none", "No such file or directory");
    write_file("a", "new");
    write_file("none", "there now");
    assert_reads(s, "a", "old");
    assert_fails(s, "none", "No such file or directory");
    assert_true(mcr_file_set_has(s, at("a")));
    assert_false(mcr_file_set_has(s, at("none")));
    assert_string_equal(mcr_file_set_find(s, at("a")).ptr, "old");
    assert_non_null(mcr_file_set_find(s, at("empty")).ptr);
    assert_null(mcr_file_set_find(s, at("none")).ptr);
    assert_null(mcr_file_set_find(s, at("never looked for")).ptr);
    mcr_file_set_free(s);
    unlink(at("a"));
    unlink(at("empty"));
    unlink(at("none"));
}

static void says_why_each_time(void **state)
{
    (void)state;
    mkdir(at("folder"), 0755);
    FILE *file = fopen(at("long"), "w");
    assert_int_equal(ftruncate(fileno(file), MCR_FILE_SET_LIMIT + 1), 0);
    fclose(file);
    mcr_file_set *s = mcr_file_set_new();
    for (int i = 0; i < 2; i++) {
        assert_fails(s, "folder", "Is a directory");
        assert_fails(s, "long", "is longer than 16 MiB");
        assert_false(mcr_file_set_has(s, at("folder")));
    }
    // Nothing has changed, so nothing is to be tried again.
    assert_true(mcr_file_set_is_current(s));
    assert_int_equal(truncate(at("long"), MCR_FILE_SET_LIMIT), 0);
    assert_false(mcr_file_set_is_current(s));
    mcr_file_set_free(s);
    rmdir(at("folder"));
    unlink(at("long"));
}

static void knows_whether_the_disk_has_changed(void **state)
{
    (void)state;
    write_file("a", "text");
    mcr_file_set *s = mcr_file_set_new();
    assert_true(mcr_file_set_is_current(s));
    assert_reads(s, "a", "text");
    assert_false(mcr_file_set_has(s, at("b")));
    assert_true(mcr_file_set_is_current(s));
    write_file("a", "text"); // touched, not changed
    assert_true(mcr_file_set_is_current(s));
    write_file("a", "tex");
    assert_false(mcr_file_set_is_current(s));
    write_file("a", "next");
    assert_false(mcr_file_set_is_current(s));
    unlink(at("a"));
    assert_false(mcr_file_set_is_current(s));
    write_file("a", "text");
    assert_true(mcr_file_set_is_current(s));
    write_file("b", "");
    assert_false(mcr_file_set_is_current(s));
    unlink(at("b"));
    // A symbolic link that leads elsewhere.
    write_file("target", "another");
    unlink(at("a"));
    assert_int_equal(symlink("target", at("a")), 0);
    assert_false(mcr_file_set_is_current(s));
    write_file("target", "text");
    assert_true(mcr_file_set_is_current(s));
    // A pipe in its place is not waited for.
    unlink(at("a"));
    assert_int_equal(mkfifo(at("a"), 0600), 0);
    assert_false(mcr_file_set_is_current(s));
    unlink(at("a"));
    unlink(at("target"));
    mcr_file_set_free(s);
}

static void a_pipe_is_read_once(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "piped", 5), 5);
    close(ends[1]);
    char path[32];
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    mcr_file_set *s = mcr_file_set_new();
    mcr_str text;
    assert_int_equal(mcr_file_set_read(s, path, &text, NULL), MCR_OK);
    assert_string_equal(text.ptr, "piped");
    assert_true(mcr_file_set_is_current(s));
    close(ends[0]);
    assert_true(mcr_file_set_is_current(s));
    mcr_file_set_free(s);
}

static void a_put_file_counts_as_read(void **state)
{
    (void)state;
    write_file("a", "disk");
    mcr_file_set *s = mcr_file_set_new();
    mcr_file_set_put(s, at("a"), MCR_STR("put"));
    assert_reads(s, "a", "put");
    assert_false(mcr_file_set_is_current(s));
    mcr_file_set_put(s, at("a"), (mcr_str){ 0 });
    assert_false(mcr_file_set_has(s, at("a")));
    assert_fails(s, "a", "No such file or directory");
    mcr_file_set_put(s, at("a"), MCR_STR("disk"));
    assert_true(mcr_file_set_is_current(s));
    mcr_file_set_free(s);
    unlink(at("a"));
}

static void note(void *arg, const char *path, mcr_str text)
{
    mcr_buf_printf(arg, "%s=%s ", path, text.ptr ? text.ptr : "-");
}

static void assert_files(const mcr_file_set *s, bool absent, const char *want)
{
    mcr_buf list = { 0 };
    mcr_file_set_each(s, absent, note, &list);
    assert_string_equal(mcr_buf_cstr(&list), want);
    mcr_buf_fini(&list);
}

static void puts_sets_together(void **state)
{
    (void)state;
    mcr_file_set *first = mcr_file_set_new(), *second = mcr_file_set_new();
    mcr_str text;
    mcr_file_set_put(first, "c", MCR_STR("1"));
    mcr_file_set_put(first, "a", MCR_STR("2"));
    mcr_file_set_put(first, "b", (mcr_str){ 0 });
    mcr_file_set_put(second, "c", MCR_STR("other"));
    assert_files(first, false, "a=2 c=1 ");
    assert_files(first, true, "a=2 b=- c=1 ");
    mcr_file_set_add(second, first);
    assert_files(second, true, "a=2 b=- c=other ");
    assert_int_equal(mcr_file_set_read(second, "a", &text, NULL), MCR_OK);
    assert_false(mcr_file_set_has(second, "b"));
    mcr_file_set_free(first);
    // What was only handed on is not what was looked for.
    mcr_file_set *used = mcr_file_set_new();
    mcr_file_set_add_used(used, second);
    assert_files(used, true, "a=2 b=- ");
    mcr_file_set_free(used);
    mcr_file_set_free(second);
}

static void sets_agree_where_both_have_looked(void **state)
{
    (void)state;
    static const struct {
        const char *mine, *theirs; // NULL: not there; "?": never looked for
        bool agree;
    } cases[] = {
        { "x", "x", true },   { "x", "y", false },  { "x", "xx", false }, { "x", NULL, false },
        { NULL, "x", false }, { NULL, NULL, true }, { "x", "?", true },   { "?", "x", true },
        { "", NULL, false },  { "", "", true },     { "?", "?", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_file_set *a = mcr_file_set_new(), *b = mcr_file_set_new();
        const char *texts[] = { cases[i].mine, cases[i].theirs };
        mcr_file_set *sets[] = { a, b };
        for (int k = 0; k < 2; k++)
            if (!texts[k] || texts[k][0] != '?')
                mcr_file_set_put(sets[k], "p",
                                 texts[k] ? mcr_str_n(texts[k], strlen(texts[k])) : (mcr_str){ 0 });
        assert_int_equal(mcr_file_set_agrees(a, b), cases[i].agree);
        mcr_file_set_free(a);
        mcr_file_set_free(b);
    }
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(dir); // every test has tidied up
}

int main(void)
{
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers_what_it_saw),
        cmocka_unit_test(says_why_each_time),
        cmocka_unit_test(knows_whether_the_disk_has_changed),
        cmocka_unit_test(a_pipe_is_read_once),
        cmocka_unit_test(a_put_file_counts_as_read),
        cmocka_unit_test(puts_sets_together),
        cmocka_unit_test(sets_agree_where_both_have_looked),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
