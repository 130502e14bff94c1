#pragma once
// The lists of metadata that an event keeps as JSON text, written as Go writes them: fields in the
// order of Go's structs, empty ones left out, no white space, fields Go does not know at the end.

#include <stdbool.h>

#include "event/writer.h"

// mcr_list_is_empty tells whether the JSON text is "", null or an array without elements.
bool mcr_list_is_empty(mcr_str json);

// mcr_write_strings puts an array of strings: metadata.finalizers.
void mcr_write_strings(mcr_writer *w, mcr_str json);

// mcr_write_owner_references puts metadata.ownerReferences.
void mcr_write_owner_references(mcr_writer *w, mcr_str json);

// mcr_write_managed_fields puts metadata.managedFields.
void mcr_write_managed_fields(mcr_writer *w, mcr_str json);
