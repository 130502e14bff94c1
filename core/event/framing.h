#pragma once
// Framing: cutting a byte stream into documents. Knows JSON Lines, watch streams, documents over
// many lines (as `kubectl get -o json` prints), and lists, whose items come out one by one however
// long the list is.
//
//     mcr_framer *f = mcr_framer_new(limit, on_document, arg);
//     while ((n = read(fd, mcr_framer_room(f, &room), room)) > 0)
//         mcr_framer_feed(f, n);
//     mcr_framer_finish(f);
//
// Rules
// - A BOM at the start is skipped; lines end in LF or CRLF; blank lines are nothing; a NUL byte is
//   an error of its document.
// - A line that begins with anything but `{` (or white space and `{`) is one malformed document.
//   Behind a document on the same line another may begin; anything else there is malformed to the
//   end of the line.
// - An object with `"items":[` in its outermost level is a list: each item is a document of its
//   own, the list around them is none. An item that is no object, a missing comma and a list that
//   ends too early are one malformed document each.
// - Inside an open document a `{` in column 0 ends it as malformed and starts the next. Where an
//   item may begin it is an item.
// - A document (list item) past the limit is one malformed document, skipped to its end without
//   being kept; its place is where the document begins. A list may be of any length as long as its
//   items begin within the limit.
// - Memory is bounded by the limit plus one read, and what comes out does not depend on how the
//   stream was cut into reads.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/decode.h"

// What the framer hands out for each document.
typedef struct mcr_frame {
    mcr_decoded kind;  // EVENT, CONTROL or MALFORMED
    mcr_event *ev;     // for EVENT: the callee becomes a holder (must unref)
    uint64_t line;     // 1-based line of the document's start, for MALFORMED of the error
    uint64_t offset;   // byte offset in the stream: of the start, for MALFORMED of the error
    const char *error; // for MALFORMED: a phrase; for CONTROL: a Status message or ""
} mcr_frame;

// Called once per document, on the thread that feeds. False pauses: the framer hands out nothing
// more until mcr_framer_resume (the document just given counts as taken).
typedef bool mcr_on_frame(void *arg, const mcr_frame *frame);

typedef struct mcr_framer mcr_framer;

// mcr_framer_new makes a framer whose documents may have at most `limit` bytes (1 GiB at most).
mcr_framer *mcr_framer_new(size_t limit, mcr_on_frame *on_frame, void *arg);
void mcr_framer_free(mcr_framer *f);

// mcr_framer_room returns where the next bytes go and how many fit (at least 64 KiB).
char *mcr_framer_room(mcr_framer *f, size_t *room);

// mcr_framer_feed takes `n` bytes just written into the room and hands out what is complete.
// False: paused by the callback; bytes may be waiting inside.
bool mcr_framer_feed(mcr_framer *f, size_t n);

// mcr_framer_resume goes on after a pause. False: paused again.
bool mcr_framer_resume(mcr_framer *f);

// mcr_framer_finish says that the stream has ended: a last line without newline is complete, an
// open document is malformed ("the input ends inside a document"). The framer is then ready for
// another stream, line and offset from the start. False: paused before the end; resume, then finish
// again.
bool mcr_framer_finish(mcr_framer *f);
