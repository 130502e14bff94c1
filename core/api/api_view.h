#pragma once
// One stored event as either API shows it. Pure.

#include <stdbool.h>

#include "base/buf.h"

// mcr_api_view_write appends the stored core/v1 event `json` as core/v1 or, `events_api`, as
// events.k8s.io/v1 has it; `typed`: with kind and apiVersion, which items of a list do without.
void mcr_api_view_write(mcr_buf *out, mcr_str json, bool events_api, bool typed);

// mcr_api_view_partial appends its metadata alone, as a PartialObjectMetadata.
void mcr_api_view_partial(mcr_buf *out, mcr_str json);

// mcr_api_member is the text of a top-level member; empty when there is none.
mcr_str mcr_api_member(mcr_str json, const char *name);
