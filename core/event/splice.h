#pragma once
// The short way to a changed event: when only plain top-level values change, the new text is the
// old one with pieces exchanged, and the new event's other fields stay where they are, in the event
// it was made from, which it holds. Half the cost of merging and decoding again (event/merge.h),
// with the same result.

#include "event/event.h"

typedef struct mcr_change {
    mcr_str key;    // unescaped
    mcr_str member; // `"key":value` as JSON
    mcr_str value;  // its value as JSON: the end of `member`
    mcr_str text;   // of a string, unescaped; ptr NULL for other values
    double number;  // of a number, NaN for other values
} mcr_change;

// mcr_event_splice makes the event that results from setting `n` fields, in the order of their
// keys, which differ; everything is borrowed. NULL when it takes the long way: other fields of an
// event than strings and count, wrong types, text that is not UTF-8, an event that was spliced
// itself or has no original bytes of core/v1, or one with fields of its own (they might be the ones
// to set). The result has one holder, and all that mcr_event_merge keeps.
mcr_event *mcr_event_splice(const mcr_event *ev, const mcr_change *changes, uint32_t n);
