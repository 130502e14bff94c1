#pragma once
// What a shadow has compared, hook by hook. Internal to core/script.

#include "base/buf.h"
#include "event/event.h"

enum {
    MCR_SHADOW_EXAMPLES = 5,
    MCR_SHADOW_SHOWN = 400 // bytes of an answer in an example
};

typedef struct mcr_shadow_example {
    char *event;  // namespace/name
    char *live;   // what the live scripts answered
    char *shadow; // … and the candidate
} mcr_shadow_example;

typedef struct mcr_shadow_record {
    const char *hook;
    uint64_t compared;
    uint64_t differ;
    mcr_shadow_example examples[MCR_SHADOW_EXAMPLES]; // the first that differ
} mcr_shadow_record;

// mcr_shadow_compare counts one comparison; both answers as text that people read.
void mcr_shadow_compare(mcr_shadow_record *r, const mcr_event *ev, mcr_str live, mcr_str shadow);

// mcr_shadow_same counts one whose answers were found to be the same without writing them.
void mcr_shadow_same(mcr_shadow_record *r);

// mcr_shadow_record_write appends the record as JSON.
void mcr_shadow_record_write(const mcr_shadow_record *r, mcr_buf *json);

void mcr_shadow_record_fini(mcr_shadow_record *r);
