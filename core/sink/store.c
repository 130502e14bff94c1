// The sink "store": events into the event store, where `mooncrier serve` and `mooncrier get` find
// them. Each batch is one piece of work on the store's thread, which says by ev_async when it is
// committed. What could not be committed (a file that is locked, a full disk) is tried again, all
// of it in the order it came: from a failure on the store's thread does nothing more of that epoch,
// and new batches are held here until the next one.

#include <ev.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/park.h"
#include "sink/kinds.h"
#include "store/store_path.h"
#include "store/store_share.h"
#include "store/upsert.h"

enum {
    SIDE_COUNTERS = MCR_UPSERT_ABSENT + 1
};

static const int64_t SECOND = 1000000000;
// What the end waits for the store: after a drain, and without one, when it is as patient as the
// store is with a locked file.
#define STOP_NS  (1 * SECOND)
#define CLOSE_NS (15 * SECOND)

typedef struct store_options {
    const char *path;
    int64_t ttl;
    int64_t max_bytes;
    bool fsync;
    int64_t queue;    // events
    int64_t wait;     // ns
    int64_t max_wait; // ns
    int64_t deadline; // ns; 0: none
} store_options;

static const mcr_option options[] = {
    { "path", MCR_OPTION_STRING, offsetof(store_options, path), NULL,
      "the file; default: where `mooncrier serve` and `get` look (/var/lib/mooncrier/events.db for "
      "root, else ~/.local/state/mooncrier/events.db)" },
    { "ttl", MCR_OPTION_DURATION, offsetof(store_options, ttl), NULL,
      "how long an event is kept after its last change (1h); 0: for ever" },
    { "max_bytes", MCR_OPTION_SIZE, offsetof(store_options, max_bytes), NULL,
      "of all events' JSON; past it, what changed longest ago is removed (1GiB)" },
    { "fsync", MCR_OPTION_BOOL, offsetof(store_options, fsync), NULL,
      "write through to the disk at every commit; else a power cut may cost the last moments" },
    { "queue", MCR_OPTION_INT, offsetof(store_options, queue), NULL,
      "how many events wait before no more are taken (10000)" },
    { "retry.wait", MCR_OPTION_DURATION, offsetof(store_options, wait), NULL,
      "before what could not be written is tried again; doubles with each time (1s)" },
    { "retry.max_wait", MCR_OPTION_DURATION, offsetof(store_options, max_wait), NULL,
      "the longest wait (60s)" },
    { "retry.deadline", MCR_OPTION_DURATION, offsetof(store_options, deadline), NULL,
      "after which an event is given up, 0: never (1h)" },
    { 0 },
};

static void defaults(void *o)
{
    store_options *store = o;
    store->ttl = MCR_STORE_TTL;
    store->max_bytes = MCR_STORE_MAX_BYTES;
    store->queue = 10000;
    store->wait = SECOND;
    store->max_wait = 60 * SECOND;
    store->deadline = 3600 * SECOND;
}

static const char *check(const void *o, mcr_errbuf *err)
{
    const store_options *store = o;
    if (store->max_bytes <= 0) {
        mcr_errf(err, MCR_ECONFIG, "'max_bytes' must be more than 0");
        return "max_bytes";
    }
    if (store->queue < 1) {
        mcr_errf(err, MCR_ECONFIG, "'queue' must be at least 1");
        return "queue";
    }
    return NULL;
}

// A batch, held by the sink or on its way through the store's thread and back.
typedef struct batch {
    mcr_store_work work;
    struct letterbox *box;
    TAILQ_ENTRY(batch) in_list; // the sink's
    struct batch *next;         // of those that are done
    uint64_t number;            // by arrival
    uint64_t epoch;
    int64_t arrived; // monotonic ns
    bool skipped;    // one before it has failed
    bool back;       // under lock: the store is done with it
    mcr_err result;
    char reason[512];
    uint64_t upserted[SIDE_COUNTERS];
    size_t n;
    mcr_event **answers; // NULL: nobody asks
    mcr_event *events[];
} batch;

TAILQ_HEAD(batch_list, batch);

// What the sink and its batches share; the last one frees it. A sink that could not wait any longer
// leaves it behind.
typedef struct letterbox {
    mcr_upserter *upserter; // the store's thread
    uint64_t epoch;         // the store's thread: that of batches that are done
    pthread_mutex_t lock;   // of what follows
    pthread_cond_t change;
    size_t under_way; // batches
    batch *done;      // in the order they came back
    batch **last;
    struct ev_loop *loop; // to be woken; NULL: there is none
    ev_async *wake;
    bool left; // the sink is gone
} letterbox;

