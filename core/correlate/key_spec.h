#pragma once
// Keys by declaration: what a key hook may be instead of a function,
// { "involvedObject.uid", "reason", normalize = true }, evaluated in C. Fields one after the other
// with 0x1f between them.
//
// Normalizing folds what varies from one event to the next of the same kind, so that "Created pod:
// web-7d4b9c6f5-x2x7p" and "Created pod: web-7d4b9c6f5-9kq2v" are one text:
//
//     numbers, decimals, IPv4 addresses, durations   0/7, 1.16.5, 10.0.0.1, 1m30.5s   #/#, #, #, #s
//     UUIDs                                          pvc-882e0a33-726b-…              pvc-*
//     hashes: 7 and more hex digits, some of each    sha256:82ec26a75846…             sha256:*
//     names that the API server or a ReplicaSet made web-7d4b9c6f5-x2x7p, all-taints-6jtdx
//                                                                          web-*, all-taints-*
//     IPv6 addresses                                 fd00:10:244::5                   *
//
// All else is kept, also digits behind a letter (k8s, v1, sha256) and quoted names: an image or a
// volume that differs is another matter.

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"

typedef struct mcr_key_spec mcr_key_spec;

// mcr_key_spec_new: `paths` are the string fields of core/v1 ("involvedObject.name",
// "source.component", "message", "metadata.labels.app.kubernetes.io/name"; an absent one is empty).
// With `normalize`, the message, names, fieldPaths, hosts, instances, labels and annotations are
// normalized; what identifies (uid, namespace, kind, reason…) never is. NULL with a sentence and a
// suggestion for an unknown path, or for none at all.
mcr_key_spec *mcr_key_spec_new(const mcr_str *paths, size_t n, bool normalize, mcr_errbuf *err);
void mcr_key_spec_free(mcr_key_spec *spec);

// mcr_key_spec_write appends the key of `ev`.
void mcr_key_spec_write(const mcr_key_spec *spec, mcr_buf *out, const mcr_event *ev);

// mcr_key_normalize appends `text` normalized; never longer than it is.
void mcr_key_normalize(mcr_buf *out, mcr_str text);
