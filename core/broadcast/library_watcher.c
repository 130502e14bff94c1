// mooncrier.h: event watchers from start to stop: flush, counts, and the shutdown that drains them.

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/park.h"
#include "broadcast/library.h"
#include "broadcast/watch.h"

// Between two looks whether a flush is through: the first, and the longest.
#define LOOK_NS     INT64_C(200000)
#define MAX_LOOK_NS INT64_C(20000000)
#define FOR_EVER_NS (INT64_MAX / 4)
// What a shutdown gives hosts that were told to hurry before it leaves them behind.
#define HURRY_NS INT64_C(100000000)

// All that run, for the shutdown of their broadcaster.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t drained = PTHREAD_COND_INITIALIZER;
static mcr_event_watcher *running;

mcr_event_watcher *mcr_event_watcher_start_take(mcr_broadcaster *b, mcr_watcher *watcher,
                                                const mcr_library_start *start, mcr_errbuf *err)
{
    mcr_watch *watch = mcr_broadcaster_watch(b, err);
    if (!watch)
        return NULL;
    mcr_host *host = mcr_host_new("event watcher", start->clock ? start->clock : &mcr_clock_wall);
    mcr_host_add(host, watcher, watch);
    if (start->drain_timeout)
        mcr_host_set_drain_timeout(host, start->drain_timeout > 0 ? start->drain_timeout : 0);
    if (mcr_host_start(host, err)) {
        mcr_host_join(host);
        mcr_watch_free(watch);
        return NULL;
    }
    mcr_event_watcher *w = mcr_zalloc(sizeof *w);
    *w = (mcr_event_watcher){ .b = b,
                              .b_id = mcr_broadcaster_id(b),
                              .watch = watch,
                              .w = watcher,
                              .host = host,
                              .freed = start->freed,
                              .arg = start->arg };
    pthread_mutex_lock(&lock);
    w->next = running;
    running = w;
    pthread_mutex_unlock(&lock);
    return w;
}

void mcr_event_watcher_stop(mcr_event_watcher *w)
{
    if (!w)
        return;
    mcr_watch_stop(w->watch);
    pthread_mutex_lock(&lock);
    while (w->draining)
        pthread_cond_wait(&drained, &lock);
    mcr_event_watcher **at = &running;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    pthread_mutex_unlock(&lock);
    mcr_host_join(w->host);
    mcr_watcher_free(w->w);
    mcr_watch_free(w->watch);
    if (w->freed)
        w->freed(w->arg);
    free(w);
}

mcr_watch_counts mcr_event_watcher_counts(const mcr_event_watcher *w)
{
    return mcr_watch_counts_now(w->watch);
}

static int64_t deadline_of(int64_t timeout_ns)
{
    bool ever = timeout_ns < 0 || timeout_ns > FOR_EVER_NS;
    return mcr_clock_monotonic() + (ever ? FOR_EVER_NS : timeout_ns);
}

static int64_t left(int64_t deadline)
{
    int64_t ns = deadline - mcr_clock_monotonic();
    return ns > 0 ? ns : 0;
}

// Runs `fn` where the watcher's counts may be read: on its thread, or here once that has ended.
static bool ask(mcr_event_watcher *w, void (*fn)(void *block), void *block, size_t size,
                int64_t timeout_ns)
{
    if (mcr_host_ask(w->host, fn, block, size, timeout_ns))
        return true;
    if (!mcr_host_ends(w->host, 0))
        return false;
    fn(block);
    return true;
}

//
// Ledger
//

typedef struct reading {
    mcr_event_watcher *w;
    mcr_event_watcher_ledger ledger;
} reading;

static void read_ledger(void *arg)
{
    reading *r = arg;
    mcr_watcher_counts counts = mcr_watcher_counts_now(r->w->w);
    r->ledger = (mcr_event_watcher_ledger){
        .taken = counts.taken,
        .spam_filtered = counts.spam_filtered,
        .aggregated = counts.aggregated,
        .counted = counts.counted,
        .sink = mcr_watcher_sink(r->w->w, 0)->counts,
    };
}

bool mcr_event_watcher_ledger_now(mcr_event_watcher *w, int64_t timeout_ns,
                                  mcr_event_watcher_ledger *out)
{
    reading r = { .w = w };
    bool read = ask(w, read_ledger, &r, sizeof r, left(deadline_of(timeout_ns)));
    if (read)
        *out = r.ledger;
    return read;
}

//
// Flush
//

// Sleeps a little longer each time. False: the deadline has passed.
static bool look_later(int64_t *pause, int64_t deadline)
{
    int64_t ns = left(deadline);
    if (!ns)
        return false;
    ns = *pause < ns ? *pause : ns;
    nanosleep(&(struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 }, NULL);
    *pause = *pause * 2 < MAX_LOOK_NS ? *pause * 2 : MAX_LOOK_NS;
    return true;
}

// What the broadcaster has accepted and not lost reaches the watches in the same order, so that
// numbers say when it has.
static bool wait_distributed(mcr_event_watcher *w, int64_t deadline)
{
    if (atomic_load(&w->watch->closed))
        return true;
    mcr_broadcaster_counts counts = mcr_broadcaster_counts_now(w->b);
    uint64_t goal = counts.queued + counts.distributed;
    int64_t pause = LOOK_NS;
    while (counts.distributed < goal) {
        if (!look_later(&pause, deadline))
            return false;
        if (atomic_load(&w->watch->closed))
            return true;
        counts = mcr_broadcaster_counts_now(w->b);
    }
    return true;
}

