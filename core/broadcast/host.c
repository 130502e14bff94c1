#include "broadcast/host.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/park.h"
#include "broadcast/watch.h"

// Rounds over the watchers between two looks at the loop while there is work: often enough for
// timers and descriptors, seldom enough that the system call does not show (LIMITS §3).
enum {
    ROUNDS = 16
};

#define DRAIN_TIMEOUT_NS (30 * INT64_C(1000000000))

// A watcher with its place in the host.
typedef struct seat {
    mcr_watcher *w;
    mcr_watch *watch;
    int64_t next_tick; // Unix ns, 0 for never
    bool busy;         // stepped since the last flush
    bool full;         // its sinks had no room when it was asked last
    bool ending;       // closed and read to its end; deliveries may be in flight
    int64_t patience;  // monotonic ns: until when its sinks are waited for; 0: as long as it takes
    bool done;         // nothing is in flight any more
    _Atomic uint32_t in_hand; // events of the step that runs
} seat;

// A call of mcr_host_ask or of mcr_host_post; the list and the state are under `lock`. The thread
// that runs it frees it when nobody waits for it (any more), else who waits does.
typedef struct call {
    struct call *next;
    void (*fn)(void *arg);
    mcr_host_work *work; // a post's; then fn is NULL
    void *arg;
    enum {
        CALL_WAITS,
        CALL_RUNS,
        CALL_DONE,
        CALL_REFUSED,
        CALL_ABANDONED // runs, and who waited for it has gone
    } state;
    max_align_t block[]; // what it works on
} call;

struct mcr_host {
    // Immutable after start.
    char name[16];
    mcr_clock clock;
    int64_t drain_timeout; // ns
    mcr_wake *done;
    void *done_arg;
    mcr_wake *left;
    void *left_arg;
    pthread_t thread;
    bool started;
    struct ev_loop *loop;

    // The host's thread, which has the lock whenever it changes which watchers there are.
    seat *seats;
    uint32_t n;
    ev_timer tick;
    uint32_t run; // events since all queues were empty

    // Any thread.
    ev_async wake;
    atomic_bool hurry;
    atomic_bool called;     // calls may be waiting
    _Atomic int64_t end_by; // monotonic ns, of all seats; 0: from when their watches are closed

    // Under lock.
    pthread_mutex_t lock;
    pthread_cond_t change;
    call *calls; // waiting ones, first come first
    bool ended;
};

// Loop callbacks have nothing to do: that the loop returned is what counts.
static void on_wake(struct ev_loop *loop, ev_async *wake, int events)
{
    (void)loop, (void)wake, (void)events;
}

static void on_tick(struct ev_loop *loop, ev_timer *tick, int events)
{
    (void)loop, (void)tick, (void)events;
}

static void wake_host(void *arg)
{
    mcr_host *h = arg;
    ev_async_send(h->loop, &h->wake);
}

mcr_host *mcr_host_new(const char *name, const mcr_clock *clock)
{
    mcr_host *h = mcr_zalloc(sizeof *h);
    strncpy(h->name, name, sizeof h->name - 1);
    h->clock = *clock;
    h->drain_timeout = DRAIN_TIMEOUT_NS;
    pthread_mutex_init(&h->lock, NULL);
    mcr_cond_init(&h->change);
    ev_async_init(&h->wake, on_wake);
    ev_timer_init(&h->tick, on_tick, 0, 0);
    return h;
}

// A place for one more watcher, that of one that has left if there is any.
static seat *free_seat(mcr_host *h)
{
    for (uint32_t i = 0; i < h->n; i++)
        if (h->seats[i].done)
            return &h->seats[i];
    h->seats = mcr_realloc(h->seats, (h->n + 1) * sizeof *h->seats);
    return &h->seats[h->n++];
}

static void begin(mcr_host *h, seat *s)
{
    mcr_watcher_start(s->w, h->loop);
    s->next_tick = mcr_watcher_tick(s->w, mcr_clock_now(&h->clock));
    s->busy = true; // it may have written something
}

void mcr_host_add(mcr_host *h, mcr_watcher *w, mcr_watch *watch)
{
    pthread_mutex_lock(&h->lock);
    seat *s = free_seat(h);
    *s = (seat){ .w = w, .watch = watch };
    atomic_init(&s->in_hand, 0);
    pthread_mutex_unlock(&h->lock);
    if (!h->started)
        return;
    mcr_watch_on_wake(watch, wake_host, h);
    begin(h, s);
}

void mcr_host_on_left(mcr_host *h, mcr_wake *left, void *arg)
{
    h->left = left;
    h->left_arg = arg;
}

