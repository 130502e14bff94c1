#pragma once
// A place for one thread to sleep until another wakes it. A wake-up that comes before the sleep is
// remembered and ends it at once; several before it count as one.

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct mcr_parker {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool woken; // under lock
} mcr_parker;

void mcr_parker_init(mcr_parker *p);
void mcr_parker_fini(mcr_parker *p);

// mcr_park sleeps until mcr_unpark, at most `timeout_ns` (0: only takes a remembered wake-up;
// negative: for ever). False: nobody woke it. One thread at a time.
bool mcr_park(mcr_parker *p, int64_t timeout_ns);

// mcr_unpark wakes the sleeper; any thread. An mcr_wake, hence the type of its argument.
void mcr_unpark(void *parker);

// mcr_cond_init makes a condition variable whose deadlines are on the monotonic clock.
void mcr_cond_init(pthread_cond_t *cond);

// mcr_cond_wait waits on such a condition until `deadline` (mcr_clock_monotonic time; negative: for
// ever). False: the deadline has passed. May return true without a signal.
bool mcr_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline);
