#pragma once
// The list of watches and how a batch of events gets into them. One thread at a time. Internal to
// broadcast/.

#include <stdint.h>

#include "broadcast/watch.h"

typedef struct mcr_fanout {
    mcr_watch **at; // in the order they were added
    uint32_t n;
    uint32_t cap;
} mcr_fanout;

void mcr_fanout_fini(mcr_fanout *f);

void mcr_fanout_add(mcr_fanout *f, mcr_watch *w);

// mcr_fanout_remove takes `w` out of the list; nothing happens when it is not in it.
void mcr_fanout_remove(mcr_fanout *f, const mcr_watch *w);

// mcr_fanout_close closes every watch and empties the list.
void mcr_fanout_close(mcr_fanout *f);

// mcr_fanout_room returns how many of `n` events every watch has room for, and in *tightest the
// first watch that has room for the fewest (NULL: all have room for all).
uint32_t mcr_fanout_room(const mcr_fanout *f, uint32_t n, mcr_watch **tightest);

// mcr_fanout_offer offers `n` events (at most MCR_BATCH, borrowed) to every watch but the one with
// id `except` (0: to all). A watch that is full loses them, counted there.
void mcr_fanout_offer(const mcr_fanout *f, mcr_event *const *events, uint32_t n, uint64_t except);

// mcr_fanout_wake wakes the readers that sleep over events (mcr_ring_hold).
void mcr_fanout_wake(const mcr_fanout *f);

// What a publisher waits for, so that another thread can end that.
typedef struct mcr_waiting {
    pthread_mutex_t lock;
    mcr_watch *on; // the watch that has no room; NULL: nobody waits
    bool over;     // nothing is waited for any more
} mcr_waiting;

// mcr_fanout_offer_waiting offers one event (borrowed) to one watch after the other, waiting for
// each until it has room or is stopped. Sleeps in `parker`. Once the waiting is over, a watch
// without room loses the event, counted there.
void mcr_fanout_offer_waiting(const mcr_fanout *f, mcr_event *ev, mcr_parker *parker,
                              mcr_waiting *waiting);

// mcr_waiting_end ends it for good. Any thread; wake the parker afterwards.
void mcr_waiting_end(mcr_waiting *waiting);
