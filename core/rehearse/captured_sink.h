#pragma once
// A sink that only remembers: it decides what the sink of the configuration in whose place it is
// would decide of an event before anything is sent, tells what that would be, and counts it
// delivered. Internal to rehearse/.

#include "rehearse/rehearsal.h"

// Hears of each event that is written. `sent` is NULL unless asked for and MCR_REHEARSED_SENT.
typedef struct mcr_captured_hook {
    void (*call)(void *self, uint32_t sink, mcr_event *ev, mcr_rehearsed what, mcr_str why,
                 const mcr_sent *sent);
    void *self;
} mcr_captured_hook;

// mcr_captured_writes_lines tells whether what a sink of `kind` sends is lines.
bool mcr_captured_writes_lines(const mcr_sink_kind *kind);

// mcr_captured_sink_new makes it for a sink of `kind` with these options (borrowed until close).
// `index` is what `hook` calls it; `sent`: whether that hears what would be sent. NULL with a
// sentence for options that the kind's own `open` would refuse.
mcr_sink *mcr_captured_sink_new(const mcr_sink_kind *kind, const void *options, uint32_t index,
                                mcr_captured_hook hook, bool sent, mcr_errbuf *err);
