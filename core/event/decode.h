#pragma once
// Decoding: one JSON document to one event, in a single pass over its bytes.
//
// Accepts a core/v1 Event, an events.k8s.io/v1 Event (regarding, note, deprecated* land in the core
// fields), and either wrapped in a watch line {"type":"ADDED","object":{…}}, keys in any order.
//
// Rules (spec RECORD §3, "Decoding an answer"): field names are case-sensitive; unknown fields are
// ignored but kept in `raw`; the last duplicate wins (objects merge); null means absent; int32
// fields take no 1.0, 1e2 or overflow; times are RFC 3339, "" is an error; text behind the document
// and a BOM before it are errors.
//
// - Which API: `apiVersion` says so, wherever it stands. Without it (items of a list have none) the
//   object is of events.k8s.io/v1 when it has a field of that API alone. The other API's own fields
//   are then unknown fields.
// - A kind other than Event and an apiVersion other than v1, events.k8s.io/v1 and v1beta1 are
//   errors; so is, but for MCR_DECODE_GO, an object that has fields, but none of an Event's.
// - A watch line is an object with a field `object` and no field of an Event but `type`. Its type
//   must be ADDED, MODIFIED, DELETED, BOOKMARK or ERROR.
// - A list is what says kind List or EventList, or has an array `items` and has not said its kind
//   yet; it is told apart at that field, before the rest is read.
// - finalizers, ownerReferences and managedFields are checked to be arrays, no deeper.

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
    char text[256]; // a phrase: "metadata.name: expected a string, found 5"
} mcr_decode_error;

// A decoder keeps buffers between documents. One thread at a time.
typedef struct mcr_decoder mcr_decoder;

mcr_decoder *mcr_decoder_new(void);
void mcr_decoder_free(mcr_decoder *d);

// mcr_decode reads the document in `source` (white space around it is fine; it is borrowed for the
// call and needs no padding). MCR_DECODED_EVENT stores a new event with one holder in *out,
// whose `raw` is the Event object's own bytes (inside a watch line: those of `object`), white space
// outside strings removed when it spans more than one line. MCR_DECODED_CONTROL stores nothing;
// for an ERROR line the Status message is in err->text (else err->text is ""). Otherwise `err` says
// what is wrong and where.
mcr_decoded mcr_decode(mcr_decoder *d, mcr_str source, unsigned flags, mcr_event **out,
                       mcr_decode_error *err);
