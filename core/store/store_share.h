#pragma once
// One store for all in this process that want the same file: sinks of several watchers then commit
// together, instead of waiting for each other's locks.

#include "store/store.h"

// mcr_store_share is mcr_store_open, but returns the store that is open already when another caller
// has asked for the same file (by its real path; each ":memory:" is its own). All must want the
// same ttl_ns, max_bytes and sync: NULL with a sentence otherwise. Any thread.
mcr_store *mcr_store_share(const mcr_store_options *options, mcr_errbuf *err);

// mcr_store_unshare gives it back; the last one closes it. NULL is fine. Any thread.
void mcr_store_unshare(mcr_store *s);
