#include "broadcast/broadcaster.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "broadcast/fanout.h"
#include "broadcast/hooks.h"
#include "broadcast/inbox.h"

// Threaded: client-go's mux.go. `gate` is its incomingBlock: whoever puts something into the
// incoming queue holds it, also while it waits for room, and blockQueue's callers hold it until the
// distributor has come to their task. So everything accepted before a task is distributed before
// it, and nothing accepted after comes before it; and since a task's caller holds the gate until it
// was run, a task is always the last thing in the queue, and there is at most one.
//
// Only the distributor's thread touches the list of watches, so distributing takes no lock.
//
// Inline: the owner's thread distributes; `gate` guards the list against a watch that is added or
// stopped by another thread. Nothing ever waits while holding it.

typedef struct task {
    void (*run)(mcr_broadcaster *b, void *arg);
    void *arg;
    atomic_bool done;
} task;

struct mcr_broadcaster {
    // Immutable.
    uint64_t id;
    mcr_broadcaster_options options;
    mcr_inbox *inbox;   // inline
    mcr_ring *incoming; // threaded: events, and tasks (marked in the lowest bit)
    pthread_t thread;   // threaded: the distributor

    // Callers of blockQueue go first: without this, producers in a tight loop could keep them from
    // the gate for a long time.
    atomic_uint first;
    pthread_mutex_t turnstile;

    // Under gate.
    pthread_mutex_t gate;
    bool stopped;

    _Atomic uint64_t last_id; // of the watches

    mcr_fanout watches; // threaded: the distributor's; inline: under gate
    bool ending;        // the distributor's
    mcr_waiting waiting;

    mcr_parker producer;    // the gate's holder waits here for room or its task
    mcr_parker distributor; // the distributor waits here for events, or for room in a watch

    // Inline: set before events flow.
    bool holds_wakes;
    mcr_wake *room;
    void *room_arg;
    mcr_wake *emit;
    void *emit_arg;

    // Counters. entered and incoming_full are written under gate, distributed by whoever
    // distributes.
    _Atomic uint64_t entered;
    _Atomic uint64_t incoming_full;
    _Atomic uint64_t distributed;
};

static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_release);
}

static mcr_err already_stopped(mcr_errbuf *err)
{
    return mcr_errf(err, MCR_ESTOPPED, "broadcaster already stopped");
}

static void *as_item(task *t)
{
    return (void *)((uintptr_t)t | 1);
}

static task *as_task(void *item)
{
    return (uintptr_t)item & 1 ? (task *)((uintptr_t)item & ~(uintptr_t)1) : NULL;
}

// Takes up to MCR_BATCH items out of the incoming queue, but when waiting for watches no more than
// they all have room for, and at least one: what is "in the hand" of client-go's loop while it
// waits is one event.
static uint32_t pop(mcr_broadcaster *b, void **items, bool *fit)
{
    uint32_t n = MCR_BATCH;
    mcr_watch *tightest = NULL;
    if (b->options.full == MCR_WAIT_IF_CHANNEL_FULL)
        n = mcr_fanout_room(&b->watches, n, &tightest);
    *fit = n > 0;
    return mcr_ring_pop(b->incoming, items, n ? n : 1);
}

static void distribute(mcr_broadcaster *b, void **items, uint32_t n, bool fit)
{
    task *t = as_task(items[n - 1]);
    mcr_event **events = (mcr_event **)items;
    if (t)
        n--;
    if (fit && n)
        mcr_fanout_offer(&b->watches, events, n, 0);
    else if (n)
        mcr_fanout_offer_waiting(&b->watches, events[0], &b->distributor, &b->waiting);
    for (uint32_t i = 0; i < n; i++)
        mcr_event_unref(events[i]);
    add(&b->distributed, n);
    if (t) {
        t->run(b, t->arg);
        atomic_store(&t->done, true); // from here on `t`, on its caller's stack, may be gone
        mcr_unpark(&b->producer);
    }
}

static void *distributor(void *arg)
{
    mcr_broadcaster *b = arg;
    uint32_t run = 0; // since the queue was empty
    while (!b->ending) {
        void *items[MCR_BATCH];
        bool fit;
        uint32_t n = pop(b, items, &fit);
        run += n;
        if (n) {
            distribute(b, items, n, fit);
        } else if (run >= MCR_BATCH) {
            run = 0;
            sched_yield();
        } else if (mcr_ring_sleep(b->incoming)) {
            mcr_park(&b->distributor, -1);
        }
    }
    return NULL;
}

