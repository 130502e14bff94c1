#include "net/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int mcr_small_file_read(const char *path, size_t limit, mcr_buf *out)
{
    size_t before = out->len;
    // Without O_NONBLOCK, the open of a pipe would wait for its writer.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno;
    int errnum = 0;
    while (!errnum) {
        ssize_t n = read(fd, mcr_buf_reserve(out, 4096), 4096);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            errnum = errno;
        if (n > 0)
            out->len += (size_t)n;
        if (out->len - before > limit)
            errnum = EFBIG;
    }
    close(fd);
    if (errnum)
        out->len = before;
    return errnum;
}

const char *mcr_small_file_error(int errnum)
{
    // glibc's strerror is safe for the numbers it knows, but only this one says so.
    const char *text = strerrordesc_np(errnum);
    return text ? text : "unknown error";
}
