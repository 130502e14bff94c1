#pragma once
// Time as a parameter: everything that needs "now" is given an mcr_clock, so that replay and tests
// decide what time it is.

#include <stdint.h>

typedef struct mcr_clock {
    int64_t (*now)(void *self); // Unix time in nanoseconds
    void *self;
} mcr_clock;

// mcr_clock_now reads the clock: Unix nanoseconds.
static inline int64_t mcr_clock_now(const mcr_clock *clock)
{
    return clock->now(clock->self);
}

// mcr_clock_wall is the machine's wall clock.
extern const mcr_clock mcr_clock_wall;

// mcr_clock_fixed stands still at `*ns` until its owner moves it (with an atomic store, if another
// thread reads the clock); `ns` must outlive the clock.
mcr_clock mcr_clock_fixed(const int64_t *ns);

// mcr_clock_monotonic returns nanoseconds that never go back, for deadlines and durations only.
int64_t mcr_clock_monotonic(void);
