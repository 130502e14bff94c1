#pragma once
// metadata.managedFields: who set which fields, as far as events need it. A change gives the fields
// that changed to who made it; kube-apiserver's conflicts of server-side apply are not there. Pure.

#include <stdbool.h>

#include "base/buf.h"

typedef struct mcr_api_manager {
    const char *name;
    const char *operation; // "Update" or "Apply"
    bool events_api;       // whose field names it uses
    const char *time;      // "2026-11-23T05:01:40Z"
} mcr_api_manager;

// mcr_api_managed_fields appends the list for the event `now` (core/v1 JSON); `before`: what it
// was, with its list, empty for a new event.
void mcr_api_managed_fields(mcr_buf *out, const mcr_api_manager *who, mcr_str now, mcr_str before);
