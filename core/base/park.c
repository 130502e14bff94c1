#include "base/park.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"

void mcr_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

bool mcr_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline)
{
    if (deadline < 0) {
        pthread_cond_wait(cond, lock);
        return true;
    }
    struct timespec until = { .tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000 };
    return pthread_cond_timedwait(cond, lock, &until) != ETIMEDOUT;
}

void mcr_parker_init(mcr_parker *p)
{
    pthread_mutex_init(&p->lock, NULL);
    mcr_cond_init(&p->cond);
    p->woken = false;
}

void mcr_parker_fini(mcr_parker *p)
{
    pthread_cond_destroy(&p->cond);
    pthread_mutex_destroy(&p->lock);
}

bool mcr_park(mcr_parker *p, int64_t timeout_ns)
{
    int64_t deadline = timeout_ns > 0 ? mcr_clock_monotonic() + timeout_ns : timeout_ns;
    pthread_mutex_lock(&p->lock);
    while (!p->woken && timeout_ns != 0 && mcr_cond_wait(&p->cond, &p->lock, deadline))
        ;
    bool woken = p->woken;
    p->woken = false;
    pthread_mutex_unlock(&p->lock);
    return woken;
}

void mcr_unpark(void *parker)
{
    mcr_parker *p = parker;
    pthread_mutex_lock(&p->lock);
    p->woken = true;
    pthread_cond_signal(&p->cond);
    pthread_mutex_unlock(&p->lock);
}
