#pragma once
// What people's words for kinds of objects stand for, as with kubectl: "po", "pods" and "Pod" are
// the kind Pod of v1, "deploy" and "deployments.apps" the kind Deployment of apps/v1.

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

typedef struct mcr_object_kind {
    char kind[64];         // "Deployment"
    char api_version[128]; // "apps/v1"; "": not known
    bool cluster;          // its objects are in no namespace
    bool known;            // it is one of Kubernetes' own
} mcr_object_kind;

// mcr_object_kind_read reads NAME, NAME.GROUP, NAME.VERSION or NAME.VERSION.GROUP, where NAME is
// the kind, its plural or its short name, in any case. Kinds that are not Kubernetes' own are
// written as the API does, with a capital; theirs is v1 of the group unless they say a version.
// MCR_EINVAL with a sentence and a suggestion when there is no such kind.
mcr_err mcr_object_kind_read(mcr_object_kind *out, mcr_str word, mcr_errbuf *err);

// mcr_object_kind_is_cluster: `kind` of `api_version` is one of Kubernetes' own whose objects are
// in no namespace.
bool mcr_object_kind_is_cluster(mcr_str kind, mcr_str api_version);
