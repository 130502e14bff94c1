#include "source/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "source/follow.h"
#include "source/inflate.h"

struct mcr_input {
    struct ev_loop *loop;
    void (*ready)(void *arg);
    void *arg;

    // Where bytes come from: `follow`, or the descriptor.
    mcr_follow *follow;
    int fd;
    bool close_fd;
    bool regular; // always readable, and epoll does not do it
    ev_io io;
    bool readable;  // reading will not block
    bool awaited;   // `ready` is to be called
    uint64_t taken; // bytes read
    uint64_t size;  // of a regular file, else 0

    // gzip: the first two bytes of a file decide.
    bool decided;
    char first;      // the first byte, when it came alone
    bool have_first; // … and is waiting for the second
    mcr_inflate *inflate;
    bool inflatable; // there are compressed bytes that may give more
    bool ended;      // the descriptor has
};

enum {
    FIRST_READ = 64 * 1024 // at most what the inflater has room for
};

static void is_readable(mcr_input *in)
{
    in->readable = true;
    if (!in->awaited)
        return;
    mcr_input_ignore(in);
    in->ready(in->arg);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
    (void)loop, (void)revents;
    is_readable(io->data);
}

static void on_followed_changed(void *arg)
{
    is_readable(arg);
}

static mcr_err open_path(mcr_input *in, const char *path, mcr_errbuf *err)
{
    in->fd = STDIN_FILENO;
    if (strcmp(path, "-") != 0) {
        // A FIFO that nobody writes to yet must not hold the program up.
        in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        in->close_fd = true;
    } else {
        path = "stdin";
    }
    struct stat file;
    if (in->fd < 0 || fstat(in->fd, &file) != 0)
        return mcr_errf(err, MCR_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    if (S_ISDIR(file.st_mode))
        return mcr_errf(err, MCR_EIO, "%s: is a directory", path);
    in->regular = S_ISREG(file.st_mode);
    in->size = in->regular ? (uint64_t)file.st_size : 0;
    in->readable = in->regular;
    ev_io_set(&in->io, in->fd, EV_READ);
    return MCR_OK;
}

mcr_input *mcr_input_open(struct ev_loop *loop, const mcr_input_options *options,
                          void (*ready)(void *arg), void *arg, mcr_errbuf *err)
{
    mcr_input *in = mcr_zalloc(sizeof *in);
    in->loop = loop;
    in->ready = ready;
    in->arg = arg;
    in->fd = -1;
    ev_init(&in->io, on_readable);
    in->io.data = in;
    if (options->follow) {
        in->readable = true;
        in->follow =
            mcr_follow_new(loop, options->path, options->from_end, on_followed_changed, in);
    } else if (open_path(in, options->path, err) != MCR_OK) {
        mcr_input_close(in);
        return NULL;
    }
    return in;
}

void mcr_input_close(mcr_input *in)
{
    if (!in)
        return;
    mcr_input_ignore(in);
    mcr_follow_free(in->follow);
    mcr_inflate_free(in->inflate);
    if (in->close_fd && in->fd >= 0)
        close(in->fd);
    free(in);
}

bool mcr_input_is_dry(const mcr_input *in)
{
    return !in->readable && !in->inflatable && !in->ended;
}

void mcr_input_await(mcr_input *in)
{
    in->awaited = true;
    if (!in->follow)
        ev_io_start(in->loop, &in->io);
}

void mcr_input_ignore(mcr_input *in)
{
    in->awaited = false;
    ev_io_stop(in->loop, &in->io);
}

// Reads from the descriptor: -1 when it failed, or has nothing now (*nothing).
static ssize_t read_fd(mcr_input *in, char *out, size_t size, bool *nothing, mcr_errbuf *err)
{
    ssize_t n;
    do {
        n = read(in->fd, out, size);
    } while (n < 0 && errno == EINTR);
    in->readable = in->regular;
    in->ended = n == 0;
    // Somebody else may have read the same pipe before us.
    *nothing = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (n < 0)
        mcr_errf(*nothing ? NULL : err, MCR_EIO, "cannot be read: %s", strerror(errno));
    else
        in->taken += (uint64_t)n;
    return n;
}

static mcr_input_result read_followed(mcr_input *in, char *out, size_t size, size_t *got,
                                      mcr_errbuf *err)
{
    switch (mcr_follow_read(in->follow, out, size, got, err)) {
    case MCR_FOLLOW_BYTES:
        if (!in->decided && mcr_inflate_is_gzip(out, *got)) {
            mcr_errf(err, MCR_EIO, "is gzip, which cannot be followed");
            return MCR_INPUT_FAILED;
        }
        in->decided = true;
        in->taken += *got;
        return MCR_INPUT_BYTES;
    case MCR_FOLLOW_WAIT:
        in->readable = false;
        return MCR_INPUT_NOTHING;
    case MCR_FOLLOW_ENDED:
        in->decided = false;
        return MCR_INPUT_NEXT;
    case MCR_FOLLOW_FAILED:
        break;
    }
    return MCR_INPUT_FAILED;
}

static mcr_input_result read_gzip(mcr_input *in, char *out, size_t size, size_t *got,
                                  mcr_errbuf *err)
{
    const char *error;
    *got = mcr_inflate_read(in->inflate, out, size, &error);
    in->inflatable = *got > 0;
    if (*got)
        return MCR_INPUT_BYTES;
    if (!error && in->ended && mcr_inflate_is_whole(in->inflate))
        return MCR_INPUT_END;
    if (!error && in->ended)
        error = "the gzip input is cut off: its end is missing";
    if (error) {
        mcr_errf(err, MCR_EIO, "%s", error);
        return MCR_INPUT_FAILED;
    }
    if (!in->readable)
        return MCR_INPUT_NOTHING;
    size_t room;
    bool nothing;
    char *to = mcr_inflate_room(in->inflate, &room);
    ssize_t n = read_fd(in, to, room, &nothing, err);
    if (n < 0)
        return nothing ? MCR_INPUT_NOTHING : MCR_INPUT_FAILED;
    in->inflatable = n > 0;
    mcr_inflate_feed(in->inflate, (size_t)n);
    return MCR_INPUT_NOTHING;
}

static mcr_input_result begin_gzip(mcr_input *in, const char *bytes, size_t n)
{
    size_t room;
    in->inflate = mcr_inflate_new();
    memcpy(mcr_inflate_room(in->inflate, &room), bytes, n);
    mcr_inflate_feed(in->inflate, n);
    in->inflatable = true;
    return MCR_INPUT_NOTHING;
}

static mcr_input_result read_plain(mcr_input *in, char *out, size_t size, size_t *got,
                                   mcr_errbuf *err)
{
    if (in->ended)
        return MCR_INPUT_END;
    if (!in->readable)
        return MCR_INPUT_NOTHING;
    if (!in->decided && size > FIRST_READ)
        size = FIRST_READ;
    bool nothing;
    size_t before = in->have_first;
    if (before)
        out[0] = in->first;
    ssize_t n = read_fd(in, out + before, size - before, &nothing, err);
    if (n < 0)
        return nothing ? MCR_INPUT_NOTHING : MCR_INPUT_FAILED;
    size_t have = before + (size_t)n;
    if (!in->decided && have == 1 && n) {
        in->first = out[0];
        in->have_first = true;
        return MCR_INPUT_NOTHING;
    }
    in->have_first = false;
    bool decide = !in->decided;
    in->decided = true;
    if (decide && mcr_inflate_is_gzip(out, have))
        return begin_gzip(in, out, have);
    *got = have;
    return have ? MCR_INPUT_BYTES : MCR_INPUT_END;
}

mcr_input_result mcr_input_read(mcr_input *in, char *out, size_t size, size_t *got, mcr_errbuf *err)
{
    *got = 0;
    if (in->follow)
        return read_followed(in, out, size, got, err);
    if (in->inflate)
        return read_gzip(in, out, size, got, err);
    return read_plain(in, out, size, got, err);
}

mcr_input_result mcr_input_read_rest(mcr_input *in, char *out, size_t size, size_t *got)
{
    const char *error;
    *got = in->inflate ? mcr_inflate_read(in->inflate, out, size, &error) : 0;
    return *got ? MCR_INPUT_BYTES : MCR_INPUT_END;
}

void mcr_input_progress(const mcr_input *in, uint64_t *done, uint64_t *total)
{
    *done = in->taken;
    *total = in->size;
}
