#pragma once
// What mooncrier.h calls an event watcher: a watch of a broadcaster, a watcher with one sink, and a
// host with a thread for them.

#include "broadcast/host.h"
#include "broadcast/watcher.h"

struct mcr_event_watcher {
    mcr_broadcaster *b; // to be asked only while the watch is open
    mcr_watch *watch;
    mcr_watcher *w;
    mcr_host *host;
    void (*freed)(void *arg); // called with `arg` after the sink was closed; NULL: nothing to do
    void *arg;
    // Under the lock of library_watcher.c.
    struct mcr_event_watcher *next;
    uint32_t draining; // shutdowns that wait for its host
};

// mcr_event_watcher_start_take starts the thread, and becomes the owner of `w`, whose one sink is
// there. `drain_timeout` in ns: 0 for the host's default, negative for none. NULL: it did not start
// and `w` is still the caller's.
mcr_event_watcher *mcr_event_watcher_start_take(mcr_broadcaster *b, mcr_watcher *w,
                                                int64_t drain_timeout, mcr_errbuf *err);
