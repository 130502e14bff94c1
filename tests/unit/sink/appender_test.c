#include "sample.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "sink/appender.h"

static void says_why_a_file_cannot_be_opened(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *error;
    } cases[] = {
        { "/nonexistent-dir/x.jsonl",
          "cannot write to '/nonexistent-dir/x.jsonl': the directory '/nonexistent-dir' does not "
          "exist" },
        { "/", "cannot write to '/': Is a directory" },
        { "/dev/null/x", "cannot write to '/dev/null/x': Not a directory" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mcr_appender a;
        mcr_errbuf err;
        assert_int_equal(mcr_appender_open(&a, cases[i].path, 0, &err), MCR_EIO);
        assert_string_equal(err.text, cases[i].error);
    }
}

static void refuses_a_pipe_that_nobody_reads(void **state)
{
    (void)state;
    char *path = scratch_path("pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    mcr_appender a;
    mcr_errbuf err;
    assert_int_equal(mcr_appender_open(&a, path, 0, &err), MCR_EIO);
    assert_non_null(strstr(err.text, "': it is a pipe that nobody reads"));
    remove_scratch(path);
}

static void appends(void **state)
{
    (void)state;
    char *path = scratch_path("out");
    for (int i = 0; i < 2; i++) {
        mcr_appender a;
        mcr_errbuf err;
        size_t done;
        assert_int_equal(mcr_appender_open(&a, path, 0, &err), MCR_OK);
        assert_int_equal(fcntl(a.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        assert_int_equal(mcr_appender_write(&a, "line\n", 5, &done), 0);
        assert_int_equal(done, 5);
        assert_int_equal(mcr_appender_sync(&a), 0);
        mcr_appender_close(&a);
    }
    assert_file(path, "line\nline\n");
    remove_scratch(path);
}

static void reopens_after_rotation(void **state)
{
    (void)state;
    char *path = scratch_path("out");
    mcr_buf old = { 0 };
    mcr_buf_printf(&old, "%s.1", path);
    mcr_appender a;
    mcr_errbuf err;
    size_t done;
    assert_int_equal(mcr_appender_open(&a, path, 0, &err), MCR_OK);
    mcr_appender_write(&a, "1\n", 2, &done);
    assert_int_equal(rename(path, mcr_buf_cstr(&old)), 0);
    mcr_appender_write(&a, "2\n", 2, &done);
    assert_true(mcr_appender_reopen(&a));
    mcr_appender_write(&a, "3\n", 2, &done);
    assert_file(old.ptr, "1\n2\n");
    assert_file(path, "3\n");

    // What is in the way of the new file must not cost the old one.
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(mcr_appender_reopen(&a));
    assert_int_equal(mcr_appender_write(&a, "4\n", 2, &done), 0);
    mcr_appender_close(&a);
    rmdir(path);
    unlink(old.ptr);
    mcr_buf_fini(&old);
    remove_scratch(path);
}

// A file that may not grow past `size`, as a full disk: the write that hits it is short.
static void limit_file_size(rlim_t size)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void cuts_half_a_line(void **state)
{
    (void)state;
    char *path = scratch_path("out");
    mcr_appender a;
    mcr_errbuf err;
    size_t done;
    assert_int_equal(mcr_appender_open(&a, path, 0, &err), MCR_OK);
    limit_file_size(8);
    int why = mcr_appender_write(&a, "one\ntwo\nthree\n", 14, &done);
    mcr_appender_cut(&a, 0);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(why, EFBIG);
    assert_int_equal(done, 8);
    assert_file(path, "one\ntwo\n");

    limit_file_size(10);
    why = mcr_appender_write(&a, "three\n", 6, &done);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(why, EFBIG);
    assert_int_equal(done, 2);
    mcr_appender_cut(&a, 2);
    assert_file(path, "one\ntwo\n");
    assert_int_equal(mcr_appender_write(&a, "four\n", 5, &done), 0);
    assert_file(path, "one\ntwo\nfour\n");
    mcr_appender_close(&a);
    remove_scratch(path);
}

static void does_not_cut_what_others_wrote(void **state)
{
    (void)state;
    char *path = scratch_path("out");
    mcr_appender a, other;
    mcr_errbuf err;
    size_t done;
    assert_int_equal(mcr_appender_open(&a, path, 0, &err), MCR_OK);
    assert_int_equal(mcr_appender_open(&other, path, 0, &err), MCR_OK);
    assert_int_equal(mcr_appender_write(&a, "hal", 3, &done), 0);
    assert_int_equal(mcr_appender_write(&other, "theirs\n", 7, &done), 0);
    mcr_appender_cut(&a, 3);
    assert_int_equal(mcr_appender_write(&a, "whole\n", 6, &done), 0);
    assert_file(path, "haltheirs\n\nwhole\n");
    mcr_appender_close(&a);
    mcr_appender_close(&other);
    remove_scratch(path);
}

static void gives_up_on_a_pipe_that_stays_full(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    size_t room = (size_t)fcntl(fds[1], F_SETPIPE_SZ, 4096), done;
    char *big = mcr_alloc(room + 10), *got = mcr_alloc(room + 10);
    memset(big, 'x', room + 10);
    mcr_appender a;
    mcr_appender_of(&a, fds[1], 0);
    assert_int_equal(mcr_appender_write(&a, big, room + 10, &done), ETIMEDOUT);
    assert_int_equal(done, room);
    mcr_appender_cut(&a, room);
    // Nothing of a later line may go out as long as there is no room for the line break.
    assert_int_equal(mcr_appender_write(&a, "next\n", 5, &done), ETIMEDOUT);
    assert_int_equal(done, 0);
    assert_int_equal(read(fds[0], got, room), room);
    assert_int_equal(mcr_appender_write(&a, "next\n", 5, &done), 0);
    assert_int_equal(done, 5);
    assert_int_equal(read(fds[0], got, room), 6);
    assert_memory_equal(got, "\nnext\n", 6);
    mcr_appender_close(&a);
    assert_int_equal(fcntl(fds[1], F_GETFD), FD_CLOEXEC); // still its owner's
    close(fds[0]);
    close(fds[1]);
    free(big);
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_why_a_file_cannot_be_opened),
        cmocka_unit_test(refuses_a_pipe_that_nobody_reads),
        cmocka_unit_test(appends),
        cmocka_unit_test(reopens_after_rotation),
        cmocka_unit_test(cuts_half_a_line),
        cmocka_unit_test(does_not_cut_what_others_wrote),
        cmocka_unit_test(gives_up_on_a_pipe_that_stays_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