bool mcr_host_has(mcr_host *h, const mcr_watcher *w)
{
    bool has = false;
    pthread_mutex_lock(&h->lock);
    for (uint32_t i = 0; i < h->n; i++)
        has |= h->seats[i].w == w && !h->seats[i].done;
    pthread_mutex_unlock(&h->lock);
    return has;
}

struct ev_loop *mcr_host_loop(mcr_host *h)
{
    return h->loop;
}

void mcr_host_set_drain_timeout(mcr_host *h, int64_t ns)
{
    h->drain_timeout = ns;
}

void mcr_host_on_done(mcr_host *h, mcr_wake *done, void *arg)
{
    h->done = done;
    h->done_arg = arg;
}

// False: there were none.
static bool run_calls(mcr_host *h)
{
    if (!atomic_exchange(&h->called, false))
        return false;
    pthread_mutex_lock(&h->lock);
    while (h->calls) {
        call *c = h->calls;
        h->calls = c->next;
        c->state = CALL_RUNS;
        pthread_mutex_unlock(&h->lock);
        bool waited_for = c->fn != NULL;
        if (waited_for) {
            c->fn(c->arg);
        } else {
            c->work(c->arg, false);
            free(c);
        }
        pthread_mutex_lock(&h->lock);
        if (waited_for && c->state == CALL_ABANDONED) {
            free(c);
        } else if (waited_for) {
            c->state = CALL_DONE;
            pthread_cond_broadcast(&h->change);
        }
    }
    pthread_mutex_unlock(&h->lock);
    return true;
}

static void refuse_calls(mcr_host *h)
{
    pthread_mutex_lock(&h->lock);
    h->ended = true;
    call *posts = NULL;
    for (call *c = h->calls, *next; c; c = next) {
        next = c->next;
        c->state = CALL_REFUSED;
        if (c->work) {
            c->next = posts;
            posts = c;
        }
    }
    h->calls = NULL;
    pthread_cond_broadcast(&h->change);
    pthread_mutex_unlock(&h->lock);
    while (posts) {
        call *c = posts;
        posts = c->next;
        c->work(c->arg, true);
        free(c);
    }
}

// The end has been announced, or the watch is closed.
static void be_patient(mcr_host *h, seat *s)
{
    if (s->patience)
        return;
    s->patience = atomic_load(&h->end_by);
    if (!s->patience && atomic_load(&s->watch->closed))
        s->patience = mcr_clock_monotonic() + h->drain_timeout;
}

static bool has_patience(const seat *s)
{
    return !s->patience || mcr_clock_monotonic() < s->patience;
}

// The watch is closed and read to its end, or somebody is in a hurry.
static void begin_end(mcr_host *h, seat *s)
{
    mcr_watcher_fini(s->w, mcr_clock_now(&h->clock));
    mcr_watch_on_wake(s->watch, NULL, NULL);
    s->ending = true;
}

static void end(mcr_host *h, seat *s)
{
    mcr_watcher_stop(s->w);
    pthread_mutex_lock(&h->lock);
    s->done = true;
    pthread_mutex_unlock(&h->lock);
    if (h->left)
        h->left(h->left_arg);
}

// True: it came to its end just now.
static bool try_end(mcr_host *h, seat *s)
{
    if (mcr_watcher_in_flight(s->w) > 0 && has_patience(s))
        return false;
    end(h, s);
    return true;
}

// One batch of one watcher. False: there was nothing to do.
static bool turn(mcr_host *h, seat *s)
{
    be_patient(h, s);
    if (s->ending)
        return try_end(h, s);
    uint32_t room = mcr_watcher_room(s->w);
    s->full = room == 0 && has_patience(s);
    if (s->full) {
        // With nothing left to read, its sinks hear of the end at once: it ends their patience.
        bool read = atomic_load(&s->watch->closed) && mcr_watch_counts_now(s->watch).queued == 0;
        if (read)
            begin_end(h, s);
        return read;
    }
    if (room == 0) {
        mcr_watcher_cut_off(s->w);
        room = MCR_BATCH;
    }
    mcr_event *events[MCR_BATCH];
    bool closed;
    uint32_t n = mcr_watch_take(s->watch, events, room, &closed);
    if (n) {
        atomic_store_explicit(&s->in_hand, n, memory_order_relaxed);
        mcr_watcher_step(s->w, events, n, mcr_clock_now(&h->clock));
        atomic_store_explicit(&s->in_hand, 0, memory_order_relaxed);
        h->run += n;
        s->busy = true;
        return true;
    }
    if (closed)
        begin_end(h, s);
    return closed;
}

