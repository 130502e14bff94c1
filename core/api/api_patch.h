#pragma once
// Patches of an event's JSON. Pure.

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "base/err.h"

typedef enum mcr_api_patch_kind {
    MCR_API_PATCH_NONE,      // no media type that there is
    MCR_API_PATCH_STRATEGIC, // application/strategic-merge-patch+json
    MCR_API_PATCH_MERGE,     // application/merge-patch+json, RFC 7386
    MCR_API_PATCH_JSON,      // application/json-patch+json, RFC 6902
    MCR_API_PATCH_APPLY      // application/apply-patch+yaml
} mcr_api_patch_kind;

// mcr_api_patch_kind_of reads a Content-Type, parameters and all; NULL is none.
mcr_api_patch_kind mcr_api_patch_kind_of(const char *content_type);

enum {
    MCR_API_OPERATIONS_MAX = 10000, // of a JSON patch, as kube-apiserver
    MCR_API_COPIES_MAX = 3 << 20    // bytes that its copies may add up to
};

// mcr_api_merge merges the object `patch` into `*target`, which may be replaced. `strategic`: the
// lists of an Event that merge do so (ownerReferences by uid, finalizers as a set), and the
// directives "$patch", "$retainKeys", "$deleteFromPrimitiveList" and "$setElementOrder" are
// honoured. False with a sentence for directives that make no sense; `*target` is then half done.
bool mcr_api_merge(cJSON **target, const cJSON *patch, bool strategic, mcr_errbuf *err);

// mcr_api_json_patch applies the operations to `*target`. False with what went wrong; `*target` is
// then half done.
bool mcr_api_json_patch(cJSON **target, const cJSON *operations, mcr_errbuf *err);