mcr_broadcaster *mcr_broadcaster_new(const mcr_broadcaster_options *options)
{
    static _Atomic uint64_t last;
    mcr_broadcaster *b = mcr_zalloc(sizeof *b);
    b->id = atomic_fetch_add(&last, 1) + 1;
    b->options = *options;
    if (!b->options.incoming)
        b->options.incoming = MCR_INCOMING_DEFAULT;
    pthread_mutex_init(&b->turnstile, NULL);
    pthread_mutex_init(&b->gate, NULL);
    pthread_mutex_init(&b->waiting.lock, NULL);
    mcr_parker_init(&b->producer);
    mcr_parker_init(&b->distributor);
    if (b->options.is_inline) {
        b->inbox = mcr_inbox_new(b->options.incoming);
        return b;
    }
    b->incoming = mcr_ring_new(b->options.incoming);
    mcr_ring_on_wake(b->incoming, mcr_unpark, &b->distributor, mcr_unpark, &b->producer);
    if (pthread_create(&b->thread, NULL, distributor, b) == 0)
        return b;
    b->stopped = true;
    mcr_broadcaster_free(b);
    return NULL;
}

void mcr_broadcaster_free(mcr_broadcaster *b)
{
    if (!b)
        return;
    mcr_broadcaster_shutdown(b);
    mcr_inbox_free(b->inbox);
    mcr_ring_free(b->incoming);
    mcr_fanout_fini(&b->watches);
    mcr_parker_fini(&b->distributor);
    mcr_parker_fini(&b->producer);
    pthread_mutex_destroy(&b->waiting.lock);
    pthread_mutex_destroy(&b->gate);
    pthread_mutex_destroy(&b->turnstile);
    free(b);
}

// Takes the gate behind those who go first.
static void enter(mcr_broadcaster *b)
{
    if (atomic_load_explicit(&b->first, memory_order_relaxed)) {
        pthread_mutex_lock(&b->turnstile);
        pthread_mutex_unlock(&b->turnstile);
    }
    pthread_mutex_lock(&b->gate);
}

static void enter_first(mcr_broadcaster *b)
{
    atomic_fetch_add(&b->first, 1);
    pthread_mutex_lock(&b->turnstile);
    pthread_mutex_lock(&b->gate);
    pthread_mutex_unlock(&b->turnstile);
    atomic_fetch_sub(&b->first, 1);
}

static void leave(mcr_broadcaster *b)
{
    pthread_mutex_unlock(&b->gate);
}

// Under gate: puts an item into the incoming queue, waiting for room.
static void put_waiting(mcr_broadcaster *b, void *item)
{
    while (!mcr_ring_push(b->incoming, &item, 1)) {
        if (mcr_ring_wait_for_room(b->incoming, 1)) {
            mcr_park(&b->producer, -1);
            mcr_ring_gather_room(b->incoming, &b->producer);
        }
    }
}

mcr_err mcr_broadcaster_action(mcr_broadcaster *b, mcr_event *ev, mcr_errbuf *err)
{
    assert(!b->options.is_inline);
    enter(b);
    bool stopped = b->stopped;
    if (!stopped) {
        add(&b->entered, 1);
        put_waiting(b, mcr_event_ref(ev));
    }
    leave(b);
    return stopped ? already_stopped(err) : MCR_OK;
}

mcr_err mcr_broadcaster_action_or_drop(mcr_broadcaster *b, mcr_event *ev, bool *accepted,
                                       mcr_errbuf *err)
{
    assert(!b->options.is_inline);
    *accepted = false;
    enter(b);
    bool stopped = b->stopped;
    if (!stopped) {
        *accepted = mcr_ring_room(b->incoming, 1) == 1;
        add(*accepted ? &b->entered : &b->incoming_full, 1);
        if (*accepted) {
            void *item = mcr_event_ref(ev);
            mcr_ring_push(b->incoming, &item, 1);
        }
    }
    leave(b);
    return stopped ? already_stopped(err) : MCR_OK;
}

