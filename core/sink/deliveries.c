#include "sink/deliveries.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/token_bucket.h"
#include "sink/due.h"
#include "sink/key_queue.h"

#define SECOND INT64_C(1000000000)
#define NEVER  INT64_MAX

typedef enum job_state {
    BEHIND,  // another job of its key is first
    READY,   // may be sent
    SENDING, // under way
    WAITING  // for its next try
} job_state;

struct mcr_job {
    mcr_due due; // of its next try; first, so that a heap's entry is its job
    mcr_deliveries *d;
    mcr_key_queue *queue;          // NULL: of no key
    TAILQ_ENTRY(mcr_job) in_queue; // jobs of its key
    TAILQ_ENTRY(mcr_job) in_all;   // by arrival, which is the order of their deadlines
    TAILQ_ENTRY(mcr_job) in_ready; // when READY
    mcr_event *one;                // where the event of most jobs is
    mcr_event **events;
    size_t n;
    void *user;
    char *reason; // why the last try failed, or NULL
    int64_t arrived;
    job_state state;
    int tries;
    int spared; // of them, those that found no server
    bool more;  // the next request belongs to the try before
};

struct mcr_deliveries {
    mcr_sink *sink;
    struct ev_loop *loop;
    mcr_delivery_options options;
    mcr_deliveries_hooks hooks;
    const mcr_clock *clock;
    const mcr_random *random;
    mcr_key_queues queues;
    struct mcr_job_list all;
    struct mcr_job_list ready;
    mcr_due_heap waiting;
    mcr_token_bucket bucket;
    ev_timer timer;
    int64_t timer_at; // NEVER: it does not run
    size_t events;    // of all jobs
    size_t jobs;
    mcr_delivery_counts counts;
    mcr_buf cause; // of the try that ends; empty: its reason is
};

void mcr_delivery_defaults(mcr_delivery_options *options)
{
    *options = (mcr_delivery_options){
        .in_flight = 64,
        .queue = 10000,
        .attempts = 12,
        .wait = SECOND,
        .max_wait = 60 * SECOND,
        .jitter = 0.5,
        .deadline = 3600 * SECOND,
        .burst = 10,
    };
}

static int64_t later(int64_t time, int64_t ns)
{
    return time > NEVER - ns ? NEVER : time + ns;
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    mcr_deliveries *d = timer->data;
    d->timer_at = NEVER;
    mcr_deliveries_tick(d);
}

mcr_deliveries *mcr_deliveries_new(mcr_sink *sink, struct ev_loop *loop,
                                   const mcr_delivery_options *options,
                                   const mcr_deliveries_hooks *hooks, const mcr_clock *clock,
                                   const mcr_random *random)
{
    mcr_deliveries *d = mcr_zalloc(sizeof *d);
    d->sink = sink;
    d->loop = loop;
    d->options = *options;
    d->hooks = *hooks;
    d->clock = clock;
    d->random = random;
    TAILQ_INIT(&d->all);
    TAILQ_INIT(&d->ready);
    mcr_token_bucket_fill(&d->bucket, options->burst, mcr_clock_now(clock));
    ev_timer_init(&d->timer, on_timer, 0, 0);
    d->timer.data = d;
    d->timer_at = NEVER;
    return d;
}

size_t mcr_deliveries_room(const mcr_deliveries *d)
{
    size_t most = d->options.queue > 0 ? (size_t)d->options.queue : 0;
    return d->events < most ? most - d->events : 0;
}

// Takes it out of where its state has put it.
static void leave(mcr_job *job)
{
    mcr_deliveries *d = job->d;
    if (job->state == READY)
        TAILQ_REMOVE(&d->ready, job, in_ready);
    else if (job->state == SENDING)
        d->counts.sending--;
    else if (job->state == WAITING)
        mcr_due_remove(&d->waiting, &job->due);
}

static void make_ready(mcr_job *job)
{
    leave(job);
    job->state = READY;
    TAILQ_INSERT_TAIL(&job->d->ready, job, in_ready);
}

