#include "source/jsonl.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "source/input.h"
#include "source/seen.h"

enum {
    BATCH = 64,
    READ_SIZE = 64 * 1024,
    READS = 4, // per turn at most: what is read in a row is handed over with one wake-up
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

    mcr_input *input;     // NULL once stopped
    uint64_t done, total; // its progress when it was closed
    ev_idle turn;         // one step of work per round of the loop
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
    bool input_ended; // for good, not just one file of several
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

// Reads once, at most READ_SIZE.
static void read_on(struct jsonl *j)
{
    size_t room, n;
    char *to = mcr_framer_room(j->framer, &room);
    room = room < READ_SIZE ? room : READ_SIZE;
    mcr_input_result result = j->finish ? mcr_input_read_rest(j->input, to, room, &n)
                                        : mcr_input_read(j->input, to, room, &n, &j->error);
    switch (result) {
    case MCR_INPUT_BYTES:
        j->head.counts.bytes += n;
        j->held = !mcr_framer_feed(j->framer, n);
        break;
    case MCR_INPUT_NOTHING:
        break;
    case MCR_INPUT_NEXT:
        j->phase = FINISHING;
        break;
    case MCR_INPUT_END:
    case MCR_INPUT_FAILED:
        j->phase = j->finish ? FINISHED : FINISHING;
        j->input_ended = true;
        break;
    }
}

static void rest(struct jsonl *j)
{
    ev_idle_stop(j->loop, &j->turn);
    mcr_input_ignore(j->input);
}

// A stopped source leaves nothing active in the loop.
static void shut(struct jsonl *j)
{
    j->stopped = true;
    ev_idle_stop(j->loop, &j->turn);
    if (j->input)
        mcr_input_progress(j->input, &j->done, &j->total);
    mcr_input_close(j->input);
    j->input = NULL;
}

// The next step comes when the input has something, or else as soon as it is our turn.
static void wait_for_next(struct jsonl *j)
{
    if (j->phase == READING && !j->finish && mcr_input_is_dry(j->input)) {
        ev_idle_stop(j->loop, &j->turn);
        mcr_input_await(j->input);
    } else {
        ev_idle_start(j->loop, &j->turn);
    }
}

static void finish(struct jsonl *j)
{
    j->held = !mcr_framer_finish(j->framer);
    if (!j->held)
        j->phase = FINISHED;
}

static void after_finish(struct jsonl *j)
{
    if (!j->input_ended) {
        j->phase = READING;
        wait_for_next(j);
        return;
    }
    j->phase = ENDED;
    shut(j);
    j->owner.ended(j->owner.self, &j->head, j->error.text[0] ? j->error.text : NULL);
}

static void wait_for_room(struct jsonl *j)
{
    if (j->stopped)
        return;
    rest(j);
    j->paused = !j->resumed;
    if (j->resumed)
        ev_idle_start(j->loop, &j->turn);
}

static void step(struct jsonl *j)
{
    j->full = false;
    bool room = hand_over(j);
    for (int i = 0; i < READS && room && j->phase == READING; i++) {
        if (i > 0 && !j->finish && mcr_input_is_dry(j->input))
            break;
        read_on(j);
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

static void on_ready(void *arg)
{
    step(arg);
}

static void on_turn(struct ev_loop *loop, ev_idle *turn, int revents)
{
    (void)loop, (void)revents;
    step(turn->data);
}

static const char *jsonl_check(const void *o, mcr_errbuf *err)
{
    const mcr_jsonl_options *options = o;
    if (!options->path || !options->path[0]) {
        mcr_errf(err, MCR_ECONFIG, "'path' is missing: a file, or \"-\" for standard input");
        return "path";
    }
    if (options->follow && strcmp(options->path, "-") == 0) {
        mcr_errf(err, MCR_ECONFIG, "'follow' needs a file: standard input ends by itself");
        return "follow";
    }
    if (options->from == FROM_END && !options->follow) {
        mcr_errf(err, MCR_ECONFIG, "from = \"end\" needs follow = true");
        return "from";
    }
    return NULL;
}

static mcr_source *jsonl_open(const void *options, struct ev_loop *loop,
                              const mcr_source_owner *owner, size_t event_limit, mcr_errbuf *err)
{
    if (jsonl_check(options, err))
        return NULL;
    struct jsonl *j = mcr_zalloc(sizeof *j);
    j->options = options;
    j->head.kind = &mcr_jsonl_kind;
    j->head.name = strcmp(j->options->path, "-") == 0 ? "stdin" : j->options->path;
    j->head.wait = j->options->on_full == ON_FULL_WAIT;
    j->owner = *owner;
    j->loop = loop;
    j->stopped = true;
    ev_idle_init(&j->turn, on_turn);
    // Idle handles of the highest priority get their turn in every round, whatever else happens.
    ev_set_priority(&j->turn, EV_MAXPRI);
    j->turn.data = j;
    const mcr_input_options input = { j->options->path, j->options->follow,
                                      j->options->from == FROM_END };
    j->input = mcr_input_open(loop, &input, on_ready, j, err);
    if (!j->input) {
        free(j);
        return NULL;
    }
    j->framer = mcr_framer_new(event_limit, on_frame, j);
    j->seen = mcr_seen_new(SEEN);
    return &j->head;
}

static void jsonl_start(mcr_source *source)
{
    struct jsonl *j = of(source);
    j->stopped = false;
    wait_for_next(j);
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
    mcr_framer_free(j->framer);
    mcr_seen_free(j->seen);
    mcr_buf_fini(&j->message);
    free(j);
}

static void jsonl_progress(const mcr_source *source, uint64_t *done, uint64_t *total)
{
    const struct jsonl *j = (const struct jsonl *)source;
    *done = j->done;
    *total = j->total;
    if (j->input)
        mcr_input_progress(j->input, done, total);
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
    .check = jsonl_check,
    .open = jsonl_open,
    .start = jsonl_start,
    .resume = jsonl_resume,
    .finish = jsonl_finish,
    .stop = jsonl_stop,
    .close = jsonl_close,
    .progress = jsonl_progress,
};
