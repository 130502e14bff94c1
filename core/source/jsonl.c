#include "source/jsonl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "source/follow.h"
#include "source/inflate.h"
#include "source/seen.h"

enum {
    BATCH = 64,
    READ_SIZE = 64 * 1024,
    SEEN = 64 * 1024
};

enum on_full {
    ON_FULL_WAIT,
    ON_FULL_DROP
};

enum from {
    FROM_START,
    FROM_END
};

enum phase {
    READING,
    FINISHING, // the input, or the file followed, has ended; the framer may still hold documents
    FINISHED,  // … and it has handed out all
    ENDED      // the owner was told
};

struct jsonl {
    mcr_source head;
    const mcr_jsonl_options *options;
    mcr_source_owner owner;
    struct ev_loop *loop;

    // Where bytes come from: `follow`, or the descriptor.
    mcr_follow *follow;
    int fd;
    bool close_fd;
    bool regular;   // epoll does not do regular files: they are read from `turn`
    ev_io io;       // readable; active while there is nothing else to do
    ev_idle turn;   // one step of work per round of the loop
    bool waiting;   // followed file: nothing to read until it changes
    uint64_t taken; // bytes read, before decompression
    uint64_t size;  // of a regular file, else 0

    // How bytes become documents. The first two bytes decide about gzip.
    bool decided;
    char first;      // the first byte, when it came alone
    bool have_first; // … and is waiting for the second
    mcr_inflate *inflate;
    bool input_ended; // gzip: no more compressed bytes
    mcr_framer *framer;
    bool held; // the framer was paused and may hold documents
    mcr_seen *seen;

    // Documents on their way to the owner.
    mcr_event *batch[BATCH];
    uint32_t batch_n;
    uint32_t noted; // the first so many of them have gone through `seen`
    uint64_t documents;
    bool full;    // the owner has said in this turn that it has no room
    bool paused;  // … and no turn comes until it calls resume
    bool resumed; // it has called resume since it said so
    bool finish;  // what was read is handed over, and that is the end
    bool stopped; // also during a callback that stopped us

    enum phase phase;
    mcr_errbuf error; // why the input ended, "" when it just did
    mcr_buf message;
};

static struct jsonl *of(mcr_source *source)
{
    return (struct jsonl *)source;
}

// Offers the batch. False: something of it was not taken, or the owner stopped us.
static bool offer(struct jsonl *j)
{
    if (j->stopped || j->full)
        return false;
    if (!j->batch_n)
        return true;
    mcr_seen_note_all(j->seen, j->batch + j->noted, j->batch_n - j->noted);
    j->resumed = false;
    uint32_t n = j->owner.take(j->owner.self, &j->head, j->batch, j->batch_n);
    for (uint32_t i = 0; i < n; i++)
        mcr_event_unref(j->batch[i]);
    j->head.counts.received += n;
    j->head.counts.decoded += n;
    j->batch_n -= n;
    j->noted = j->batch_n;
    memmove(j->batch, j->batch + n, j->batch_n * sizeof *j->batch);
    j->full = j->batch_n > 0;
    return !j->full && !j->stopped;
}

static void report(struct jsonl *j, const mcr_frame *frame)
{
    j->message.len = 0;
    mcr_buf_printf(&j->message, "%s:%llu: byte %llu: %s", j->head.name,
                   (unsigned long long)frame->line, (unsigned long long)frame->offset,
                   frame->error);
    j->owner.malformed(j->owner.self, &j->head, mcr_buf_cstr(&j->message));
}

static bool on_frame(void *arg, const mcr_frame *frame)
{
    struct jsonl *j = arg;
    mcr_source_counts *counts = &j->head.counts;
    j->documents++;
    switch (frame->kind) {
    case MCR_DECODED_EVENT:
        frame->ev->source_index = j->head.index;
        frame->ev->record = j->documents;
        j->batch[j->batch_n++] = frame->ev;
        return j->batch_n < BATCH || offer(j);
    case MCR_DECODED_CONTROL:
        counts->received++;
        counts->control++;
        if (frame->error && frame->error[0])
            mcr_log(MCR_LOG_WARN, "%s:%llu: the API server ended the watch: %s", j->head.name,
                    (unsigned long long)frame->line, frame->error);
        break;
    default:
        counts->received++;
        counts->malformed++;
        report(j, frame);
        break;
    }
    return !j->stopped;
}

