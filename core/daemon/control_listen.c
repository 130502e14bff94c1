#include "daemon/control_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"

enum {
    BACKLOG = 64,
    LOCK_TRIES = 100, // with 20 ms between them
};

static bool set_address(struct sockaddr_un *address, const char *path)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    size_t len = strlen(path);
    if (len >= sizeof address->sun_path)
        return false;
    memcpy(address->sun_path, path, len + 1);
    return true;
}

int mcr_control_connect(const char *path)
{
    struct sockaddr_un address;
    if (!set_address(&address, path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

// Who listens at `path`: its process, 0 when nobody does, -1 when that cannot be told.
static pid_t listening(const char *path)
{
    int fd = mcr_control_connect(path);
    if (fd < 0)
        return errno == ECONNREFUSED || errno == ENOENT ? 0 : -1;
    struct ucred peer = { .pid = -1 };
    socklen_t size = sizeof peer;
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    close(fd);
    return peer.pid > 0 ? peer.pid : -1;
}

// Makes room at `path`.
static mcr_err clear(const char *path, mcr_errbuf *err)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return errno == ENOENT
                   ? MCR_OK
                   : mcr_errf(err, MCR_EIO, "cannot listen at %s: %s", path, strerror(errno));
    if (!S_ISSOCK(st.st_mode) && !S_ISLNK(st.st_mode))
        return mcr_errf(err, MCR_EIO, "cannot listen at %s: there is a file that is no socket",
                        path);
    pid_t pid = listening(path);
    if (pid > 0)
        return mcr_errf(err, MCR_ESTOPPED, "process %ld listens at %s already", (long)pid, path);
    if (pid < 0)
        return mcr_errf(err, MCR_ESTOPPED, "another process listens at %s already", path);
    if (unlink(path) < 0 && errno != ENOENT)
        return mcr_errf(err, MCR_EIO, "cannot remove the socket %s that nobody listens at: %s",
                        path, strerror(errno));
    return MCR_OK;
}

static mcr_err bind_and_listen(const char *path, mcr_control_listener *out, mcr_errbuf *err)
{
    struct sockaddr_un address;
    if (!set_address(&address, path))
        return mcr_errf(err, MCR_EIO,
                        "cannot listen at %s: a socket's path is at most %zu bytes long; set "
                        "'control' to a shorter one",
                        path, sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    // The mode of the socket is that of its file from the first moment on, less the umask.
    struct stat st;
    if (fd >= 0 && fchmod(fd, 0600) == 0 &&
        bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
        chmod(path, 0600) == 0 && stat(path, &st) == 0 && listen(fd, BACKLOG) == 0) {
        *out = (mcr_control_listener){ fd, st.st_dev, st.st_ino };
        return MCR_OK;
    }
    mcr_errf(err, MCR_EIO, "cannot listen at %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return MCR_EIO;
}

// Keeps others that start at the same time from removing each other's socket. -1: without.
static int lock_folder(const char *path)
{
    char *copy = mcr_strdup(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    for (int i = 0; fd >= 0 && i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) < 0; i++)
        poll(NULL, 0, 20);
    return fd;
}

mcr_err mcr_control_listen(const char *path, mcr_control_listener *out, mcr_errbuf *err)
{
    int lock = lock_folder(path);
    mcr_err code = clear(path, err);
    if (!code)
        code = bind_and_listen(path, out, err);
    if (lock >= 0)
        close(lock);
    return code;
}

void mcr_control_unlisten(const char *path, const mcr_control_listener *l)
{
    struct stat st;
    int lock = lock_folder(path);
    if (stat(path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->file)
        unlink(path);
    if (lock >= 0)
        close(lock);
    close(l->fd);
}