// Its events have been counted; the next of its key may be sent.
static void end(mcr_job *job)
{
    mcr_deliveries *d = job->d;
    leave(job);
    if (job->queue) {
        bool was_first = TAILQ_FIRST(&job->queue->jobs) == job;
        TAILQ_REMOVE(&job->queue->jobs, job, in_queue);
        mcr_job *first = TAILQ_FIRST(&job->queue->jobs);
        if (!first)
            mcr_key_queues_drop(&d->queues, job->queue);
        else if (was_first)
            make_ready(first);
    }
    TAILQ_REMOVE(&d->all, job, in_all);
    d->events -= job->n;
    d->jobs--;
    d->counts.jobs_done++;
    for (size_t i = 0; i < job->n; i++)
        mcr_event_unref(job->events[i]);
    if (job->events != &job->one)
        free(job->events);
    if (job->user && d->hooks.free_user)
        d->hooks.free_user(d->hooks.self, job->user);
    free(job->reason);
    free(job);
}

// One line a minute for each cause.
static void say(const mcr_deliveries *d, mcr_log_level level, const char *what, const char *cause,
                const char *reason)
{
    mcr_buf key = { 0 };
    mcr_buf_printf(&key, "%s %s %s", d->sink->name, what, cause);
    mcr_log_cause_once_a_minute(level, mcr_buf_cstr(&key), "sink '%s': %s: %s", d->sink->name, what,
                                reason);
    mcr_buf_fini(&key);
}

static const char *cause_or(mcr_deliveries *d, const char *reason)
{
    return d->cause.len ? mcr_buf_cstr(&d->cause) : reason;
}

static void give_up(mcr_job *job, const char *when)
{
    mcr_deliveries *d = job->d;
    if (job->state == SENDING)
        d->hooks.cancel(d->hooks.self, job);
    mcr_buf reason = { 0 };
    mcr_buf_puts(&reason, when);
    if (job->reason)
        mcr_buf_printf(&reason, "; last: %s", job->reason);
    mcr_buf_cstr(&reason);
    if (!d->sink->lost.call)
        say(d, MCR_LOG_ERROR, "an event is given up", when, reason.ptr);
    for (size_t i = 0; i < job->n; i++)
        mcr_sink_give_up(d->sink, job->events[i], reason.ptr);
    mcr_buf_fini(&reason);
    end(job);
}

static void give_up_late(mcr_job *job)
{
    char when[64];
    snprintf(when, sizeof when, "not delivered within %gs",
             (double)job->d->options.deadline / (double)SECOND);
    give_up(job, when);
}

static int64_t deadline_of(const mcr_job *job)
{
    int64_t deadline = job->d->options.deadline;
    return deadline ? later(job->arrived, deadline) : NEVER;
}

static bool has_token(mcr_deliveries *d, int64_t now)
{
    double rate = d->options.rate;
    return rate <= 0 || mcr_token_bucket_take(&d->bucket, rate, d->options.burst, now);
}

// When the bucket, which has just refused one, has the next token.
static int64_t next_token(const mcr_deliveries *d)
{
    double ns = (1 - d->bucket.tokens) / d->options.rate * (double)SECOND;
    return ns < 1e18 ? later(d->bucket.last, (int64_t)ns + 1) : NEVER;
}

static void begin(mcr_deliveries *d, mcr_job *job)
{
    leave(job);
    job->state = SENDING;
    d->counts.sending++;
    if (!job->more) {
        job->tries++;
        d->counts.tries++;
        d->counts.retries += job->tries > 1;
    }
    job->more = false;
    d->hooks.send(d->hooks.self, job);
}

// Begins what may begin; returns when the next token is there, if that is what is waited for.
static int64_t begin_ready(mcr_deliveries *d, int64_t now)
{
    mcr_job *job;
    while (d->counts.sending < (uint64_t)d->options.in_flight && (job = TAILQ_FIRST(&d->ready))) {
        if (!has_token(d, now))
            return next_token(d);
        begin(d, job);
    }
    return NEVER;
}

// A timer that fires too early does no harm: it is set again then.
static void arm(mcr_deliveries *d, int64_t at, int64_t now)
{
    if (!d->loop || at >= d->timer_at)
        return;
    ev_timer_stop(d->loop, &d->timer);
    double seconds = at > now ? (double)(at - now) / (double)SECOND : 0;
    ev_now_update(d->loop);
    ev_timer_set(&d->timer, seconds, 0);
    ev_timer_start(d->loop, &d->timer);
    d->timer_at = at;
}

