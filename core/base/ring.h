#pragma once
// A bounded single-producer, single-consumer ring of pointers that wakes its consumer only when it
// sleeps, and its producer only when it waits for room.
//
// The wake-up rule. Whoever is about to sleep *stores* that it sleeps, then *re-reads* what the
// other side moves (the tail or the head); whoever moves it *stores* the new place, then *re-reads*
// whether the other side sleeps. Between each store and re-read stands a full fence, so at least
// one of the two sees the other's store: either the sleeper finds something to do and stays awake,
// or the mover finds a sleeper and wakes it. What is left is a wake-up too many, never one too few.
// ring.c has the argument in full.
//
// So a wake-up may come although there is nothing to do: sleepers check again and go back to sleep.
// What is woken must therefore remember a wake-up that came before the sleep (a semaphore, an
// eventfd, ev_async, base/park.h; a bare condition variable does not).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/park.h"

// Called on the other side's thread to end its sleep; must be safe from any thread.
typedef void mcr_wake(void *arg);

typedef struct mcr_ring mcr_ring;

// mcr_ring_new makes a ring for at most `capacity` (1 … 2^31) items.
mcr_ring *mcr_ring_new(uint32_t capacity);

// mcr_ring_free frees the ring, not what is still in it. NULL is fine.
void mcr_ring_free(mcr_ring *r);

// mcr_ring_on_wake sets how each side is woken; before either side runs. NULL: never sleeps.
void mcr_ring_on_wake(mcr_ring *r, mcr_wake *wake_consumer, void *consumer, mcr_wake *wake_producer,
                      void *producer);

// Producer's thread. mcr_ring_push puts up to `n` items in, in order, and returns how many fit. One
// fence and at most one wake for the whole call.
uint32_t mcr_ring_push(mcr_ring *r, void *const *items, uint32_t n);

// Producer's thread. mcr_ring_room returns how many of `n` items would fit: a push of so many will
// take them all.
uint32_t mcr_ring_room(mcr_ring *r, uint32_t n);

// Producer's thread. mcr_ring_hold puts off the wake-ups of mcr_ring_push until a quarter of the
// ring is full or mcr_ring_wake is called, which the producer promises to do before it rests. A
// wake-up costs as much as some ten events; a producer that is busy can spare most of them.
void mcr_ring_hold(mcr_ring *r);

// Producer's thread. mcr_ring_wake wakes a consumer that sleeps over items.
void mcr_ring_wake(mcr_ring *r);

// Producer's thread. mcr_ring_wait_for_room says that the producer, which found the ring full, will
// stop: false means there is room for at least one now (go on); true means wake_producer will be
// called once `room` (1 … capacity) places are free.
bool mcr_ring_wait_for_room(mcr_ring *r, uint32_t room);

// Producer's thread. mcr_ring_gather_room waits, yielding the processor a few times and then
// sleeping up to 1 ms on `parker`, which wake_producer must unpark, while less than half of the
// ring is free. For a producer that was woken by the first free place and is in no hurry: going on
// at once, it would fill that place and sleep again, a wake-up per item.
void mcr_ring_gather_room(mcr_ring *r, mcr_parker *parker);

// Consumer's thread. mcr_ring_pop takes up to `n` items in order and returns how many there were.
uint32_t mcr_ring_pop(mcr_ring *r, void **items, uint32_t n);

// Consumer's thread. mcr_ring_sleep says that the consumer will sleep: false means that something
// is there (do not sleep); true means wake_consumer will be called on the next push.
bool mcr_ring_sleep(mcr_ring *r);

// Any thread: how many items are in it, at some moment during the call.
uint32_t mcr_ring_len(const mcr_ring *r);

uint32_t mcr_ring_capacity(const mcr_ring *r);