static bool wait_taken(mcr_event_watcher *w, int64_t deadline)
{
    mcr_watch_counts counts = mcr_watch_counts_now(w->watch);
    uint64_t goal = counts.queued + counts.taken;
    int64_t pause = LOOK_NS;
    while (counts.taken < goal) {
        // Asked before the count is read again: it may have taken the last ones and ended.
        bool last = mcr_host_ends(w->host, 0) || !look_later(&pause, deadline);
        counts = mcr_watch_counts_now(w->watch);
        if (last)
            break;
    }
    return counts.taken >= goal;
}

typedef struct asking {
    mcr_event_watcher *w;
    bool flush;
    uint64_t in_flight;
} asking;

// Calls come between two batches: what was taken before has been handed to the sink.
static void ask_in_flight(void *arg)
{
    asking *a = arg;
    if (a->flush)
        mcr_watcher_flush(a->w->w, mcr_clock_now(&mcr_clock_wall));
    a->in_flight = mcr_watcher_in_flight(a->w->w);
}

bool mcr_event_watcher_flush(mcr_event_watcher *w, int64_t timeout_ns)
{
    int64_t deadline = deadline_of(timeout_ns);
    if (!wait_distributed(w, deadline) || !wait_taken(w, deadline))
        return false;
    asking a = { .w = w, .flush = !mcr_host_ends(w->host, 0) };
    int64_t pause = LOOK_NS;
    while (true) {
        // Its host is given a moment even when no time is left to wait for deliveries.
        if (!mcr_host_ask(w->host, ask_in_flight, &a, sizeof a, left(deadline) + MAX_LOOK_NS))
            return mcr_host_ends(w->host, 0);
        if (a.in_flight == 0)
            return true;
        if (!look_later(&pause, deadline))
            return false;
    }
}

//
// Shutdown(drain)
//

typedef struct shutdown_run {
    mcr_broadcaster *b;
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool done;
} shutdown_run;

static void *shut_down(void *arg)
{
    shutdown_run *run = arg;
    mcr_broadcaster_shutdown(run->b);
    pthread_mutex_lock(&run->lock);
    run->done = true;
    pthread_cond_signal(&run->change);
    pthread_mutex_unlock(&run->lock);
    return NULL;
}

// A watcher that is being drained.
typedef struct held {
    mcr_event_watcher *w;
    uint64_t ring_full; // when that began
} held;

// Marks the watchers of `b` that have not ended and returns them, *n of them.
static held *hold_watchers(const mcr_broadcaster *b, size_t *n)
{
    uint64_t id = mcr_broadcaster_id(b);
    *n = 0;
    pthread_mutex_lock(&lock);
    for (mcr_event_watcher *w = running; w; w = w->next)
        *n += w->b_id == id;
    held *all = mcr_alloc((*n + 1) * sizeof *all);
    *n = 0;
    for (mcr_event_watcher *w = running; w; w = w->next) {
        if (w->b_id != id || mcr_host_ends(w->host, 0))
            continue;
        w->draining++;
        all[(*n)++] = (held){ w, mcr_watch_counts_now(w->watch).ring_full };
    }
    pthread_mutex_unlock(&lock);
    return all;
}

static void release_watchers(held *all, size_t n)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n; i++)
        all[i].w->draining--;
    pthread_cond_broadcast(&drained);
    pthread_mutex_unlock(&lock);
    free(all);
}

// What the watcher missed, when it has ended or is left behind.
static uint64_t left_of(const held *h, int64_t deadline)
{
    uint64_t undecided = mcr_host_ends(h->w->host, left(deadline))
                             ? mcr_watcher_counts_now(h->w->w).undelivered
                             : mcr_host_in_hand(h->w->host);
    mcr_watch_counts counts = mcr_watch_counts_now(h->w->watch);
    return undecided + counts.queued + counts.ring_full - h->ring_full;
}

// In a thread of its own: it waits for watches that have no room, and that may last.
static void shut_down_until(mcr_broadcaster *b, int64_t deadline)
{
    shutdown_run run = { .b = b, .lock = PTHREAD_MUTEX_INITIALIZER };
    mcr_cond_init(&run.change);
    pthread_t thread;
    bool threaded = pthread_create(&thread, NULL, shut_down, &run) == 0;
    bool in_time = threaded;
    pthread_mutex_lock(&run.lock);
    while (!run.done && in_time)
        in_time = mcr_cond_wait(&run.change, &run.lock, deadline);
    bool done = run.done;
    pthread_mutex_unlock(&run.lock);
    if (!done)
        mcr_broadcaster_stop_waiting(b);
    if (threaded)
        pthread_join(thread, NULL);
    else
        mcr_broadcaster_shutdown(b);
    pthread_cond_destroy(&run.change);
    pthread_mutex_destroy(&run.lock);
}

uint64_t mcr_broadcaster_shutdown_drain(mcr_broadcaster *b, int64_t timeout_ns)
{
    int64_t deadline = deadline_of(timeout_ns);
    size_t n;
    held *all = hold_watchers(b, &n);
    shut_down_until(b, deadline);

    bool in_time = true;
    for (size_t i = 0; i < n; i++)
        in_time = in_time && mcr_host_ends(all[i].w->host, left(deadline));
    for (size_t i = 0; i < n && !in_time; i++)
        mcr_host_hurry(all[i].w->host);
    uint64_t missed = 0;
    for (size_t i = 0; i < n; i++)
        missed += left_of(&all[i], deadline + HURRY_NS);
    release_watchers(all, n);
    return missed;
}