typedef struct store_sink {
    mcr_sink sink;
    const store_options *options; // the owner's, until close
    mcr_store *store;
    letterbox *box;
    ev_async wake;
    struct ev_loop *loop;
    struct batch_list out;  // at the store
    struct batch_list held; // for the next try, in the order they came
    uint64_t number;
    uint64_t epoch;
    int64_t retry_at; // monotonic ns; 0: nothing is to be tried again
    int64_t wait;     // ns before the last try
    char *reason;     // why the last one failed, or NULL
    uint64_t retries;
    uint64_t upserted[SIDE_COUNTERS];
    bool stopped;
    bool all_back; // no batch is under way: the letterbox is not needed any more
} store_sink;

static void free_box(letterbox *box)
{
    pthread_mutex_destroy(&box->lock);
    pthread_cond_destroy(&box->change);
    mcr_upserter_free(box->upserter);
    free(box);
}

static void free_batch(batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        mcr_event_unref(b->events[i]);
        if (b->answers)
            mcr_event_unref(b->answers[i]);
    }
    free(b->answers);
    free(b);
}

// The store's thread.
static bool run_batch(mcr_store_work *work, mcr_store_tx *tx)
{
    batch *b = (batch *)(void *)work;
    b->skipped = b->epoch < b->box->epoch;
    for (size_t i = 0; i < b->n && !b->skipped; i++) {
        mcr_event **answer = b->answers ? &b->answers[i] : NULL;
        b->upserted[mcr_upsert(b->box->upserter, tx, b->events[i], answer)]++;
    }
    return true;
}

// The store's thread. The sink may be freed once the lock is given back, unless there are more.
static void batch_done(mcr_store_work *work, mcr_err result, const mcr_errbuf *err)
{
    batch *b = (batch *)(void *)work;
    letterbox *box = b->box;
    b->result = result;
    b->next = NULL;
    if (result != MCR_OK) {
        snprintf(b->reason, sizeof b->reason, "%.500s", err->text);
        box->epoch = b->epoch + 1;
    }
    pthread_mutex_lock(&box->lock);
    bool last = --box->under_way == 0, left = box->left;
    b->back = true;
    if (!left) {
        *box->last = b;
        box->last = &b->next;
        if (box->loop)
            ev_async_send(box->loop, box->wake);
        pthread_cond_signal(&box->change);
    }
    pthread_mutex_unlock(&box->lock);
    if (left) {
        free_batch(b);
        if (last)
            free_box(box);
    }
}

//
// Trying again
//

static void hold(store_sink *s, batch *b)
{
    batch *after = TAILQ_LAST(&s->held, batch_list);
    while (after && after->number > b->number)
        after = TAILQ_PREV(after, batch_list, in_list);
    if (after)
        TAILQ_INSERT_AFTER(&s->held, after, b, in_list);
    else
        TAILQ_INSERT_HEAD(&s->held, b, in_list);
}

static void give_up(store_sink *s, batch *b, const char *when)
{
    mcr_sink *sink = &s->sink;
    mcr_buf reason = { 0 };
    mcr_buf_puts(&reason, when);
    if (s->reason)
        mcr_buf_printf(&reason, "; last: %s", s->reason);
    char cause[128];
    snprintf(cause, sizeof cause, "%.40s %.80s", sink->name, when);
    if (!sink->lost.call)
        mcr_log_cause_once_a_minute(MCR_LOG_ERROR, cause,
                                    "sink '%s' of watcher '%s': events are given up: %s",
                                    sink->name, sink->watcher, mcr_buf_cstr(&reason));
    for (size_t i = 0; i < b->n; i++)
        mcr_sink_give_up(sink, b->events[i], mcr_buf_cstr(&reason));
    mcr_buf_fini(&reason);
}

static void give_up_late(store_sink *s, int64_t now)
{
    int64_t deadline = s->options->deadline;
    batch *b = deadline ? TAILQ_FIRST(&s->held) : NULL;
    for (batch *next; b && now - b->arrived >= deadline; b = next) {
        char when[64];
        next = TAILQ_NEXT(b, in_list);
        snprintf(when, sizeof when, "not written within %gs", (double)deadline / (double)SECOND);
        TAILQ_REMOVE(&s->held, b, in_list);
        give_up(s, b, when);
        free_batch(b);
    }
    if (TAILQ_EMPTY(&s->held))
        s->retry_at = 0;
}

// What is held goes to the store when all that was there has come back.
static void retry_later(store_sink *s, const char *reason)
{
    const mcr_sink *sink = &s->sink;
    free(s->reason);
    s->reason = mcr_strdup(reason);
    if (s->retry_at)
        return;
    int64_t most = s->options->max_wait;
    s->wait = !s->wait ? s->options->wait : s->wait > most / 2 ? most : s->wait * 2;
    s->wait = s->wait < most ? s->wait : most;
    s->retry_at = mcr_clock_monotonic() + s->wait;
    mcr_log_cause_once_a_minute(MCR_LOG_ERROR, sink->name,
                                "sink '%s' of watcher '%s': will try again: %s", sink->name,
                                sink->watcher, reason);
}

