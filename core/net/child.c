#include "net/child.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "net/small_file.h"

enum {
    KILLED_MS = 2000 // a killed process that does not end by then is left to itself
};

struct mcr_child {
    struct ev_loop *loop;
    ev_io output;
    ev_io ended; // of the pidfd
    ev_timer deadline;
    pid_t pid;
    int out;
    int pidfd;
    size_t max;
    double timeout;
    mcr_buf text;
    const char *killed; // why; NULL: it was not
    void (*done)(void *self, const mcr_child_result *result);
    void *self;
};

static void let_go(mcr_child *c)
{
    ev_io_stop(c->loop, &c->output);
    ev_io_stop(c->loop, &c->ended);
    ev_timer_stop(c->loop, &c->deadline);
    close(c->out);
    close(c->pidfd);
    if (c->text.ptr)
        explicit_bzero(c->text.ptr, c->text.cap); // a credential, mostly
    mcr_buf_fini(&c->text);
    free(c);
}

static void finish(mcr_child *c, const char *error)
{
    mcr_child_result result = { error, mcr_buf_str(&c->text) };
    c->done(c->self, &result);
    let_go(c);
}

static void kill_group(mcr_child *c, const char *why)
{
    c->killed = why;
    kill(-c->pid, SIGKILL);
    ev_io_stop(c->loop, &c->output);
    ev_timer_stop(c->loop, &c->deadline);
    ev_timer_set(&c->deadline, KILLED_MS / 1e3, 0.);
    ev_timer_start(c->loop, &c->deadline);
}

// Reads what is there. False: it was too much.
static bool take_output(mcr_child *c)
{
    for (;;) {
        ssize_t n = read(c->out, mcr_buf_reserve(&c->text, 4096), 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0 || errno != EAGAIN)
                ev_io_stop(c->loop, &c->output);
            return true;
        }
        c->text.len += (size_t)n;
        if (c->text.len > c->max)
            return false;
    }
}

static void on_output(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    mcr_child *c = io->data;
    if (!take_output(c))
        kill_group(c, "wrote too much");
}

static void on_end(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    mcr_child *c = io->data;
    int status = 0;
    pid_t pid = waitpid(c->pid, &status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR))
        return;
    char text[64];
    const char *error = c->killed;
    if (!error && !take_output(c))
        error = "wrote too much";
    if (!error && pid < 0)
        error = "was waited for by somebody else";
    if (!error && WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        snprintf(text, sizeof text, "was ended by SIG%s", name ? name : "?");
        error = text;
    } else if (!error && WEXITSTATUS(status) != 0) {
        snprintf(text, sizeof text, "ended with status %d", WEXITSTATUS(status));
        error = text;
    }
    finish(c, error);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    mcr_child *c = timer->data;
    if (c->killed)
        finish(c, c->killed);
    else
        kill_group(c, "did not end in time");
}

static int spawn(const mcr_child_options *options, int out, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    int errnum =
        posix_spawnp(pid, options->argv[0], &files, &attributes, options->argv, options->envp);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return errnum;
}

mcr_child *mcr_child_start(struct ev_loop *loop, const mcr_child_options *options, int *errnum,
                           mcr_errbuf *err)
{
    int ends[2] = { -1, -1 }, pidfd = -1;
    pid_t pid = 0;
    *errnum = pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno;
    if (!*errnum)
        *errnum = spawn(options, ends[1], &pid);
    if (!*errnum && (pidfd = pidfd_open(pid, 0)) < 0) {
        *errnum = errno;
        kill(-pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    if (ends[1] >= 0)
        close(ends[1]);
    if (*errnum) {
        if (ends[0] >= 0)
            close(ends[0]);
        mcr_errf(err, MCR_EIO, "%s", mcr_small_file_error(*errnum));
        return NULL;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    mcr_child *c = mcr_zalloc(sizeof *c);
    c->loop = loop;
    c->pid = pid;
    c->out = ends[0];
    c->pidfd = pidfd;
    c->max = options->output_max;
    c->done = options->done;
    c->self = options->self;
    ev_io_init(&c->output, on_output, c->out, EV_READ);
    ev_io_init(&c->ended, on_end, pidfd, EV_READ);
    ev_timer_init(&c->deadline, on_deadline, (double)options->timeout_ns / 1e9, 0.);
    c->output.data = c->ended.data = c->deadline.data = c;
    ev_now_update(loop);
    ev_io_start(loop, &c->output);
    ev_io_start(loop, &c->ended);
    ev_timer_start(loop, &c->deadline);
    return c;
}

void mcr_child_stop(mcr_child *c)
{
    if (!c)
        return;
    kill(-c->pid, SIGKILL);
    struct pollfd end = { .fd = c->pidfd, .events = POLLIN };
    if (poll(&end, 1, KILLED_MS) == 1)
        waitpid(c->pid, NULL, WNOHANG);
    let_go(c);
}