// client-go's blockQueue: runs `run(b, arg)` behind everything accepted so far and before
// everything accepted later; with `last` nothing is accepted after it. False: shut down, not run.
static bool block_queue(mcr_broadcaster *b, void (*run)(mcr_broadcaster *b, void *arg), void *arg,
                        bool last)
{
    enter_first(b);
    bool stopped = b->stopped;
    if (!stopped) {
        b->stopped = last;
        if (b->options.is_inline) {
            run(b, arg);
        } else {
            task t = { .run = run, .arg = arg };
            put_waiting(b, as_item(&t));
            while (!atomic_load(&t.done))
                mcr_park(&b->producer, -1);
        }
    }
    leave(b);
    return !stopped;
}

static void add_watch(mcr_broadcaster *b, void *arg)
{
    mcr_fanout_add(&b->watches, arg);
}

static void remove_watch(mcr_broadcaster *b, void *arg)
{
    mcr_fanout_remove(&b->watches, arg);
    mcr_watch_close(arg);
}

static void wake_publisher(void *arg)
{
    mcr_broadcaster *b = arg;
    if (b->room)
        b->room(b->room_arg);
}

static mcr_watch *watch(mcr_broadcaster *b, uint32_t queue, mcr_event *const *prefix, uint32_t n,
                        mcr_errbuf *err)
{
    bool is_inline = b->options.is_inline;
    if (is_inline && queue == 0)
        queue = 1;
    uint64_t id = atomic_fetch_add(&b->last_id, 1) + 1;
    mcr_watch *w = mcr_watch_make(id, queue, b, is_inline ? wake_publisher : mcr_unpark,
                                  is_inline ? (void *)b : (void *)&b->distributor);
    if (b->holds_wakes)
        mcr_ring_hold(w->ring);
    for (uint32_t i = 0; i < n; i++)
        mcr_event_ref(prefix[i]);
    if (n)
        mcr_watch_put(w, prefix, n);
    if (block_queue(b, add_watch, w, false))
        return w;
    mcr_watch_close(w);
    mcr_watch_free(w);
    already_stopped(err);
    return NULL;
}

mcr_watch *mcr_broadcaster_watch(mcr_broadcaster *b, mcr_errbuf *err)
{
    return watch(b, b->options.queue, NULL, 0, err);
}

mcr_watch *mcr_broadcaster_watch_sized(mcr_broadcaster *b, uint32_t queue, mcr_errbuf *err)
{
    return watch(b, queue, NULL, 0, err);
}

mcr_watch *mcr_broadcaster_watch_with_prefix(mcr_broadcaster *b, mcr_event *const *events,
                                             uint32_t n, mcr_errbuf *err)
{
    return watch(b, b->options.queue > n ? b->options.queue : n + 1, events, n, err);
}

void mcr_watch_stop(mcr_watch *w)
{
    pthread_mutex_lock(&w->stopping);
    pthread_mutex_lock(&w->lock);
    mcr_broadcaster *b = w->owner;
    pthread_mutex_unlock(&w->lock);
    if (b) {
        // First free a distributor that waits for this very watch: it would never come to the
        // task. When the broadcaster is shut down meanwhile, the watch is closed by that.
        atomic_store(&w->stopped, true);
        if (w->handoff)
            mcr_handoff_release(w->handoff);
        if (!b->options.is_inline)
            mcr_unpark(&b->distributor);
        block_queue(b, remove_watch, w, false);
        if (b->options.is_inline)
            wake_publisher(b);
    }
    pthread_mutex_unlock(&w->stopping);
}

static void distribute_emitted(mcr_broadcaster *b, const mcr_emitted *emitted, uint32_t n)
{
    uint32_t done = 0;
    while (done < n) {
        mcr_event *events[MCR_BATCH];
        uint32_t same = 0;
        uint64_t from = emitted[done].from;
        while (done + same < n && emitted[done + same].from == from) {
            events[same] = emitted[done + same].ev;
            same++;
        }
        mcr_fanout_offer(&b->watches, events, same, from);
        for (uint32_t i = 0; i < same; i++)
            mcr_event_unref(events[i]);
        done += same;
    }
    add(&b->distributed, n);
}

// Under gate. Not more than there were at first: emitters may be as fast as the owner.
static uint32_t empty_inbox(mcr_broadcaster *b)
{
    uint32_t total = 0;
    uint32_t n;
    do {
        mcr_emitted emitted[MCR_BATCH];
        n = mcr_inbox_take(b->inbox, emitted, MCR_BATCH);
        distribute_emitted(b, emitted, n);
        total += n;
    } while (n == MCR_BATCH && total < b->options.incoming);
    return total;
}

