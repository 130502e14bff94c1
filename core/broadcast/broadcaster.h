#pragma once
// The broadcaster: client-go's watch.Broadcaster (apimachinery pkg/watch/mux.go, spec RECORD §2).
// Every event put in is offered to every watch, in the same order; each watch has a bounded queue
// of its own.
//
// mooncrier.h has what C programs see of it: the types, Action, Publish, Watch, Shutdown, reading a
// watch, the counts. Here is what the program and its hosts need beyond that.
//
// Words: a *watch* (client-go: watch.Interface) is one subscription with its queue; a *watcher*
// (broadcast/watcher.h) is who reads one and works on the events.
//
// Two ways to run one:
// - threaded (the C library): `incoming` is a bounded queue, a distributor thread empties it.
//   Action, ActionOrDrop, Watch, Stop and Shutdown behave as in client-go, by any thread;
// - inline (the program): the owner's thread distributes by mcr_broadcaster_publish, nothing is
//   queued before the watches, and only mcr_broadcaster_emit may be called by other threads.

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ring.h"
#include "event/event.h"
#include "event/tapping.h"
#include "mooncrier.h"

// mcr_broadcaster_hold_wakes: the readers of an inline broadcaster are woken only when a quarter of
// their queue is full, and by mcr_broadcaster_wake (base/ring.h). Before the first watch.
void mcr_broadcaster_hold_wakes(mcr_broadcaster *b);

// mcr_broadcaster_wake wakes the readers that sleep over events; the owner of a broadcaster that
// holds wakes calls it before it rests. Owner's thread.
void mcr_broadcaster_wake(mcr_broadcaster *b);

// mcr_broadcaster_on_room sets what a publish that had to stop causes to be called once there is
// room again (half of the queue that was full), from a consumer's thread. It may come although
// there is none. Inline only, before events flow.
void mcr_broadcaster_on_room(mcr_broadcaster *b, mcr_wake *room, void *arg);

// mcr_broadcaster_emit puts a script's event (borrowed) into the bounded inbox for the other
// watches than `from`; any thread, never waits. False: full, or the event has been emitted
// MCR_MAX_HOPS times; counted emit_full. Inline only; `wake` of mcr_broadcaster_on_emit tells the
// owner.
bool mcr_broadcaster_emit(mcr_broadcaster *b, mcr_event *ev, const mcr_watch *from);

// mcr_broadcaster_takes_emitted says whether there is anyone left to emit to: false once it is shut
// down, when the watchers end. Any thread; inline only.
bool mcr_broadcaster_takes_emitted(const mcr_broadcaster *b);

enum {
    MCR_MAX_HOPS = 8
};

void mcr_broadcaster_on_emit(mcr_broadcaster *b, mcr_wake *wake, void *arg);

// mcr_broadcaster_distribute_emitted publishes what waits in the inbox (dropping where a watch is
// full); owner's thread. Returns how many there were.
uint32_t mcr_broadcaster_distribute_emitted(mcr_broadcaster *b);

// mcr_broadcaster_id is never that of another one, freed or not. Any thread.
uint64_t mcr_broadcaster_id(const mcr_broadcaster *b);

// mcr_broadcaster_stop_waiting: from now on no watch is waited for; where one has no room it loses
// the event, counted ring_full. Any thread; nothing to do for an inline one.
void mcr_broadcaster_stop_waiting(mcr_broadcaster *b);

// mcr_broadcaster_watch_sized is mcr_broadcaster_watch with a queue of `queue` events instead of
// the broadcaster's.
mcr_watch *mcr_broadcaster_watch_sized(mcr_broadcaster *b, uint32_t queue, mcr_errbuf *err);

// mcr_watch_set_tapping: who may watch which events it loses (event/tapping.h), and what its
// watcher is called; both must outlive it. Publisher's thread, which fills it.
void mcr_watch_set_tapping(mcr_watch *w, mcr_tapping *tapping, const char *watcher);

// mcr_watch_take reads up to `n` events without waiting (the caller holds them); 0: none now.
// *closed says whether none will ever come. For hosts.
uint32_t mcr_watch_take(mcr_watch *w, mcr_event **out, uint32_t n, bool *closed);

// mcr_watch_sleep is mcr_ring_sleep for a host: false when there is something to take (or the watch
// closed); true when `wake` will be called.
bool mcr_watch_sleep(mcr_watch *w);

// mcr_watch_on_wake sets how the reader is woken, with NULL again as mcr_watch_next needs it. The
// reader's thread, or before there is one; when it returns, the old `wake` is called no more.
void mcr_watch_on_wake(mcr_watch *w, mcr_wake *wake, void *arg);
