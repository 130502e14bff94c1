#pragma once
// What mooncrier.h calls an event watcher: a watch of a broadcaster, a watcher with one sink, and a
// host with a thread for them.

#include "broadcast/host.h"
#include "broadcast/watcher.h"

struct mcr_event_watcher {
    mcr_broadcaster *b; // to be asked only while the watch is open
    uint64_t b_id;      // of `b`, which may be freed and its place taken
    mcr_watch *watch;
    mcr_watcher *w;
    mcr_host *host;
    void (*freed)(void *arg); // called with `arg` after the sink was closed; NULL: nothing to do
    void *arg;
    // Under the lock of library_watcher.c.
    struct mcr_event_watcher *next;
    uint32_t draining; // shutdowns that wait for its host
};

// What a watcher is started with, besides its sink.
typedef struct mcr_library_start {
    const mcr_clock *clock;   // NULL: the machine's
    int64_t drain_timeout;    // ns; 0: the host's default; negative: none
    void (*freed)(void *arg); // as in mcr_event_watcher
    void *arg;
} mcr_library_start;

// mcr_event_watcher_start_take starts the thread, and becomes the owner of `w`, whose one sink is
// there. NULL: it did not start and `w` and start->arg are still the caller's.
mcr_event_watcher *mcr_event_watcher_start_take(mcr_broadcaster *b, mcr_watcher *w,
                                                const mcr_library_start *start, mcr_errbuf *err);

// mcr_writer_sink_new makes the sink that calls wanted->writer (copied): recordToSink, one event at
// a time.
mcr_sink *mcr_writer_sink_new(const mcr_recording_sink_options *wanted);

// mcr_writer_sink_forget: the sink did not start, closing it does not call the writer.
void mcr_writer_sink_forget(mcr_sink *sink);

// Hooks of a correlator that call a C program's functions; outlives the watcher.
typedef struct mcr_text_call {
    mcr_event_text *call;
    void *self;
} mcr_text_call;

typedef struct mcr_correlation_calls {
    mcr_text_call aggregate_key, local_key, spam_key, aggregate_message;
} mcr_correlation_calls;

// mcr_correlation_set sets in `options` what `wanted` (NULL: nothing) says, with `calls` for its
// functions.
void mcr_correlation_set(mcr_correlator_options *options, const mcr_correlation_options *wanted,
                         mcr_correlation_calls *calls);