// False: it is held.
static bool submit(store_sink *s, batch *b)
{
    b->epoch = s->epoch;
    b->back = false;
    pthread_mutex_lock(&s->box->lock);
    s->box->under_way++;
    pthread_mutex_unlock(&s->box->lock);
    if (mcr_store_do(s->store, &b->work)) {
        TAILQ_INSERT_TAIL(&s->out, b, in_list);
        return true;
    }
    pthread_mutex_lock(&s->box->lock);
    s->box->under_way--;
    pthread_mutex_unlock(&s->box->lock);
    hold(s, b);
    retry_later(s, "too much waits for the event store: it cannot keep up");
    return false;
}

static void retry(store_sink *s)
{
    int64_t now = mcr_clock_monotonic();
    if (s->stopped || !s->retry_at || now < s->retry_at || !TAILQ_EMPTY(&s->out))
        return;
    give_up_late(s, now);
    s->retry_at = 0;
    batch *b;
    while ((b = TAILQ_FIRST(&s->held))) {
        TAILQ_REMOVE(&s->held, b, in_list);
        s->retries++;
        if (!submit(s, b))
            break;
    }
}

static void count_batch(store_sink *s, batch *b)
{
    mcr_sink *sink = &s->sink;
    mcr_sink_tell(sink, "delivered", b->events, b->n);
    for (size_t i = 0; i < b->n; i++) {
        sink->counts.in_flight--;
        sink->counts.delivered++;
        if (b->answers && b->answers[i])
            sink->answer.call(sink->answer.self, b->answers[i]);
    }
    for (int i = 0; i < SIDE_COUNTERS; i++)
        s->upserted[i] += b->upserted[i];
    s->wait = 0;
}

// settle counts what has come back, and holds what failed.
static void settle(store_sink *s)
{
    letterbox *box = s->box;
    pthread_mutex_lock(&box->lock);
    batch *done = box->done;
    box->done = NULL;
    box->last = &box->done;
    pthread_mutex_unlock(&box->lock);
    while (done) {
        batch *b = done;
        done = b->next;
        TAILQ_REMOVE(&s->out, b, in_list);
        if (b->result == MCR_OK && !b->skipped) {
            count_batch(s, b);
            free_batch(b);
            continue;
        }
        memset(b->upserted, 0, sizeof b->upserted);
        for (size_t i = 0; b->answers && i < b->n; i++) {
            mcr_event_unref(b->answers[i]);
            b->answers[i] = NULL;
        }
        if (b->result != MCR_OK) {
            s->epoch = b->epoch + 1;
            retry_later(s, b->reason);
        }
        hold(s, b);
    }
    give_up_late(s, mcr_clock_monotonic());
    retry(s);
}

static void on_wake(struct ev_loop *loop, ev_async *wake, int revents)
{
    (void)loop, (void)revents;
    settle(wake->data);
}

static mcr_sink *open_store(const void *o, mcr_errbuf *err)
{
    const store_options *wanted = o;
    if (check(o, err))
        return NULL;
    mcr_store *store = mcr_store_share(
        &(mcr_store_options){
            .path = wanted->path && *wanted->path ? wanted->path : NULL,
            .ttl_ns = wanted->ttl ? wanted->ttl : -1,
            .max_bytes = wanted->max_bytes,
            .sync = wanted->fsync,
        },
        err);
    if (!store)
        return NULL;
    store_sink *s = mcr_zalloc(sizeof *s);
    s->sink.kind = &mcr_sink_kind_store;
    s->options = o;
    s->store = store;
    TAILQ_INIT(&s->out);
    TAILQ_INIT(&s->held);
    s->box = mcr_zalloc(sizeof *s->box);
    s->box->upserter = mcr_upserter_new(&mcr_random_system);
    s->box->last = &s->box->done;
    pthread_mutex_init(&s->box->lock, NULL);
    mcr_cond_init(&s->box->change);
    return &s->sink;
}

static void start(mcr_sink *sink, struct ev_loop *loop)
{
    store_sink *s = (store_sink *)(void *)sink;
    s->loop = loop;
    ev_async_init(&s->wake, on_wake);
    s->wake.data = s;
    ev_async_start(loop, &s->wake);
    pthread_mutex_lock(&s->box->lock);
    s->box->loop = loop;
    s->box->wake = &s->wake;
    pthread_mutex_unlock(&s->box->lock);
}

