#pragma once
// A breaker: keeps a hook that fails again and again from being called for a while.
//
//     closed ──3 deadlines or 100 failures in a row──→ open ──wait is over──→ half open: one call
//        ↑                                              ↑                          │
//        └────────────────── it worked ─────────────────┼──────────────────────────┤
//                                                       └──── failed; waits longer ┘
//
// A hook that runs into its deadline costs its watcher that time for each event, hence the low
// limit; failures are cheap, hence the high one. Time is a parameter: Unix ns.

#include <stdbool.h>
#include <stdint.h>

enum {
    MCR_BREAKER_DEADLINES = 3,
    MCR_BREAKER_FAILURES = 100
};

#define MCR_BREAKER_WAIT_NS     (10 * INT64_C(1000000000))  // of the first opening; then doubled
#define MCR_BREAKER_WAIT_MAX_NS (300 * INT64_C(1000000000)) // … up to this

typedef enum mcr_breaker_state {
    MCR_BREAKER_CLOSED,
    MCR_BREAKER_OPEN,
    MCR_BREAKER_HALF_OPEN
} mcr_breaker_state;

// Zero-initialised is closed.
typedef struct mcr_breaker {
    mcr_breaker_state state;
    uint32_t failures;  // in a row, deadlines among them
    uint32_t deadlines; // in a row
    int64_t wait;       // ns: how long it was opened for last
    int64_t until;      // when one call may try again
} mcr_breaker;

// mcr_breaker_allows tells whether the hook may be called at `now`. An open breaker whose wait is
// over becomes half open by being asked.
bool mcr_breaker_allows(mcr_breaker *b, int64_t now);

// mcr_breaker_failed: a call failed; `deadline`: by being stopped. True: that opened the breaker.
bool mcr_breaker_failed(mcr_breaker *b, bool deadline, int64_t now);

// mcr_breaker_worked: a call worked. True: that closed a breaker that was not.
bool mcr_breaker_worked(mcr_breaker *b);
