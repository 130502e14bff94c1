#pragma once
// The table a watcher calls: what a script language (or C code) must provide to work on events. The
// core knows only this; Lua is one implementer (script/script.h).

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"
#include "sink/sink.h"

enum {
    MCR_BATCH = 64,     // events per call at most
    MCR_MAX_SINKS = 52, // sinks per watcher at most: a set of them is a Lua number
};

typedef enum mcr_outcome {
    MCR_PASS,    // goes on (perhaps as another event)
    MCR_DROP,    // filter or handle said no: counted `filtered`
    MCR_REFUSED, // a hook failed and the policy is dead letters or drop: counted `refused`
} mcr_outcome;

// One event on its way through the hooks.
typedef struct mcr_verdict {
    mcr_event *ev; // what goes on; the watcher holds it. A hook that replaces it unrefs the old.
    mcr_outcome outcome;
    uint64_t sinks; // route's answer: bit i = the watcher's sink i; of what did not pass handle:
                    // its own note of the reason, for `why`
} mcr_verdict;

// One delivery of its own: a route that gave a sink a changed event, or emit(event, "sink").
typedef struct mcr_direct {
    mcr_event *ev;  // the taker becomes the holder
    uint32_t sink;  // the watcher's sink i
    uint32_t place; // 0: emitted, goes after the batch. Else 1 + the index in route's v[] whose
                    // event this one stands for: counts as that event's route and keeps its place
} mcr_direct;

// Tells hooks how many more events sink i of their watcher takes.
typedef struct mcr_room_hook {
    size_t (*call)(void *self, uint32_t sink); // NULL: nobody knows
    void *self;
} mcr_room_hook;

typedef struct mcr_hooks {
    void *self;
    // Hears from the watcher whom to ask for room before it emits to a sink. NULL: it never does.
    void (*set_room)(void *self, mcr_room_hook room);
    // Runs filter and handle of all scripts, event by event in order, over v[0…n). Sets outcome and
    // ev. NULL: everything passes.
    void (*handle)(void *self, mcr_verdict *v, uint32_t n, int64_t now);
    // Runs route over v[0…n) (all MCR_PASS) and sets `sinks`. NULL: all sinks of the watcher.
    void (*route)(void *self, mcr_verdict *v, uint32_t n, int64_t now);
    // Takes the next direct delivery that hooks asked for since the last call; false: none left.
    // Called until it says so after handle, after route, after tick and after fini. `place`
    // may be set only by route. NULL: there are none.
    bool (*next_direct)(void *self, mcr_direct *out);
    // What a sink should send of an event; called by the sink within its write. NULL: nobody has a
    // say (sink/sink.h).
    mcr_render_result (*render)(void *self, mcr_event *ev, const char *sink, mcr_rendered *out,
                                mcr_errbuf *err);
    // Periodic work; returns when it wants to be called next (Unix ns), 0 for never. NULL: none.
    int64_t (*tick)(void *self, int64_t now);
    // Appends why v[i] of the batch that `handle` was given last did not pass, as far as hooks have
    // said so; for people who watch (event/tapping.h). NULL: they never say.
    void (*why)(void *self, const mcr_verdict *v, uint32_t i, mcr_buf *out);
    // The end: fini hooks. NULL: nothing.
    void (*fini)(void *self, int64_t now);
} mcr_hooks;