// Hands over what is waiting inside. False: the owner has no room, or stopped us.
static bool hand_over(struct jsonl *j)
{
    bool room = offer(j);
    while (room && j->held) {
        j->held = !mcr_framer_resume(j->framer);
        room = offer(j);
    }
    return room;
}

static void feed(struct jsonl *j, size_t n)
{
    j->head.counts.bytes += n;
    j->held = !mcr_framer_feed(j->framer, n);
}

static void end_input(struct jsonl *j, const char *why)
{
    if (why)
        mcr_errf(&j->error, MCR_EIO, "%s", why);
    j->phase = FINISHING;
}

static void failed_read(struct jsonl *j)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK) { // another reader of the same pipe was faster
        j->waiting = true;
        return;
    }
    mcr_errf(&j->error, MCR_EIO, "cannot be read: %s", strerror(errno));
    j->phase = FINISHING;
}

// Reads up to `size` bytes from the descriptor: as read(2), but EINTR is no failure.
static ssize_t read_fd(struct jsonl *j, char *out, size_t size)
{
    for (;;) {
        ssize_t n = read(j->fd, out, size);
        if (n > 0)
            j->taken += (uint64_t)n;
        if (n >= 0 || errno != EINTR)
            return n;
    }
}

static void read_followed(struct jsonl *j)
{
    size_t room, n;
    char *to = mcr_framer_room(j->framer, &room);
    switch (mcr_follow_read(j->follow, to, room < READ_SIZE ? room : READ_SIZE, &n, &j->error)) {
    case MCR_FOLLOW_BYTES:
        if (!j->decided && mcr_inflate_is_gzip(to, n)) {
            end_input(j, "is gzip, which cannot be followed");
            return;
        }
        j->decided = true;
        feed(j, n);
        break;
    case MCR_FOLLOW_WAIT:
        j->waiting = true;
        break;
    case MCR_FOLLOW_ENDED:
    case MCR_FOLLOW_FAILED:
        j->phase = FINISHING;
        break;
    }
}

static void read_gzip(struct jsonl *j, bool may_read)
{
    size_t room;
    const char *error;
    char *to = mcr_framer_room(j->framer, &room);
    size_t n = mcr_inflate_read(j->inflate, to, room < READ_SIZE ? room : READ_SIZE, &error);
    if (n) {
        feed(j, n);
        return;
    }
    if (error) {
        end_input(j, error);
        return;
    }
    if (j->input_ended) {
        end_input(j, mcr_inflate_is_whole(j->inflate)
                         ? NULL
                         : "the gzip input is cut off: its end is missing");
        return;
    }
    j->waiting = !may_read;
    if (j->waiting)
        return;
    char *in = mcr_inflate_room(j->inflate, &room);
    ssize_t got = read_fd(j, in, room);
    if (got < 0) {
        failed_read(j);
        return;
    }
    j->input_ended = got == 0;
    mcr_inflate_feed(j->inflate, (size_t)got);
}

static void read_plain(struct jsonl *j)
{
    size_t room;
    char *to = mcr_framer_room(j->framer, &room);
    size_t n = 0;
    if (j->have_first)
        to[n++] = j->first;
    ssize_t got = read_fd(j, to + n, (room < READ_SIZE ? room : READ_SIZE) - n);
    if (got < 0) {
        failed_read(j);
        return;
    }
    n += (size_t)got;
    if (!j->decided && n == 1 && got) {
        j->first = to[0];
        j->have_first = true;
        return;
    }
    j->have_first = false;
    if (!j->decided && mcr_inflate_is_gzip(to, n)) {
        j->decided = true;
        j->inflate = mcr_inflate_new();
        memcpy(mcr_inflate_room(j->inflate, &room), to, n);
        mcr_inflate_feed(j->inflate, n);
        return;
    }
    j->decided = true;
    if (n)
        feed(j, n);
    if (!got)
        end_input(j, NULL);
}

// `may_read`: the descriptor will not block.
static void read_on(struct jsonl *j, bool may_read)
{
    if (j->follow)
        read_followed(j);
    else if (j->inflate)
        read_gzip(j, may_read);
    else if (may_read)
        read_plain(j);
}

