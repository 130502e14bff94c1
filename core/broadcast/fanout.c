#include "broadcast/fanout.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "broadcast/hooks.h"

void mcr_fanout_fini(mcr_fanout *f)
{
    free(f->at);
    *f = (mcr_fanout){ 0 };
}

void mcr_fanout_add(mcr_fanout *f, mcr_watch *w)
{
    if (f->n == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 8;
        f->at = mcr_realloc(f->at, f->cap * sizeof *f->at);
    }
    f->at[f->n++] = w;
}

void mcr_fanout_remove(mcr_fanout *f, const mcr_watch *w)
{
    for (uint32_t i = 0; i < f->n; i++) {
        if (f->at[i] != w)
            continue;
        f->n--;
        memmove(&f->at[i], &f->at[i + 1], (f->n - i) * sizeof *f->at);
        return;
    }
}

void mcr_fanout_close(mcr_fanout *f)
{
    for (uint32_t i = 0; i < f->n; i++)
        mcr_watch_close(f->at[i]);
    f->n = 0;
}

uint32_t mcr_fanout_room(const mcr_fanout *f, uint32_t n, mcr_watch **tightest)
{
    uint32_t least = n;
    *tightest = NULL;
    for (uint32_t i = 0; i < f->n; i++) {
        uint32_t room = mcr_watch_room(f->at[i], least);
        if (room < least) {
            least = room;
            *tightest = f->at[i];
        }
    }
    return least;
}

// All holds are made before the first put, one atomic operation per event: a reader may give its
// hold back while the next watch is being filled.
void mcr_fanout_offer(const mcr_fanout *f, mcr_event *const *events, uint32_t n, uint64_t except)
{
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < f->n; i++)
        wanted += f->at[i]->id != except;
    if (!wanted)
        return;
    for (uint32_t i = 0; i < n; i++)
        mcr_event_ref_n(events[i], wanted);
    for (uint32_t i = 0; i < f->n; i++) {
        if (f->at[i]->id == except)
            continue;
        uint32_t lost = mcr_watch_put(f->at[i], events, n);
        if (lost < n && mcr_tapping_wants(f->at[i]->telling.tapping, MCR_TAP_DROPPED))
            mcr_tell_events(&f->at[i]->telling, MCR_TAP_DROPPED, "ring_full", events + lost,
                            n - lost);
        for (; lost < n; lost++)
            mcr_event_unref(events[lost]);
    }
}

void mcr_fanout_wake(const mcr_fanout *f)
{
    for (uint32_t i = 0; i < f->n; i++)
        if (f->at[i]->ring)
            mcr_ring_wake(f->at[i]->ring);
}

// What is waited for is in the fan-out, hence there: a watch is freed after it was taken out, by
// the thread that waits.
static bool begin_waiting(mcr_waiting *waiting, mcr_watch *w)
{
    pthread_mutex_lock(&waiting->lock);
    bool over = waiting->over;
    waiting->on = over ? NULL : w;
    pthread_mutex_unlock(&waiting->lock);
    return !over;
}

// False: it was ended meanwhile.
static bool stop_waiting(mcr_waiting *waiting)
{
    pthread_mutex_lock(&waiting->lock);
    bool over = waiting->over;
    waiting->on = NULL;
    pthread_mutex_unlock(&waiting->lock);
    return !over;
}

void mcr_waiting_end(mcr_waiting *waiting)
{
    pthread_mutex_lock(&waiting->lock);
    waiting->over = true;
    if (waiting->on) {
        atomic_store(&waiting->on->stopped, true);
        if (waiting->on->handoff)
            mcr_handoff_release(waiting->on->handoff);
    }
    pthread_mutex_unlock(&waiting->lock);
}

// False: the watch did not take it.
static bool put(mcr_watch *w, mcr_event *ev, mcr_parker *parker, mcr_waiting *waiting)
{
    if (begin_waiting(waiting, w)) {
        bool taken = mcr_watch_put_waiting(w, ev, parker);
        if (stop_waiting(waiting) || taken)
            return taken;
    }
    return mcr_watch_put(w, &ev, 1) == 1;
}

void mcr_fanout_offer_waiting(const mcr_fanout *f, mcr_event *ev, mcr_parker *parker,
                              mcr_waiting *waiting)
{
    if (f->n)
        mcr_event_ref_n(ev, f->n);
    for (uint32_t i = 0; i < f->n; i++)
        if (!put(f->at[i], ev, parker, waiting))
            mcr_event_unref(ev);
}
