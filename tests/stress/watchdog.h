#pragma once
// Turns a deadlock into a failure: ends the program with a message when nothing was reported for
// half a minute, which no scheduler keeps a runnable thread waiting for.

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static atomic_ulong watchdog_progress;
static const char *_Atomic watchdog_stage;

static inline void watchdog_alive(void)
{
    atomic_fetch_add_explicit(&watchdog_progress, 1, memory_order_relaxed);
}

static inline void *watchdog_run(void *arg)
{
    (void)arg;
    unsigned long last = 0;
    for (int quiet = 0; quiet < 30; quiet++) {
        sleep(1);
        unsigned long now = atomic_load(&watchdog_progress);
        if (now != last)
            quiet = 0;
        last = now;
    }
    fprintf(stderr, "watchdog: no progress for 30 s in: %s\n", atomic_load(&watchdog_stage));
    _exit(1);
}

// watchdog_start begins to watch; `stage` is what the message will say.
static inline void watchdog_start(const char *stage)
{
    static pthread_t thread;
    atomic_store(&watchdog_stage, stage);
    watchdog_alive();
    if (!thread && pthread_create(&thread, NULL, watchdog_run, NULL) == 0)
        pthread_detach(thread);
}
