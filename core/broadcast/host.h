#pragma once
// A host: one thread with a libev loop of its own that drives one or more watchers. It takes
// batches of up to 64 events from each watcher's watch, steps the watcher, flushes its sinks when
// nothing more is there, runs ticks, and sleeps until woken. A watcher whose sinks have no room
// left is passed over until they have: its queue fills meanwhile.
//
// When a watch has ended and is read, its watcher's fini runs, and the host goes on with the loop
// until the deliveries that are in flight are decided, or the drain timeout is over, which runs
// from when the watch was closed or mcr_host_end_by was called. From then on what the sinks have no
// room for is given up (mcr_watcher_cut_off) instead of waiting, so that the watch is read to its
// end.

#include <signal.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "broadcast/broadcaster.h"
#include "broadcast/watcher.h"

typedef struct mcr_host mcr_host;

// Ends a hook that runs too long (script/); the only signal that is not blocked in hosts.
#define MCR_GUARD_SIGNAL (SIGRTMIN + 1)

// Takes samples of the scripts that run (script/profile.h); let in while a host's are profiled.
#define MCR_PROFILE_SIGNAL (SIGRTMIN + 2)

// mcr_host_new makes a host that does not run yet. `name` (copied, 15 bytes shown) names the
// thread.
mcr_host *mcr_host_new(const char *name, const mcr_clock *clock);

// mcr_host_add gives the host a watcher and its watch; both stay the caller's, and must live until
// the watcher has left (mcr_host_on_left) or the thread has ended. Before start, or on the host's
// thread (mcr_host_post).
void mcr_host_add(mcr_host *h, mcr_watcher *w, mcr_watch *watch);

// mcr_host_on_left sets what is called, on the host's thread, when a watcher has left: its watch is
// closed and read to the end, nothing of it is in flight any more, and the host will not touch it
// again. Before start.
void mcr_host_on_left(mcr_host *h, mcr_wake *left, void *arg);

// mcr_host_has says whether the watcher has not left. Any thread.
bool mcr_host_has(mcr_host *h, const mcr_watcher *w);

// mcr_host_loop is the loop of the host, for work on its thread.
struct ev_loop *mcr_host_loop(mcr_host *h);

// mcr_host_set_drain_timeout: how long watchers may go on delivering after their watch has ended
// (30 s when it is not set). Before start.
void mcr_host_set_drain_timeout(mcr_host *h, int64_t ns);

// mcr_host_end_by: the end has been asked for; from `deadline` (monotonic ns) on sinks are not
// waited for any more, whether the watches are closed by then or not. A second call changes
// nothing. Any thread.
void mcr_host_end_by(mcr_host *h, int64_t deadline);

// mcr_host_start starts the thread; all signals are blocked in it but MCR_GUARD_SIGNAL.
mcr_err mcr_host_start(mcr_host *h, mcr_errbuf *err);

// mcr_host_ask runs `fn` on the host's thread between two batches, on a copy of the `size` bytes at
// `block`, waits for it and copies back what it made of them. False: it was not done within
// `timeout_ns`, or the thread has ended. It may have begun then (a file on a server that does not
// answer), and goes on with its copy: what it points to must live as long as the host. Any thread
// but the host's own.
bool mcr_host_ask(mcr_host *h, void (*fn)(void *block), void *block, size_t size,
                  int64_t timeout_ns);

// mcr_host_call is mcr_host_ask for work without an answer: `arg` must live as long as the host, or
// until this has returned true.
bool mcr_host_call(mcr_host *h, void (*fn)(void *arg), void *arg, int64_t timeout_ns);

// Work for the host's thread; `refused`: the thread ends without coming to it, only clean up.
typedef void mcr_host_work(void *arg, bool refused);

// mcr_host_post has `work(arg)` run on the host's thread between two batches, after the calls and
// posts before it, and does not wait for it. False: the thread has ended, or not begun; `work` is
// not called. Any thread.
bool mcr_host_post(mcr_host *h, mcr_host_work *work, void *arg);

// mcr_host_on_done sets what is called, on the host's thread, when all its watches are closed and
// read to the end, its watchers have run their fini and the thread is about to end.
void mcr_host_on_done(mcr_host *h, mcr_wake *done, void *arg);

// mcr_host_hurry makes the thread end without reading its watches to the end and without waiting
// for deliveries (second SIGTERM). What is left in a watch stays counted as queued. Any thread.
void mcr_host_hurry(mcr_host *h);

// mcr_host_ends waits until the thread has worked for the last time; false when `timeout_ns` have
// passed before (one of its hooks does not return). True without a start. Any thread.
bool mcr_host_ends(mcr_host *h, int64_t timeout_ns);

// mcr_host_in_hand is how many events the steps that run now were given. Any thread.
uint32_t mcr_host_in_hand(mcr_host *h);

// mcr_host_join waits for the thread's end and frees the host; without a start it only frees.
void mcr_host_join(mcr_host *h);
