// broadcast/broadcaster.h under many threads: producers, readers, watches that come and go, a
// snapshot reader, and Shutdown in the middle of it all. Every event carries its producer and its
// number; whoever watches must see each producer's events in order, with gaps only where the mode
// allows, and the counts must add up at every moment.

#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>

#include "broadcast/broadcaster.h"
#include "watchdog.h"

enum {
    PRODUCERS = 3,
    READERS = 3,
    EVENTS = 4000, // of each producer
    VISITS = 300
};

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static mcr_event *event(int producer, int number)
{
    mcr_event fields = { .source_index = (uint32_t)producer, .count = number };
    return mcr_event_new(&fields);
}

typedef struct reader {
    mcr_watch *w;
    bool gaps;           // are allowed
    int last[PRODUCERS]; // 0: none yet
    uint64_t n;
    pthread_t thread;
} reader;

static void see(reader *r, mcr_event *ev)
{
    int *last = &r->last[ev->source_index];
    CHECK(r->gaps || !*last ? ev->count > *last : ev->count == *last + 1);
    *last = ev->count;
    r->n++;
    mcr_event_unref(ev);
    watchdog_alive();
}

static void *read_all(void *arg)
{
    reader *r = arg;
    mcr_event *ev;
    while (mcr_watch_next(r->w, -1, &ev) == MCR_WATCH_EVENT)
        see(r, ev);
    mcr_watch_counts counts = mcr_watch_counts_now(r->w);
    CHECK(counts.queued == 0 && counts.taken == r->n);
    return NULL;
}

typedef struct producer {
    mcr_broadcaster *b;
    int index;
    bool drops;
    uint64_t accepted;
    uint64_t refused; // for want of room
    uint64_t late;    // after shutdown
    pthread_t thread;
} producer;

static void *produce(void *arg)
{
    producer *p = arg;
    for (int number = 1; number <= EVENTS; number++) {
        mcr_event *ev = event(p->index, number);
        bool accepted = true;
        mcr_err err = p->drops ? mcr_broadcaster_action_or_drop(p->b, ev, &accepted, NULL)
                               : mcr_broadcaster_action(p->b, ev, NULL);
        if (err)
            p->late++;
        else if (accepted)
            p->accepted++;
        else
            p->refused++;
        mcr_event_unref(ev);
        watchdog_alive();
    }
    return NULL;
}

typedef struct crowd {
    mcr_broadcaster *b;
    atomic_bool over;
} crowd;

// Subscribes, reads a little or nothing, stops, reads the rest.
static void *visit(void *arg)
{
    crowd *c = arg;
    for (int i = 0; i < VISITS && !atomic_load(&c->over); i++) {
        reader r = { .w = mcr_broadcaster_watch(c->b, NULL), .gaps = true };
        if (!r.w)
            break;
        mcr_event *ev;
        for (int n = i % 5; n > 0 && mcr_watch_next(r.w, 1000000, &ev) == MCR_WATCH_EVENT; n--)
            see(&r, ev);
        mcr_watch_stop(r.w);
        while (mcr_watch_next(r.w, 0, &ev) == MCR_WATCH_EVENT)
            see(&r, ev);
        CHECK(mcr_watch_next(r.w, 0, &ev) == MCR_WATCH_CLOSED);
        mcr_watch_counts counts = mcr_watch_counts_now(r.w);
        CHECK(counts.offered == counts.ring_full + counts.taken && counts.taken == r.n);
        mcr_watch_free(r.w);
        watchdog_alive();
    }
    return NULL;
}

static void *watch_counts(void *arg)
{
    crowd *c = arg;
    mcr_broadcaster_counts last = { 0 };
    while (!atomic_load(&c->over)) {
        mcr_broadcaster_counts now = mcr_broadcaster_counts_now(c->b);
        CHECK(now.accepted == now.incoming_full + now.emit_full + now.queued + now.distributed);
        CHECK(now.accepted >= last.accepted && now.distributed >= last.distributed);
        CHECK(now.queued <= now.accepted);
        last = now;
    }
    return NULL;
}

// `early`: Shutdown comes while the producers are at work.
static void run_threaded(const char *stage, mcr_full_behavior full, uint32_t queue, bool drops,
                         bool early)
{
    watchdog_start(stage);
    mcr_broadcaster_options options = { .queue = queue, .incoming = 25, .full = full };
    mcr_broadcaster *b = mcr_broadcaster_new(&options);
    reader readers[READERS] = { 0 };
    for (int i = 0; i < READERS; i++) {
        readers[i].w = mcr_broadcaster_watch(b, NULL);
        readers[i].gaps = drops || full == MCR_DROP_IF_CHANNEL_FULL;
        pthread_create(&readers[i].thread, NULL, read_all, &readers[i]);
    }
    crowd c = { .b = b };
    pthread_t visitors[2], counter;
    for (int i = 0; i < 2; i++)
        pthread_create(&visitors[i], NULL, visit, &c);
    pthread_create(&counter, NULL, watch_counts, &c);
    producer producers[PRODUCERS] = { 0 };
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i] = (producer){ .b = b, .index = i, .drops = drops };
        pthread_create(&producers[i].thread, NULL, produce, &producers[i]);
    }
    if (early) {
        while (mcr_broadcaster_counts_now(b).accepted < EVENTS)
            sched_yield();
        mcr_broadcaster_shutdown(b);
    }
    uint64_t accepted = 0, refused = 0, late = 0;
    for (int i = 0; i < PRODUCERS; i++) {
        pthread_join(producers[i].thread, NULL);
        accepted += producers[i].accepted;
        refused += producers[i].refused;
        late += producers[i].late;
    }
    mcr_broadcaster_shutdown(b);
    atomic_store(&c.over, true);
    pthread_join(counter, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(visitors[i], NULL);

    CHECK(accepted + refused + late == (uint64_t)PRODUCERS * EVENTS);
    CHECK(early || !late);
    CHECK(drops || !refused);
    mcr_broadcaster_counts counts = mcr_broadcaster_counts_now(b);
    CHECK(counts.distributed == accepted && counts.incoming_full == refused && !counts.queued);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        mcr_watch_counts w = mcr_watch_counts_now(readers[i].w);
        CHECK(w.offered == accepted && w.taken == readers[i].n);
        CHECK(full == MCR_DROP_IF_CHANNEL_FULL || w.ring_full == 0);
        CHECK(w.ring_full + w.taken == accepted);
        mcr_watch_free(readers[i].w);
    }
    mcr_broadcaster_free(b);
    printf("%s: %zu accepted, %zu refused, %zu late\n", stage, (size_t)accepted, (size_t)refused,
           (size_t)late);
}

