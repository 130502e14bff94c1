#pragma once
// Objects of Kubernetes from a file: JSON or YAML, one or a stream of them, lists (kind …List, or a
// plain JSON list) and watch lines, as `kubectl get -o json|yaml` and `--watch` print them.

#include "base/err.h"
#include "event/event.h"

struct cJSON;

typedef struct mcr_objects {
    mcr_object_reference *at; // strings are of the trees
    size_t n;
    struct cJSON **trees;
    size_t n_trees;
} mcr_objects;

// mcr_objects_read reads the whole file ("-": standard input) into `out`. MCR_EIO when it cannot be
// read or has more than 64 MiB, MCR_EINVAL when something in it is no object with kind and name;
// the sentence says where. Free with mcr_objects_fini in any case.
mcr_err mcr_objects_read(mcr_objects *out, const char *path, mcr_errbuf *err);
void mcr_objects_fini(mcr_objects *objects);
