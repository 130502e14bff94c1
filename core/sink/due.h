#pragma once
// What is due when: a heap of points in time, the earliest first. An entry is a part of what is
// due; adding, removing (from anywhere) take the logarithm of their number. One thread.

#include <stddef.h>
#include <stdint.h>

typedef struct mcr_due {
    int64_t at;   // not changed while it is in a heap
    size_t place; // internal; 0: in no heap
} mcr_due;

// Zero-initialised is empty.
typedef struct mcr_due_heap {
    mcr_due **entries;
    size_t n;
    size_t cap;
} mcr_due_heap;

// mcr_due_add borrows `due`, which is in no heap, until it is removed.
void mcr_due_add(mcr_due_heap *heap, mcr_due *due);

// mcr_due_remove takes `due` out; fine when it is in no heap.
void mcr_due_remove(mcr_due_heap *heap, mcr_due *due);

// mcr_due_first is the earliest, NULL when there is none.
static inline mcr_due *mcr_due_first(const mcr_due_heap *heap)
{
    return heap->n ? heap->entries[0] : NULL;
}

// mcr_due_fini frees the heap; the entries are their owners'.
void mcr_due_fini(mcr_due_heap *heap);
