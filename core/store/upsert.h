#pragma once
// Events into the store as a POST, PATCH or DELETE at an API server would leave them: with uid,
// resourceVersion and creationTimestamp, in core/v1 JSON as Go writes it.

#include "base/random.h"
#include "event/event.h"
#include "store/store.h"

// Keeps buffers from event to event. One thread at a time.
typedef struct mcr_upserter mcr_upserter;

// mcr_upserter_new: `random` is for uids (borrowed).
mcr_upserter *mcr_upserter_new(const mcr_random *random);
void mcr_upserter_free(mcr_upserter *u);

typedef enum mcr_upserted {
    MCR_UPSERT_CREATED,
    MCR_UPSERT_CHANGED,
    MCR_UPSERT_SAME, // nothing was to be changed: version and TTL stay
    MCR_UPSERT_REMOVED,
    MCR_UPSERT_ABSENT // a removal of what is not there
} mcr_upserted;

// mcr_upsert brings the event into the store, at its namespace ("default" when it has none) and
// name (made by event/event_name.h or from generateName when it has none).
//
// - It is new there: uid and creationTimestamp are given, as an API server would, whatever it had.
// - It is there, and `ev` is a count of the correlator's (ev->counted): count, lastTimestamp and
//   message change, as by client-go's patch; everything else stays as it was created.
// - It is there otherwise: uid and creationTimestamp stay, the rest is replaced.
// - A DELETED watch line removes it.
//
// managedFields, deletionTimestamp and fields that core/v1 does not know are left out. `answer` (or
// NULL) gets the event as it is stored now, with one hold for the caller, NULL when it is gone.
mcr_upserted mcr_upsert(mcr_upserter *u, mcr_store_tx *tx, const mcr_event *ev, mcr_event **answer);
