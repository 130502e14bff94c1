#include "reference/cjson_event.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "event/time.h"

typedef struct reader {
    cjson_event *to;
    bool v1;
    bool ok;
} reader;

static bool is(const cJSON *item, const char *name)
{
    return strcmp(item->string, name) == 0;
}

static void read_string(reader *r, const cJSON *item, mcr_str *to)
{
    if (cJSON_IsString(item))
        *to = mcr_str_of(item->valuestring);
    else if (!cJSON_IsNull(item))
        r->ok = false;
}

static void read_int(reader *r, const cJSON *item, double most, int64_t *to)
{
    if (cJSON_IsNull(item))
        return;
    double value = item->valuedouble;
    if (!cJSON_IsNumber(item) || value != floor(value) || value < -most - 1 || value > most)
        r->ok = false;
    else
        *to = value >= 0x1p63 ? INT64_MAX : (int64_t)value;
}

static void read_int32(reader *r, const cJSON *item, int32_t *to)
{
    int64_t value = *to;
    read_int(r, item, INT32_MAX, &value);
    *to = (int32_t)value;
}

static void read_time(reader *r, const cJSON *item, mcr_time *to)
{
    if (cJSON_IsNull(item))
        *to = (mcr_time){ 0 };
    else if (!cJSON_IsString(item) || !mcr_time_parse(mcr_str_of(item->valuestring), to))
        r->ok = false;
}

static bool open(reader *r, const cJSON *item)
{
    if (!cJSON_IsObject(item) && !cJSON_IsNull(item))
        r->ok = false;
    return cJSON_IsObject(item);
}

static void read_pairs(reader *r, const cJSON *item, mcr_pair **pairs, mcr_pairs *to)
{
    if (!open(r, item)) {
        *to = (mcr_pairs){ 0 };
        return;
    }
    uint32_t most = to->n + (uint32_t)cJSON_GetArraySize(item);
    *pairs = mcr_realloc(*pairs, (most + 1) * sizeof **pairs);
    to->at = *pairs;
    const cJSON *child;
    cJSON_ArrayForEach(child, item)
    {
        mcr_pair pair = { .key = mcr_str_of(child->string) };
        read_string(r, child, &pair.value);
        uint32_t i = 0;
        while (i < to->n && !mcr_str_eq((*pairs)[i].key, pair.key))
            i++;
        (*pairs)[i] = pair;
        to->n += i == to->n;
    }
}

static void read_array(reader *r, const cJSON *item, const cJSON **to)
{
    if (!cJSON_IsArray(item) && !cJSON_IsNull(item))
        r->ok = false;
    *to = cJSON_IsArray(item) ? item : NULL;
}

static void read_metadata(reader *r, const cJSON *object)
{
    mcr_object_meta *m = &r->to->fields.metadata;
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        if (is(item, "name"))
            read_string(r, item, &m->name);
        else if (is(item, "namespace"))
            read_string(r, item, &m->namespace);
        else if (is(item, "uid"))
            read_string(r, item, &m->uid);
        else if (is(item, "resourceVersion"))
            read_string(r, item, &m->resourceVersion);
        else if (is(item, "creationTimestamp"))
            read_time(r, item, &m->creationTimestamp);
        else if (is(item, "managedFields"))
            read_array(r, item, &r->to->managedFields);
        else if (is(item, "labels"))
            read_pairs(r, item, &r->to->pairs[0], &m->labels);
        else if (is(item, "annotations"))
            read_pairs(r, item, &r->to->pairs[1], &m->annotations);
        else if (is(item, "generateName"))
            read_string(r, item, &m->generateName);
        else if (is(item, "selfLink"))
            read_string(r, item, &m->selfLink);
        else if (is(item, "generation"))
            read_int(r, item, 0x1p63, &m->generation);
        else if (is(item, "deletionTimestamp"))
            read_time(r, item, &m->deletionTimestamp);
        else if (is(item, "deletionGracePeriodSeconds") && cJSON_IsNull(item))
            m->deletionGracePeriodSeconds = -1;
        else if (is(item, "deletionGracePeriodSeconds"))
            read_int(r, item, 0x1p63, &m->deletionGracePeriodSeconds);
        else if (is(item, "finalizers"))
            read_array(r, item, &r->to->finalizers);
        else if (is(item, "ownerReferences"))
            read_array(r, item, &r->to->ownerReferences);
    }
}

static void read_reference(reader *r, const cJSON *object, mcr_object_reference *ref)
{
    if (!open(r, object))
        return;
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        if (is(item, "kind"))
            read_string(r, item, &ref->kind);
        else if (is(item, "namespace"))
            read_string(r, item, &ref->namespace);
        else if (is(item, "name"))
            read_string(r, item, &ref->name);
        else if (is(item, "uid"))
            read_string(r, item, &ref->uid);
        else if (is(item, "apiVersion"))
            read_string(r, item, &ref->apiVersion);
        else if (is(item, "resourceVersion"))
            read_string(r, item, &ref->resourceVersion);
        else if (is(item, "fieldPath"))
            read_string(r, item, &ref->fieldPath);
    }
}

