#include "event/event.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "event/atom.h"
#include "event/block.h"
#include "event/scan.h"

static mcr_event *init_block(mcr_block *block, size_t size)
{
    memset(block, 0, sizeof *block);
    block->ev.refs = 1;
    block->ev.metadata.deletionGracePeriodSeconds = -1;
    block->spans_unknown = true; // until a decoder says otherwise
    block->at = (char *)(block + 1);
    block->end = block->at + size;
    return &block->ev;
}

mcr_event *mcr_block_new(size_t size)
{
    return init_block(mcr_alloc(sizeof(mcr_block) + size), size);
}

mcr_event *mcr_block_new_from(mcr_spare *spare, size_t size)
{
    if (sizeof(mcr_block) + size > MCR_POOL_CHUNK)
        return mcr_block_new(size);
    mcr_block *block = mcr_pool_take(spare);
    init_block(block, MCR_POOL_CHUNK - sizeof *block);
    block->pooled = true;
    return &block->ev;
}

void *mcr_block_take(mcr_event *ev, size_t size)
{
    mcr_block *block = (mcr_block *)(void *)ev;
    size = (size + 7) & ~(size_t)7; // pairs are aligned to pointers
    if ((size_t)(block->end - block->at) < size) {
        size_t room = size > 1024 ? size : 1024;
        mcr_spill *spill = mcr_alloc(sizeof *spill + room);
        spill->next = block->spill;
        block->spill = spill;
        block->at = (char *)(spill + 1);
        block->end = block->at + room;
    }
    void *taken = block->at;
    block->at += size;
    return taken;
}

mcr_str mcr_block_copy(mcr_event *ev, mcr_str s)
{
    if (!s.len)
        return (mcr_str){ 0 };
    char *bytes = mcr_block_take(ev, s.len);
    memcpy(bytes, s.ptr, s.len);
    return (mcr_str){ bytes, s.len, s.id };
}

mcr_event *mcr_event_ref(mcr_event *ev)
{
    __atomic_add_fetch(&ev->refs, 1, __ATOMIC_RELAXED);
    return ev;
}

void mcr_event_ref_n(mcr_event *ev, uint32_t n)
{
    __atomic_add_fetch(&ev->refs, n, __ATOMIC_RELAXED);
}

