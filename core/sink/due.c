#include "sink/due.h"

#include <stdlib.h>

#include "base/alloc.h"

static void put(mcr_due_heap *heap, size_t i, mcr_due *due)
{
    heap->entries[i] = due;
    due->place = i + 1;
}

static void rise(mcr_due_heap *heap, size_t i, mcr_due *due)
{
    while (i > 0) {
        size_t above = (i - 1) / 2;
        if (heap->entries[above]->at <= due->at)
            break;
        put(heap, i, heap->entries[above]);
        i = above;
    }
    put(heap, i, due);
}

static void sink(mcr_due_heap *heap, size_t i, mcr_due *due)
{
    for (;;) {
        size_t below = 2 * i + 1;
        if (below >= heap->n)
            break;
        if (below + 1 < heap->n && heap->entries[below + 1]->at < heap->entries[below]->at)
            below++;
        if (heap->entries[below]->at >= due->at)
            break;
        put(heap, i, heap->entries[below]);
        i = below;
    }
    put(heap, i, due);
}

void mcr_due_add(mcr_due_heap *heap, mcr_due *due)
{
    if (heap->n == heap->cap) {
        heap->cap = heap->cap ? heap->cap * 2 : 16;
        heap->entries = mcr_realloc(heap->entries, heap->cap * sizeof(mcr_due *));
    }
    rise(heap, heap->n++, due);
}

void mcr_due_remove(mcr_due_heap *heap, mcr_due *due)
{
    if (!due->place)
        return;
    size_t i = due->place - 1;
    due->place = 0;
    mcr_due *last = heap->entries[--heap->n];
    if (last == due)
        return;
    if (i > 0 && heap->entries[(i - 1) / 2]->at > last->at)
        rise(heap, i, last);
    else
        sink(heap, i, last);
}

void mcr_due_fini(mcr_due_heap *heap)
{
    free(heap->entries);
    *heap = (mcr_due_heap){ 0 };
}
