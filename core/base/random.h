#pragma once
// Chance as a parameter: what needs random numbers is given an mcr_random, so that tests decide.

#include <stdint.h>

typedef struct mcr_random {
    uint64_t (*next)(void *self); // 64 random bits
    void *self;
} mcr_random;

// mcr_random_next gives 64 random bits.
static inline uint64_t mcr_random_next(const mcr_random *random)
{
    return random->next(random->self);
}

// mcr_random_unit gives a number from 0 up to but not 1, as Go's rand.Float64.
static inline double mcr_random_unit(const mcr_random *random)
{
    return (double)(mcr_random_next(random) >> 11) / (double)(UINT64_C(1) << 53);
}

// mcr_random_system asks the kernel each time. Any thread. Ends the program if there is none.
extern const mcr_random mcr_random_system;
