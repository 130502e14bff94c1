#pragma once
// How `get` prints events: kubectl's table, JSON, YAML, names, columns of one's own.

#include <stdbool.h>
#include <stddef.h>

#include "api/api_batch.h"
#include "base/buf.h"
#include "base/err.h"

typedef struct mcr_get_output mcr_get_output;

typedef struct mcr_get_output_options {
    const char *format; // "table", "wide", "json", "yaml", "name", "custom-columns=…"
    bool namespaces;    // of all: tables have a column for them
    bool no_headers;    // of tables
    bool managed;       // metadata.managedFields are shown
    bool one;           // objects are no list: one was asked for by name, or they are watched
} mcr_get_output_options;

// mcr_get_output_new: NULL with a sentence in `err`: there is no such format.
mcr_get_output *mcr_get_output_new(const mcr_get_output_options *options, mcr_errbuf *err);
void mcr_get_output_free(mcr_get_output *o);

// mcr_get_output_is_object tells whether nothing found is something to print: an empty list.
bool mcr_get_output_is_object(const mcr_get_output *o);

// mcr_get_output_list appends the events in that order (indexes into `found`).
void mcr_get_output_list(mcr_get_output *o, mcr_buf *out, const mcr_api_batch *found,
                         const size_t *order);

// mcr_get_output_change appends one event that was watched: objects are not in a list then.
void mcr_get_output_change(mcr_get_output *o, mcr_buf *out, const mcr_api_batch *changes, size_t i);

// mcr_get_output_flush appends the rows held back; after the last change for now.
void mcr_get_output_flush(mcr_get_output *o, mcr_buf *out);
