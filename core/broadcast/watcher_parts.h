#pragma once
// The inside of a watcher, for the files that make it up: watcher.c (what it does with events) and
// watcher_sinks.c (which sinks it has, and whether they have room). Internal to broadcast/.

#include "broadcast/directs.h"
#include "broadcast/retired.h"
#include "broadcast/telling.h"
#include "broadcast/watcher.h"

struct mcr_watcher {
    char *name;
    mcr_hooks hooks;
    mcr_sink *sinks[MCR_MAX_SINKS];
    mcr_updates *updates[MCR_MAX_SINKS]; // NULL: all
    int64_t every[MCR_MAX_SINKS];        // … as it was set
    uint32_t sinks_size;
    mcr_retirees retirees;
    mcr_telling telling;
    mcr_correlator *correlator; // NULL: events go on as they are
    bool learns;                // it hears of the sinks' answers
    int64_t correlated_at;      // Unix ns: the time of the last correlation
    mcr_buf name_room;
    mcr_watcher_counts counts;
    mcr_watcher_observer observer;
    mcr_directs own;       // routes' own events, by place
    mcr_directs emitted;   // the other direct deliveries
    mcr_event **outgoing;  // for one sink
    size_t outgoing_cap;   // events
    bool ticked;           // hooks.tick was called once
    bool ended;            // fini was called
    bool stopped;          // stop was called
    bool cut_off;          // cut_off was called
    int64_t full_since;    // monotonic ns: from when on a sink had no room; 0: it has
    int64_t hooks_tick_at; // Unix ns, 0: never
};

// What its sinks are told to ask and to tell.
mcr_render_hook mcr_watcher_render_hook(const mcr_watcher *w);
mcr_answer_hook mcr_watcher_answer_hook(const mcr_watcher *w);