static int64_t go_on(mcr_deliveries *d, int64_t now)
{
    int64_t next = begin_ready(d, now);
    const mcr_due *due = mcr_due_first(&d->waiting);
    if (due && due->at < next)
        next = due->at;
    const mcr_job *oldest = TAILQ_FIRST(&d->all);
    if (oldest && deadline_of(oldest) < next)
        next = deadline_of(oldest);
    arm(d, next, now);
    return next;
}

int64_t mcr_deliveries_tick(mcr_deliveries *d)
{
    int64_t now = mcr_clock_now(d->clock);
    mcr_job *oldest;
    while ((oldest = TAILQ_FIRST(&d->all)) && deadline_of(oldest) <= now)
        give_up_late(oldest);
    mcr_due *due;
    while ((due = mcr_due_first(&d->waiting)) && due->at <= now)
        make_ready((mcr_job *)(void *)due);
    return go_on(d, now);
}

static void go_on_now(mcr_deliveries *d)
{
    go_on(d, mcr_clock_now(d->clock));
}

// True: the last job of the queue now has `newer` in it as well.
static bool merge(mcr_deliveries *d, mcr_key_queue *queue, mcr_event *newer, int64_t now)
{
    mcr_job *last = TAILQ_LAST(&queue->jobs, mcr_job_list);
    if (!last || last->tries || last->n != 1 || !d->hooks.merge)
        return false;
    mcr_event *merged = d->hooks.merge(d->hooks.self, last, newer);
    if (!merged)
        return false;
    mcr_event_unref(last->events[0]);
    last->events[0] = merged;
    last->arrived = now;
    TAILQ_REMOVE(&d->all, last, in_all);
    TAILQ_INSERT_TAIL(&d->all, last, in_all);
    mcr_sink_tell(d->sink, "merged", &newer, 1);
    d->sink->counts.merged++;
    d->sink->counts.in_flight--;
    return true;
}

static mcr_job *new_job(mcr_deliveries *d, mcr_event *const *events, size_t n, int64_t now)
{
    mcr_job *job = mcr_zalloc(sizeof *job);
    job->d = d;
    job->events = n == 1 ? &job->one : mcr_alloc(n * sizeof(mcr_event *));
    job->n = n;
    for (size_t i = 0; i < n; i++)
        job->events[i] = mcr_event_ref(events[i]);
    job->arrived = now;
    TAILQ_INSERT_TAIL(&d->all, job, in_all);
    d->events += n;
    d->jobs++;
    return job;
}

void mcr_deliveries_add(mcr_deliveries *d, mcr_str key, mcr_event *const *events, size_t n,
                        void *user)
{
    int64_t now = mcr_clock_now(d->clock);
    mcr_key_queue *queue = key.len ? mcr_key_queues_get(&d->queues, key) : NULL;
    if (queue && n == 1 && merge(d, queue, events[0], now)) {
        if (user && d->hooks.free_user)
            d->hooks.free_user(d->hooks.self, user);
        return;
    }
    mcr_job *job = new_job(d, events, n, now);
    job->user = user;
    job->queue = queue;
    if (queue)
        TAILQ_INSERT_TAIL(&queue->jobs, job, in_queue);
    if (!queue || TAILQ_FIRST(&queue->jobs) == job)
        make_ready(job);
    go_on(d, now);
}

void mcr_deliveries_drain(mcr_deliveries *d)
{
    mcr_due *due;
    while ((due = mcr_due_first(&d->waiting)))
        make_ready((mcr_job *)(void *)due);
    go_on_now(d);
}

void mcr_deliveries_free(mcr_deliveries *d)
{
    if (!d)
        return;
    mcr_job *job;
    while ((job = TAILQ_FIRST(&d->all)))
        give_up(job, "not delivered before the end");
    if (d->loop)
        ev_timer_stop(d->loop, &d->timer);
    mcr_key_queues_fini(&d->queues);
    mcr_due_fini(&d->waiting);
    mcr_buf_fini(&d->cause);
    free(d);
}

void mcr_job_delivered(mcr_job *job)
{
    mcr_deliveries *d = job->d;
    mcr_sink_tell(d->sink, "delivered", job->events, job->n);
    d->sink->counts.delivered += job->n;
    d->sink->counts.in_flight -= job->n;
    end(job);
    go_on_now(d);
}

void mcr_job_set_cause(mcr_job *job, const char *cause)
{
    job->d->cause.len = 0;
    mcr_buf_puts(&job->d->cause, cause);
}

