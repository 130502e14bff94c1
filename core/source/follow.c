#include "source/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

struct mcr_follow {
    struct ev_loop *loop;
    char *path;
    void (*changed)(void *arg);
    void *arg;
    ev_stat stat;   // tells at once
    ev_timer timer; // tells for certain; runs while waiting

    int fd; // -1: none yet
    dev_t device;
    ino_t inode;
    off_t position;
    bool from_end;     // for the next file opened
    bool told_missing; // said that the path cannot be opened
    bool replaced;     // another file with content was seen at the path
};

static void on_stat(struct ev_loop *loop, ev_stat *stat, int revents)
{
    (void)loop;
    (void)revents;
    mcr_follow *f = stat->data;
    f->changed(f->arg);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    mcr_follow *f = timer->data;
    f->changed(f->arg);
}

mcr_follow *mcr_follow_new(struct ev_loop *loop, const char *path, bool from_end,
                           void (*changed)(void *arg), void *arg)
{
    mcr_follow *f = mcr_zalloc(sizeof *f);
    f->loop = loop;
    f->path = mcr_strdup(path);
    f->changed = changed;
    f->arg = arg;
    f->fd = -1;
    f->from_end = from_end;
    ev_stat_init(&f->stat, on_stat, f->path, 0);
    f->stat.data = f;
    ev_stat_start(loop, &f->stat);
    ev_timer_init(&f->timer, on_timer, 1., 1.);
    f->timer.data = f;
    return f;
}

void mcr_follow_free(mcr_follow *f)
{
    if (!f)
        return;
    ev_stat_stop(f->loop, &f->stat);
    ev_timer_stop(f->loop, &f->timer);
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    free(f);
}

static mcr_followed wait_for_change(mcr_follow *f)
{
    if (!ev_is_active(&f->timer))
        ev_timer_again(f->loop, &f->timer);
    return MCR_FOLLOW_WAIT;
}

// Where the last line of the file begins that has no newline yet: a line being written just now is
// worth having whole.
static off_t last_line_start(int fd, off_t size)
{
    char block[4096];
    for (off_t end = size; end > 0;) {
        off_t begin = end > (off_t)sizeof block ? end - (off_t)sizeof block : 0;
        ssize_t n = pread(fd, block, (size_t)(end - begin), begin);
        if (n <= 0)
            return size;
        const char *newline = memrchr(block, '\n', (size_t)n);
        if (newline)
            return begin + (newline - block) + 1;
        end = begin;
    }
    return 0;
}

static mcr_followed open_file(mcr_follow *f, mcr_errbuf *err)
{
    f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (f->fd < 0) {
        if (!f->told_missing)
            mcr_log(MCR_LOG_WARN, "%s: cannot be opened (%s); waiting for it", f->path,
                    strerror(errno));
        f->told_missing = true;
        f->from_end = false;
        return wait_for_change(f);
    }
    struct stat now;
    if (fstat(f->fd, &now) != 0) {
        mcr_errf(err, MCR_EIO, "cannot be looked at: %s", strerror(errno));
        return MCR_FOLLOW_FAILED;
    }
    if (!S_ISREG(now.st_mode)) {
        mcr_errf(err, MCR_EIO, "only regular files can be followed");
        return MCR_FOLLOW_FAILED;
    }
    if (f->told_missing)
        mcr_log(MCR_LOG_INFO, "%s: is there now", f->path);
    f->told_missing = false;
    f->device = now.st_dev;
    f->inode = now.st_ino;
    f->position = f->from_end ? last_line_start(f->fd, now.st_size) : 0;
    f->from_end = false;
    f->replaced = false;
    if (lseek(f->fd, f->position, SEEK_SET) < 0) {
        mcr_errf(err, MCR_EIO, "cannot be positioned: %s", strerror(errno));
        return MCR_FOLLOW_FAILED;
    }
    return MCR_FOLLOW_BYTES;
}

// At the end of what the open file has: why, and what now. MCR_FOLLOW_BYTES means to read on.
static mcr_followed at_end(mcr_follow *f, mcr_errbuf *err)
{
    struct stat now;
    if (fstat(f->fd, &now) == 0 && now.st_size < f->position) {
        mcr_log(MCR_LOG_WARN, "%s: was truncated; reading it from its start again", f->path);
        f->position = 0;
        if (lseek(f->fd, 0, SEEK_SET) == 0)
            return MCR_FOLLOW_ENDED;
        mcr_errf(err, MCR_EIO, "cannot be positioned: %s", strerror(errno));
        return MCR_FOLLOW_FAILED;
    }
    if (f->replaced) { // and read to its end since: done with it
        mcr_log(MCR_LOG_INFO, "%s: was rotated; reading the new file", f->path);
        close(f->fd);
        f->fd = -1;
        return MCR_FOLLOW_ENDED;
    }
    if (stat(f->path, &now) != 0)
        return wait_for_change(f);
    f->replaced = (now.st_dev != f->device || now.st_ino != f->inode) && now.st_size > 0;
    return f->replaced ? MCR_FOLLOW_BYTES : wait_for_change(f);
}

mcr_followed mcr_follow_read(mcr_follow *f, char *out, size_t size, size_t *got, mcr_errbuf *err)
{
    for (;;) {
        mcr_followed result = f->fd < 0 ? open_file(f, err) : MCR_FOLLOW_BYTES;
        if (result != MCR_FOLLOW_BYTES)
            return result;
        ssize_t n = read(f->fd, out, size);
        if (n > 0) {
            ev_timer_stop(f->loop, &f->timer);
            f->position += n;
            *got = (size_t)n;
            return MCR_FOLLOW_BYTES;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            mcr_errf(err, MCR_EIO, "cannot be read: %s", strerror(errno));
            return MCR_FOLLOW_FAILED;
        }
        result = at_end(f, err);
        if (result != MCR_FOLLOW_BYTES)
            return result;
    }
}
