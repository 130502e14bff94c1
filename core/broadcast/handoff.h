#pragma once
// Go's unbuffered channel between one writer (a distributor) and one reader: a put succeeds only
// while the reader waits for it. For watches with queue 0.

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

typedef struct mcr_handoff mcr_handoff;

mcr_handoff *mcr_handoff_new(void);

// mcr_handoff_free frees it and the hold on an event that nobody took. NULL is fine.
void mcr_handoff_free(mcr_handoff *h);

// Writer's thread. mcr_handoff_put gives `ev` (and the caller's hold) to the reader. Without `wait`
// only if the reader waits already, with it as soon as it does. False: not given.
bool mcr_handoff_put(mcr_handoff *h, mcr_event *ev, bool wait);

// Any thread. mcr_handoff_release ends a waiting put, and every later one: false.
void mcr_handoff_release(mcr_handoff *h);

// Any thread. mcr_handoff_close ends a waiting get; what was put before can still be read.
void mcr_handoff_close(mcr_handoff *h);

// Reader's thread. mcr_handoff_get waits up to `timeout_ns` (0: only for a writer that waits
// already; negative: for ever). NULL: nothing came.
mcr_event *mcr_handoff_get(mcr_handoff *h, int64_t timeout_ns);

// Reader's thread. mcr_handoff_sleep makes the reader count as waiting from now on, until the next
// get. False: there is something to get, or a writer waits.
bool mcr_handoff_sleep(mcr_handoff *h);

// Any thread: 1 if an event was put and not read yet.
uint32_t mcr_handoff_len(mcr_handoff *h);
