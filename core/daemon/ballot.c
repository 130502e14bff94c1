#include "daemon/ballot.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/park.h"

struct mcr_ballot {
    mcr_ballot_hooks hooks;
    pthread_mutex_t lock;
    pthread_cond_t decided;
    // Under lock.
    uint32_t refs;
    uint32_t missing; // hosts that have not voted
    uint32_t inside;  // hosts between their arrival and the end of their conclude
    bool refused;
    mcr_errbuf why;
    mcr_verdict_of_all verdict;
};

typedef struct voter {
    mcr_ballot *ballot;
    mcr_host *host;
} voter;

// Under lock, which it gives up.
static void unref(mcr_ballot *b)
{
    bool last = --b->refs == 0;
    pthread_mutex_unlock(&b->lock);
    if (!last)
        return;
    pthread_cond_destroy(&b->decided);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

// Under lock: one vote less is missing. After the verdict nobody waits for it.
static void count_vote(mcr_ballot *b, bool refused)
{
    b->missing--;
    if (b->verdict == MCR_BALLOT_OPEN && (b->missing == 0 || refused))
        b->hooks.changed(b->hooks.self);
}

// Under lock.
static bool await_verdict(mcr_ballot *b)
{
    int64_t deadline = mcr_clock_monotonic() + MCR_BALLOT_PATIENCE_S * INT64_C(1000000000);
    bool in_time = true;
    while (b->verdict == MCR_BALLOT_OPEN && in_time)
        in_time = mcr_cond_wait(&b->decided, &b->lock, deadline);
    if (b->verdict == MCR_BALLOT_OPEN) {
        b->verdict = MCR_BALLOT_RESUME;
        pthread_cond_broadcast(&b->decided);
    }
    return b->verdict == MCR_BALLOT_SWITCH;
}

// Under lock, but for the hooks' work.
static void vote(mcr_ballot *b, mcr_host *host)
{
    b->inside++;
    pthread_mutex_unlock(&b->lock);
    mcr_errbuf why;
    mcr_err code = b->hooks.prepare(b->hooks.self, host, &why);
    pthread_mutex_lock(&b->lock);
    if (code && !b->refused) {
        b->refused = true;
        b->why = why;
    }
    count_vote(b, code != MCR_OK);
    bool switched = await_verdict(b);
    pthread_mutex_unlock(&b->lock);
    b->hooks.conclude(b->hooks.self, host, switched);
    pthread_mutex_lock(&b->lock);
    if (--b->inside == 0)
        b->hooks.changed(b->hooks.self);
}

static void on_host(void *arg, bool refused)
{
    voter v = *(voter *)arg;
    free(arg);
    pthread_mutex_lock(&v.ballot->lock);
    if (refused)
        count_vote(v.ballot, false); // the host has ended: there is nothing to switch
    else if (v.ballot->verdict == MCR_BALLOT_OPEN)
        vote(v.ballot, v.host);
    unref(v.ballot);
}

mcr_ballot *mcr_ballot_call(const mcr_ballot_hooks *hooks, mcr_host *const *hosts, uint32_t n)
{
    mcr_ballot *b = mcr_zalloc(sizeof *b);
    b->hooks = *hooks;
    b->refs = n + 1;
    b->missing = n;
    pthread_mutex_init(&b->lock, NULL);
    mcr_cond_init(&b->decided);
    for (uint32_t i = 0; i < n; i++) {
        voter *v = mcr_zalloc(sizeof *v);
        *v = (voter){ b, hosts[i] };
        if (!mcr_host_post(hosts[i], on_host, v))
            on_host(v, true);
    }
    return b;
}

bool mcr_ballot_is_complete(mcr_ballot *b, bool *refused, mcr_errbuf *why)
{
    pthread_mutex_lock(&b->lock);
    bool complete = b->missing == 0 || b->refused;
    *refused = b->refused;
    if (b->refused && why)
        *why = b->why;
    pthread_mutex_unlock(&b->lock);
    return complete;
}

bool mcr_ballot_decide(mcr_ballot *b, mcr_verdict_of_all verdict)
{
    pthread_mutex_lock(&b->lock);
    bool open = b->verdict == MCR_BALLOT_OPEN;
    if (open) {
        b->verdict = verdict;
        pthread_cond_broadcast(&b->decided);
    }
    pthread_mutex_unlock(&b->lock);
    return open;
}

bool mcr_ballot_is_over(mcr_ballot *b)
{
    pthread_mutex_lock(&b->lock);
    bool over = b->verdict != MCR_BALLOT_OPEN && b->inside == 0;
    pthread_mutex_unlock(&b->lock);
    return over;
}

void mcr_ballot_leave(mcr_ballot *b)
{
    pthread_mutex_lock(&b->lock);
    unref(b);
}
