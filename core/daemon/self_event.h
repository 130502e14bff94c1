#pragma once
// Events of the program about itself: a reload that failed, a start that took the last good set.
// They go to all watchers as any event does, so that whoever reads the sinks learns of it.
//
// The event is a Warning ReloadFailed about the pod that POD_NAME and POD_NAMESPACE name (POD_UID,
// too), else about kind Process, the host's name; reported by mooncrier. There is at most one in
// 10 s after 3 in a row, so that whatever comes of an event cannot make a storm of them. Nothing
// that is done with an event causes a reload, and no event is made while the program ends.

#include "base/clock.h"
#include "base/token_bucket.h"
#include "broadcast/broadcaster.h"

typedef struct mcr_self_event {
    mcr_broadcaster *broadcaster; // inline; the owner's thread
    mcr_clock clock;
    mcr_token_bucket bucket;
    uint64_t recorded; // events that were published
    uint64_t withheld; // that there would have been more
} mcr_self_event;

void mcr_self_event_init(mcr_self_event *s, mcr_broadcaster *b, mcr_clock clock);

// mcr_self_event_reload_failed publishes one. The message is at most 1 KiB long, as the API server
// wants it.
void mcr_self_event_reload_failed(mcr_self_event *s, const char *message);
