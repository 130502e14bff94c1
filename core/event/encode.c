#include "event/encode.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "event/lists.h"
#include "event/time.h"
#include "event/walk.h"
#include "event/writer.h"

// `at`, where the next byte goes, travels from function to function in a register: through memory,
// each of the hundred little writes would wait for the one before it.
//
// Every field is written with a comma behind it; close_object turns the last one into a brace.

#define PUT(at, literal)                                                                           \
    do {                                                                                           \
        memcpy(at, literal, sizeof(literal) - 1);                                                  \
        (at) += sizeof(literal) - 1;                                                               \
    } while (0)

#define FIELD_ALWAYS(w, at, key, value)                                                            \
    do {                                                                                           \
        PUT(at, "\"" key "\":");                                                                   \
        (at) = mcr_put_string(w, at, value);                                                       \
        *(at)++ = ',';                                                                             \
    } while (0)

#define FIELD(w, at, key, value)                                                                   \
    do {                                                                                           \
        if ((value).len)                                                                           \
            FIELD_ALWAYS(w, at, key, value);                                                       \
    } while (0)

#define FIELD_NUMBER(at, key, value)                                                               \
    do {                                                                                           \
        if (value) {                                                                               \
            PUT(at, "\"" key "\":");                                                               \
            (at) = mcr_put_i64(at, value);                                                         \
            *(at)++ = ',';                                                                         \
        }                                                                                          \
    } while (0)

static inline char *close_object(char *at)
{
    at -= at[-1] == ',';
    *at++ = '}';
    *at++ = ',';
    return at;
}

enum {
    SECONDS_LEN = sizeof "2026-11-23T05:01:40Z" - 1,
    MICROS_LEN = sizeof "2026-11-23T05:01:40.123456Z" - 1
};

static char *put_other_time(mcr_writer *w, char *at, const mcr_time *t, bool micro)
{
    w->at = at;
    mcr_writer_end(w);
    if (micro)
        mcr_micro_time_write(w->out, t);
    else
        mcr_time_write(w->out, t);
    mcr_writer_begin(w, w->out);
    *w->at++ = ',';
    return w->at;
}

// put_time puts a time as Go does. A text of that very length is in that form already: it was
// parsed, and any other form of a time has another length or ends otherwise.
static inline char *put_time(mcr_writer *w, char *at, const mcr_time *t, bool micro)
{
    size_t len = micro ? MICROS_LEN : SECONDS_LEN;
    if (!t->set) {
        PUT(at, "null,");
        return at;
    }
    if (t->text.len != len || t->text.ptr[len - 1] != 'Z')
        return put_other_time(w, at, t, micro);
    at[0] = '"';
    memcpy(at + 1, t->text.ptr, len);
    at[len + 1] = '"';
    at[len + 2] = ',';
    return at + len + 3;
}

static int compare_keys(const void *a, const void *b)
{
    mcr_str x = (*(const mcr_pair *const *)a)->key;
    mcr_str y = (*(const mcr_pair *const *)b)->key;
    size_t shorter = x.len < y.len ? x.len : y.len;
    int order = shorter ? memcmp(x.ptr, y.ptr, shorter) : 0;
    return order ? order : (x.len > y.len) - (x.len < y.len);
}

// sort_pairs orders by key; most maps are in order already.
static void sort_pairs(const mcr_pair **order, const mcr_pairs *pairs)
{
    uint32_t sorted = 0;
    for (; sorted < pairs->n; sorted++) {
        order[sorted] = &pairs->at[sorted];
        if (sorted && compare_keys(&order[sorted - 1], &order[sorted]) > 0)
            break;
    }
    if (sorted == pairs->n)
        return;
    for (; sorted < pairs->n; sorted++)
        order[sorted] = &pairs->at[sorted];
    qsort(order, pairs->n, sizeof *order, compare_keys);
}