static void tick(mcr_host *h, seat *s)
{
    s->next_tick = mcr_watcher_tick(s->w, mcr_clock_now(&h->clock));
    s->busy = true; // it may have written something
}

// A call may have brought ticks forward.
static void renew_ticks(mcr_host *h)
{
    for (uint32_t i = 0; i < h->n; i++)
        if (!h->seats[i].done)
            tick(h, &h->seats[i]);
}

static bool is_due(mcr_host *h, const seat *s)
{
    return s->next_tick && mcr_clock_now(&h->clock) >= s->next_tick;
}

static void tick_if_due(mcr_host *h, seat *s)
{
    if (is_due(h, s))
        tick(h, s);
}

// One batch of each watcher in turn. False: all are idle.
static bool round_of_turns(mcr_host *h)
{
    bool worked = false;
    for (uint32_t i = 0; i < h->n; i++) {
        seat *s = &h->seats[i];
        if (s->done)
            continue;
        tick_if_due(h, s);
        if (turn(h, s)) {
            worked = true;
        } else if (s->busy) {
            mcr_watcher_flush(s->w, mcr_clock_now(&h->clock));
            s->busy = false;
            worked = true;
        }
    }
    return worked;
}

static bool all_done(const mcr_host *h)
{
    for (uint32_t i = 0; i < h->n; i++)
        if (!h->seats[i].done)
            return false;
    return true;
}

// Asks once more when the next tick is due (the last flush may have brought it forward), then
// whether all queues are still empty.
static bool may_sleep(mcr_host *h)
{
    for (uint32_t i = 0; i < h->n; i++) {
        seat *s = &h->seats[i];
        if (s->done)
            continue;
        if (is_due(h, s))
            return false; // in its turn, after which what it writes is flushed
        s->next_tick = mcr_watcher_tick(s->w, mcr_clock_now(&h->clock));
        // The loop wakes it when its sinks have room again, or nothing left in flight.
        if (!s->full && !s->ending && !mcr_watch_sleep(s->watch))
            return false;
    }
    return true;
}

static int64_t earlier(int64_t a, int64_t b)
{
    if (!a || !b)
        return a ? a : b;
    return a < b ? a : b;
}

static void set_timer(mcr_host *h)
{
    int64_t next = 0, patience = 0;
    for (uint32_t i = 0; i < h->n; i++) {
        const seat *s = &h->seats[i];
        if (!s->done)
            next = earlier(next, s->next_tick);
        if (s->patience && !s->done && (s->full || s->ending))
            patience = earlier(patience, s->patience);
    }
    ev_timer_stop(h->loop, &h->tick);
    if (!next && !patience)
        return;
    int64_t left = next ? next - mcr_clock_now(&h->clock) : INT64_MAX;
    int64_t wait = patience ? patience - mcr_clock_monotonic() : INT64_MAX;
    left = wait < left ? wait : left;
    ev_now_update(h->loop);
    ev_timer_set(&h->tick, left > 0 ? (double)left / 1e9 : 0, 0);
    ev_timer_start(h->loop, &h->tick);
}

static void *run(void *arg)
{
    mcr_host *h = arg;
    sigset_t guard;
    sigemptyset(&guard);
    sigaddset(&guard, MCR_GUARD_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &guard, NULL);
    for (uint32_t i = 0; i < h->n; i++)
        begin(h, &h->seats[i]);

    while (!all_done(h) && !atomic_load(&h->hurry)) {
        bool worked = true;
        for (int i = 0; i < ROUNDS && worked && !atomic_load(&h->hurry); i++) {
            if (run_calls(h))
                renew_ticks(h);
            worked = round_of_turns(h);
        }
        if (!worked && h->run >= MCR_BATCH) {
            h->run = 0;
            sched_yield();
            continue;
        }
        // Whatever comes after the look into the queues (events, calls, hurry) wakes the loop.
        bool sleep = !worked && !all_done(h) && may_sleep(h);
        if (sleep)
            set_timer(h);
        ev_run(h->loop, sleep ? EVRUN_ONCE : EVRUN_NOWAIT);
    }
    run_calls(h);
    for (uint32_t i = 0; i < h->n; i++) {
        seat *s = &h->seats[i];
        if (!s->ending)
            begin_end(h, s);
        if (!s->done)
            end(h, s);
    }
    refuse_calls(h);
    if (h->done)
        h->done(h->done_arg);
    return NULL;
}

