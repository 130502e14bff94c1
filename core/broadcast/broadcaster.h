#pragma once
// The broadcaster: client-go's watch.Broadcaster (apimachinery pkg/watch/mux.go, spec RECORD §2).
// Every event put in is offered to every watch, in the same order; each watch has a bounded queue
// of its own.
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

typedef struct mcr_broadcaster mcr_broadcaster;
typedef struct mcr_watch mcr_watch;

typedef enum mcr_full_behavior {
    MCR_DROP_IF_CHANNEL_FULL, // a full watch loses this event, counted ring_full
    MCR_WAIT_IF_CHANNEL_FULL  // everyone waits for the slowest watch
} mcr_full_behavior;

enum {
    MCR_INCOMING_DEFAULT = 1000
};

typedef struct mcr_broadcaster_options {
    uint32_t queue;    // of each watch; 0 is Go's unbuffered channel (inline: 1)
    uint32_t incoming; // of the broadcaster (client-go: 25, "long queue" 1000); inline: of emit.
                       // 0: MCR_INCOMING_DEFAULT
    mcr_full_behavior full; // threaded only; inline says it at each publish
    bool is_inline;
    bool holds_wakes; // inline: readers are woken by mcr_broadcaster_wake (base/ring.h)
} mcr_broadcaster_options;

typedef struct mcr_broadcaster_counts {
    uint64_t accepted;      // every event anyone wanted to publish
    uint64_t incoming_full; // lost: ActionOrDrop with a full incoming queue
    uint64_t emit_full;     // lost: emit with a full inbox, or past the hop limit
    uint64_t queued;        // in the incoming queue or inbox
    uint64_t distributed;   // offered to every watch
} mcr_broadcaster_counts;   // accepted = incoming_full + emit_full + queued + distributed

typedef struct mcr_watch_counts {
    uint64_t offered;   // distributed while the watch was there (and its prefix)
    uint64_t ring_full; // lost: its queue was full
    uint64_t queued;    // in its queue
    uint64_t taken;     // read
} mcr_watch_counts;     // offered = ring_full + queued + taken

mcr_broadcaster *mcr_broadcaster_new(const mcr_broadcaster_options *options);

// mcr_broadcaster_free frees it; shut down before. Watches live on until mcr_watch_free.
void mcr_broadcaster_free(mcr_broadcaster *b);

// mcr_broadcaster_action puts an event in (borrowed), waiting while the incoming queue is full.
// MCR_ESTOPPED after shutdown. Threaded, any thread.
mcr_err mcr_broadcaster_action(mcr_broadcaster *b, mcr_event *ev, mcr_errbuf *err);

// mcr_broadcaster_action_or_drop never waits for room: *accepted says whether there was some.
mcr_err mcr_broadcaster_action_or_drop(mcr_broadcaster *b, mcr_event *ev, bool *accepted,
                                       mcr_errbuf *err);

// mcr_broadcaster_publish offers events (borrowed) to all watches, in order, on the owner's thread
// (inline only) and returns how many were distributed. With MCR_WAIT_IF_CHANNEL_FULL it stops
// before the first event that some watch has no room for; `room` (mcr_broadcaster_on_room) is then
// called once there is some. With MCR_DROP_IF_CHANNEL_FULL it always takes all.
uint32_t mcr_broadcaster_publish(mcr_broadcaster *b, mcr_event *const *events, uint32_t n,
                                 mcr_full_behavior full);

// mcr_broadcaster_wake wakes the readers that sleep over events; the owner of a broadcaster that
// holds_wakes calls it before it rests. Owner's thread.
void mcr_broadcaster_wake(mcr_broadcaster *b);

// mcr_broadcaster_on_room sets what a publish that had to stop calls later, from a consumer's
// thread.
void mcr_broadcaster_on_room(mcr_broadcaster *b, mcr_wake *room, void *arg);

// mcr_broadcaster_emit puts a script's event (borrowed) into the bounded inbox for the other
// watches than `from`; any thread, never waits. False: full, or the event has been emitted
// MCR_MAX_HOPS times; counted emit_full. Inline only; `wake` of mcr_broadcaster_on_emit tells the
// owner.
bool mcr_broadcaster_emit(mcr_broadcaster *b, mcr_event *ev, const mcr_watch *from);

enum {
    MCR_MAX_HOPS = 8
};

void mcr_broadcaster_on_emit(mcr_broadcaster *b, mcr_wake *wake, void *arg);

// mcr_broadcaster_distribute_emitted publishes what waits in the inbox (dropping where a watch is
// full); owner's thread. Returns how many there were.
uint32_t mcr_broadcaster_distribute_emitted(mcr_broadcaster *b);

// mcr_broadcaster_watch adds a watch that sees every event accepted after the call and none before.
// NULL after shutdown ("broadcaster already stopped").
mcr_watch *mcr_broadcaster_watch(mcr_broadcaster *b, mcr_errbuf *err);

// mcr_broadcaster_watch_sized is mcr_broadcaster_watch with a queue of `queue` events instead of
// the broadcaster's.
mcr_watch *mcr_broadcaster_watch_sized(mcr_broadcaster *b, uint32_t queue, mcr_errbuf *err);

// mcr_broadcaster_watch_with_prefix is mcr_broadcaster_watch whose queue (the larger of the
// broadcaster's and n + 1) begins with `events`.
mcr_watch *mcr_broadcaster_watch_with_prefix(mcr_broadcaster *b, mcr_event *const *events,
                                             uint32_t n, mcr_errbuf *err);

// mcr_broadcaster_shutdown: everything accepted before is offered to every watch, then all watches
// are closed (what is in their queues can still be read). A second call returns at once.
void mcr_broadcaster_shutdown(mcr_broadcaster *b);

mcr_broadcaster_counts mcr_broadcaster_counts_now(mcr_broadcaster *b);

typedef enum mcr_watch_result {
    MCR_WATCH_EVENT,
    MCR_WATCH_EMPTY, // nothing within the timeout
    MCR_WATCH_CLOSED // stopped or shut down, and read to its end
} mcr_watch_result;

// mcr_watch_next reads the next event, waiting up to `timeout_ns` (0: not at all, negative: for
// ever); the caller becomes its holder. One reading thread per watch.
mcr_watch_result mcr_watch_next(mcr_watch *w, int64_t timeout_ns, mcr_event **out);

// mcr_watch_take reads up to `n` events without waiting (the caller holds them); 0: none now.
// *closed says whether none will ever come. For hosts.
uint32_t mcr_watch_take(mcr_watch *w, mcr_event **out, uint32_t n, bool *closed);

// mcr_watch_sleep is mcr_ring_sleep for a host: false when there is something to take (or the watch
// closed); true when `wake` will be called.
bool mcr_watch_sleep(mcr_watch *w);

// mcr_watch_on_wake sets how the reader is woken; before the first event flows.
void mcr_watch_on_wake(mcr_watch *w, mcr_wake *wake, void *arg);

// mcr_watch_stop ends the subscription; idempotent, any thread but a distributor callback. Events
// in the queue can still be read; after them the watch is closed.
void mcr_watch_stop(mcr_watch *w);

// mcr_watch_free frees a stopped or shut-down watch and what is left in its queue.
void mcr_watch_free(mcr_watch *w);

mcr_watch_counts mcr_watch_counts_now(const mcr_watch *w);