void mcr_event_unref(mcr_event *ev)
{
    if (!ev)
        return;
    // A sole holder needs no atomic write: nobody else can be adding holds.
    if (__atomic_load_n(&ev->refs, __ATOMIC_ACQUIRE) != 1 &&
        __atomic_sub_fetch(&ev->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    mcr_block *block = (mcr_block *)(void *)ev;
    while (block->spill) {
        mcr_spill *spill = block->spill;
        block->spill = spill->next;
        free(spill);
    }
    mcr_event *parent = block->parent;
    if (block->pooled)
        mcr_pool_give(block);
    else
        free(block);
    if (parent)
        mcr_event_unref(parent); // which has no parent: this goes no deeper
}

// A string that recurs; the caller's atom may be missing.
static mcr_str copy_word(mcr_event *ev, mcr_str s)
{
    mcr_str copy = mcr_block_copy(ev, s);
    copy.id = mcr_atom(copy.ptr, copy.len);
    return copy;
}

static mcr_pairs copy_pairs(mcr_event *ev, const mcr_pairs *pairs)
{
    mcr_pair *copy = mcr_block_take(ev, pairs->n * sizeof *copy);
    for (uint32_t i = 0; i < pairs->n; i++) {
        copy[i].key = mcr_block_copy(ev, pairs->at[i].key);
        copy[i].value = mcr_block_copy(ev, pairs->at[i].value);
    }
    return (mcr_pairs){ copy, pairs->n };
}

static void copy_reference(mcr_event *ev, mcr_object_reference *ref)
{
    ref->kind = copy_word(ev, ref->kind);
    ref->namespace = copy_word(ev, ref->namespace);
    ref->name = mcr_block_copy(ev, ref->name);
    ref->uid = mcr_block_copy(ev, ref->uid);
    ref->apiVersion = copy_word(ev, ref->apiVersion);
    ref->resourceVersion = mcr_block_copy(ev, ref->resourceVersion);
    ref->fieldPath = mcr_block_copy(ev, ref->fieldPath);
}

static void copy_time(mcr_event *ev, mcr_time *t)
{
    t->text = mcr_block_copy(ev, t->text);
}

// JSON texts are scanned again when they are written, which reads past their end.
static mcr_str copy_json(mcr_event *ev, mcr_str json)
{
    if (!json.len)
        return (mcr_str){ 0 };
    char *bytes = mcr_block_take(ev, (size_t)json.len + MCR_SCAN_PAD);
    memcpy(bytes, json.ptr, json.len);
    memset(bytes + json.len, 0, MCR_SCAN_PAD);
    return mcr_str_n(bytes, json.len);
}

mcr_event *mcr_event_new(const mcr_event *fields)
{
    mcr_event *ev = mcr_block_new(2048);
    mcr_event_copy_fields(ev, fields);
    ev->raw = (mcr_str){ 0 };
    ev->api = MCR_API_CORE_V1;
    ev->unknown_fields = 0;

    mcr_object_meta *meta = &ev->metadata;
    meta->name = mcr_block_copy(ev, meta->name);
    meta->generateName = mcr_block_copy(ev, meta->generateName);
    meta->namespace = copy_word(ev, meta->namespace);
    meta->selfLink = mcr_block_copy(ev, meta->selfLink);
    meta->uid = mcr_block_copy(ev, meta->uid);
    meta->resourceVersion = mcr_block_copy(ev, meta->resourceVersion);
    meta->labels = copy_pairs(ev, &fields->metadata.labels);
    meta->annotations = copy_pairs(ev, &fields->metadata.annotations);
    meta->finalizers = copy_json(ev, meta->finalizers);
    meta->ownerReferences = copy_json(ev, meta->ownerReferences);
    meta->managedFields = copy_json(ev, meta->managedFields);
    copy_time(ev, &meta->creationTimestamp);
    copy_time(ev, &meta->deletionTimestamp);

    copy_reference(ev, &ev->involvedObject);
    copy_reference(ev, &ev->related);
    ev->reason = copy_word(ev, ev->reason);
    ev->message = mcr_block_copy(ev, ev->message);
    ev->source.component = copy_word(ev, ev->source.component);
    ev->source.host = copy_word(ev, ev->source.host);
    copy_time(ev, &ev->firstTimestamp);
    copy_time(ev, &ev->lastTimestamp);
    ev->type = copy_word(ev, ev->type);
    copy_time(ev, &ev->eventTime);
    copy_time(ev, &ev->series.lastObservedTime);
    ev->action = copy_word(ev, ev->action);
    ev->reportingComponent = copy_word(ev, ev->reportingComponent);
    ev->reportingInstance = copy_word(ev, ev->reportingInstance);
    return ev;
}

static mcr_str share(mcr_event *ev, mcr_str s, mcr_str parents)
{
    return s.ptr == parents.ptr && s.len == parents.len ? s : mcr_block_copy(ev, s);
}

mcr_event *mcr_event_derive(mcr_event *from, const mcr_event *fields)
{
    // Events that are held have no parent themselves.
    if (((const mcr_block *)(const void *)from)->parent)
        return mcr_event_new(fields);
    const mcr_object_meta *meta = &fields->metadata;
    size_t size = meta->name.len + meta->resourceVersion.len + (size_t)fields->message.len;
    mcr_event *ev = mcr_block_new(size + 3 * sizeof(void *)); // each is aligned
    mcr_event_copy_fields(ev, fields);
    ev->raw = (mcr_str){ 0 };
    ev->api = MCR_API_CORE_V1;
    ev->unknown_fields = 0;
    ev->metadata.name = share(ev, meta->name, from->metadata.name);
    ev->metadata.resourceVersion = share(ev, meta->resourceVersion, from->metadata.resourceVersion);
    ev->message = share(ev, fields->message, from->message);
    ((mcr_block *)(void *)ev)->parent = mcr_event_ref(from);
    return ev;
}

mcr_event *mcr_event_copy(const mcr_event *ev)
{
    mcr_event *copy = mcr_event_new(ev);
    copy->raw = copy_json(copy, ev->raw);
    copy->api = ev->api;
    copy->unknown_fields = ev->unknown_fields;
    return copy;
}

mcr_event *mcr_event_opaque(mcr_str json)
{
    mcr_event *ev = mcr_block_new((size_t)json.len + MCR_SCAN_PAD + 8);
    ev->raw = copy_json(ev, json);
    return ev;
}

const mcr_time *mcr_event_time(const mcr_event *ev)
{
    const mcr_time *const times[] = { &ev->series.lastObservedTime, &ev->lastTimestamp,
                                      &ev->eventTime, &ev->firstTimestamp,
                                      &ev->metadata.creationTimestamp };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (times[i]->set)
            return times[i];
    return NULL;
}

int32_t mcr_event_occurrences(const mcr_event *ev)
{
    if (ev->series.set && ev->series.count)
        return ev->series.count;
    return ev->count ? ev->count : 1;
}

const mcr_str *mcr_pairs_get(const mcr_pairs *pairs, mcr_str key)
{
    for (uint32_t i = 0; i < pairs->n; i++)
        if (mcr_str_eq(pairs->at[i].key, key))
            return &pairs->at[i].value;
    return NULL;
}