mcr_err mcr_host_start(mcr_host *h, mcr_errbuf *err)
{
    h->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOSIGMASK);
    if (!h->loop)
        return mcr_errf(err, MCR_EIO, "host %s: the system gives no event loop: %s", h->name,
                        strerror(errno));
    ev_async_start(h->loop, &h->wake);
    for (uint32_t i = 0; i < h->n; i++)
        mcr_watch_on_wake(h->seats[i].watch, wake_host, h);

    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&h->thread, NULL, run, h);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        for (uint32_t i = 0; i < h->n; i++)
            mcr_watch_on_wake(h->seats[i].watch, NULL, NULL);
        return mcr_errf(err, MCR_EIO, "host %s: the system gives no thread: %s", h->name,
                        strerror(failed));
    }
    pthread_setname_np(h->thread, h->name);
    h->started = true;
    return MCR_OK;
}

static void withdraw(mcr_host *h, call *c)
{
    call **at = &h->calls;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
}

// Under lock. False: nobody would come to it.
static bool enqueue(mcr_host *h, call *c)
{
    if (h->ended || !h->started)
        return false;
    call **last = &h->calls;
    while (*last)
        last = &(*last)->next;
    *last = c;
    atomic_store(&h->called, true);
    ev_async_send(h->loop, &h->wake);
    return true;
}

bool mcr_host_post(mcr_host *h, mcr_host_work *work, void *arg)
{
    call *c = mcr_zalloc(sizeof *c);
    *c = (call){ .work = work, .arg = arg, .state = CALL_WAITS };
    pthread_mutex_lock(&h->lock);
    bool taken = enqueue(h, c);
    pthread_mutex_unlock(&h->lock);
    if (!taken)
        free(c);
    return taken;
}

bool mcr_host_ask(mcr_host *h, void (*fn)(void *block), void *block, size_t size,
                  int64_t timeout_ns)
{
    int64_t deadline = mcr_clock_monotonic() + timeout_ns;
    call *c = mcr_zalloc(sizeof *c + size);
    *c = (call){ .fn = fn, .arg = c->block, .state = CALL_WAITS };
    memcpy(c->block, block, size);
    pthread_mutex_lock(&h->lock);
    bool taken = enqueue(h, c);
    while (taken && (c->state == CALL_WAITS || c->state == CALL_RUNS)) {
        if (mcr_cond_wait(&h->change, &h->lock, deadline) || c->state > CALL_RUNS)
            continue;
        if (c->state == CALL_WAITS)
            withdraw(h, c);
        c->state = c->state == CALL_WAITS ? CALL_REFUSED : CALL_ABANDONED;
    }
    bool done = taken && c->state == CALL_DONE, abandoned = c->state == CALL_ABANDONED;
    pthread_mutex_unlock(&h->lock);
    if (done)
        memcpy(block, c->block, size);
    if (!abandoned)
        free(c);
    return done;
}

// What mcr_host_call asks for.
typedef struct plain_call {
    void (*fn)(void *arg);
    void *arg;
} plain_call;

static void run_plain(void *block)
{
    const plain_call *c = block;
    c->fn(c->arg);
}

bool mcr_host_call(mcr_host *h, void (*fn)(void *arg), void *arg, int64_t timeout_ns)
{
    plain_call c = { fn, arg };
    return mcr_host_ask(h, run_plain, &c, sizeof c, timeout_ns);
}

void mcr_host_hurry(mcr_host *h)
{
    atomic_store(&h->hurry, true);
    if (h->started)
        ev_async_send(h->loop, &h->wake);
}

void mcr_host_end_by(mcr_host *h, int64_t deadline)
{
    int64_t none = 0;
    if (atomic_compare_exchange_strong(&h->end_by, &none, deadline) && h->started)
        ev_async_send(h->loop, &h->wake);
}

bool mcr_host_ends(mcr_host *h, int64_t timeout_ns)
{
    int64_t deadline = mcr_clock_monotonic() + timeout_ns;
    bool in_time = true;
    pthread_mutex_lock(&h->lock);
    while (h->started && !h->ended && in_time)
        in_time = mcr_cond_wait(&h->change, &h->lock, deadline);
    bool ended = !h->started || h->ended;
    pthread_mutex_unlock(&h->lock);
    return ended;
}

uint32_t mcr_host_in_hand(mcr_host *h)
{
    uint32_t sum = 0;
    pthread_mutex_lock(&h->lock);
    for (uint32_t i = 0; i < h->n; i++)
        sum += atomic_load_explicit(&h->seats[i].in_hand, memory_order_relaxed);
    pthread_mutex_unlock(&h->lock);
    return sum;
}

void mcr_host_join(mcr_host *h)
{
    if (h->started)
        pthread_join(h->thread, NULL);
    if (h->loop)
        ev_loop_destroy(h->loop);
    pthread_cond_destroy(&h->change);
    pthread_mutex_destroy(&h->lock);
    free(h->seats);
    free(h);
}
