#include "api/api_batch.h"

#include <stdlib.h>

#include "base/alloc.h"

void mcr_api_batch_fini(mcr_api_batch *b)
{
    free(b->items);
    mcr_buf_fini(&b->bytes);
    *b = (mcr_api_batch){ 0 };
}

void mcr_api_batch_clear(mcr_api_batch *b)
{
    b->n = 0;
    b->bytes.len = 0;
}

void mcr_api_batch_add(mcr_api_batch *b, mcr_store_change change, const mcr_stored *event)
{
    if (b->n == b->cap) {
        b->cap = b->cap ? 2 * b->cap : 64;
        b->items = mcr_realloc(b->items, b->cap * sizeof *b->items);
    }
    b->items[b->n++] = (mcr_api_item){
        .change = change,
        .version = event->version,
        .created = event->created,
        .at = b->bytes.len,
        .namespace_len = event->namespace.len,
        .name_len = event->name.len,
        .json_len = event->json.len,
        .matches = true,
    };
    mcr_buf_add(&b->bytes, event->namespace);
    mcr_buf_add(&b->bytes, event->name);
    mcr_buf_add(&b->bytes, event->json);
}

mcr_str mcr_api_item_namespace(const mcr_api_batch *b, size_t i)
{
    return mcr_str_n(b->bytes.ptr + b->items[i].at, b->items[i].namespace_len);
}

mcr_str mcr_api_item_name(const mcr_api_batch *b, size_t i)
{
    const mcr_api_item *item = &b->items[i];
    return mcr_str_n(b->bytes.ptr + item->at + item->namespace_len, item->name_len);
}

mcr_str mcr_api_item_json(const mcr_api_batch *b, size_t i)
{
    const mcr_api_item *item = &b->items[i];
    return mcr_str_n(b->bytes.ptr + item->at + item->namespace_len + item->name_len,
                     item->json_len);
}
