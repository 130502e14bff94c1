#include "store/upsert.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/uuid.h"
#include "event/decode.h"
#include "event/encode.h"
#include "event/event_name.h"
#include "event/time.h"
#include "event/walk.h"

struct mcr_upserter {
    const mcr_random *random;
    mcr_decoder *decoder;
    mcr_buf name; // when the event has none
    mcr_buf json;
    mcr_buf renumbered;
    char uid[MCR_UUID_LEN];
    char version[24];
};

mcr_upserter *mcr_upserter_new(const mcr_random *random)
{
    mcr_upserter *u = mcr_zalloc(sizeof *u);
    u->random = random;
    u->decoder = mcr_decoder_new();
    return u;
}

void mcr_upserter_free(mcr_upserter *u)
{
    if (!u)
        return;
    mcr_decoder_free(u->decoder);
    mcr_buf_fini(&u->name);
    mcr_buf_fini(&u->json);
    mcr_buf_fini(&u->renumbered);
    free(u);
}

// What the API server makes of generateName.
static void generate(mcr_buf *out, mcr_str start, const mcr_random *random)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    mcr_buf_add(out, start);
    for (int i = 0; i < 5; i++)
        mcr_buf_putc(out, letters[mcr_random_next(random) % (sizeof letters - 1)]);
}

static mcr_str name_of(mcr_upserter *u, mcr_store_tx *tx, const mcr_event *ev)
{
    if (ev->metadata.name.len)
        return ev->metadata.name;
    u->name.len = 0;
    if (ev->metadata.generateName.len)
        generate(&u->name, ev->metadata.generateName, u->random);
    else
        mcr_event_name(&u->name, ev->involvedObject.name, mcr_store_time(tx), u->random);
    return mcr_buf_str(&u->name);
}

static mcr_str version_text(mcr_upserter *u, uint64_t version)
{
    mcr_buf digits = { .ptr = u->version, .cap = sizeof u->version };
    mcr_buf_i64(&digits, (int64_t)version);
    return mcr_str_n(u->version, digits.len);
}

// The text of a JSON string without escapes.
static mcr_str unquoted(mcr_str value)
{
    return value.len >= 2 && *value.ptr == '"' ? mcr_str_n(value.ptr + 1, value.len - 2)
                                               : (mcr_str){ 0 };
}

// Reads what stays of a stored event for ever; its metadata come before everything that is large.
static void take_identity(mcr_object_meta *meta, mcr_str json)
{
    mcr_walk walk, inside;
    mcr_str key, value;
    bool found = false;
    meta->uid = (mcr_str){ 0 };
    meta->creationTimestamp = (mcr_time){ 0 };
    mcr_walk_begin(&walk, json);
    while (!found && mcr_walk_member(&walk, &key, &value))
        found = mcr_str_is(key, "metadata");
    if (!found)
        return;
    mcr_walk_begin(&inside, value);
    while (mcr_walk_member(&inside, &key, &value)) {
        if (mcr_str_is(key, "uid"))
            meta->uid = unquoted(value);
        else if (mcr_str_is(key, "creationTimestamp"))
            mcr_time_parse(unquoted(value), &meta->creationTimestamp);
    }
}

static mcr_event *decode(mcr_upserter *u, mcr_str json)
{
    mcr_event *ev = NULL;
    mcr_decode_error why;
    return mcr_decode(u->decoder, json, MCR_DECODE_GO, &ev, &why) == MCR_DECODED_EVENT ? ev : NULL;
}

// What client-go's patch changes (correlate/patch.h): what equals the other side of its difference
// is not in it.
static void apply_count(mcr_event *fields, const mcr_event *ev)
{
    if (ev->count)
        fields->count = ev->count;
    if (ev->message.len)
        fields->message = ev->message;
    if (!ev->lastTimestamp.set || ev->lastTimestamp.sec != 0)
        fields->lastTimestamp = ev->lastTimestamp;
}

