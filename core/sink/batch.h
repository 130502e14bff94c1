#pragma once
// Bodies of many events joined to one, for each target (where and how it is sent) a batch of its
// own. A batch is closed when it has enough events, when another body would make it too long, when
// its time is over, or when it is told to. One thread.

#include "base/buf.h"
#include "event/event.h"

enum {
    MCR_BATCHES_OPEN_MAX = 64 // a batch for one target more closes the one that was begun first
};

typedef struct mcr_batch_limits {
    size_t events;  // at least 1: then each body is closed as it comes
    size_t bytes;   // of the joined body; one that is longer by itself goes alone
    int64_t wait;   // ns from the first event on
    mcr_str prefix; // borrowed, as the others
    mcr_str separator;
    mcr_str suffix;
} mcr_batch_limits;

// A batch that was closed, borrowed for the call but for `body` and `ends`, which may be taken (and
// zeroed).
typedef struct mcr_batch {
    mcr_str target;
    mcr_event *const *events;
    size_t n;
    mcr_buf body;
    size_t *ends; // heap: where in `body` that of each event ends
} mcr_batch;

typedef struct mcr_batches mcr_batches;

// mcr_batches_new copies `limits`; `closed` hears of each batch, from within add, due and flush,
// and must not call back.
mcr_batches *mcr_batches_new(const mcr_batch_limits *limits,
                             void (*closed)(void *self, mcr_batch *batch), void *self);

// mcr_batches_free frees; what was not flushed is forgotten.
void mcr_batches_free(mcr_batches *b);

// mcr_batch_part makes the batch of the `n` bodies from `from` on of one that was closed, and where
// they end in it (`n` numbers).
void mcr_batch_part(const mcr_batch_limits *limits, mcr_str body, const size_t *ends, size_t from,
                    size_t n, mcr_buf *part, size_t *part_ends);

// mcr_batches_add refs `ev` until its batch is closed. `now`: Unix ns.
void mcr_batches_add(mcr_batches *b, mcr_str target, mcr_event *ev, mcr_str body, int64_t now);

// mcr_batches_due closes those whose time is over, and returns when the next one's is; 0: there is
// none.
int64_t mcr_batches_due(mcr_batches *b, int64_t now);

// mcr_batches_flush closes all.
void mcr_batches_flush(mcr_batches *b);

// mcr_batches_events is how many events are in open batches.
size_t mcr_batches_events(const mcr_batches *b);