// Inline: one publisher that waits for room, readers as hosts are, which also emit.
typedef struct inline_reader {
    reader r;
    mcr_broadcaster *b;
    sem_t awake;
    uint64_t emitted;
} inline_reader;

static void post(void *sem)
{
    sem_post(sem);
}

static void *take_all(void *arg)
{
    inline_reader *ir = arg;
    bool closed = false;
    while (!closed) {
        mcr_event *events[64];
        uint32_t n = mcr_watch_take(ir->r.w, events, 64, &closed);
        for (uint32_t i = 0; i < n; i++) {
            bool mine = events[i]->hops == 0;
            if (mine && events[i]->count % 10 == 0)
                ir->emitted += mcr_broadcaster_emit(ir->b, events[i], ir->r.w);
            if (mine)
                see(&ir->r, events[i]);
            else
                mcr_event_unref(events[i]);
        }
        if (!n && !closed && mcr_watch_sleep(ir->r.w))
            sem_wait(&ir->awake);
    }
    return NULL;
}

static void run_inline(void)
{
    watchdog_start("inline");
    sem_t room;
    sem_init(&room, 0, 0);
    mcr_broadcaster_options options = { .queue = 100, .incoming = 50, .is_inline = true };
    mcr_broadcaster *b = mcr_broadcaster_new(&options);
    mcr_broadcaster_on_room(b, post, &room);
    crowd c = { .b = b };
    pthread_t counter;
    pthread_create(&counter, NULL, watch_counts, &c);
    inline_reader readers[READERS] = { 0 };
    for (int i = 0; i < READERS; i++) {
        readers[i].b = b;
        readers[i].r.w = mcr_broadcaster_watch(b, NULL);
        sem_init(&readers[i].awake, 0, 0);
        mcr_watch_on_wake(readers[i].r.w, post, &readers[i].awake);
        pthread_create(&readers[i].r.thread, NULL, take_all, &readers[i]);
    }
    enum {
        TOTAL = EVENTS * 5
    };
    for (int number = 1; number <= TOTAL;) {
        mcr_event *events[64];
        uint32_t n = 0;
        while (n < 64 && number + (int)n <= TOTAL) {
            events[n] = event(0, number + (int)n);
            n++;
        }
        uint32_t done = 0;
        while ((done +=
                mcr_broadcaster_publish(b, events + done, n - done, MCR_WAIT_IF_CHANNEL_FULL)) < n)
            sem_wait(&room);
        for (uint32_t i = 0; i < n; i++)
            mcr_event_unref(events[i]);
        mcr_broadcaster_distribute_emitted(b);
        number += (int)n;
    }
    mcr_broadcaster_shutdown(b);
    uint64_t emitted = 0;
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i].r.thread, NULL);
    for (int i = 0; i < READERS; i++) {
        emitted += readers[i].emitted;
        CHECK(readers[i].r.n == TOTAL);
        mcr_watch_counts w = mcr_watch_counts_now(readers[i].r.w);
        CHECK(w.offered == w.ring_full + w.taken && !w.queued);
    }
    atomic_store(&c.over, true);
    pthread_join(counter, NULL);
    mcr_broadcaster_counts counts = mcr_broadcaster_counts_now(b);
    CHECK(counts.distributed == TOTAL + emitted && !counts.queued);
    CHECK(counts.accepted == TOTAL + emitted + counts.emit_full);
    for (int i = 0; i < READERS; i++) {
        mcr_watch_free(readers[i].r.w);
        sem_destroy(&readers[i].awake);
    }
    mcr_broadcaster_free(b);
    sem_destroy(&room);
    printf("inline: %d published, %zu emitted\n", TOTAL, (size_t)emitted);
}

int main(void)
{
    run_threaded("wait, queue 10", MCR_WAIT_IF_CHANNEL_FULL, 10, false, false);
    run_threaded("wait, queue 0", MCR_WAIT_IF_CHANNEL_FULL, 0, false, false);
    run_threaded("wait, dropping producers", MCR_WAIT_IF_CHANNEL_FULL, 10, true, false);
    run_threaded("drop, queue 10", MCR_DROP_IF_CHANNEL_FULL, 10, false, false);
    run_threaded("drop, queue 0", MCR_DROP_IF_CHANNEL_FULL, 0, true, false);
    run_threaded("wait, early shutdown", MCR_WAIT_IF_CHANNEL_FULL, 10, false, true);
    run_threaded("drop, early shutdown", MCR_DROP_IF_CHANNEL_FULL, 10, true, true);
    run_inline();
    return 0;
}
