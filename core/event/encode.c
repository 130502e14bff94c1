#include "event/encode.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "event/lists.h"
#include "event/time.h"
#include "event/walk.h"
#include "event/writer.h"

// Every field is written with a comma behind it; close_object turns the last one into a brace.

#define FIELD(w, key, value)                                                                       \
    do {                                                                                           \
        if ((value).len) {                                                                         \
            MCR_PUT(w, "\"" key "\":");                                                            \
            mcr_writer_string(w, value);                                                           \
            mcr_writer_putc(w, ',');                                                               \
        }                                                                                          \
    } while (0)

#define FIELD_ALWAYS(w, key, value)                                                                \
    do {                                                                                           \
        MCR_PUT(w, "\"" key "\":");                                                                \
        mcr_writer_string(w, value);                                                               \
        mcr_writer_putc(w, ',');                                                                   \
    } while (0)

#define FIELD_NUMBER(w, key, value)                                                                \
    do {                                                                                           \
        if (value) {                                                                               \
            MCR_PUT(w, "\"" key "\":");                                                            \
            mcr_writer_i64(w, value);                                                              \
            mcr_writer_putc(w, ',');                                                               \
        }                                                                                          \
    } while (0)

static void close_object(mcr_writer *w)
{
    if (w->at[-1] == ',')
        w->at[-1] = '}';
    else
        *w->at++ = '}';
}

enum {
    SECONDS_LEN = sizeof "2026-11-23T05:01:40Z" - 1,
    MICROS_LEN = sizeof "2026-11-23T05:01:40.123456Z" - 1
};

// put_time puts a time as Go does. A text of that very length is in that form already: it was
// parsed, and any other form of a time has another length or ends otherwise.
static void put_time(mcr_writer *w, const mcr_time *t, size_t len,
                     void (*write)(mcr_buf *, const mcr_time *))
{
    if (!t->set) {
        MCR_PUT(w, "null,");
    } else if (t->text.len == len && t->text.ptr[len - 1] == 'Z') {
        w->at[0] = '"';
        memcpy(w->at + 1, t->text.ptr, len);
        w->at[len + 1] = '"';
        w->at[len + 2] = ',';
        w->at += len + 3;
    } else {
        mcr_writer_end(w);
        write(w->out, t);
        mcr_writer_begin(w, w->out);
        mcr_writer_putc(w, ',');
    }
}

static void put_seconds(mcr_writer *w, const mcr_time *t)
{
    put_time(w, t, SECONDS_LEN, mcr_time_write);
}

static void put_micros(mcr_writer *w, const mcr_time *t)
{
    put_time(w, t, MICROS_LEN, mcr_micro_time_write);
}

static int compare_keys(const void *a, const void *b)
{
    mcr_str x = (*(const mcr_pair *const *)a)->key;
    mcr_str y = (*(const mcr_pair *const *)b)->key;
    size_t shorter = x.len < y.len ? x.len : y.len;
    int order = shorter ? memcmp(x.ptr, y.ptr, shorter) : 0;
    return order ? order : (x.len > y.len) - (x.len < y.len);
}

static void put_pair(mcr_writer *w, const mcr_pair *pair)
{
    mcr_writer_string(w, pair->key);
    mcr_writer_putc(w, ':');
    mcr_writer_string(w, pair->value);
    mcr_writer_putc(w, ',');
}

static void put_pairs(mcr_writer *w, const mcr_pairs *pairs)
{
    bool sorted = true;
    for (uint32_t i = 1; i < pairs->n && sorted; i++) {
        const mcr_pair *a = &pairs->at[i - 1];
        const mcr_pair *b = &pairs->at[i];
        sorted = compare_keys(&a, &b) < 0;
    }
    mcr_writer_putc(w, '{');
    if (sorted) {
        for (uint32_t i = 0; i < pairs->n; i++)
            put_pair(w, &pairs->at[i]);
    } else {
        const mcr_pair **order = mcr_alloc(pairs->n * sizeof(mcr_pair *));
        for (uint32_t i = 0; i < pairs->n; i++)
            order[i] = &pairs->at[i];
        qsort(order, pairs->n, sizeof(mcr_pair *), compare_keys);
        for (uint32_t i = 0; i < pairs->n; i++)
            put_pair(w, order[i]);
        free(order);
    }
    close_object(w);
    mcr_writer_putc(w, ',');
}

