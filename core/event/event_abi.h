#pragma once
// The Event as C and LuaJIT see it: core/v1 Event field by field, under its JSON names.
// Read by the C compiler and by ffi.cdef: only comments, enums, structs and prototypes. The
// includer brings <stdint.h> and mcr_str (base/str_abi.h). tests/unit/event/abi_test.c and
// tests/lua/abi_spec.lua compare both readers.

// What a record says about the event it carries.
enum {
    MCR_CHANGE_UNKNOWN, // no watch line around it
    MCR_CHANGE_NEW,     // ADDED
    MCR_CHANGE_REPEAT,  // MODIFIED
    MCR_CHANGE_DELETED  // DELETED
};

// Which API's JSON the original bytes are.
enum {
    MCR_API_CORE_V1,
    MCR_API_EVENTS_V1 // events.k8s.io/v1: regarding, note, deprecated*
};

// A point in time. `text` is the JSON string as it came ("" when absent or null).
typedef struct mcr_time {
    mcr_str text;
    int64_t sec;  // Unix seconds, toward the past
    int32_t nsec; // 0 … 999,999,999
    int32_t set;  // 0: absent, null or Go's zero time
} mcr_time;

typedef struct mcr_pair {
    mcr_str key;
    mcr_str value;
} mcr_pair;

// A map of strings in the order of the JSON, keys unique.
typedef struct mcr_pairs {
    const mcr_pair *at;
    uint32_t n;
} mcr_pairs;

typedef struct mcr_object_reference {
    mcr_str kind;
    mcr_str namespace;
    mcr_str name;
    mcr_str uid;
    mcr_str apiVersion;
    mcr_str resourceVersion;
    mcr_str fieldPath;
} mcr_object_reference;

typedef struct mcr_event_source {
    mcr_str component;
    mcr_str host;
} mcr_event_source;

typedef struct mcr_event_series {
    int32_t count;
    int32_t set; // 0: the event has no series
    mcr_time lastObservedTime;
} mcr_event_series;

typedef struct mcr_object_meta {
    mcr_str name;
    mcr_str generateName;
    mcr_str namespace;
    mcr_str selfLink;
    mcr_str uid;
    mcr_str resourceVersion;
    int64_t generation;
    mcr_time creationTimestamp;
    mcr_time deletionTimestamp;
    int64_t deletionGracePeriodSeconds; // -1: absent
    mcr_pairs labels;
    mcr_pairs annotations;
    mcr_str finalizers;      // JSON text of the array, "" when absent
    mcr_str ownerReferences; // the same
    mcr_str managedFields;   // the same
} mcr_object_meta;

// Immutable once made; shared by reference count; every mcr_str points into the event's own block.
typedef struct mcr_event {
    // Who holds it: touched only by mcr_event_ref and mcr_event_unref.
    uint32_t refs;
    // How many times `emit` has passed it on from watcher to watcher.
    uint16_t hops;
    uint8_t change; // MCR_CHANGE_*
    uint8_t api;    // MCR_API_*: what `raw` is written in
    // Occurrences not seen before in this stream (source/seen.h), set before the event is shared.
    int32_t delta;
    int32_t count;
    // Where the bytes came from: an index into the program's sources, and which record of it.
    uint32_t source_index;
    uint64_t record;
    // The JSON object as it came in, without the line end; "" for an event made in C.
    mcr_str raw;
    mcr_object_meta metadata;
    mcr_object_reference involvedObject;
    mcr_str reason;
    mcr_str message;
    mcr_event_source source;
    mcr_time firstTimestamp;
    mcr_time lastTimestamp;
    mcr_str type;
    mcr_time eventTime;
    mcr_event_series series;
    mcr_str action;
    mcr_object_reference related;
    int32_t has_related;
    uint16_t unknown_fields; // 1: `raw` has top-level fields that are not in this struct
    uint16_t counted;        // 1: the correlator knows it as a repeat, whose name and count it has
    mcr_str reportingComponent;
    mcr_str reportingInstance;
} mcr_event;