static void read_source(reader *r, const cJSON *object)
{
    if (!open(r, object))
        return;
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        if (is(item, "component"))
            read_string(r, item, &r->to->fields.source.component);
        else if (is(item, "host"))
            read_string(r, item, &r->to->fields.source.host);
    }
}

static void read_series(reader *r, const cJSON *object)
{
    mcr_event_series *series = &r->to->fields.series;
    if (!open(r, object)) {
        *series = (mcr_event_series){ 0 };
        return;
    }
    series->set = 1;
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        if (is(item, "count"))
            read_int32(r, item, &series->count);
        else if (is(item, "lastObservedTime"))
            read_time(r, item, &series->lastObservedTime);
    }
}

static void read_related(reader *r, const cJSON *item)
{
    mcr_event *ev = &r->to->fields;
    ev->has_related = !cJSON_IsNull(item);
    if (!ev->has_related)
        ev->related = (mcr_object_reference){ 0 };
    read_reference(r, item, &ev->related);
}

// The fields that only one of the APIs has.
static bool read_own(reader *r, const cJSON *item)
{
    mcr_event *ev = &r->to->fields;
    if (is(item, r->v1 ? "regarding" : "involvedObject"))
        read_reference(r, item, &ev->involvedObject);
    else if (is(item, r->v1 ? "note" : "message"))
        read_string(r, item, &ev->message);
    else if (is(item, r->v1 ? "deprecatedSource" : "source"))
        read_source(r, item);
    else if (is(item, r->v1 ? "deprecatedFirstTimestamp" : "firstTimestamp"))
        read_time(r, item, &ev->firstTimestamp);
    else if (is(item, r->v1 ? "deprecatedLastTimestamp" : "lastTimestamp"))
        read_time(r, item, &ev->lastTimestamp);
    else if (is(item, r->v1 ? "deprecatedCount" : "count"))
        read_int32(r, item, &ev->count);
    else if (is(item, r->v1 ? "reportingController" : "reportingComponent"))
        read_string(r, item, &ev->reportingComponent);
    else
        return false;
    return true;
}

static void read_field(reader *r, const cJSON *item)
{
    mcr_event *ev = &r->to->fields;
    if (read_own(r, item))
        return;
    if (is(item, "metadata") && open(r, item))
        read_metadata(r, item);
    else if (is(item, "reason"))
        read_string(r, item, &ev->reason);
    else if (is(item, "type"))
        read_string(r, item, &ev->type);
    else if (is(item, "eventTime"))
        read_time(r, item, &ev->eventTime);
    else if (is(item, "reportingInstance"))
        read_string(r, item, &ev->reportingInstance);
    else if (is(item, "series"))
        read_series(r, item);
    else if (is(item, "action"))
        read_string(r, item, &ev->action);
    else if (is(item, "related"))
        read_related(r, item);
    else if (!is(item, "kind") && !is(item, "apiVersion") && !is(item, "metadata"))
        ev->unknown_fields = 1;
}

// Finds out which API it is, and whether it is an event.
static void read_kind(reader *r, const cJSON *event)
{
    static const char *const own[] = { "regarding",
                                       "note",
                                       "reportingController",
                                       "deprecatedSource",
                                       "deprecatedFirstTimestamp",
                                       "deprecatedLastTimestamp",
                                       "deprecatedCount" };
    mcr_str kind = { 0 }, version = { 0 };
    bool v1_fields = false;
    const cJSON *item;
    cJSON_ArrayForEach(item, event)
    {
        if (is(item, "kind"))
            read_string(r, item, &kind);
        else if (is(item, "apiVersion"))
            read_string(r, item, &version);
        for (size_t i = 0; i < sizeof own / sizeof *own; i++)
            v1_fields |= is(item, own[i]);
    }
    bool core = mcr_str_is(version, "v1");
    bool v1 =
        mcr_str_is(version, "events.k8s.io/v1") || mcr_str_is(version, "events.k8s.io/v1beta1");
    r->v1 = version.len ? v1 : v1_fields;
    r->ok &= (!kind.len || mcr_str_is(kind, "Event")) && (!version.len || core || v1);
}

bool cjson_event_read(cjson_event *to, const cJSON *event)
{
    *to = (cjson_event){ 0 };
    to->fields.metadata.deletionGracePeriodSeconds = -1;
    reader r = { .to = to, .ok = cJSON_IsObject(event) };
    if (!r.ok)
        return false;
    read_kind(&r, event);
    to->fields.api = r.v1 ? MCR_API_EVENTS_V1 : MCR_API_CORE_V1;
    const cJSON *item;
    cJSON_ArrayForEach(item, event) read_field(&r, item);
    return r.ok;
}

void cjson_event_clear(cjson_event *event)
{
    free(event->pairs[0]);
    free(event->pairs[1]);
    *event = (cjson_event){ 0 };
}

