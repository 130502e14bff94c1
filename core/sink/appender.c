#include "sink/appender.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

static mcr_err cannot_open(const char *path, int why, mcr_errbuf *err)
{
    if (why == ENXIO)
        return mcr_errf(err, MCR_EIO, "cannot write to '%s': it is a pipe that nobody reads", path);
    if (why != ENOENT)
        return mcr_errf(err, MCR_EIO, "cannot write to '%s': %s", path, strerror(why));
    const char *slash = strrchr(path, '/');
    if (!slash)
        return mcr_errf(err, MCR_EIO, "cannot write to '%s': %s", path, strerror(why));
    return mcr_errf(err, MCR_EIO, "cannot write to '%s': the directory '%.*s' does not exist", path,
                    slash == path ? 1 : (int)(slash - path), path);
}

static bool is_regular(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

// O_NONBLOCK means nothing for files; a named pipe opened so cannot hold up the whole program.
static int open_path(const char *path)
{
    int fd;
    do {
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

mcr_err mcr_appender_open(mcr_appender *a, const char *path, int64_t timeout, mcr_errbuf *err)
{
    int fd = open_path(path);
    if (fd < 0)
        return cannot_open(path, errno, err);
    *a = (mcr_appender){ mcr_strdup(path), fd, timeout, is_regular(fd), false };
    return MCR_OK;
}

void mcr_appender_of(mcr_appender *a, int fd, int64_t timeout)
{
    *a = (mcr_appender){ NULL, fd, timeout, is_regular(fd), false };
}

bool mcr_appender_reopen(mcr_appender *a)
{
    if (!a->path)
        return true;
    int fd = open_path(a->path);
    if (fd < 0) {
        mcr_errbuf why;
        cannot_open(a->path, errno, &why);
        mcr_log(MCR_LOG_ERROR, "reopening: %s; going on with the old file", why.text);
        return false;
    }
    close(a->fd);
    a->fd = fd;
    a->is_regular = is_regular(fd);
    a->in_line = false;
    return true;
}

// 0 when the descriptor takes bytes again, else ETIMEDOUT or what poll says.
static int wait_for_room(const mcr_appender *a)
{
    int64_t deadline = mcr_clock_monotonic() + a->timeout;
    for (;;) {
        int64_t left = deadline - mcr_clock_monotonic();
        struct pollfd p = { .fd = a->fd, .events = POLLOUT };
        int n = poll(&p, 1, left <= 0 ? 0 : (int)((left + 999999) / 1000000));
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return errno;
        if (left <= 0)
            return ETIMEDOUT;
    }
}

static int write_all(mcr_appender *a, const char *bytes, size_t len, size_t *done)
{
    *done = 0;
    while (*done < len) {
        ssize_t n = write(a->fd, bytes + *done, len - *done);
        if (n > 0) {
            *done += (size_t)n;
            continue;
        }
        if (n == 0)
            return EIO;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            return errno;
        int why = wait_for_room(a);
        if (why)
            return why;
    }
    return 0;
}

int mcr_appender_write(mcr_appender *a, const char *bytes, size_t len, size_t *done)
{
    *done = 0;
    if (a->in_line) {
        size_t one;
        int why = write_all(a, "\n", 1, &one);
        if (why)
            return why;
        a->in_line = false;
    }
    return write_all(a, bytes, len, done);
}

void mcr_appender_cut(mcr_appender *a, size_t len)
{
    if (len == 0)
        return;
    struct stat st;
    // After a write with O_APPEND the position is behind our bytes: when that is the end of the
    // file, nobody else has written since.
    if (a->is_regular && fstat(a->fd, &st) == 0 && lseek(a->fd, 0, SEEK_CUR) == st.st_size &&
        st.st_size >= (off_t)len && ftruncate(a->fd, st.st_size - (off_t)len) == 0)
        return;
    a->in_line = true;
}

int mcr_appender_sync(mcr_appender *a)
{
    return a->is_regular && fdatasync(a->fd) != 0 ? errno : 0;
}

void mcr_appender_close(mcr_appender *a)
{
    if (a->path)
        close(a->fd);
    free(a->path);
    a->path = NULL;
    a->fd = -1;
}
