#pragma once
// Decoding: one JSON document to one event, in a single pass over its bytes.
//
// Accepts a core/v1 Event, an events.k8s.io/v1 Event (regarding, note, deprecated* land in the core
// fields), and either wrapped in a watch line {"type":"ADDED","object":{…}}, keys in any order.
// Rules (spec RECORD §3, "Decoding an answer"): field names are case-sensitive, unknown fields are
// ignored but kept in `raw`, the last duplicate wins (objects merge), null means absent, int32
// fields take no 1.0, 1e2 or overflow, a kind other than Event is an error.

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"

typedef enum mcr_decoded {
    MCR_DECODED_EVENT,
    MCR_DECODED_CONTROL,    // a BOOKMARK or ERROR watch line: nothing for watchers
    MCR_DECODED_LIST,       // an EventList/List (or an `items` array): frame its items instead
    MCR_DECODED_INCOMPLETE, // the text ended inside the document
    MCR_DECODED_MALFORMED   // see decode_error
} mcr_decoded;

enum {
    // Go's reading, for API answers and golden vectors: invalid UTF-8 and lone surrogates become
    // U+FFFD, and eventTime and series.lastObservedTime need exactly six decimals. Without it, bad
    // strings are errors and any RFC 3339 fraction is taken.
    MCR_DECODE_GO = 1
};

typedef struct mcr_decode_error {
    size_t offset;  // of the byte that is wrong, from the start of the text
    char text[256]; // a phrase: "count: expected an int32, found 1.5"
} mcr_decode_error;

// A decoder keeps buffers between documents. One thread at a time.
typedef struct mcr_decoder mcr_decoder;

mcr_decoder *mcr_decoder_new(void);
void mcr_decoder_free(mcr_decoder *d);

// mcr_decode reads the document in `text` (white space around it is fine; `text` is borrowed for
// the call and needs no padding). MCR_DECODED_EVENT stores a new event with one holder in *out,
// whose `raw` is the Event object's own bytes (inside a watch line: those of `object`), white space
// outside strings removed when it spans more than one line. MCR_DECODED_CONTROL stores nothing;
// for an ERROR line the Status message is in err->text (else err->text is ""). Otherwise `err` says
// what is wrong and where.
mcr_decoded mcr_decode(mcr_decoder *d, mcr_str text, unsigned flags, mcr_event **out,
                       mcr_decode_error *err);
