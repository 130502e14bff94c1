#include "broadcast/directs.h"

#include <stdlib.h>

#include "base/alloc.h"

void mcr_directs_push(mcr_directs *list, mcr_direct d)
{
    if (list->size == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 16;
        list->at = mcr_realloc(list->at, list->cap * sizeof *list->at);
    }
    list->at[list->size++] = d;
}

// Routes answer in order, so that there is little to move.
void mcr_directs_push_by_place(mcr_directs *list, mcr_direct d)
{
    mcr_directs_push(list, d);
    size_t i = list->size - 1;
    for (; i > 0 && list->at[i - 1].place > d.place; i--)
        list->at[i] = list->at[i - 1];
    list->at[i] = d;
}

void mcr_directs_clear(mcr_directs *list)
{
    for (size_t i = 0; i < list->size; i++)
        mcr_event_unref(list->at[i].ev);
    list->size = 0;
}

void mcr_directs_fini(mcr_directs *list)
{
    free(list->at);
}