static char *put_pairs(mcr_writer *w, char *at, const mcr_pairs *pairs)
{
    enum {
        FEW = 32
    };
    const mcr_pair *few[FEW];
    const mcr_pair **order = few;
    if (pairs->n > FEW)
        order = mcr_alloc(pairs->n * sizeof(mcr_pair *));
    sort_pairs(order, pairs);
    *at++ = '{';
    for (uint32_t i = 0; i < pairs->n; i++) {
        at = mcr_put_string(w, at, order[i]->key);
        *at++ = ':';
        at = mcr_put_string(w, at, order[i]->value);
        *at++ = ',';
    }
    if (order != few)
        free(order);
    return close_object(at);
}

static char *put_list(mcr_writer *w, char *at, mcr_str json, void (*write)(mcr_writer *, mcr_str))
{
    w->at = at;
    write(w, json);
    mcr_writer_room(w, 0);
    *w->at++ = ',';
    return w->at;
}

static char *put_metadata(mcr_writer *w, char *at, const mcr_object_meta *meta)
{
    PUT(at, "\"metadata\":{");
    FIELD(w, at, "name", meta->name);
    FIELD(w, at, "generateName", meta->generateName);
    FIELD(w, at, "namespace", meta->namespace);
    FIELD(w, at, "selfLink", meta->selfLink);
    FIELD(w, at, "uid", meta->uid);
    FIELD(w, at, "resourceVersion", meta->resourceVersion);
    FIELD_NUMBER(at, "generation", meta->generation);
    PUT(at, "\"creationTimestamp\":");
    at = put_time(w, at, &meta->creationTimestamp, false);
    if (meta->deletionTimestamp.set) {
        PUT(at, "\"deletionTimestamp\":");
        at = put_time(w, at, &meta->deletionTimestamp, false);
    }
    if (meta->deletionGracePeriodSeconds != -1) {
        PUT(at, "\"deletionGracePeriodSeconds\":");
        at = mcr_put_i64(at, meta->deletionGracePeriodSeconds);
        *at++ = ',';
    }
    if (meta->labels.n) {
        PUT(at, "\"labels\":");
        at = put_pairs(w, at, &meta->labels);
    }
    if (meta->annotations.n) {
        PUT(at, "\"annotations\":");
        at = put_pairs(w, at, &meta->annotations);
    }
    if (!mcr_list_is_empty(meta->ownerReferences)) {
        PUT(at, "\"ownerReferences\":");
        at = put_list(w, at, meta->ownerReferences, mcr_write_owner_references);
    }
    if (!mcr_list_is_empty(meta->finalizers)) {
        PUT(at, "\"finalizers\":");
        at = put_list(w, at, meta->finalizers, mcr_write_strings);
    }
    if (!mcr_list_is_empty(meta->managedFields)) {
        PUT(at, "\"managedFields\":");
        at = put_list(w, at, meta->managedFields, mcr_write_managed_fields);
    }
    return close_object(at);
}

static char *put_reference(mcr_writer *w, char *at, const mcr_object_reference *reference)
{
    *at++ = '{';
    FIELD(w, at, "kind", reference->kind);
    FIELD(w, at, "namespace", reference->namespace);
    FIELD(w, at, "name", reference->name);
    FIELD(w, at, "uid", reference->uid);
    FIELD(w, at, "apiVersion", reference->apiVersion);
    FIELD(w, at, "resourceVersion", reference->resourceVersion);
    FIELD(w, at, "fieldPath", reference->fieldPath);
    return close_object(at);
}

static bool is_one_of(mcr_str key, const mcr_str *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (mcr_str_eq(key, names[i]))
            return true;
    return false;
}

#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1, 0                                                                  \
    }

