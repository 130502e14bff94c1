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

uint64_t mcr_directs_sinks(const mcr_directs *list)
{
    uint64_t sinks = 0;
    for (size_t i = 0; i < list->size; i++)
        sinks |= UINT64_C(1) << list->at[i].sink;
    return sinks;
}

uint64_t mcr_verdicts_sinks(const mcr_verdict *v, uint32_t n)
{
    uint64_t sinks = 0;
    for (uint32_t i = 0; i < n; i++)
        sinks |= v[i].sinks;
    return sinks;
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