// What an API server takes from nobody.
static void clean(mcr_event *fields)
{
    fields->metadata.managedFields = (mcr_str){ 0 };
    fields->metadata.selfLink = (mcr_str){ 0 };
    fields->metadata.deletionTimestamp = (mcr_time){ 0 };
    fields->metadata.deletionGracePeriodSeconds = -1;
}

static void encode(mcr_upserter *u, mcr_event *fields, uint64_t version)
{
    fields->metadata.resourceVersion = version_text(u, version);
    u->json.len = 0;
    mcr_event_encode(&u->json, fields, false);
}

static void store(mcr_store_tx *tx, const mcr_event *fields, mcr_str json, uint64_t version,
                  uint64_t created)
{
    mcr_store_put(tx, &(mcr_stored){ .namespace = fields->metadata.namespace,
                                     .name = fields->metadata.name,
                                     .json = json,
                                     .version = version,
                                     .created = created });
}

static mcr_upserted create(mcr_upserter *u, mcr_store_tx *tx, mcr_event *fields)
{
    uint64_t version = mcr_store_next_version(tx);
    mcr_uuid(u->uid, u->random);
    fields->metadata.uid = mcr_str_n(u->uid, sizeof u->uid);
    fields->metadata.creationTimestamp = mcr_time_of(mcr_store_time(tx));
    encode(u, fields, version);
    store(tx, fields, mcr_buf_str(&u->json), version, version);
    return MCR_UPSERT_CREATED;
}

static mcr_upserted change(mcr_upserter *u, mcr_store_tx *tx, mcr_event *fields,
                           const mcr_stored *old)
{
    uint64_t created = old->created;
    encode(u, fields, old->version);
    if (mcr_str_eq(mcr_buf_str(&u->json), old->json))
        return MCR_UPSERT_SAME;
    uint64_t version = mcr_store_next_version(tx);
    fields->metadata.resourceVersion = version_text(u, version);
    u->renumbered.len = 0;
    mcr_store_json_version(&u->renumbered, mcr_buf_str(&u->json), version);
    store(tx, fields, mcr_buf_str(&u->renumbered), version, created);
    return MCR_UPSERT_CHANGED;
}

static mcr_upserted remove_stored(mcr_upserter *u, mcr_store_tx *tx, const mcr_stored *old)
{
    uint64_t version = mcr_store_next_version(tx);
    u->renumbered.len = 0;
    mcr_store_json_version(&u->renumbered, old->json, version);
    mcr_store_remove(tx, old->namespace, old->name, version, mcr_buf_str(&u->renumbered));
    return MCR_UPSERT_REMOVED;
}

mcr_upserted mcr_upsert(mcr_upserter *u, mcr_store_tx *tx, const mcr_event *ev, mcr_event **answer)
{
    bool has_namespace = ev->metadata.namespace.len;
    mcr_str namespace = has_namespace ? ev->metadata.namespace : MCR_STR("default");
    mcr_str name = name_of(u, tx, ev);
    if (answer)
        *answer = NULL;
    mcr_stored old;
    bool is_there = mcr_store_get(tx, namespace, name, &old);
    if (ev->change == MCR_CHANGE_DELETED)
        return is_there ? remove_stored(u, tx, &old) : MCR_UPSERT_ABSENT;
    mcr_event *kept = is_there && ev->counted ? decode(u, old.json) : NULL;
    mcr_event fields = { 0 };
    mcr_event_copy_fields(&fields, kept ? kept : ev);
    fields.metadata.namespace = namespace;
    fields.metadata.name = name;
    if (kept) {
        apply_count(&fields, ev);
    } else {
        clean(&fields);
        if (is_there)
            take_identity(&fields.metadata, old.json);
    }
    mcr_upserted result = is_there ? change(u, tx, &fields, &old) : create(u, tx, &fields);
    if (answer)
        *answer = mcr_event_new(&fields);
    mcr_event_unref(kept);
    return result;
}
