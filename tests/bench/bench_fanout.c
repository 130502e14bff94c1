// The way of an event from the publisher to its readers' hands, in four arrangements:
//
// - one thread per watch, as the program has it by default: the figure that counts;
// - one thread that reads all watches in turn, as `group` has it;
// - the C library's: Action, the distributor's thread, a thread per watch in mcr_watch_next;
// - the baseline: a bounded queue per watch with a mutex and condition variables, event by event.
//
// All wait, so nothing is lost, and every reader gives back its hold. Besides wall time the CPU
// time of all threads is given: on few processors the first says as much about the scheduler.

#include "bench_fanout.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/park.h"
#include "broadcast/broadcaster.h"

enum {
    WATCHES = 16,
    QUEUE = 1000,
    BATCH = 64,
    POOL = 64 * BATCH // different events, published again and again
};

typedef struct locked_queue {
    pthread_mutex_t lock;
    pthread_cond_t change;
    mcr_event *at[QUEUE];
    uint32_t head;
    uint32_t n;
    bool closed;
} locked_queue;

typedef struct reader {
    mcr_watch *watches[WATCHES];
    uint32_t n; // of watches
    locked_queue *queue;
    mcr_parker awake;
    size_t seen;
    pthread_t thread;
} reader;

typedef struct arrangement {
    const char *name;
    bool is_inline;
    bool one_thread;
    void *(*read)(void *reader);
    void (*write)(mcr_broadcaster *b, mcr_event *const *pool, size_t events);
} arrangement;

typedef struct measured {
    double wall_ns; // per event
    double cpu_ns;
} measured;

static void *read_as_host(void *arg)
{
    reader *r = arg;
    uint32_t open = r->n;
    uint32_t run = 0;
    while (open) {
        bool idle = true;
        for (uint32_t i = 0; i < r->n; i++) {
            if (!r->watches[i])
                continue;
            mcr_event *events[BATCH];
            bool closed;
            uint32_t n = mcr_watch_take(r->watches[i], events, BATCH, &closed);
            for (uint32_t k = 0; k < n; k++)
                mcr_event_unref(events[k]);
            r->seen += n;
            run += n;
            if (n)
                idle = false;
            if (closed) {
                mcr_watch_free(r->watches[i]);
                r->watches[i] = NULL;
                open--;
            }
        }
        if (idle && run >= BATCH) { // as host.c does
            run = 0;
            sched_yield();
            continue;
        }
        for (uint32_t i = 0; i < r->n && idle; i++)
            idle = !r->watches[i] || mcr_watch_sleep(r->watches[i]);
        if (idle && open)
            mcr_park(&r->awake, -1);
    }
    return NULL;
}

static void *read_next(void *arg)
{
    reader *r = arg;
    mcr_event *ev;
    while (mcr_watch_next(r->watches[0], -1, &ev) == MCR_WATCH_EVENT) {
        mcr_event_unref(ev);
        r->seen++;
    }
    mcr_watch_free(r->watches[0]);
    return NULL;
}

static void write_published(mcr_broadcaster *b, mcr_event *const *pool, size_t events)
{
    mcr_parker room;
    mcr_parker_init(&room);
    mcr_broadcaster_on_room(b, mcr_unpark, &room);
    for (size_t i = 0; i < events; i += BATCH) {
        uint32_t done = 0;
        while ((done += mcr_broadcaster_publish(b, pool + i % POOL + done, BATCH - done,
                                                MCR_WAIT_IF_CHANNEL_FULL)) < BATCH)
            mcr_park(&room, -1);
    }
    mcr_broadcaster_shutdown(b);
    mcr_parker_fini(&room);
}

static void write_actions(mcr_broadcaster *b, mcr_event *const *pool, size_t events)
{
    for (size_t i = 0; i < events; i++)
        mcr_broadcaster_action(b, pool[i % POOL], NULL);
    mcr_broadcaster_shutdown(b);
}

static const arrangement arrangements[] = {
    { "thread_per_watch", true, false, read_as_host, write_published },
    { "one_thread", true, true, read_as_host, write_published },
    { "library", false, false, read_next, write_actions },
};

enum {
    ARRANGEMENTS = sizeof arrangements / sizeof *arrangements
};

static mcr_broadcaster *open_watches(const arrangement *a, reader *readers, uint32_t watches)
{
    mcr_broadcaster_options options = { .queue = QUEUE,
                                        .full = MCR_WAIT_IF_CHANNEL_FULL,
                                        .is_inline = a->is_inline };
    mcr_broadcaster *b = mcr_broadcaster_new(&options);
    for (uint32_t i = 0; i < watches; i++) {
        reader *r = &readers[a->one_thread ? 0 : i];
        mcr_watch *w = mcr_broadcaster_watch(b, NULL);
        if (a->read == read_as_host)
            mcr_watch_on_wake(w, mcr_unpark, &r->awake);
        r->watches[r->n++] = w;
    }
    return b;
}

// Runs `write` here and the readers on their threads; false when something was lost.
static bool measure(const arrangement *a, mcr_event *const *pool, uint32_t watches, size_t events,
                    measured *out)
{
    reader *readers = mcr_zalloc(WATCHES * sizeof *readers);
    uint32_t threads = a->one_thread ? 1 : watches;
    for (uint32_t i = 0; i < threads; i++)
        mcr_parker_init(&readers[i].awake);
    mcr_broadcaster *b = open_watches(a, readers, watches);
    for (uint32_t i = 0; i < threads; i++)
        pthread_create(&readers[i].thread, NULL, a->read, &readers[i]);

    double cpu = bench_process_cpu_ns();
    int64_t wall = mcr_clock_monotonic();
    a->write(b, pool, events);
    size_t seen = 0;
    for (uint32_t i = 0; i < threads; i++) {
        pthread_join(readers[i].thread, NULL);
        seen += readers[i].seen;
    }
    out->wall_ns = (double)(mcr_clock_monotonic() - wall) / (double)events;
    out->cpu_ns = (bench_process_cpu_ns() - cpu) / (double)events;

    for (uint32_t i = 0; i < threads; i++)
        mcr_parker_fini(&readers[i].awake);
    mcr_broadcaster_free(b);
    free(readers);
    return seen == events * watches;
}