bool mcr_event_has_field(mcr_str key, int api)
{
    static const mcr_str core[] = {
        NAME("kind"),
        NAME("apiVersion"),
        NAME("metadata"),
        NAME("involvedObject"),
        NAME("reason"),
        NAME("message"),
        NAME("source"),
        NAME("firstTimestamp"),
        NAME("lastTimestamp"),
        NAME("count"),
        NAME("type"),
        NAME("eventTime"),
        NAME("series"),
        NAME("action"),
        NAME("related"),
        NAME("reportingComponent"),
        NAME("reportingInstance"),
    };
    static const mcr_str events[] = {
        NAME("reportingController"),
        NAME("regarding"),
        NAME("note"),
        NAME("deprecatedSource"),
        NAME("deprecatedFirstTimestamp"),
        NAME("deprecatedLastTimestamp"),
        NAME("deprecatedCount"),
    };
    return is_one_of(key, core, sizeof core / sizeof *core) ||
           (api == MCR_API_EVENTS_V1 && is_one_of(key, events, sizeof events / sizeof *events));
}

static char *put_unknown(mcr_writer *w, char *at, const mcr_event *ev)
{
    w->at = at;
    mcr_walk walk;
    mcr_str key, value;
    mcr_buf unescaped = { 0 };
    mcr_walk_begin(&walk, ev->raw);
    while (mcr_walk_member(&walk, &key, &value)) {
        if (mcr_event_has_field(mcr_walk_key(key, &unescaped), ev->api))
            continue;
        *w->at++ = '"';
        mcr_writer_bytes(w, key.ptr, key.len);
        MCR_PUT(w, "\":");
        mcr_writer_bytes(w, value.ptr, value.len);
        *w->at++ = ',';
        mcr_writer_room(w, 0);
    }
    mcr_buf_fini(&unescaped);
    return w->at;
}

void mcr_event_encode(mcr_buf *out, const mcr_event *ev, bool unknown)
{
    mcr_writer writer;
    mcr_writer *w = &writer;
    mcr_buf_reserve(out, ev->raw.len + 2 * MCR_WRITER_SLACK);
    mcr_writer_begin(w, out);
    char *at = w->at;
    PUT(at, "{\"kind\":\"Event\",\"apiVersion\":\"v1\",");
    at = put_metadata(w, at, &ev->metadata);
    PUT(at, "\"involvedObject\":");
    at = put_reference(w, at, &ev->involvedObject);
    FIELD(w, at, "reason", ev->reason);
    FIELD(w, at, "message", ev->message);
    PUT(at, "\"source\":{");
    FIELD(w, at, "component", ev->source.component);
    FIELD(w, at, "host", ev->source.host);
    at = close_object(at);
    PUT(at, "\"firstTimestamp\":");
    at = put_time(w, at, &ev->firstTimestamp, false);
    PUT(at, "\"lastTimestamp\":");
    at = put_time(w, at, &ev->lastTimestamp, false);
    FIELD_NUMBER(at, "count", ev->count);
    FIELD(w, at, "type", ev->type);
    PUT(at, "\"eventTime\":");
    at = put_time(w, at, &ev->eventTime, true);
    if (ev->series.set) {
        PUT(at, "\"series\":{");
        FIELD_NUMBER(at, "count", ev->series.count);
        PUT(at, "\"lastObservedTime\":");
        at = put_time(w, at, &ev->series.lastObservedTime, true);
        at = close_object(at);
    }
    FIELD(w, at, "action", ev->action);
    if (ev->has_related) {
        PUT(at, "\"related\":");
        at = put_reference(w, at, &ev->related);
    }
    FIELD_ALWAYS(w, at, "reportingComponent", ev->reportingComponent);
    FIELD_ALWAYS(w, at, "reportingInstance", ev->reportingInstance);
    if (unknown && ev->unknown_fields)
        at = put_unknown(w, at, ev);
    w->at = close_object(at) - 1;
    mcr_writer_end(w);
}

void mcr_event_write(mcr_buf *out, const mcr_event *ev)
{
    if (ev->raw.len)
        mcr_buf_add(out, ev->raw);
    else
        mcr_event_encode(out, ev, true);
}