static size_t room(const mcr_sink *sink)
{
    const store_sink *s = (const store_sink *)(const void *)sink;
    uint64_t waiting = sink->counts.in_flight, most = (uint64_t)s->options->queue;
    return waiting < most ? (size_t)(most - waiting) : 0;
}

static void write_events(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now)
{
    (void)now;
    store_sink *s = (store_sink *)(void *)sink;
    settle(s);
    n = mcr_sink_assign(sink, events, n, s->options->queue);
    if (n == 0)
        return;
    batch *b = mcr_zalloc(sizeof *b + n * sizeof *b->events);
    b->work = (mcr_store_work){ run_batch, batch_done, .never_fails = true };
    b->box = s->box;
    b->number = s->number++;
    b->arrived = mcr_clock_monotonic();
    b->n = n;
    if (sink->answer.call)
        b->answers = mcr_zalloc(n * sizeof(mcr_event *));
    for (size_t i = 0; i < n; i++)
        b->events[i] = mcr_event_ref(events[i]);
    if (s->retry_at)
        hold(s, b);
    else
        submit(s, b);
}

static void flush(mcr_sink *sink, int64_t now)
{
    (void)now;
    settle((store_sink *)(void *)sink);
}

static int64_t tick(mcr_sink *sink, int64_t now)
{
    store_sink *s = (store_sink *)(void *)sink;
    if (s->retry_at)
        settle(s);
    // While some are under way, their coming back wakes it.
    if (!s->retry_at || !TAILQ_EMPTY(&s->out))
        return 0;
    int64_t left = s->retry_at - mcr_clock_monotonic();
    return now + (left > 0 ? left : 0);
}

static void drain(mcr_sink *sink, int64_t now)
{
    (void)now;
    store_sink *s = (store_sink *)(void *)sink;
    if (s->retry_at)
        s->retry_at = mcr_clock_monotonic();
    settle(s);
}

// leave waits until all batches have come back. What has not in time is given up here: the store's
// thread may still write it, and frees it.
static void leave(store_sink *s)
{
    letterbox *box = s->box;
    int64_t deadline = mcr_clock_monotonic() + (s->loop ? STOP_NS : CLOSE_NS);
    pthread_mutex_lock(&box->lock);
    bool in_time = true;
    while (box->under_way && in_time)
        in_time = mcr_cond_wait(&box->change, &box->lock, deadline);
    s->all_back = !box->under_way;
    box->loop = NULL;
    // The sentence goes to the dead letters' file and to the log: nothing that takes long.
    batch *b, *next;
    for (b = TAILQ_FIRST(&s->out); b; b = next) {
        next = TAILQ_NEXT(b, in_list);
        if (b->back)
            continue;
        TAILQ_REMOVE(&s->out, b, in_list);
        give_up(s, b, "the event store did not say before the end whether it is written");
    }
    box->left = !s->all_back;
    pthread_mutex_unlock(&box->lock);
}

static void stop(mcr_sink *sink)
{
    store_sink *s = (store_sink *)(void *)sink;
    if (s->stopped)
        return;
    s->stopped = true;
    leave(s);
    if (s->loop)
        ev_async_stop(s->loop, &s->wake);
    s->retry_at = 0; // nothing is tried again
    settle(s);
    batch *b;
    while ((b = TAILQ_FIRST(&s->held))) {
        TAILQ_REMOVE(&s->held, b, in_list);
        give_up(s, b, "not delivered before the end");
        free_batch(b);
    }
}

static void close_store(mcr_sink *sink)
{
    store_sink *s = (store_sink *)(void *)sink;
    stop(sink);
    mcr_store_unshare(s->store);
    if (s->all_back)
        free_box(s->box);
    free(s->reason);
    free(s);
}

static void each_note(const mcr_sink *sink, mcr_sink_note *note, void *arg)
{
    static const char *const names[SIDE_COUNTERS] = { "created", "changed", "same", "removed",
                                                      "absent" };
    const store_sink *s = (const store_sink *)(const void *)sink;
    for (int i = 0; i < SIDE_COUNTERS; i++)
        note(arg, names[i], s->upserted[i]);
    note(arg, "turned_away", sink->turned_away);
    note(arg, "retries", s->retries);
}

const mcr_sink_kind mcr_sink_kind_store = {
    .name = "store",
    .doc = "keeps events in SQLite, for `mooncrier serve` and `get`",
    .records = true,
    .options = options,
    .options_size = sizeof(store_options),
    .defaults = defaults,
    .check = check,
    .open = open_store,
    .start = start,
    .room = room,
    .write = write_events,
    .flush = flush,
    .tick = tick,
    .drain = drain,
    .stop = stop,
    .close = close_store,
    .each_note = each_note,
};
