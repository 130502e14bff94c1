// net/child.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "net/child.h"

typedef struct outcome {
    struct ev_loop *loop;
    mcr_buf text; // "error|output"
    int calls;
} outcome;

static void on_done(void *self, const mcr_child_result *result)
{
    outcome *o = self;
    o->calls++;
    mcr_buf_printf(&o->text, "%s|%.*s", result->error ? result->error : "", (int)result->output.len,
                   result->output.ptr);
    ev_break(o->loop, EVBREAK_ALL);
}

static mcr_child_options script(const char *text, outcome *o)
{
    static char *argv[4];
    argv[0] = (char *)"sh";
    argv[1] = (char *)"-c";
    argv[2] = (char *)text;
    return (mcr_child_options){ .argv = argv,
                                .envp = environ,
                                .output_max = 100,
                                .timeout_ns = 30 * INT64_C(1000000000),
                                .done = on_done,
                                .self = o };
}

static void how_programs_end(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int64_t timeout_ms; // 0: long
        const char *expected;
    } cases[] = {
        { "echo hello; cat", 0, "|hello\n" }, // nothing to read on standard input
        { "printf x; exit 3", 0, "ended with status 3|x" },
        { "kill -TERM $$", 0, "was ended by SIGTERM|" },
        { "sleep 60", 50, "did not end in time|" },
        { "trap '' TERM; while :; do :; done", 50, "did not end in time|" },
        { "sleep 3 2>/dev/null & echo kept open", 0, "|kept open\n" },
        { "ls /proc/self/fd | wc -l | tr -d ' \\n'", 0, "|4" }, // and the one of ls
        // Signals 32 and 33 are the C library's own.
        { "sed -n 's/^Sig\\(Blk\\|Ign\\):.*\\(.......\\)$/\\1 \\2/p' /proc/self/status", 0,
          "|Blk 0000000\nIgn 0000000\n" },
    };
    struct ev_loop *loop = ev_loop_new(0);
    int open_here = open("/dev/null", O_RDONLY); // not even close-on-exec
    sigset_t blocked, old;
    sigfillset(&blocked);
    sigprocmask(SIG_BLOCK, &blocked, &old);
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        outcome o = { .loop = loop };
        mcr_child_options options = script(cases[i].script, &o);
        if (cases[i].timeout_ms)
            options.timeout_ns = cases[i].timeout_ms * 1000000;
        int errnum;
        mcr_errbuf err;
        assert_non_null(mcr_child_start(loop, &options, &errnum, &err));
        assert_int_equal(o.calls, 0);
        ev_run(loop, 0);
        assert_int_equal(o.calls, 1);
        assert_string_equal(mcr_buf_cstr(&o.text), cases[i].expected);
        mcr_buf_fini(&o.text);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
    close(open_here);
    ev_loop_destroy(loop);
}

static void output_is_bounded(void **state)
{
    (void)state;
    struct ev_loop *loop = ev_loop_new(0);
    outcome o = { .loop = loop };
    mcr_child_options options = script("yes", &o);
    int errnum;
    mcr_errbuf err;
    assert_non_null(mcr_child_start(loop, &options, &errnum, &err));
    ev_run(loop, 0);
    assert_int_equal(o.calls, 1);
    assert_memory_equal(o.text.ptr, "wrote too much|", 15);
    mcr_buf_fini(&o.text);
    ev_loop_destroy(loop);
}

static void stopping_and_failing(void **state)
{
    (void)state;
    struct ev_loop *loop = ev_loop_new(0);
    outcome o = { .loop = loop };
    mcr_child_options options = script("sleep 60", &o);
    int errnum;
    mcr_errbuf err;
    mcr_child *child = mcr_child_start(loop, &options, &errnum, &err);
    assert_non_null(child);
    mcr_child_stop(child);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    char *missing[] = { (char *)"mooncrier-no-such-program", NULL };
    options.argv = missing;
    assert_null(mcr_child_start(loop, &options, &errnum, &err));
    assert_int_equal(errnum, ENOENT);
    assert_string_equal(err.text, "No such file or directory");
    ev_run(loop, EVRUN_NOWAIT);
    assert_int_equal(o.calls, 0);
    mcr_child_stop(NULL);
    ev_loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_programs_end),
        cmocka_unit_test(output_is_bounded),
        cmocka_unit_test(stopping_and_failing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
