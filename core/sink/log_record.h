#pragma once
// What client-go would tell klog, as a value: who gets it prints it, counts it or drops it. An
// event in it is not formatted before somebody wants the text.

#include <stddef.h>

#include "base/buf.h"
#include "event/event.h"

typedef struct mcr_log_value {
    const char *key;
    mcr_str text;
    const mcr_event *event; // not NULL: the value is this event's dump (event_dump.h), not `text`
    bool bare;              // `text` stands there without quotes
} mcr_log_value;

enum {
    MCR_LOG_VALUES = 5
};

typedef struct mcr_log_record {
    const char *message;
    bool error; // klog's E; false: I, at verbosity `v`
    int v;
    size_t n;
    mcr_log_value values[MCR_LOG_VALUES]; // in klog's order
} mcr_log_record;

// Who is told. The record and all it points to are borrowed for the call.
typedef struct mcr_log_hook {
    void (*write)(void *self, const mcr_log_record *record); // NULL: nobody
    void *self;
} mcr_log_hook;

// mcr_log_record_send gives the record to the hook, if there is one.
void mcr_log_record_send(const mcr_log_hook *hook, const mcr_log_record *record);

// mcr_log_record_write appends klog's text after the header, final newline included:
// "Unsupported event type" eventType="Error"
void mcr_log_record_write(mcr_buf *out, const mcr_log_record *record);