static void end(mcr_broadcaster *b, void *arg)
{
    (void)arg;
    if (b->options.is_inline) {
        mcr_inbox_close(b->inbox);
        while (empty_inbox(b))
            ;
    }
    mcr_fanout_close(&b->watches);
    b->ending = true;
}

void mcr_broadcaster_shutdown(mcr_broadcaster *b)
{
    if (block_queue(b, end, NULL, true) && !b->options.is_inline)
        pthread_join(b->thread, NULL);
}

uint64_t mcr_broadcaster_id(const mcr_broadcaster *b)
{
    return b->id;
}

void mcr_broadcaster_stop_waiting(mcr_broadcaster *b)
{
    if (b->options.is_inline)
        return;
    mcr_waiting_end(&b->waiting);
    mcr_unpark(&b->distributor);
}

uint32_t mcr_broadcaster_publish(mcr_broadcaster *b, mcr_event *const *events, uint32_t n,
                                 mcr_full_behavior full)
{
    assert(b->options.is_inline);
    enter(b);
    uint32_t done = 0;
    while (done < n && !b->stopped) {
        uint32_t batch = n - done < MCR_BATCH ? n - done : MCR_BATCH;
        uint32_t fit = batch;
        mcr_watch *tightest = NULL;
        if (full == MCR_WAIT_IF_CHANNEL_FULL)
            fit = mcr_fanout_room(&b->watches, batch, &tightest);
        if (fit) {
            add(&b->entered, fit);
            mcr_fanout_offer(&b->watches, events + done, fit, 0);
            add(&b->distributed, fit);
            done += fit;
        }
        if (fit < batch && mcr_watch_wait_for_room(tightest))
            break;
    }
    leave(b);
    return done;
}

void mcr_broadcaster_hold_wakes(mcr_broadcaster *b)
{
    assert(b->options.is_inline);
    b->holds_wakes = true;
}

void mcr_broadcaster_wake(mcr_broadcaster *b)
{
    enter(b);
    mcr_fanout_wake(&b->watches);
    leave(b);
}

void mcr_broadcaster_on_room(mcr_broadcaster *b, mcr_wake *room, void *arg)
{
    b->room = room;
    b->room_arg = arg;
}

void mcr_broadcaster_on_emit(mcr_broadcaster *b, mcr_wake *wake, void *arg)
{
    b->emit = wake;
    b->emit_arg = arg;
}

bool mcr_broadcaster_emit(mcr_broadcaster *b, mcr_event *ev, const mcr_watch *from)
{
    assert(b->options.is_inline);
    if (ev->hops >= MCR_MAX_HOPS) {
        mcr_inbox_refuse(b->inbox);
        return false;
    }
    mcr_event *next = mcr_event_copy(ev); // others may hold `ev`, and count its hops
    next->hops++;
    bool first;
    bool room = mcr_inbox_put_take(b->inbox, next, from ? from->id : 0, &first);
    if (!room)
        mcr_event_unref(next);
    else if (first && b->emit)
        b->emit(b->emit_arg);
    return room;
}

bool mcr_broadcaster_takes_emitted(const mcr_broadcaster *b)
{
    return !mcr_inbox_is_closed(b->inbox);
}

uint32_t mcr_broadcaster_distribute_emitted(mcr_broadcaster *b)
{
    assert(b->options.is_inline);
    enter(b);
    uint32_t n = empty_inbox(b);
    leave(b);
    return n;
}

mcr_broadcaster_counts mcr_broadcaster_counts_now(mcr_broadcaster *b)
{
    // `distributed` first: what was distributed had entered before, so the difference is never
    // negative. The sums are made of single counters, so they hold in every snapshot.
    mcr_broadcaster_counts counts = { 0 };
    counts.distributed = atomic_load_explicit(&b->distributed, memory_order_acquire);
    uint64_t emitted = 0;
    if (b->inbox)
        mcr_inbox_counts(b->inbox, &emitted, &counts.emit_full);
    uint64_t entered = atomic_load_explicit(&b->entered, memory_order_acquire) + emitted;
    counts.incoming_full = atomic_load_explicit(&b->incoming_full, memory_order_acquire);
    counts.queued = entered - counts.distributed;
    counts.accepted = entered + counts.incoming_full + counts.emit_full;
    return counts;
}
