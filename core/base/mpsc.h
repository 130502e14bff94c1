#pragma once
// A bounded queue of pointers from many threads to one, in which nobody ever waits: a full queue
// refuses, an empty one has nothing. For what may be lost when there is too much of it, as long as
// it is counted (event/tapping.h). Between one thread and one other, base/ring.h is cheaper and can
// wake the reader.

#include <stdbool.h>
#include <stdint.h>

typedef struct mcr_mpsc mcr_mpsc;

// mcr_mpsc_new makes a queue for at least `capacity` (1 … 2^31) items: the next power of two.
mcr_mpsc *mcr_mpsc_new(uint32_t capacity);

// mcr_mpsc_free frees the queue, not what is still in it. NULL is fine.
void mcr_mpsc_free(mcr_mpsc *q);

// mcr_mpsc_put puts `item` (not NULL) in; false: it is full. What one thread puts in comes out in
// its order. Any thread.
bool mcr_mpsc_put(mcr_mpsc *q, void *item);

// mcr_mpsc_take takes the oldest item; NULL: there is none, or it is still being put in. The
// reader's thread.
void *mcr_mpsc_take(mcr_mpsc *q);
