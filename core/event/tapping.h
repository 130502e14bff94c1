#pragma once
// Tapping: watching events pass while a program runs (`mooncrier tap`), without holding it up.
//
// Parts of the program say what becomes of events (mcr_tapping_tell) when somebody wants to know
// (mcr_tapping_wants: one relaxed load, for a whole batch). Each tap takes what its stages, watcher
// and sink choose, at most `sample` events a second at each stage, into a bounded queue of its own
// that one thread reads. Nobody ever waits: what a tap does not take is only counted, so that it
// can say "37 of 12000".

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "event/event.h"

// Where events are seen; bits.
enum {
    MCR_TAP_SOURCE = 1,    // decoded, on its way to the watchers
    MCR_TAP_FILTERED = 2,  // a filter or handle hook has dropped it
    MCR_TAP_RECORDED = 4,  // the correlator has let it on, perhaps as another event
    MCR_TAP_DELIVERED = 8, // a sink has decided about it
    MCR_TAP_DROPPED = 16,  // it was lost, refused, given up, or has gone nowhere
    MCR_TAP_STAGES = 31
};

enum {
    MCR_TAPS = 8,             // at a time
    MCR_TAP_QUEUE = 4096,     // events that wait for the reader of one tap …
    MCR_TAP_BYTES = 64 << 20, // … and about how much memory they may keep from being freed
    MCR_TAP_SAMPLE = 1000,    // events a second at each stage, when nobody says else
    MCR_TAP_REASON = 4096     // bytes of a reason; the rest is cut
};

// mcr_tap_stage_of is the stage called `name` ("filtered"), 0 when there is none;
// mcr_tap_stage_name the name of the lowest of `stages`.
uint32_t mcr_tap_stage_of(mcr_str name);
const char *mcr_tap_stage_name(uint32_t stages);

typedef struct mcr_tapping mcr_tapping;
typedef struct mcr_tap mcr_tap;

// The head of an mcr_tapping, for mcr_tapping_wants.
typedef struct mcr_tapping_head {
    _Atomic uint32_t stages; // that any tap wants
} mcr_tapping_head;

// What is told of some events.
typedef struct mcr_passing {
    uint32_t stages;     // one, or DELIVERED with DROPPED: a tap hears of them once
    const char *outcome; // the ledger's word, a string that lives on: "filtered", "ring_full"
    const char *from;    // the source's name; NULL: they do not come from one now
    const char *watcher; // NULL: there is none yet
    const char *sink;    // NULL: it is about no sink
    const char *reason;  // a sentence or phrase; NULL: there is none
    // Appends the reason of events[i] instead; called for those that are taken. NULL: `reason`.
    void (*explain)(void *arg, uint32_t i, mcr_buf *out);
    void *arg;
} mcr_passing;

// What a tap has taken of one event: one block of memory, the reader's.
typedef struct mcr_tap_note {
    mcr_event *ev; // held
    uint32_t stage;
    int64_t at;  // Unix ns
    size_t size; // of the event, about
    const char *outcome;
    const char *from, *watcher, *sink, *reason; // NULL: not told
} mcr_tap_note;

// mcr_tapping_new makes one that nobody taps. mcr_tapping_free: nobody tells anything any more;
// frees its taps as well. NULL is fine.
mcr_tapping *mcr_tapping_new(void);
void mcr_tapping_free(mcr_tapping *t);

// mcr_tapping_wants says whether any tap wants events of these stages. NULL: nobody. Any thread.
static inline bool mcr_tapping_wants(const mcr_tapping *t, uint32_t stages)
{
    const mcr_tapping_head *head = (const mcr_tapping_head *)t;
    return head && (atomic_load_explicit(&head->stages, memory_order_relaxed) & stages);
}

// mcr_tapping_tell tells the taps of `n` events (borrowed; a tap refs what it takes). It does not
// wait, allocates for what is taken only. Any thread, and several at once.
void mcr_tapping_tell(mcr_tapping *t, const mcr_passing *passing, mcr_event *const *events,
                      uint32_t n);

typedef struct mcr_tap_options {
    uint32_t stages;     // bits
    const char *watcher; // of this one alone (events that no watcher has yet as well); NULL: of all
    const char *sink;    // what is about this sink alone; NULL: all
    uint32_t sample;     // events a second at each stage; 0: no limit
} mcr_tap_options;

typedef struct mcr_tap_counts {
    uint64_t passed; // that it was told of
    uint64_t taken;  // that got into its queue
    uint64_t full;   // that it would have taken, had its queue had room
} mcr_tap_counts;

// The taps belong to one thread. mcr_tapping_add begins one (the options are copied); NULL: there
// are MCR_TAPS already. mcr_tapping_remove ends it; its memory goes when nobody tells it anything
// any more, at the latest with `t`.
mcr_tap *mcr_tapping_add(mcr_tapping *t, const mcr_tap_options *options);
void mcr_tapping_remove(mcr_tapping *t, mcr_tap *tap);

// mcr_tap_take takes what it has noted next, to be freed by mcr_tap_note_free; NULL: nothing now.
mcr_tap_note *mcr_tap_take(mcr_tap *tap);
void mcr_tap_note_free(mcr_tap_note *note);

// mcr_tap_counts_now: passed >= taken + full, the rest was left out by `sample`.
mcr_tap_counts mcr_tap_counts_now(const mcr_tap *tap);