void mcr_job_failed(mcr_job *job, const char *reason)
{
    mcr_deliveries *d = job->d;
    if (!d->sink->lost.call)
        say(d, MCR_LOG_ERROR, "an event is refused", cause_or(d, reason), reason);
    d->cause.len = 0;
    for (size_t i = 0; i < job->n; i++)
        mcr_sink_refuse(d->sink, job->events[i], reason);
    end(job);
    go_on_now(d);
}

// From `wait` on doubling up to `max_wait`, `jitter` of it random.
static int64_t back_off(mcr_deliveries *d, int tries)
{
    const mcr_delivery_options *o = &d->options;
    int64_t wait = o->wait;
    for (int i = 1; i < tries && wait < o->max_wait; i++)
        wait = wait > o->max_wait / 2 ? o->max_wait : wait * 2;
    if (wait > o->max_wait)
        wait = o->max_wait;
    return wait - (int64_t)((double)wait * o->jitter * mcr_random_unit(d->random));
}

void mcr_job_again(mcr_job *job, int64_t retry_after_ns, const char *reason)
{
    mcr_deliveries *d = job->d;
    const mcr_delivery_options *o = &d->options;
    free(job->reason);
    job->reason = mcr_strdup(reason);

    // The request has come to its end by itself.
    leave(job);
    job->state = BEHIND;
    int64_t now = mcr_clock_now(d->clock);
    int64_t wait = back_off(d, job->tries);
    int64_t asked = retry_after_ns < o->max_wait ? retry_after_ns : o->max_wait;
    if (wait < asked)
        wait = asked;
    if (o->attempts && job->tries - job->spared >= o->attempts) {
        char when[64];
        snprintf(when, sizeof when, "not delivered in %d tries", job->tries);
        give_up(job, when);
    } else if (later(now, wait) >= deadline_of(job)) {
        give_up_late(job);
    } else {
        say(d, MCR_LOG_WARN, "will try again", cause_or(d, reason), reason);
        job->due.at = later(now, wait);
        job->state = WAITING;
        mcr_due_add(&d->waiting, &job->due);
    }
    d->cause.len = 0;
    go_on(d, now);
}

void mcr_job_no_server(mcr_job *job, int64_t retry_after_ns, const char *reason)
{
    job->spared++;
    mcr_job_again(job, retry_after_ns, reason);
}

void mcr_job_more(mcr_job *job)
{
    leave(job);
    job->state = READY;
    job->more = true;
    TAILQ_INSERT_HEAD(&job->d->ready, job, in_ready);
    go_on_now(job->d);
}

void mcr_job_split(mcr_job *job, size_t first, void *rest)
{
    mcr_deliveries *d = job->d;
    leave(job);
    mcr_job *second = mcr_zalloc(sizeof *second);
    second->d = d;
    second->n = job->n - first;
    second->events = mcr_alloc(second->n * sizeof(mcr_event *));
    memcpy((void *)second->events, (void *)(job->events + first), second->n * sizeof(mcr_event *));
    second->user = rest;
    second->arrived = job->arrived;
    second->queue = job->queue;
    TAILQ_INSERT_AFTER(&d->all, job, second, in_all);
    d->jobs++;

    job->n = first;
    job->tries = job->spared = 0;
    job->state = READY;
    TAILQ_INSERT_HEAD(&d->ready, job, in_ready);
    second->state = job->queue ? BEHIND : READY;
    if (job->queue)
        TAILQ_INSERT_AFTER(&job->queue->jobs, job, second, in_queue);
    else
        TAILQ_INSERT_AFTER(&d->ready, job, second, in_ready);
    go_on_now(d);
}

mcr_event *const *mcr_job_events(const mcr_job *job, size_t *n)
{
    *n = job->n;
    return job->events;
}

void *mcr_job_user(const mcr_job *job)
{
    return job->user;
}

void mcr_job_set_user(mcr_job *job, void *user)
{
    job->user = user;
}

int mcr_job_attempt(const mcr_job *job)
{
    return job->tries;
}

mcr_delivery_counts mcr_deliveries_counts(const mcr_deliveries *d)
{
    mcr_delivery_counts counts = d->counts;
    counts.waiting = d->jobs - counts.sending;
    return counts;
}
