#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t wall_now(void *self)
{
    (void)self;
    return read_clock(CLOCK_REALTIME);
}

static int64_t fixed_now(void *self)
{
    return __atomic_load_n((const int64_t *)self, __ATOMIC_ACQUIRE);
}

const mcr_clock mcr_clock_wall = { wall_now, NULL };

mcr_clock mcr_clock_fixed(const int64_t *ns)
{
    return (mcr_clock){ fixed_now, (void *)ns };
}

int64_t mcr_clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}
