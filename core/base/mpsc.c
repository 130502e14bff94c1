#include "base/mpsc.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"

// Each cell has a turn. Turn k is that of the k-th item put in: a cell whose turn is k is free for
// it, with turn k + 1 it holds it, and when it was taken the cell's turn is k + size, its next
// item's. A writer makes place k its own by moving `tail` from k to k + 1, which only one can, and
// publishes the item with the store of the turn (release), which the reader waits for (acquire). A
// writer that is interrupted between the two keeps the reader from the items after its own, not
// from going on with something else.

enum {
    APART = 128 // two cache lines: processors fetch them in pairs
};

typedef struct cell {
    _Atomic uint32_t turn;
    void *item;
} cell;

struct mcr_mpsc {
    cell *cells;
    uint32_t mask;
    char apart_0[APART];
    _Atomic uint32_t tail; // writers'
    char apart_1[APART];
    uint32_t head; // the reader's
};

mcr_mpsc *mcr_mpsc_new(uint32_t capacity)
{
    uint32_t size = 2; // with one cell, "free for the next" and "holds this one" would be the same
    while (size < capacity)
        size *= 2;
    mcr_mpsc *q = mcr_zalloc(sizeof *q);
    q->cells = mcr_alloc(size * sizeof *q->cells);
    q->mask = size - 1;
    for (uint32_t i = 0; i < size; i++) {
        atomic_init(&q->cells[i].turn, i);
        q->cells[i].item = NULL;
    }
    return q;
}

void mcr_mpsc_free(mcr_mpsc *q)
{
    if (!q)
        return;
    free(q->cells);
    free(q);
}

bool mcr_mpsc_put(mcr_mpsc *q, void *item)
{
    uint32_t place = atomic_load_explicit(&q->tail, memory_order_relaxed);
    for (;;) {
        cell *c = &q->cells[place & q->mask];
        uint32_t turn = atomic_load_explicit(&c->turn, memory_order_acquire);
        int32_t ahead = (int32_t)(turn - place);
        if (ahead < 0)
            return false; // still holds the item of a round ago
        if (ahead > 0) {
            place = atomic_load_explicit(&q->tail, memory_order_relaxed);
            continue;
        }
        if (!atomic_compare_exchange_weak_explicit(&q->tail, &place, place + 1,
                                                   memory_order_relaxed, memory_order_relaxed))
            continue;
        c->item = item;
        atomic_store_explicit(&c->turn, place + 1, memory_order_release);
        return true;
    }
}

void *mcr_mpsc_take(mcr_mpsc *q)
{
    cell *c = &q->cells[q->head & q->mask];
    if (atomic_load_explicit(&c->turn, memory_order_acquire) != q->head + 1)
        return NULL;
    void *item = c->item;
    atomic_store_explicit(&c->turn, q->head + q->mask + 1, memory_order_release);
    q->head++;
    return item;
}