// A string of ours may have a NUL, where cJSON's ends.
static bool same(mcr_str want, mcr_str got)
{
    const char *nul = got.len ? memchr(got.ptr, 0, got.len) : NULL;
    if (nul)
        got.len = (uint32_t)(nul - got.ptr);
    return mcr_str_eq(want, got);
}

static bool same_time(const mcr_time *want, const mcr_time *got)
{
    return want->set == got->set && want->sec == got->sec && want->nsec == got->nsec &&
           same(want->text, got->text);
}

static bool same_pairs(const mcr_pairs *want, const mcr_pairs *got)
{
    bool equal = want->n == got->n;
    for (uint32_t i = 0; equal && i < want->n; i++)
        equal = same(want->at[i].key, got->at[i].key) && same(want->at[i].value, got->at[i].value);
    return equal;
}

static bool same_array(const cJSON *want, mcr_str got)
{
    if (!want || !got.len)
        return !want && !got.len;
    cJSON *parsed = cJSON_ParseWithLength(got.ptr, got.len);
    char *a = cJSON_PrintUnformatted(want), *b = parsed ? cJSON_PrintUnformatted(parsed) : NULL;
    bool equal = a && b && strcmp(a, b) == 0;
    cJSON_Delete(parsed);
    free(a);
    free(b);
    return equal;
}

static bool same_reference(const mcr_object_reference *want, const mcr_object_reference *got)
{
    return same(want->kind, got->kind) && same(want->namespace, got->namespace) &&
           same(want->name, got->name) && same(want->uid, got->uid) &&
           same(want->apiVersion, got->apiVersion) &&
           same(want->resourceVersion, got->resourceVersion) &&
           same(want->fieldPath, got->fieldPath);
}

static const char *metadata_differs(const cjson_event *want, const mcr_event *ev)
{
    const mcr_object_meta *a = &want->fields.metadata, *b = &ev->metadata;
    return !same(a->name, b->name)                                    ? "metadata.name"
           : !same(a->generateName, b->generateName)                  ? "metadata.generateName"
           : !same(a->namespace, b->namespace)                        ? "metadata.namespace"
           : !same(a->selfLink, b->selfLink)                          ? "metadata.selfLink"
           : !same(a->uid, b->uid)                                    ? "metadata.uid"
           : !same(a->resourceVersion, b->resourceVersion)            ? "metadata.resourceVersion"
           : (double)a->generation != (double)b->generation           ? "metadata.generation"
           : !same_time(&a->creationTimestamp, &b->creationTimestamp) ? "metadata.creationTimestamp"
           : !same_time(&a->deletionTimestamp, &b->deletionTimestamp) ? "metadata.deletionTimestamp"
           : (double)a->deletionGracePeriodSeconds != (double)b->deletionGracePeriodSeconds
               ? "metadata.deletionGracePeriodSeconds"
           : !same_pairs(&a->labels, &b->labels)                    ? "metadata.labels"
           : !same_pairs(&a->annotations, &b->annotations)          ? "metadata.annotations"
           : !same_array(want->finalizers, b->finalizers)           ? "metadata.finalizers"
           : !same_array(want->ownerReferences, b->ownerReferences) ? "metadata.ownerReferences"
           : !same_array(want->managedFields, b->managedFields)     ? "metadata.managedFields"
                                                                    : NULL;
}

const char *cjson_event_differs(const cjson_event *want, const mcr_event *ev)
{
    const mcr_event *a = &want->fields;
    const char *metadata = metadata_differs(want, ev);
    return metadata                                                   ? metadata
           : a->api != ev->api                                        ? "the API"
           : !same_reference(&a->involvedObject, &ev->involvedObject) ? "involvedObject"
           : !same(a->reason, ev->reason)                             ? "reason"
           : !same(a->message, ev->message)                           ? "message"
           : !same(a->source.component, ev->source.component)         ? "source.component"
           : !same(a->source.host, ev->source.host)                   ? "source.host"
           : !same_time(&a->firstTimestamp, &ev->firstTimestamp)      ? "firstTimestamp"
           : !same_time(&a->lastTimestamp, &ev->lastTimestamp)        ? "lastTimestamp"
           : a->count != ev->count                                    ? "count"
           : !same(a->type, ev->type)                                 ? "type"
           : !same_time(&a->eventTime, &ev->eventTime)                ? "eventTime"
           : a->series.set != ev->series.set                          ? "series"
           : a->series.count != ev->series.count                      ? "series.count"
           : !same_time(&a->series.lastObservedTime, &ev->series.lastObservedTime)
               ? "series.lastObservedTime"
           : !same(a->action, ev->action)                         ? "action"
           : a->has_related != ev->has_related                    ? "has_related"
           : !same_reference(&a->related, &ev->related)           ? "related"
           : !same(a->reportingComponent, ev->reportingComponent) ? "reportingComponent"
           : !same(a->reportingInstance, ev->reportingInstance)   ? "reportingInstance"
           : a->unknown_fields != ev->unknown_fields              ? "unknown_fields"
                                                                  : NULL;
}
