#pragma once
// Objects as `kubectl get -o json` and `-o yaml` print them: keys in order, managedFields left out,
// JSON indented by four, YAML as Go's yaml writes it.

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "base/buf.h"

// mcr_object_read reads the JSON of an object to be printed (api/api_tree.h). `managed`: with
// metadata.managedFields. NULL: it is no JSON. Freed with cJSON_Delete.
cJSON *mcr_object_read(mcr_str json, bool managed);

// mcr_object_json appends the tree and a newline; its members must be in order, as those of
// mcr_object_read are.
void mcr_object_json(mcr_buf *out, const cJSON *object);
void mcr_object_yaml(mcr_buf *out, const cJSON *object);
