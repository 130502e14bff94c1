#pragma once
// Who is told what each hook of a watcher's scripts made of each event: rehearsals (`diff`,
// `explain`). Hooks are then called event by event, which takes longer; nobody pays without an
// observer.

#include "event/event.h"

typedef enum mcr_hook_did {
    MCR_HOOK_PASSED,     // filter: true; handle: nil or true
    MCR_HOOK_CHANGED,    // handle: another event, `after`
    MCR_HOOK_DROPPED,    // filter or handle: false; `text`: the reason, or empty
    MCR_HOOK_FAILED,     // it raised, was stopped, not called or answered nonsense; `text` says how
    MCR_HOOK_ROUTED,     // route: `sinks` and `own`
    MCR_HOOK_TEXT,       // a key or an aggregate_message: `text`
    MCR_HOOK_NONE,       // of those, and of render: nil, what is usual is taken
    MCR_HOOK_RENDERED,   // render: `text` is the body
    MCR_HOOK_SUPPRESSED, // render: false
    MCR_HOOK_EMITTED     // a hook at work emitted `after`; told before its own result
} mcr_hook_did;

// Borrowed for the call.
typedef struct mcr_hook_result {
    const char *stage;  // "filter", "handle", "route", "render", "aggregate_key"…; of what is
                        // emitted: the emitting hook's, NULL in ticks and at the end
    const char *script; // its name; NULL in ticks and at the end
    const char *where;  // "file:line" of the hook's function; "" unknown, as of keys by declaration
    mcr_hook_did did;
    mcr_event *before; // NULL in ticks and at the end
    mcr_event *after;  // what goes on, or was emitted
    mcr_str text;
    uint64_t sinks;   // bit i: the watcher's sink i gets the event; of what is emitted: the sink,
                      // 0: the other watchers
    uint64_t own;     // of route: sinks that get an event of their own
    const char *sink; // of render: the sink's name; else NULL
} mcr_hook_result;

typedef struct mcr_hook_observer {
    void *self;
    // Within the step of the watcher; must not call its scripts.
    void (*result)(void *self, const mcr_hook_result *result);
} mcr_hook_observer;
