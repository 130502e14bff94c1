#include "rehearse/differences.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/lru.h"

struct mcr_differences {
    size_t examples;
    mcr_difference *at;
    size_t n;
    mcr_lru *places; // from watcher, hook and decision to the place in `at`; never full
    mcr_buf key;
    char **watchers; // in the order in which they came
    size_t watcher_n;
};

mcr_differences *mcr_differences_new(size_t examples)
{
    mcr_differences *d = mcr_zalloc(sizeof *d);
    d->examples = examples;
    d->at = mcr_zalloc((MCR_DIFFERENCE_GROUPS + 1) * sizeof *d->at);
    d->places = mcr_lru_new(MCR_DIFFERENCE_GROUPS, sizeof(uint32_t), NULL);
    return d;
}

void mcr_differences_free(mcr_differences *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->n; i++) {
        mcr_difference *g = &d->at[i];
        for (size_t k = 0; k < g->example_n; k++) {
            free(g->examples[k].event);
            free(g->examples[k].before);
            free(g->examples[k].after);
        }
        free(g->examples);
        free(g->watcher);
        free(g->hook);
        free(g->decision);
    }
    for (size_t i = 0; i < d->watcher_n; i++)
        free(d->watchers[i]);
    free(d->watchers);
    free(d->at);
    mcr_lru_free(d->places);
    mcr_buf_fini(&d->key);
    free(d);
}

static void remember_watcher(mcr_differences *d, const char *watcher)
{
    for (size_t i = 0; i < d->watcher_n; i++)
        if (strcmp(d->watchers[i], watcher) == 0)
            return;
    d->watchers = mcr_realloc(d->watchers, (d->watcher_n + 1) * sizeof *d->watchers);
    d->watchers[d->watcher_n++] = mcr_strdup(watcher);
}

static mcr_difference *begin(mcr_differences *d, const char *watcher, int rank, const char *hook,
                             mcr_str decision)
{
    mcr_difference *g = &d->at[d->n++];
    *g = (mcr_difference){ .rank = rank,
                           .watcher = mcr_strdup(watcher),
                           .hook = mcr_strdup(hook),
                           .decision = mcr_alloc(decision.len + 1) };
    memcpy(g->decision, decision.ptr, decision.len);
    g->decision[decision.len] = '\0';
    remember_watcher(d, watcher);
    return g;
}

static mcr_difference *group_of(mcr_differences *d, const char *watcher, int rank, const char *hook,
                                mcr_str decision)
{
    d->key.len = 0;
    mcr_buf_append(&d->key, watcher, strlen(watcher) + 1);
    mcr_buf_append(&d->key, hook, strlen(hook) + 1);
    mcr_buf_add(&d->key, decision);
    mcr_str key = mcr_buf_str(&d->key);
    uint64_t hash = XXH3_64bits(key.ptr, key.len);
    uint32_t *place = mcr_lru_get(d->places, key, hash);
    if (place)
        return &d->at[*place];
    if (d->n == MCR_DIFFERENCE_GROUPS)
        return begin(d, "", 1000, "others", MCR_STR("too many decisions to tell them apart"));
    if (d->n > MCR_DIFFERENCE_GROUPS)
        return &d->at[MCR_DIFFERENCE_GROUPS];
    bool is_new;
    place = mcr_lru_put(d->places, key, hash, &is_new);
    *place = (uint32_t)d->n;
    return begin(d, watcher, rank, hook, decision);
}

mcr_difference_example *mcr_differences_note(mcr_differences *d, const char *watcher, int rank,
                                             const char *hook, mcr_str decision)
{
    mcr_difference *g = group_of(d, watcher, rank, hook, decision);
    g->n++;
    if (g->example_n >= d->examples || rank == MCR_RANK_ERRORS)
        return NULL;
    g->examples = mcr_realloc(g->examples, (g->example_n + 1) * sizeof *g->examples);
    g->examples[g->example_n] = (mcr_difference_example){ 0 };
    return &g->examples[g->example_n++];
}

static size_t watcher_place(const mcr_differences *d, const mcr_difference *g)
{
    size_t i = 0;
    while (i < d->watcher_n && strcmp(d->watchers[i], g->watcher) != 0)
        i++;
    return i;
}

static int order(const void *a, const void *b, void *differences)
{
    const mcr_difference *x = a, *y = b;
    size_t p = watcher_place(differences, x), q = watcher_place(differences, y);
    if (p != q)
        return p < q ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    int hooks = strcmp(x->hook, y->hook);
    return hooks ? hooks : strcmp(x->decision, y->decision);
}

void mcr_differences_sort(mcr_differences *d)
{
    qsort_r(d->at, d->n, sizeof *d->at, order, d);
    mcr_lru_free(d->places); // the places are others now: this was the last word
    d->places = mcr_lru_new(0, sizeof(uint32_t), NULL);
}

size_t mcr_differences_count(const mcr_differences *d)
{
    return d->n;
}

const mcr_difference *mcr_differences_at(const mcr_differences *d, size_t i)
{
    return &d->at[i];
}
