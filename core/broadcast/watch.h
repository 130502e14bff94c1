#pragma once
// A watch seen from the broadcaster's side: how it is made, filled and closed. Readers see
// broadcaster.h. Internal to broadcast/.
//
// Yield before you sleep, but only after a run of at least a batch. Where threads share processors,
// a reader that yields instead of sleeping is awake when the next batch comes: the publisher fills
// all queues and wakes nobody (with 16 watches on 2 processors a factor of 4, bench fanout). After
// a trickle it is the other way round: a reader that is always awake takes the events one by one,
// and both sides pay for the cache lines that go to and fro; asleep, it lets them gather. So do the
// hosts, mcr_watch_next and the distributor.

#include <pthread.h>
#include <stdatomic.h>

#include "base/park.h"
#include "base/ring.h"
#include "broadcast/broadcaster.h"
#include "broadcast/handoff.h"
#include "broadcast/telling.h"

struct mcr_watch {
    // Immutable.
    uint64_t id;          // never used twice within a broadcaster
    mcr_ring *ring;       // NULL for queue 0
    mcr_handoff *handoff; // for queue 0

    // Under lock: who is told what. Cleared when the other end goes away, so that neither side
    // calls into something that was freed.
    pthread_mutex_t lock;
    mcr_broadcaster *owner; // NULL once closed
    mcr_wake *room;         // wakes a publisher that waits for room in this watch
    void *room_arg;
    mcr_wake *wake; // wakes the reader
    void *wake_arg;

    mcr_telling telling; // set before it is filled

    pthread_mutex_t stopping; // held by mcr_watch_stop all along: a second one waits for the first

    // Any thread.
    atomic_bool stopped; // nobody should wait for this watch any more
    atomic_bool closed;  // nothing will be put in any more

    // Counters, one writer each.
    _Atomic uint64_t kept;      // put into the queue; publisher's
    _Atomic uint64_t ring_full; // publisher's
    _Atomic uint64_t taken;     // reader's

    // Reader's, for mcr_watch_next.
    mcr_parker parker; // where it sleeps
    uint32_t run;      // events since the queue was empty
};

// mcr_watch_make makes a watch with a queue of `queue`; `room(room_arg)` is called on the reader's
// thread when a publisher waits for room (mcr_watch_wait_for_room) and there is some.
mcr_watch *mcr_watch_make(uint64_t id, uint32_t queue, mcr_broadcaster *owner, mcr_wake *room,
                          void *room_arg);

// Publisher's thread. mcr_watch_room returns how many of `n` events would fit now; always 0 for
// queue 0.
uint32_t mcr_watch_room(mcr_watch *w, uint32_t n);

// Publisher's thread. mcr_watch_put offers `n` events, in order, and returns how many it kept, each
// with a hold that the caller made for it. What does not fit is counted ring_full.
uint32_t mcr_watch_put(mcr_watch *w, mcr_event *const *events, uint32_t n);

// Publisher's thread. mcr_watch_put_waiting offers one event and waits until there is room; false:
// the watch was stopped meanwhile (not kept, not counted). It sleeps in `parker`, which `room`
// must wake.
bool mcr_watch_put_waiting(mcr_watch *w, mcr_event *ev, mcr_parker *parker);

// Publisher's thread. mcr_watch_wait_for_room is mcr_ring_wait_for_room for half of the queue.
bool mcr_watch_wait_for_room(mcr_watch *w);

// mcr_watch_close: nothing comes any more. The reader is woken; the broadcaster is never called
// again.
void mcr_watch_close(mcr_watch *w);
