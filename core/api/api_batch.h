#pragma once
// Events copied out of the store, to be worked on outside of its transaction.

#include <stdbool.h>

#include "base/buf.h"
#include "store/store.h"

typedef struct mcr_api_item {
    mcr_store_change change; // of a watch
    uint64_t version;
    uint64_t created;
    size_t at; // of its namespace in `bytes`; name and JSON follow
    uint32_t namespace_len;
    uint32_t name_len;
    uint32_t json_len;
    bool matches; // the selector of a watch; true unless said otherwise
} mcr_api_item;

typedef struct mcr_api_batch {
    mcr_api_item *items;
    size_t n;
    size_t cap;
    mcr_buf bytes;
} mcr_api_batch;

void mcr_api_batch_fini(mcr_api_batch *b);
void mcr_api_batch_clear(mcr_api_batch *b); // keeps the memory

void mcr_api_batch_add(mcr_api_batch *b, mcr_store_change change, const mcr_stored *event);

// Borrowed until the batch changes.
mcr_str mcr_api_item_namespace(const mcr_api_batch *b, size_t i);
mcr_str mcr_api_item_name(const mcr_api_batch *b, size_t i);
mcr_str mcr_api_item_json(const mcr_api_batch *b, size_t i);
