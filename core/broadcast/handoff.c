#include "broadcast/handoff.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/park.h"

struct mcr_handoff {
    pthread_mutex_t lock;
    pthread_cond_t change;
    // Under lock.
    mcr_event *ev;
    bool reader_waits;
    bool writer_waits;
    bool released;
    bool closed;
};

mcr_handoff *mcr_handoff_new(void)
{
    mcr_handoff *h = mcr_zalloc(sizeof *h);
    pthread_mutex_init(&h->lock, NULL);
    mcr_cond_init(&h->change);
    return h;
}

void mcr_handoff_free(mcr_handoff *h)
{
    if (!h)
        return;
    mcr_event_unref(h->ev);
    pthread_cond_destroy(&h->change);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

bool mcr_handoff_put(mcr_handoff *h, mcr_event *ev, bool wait)
{
    pthread_mutex_lock(&h->lock);
    if (wait) {
        h->writer_waits = true;
        pthread_cond_broadcast(&h->change);
        while (!h->released && !h->reader_waits)
            pthread_cond_wait(&h->change, &h->lock);
        h->writer_waits = false;
    }
    bool given = h->reader_waits && !h->released;
    if (given) {
        h->ev = ev;
        h->reader_waits = false;
    }
    pthread_cond_broadcast(&h->change);
    pthread_mutex_unlock(&h->lock);
    return given;
}

static void set(mcr_handoff *h, bool *flag)
{
    pthread_mutex_lock(&h->lock);
    *flag = true;
    pthread_cond_broadcast(&h->change);
    pthread_mutex_unlock(&h->lock);
}

void mcr_handoff_release(mcr_handoff *h)
{
    set(h, &h->released);
}

void mcr_handoff_close(mcr_handoff *h)
{
    set(h, &h->closed);
}

mcr_event *mcr_handoff_get(mcr_handoff *h, int64_t timeout_ns)
{
    int64_t deadline = timeout_ns > 0 ? mcr_clock_monotonic() + timeout_ns : timeout_ns;
    bool in_time = timeout_ns != 0;
    pthread_mutex_lock(&h->lock);
    h->reader_waits = !h->ev && !h->closed;
    if (h->reader_waits)
        pthread_cond_broadcast(&h->change);
    // A writer that waits gives its event or goes away at once, so there the deadline is no matter.
    while (!h->ev && !h->closed && (in_time || h->writer_waits)) {
        if (!mcr_cond_wait(&h->change, &h->lock, in_time ? deadline : -1))
            in_time = false;
    }
    mcr_event *ev = h->ev;
    h->ev = NULL;
    h->reader_waits = false;
    pthread_mutex_unlock(&h->lock);
    return ev;
}

bool mcr_handoff_sleep(mcr_handoff *h)
{
    pthread_mutex_lock(&h->lock);
    bool sleep = !h->ev && !h->writer_waits && !h->closed;
    h->reader_waits = sleep;
    pthread_mutex_unlock(&h->lock);
    return sleep;
}

uint32_t mcr_handoff_len(mcr_handoff *h)
{
    pthread_mutex_lock(&h->lock);
    uint32_t len = h->ev != NULL;
    pthread_mutex_unlock(&h->lock);
    return len;
}