// Goes on with what was read and is still compressed, until that ends too.
static void read_no_more(struct jsonl *j)
{
    size_t room, n = 0;
    const char *error;
    char *to = mcr_framer_room(j->framer, &room);
    if (j->inflate)
        n = mcr_inflate_read(j->inflate, to, room < READ_SIZE ? room : READ_SIZE, &error);
    if (n)
        feed(j, n);
    else
        j->phase = FINISHED;
}

static void rest(struct jsonl *j)
{
    ev_io_stop(j->loop, &j->io);
    ev_idle_stop(j->loop, &j->turn);
}

static void shut(struct jsonl *j)
{
    j->stopped = true;
    rest(j);
    mcr_follow_free(j->follow);
    j->follow = NULL;
}

// What has to happen for the next step: the descriptor readable, or nothing but its turn.
static void wait_for_next(struct jsonl *j)
{
    bool is_pipe = !j->regular && !j->follow;
    bool for_bytes = j->phase == READING && (j->waiting || (is_pipe && !j->inflate));
    if (!for_bytes) {
        ev_io_stop(j->loop, &j->io);
        ev_idle_start(j->loop, &j->turn);
        return;
    }
    ev_idle_stop(j->loop, &j->turn);
    if (!j->follow)
        ev_io_start(j->loop, &j->io);
}

static void finish(struct jsonl *j)
{
    j->held = !mcr_framer_finish(j->framer);
    if (!j->held)
        j->phase = FINISHED;
}

static void after_finish(struct jsonl *j)
{
    if (j->follow && !j->finish && !j->error.text[0]) {
        j->phase = READING;
        j->decided = false;
        wait_for_next(j);
        return;
    }
    j->phase = ENDED;
    shut(j);
    j->owner.ended(j->owner.self, &j->head, j->error.text[0] ? j->error.text : NULL);
}

static void wait_for_room(struct jsonl *j)
{
    rest(j);
    if (j->stopped)
        return;
    j->paused = !j->resumed;
    if (j->resumed)
        ev_idle_start(j->loop, &j->turn);
}

static void step(struct jsonl *j, bool readable)
{
    j->full = false;
    bool room = hand_over(j);
    if (room && j->phase == READING) {
        j->waiting = false;
        if (j->finish)
            read_no_more(j);
        else
            read_on(j, readable || j->regular);
        room = hand_over(j);
    }
    if (room && j->phase == FINISHING) {
        finish(j);
        room = hand_over(j);
    }
    if (!room)
        wait_for_room(j);
    else if (j->phase == FINISHED)
        after_finish(j); // may free `j`
    else
        wait_for_next(j);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
    (void)loop;
    (void)revents;
    step(io->data, true);
}

static void on_turn(struct ev_loop *loop, ev_idle *turn, int revents)
{
    (void)loop;
    (void)revents;
    step(turn->data, false);
}

static void on_followed_changed(void *arg)
{
    struct jsonl *j = arg;
    if (j->waiting && !j->paused && !j->stopped)
        ev_idle_start(j->loop, &j->turn);
}

static mcr_err open_path(struct jsonl *j, mcr_errbuf *err)
{
    const char *path = j->options->path;
    j->fd = STDIN_FILENO;
    if (strcmp(path, "-") != 0) {
        // A FIFO that nobody writes to yet must not hold the program up.
        j->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        j->close_fd = true;
    }
    struct stat file;
    if (j->fd < 0 || fstat(j->fd, &file) != 0)
        return mcr_errf(err, MCR_EIO, "%s: cannot be opened: %s", j->head.name, strerror(errno));
    if (S_ISDIR(file.st_mode))
        return mcr_errf(err, MCR_EIO, "%s: is a directory", j->head.name);
    j->regular = S_ISREG(file.st_mode);
    j->size = j->regular ? (uint64_t)file.st_size : 0;
    return MCR_OK;
}

static mcr_err check_options(const mcr_jsonl_options *options, mcr_errbuf *err)
{
    if (!options->path || !options->path[0])
        return mcr_errf(err, MCR_ECONFIG, "'path' is missing: a file, or \"-\" for standard input");
    if (options->follow && strcmp(options->path, "-") == 0)
        return mcr_errf(err, MCR_ECONFIG, "'follow' needs a file: standard input ends by itself");
    if (options->from == FROM_END && !options->follow)
        return mcr_errf(err, MCR_ECONFIG, "from = \"end\" needs follow = true");
    return MCR_OK;
}

static void jsonl_close(mcr_source *source);

