#include "base/ring.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/park.h"

// Why no wake-up is lost
//
// Four variables, each written by one side only but for the flags, which the other side clears:
// the producer moves `tail` and sets `room_wanted`, the consumer moves `head` and sets
// `consumer_sleeps`. For "the consumer sleeps" the two sides do
//
//     consumer (mcr_ring_sleep)          producer (mcr_ring_push)
//     C1  consumer_sleeps = true         P1  tail = tail + n
//     C2  read tail                      P2  read consumer_sleeps
//
// All four are sequentially consistent, so they have one order that all threads agree on, in which
// C1 comes before C2 and P1 before P2. If C2 does not see P1's value, C2 is before P1, hence C1
// before P2, and P2 sees the flag: the producer wakes. If C2 does see it, the consumer does not
// sleep. Both may happen: then the wake-up is one too many. Acquire and release alone would let
// each side's read pass its own store (a store buffer does exactly that), and both sides could miss
// each other: the consumer would sleep over a full ring for ever.
//
// "The producer waits for room" is the same with head and room_wanted in the parts of tail and
// consumer_sleeps. There the wake-up may come later than the first freed place: a consumer that
// sees the flag with too little room leaves it set, and each later pop looks again. As the producer
// only stops at a full ring and pushes nothing while it waits, the pop that frees the room-th place
// comes, and sees the flag. (Asking for less than what is in the ring keeps it from running dry.)
//
// The mover takes the flag down with an exchange, so that of many pushes one wakes. A sleeper that
// stays awake takes its own flag down with a plain store; it can only cost a wake-up too many.
//
// The full fence is part of the sequentially consistent store (an xchg on x86) and not a fence of
// its own: the same cost, and ThreadSanitizer, which knows no stand-alone fences, can follow.
//
// A producer that holds wake-ups back (mcr_ring_hold) does P2 later, in a push that finds the ring
// a quarter full or in mcr_ring_wake: still after P1, so the argument stands from there on.
//
// The items themselves: slots are written before tail is stored and read after tail was loaded
// (release/acquire), and reused after head was stored and loaded the same way. Each side keeps its
// last sight of the other's index and looks again only when that says "not enough", so that in
// steady flow the cache line of the other side is touched once per batch.

// Widens the windows between the steps above; only the stress test's own build defines it.
#ifndef MCR_RING_WIDEN
#define MCR_RING_WIDEN() ((void)0)
#endif

enum {
    APART = 128, // two cache lines: processors fetch them in pairs
    YIELDS = 16, // some microseconds where nobody else wants the processor
    GATHER_NS = 1000000
};

struct mcr_ring {
    // Immutable once both sides run.
    void **slots;
    uint32_t mask; // slots - 1, a power of two; indices run freely and wrap at 2^32
    uint32_t capacity;
    mcr_wake *wake_consumer;
    mcr_wake *wake_producer;
    void *consumer;
    void *producer;
    char apart_0[APART];
    // Producer's.
    _Atomic uint32_t tail;
    uint32_t known_head;
    bool holds; // mcr_ring_hold
    char apart_1[APART];
    // Consumer's.
    _Atomic uint32_t head;
    uint32_t known_tail;
    char apart_2[APART];
    // Read by the other side after every move, seldom written.
    _Atomic bool consumer_sleeps;
    _Atomic uint32_t room_wanted; // 0: the producer does not wait
    char apart_3[APART];
};

mcr_ring *mcr_ring_new(uint32_t capacity)
{
    uint32_t slots = 1;
    while (slots < capacity)
        slots *= 2;
    mcr_ring *r = mcr_zalloc(sizeof *r);
    r->slots = mcr_alloc(slots * sizeof *r->slots);
    r->mask = slots - 1;
    r->capacity = capacity;
    return r;
}

void mcr_ring_free(mcr_ring *r)
{
    if (!r)
        return;
    free(r->slots);
    free(r);
}

void mcr_ring_on_wake(mcr_ring *r, mcr_wake *wake_consumer, void *consumer, mcr_wake *wake_producer,
                      void *producer)
{
    r->wake_consumer = wake_consumer;
    r->consumer = consumer;
    r->wake_producer = wake_producer;
    r->producer = producer;
}

uint32_t mcr_ring_room(mcr_ring *r, uint32_t n)
{
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    uint32_t room = r->capacity - (tail - r->known_head);
    if (room < n) {
        r->known_head = atomic_load_explicit(&r->head, memory_order_acquire);
        room = r->capacity - (tail - r->known_head);
    }
    return room < n ? room : n;
}

