#pragma once
// Deliveries of a sink that sends over a network: what waits, what is under way, what is tried
// again. The default policy, where client-go writes one event at a time and loses what a status
// answer refuses:
//
// | client-go                                | here                                             |
// |------------------------------------------|--------------------------------------------------|
// | one at a time, a bad event delays all    | up to `in_flight` at once, in order for each key |
// | 12 tries, 10 s apart, whatever failed    | `attempts`, where a server was there to try; from |
// |                                          | `wait` on doubling to `max_wait`,                |
// |                                          | half of it random; never before Retry-After, of  |
// |                                          | which `max_wait` at most counts                  |
// | 429 and 5xx without Retry-After are lost | tried again                                      |
// | no deadline                              | `timeout` for a request, `deadline` for a job    |
// | repeats are patched one by one           | repeats that wait are merged into the last       |
// | shutdown loses what is queued            | drained for `drain_timeout`                      |
//
// A job is one or more events that are sent together, under a key. Jobs of one key are sent one
// after the other in the order they came; a job that waits for its next try holds up its own key
// only. It keeps the sink's counts. One thread, the loop's.
//
// Nothing here takes time that grows with the number of jobs that wait, but the logarithm of those
// that wait for their next try.

#include "base/buf.h"
#include "base/clock.h"
#include "base/random.h"
#include "sink/sink.h"

struct ev_loop;

typedef struct mcr_deliveries mcr_deliveries;
typedef struct mcr_job mcr_job;

// The options of `retry` and the like in the configuration; durations in ns.
typedef struct mcr_delivery_options {
    int64_t in_flight; // jobs under way at once (64); at least 1
    int64_t queue;     // events waiting, in flight or between tries; past it there is no room
                       // (10,000)
    int64_t attempts;  // of a job, the first one counted, those that found no server not (12); 0:
                       // until the deadline
    int64_t wait;      // before the second try (1 s)
    int64_t max_wait;  // between two tries, Retry-After as well (1 min)
    double jitter;     // how much of a wait is random, 0 to 1 (0.5)
    int64_t deadline;  // from a job's arrival until it is given up (1 h); 0: none
    double rate;       // requests begun a second, all tries counted; 0: no limit
    int64_t burst;     // (10)
} mcr_delivery_options;

// mcr_delivery_defaults fills in the numbers in brackets.
void mcr_delivery_defaults(mcr_delivery_options *options);

typedef struct mcr_deliveries_hooks {
    void *self;
    // Begins a request for `job`; ends in mcr_job_delivered, _failed, _again, _no_server or _more,
    // not before it returned.
    void (*send)(void *self, mcr_job *job);
    // Stops the request under way (the end has come, or the deadline of the job).
    void (*cancel)(void *self, mcr_job *job);
    // A job is over and about to be freed: `user` of the job is let go. Not called for a NULL one.
    // NULL: nothing.
    void (*free_user)(void *self, void *user);
    // `newer` came under the key of `waiting`, the last job of that key, of one event, not tried
    // yet. The event (one hold, the engine's) that says all that both would: `newer` itself, or one
    // made of both. It takes the place of the one that waits, which is counted merged, and the
    // job's deadline begins anew; its user stays, and that of the newer is freed. NULL: they are
    // sent one after the other. NULL for the hook: nothing is merged.
    mcr_event *(*merge)(void *self, mcr_job *waiting, mcr_event *newer);
} mcr_deliveries_hooks;

// mcr_deliveries_new: `sink` (whose counts and dead letters are used), clock and random are
// borrowed; options and hooks copied. Of the clock only differences count: one that never goes back
// is best. Without a loop (NULL) nobody but the caller calls mcr_deliveries_tick.
mcr_deliveries *mcr_deliveries_new(mcr_sink *sink, struct ev_loop *loop,
                                   const mcr_delivery_options *options,
                                   const mcr_deliveries_hooks *hooks, const mcr_clock *clock,
                                   const mcr_random *random);

// mcr_deliveries_free settles what is left as given up ("not delivered before the end"), cancels
// and frees. NULL is fine.
void mcr_deliveries_free(mcr_deliveries *d);

// mcr_deliveries_room is how many more events there is room for.
size_t mcr_deliveries_room(const mcr_deliveries *d);

// mcr_deliveries_add makes a job of `events` (refs them) under `key` (copied; "": any order). The
// events have been counted assigned and in_flight by the caller. `user` is the caller's, freed by
// its hook. Takes them also past `queue`. Jobs that may begin have begun when it returns.
void mcr_deliveries_add(mcr_deliveries *d, mcr_str key, mcr_event *const *events, size_t n,
                        void *user);

// mcr_deliveries_tick does what is due: gives up jobs past their deadline, begins tries whose time
// has come. The loop's timer calls it; so may anybody. Returns when it wants to be called next, by
// the clock; INT64_MAX: something else has to happen first.
int64_t mcr_deliveries_tick(mcr_deliveries *d);

// mcr_deliveries_drain: the end is near. Jobs that wait for their next try are tried at once, once;
// after that waits go on as before. Nobody adds any more.
void mcr_deliveries_drain(mcr_deliveries *d);

// mcr_job_set_cause says, just before one of the next calls, why the try ended as it did, without
// what only this job has (its URL, its name): what has the same cause is one message for the log.
// Copied; without it the reason is the cause.
void mcr_job_set_cause(mcr_job *job, const char *cause);

// How a try ended. The job is gone after the first two.
void mcr_job_delivered(mcr_job *job);
// It can never succeed: to the dead letters with `reason`, the server's own words, and to the log
// (each cause once a minute).
void mcr_job_failed(mcr_job *job, const char *reason);
// It may succeed later; `retry_after_ns` as the server said, -1: it did not. `reason` is kept for
// the log (each cause once a minute) and for the dead letters, if this was its last try: the job
// may be gone.
void mcr_job_again(mcr_job *job, int64_t retry_after_ns, const char *reason);
// The same, and it has nothing to do with the job: no connection, no answer, a server that says
// that it is not there for anybody. It does not count towards `attempts`, so that an outage ends
// with the deadline and not with the tries that it took.
void mcr_job_no_server(mcr_job *job, int64_t retry_after_ns, const char *reason);
// The try takes one more request: `send` is called again, the same attempt, before any other job,
// as soon as the rate allows.
void mcr_job_more(mcr_job *job);

// The try has ended, and what was sent together is tried again in two: `job` keeps its first
// `first` events, a new job with the rest and the user `rest` takes the place behind it. Both begin
// anew, with the deadline they had.
void mcr_job_split(mcr_job *job, size_t first, void *rest);

mcr_event *const *mcr_job_events(const mcr_job *job, size_t *n);
void *mcr_job_user(const mcr_job *job);
void mcr_job_set_user(mcr_job *job, void *user); // the old one is the caller's affair
int mcr_job_attempt(const mcr_job *job);         // 1: the first try; 0: not tried yet

// Side counters, for the ledger and metrics.
typedef struct mcr_delivery_counts {
    uint64_t jobs_done;
    uint64_t tries;
    uint64_t retries;
    uint64_t waiting; // jobs that wait for their turn or their next try
    uint64_t sending; // jobs under way
} mcr_delivery_counts;

mcr_delivery_counts mcr_deliveries_counts(const mcr_deliveries *d);
