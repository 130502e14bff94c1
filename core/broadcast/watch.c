#include "broadcast/watch.h"

#include <sched.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "broadcast/hooks.h"

// The ring's wake-ups go through the watch's lock: they are rare (the other side sleeps), and a
// reader or broadcaster that goes away takes itself out under the same lock.
static void wake_reader(void *arg)
{
    mcr_watch *w = arg;
    pthread_mutex_lock(&w->lock);
    if (w->wake)
        w->wake(w->wake_arg);
    pthread_mutex_unlock(&w->lock);
}

static void wake_publisher(void *arg)
{
    mcr_watch *w = arg;
    pthread_mutex_lock(&w->lock);
    if (w->room)
        w->room(w->room_arg);
    pthread_mutex_unlock(&w->lock);
}

mcr_watch *mcr_watch_make(uint64_t id, uint32_t queue, mcr_broadcaster *owner, mcr_wake *room,
                          void *room_arg)
{
    mcr_watch *w = mcr_zalloc(sizeof *w);
    w->id = id;
    w->owner = owner;
    w->room = room;
    w->room_arg = room_arg;
    pthread_mutex_init(&w->lock, NULL);
    pthread_mutex_init(&w->stopping, NULL);
    mcr_parker_init(&w->parker);
    w->wake = mcr_unpark;
    w->wake_arg = &w->parker;
    if (queue == 0) {
        w->handoff = mcr_handoff_new();
    } else {
        w->ring = mcr_ring_new(queue);
        mcr_ring_on_wake(w->ring, wake_reader, w, wake_publisher, w);
    }
    return w;
}

void mcr_watch_set_tapping(mcr_watch *w, mcr_tapping *tapping, const char *watcher)
{
    w->telling = (mcr_telling){ tapping, watcher };
}

uint32_t mcr_watch_room(mcr_watch *w, uint32_t n)
{
    return w->ring ? mcr_ring_room(w->ring, n) : 0;
}

// Counters have one writer, so a plain load and store will do; readers want `kept` before the
// event can be seen taken, which the ring's (or handoff's) release gives.
static void add(_Atomic uint64_t *counter, uint64_t n)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + n, memory_order_release);
}

static void take_back(_Atomic uint64_t *counter)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value - 1, memory_order_release);
}

static bool put_one(mcr_watch *w, mcr_event *ev, bool wait)
{
    add(&w->kept, 1);
    if (mcr_handoff_put(w->handoff, ev, wait)) {
        wake_reader(w);
        return true;
    }
    take_back(&w->kept);
    return false;
}

uint32_t mcr_watch_put(mcr_watch *w, mcr_event *const *events, uint32_t n)
{
    uint32_t fit = 0;
    if (w->ring) {
        fit = mcr_ring_room(w->ring, n);
        add(&w->kept, fit);
        mcr_ring_push(w->ring, (void *const *)events, fit);
    } else {
        while (fit < n && put_one(w, events[fit], false))
            fit++;
    }
    if (fit < n)
        add(&w->ring_full, n - fit);
    return fit;
}

bool mcr_watch_put_waiting(mcr_watch *w, mcr_event *ev, mcr_parker *parker)
{
    if (w->handoff)
        return put_one(w, ev, true);
    while (!atomic_load(&w->stopped)) {
        if (mcr_ring_room(w->ring, 1)) {
            mcr_watch_put(w, &ev, 1);
            return true;
        }
        if (mcr_ring_wait_for_room(w->ring, 1)) {
            mcr_park(parker, -1);
            mcr_ring_gather_room(w->ring, parker);
        }
    }
    return false;
}

bool mcr_watch_wait_for_room(mcr_watch *w)
{
    return mcr_ring_wait_for_room(w->ring, (mcr_ring_capacity(w->ring) + 1) / 2);
}

void mcr_watch_close(mcr_watch *w)
{
    // All of it under the lock: a reader that sees `closed` may free the watch, and that waits for
    // the lock.
    pthread_mutex_lock(&w->lock);
    w->owner = NULL;
    w->room = NULL;
    atomic_store(&w->closed, true);
    if (w->handoff)
        mcr_handoff_close(w->handoff);
    if (w->wake)
        w->wake(w->wake_arg);
    pthread_mutex_unlock(&w->lock);
}

