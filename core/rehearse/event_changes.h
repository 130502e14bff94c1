#pragma once
// What differs between two versions of one event, field by field.

#include <cjson/cJSON.h>

#include "event/event.h"

// mcr_event_changes is a list of { "field": "metadata.labels.app", "from": …, "to": … } in the
// order of the fields, the caller's; a field that one of them does not have is missing there. Empty
// when their JSON is the same.
cJSON *mcr_event_changes(const mcr_event *before, const mcr_event *after);
