// The sink "store": events into the event store, where `mooncrier serve` and `mooncrier get` find
// them. Each batch is one piece of work on the store's thread, which says by ev_async when it is
// committed.

#include <ev.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/park.h"
#include "sink/kinds.h"
#include "store/store_path.h"
#include "store/store_share.h"
#include "store/upsert.h"

enum {
    WAITING = 10000, // events that are not committed yet
    SIDE_COUNTERS = MCR_UPSERT_ABSENT + 1
};

static const int64_t SECOND = 1000000000;
// What close waits for the store; it is as patient with a locked file itself.
#define CLOSE_NS (15 * SECOND)

typedef struct store_options {
    const char *path;
    int64_t ttl;
    int64_t max_bytes;
    bool fsync;
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
    { 0 },
};

static void defaults(void *o)
{
    store_options *store = o;
    store->ttl = MCR_STORE_TTL;
    store->max_bytes = MCR_STORE_MAX_BYTES;
}

static const char *check(const void *o, mcr_errbuf *err)
{
    const store_options *store = o;
    if (store->max_bytes > 0)
        return NULL;
    mcr_errf(err, MCR_ECONFIG, "'max_bytes' must be more than 0");
    return "max_bytes";
}

// A batch on its way through the store's thread and back.
typedef struct batch {
    mcr_store_work work;
    struct letterbox *box;
    struct batch *next; // of those that are done
    mcr_err result;
    char reason[512];
    uint64_t upserted[SIDE_COUNTERS];
    size_t n;
    mcr_event **answers; // NULL: nobody asks
    mcr_event *events[];
} batch;

// What the sink and its batches share; the last one frees it. A sink that could not wait any longer
// leaves it behind.
typedef struct letterbox {
    mcr_upserter *upserter; // the store's thread
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
    mcr_store *store;
    letterbox *box;
    ev_async wake;
    struct ev_loop *loop;
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
    for (size_t i = 0; i < b->n; i++) {
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
    if (result != MCR_OK)
        snprintf(b->reason, sizeof b->reason, "%.500s", err->text);
    pthread_mutex_lock(&box->lock);
    bool last = --box->under_way == 0, left = box->left;
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

static void count_batch(store_sink *s, batch *b)
{
    mcr_sink *sink = &s->sink;
    if (b->result != MCR_OK)
        mcr_log_once_a_minute(MCR_LOG_ERROR, "sink '%s' of watcher '%s': %s", sink->name,
                              sink->watcher, b->reason);
    for (size_t i = 0; i < b->n; i++) {
        if (b->result != MCR_OK) {
            mcr_sink_give_up(sink, b->events[i], b->reason);
            continue;
        }
        sink->counts.in_flight--;
        sink->counts.delivered++;
        if (b->answers && b->answers[i])
            sink->answer.call(sink->answer.self, b->answers[i]);
    }
    for (int i = 0; b->result == MCR_OK && i < SIDE_COUNTERS; i++)
        s->upserted[i] += b->upserted[i];
}

// settle counts what has come back.
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
        count_batch(s, b);
        free_batch(b);
    }
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
    s->store = store;
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
    uint64_t waiting = sink->counts.in_flight;
    return waiting < WAITING ? WAITING - (size_t)waiting : 0;
}

static void write_events(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now)
{
    (void)now;
    store_sink *s = (store_sink *)(void *)sink;
    batch *b = mcr_zalloc(sizeof *b + n * sizeof *b->events);
    b->work = (mcr_store_work){ run_batch, batch_done, .never_fails = true };
    b->box = s->box;
    b->n = n;
    if (sink->answer.call)
        b->answers = mcr_zalloc(n * sizeof(mcr_event *));
    for (size_t i = 0; i < n; i++)
        b->events[i] = mcr_event_ref(events[i]);
    sink->counts.assigned += n;
    sink->counts.in_flight += n;
    pthread_mutex_lock(&s->box->lock);
    s->box->under_way++;
    pthread_mutex_unlock(&s->box->lock);
    if (!mcr_store_do(s->store, &b->work))
        batch_done(&b->work, MCR_EIO,
                   &(mcr_errbuf){ "too much waits for the event store: it cannot keep up" });
    settle(s);
}

static void flush(mcr_sink *sink, int64_t now)
{
    (void)now;
    settle((store_sink *)(void *)sink);
}

// wait_for_batches waits until all have come back. False: that took too long; the sink has left.
static bool wait_for_batches(letterbox *box)
{
    int64_t deadline = mcr_clock_monotonic() + CLOSE_NS;
    pthread_mutex_lock(&box->lock);
    bool in_time = true;
    while (box->under_way && in_time)
        in_time = mcr_cond_wait(&box->change, &box->lock, deadline);
    bool all = !box->under_way;
    box->left = !all;
    box->loop = NULL;
    pthread_mutex_unlock(&box->lock);
    return all;
}

static void stop(mcr_sink *sink)
{
    store_sink *s = (store_sink *)(void *)sink;
    if (s->stopped)
        return;
    s->stopped = true;
    s->all_back = wait_for_batches(s->box);
    if (s->loop)
        ev_async_stop(s->loop, &s->wake);
    settle(s);
    sink->counts.gave_up += sink->counts.in_flight;
    sink->counts.in_flight = 0;
}

static void close_store(mcr_sink *sink)
{
    store_sink *s = (store_sink *)(void *)sink;
    stop(sink);
    mcr_store_unshare(s->store);
    if (s->all_back)
        free_box(s->box);
    free(s);
}

static void each_note(const mcr_sink *sink, mcr_sink_note *note, void *arg)
{
    static const char *const names[SIDE_COUNTERS] = { "created", "changed", "same", "removed",
                                                      "absent" };
    const store_sink *s = (const store_sink *)(const void *)sink;
    for (int i = 0; i < SIDE_COUNTERS; i++)
        note(arg, names[i], s->upserted[i]);
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
    .stop = stop,
    .close = close_store,
    .each_note = each_note,
};
