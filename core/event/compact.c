#include "event/compact.h"

#include <stddef.h>

#include "event/block.h"
#include "event/scan.h"

#define AT(field) offsetof(mcr_event, field)

// All strings of an event but its original bytes and those in pairs.
static const size_t strings[] = {
    AT(metadata.name),
    AT(metadata.generateName),
    AT(metadata.namespace),
    AT(metadata.selfLink),
    AT(metadata.uid),
    AT(metadata.resourceVersion),
    AT(metadata.creationTimestamp.text),
    AT(metadata.deletionTimestamp.text),
    AT(metadata.finalizers),
    AT(metadata.ownerReferences),
    AT(metadata.managedFields),
    AT(involvedObject.kind),
    AT(involvedObject.namespace),
    AT(involvedObject.name),
    AT(involvedObject.uid),
    AT(involvedObject.apiVersion),
    AT(involvedObject.resourceVersion),
    AT(involvedObject.fieldPath),
    AT(reason),
    AT(message),
    AT(source.component),
    AT(source.host),
    AT(firstTimestamp.text),
    AT(lastTimestamp.text),
    AT(type),
    AT(eventTime.text),
    AT(series.lastObservedTime.text),
    AT(action),
    AT(related.kind),
    AT(related.namespace),
    AT(related.name),
    AT(related.uid),
    AT(related.apiVersion),
    AT(related.resourceVersion),
    AT(related.fieldPath),
    AT(reportingComponent),
    AT(reportingInstance),
};

enum {
    STRINGS = sizeof strings / sizeof *strings,
    ALIGNED = 8
};

static size_t aligned(size_t size)
{
    return (size + ALIGNED - 1) & ~(size_t)(ALIGNED - 1);
}

static mcr_str *string_at(mcr_event *ev, size_t i)
{
    return (mcr_str *)(void *)((char *)ev + strings[i]);
}

static bool is_in_raw(const mcr_event *ev, mcr_str s)
{
    return ev->raw.len && s.ptr >= ev->raw.ptr && s.ptr + s.len <= ev->raw.ptr + ev->raw.len;
}

// JSON texts are scanned again when they are written, which reads past their end; any string may be
// one.
static size_t size_of(const mcr_event *ev, mcr_str s)
{
    return s.len && !is_in_raw(ev, s) ? aligned((size_t)s.len + MCR_SCAN_PAD) : 0;
}

static size_t pairs_size(const mcr_event *ev, const mcr_pairs *pairs)
{
    size_t size = aligned(pairs->n * sizeof(mcr_pair));
    for (uint32_t i = 0; i < pairs->n; i++)
        size += size_of(ev, pairs->at[i].key) + size_of(ev, pairs->at[i].value);
    return size;
}

static mcr_str copy_bytes(mcr_event *to, mcr_str s)
{
    char *bytes = mcr_block_take(to, (size_t)s.len + MCR_SCAN_PAD);
    memcpy(bytes, s.ptr, s.len);
    memset(bytes + s.len, 0, MCR_SCAN_PAD);
    return (mcr_str){ bytes, s.len, s.id };
}

static mcr_str move(mcr_event *to, const mcr_event *from, mcr_str s)
{
    if (!s.len)
        return (mcr_str){ NULL, 0, s.id };
    if (is_in_raw(from, s))
        return (mcr_str){ to->raw.ptr + (s.ptr - from->raw.ptr), s.len, s.id };
    return copy_bytes(to, s);
}

static mcr_pairs move_pairs(mcr_event *to, const mcr_event *from, const mcr_pairs *pairs)
{
    if (!pairs->n)
        return (mcr_pairs){ 0 };
    mcr_pair *copy = mcr_block_take(to, pairs->n * sizeof *copy);
    for (uint32_t i = 0; i < pairs->n; i++)
        copy[i] =
            (mcr_pair){ move(to, from, pairs->at[i].key), move(to, from, pairs->at[i].value) };
    return (mcr_pairs){ copy, pairs->n };
}

// It, or the event it points into, has a whole chunk.
static bool holds_chunk(const mcr_block *block)
{
    const mcr_block *parent = (const mcr_block *)(const void *)block->parent;
    return block->pooled || (parent && parent->pooled);
}

mcr_event *mcr_event_compact(mcr_event *ev)
{
    const mcr_block *block = (const mcr_block *)(const void *)ev;
    size_t size = aligned((size_t)ev->raw.len + MCR_SCAN_PAD) +
                  pairs_size(ev, &ev->metadata.labels) + pairs_size(ev, &ev->metadata.annotations);
    for (size_t i = 0; i < STRINGS; i++)
        size += size_of(ev, *string_at(ev, i));
    if (!holds_chunk(block) || sizeof *block + size >= MCR_POOL_CHUNK)
        return mcr_event_ref(ev);

    mcr_event *copy = mcr_block_new(size);
    mcr_event_copy_fields(copy, ev);
    copy->raw = ev->raw.len ? copy_bytes(copy, ev->raw) : (mcr_str){ 0 };
    for (size_t i = 0; i < STRINGS; i++)
        *string_at(copy, i) = move(copy, ev, *string_at(ev, i));
    copy->metadata.labels = move_pairs(copy, ev, &ev->metadata.labels);
    copy->metadata.annotations = move_pairs(copy, ev, &ev->metadata.annotations);
    return copy;
}
