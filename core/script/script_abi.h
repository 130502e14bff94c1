#pragma once
// What C and the Lua half of the script layer share. Read by the C compiler and by ffi.cdef (after
// str_abi.h and event_abi.h): only comments, enums, structs and prototypes.

// An event as a script sees it. Scripts can read these fields but not write them, and a handle is a
// number to them, never a pointer: they have no way to an event but through live views. `gen` is
// the run's generation when the view was made, or 0 when the view itself holds the event (keep,
// with, new_event): such a view never goes stale. All views begin with these two fields.
typedef struct mcr_view {
    const uint64_t handle; // the mcr_event's address
    const double gen;
} mcr_view;

typedef struct mcr_meta_view {
    const uint64_t handle;
    const double gen;
} mcr_meta_view;

typedef struct mcr_source_view {
    const uint64_t handle;
    const double gen;
} mcr_source_view;

typedef struct mcr_series_view {
    const uint64_t handle;
    const double gen;
} mcr_series_view;

// involvedObject or related: `part` is the address of the mcr_object_reference in the event.
typedef struct mcr_ref_view {
    const uint64_t handle;
    const double gen;
    const uint64_t part;
} mcr_ref_view;

// Labels or annotations: `part` is the address of the mcr_pairs in the event.
typedef struct mcr_pairs_view {
    const uint64_t handle;
    const double gen;
    const uint64_t part;
} mcr_pairs_view;

// mcr_verdict of broadcast/hooks.h, with the same layout.
typedef struct mcr_slot {
    uint64_t handle;
    uint32_t outcome;
    uint64_t sinks;
} mcr_slot;

// The command block, the head of C's state (mcr_lua): C fills it before it enters a driver, the
// driver answers in it.
typedef struct mcr_run {
    double gen;     // of the event being worked on; raised for each, so that old views are stale
    double now;     // Unix seconds, the clock of time.now
    mcr_slot *slot; // the batch; NULL outside of one
    uint32_t first; // work on slot[first … last)
    uint32_t last;
    uint64_t made;     // an event on its way from C to a view that holds it; freed when none comes
    uint32_t scoped;   // how many events of the current hook's making C holds until it has returned
    uint32_t in_hook;  // hooks run inside drivers, which end what they made
    uint32_t ordered;  // `pairs` and `next` of scripts have an order (lua/mooncrier/ordered.lua)
    uint32_t observed; // somebody is told what hooks do, and why: core.observe_why
    uint32_t answers;  // the hook at work only makes something of its event: it cannot emit
    // Of the hook that runs: how many ns it may take (script/guard.h), and, for those that
    // driver.once calls, the place of its script in the list of scripts, from 1.
    double deadline;
    uint32_t script;
} mcr_run;

// C functions that Lua calls by FFI: leaf functions, none re-enters Lua.
typedef struct mcr_script_api {
    uint64_t (*ref)(uint64_t handle);
    uint64_t (*pin)(mcr_run *run, uint64_t handle); // ref for a view with core.unpin as ffi.gc
    void (*unref_view)(void *view);                 // for ffi.gc of any view that holds its event
    void (*replace)(mcr_slot *slot, uint64_t handle);
    const mcr_str *(*pair)(uint64_t pairs, const char *key, uint32_t len);
    double (*time)(uint64_t handle); // Unix seconds, 0 when no time is set
    int32_t (*occurrences)(uint64_t handle);
    // Events made inside a hook live until it has returned: `scope` takes over the one in run.made
    // (0: no room, it stays there), `release_scoped` ends them all.
    int (*scope)(mcr_run *run);
    void (*release_scoped)(mcr_run *run);
    void (*lap)(mcr_run *run); // an event of a batch that is timed one by one is done
    // Plain changes for event:with (script/patch.h). 0: not possible this way.
    void (*patch_begin)(mcr_run *run);
    int (*patch_string)(mcr_run *run, const char *key, uint32_t key_len, const char *value,
                        uint32_t len);
    int (*patch_number)(mcr_run *run, const char *key, uint32_t key_len, double value);
    int (*patch_boolean)(mcr_run *run, const char *key, uint32_t key_len, int value);
    // Leaves the changed event in run.made; 0: there is none, core.why() says why.
    int (*patch_apply)(mcr_run *run, uint64_t handle);
} mcr_script_api;
