#pragma once
// Paths into a JSON document, the part of kubectl's JSONPath that columns need:
// `.metadata.name`, `metadata.name`, `{.metadata.name}`, `.a\.b.c`, `['a.b']`, `[0]`, `[-1]`,
// `[*]`, `.*`.

#include <cjson/cJSON.h>

#include "base/err.h"
#include "base/str.h"

typedef struct mcr_json_path mcr_json_path;

// mcr_json_path_parse reads a path; NULL with a sentence in `err` when it is none.
mcr_json_path *mcr_json_path_parse(mcr_str text, mcr_errbuf *err);
void mcr_json_path_free(mcr_json_path *path);

// Called for each value a path leads to, in the order of the document.
typedef void mcr_json_path_found(void *arg, const cJSON *value);

// mcr_json_path_find calls `found` for every value; not at all when the path leads nowhere.
void mcr_json_path_find(const mcr_json_path *path, const cJSON *root, mcr_json_path_found *found,
                        void *arg);
