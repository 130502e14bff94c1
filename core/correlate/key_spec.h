#pragma once
// Keys by declaration: what a key hook may be instead of a function,
// { "involvedObject.uid", "reason", normalize = true }, evaluated in C. Fields one after the other
// with 0x1f between them.

#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"

typedef struct mcr_key_spec mcr_key_spec;

// mcr_key_spec_new: `paths` are field paths of core/v1 ("involvedObject.name", "source.component",
// "metadata.labels.app", "message", "metadata.ownerReferences" has none). With `normalize`, parts of
// a value that vary from one event to the next of the same kind are folded: numbers to "#", hashes
// and UUIDs, pod and ReplicaSet suffixes to "*" (the rules are in key_spec.c, one table). NULL with
// a sentence and a suggestion for an unknown path, or for none at all.
mcr_key_spec *mcr_key_spec_new(const mcr_str *paths, size_t n, bool normalize, mcr_errbuf *err);
void mcr_key_spec_free(mcr_key_spec *spec);

// mcr_key_spec_write appends the key of `ev`.
void mcr_key_spec_write(const mcr_key_spec *spec, mcr_buf *out, const mcr_event *ev);

// mcr_key_normalize appends `text` folded, for scripts.
void mcr_key_normalize(mcr_buf *out, mcr_str text);
