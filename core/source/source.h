#pragma once
// Sources: where events come from. A source kind is one file with one mcr_source_kind, and one line
// in the list of source.c. Sources live on the main loop's thread.
//
//     open → start → take, malformed … (from the loop) → ended → close
//
// Ledger of a source, exact between two callbacks: received = decoded + malformed + control. An
// event counts when the owner has taken it; what a stopped source had read ahead never counts.

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/option.h"
#include "event/event.h"
#include "event/framing.h"

typedef struct mcr_source mcr_source;

typedef struct mcr_source_counts {
    uint64_t received;  // documents
    uint64_t decoded;   // … that became events
    uint64_t malformed; // … that are no event; each was reported
    uint64_t control;   // … that are for us: BOOKMARK and ERROR watch lines
    uint64_t bytes;     // side counter: read so far (after decompression)
} mcr_source_counts;

// What a source tells its owner: from the loop, never from inside start or resume. A callback may
// call stop or resume; close only `ended` may, as the last thing it does.
typedef struct mcr_source_owner {
    void *self;
    // A batch of 1 to 64 events in order, borrowed. Returns how many were taken; fewer than n
    // pauses the source, which offers the rest again after mcr_source_resume.
    uint32_t (*take)(void *self, mcr_source *source, mcr_event *const *events, uint32_t n);
    // A document that is no event: "file.jsonl:12: byte 3456: expected ':'" is already formatted.
    void (*malformed)(void *self, mcr_source *source, const char *message);
    // The source has ended by itself (end of input) or for good (`error` is a phrase that does not
    // name the source, else NULL).
    void (*ended)(void *self, mcr_source *source, const char *error);
} mcr_source_owner;

typedef struct mcr_source_kind {
    const char *name; // "jsonl"
    const char *doc;
    const mcr_option *options;
    size_t options_size;
    void (*defaults)(void *options);
    // The name of an option that is wrong whatever the system holds, with a sentence in `err`; NULL
    // when all are well. `open` refuses the same ones. NULL: there is nothing to check.
    const char *(*check)(const void *options, mcr_errbuf *err);
    // Makes a stopped source. `options` stays the caller's until close. NULL with a sentence.
    mcr_source *(*open)(const void *options, struct ev_loop *loop, const mcr_source_owner *owner,
                        size_t event_limit, mcr_errbuf *err);
    void (*start)(mcr_source *source);
    void (*resume)(mcr_source *source); // after take returned fewer than n
    // Reads nothing more, hands over what it has read (pausing as ever) and then calls `ended`. A
    // document that is cut by this is not received.
    void (*finish)(mcr_source *source);
    void (*stop)(mcr_source *source);  // hands over nothing more; `ended` is not called
    void (*close)(mcr_source *source); // stops and frees
    // How far it is: bytes read of bytes known (0 = unknown), of the compressed input.
    void (*progress)(const mcr_source *source, uint64_t *done, uint64_t *total);
} mcr_source_kind;

// The head of every instance; a kind's own struct begins with one.
struct mcr_source {
    const mcr_source_kind *kind;
    const char *name; // what messages call it: a path, "stdin"
    uint32_t index;   // into the program's sources; stamped on events; set by the owner
    bool wait;        // on_full = "wait"
    mcr_source_counts counts;
};

const mcr_source_kind *mcr_source_kind_find(const char *name);

// mcr_source_kinds is the NULL-terminated list of all kinds.
extern const mcr_source_kind *const mcr_source_kinds[];