void mcr_watch_on_wake(mcr_watch *w, mcr_wake *wake, void *arg)
{
    pthread_mutex_lock(&w->lock);
    w->wake = wake ? wake : mcr_unpark;
    w->wake_arg = wake ? arg : &w->parker;
    pthread_mutex_unlock(&w->lock);
}

uint32_t mcr_watch_take(mcr_watch *w, mcr_event **out, uint32_t n, bool *closed)
{
    // Read before looking into the queue: nothing is put in after it was set.
    bool end = atomic_load(&w->closed);
    uint32_t got = 0;
    if (w->ring)
        got = mcr_ring_pop(w->ring, (void **)out, n);
    else if (n && (out[0] = mcr_handoff_get(w->handoff, 0)))
        got = 1;
    if (got)
        add(&w->taken, got);
    *closed = end && !got;
    return got;
}

bool mcr_watch_sleep(mcr_watch *w)
{
    bool sleep = w->ring ? mcr_ring_sleep(w->ring) : mcr_handoff_sleep(w->handoff);
    return sleep && !atomic_load(&w->closed);
}

static mcr_watch_result next_handed(mcr_watch *w, int64_t timeout_ns, mcr_event **out)
{
    bool end = atomic_load(&w->closed);
    *out = mcr_handoff_get(w->handoff, timeout_ns);
    if (*out) {
        add(&w->taken, 1);
        return MCR_WATCH_EVENT;
    }
    return end || atomic_load(&w->closed) ? MCR_WATCH_CLOSED : MCR_WATCH_EMPTY;
}

mcr_watch_result mcr_watch_next(mcr_watch *w, int64_t timeout_ns, mcr_event **out)
{
    if (w->handoff)
        return next_handed(w, timeout_ns, out);
    int64_t deadline = 0;
    for (;;) {
        bool closed;
        if (mcr_watch_take(w, out, 1, &closed)) {
            w->run++;
            return MCR_WATCH_EVENT;
        }
        if (closed)
            return MCR_WATCH_CLOSED;
        if (timeout_ns == 0)
            return MCR_WATCH_EMPTY;
        int64_t left = -1;
        if (timeout_ns > 0) {
            int64_t now = mcr_clock_monotonic();
            if (!deadline)
                deadline = now + timeout_ns;
            left = deadline - now;
            if (left <= 0)
                return MCR_WATCH_EMPTY;
        }
        if (w->run >= MCR_BATCH) {
            w->run = 0;
            sched_yield();
            continue;
        }
        if (mcr_watch_sleep(w))
            mcr_park(&w->parker, left);
    }
}

mcr_watch_counts mcr_watch_counts_now(const mcr_watch *w)
{
    // `taken` first: what was taken was kept before, so the difference is never negative. The sums
    // are made of single counters, so they hold in every snapshot.
    mcr_watch_counts counts = { .taken = atomic_load_explicit(&w->taken, memory_order_acquire) };
    uint64_t kept = atomic_load_explicit(&w->kept, memory_order_acquire);
    counts.ring_full = atomic_load_explicit(&w->ring_full, memory_order_acquire);
    counts.queued = kept - counts.taken;
    counts.offered = kept + counts.ring_full;
    return counts;
}

void mcr_watch_free(mcr_watch *w)
{
    if (!w)
        return;
    mcr_watch_stop(w);
    // Waits for whoever closed it and is still on its way out of the lock.
    pthread_mutex_lock(&w->lock);
    pthread_mutex_unlock(&w->lock);
    void *left[MCR_BATCH];
    uint32_t n;
    while (w->ring && (n = mcr_ring_pop(w->ring, left, MCR_BATCH)) > 0)
        for (uint32_t i = 0; i < n; i++)
            mcr_event_unref(left[i]);
    mcr_ring_free(w->ring);
    mcr_handoff_free(w->handoff);
    mcr_parker_fini(&w->parker);
    pthread_mutex_destroy(&w->stopping);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
