// base/ring.h under two threads that sleep whenever they may, with the windows between the steps of
// the wake-up rule widened (widen.h). A lost wake-up leaves both asleep: the watchdog fails the
// test. Items must come in order, each once.

#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/ring.h"
#include "watchdog.h"
#include "widen.h"

enum {
    ITEMS = 30000,
    HOT_ITEMS = 150000,
    BATCH = 64
};

static _Thread_local uint32_t dice = 1;

static uint32_t roll(uint32_t sides)
{
    dice ^= dice << 13;
    dice ^= dice >> 17;
    dice ^= dice << 5;
    return dice % sides;
}

// Hot runs have no pauses: a store that is still on its way to the other processor is a window too,
// and any pause would close it.
static _Thread_local bool hot;

void widen(void)
{
    if (hot)
        return;
    uint32_t what = roll(16);
    if (what == 0)
        sched_yield();
    for (volatile uint32_t i = 0; i < what * 8; i++)
        ;
}

typedef struct pair {
    mcr_ring *r;
    uint32_t capacity;
    uint32_t batch; // at most this many at once
    uint32_t seed;
    bool hot;
    uintptr_t items;
    sem_t consumer;
    sem_t producer;
    unsigned sleeps; // of the consumer
    unsigned waits;  // of the producer
} pair;

static void post(void *sem)
{
    sem_post(sem);
}

// Hot runs look for their wake-up for a while before they sleep, so that both sides stay on their
// processors and meet in the windows.
static void fall_asleep(sem_t *sem)
{
    watchdog_alive();
    for (int i = 0; hot && i < 5000; i++)
        if (sem_trywait(sem) == 0)
            return;
    while (sem_wait(sem) != 0)
        ;
}

static void *produce(void *arg)
{
    pair *p = arg;
    dice = p->seed;
    hot = p->hot;
    uintptr_t next = 1;
    while (next <= p->items) {
        void *items[BATCH];
        uint32_t n = roll(p->batch) + 1;
        if (n > p->items + 1 - next)
            n = (uint32_t)(p->items + 1 - next);
        for (uint32_t i = 0; i < n; i++)
            items[i] = (void *)(next + i);
        uint32_t room = mcr_ring_room(p->r, n);
        uint32_t taken = mcr_ring_push(p->r, items, n);
        if (taken < room) {
            fprintf(stderr, "a push of %u took %u, with room for %u\n", n, taken, room);
            exit(1);
        }
        next += taken;
        if (taken < n && mcr_ring_wait_for_room(p->r, roll(p->capacity) + 1)) {
            p->waits++;
            fall_asleep(&p->producer);
        }
    }
    return NULL;
}

static void *consume(void *arg)
{
    pair *p = arg;
    dice = p->seed + 1;
    hot = p->hot;
    uintptr_t expected = 1;
    while (expected <= p->items) {
        void *items[BATCH];
        uint32_t n = mcr_ring_pop(p->r, items, roll(p->batch) + 1);
        for (uint32_t i = 0; i < n; i++, expected++) {
            if ((uintptr_t)items[i] != expected) {
                fprintf(stderr, "item %zu came as number %zu\n", (size_t)items[i],
                        (size_t)expected);
                exit(1);
            }
        }
        uint32_t len = mcr_ring_len(p->r);
        if (len > p->capacity) {
            fprintf(stderr, "%u items in a ring for %u\n", len, p->capacity);
            exit(1);
        }
        if (!n && mcr_ring_sleep(p->r)) {
            p->sleeps++;
            fall_asleep(&p->consumer);
        }
    }
    return NULL;
}

static void run(uint32_t capacity, uint32_t batch, uint32_t seed, bool is_hot)
{
    char stage[64];
    snprintf(stage, sizeof stage, "capacity %u, batches of %u, seed %u%s", capacity, batch, seed,
             is_hot ? ", hot" : "");
    watchdog_start(stage);
    pair p = { .r = mcr_ring_new(capacity),
               .capacity = capacity,
               .batch = batch,
               .seed = seed,
               .hot = is_hot,
               .items = is_hot ? HOT_ITEMS : ITEMS };
    sem_init(&p.consumer, 0, 0);
    sem_init(&p.producer, 0, 0);
    mcr_ring_on_wake(p.r, post, &p.consumer, post, &p.producer);
    pthread_t producer, consumer;
    pthread_create(&producer, NULL, produce, &p);
    pthread_create(&consumer, NULL, consume, &p);
    pthread_join(producer, NULL);
    pthread_join(consumer, NULL);
    printf("%s: the consumer slept %u times, the producer %u times\n", stage, p.sleeps, p.waits);
    watchdog_start("between two runs");
    mcr_ring_free(p.r);
    sem_destroy(&p.consumer);
    sem_destroy(&p.producer);
}

int main(void)
{
    static const uint32_t capacities[] = { 1, 2, 3, 7, 64, 1000 };
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        run(capacities[i], 1, 1000 + (uint32_t)i, false);
        run(capacities[i], BATCH, 2000 + (uint32_t)i, false);
        run(capacities[i], 1, 3000 + (uint32_t)i, true);
    }
    return 0;
}