static void put_metadata(mcr_writer *w, const mcr_object_meta *meta)
{
    MCR_PUT(w, "\"metadata\":{");
    FIELD(w, "name", meta->name);
    FIELD(w, "generateName", meta->generateName);
    FIELD(w, "namespace", meta->namespace);
    FIELD(w, "selfLink", meta->selfLink);
    FIELD(w, "uid", meta->uid);
    FIELD(w, "resourceVersion", meta->resourceVersion);
    FIELD_NUMBER(w, "generation", meta->generation);
    MCR_PUT(w, "\"creationTimestamp\":");
    put_seconds(w, &meta->creationTimestamp);
    if (meta->deletionTimestamp.set) {
        MCR_PUT(w, "\"deletionTimestamp\":");
        put_seconds(w, &meta->deletionTimestamp);
    }
    if (meta->deletionGracePeriodSeconds != -1) {
        MCR_PUT(w, "\"deletionGracePeriodSeconds\":");
        mcr_writer_i64(w, meta->deletionGracePeriodSeconds);
        mcr_writer_putc(w, ',');
    }
    if (meta->labels.n) {
        MCR_PUT(w, "\"labels\":");
        put_pairs(w, &meta->labels);
    }
    if (meta->annotations.n) {
        MCR_PUT(w, "\"annotations\":");
        put_pairs(w, &meta->annotations);
    }
    if (!mcr_list_is_empty(meta->ownerReferences)) {
        MCR_PUT(w, "\"ownerReferences\":");
        mcr_write_owner_references(w, meta->ownerReferences);
        mcr_writer_putc(w, ',');
    }
    if (!mcr_list_is_empty(meta->finalizers)) {
        MCR_PUT(w, "\"finalizers\":");
        mcr_write_strings(w, meta->finalizers);
        mcr_writer_putc(w, ',');
    }
    if (!mcr_list_is_empty(meta->managedFields)) {
        MCR_PUT(w, "\"managedFields\":");
        mcr_write_managed_fields(w, meta->managedFields);
        mcr_writer_putc(w, ',');
    }
    close_object(w);
    mcr_writer_putc(w, ',');
}

static void put_reference(mcr_writer *w, const mcr_object_reference *reference)
{
    mcr_writer_putc(w, '{');
    FIELD(w, "kind", reference->kind);
    FIELD(w, "namespace", reference->namespace);
    FIELD(w, "name", reference->name);
    FIELD(w, "uid", reference->uid);
    FIELD(w, "apiVersion", reference->apiVersion);
    FIELD(w, "resourceVersion", reference->resourceVersion);
    FIELD(w, "fieldPath", reference->fieldPath);
    close_object(w);
    mcr_writer_putc(w, ',');
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

static bool is_known(mcr_str key, int api)
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

static void put_unknown(mcr_writer *w, const mcr_event *ev)
{
    mcr_walk walk;
    mcr_str key, value;
    mcr_walk_begin(&walk, ev->raw);
    while (mcr_walk_member(&walk, &key, &value)) {
        if (is_known(key, ev->api))
            continue;
        mcr_writer_putc(w, '"');
        mcr_writer_bytes(w, key.ptr, key.len);
        MCR_PUT(w, "\":");
        mcr_writer_bytes(w, value.ptr, value.len);
        mcr_writer_putc(w, ',');
    }
}

void mcr_event_encode(mcr_buf *out, const mcr_event *ev, bool unknown)
{
    mcr_writer writer;
    mcr_writer *w = &writer;
    mcr_buf_reserve(out, ev->raw.len + 2 * MCR_WRITER_SLACK);
    mcr_writer_begin(w, out);
    MCR_PUT(w, "{\"kind\":\"Event\",\"apiVersion\":\"v1\",");
    put_metadata(w, &ev->metadata);
    MCR_PUT(w, "\"involvedObject\":");
    put_reference(w, &ev->involvedObject);
    FIELD(w, "reason", ev->reason);
    FIELD(w, "message", ev->message);
    MCR_PUT(w, "\"source\":{");
    FIELD(w, "component", ev->source.component);
    FIELD(w, "host", ev->source.host);
    close_object(w);
    mcr_writer_putc(w, ',');
    MCR_PUT(w, "\"firstTimestamp\":");
    put_seconds(w, &ev->firstTimestamp);
    MCR_PUT(w, "\"lastTimestamp\":");
    put_seconds(w, &ev->lastTimestamp);
    FIELD_NUMBER(w, "count", ev->count);
    FIELD(w, "type", ev->type);
    MCR_PUT(w, "\"eventTime\":");
    put_micros(w, &ev->eventTime);
    if (ev->series.set) {
        MCR_PUT(w, "\"series\":{");
        FIELD_NUMBER(w, "count", ev->series.count);
        MCR_PUT(w, "\"lastObservedTime\":");
        put_micros(w, &ev->series.lastObservedTime);
        close_object(w);
        mcr_writer_putc(w, ',');
    }
    FIELD(w, "action", ev->action);
    if (ev->has_related) {
        MCR_PUT(w, "\"related\":");
        put_reference(w, &ev->related);
    }
    FIELD_ALWAYS(w, "reportingComponent", ev->reportingComponent);
    FIELD_ALWAYS(w, "reportingInstance", ev->reportingInstance);
    if (unknown && ev->unknown_fields)
        put_unknown(w, ev);
    close_object(w);
    mcr_writer_end(w);
}

void mcr_event_write(mcr_buf *out, const mcr_event *ev)
{
    if (ev->raw.len)
        mcr_buf_add(out, ev->raw);
    else
        mcr_event_encode(out, ev, true);
}