static mcr_source *jsonl_open(const void *options, struct ev_loop *loop,
                              const mcr_source_owner *owner, size_t event_limit, mcr_errbuf *err)
{
    if (check_options(options, err) != MCR_OK)
        return NULL;
    struct jsonl *j = mcr_zalloc(sizeof *j);
    j->options = options;
    j->head.kind = &mcr_jsonl_kind;
    j->head.name = strcmp(j->options->path, "-") == 0 ? "stdin" : j->options->path;
    j->head.wait = j->options->on_full == ON_FULL_WAIT;
    j->owner = *owner;
    j->loop = loop;
    j->fd = -1;
    j->stopped = true;
    ev_idle_init(&j->turn, on_turn);
    // Idle handles of the highest priority get their turn in every round, whatever else happens.
    ev_set_priority(&j->turn, EV_MAXPRI);
    j->turn.data = j;
    ev_init(&j->io, on_readable);
    j->io.data = j;
    j->framer = mcr_framer_new(event_limit, on_frame, j);
    j->seen = mcr_seen_new(SEEN);
    if (j->options->follow) {
        j->follow = mcr_follow_new(loop, j->options->path, j->options->from == FROM_END,
                                   on_followed_changed, j);
    } else if (open_path(j, err) != MCR_OK) {
        jsonl_close(&j->head);
        return NULL;
    } else {
        ev_io_set(&j->io, j->fd, EV_READ);
    }
    return &j->head;
}

static void jsonl_start(mcr_source *source)
{
    struct jsonl *j = of(source);
    j->stopped = false;
    if (j->follow || j->regular)
        ev_idle_start(j->loop, &j->turn);
    else
        ev_io_start(j->loop, &j->io);
}

static void jsonl_resume(mcr_source *source)
{
    struct jsonl *j = of(source);
    j->resumed = true;
    if (!j->paused || j->stopped)
        return;
    j->paused = false;
    ev_idle_start(j->loop, &j->turn);
}

static void jsonl_finish(mcr_source *source)
{
    struct jsonl *j = of(source);
    j->finish = true;
    if (!j->stopped && !j->paused)
        ev_idle_start(j->loop, &j->turn);
}

static void jsonl_stop(mcr_source *source)
{
    shut(of(source));
}

static void jsonl_close(mcr_source *source)
{
    struct jsonl *j = of(source);
    shut(j);
    if (j->batch_n)
        mcr_log(MCR_LOG_INFO, "%s: %u events that were read ahead were not taken", j->head.name,
                j->batch_n);
    for (uint32_t i = 0; i < j->batch_n; i++)
        mcr_event_unref(j->batch[i]);
    mcr_inflate_free(j->inflate);
    mcr_framer_free(j->framer);
    mcr_seen_free(j->seen);
    mcr_buf_fini(&j->message);
    if (j->close_fd && j->fd >= 0)
        close(j->fd);
    free(j);
}

static void jsonl_progress(const mcr_source *source, uint64_t *done, uint64_t *total)
{
    const struct jsonl *j = (const struct jsonl *)source;
    *done = j->options->follow ? j->head.counts.bytes : j->taken;
    *total = j->size;
}

static const mcr_option options_list[] = {
    { "path", MCR_OPTION_STRING, offsetof(mcr_jsonl_options, path), NULL,
      "file to read, or \"-\" for standard input; gzip is recognised" },
    { "follow", MCR_OPTION_BOOL, offsetof(mcr_jsonl_options, follow), NULL,
      "go on reading what is appended, over rotation and truncation, as tail -F does" },
    { "from", MCR_OPTION_CHOICE, offsetof(mcr_jsonl_options, from), "start|end",
      "with follow: read what the file has already, or only what is new" },
    { "on_full", MCR_OPTION_CHOICE, offsetof(mcr_jsonl_options, on_full), "wait|drop",
      "when a watcher has no room: stop reading, or let it lose the event" },
    { 0 }
};

const mcr_source_kind mcr_jsonl_kind = {
    .name = "jsonl",
    .doc = "JSON Lines, watch streams and lists from standard input or a file",
    .options = options_list,
    .options_size = sizeof(mcr_jsonl_options),
    .open = jsonl_open,
    .start = jsonl_start,
    .resume = jsonl_resume,
    .finish = jsonl_finish,
    .stop = jsonl_stop,
    .close = jsonl_close,
    .progress = jsonl_progress,
};
