#include "daemon/file_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

#define MASK                                                                                       \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |            \
     IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

// However often files change, contents are compared after so many times the debounce.
enum {
    MOST_DEBOUNCES = 10
};

typedef struct folder {
    int wd;
    bool wanted; // some file of the present set is in it
} folder;

struct mcr_file_watch {
    mcr_reload *reload;
    struct ev_loop *loop;
    mcr_file_watch_options options;
    int fd; // -1: the system has no inotify for us
    ev_io io;
    ev_timer debounce;
    ev_timer poll;
    ev_tstamp first_change; // since contents were compared; 0: none
    folder *folders;
    size_t n;
};

static void compare(mcr_file_watch *w)
{
    w->first_change = 0;
    ev_timer_stop(w->loop, &w->debounce);
    if (mcr_reload_status_now(w->reload).busy)
        ev_timer_again(w->loop, &w->debounce); // it may have read them before or after
    else if (mcr_reload_is_stale(w->reload))
        mcr_reload_request(w->reload, MCR_RELOAD_DISK, "changed files", NULL, NULL);
}

static void on_debounced(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop, (void)revents;
    compare(timer->data);
}

static void note_change(mcr_file_watch *w)
{
    ev_tstamp now = ev_now(w->loop), wait = (double)w->options.debounce_ns / 1e9;
    if (w->first_change == 0)
        w->first_change = now;
    ev_tstamp latest = w->first_change + MOST_DEBOUNCES * wait - now;
    ev_timer_stop(w->loop, &w->debounce);
    ev_timer_set(&w->debounce, latest < wait ? (latest > 0 ? latest : 0) : wait, wait);
    ev_timer_start(w->loop, &w->debounce);
}

static void on_poll(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop, (void)revents;
    mcr_file_watch *w = timer->data;
    mcr_file_watch_renew(w); // a folder may have been made anew
    // A file may be half written at this moment: what counts is what is there a while later.
    if (!ev_is_active(&w->debounce) && mcr_reload_is_stale(w->reload))
        note_change(w);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
    (void)loop, (void)revents;
    mcr_file_watch *w = io->data;
    union {
        struct inotify_event first;
        char bytes[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
    } events;
    bool any = false;
    for (;;) {
        ssize_t n = read(w->fd, &events, sizeof events);
        if (n <= 0)
            break;
        any = true;
    }
    if (any)
        note_change(w);
}

static void watch_folder(mcr_file_watch *w, const char *path)
{
    int wd = inotify_add_watch(w->fd, path, MASK);
    if (wd < 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            mcr_log_once_a_minute(MCR_LOG_WARN, "changes in %s are only found by comparing: %s",
                                  path, strerror(errno));
        return;
    }
    // A folder that is watched already has its old number.
    for (size_t i = 0; i < w->n; i++)
        if (w->folders[i].wd == wd) {
            w->folders[i].wanted = true;
            return;
        }
    w->folders = mcr_realloc(w->folders, (w->n + 1) * sizeof *w->folders);
    w->folders[w->n++] = (folder){ wd, true };
    note_change(w); // what has changed since its files were read was told to nobody
}

static void watch_folder_of(mcr_file_watch *w, const char *path)
{
    char *copy = mcr_strdup(path);
    char *slash = strrchr(copy, '/');
    if (slash)
        *(slash == copy ? slash + 1 : slash) = '\0';
    watch_folder(w, slash ? copy : ".");
    free(copy);
}

static void watch_file(void *arg, const char *path, mcr_str text)
{
    mcr_file_watch *w = arg;
    watch_folder_of(w, path);
    // Where a symbolic link leads, the content may change without the link.
    char real[PATH_MAX];
    if (text.ptr && realpath(path, real))
        watch_folder_of(w, real);
}

void mcr_file_watch_renew(mcr_file_watch *w)
{
    if (w->fd < 0)
        return;
    for (size_t i = 0; i < w->n; i++)
        w->folders[i].wanted = false;
    mcr_file_set_each(mcr_reload_tried(w->reload), true, watch_file, w);
    size_t kept = 0;
    for (size_t i = 0; i < w->n; i++)
        if (w->folders[i].wanted)
            w->folders[kept++] = w->folders[i];
        else
            inotify_rm_watch(w->fd, w->folders[i].wd);
    w->n = kept;
}

static void start_timer(mcr_file_watch *w, ev_timer *timer,
                        void (*call)(struct ev_loop *, ev_timer *, int), int64_t repeat_ns)
{
    ev_timer_init(timer, call, (double)repeat_ns / 1e9, (double)repeat_ns / 1e9);
    timer->data = w;
}

mcr_file_watch *mcr_file_watch_new(mcr_reload *reload, struct ev_loop *loop,
                                   const mcr_file_watch_options *options)
{
    mcr_file_watch *w = mcr_zalloc(sizeof *w);
    w->reload = reload;
    w->loop = loop;
    w->options = *options;
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    start_timer(w, &w->debounce, on_debounced, options->debounce_ns);
    start_timer(w, &w->poll, on_poll, options->poll_ns);
    ev_timer_start(loop, &w->poll);
    ev_unref(loop);
    if (w->fd < 0) {
        mcr_log(MCR_LOG_WARN, "no inotify (%s): changed files are found by comparing every %.0f s",
                strerror(errno), (double)options->poll_ns / 1e9);
        return w;
    }
    ev_io_init(&w->io, on_readable, w->fd, EV_READ);
    w->io.data = w;
    ev_io_start(loop, &w->io);
    ev_unref(loop);
    mcr_file_watch_renew(w);
    return w;
}

void mcr_file_watch_free(mcr_file_watch *w)
{
    if (!w)
        return;
    ev_timer_stop(w->loop, &w->debounce);
    ev_ref(w->loop);
    ev_timer_stop(w->loop, &w->poll);
    if (w->fd >= 0) {
        ev_ref(w->loop);
        ev_io_stop(w->loop, &w->io);
        close(w->fd);
    }
    free(w->folders);
    free(w);
}
