#pragma once
// client-go's eventLogger: what is known of the events recorded before, by key, so that a repeat
// becomes one more count of the first. One thread.

#include <stdbool.h>

#include "correlate/keys.h"

typedef struct mcr_event_log mcr_event_log;

// What a repeat takes from the event it repeats.
typedef struct mcr_counted {
    mcr_str name; // both borrowed from the log until the next call
    mcr_str resourceVersion;
    mcr_time firstTimestamp;
    int32_t count; // with this occurrence; wraps
} mcr_counted;

// mcr_event_log_new: at most `size` entries, as mcr_lru_new takes it.
mcr_event_log *mcr_event_log_new(int64_t size);
void mcr_event_log_free(mcr_event_log *log);

// mcr_event_log_observe notes `ev` under `key`. True: it repeats one that is known, and *counted
// says what it takes from it. False: it is noted as it is; so is one whose known count is 0.
bool mcr_event_log_observe(mcr_event_log *log, const mcr_key *key, const mcr_event *ev,
                           mcr_counted *counted);

// mcr_event_log_set notes `ev` under `key` as it is: what the server answered.
void mcr_event_log_set(mcr_event_log *log, const mcr_key *key, const mcr_event *ev);