static void wake_sleeper(mcr_ring *r)
{
    if (atomic_load_explicit(&r->consumer_sleeps, memory_order_seq_cst) && // P2
        atomic_exchange(&r->consumer_sleeps, false) && r->wake_consumer)
        r->wake_consumer(r->consumer);
}

uint32_t mcr_ring_push(mcr_ring *r, void *const *items, uint32_t n)
{
    n = mcr_ring_room(r, n);
    if (!n)
        return 0;
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    for (uint32_t i = 0; i < n; i++)
        r->slots[(tail + i) & r->mask] = items[i];
    MCR_RING_WIDEN();
    atomic_store_explicit(&r->tail, tail + n, memory_order_seq_cst); // P1
    MCR_RING_WIDEN();
    if (r->holds) {
        r->known_head = atomic_load_explicit(&r->head, memory_order_acquire);
        if (tail + n - r->known_head < r->capacity / 4)
            return n;
    }
    wake_sleeper(r);
    return n;
}

void mcr_ring_hold(mcr_ring *r)
{
    r->holds = true;
}

void mcr_ring_wake(mcr_ring *r)
{
    r->known_head = atomic_load_explicit(&r->head, memory_order_acquire);
    if (r->known_head != atomic_load_explicit(&r->tail, memory_order_relaxed))
        wake_sleeper(r);
}

bool mcr_ring_wait_for_room(mcr_ring *r, uint32_t room)
{
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    atomic_store_explicit(&r->room_wanted, room, memory_order_seq_cst);
    MCR_RING_WIDEN();
    r->known_head = atomic_load_explicit(&r->head, memory_order_seq_cst);
    if (tail - r->known_head == r->capacity)
        return true;
    atomic_store_explicit(&r->room_wanted, 0, memory_order_relaxed);
    return false;
}

void mcr_ring_gather_room(mcr_ring *r, mcr_parker *parker)
{
    uint32_t half = (r->capacity + 1) / 2;
    for (int i = 0; i < YIELDS && mcr_ring_room(r, half) < half; i++)
        sched_yield();
    if (mcr_ring_room(r, half) == half)
        return;
    // As in mcr_ring_wait_for_room; but that the wake-up may be missed costs no more than
    // GATHER_NS.
    atomic_store_explicit(&r->room_wanted, half, memory_order_seq_cst);
    MCR_RING_WIDEN();
    r->known_head = atomic_load_explicit(&r->head, memory_order_seq_cst);
    if (mcr_ring_room(r, half) < half)
        mcr_park(parker, GATHER_NS);
    atomic_store_explicit(&r->room_wanted, 0, memory_order_relaxed);
}

uint32_t mcr_ring_pop(mcr_ring *r, void **items, uint32_t n)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    uint32_t there = r->known_tail - head;
    if (there < n) {
        r->known_tail = atomic_load_explicit(&r->tail, memory_order_acquire);
        there = r->known_tail - head;
    }
    if (n > there)
        n = there;
    if (!n)
        return 0;
    for (uint32_t i = 0; i < n; i++)
        items[i] = r->slots[(head + i) & r->mask];
    MCR_RING_WIDEN();
    atomic_store_explicit(&r->head, head + n, memory_order_seq_cst);
    MCR_RING_WIDEN();
    uint32_t wanted = atomic_load_explicit(&r->room_wanted, memory_order_seq_cst);
    if (wanted) {
        // The producer stands still: its tail, stored before room_wanted, is exact.
        uint32_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
        if (r->capacity - (tail - (head + n)) >= wanted && atomic_exchange(&r->room_wanted, 0) &&
            r->wake_producer)
            r->wake_producer(r->producer);
    }
    return n;
}

bool mcr_ring_sleep(mcr_ring *r)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    atomic_store_explicit(&r->consumer_sleeps, true, memory_order_seq_cst); // C1
    MCR_RING_WIDEN();
    r->known_tail = atomic_load_explicit(&r->tail, memory_order_seq_cst); // C2
    if (r->known_tail == head)
        return true;
    atomic_store_explicit(&r->consumer_sleeps, false, memory_order_relaxed);
    return false;
}

uint32_t mcr_ring_len(const mcr_ring *r)
{
    // Head first: it can only grow up to the tail read after it, so the difference is never
    // negative; items may have come and gone in between, so it can exceed the capacity.
    uint32_t head = atomic_load_explicit(&r->head, memory_order_acquire);
    uint32_t len = atomic_load_explicit(&r->tail, memory_order_acquire) - head;
    return len < r->capacity ? len : r->capacity;
}

uint32_t mcr_ring_capacity(const mcr_ring *r)
{
    return r->capacity;
}