static void *read_locked(void *arg)
{
    reader *r = arg;
    locked_queue *q = r->queue;
    for (;;) {
        pthread_mutex_lock(&q->lock);
        while (!q->n && !q->closed)
            pthread_cond_wait(&q->change, &q->lock);
        mcr_event *ev = q->n ? q->at[q->head] : NULL;
        if (ev) {
            q->head = (q->head + 1) % QUEUE;
            if (q->n-- == QUEUE)
                pthread_cond_broadcast(&q->change);
        }
        pthread_mutex_unlock(&q->lock);
        if (!ev)
            return NULL;
        mcr_event_unref(ev);
        r->seen++;
    }
}

static void write_locked(locked_queue *q, mcr_event *ev)
{
    pthread_mutex_lock(&q->lock);
    while (q->n == QUEUE)
        pthread_cond_wait(&q->change, &q->lock);
    if (ev)
        q->at[(q->head + q->n) % QUEUE] = mcr_event_ref(ev);
    else
        q->closed = true;
    if (!ev || q->n++ == 0)
        pthread_cond_broadcast(&q->change);
    pthread_mutex_unlock(&q->lock);
}

static double measure_baseline(mcr_event *const *pool, uint32_t watches, size_t events)
{
    reader *readers = mcr_zalloc(WATCHES * sizeof *readers);
    for (uint32_t i = 0; i < watches; i++) {
        readers[i].queue = mcr_zalloc(sizeof *readers[i].queue);
        pthread_mutex_init(&readers[i].queue->lock, NULL);
        pthread_cond_init(&readers[i].queue->change, NULL);
        pthread_create(&readers[i].thread, NULL, read_locked, &readers[i]);
    }
    int64_t wall = mcr_clock_monotonic();
    for (size_t i = 0; i <= events; i++)
        for (uint32_t k = 0; k < watches; k++)
            write_locked(readers[k].queue, i < events ? pool[i % POOL] : NULL);
    for (uint32_t i = 0; i < watches; i++)
        pthread_join(readers[i].thread, NULL);
    double ns = (double)(mcr_clock_monotonic() - wall) / (double)events;
    for (uint32_t i = 0; i < watches; i++) {
        pthread_cond_destroy(&readers[i].queue->change);
        pthread_mutex_destroy(&readers[i].queue->lock);
        free(readers[i].queue);
    }
    free(readers);
    return ns;
}

static int bench_watches(const mcr_bench *self, mcr_event *const *pool, uint32_t watches,
                         size_t events, int runs)
{
    double *wall[ARRANGEMENTS], *cpu[ARRANGEMENTS];
    double *baseline = mcr_alloc((size_t)runs * sizeof *baseline);
    bool all_there = true;
    for (int a = 0; a < ARRANGEMENTS; a++) {
        wall[a] = mcr_alloc((size_t)runs * sizeof **wall);
        cpu[a] = mcr_alloc((size_t)runs * sizeof **cpu);
    }
    for (int i = 0; i < runs; i++) {
        for (int a = 0; a < ARRANGEMENTS; a++) {
            measured m;
            all_there &= measure(&arrangements[a], pool, watches, events, &m);
            wall[a][i] = m.wall_ns;
            cpu[a][i] = m.cpu_ns;
        }
        baseline[i] = measure_baseline(pool, watches, events / 8);
    }
    double ours = bench_median(wall[0], (size_t)runs);
    double locked = bench_median(baseline, (size_t)runs);
    printf("{\"bench\":\"%s\",\"watches\":%u,\"events\":%zu,\"runs\":%d,\"lost\":%s,"
           "\"events_per_s\":%.0f,\"events_per_cpu_s\":%.0f",
           self->name, watches, events, runs, all_there ? "0" : "\"yes\"", 1e9 / ours,
           1e9 / bench_median(cpu[0], (size_t)runs));
    for (int a = 1; a < ARRANGEMENTS; a++)
        printf(",\"%s_events_per_s\":%.0f,\"%s_events_per_cpu_s\":%.0f", arrangements[a].name,
               1e9 / bench_median(wall[a], (size_t)runs), arrangements[a].name,
               1e9 / bench_median(cpu[a], (size_t)runs));
    printf(",\"baseline\":\"mutex and condition variable\",\"baseline_events_per_s\":%.0f,"
           "\"ratio\":%.2f}\n",
           1e9 / locked, locked / ours);
    fflush(stdout);
    for (int a = 0; a < ARRANGEMENTS; a++) {
        free(wall[a]);
        free(cpu[a]);
    }
    free(baseline);
    return all_there ? 0 : 1;
}

int bench_fanout(const mcr_bench *self, int runs)
{
    static const struct {
        uint32_t watches;
        size_t events;
    } cases[] = { { 1, 1 << 20 }, { 4, 1 << 19 }, { 16, 1 << 17 } };
    mcr_event **pool = mcr_alloc(POOL * sizeof *pool);
    for (int i = 0; i < POOL; i++)
        pool[i] = mcr_event_new(&(mcr_event){ .count = i });
    int result = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        result |= bench_watches(self, pool, cases[i].watches, cases[i].events, runs);
    for (int i = 0; i < POOL; i++)
        mcr_event_unref(pool[i]);
    free(pool);
    return result;
}
