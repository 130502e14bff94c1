#include "bench_encode.h"

#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/alloc.h"
#include "event/decode.h"
#include "event/encode.h"
#include "event/merge.h"

typedef struct strings {
    mcr_buf scratch; // strings with their NUL, which cJSON wants
} strings;

static const char *cstr(strings *s, mcr_str text)
{
    s->scratch.len = 0;
    mcr_buf_add(&s->scratch, text);
    return mcr_buf_cstr(&s->scratch);
}

static void add(strings *s, cJSON *to, const char *name, mcr_str value)
{
    if (value.len)
        cJSON_AddStringToObject(to, name, cstr(s, value));
}

static void add_time(strings *s, cJSON *to, const char *name, const mcr_time *t)
{
    if (t->set)
        cJSON_AddStringToObject(to, name, cstr(s, t->text));
    else
        cJSON_AddNullToObject(to, name);
}

static void add_pairs(strings *s, cJSON *to, const char *name, const mcr_pairs *pairs)
{
    if (!pairs->n)
        return;
    cJSON *object = cJSON_AddObjectToObject(to, name);
    strings key = { 0 };
    for (uint32_t i = 0; i < pairs->n; i++)
        add(s, object, cstr(&key, pairs->at[i].key), pairs->at[i].value);
    mcr_buf_fini(&key.scratch);
}

static void add_json(strings *s, cJSON *to, const char *name, mcr_str json)
{
    if (json.len)
        cJSON_AddRawToObject(to, name, cstr(s, json));
}

static void add_reference(strings *s, cJSON *to, const char *name, const mcr_object_reference *r)
{
    cJSON *object = cJSON_AddObjectToObject(to, name);
    add(s, object, "kind", r->kind);
    add(s, object, "namespace", r->namespace);
    add(s, object, "name", r->name);
    add(s, object, "uid", r->uid);
    add(s, object, "apiVersion", r->apiVersion);
    add(s, object, "resourceVersion", r->resourceVersion);
    add(s, object, "fieldPath", r->fieldPath);
}

// The same JSON by way of cJSON; lists that are JSON text are given to it as they are.
static cJSON *cjson_of(strings *s, const mcr_event *ev)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "kind", "Event");
    cJSON_AddStringToObject(root, "apiVersion", "v1");
    cJSON *meta = cJSON_AddObjectToObject(root, "metadata");
    add(s, meta, "name", ev->metadata.name);
    add(s, meta, "generateName", ev->metadata.generateName);
    add(s, meta, "namespace", ev->metadata.namespace);
    add(s, meta, "selfLink", ev->metadata.selfLink);
    add(s, meta, "uid", ev->metadata.uid);
    add(s, meta, "resourceVersion", ev->metadata.resourceVersion);
    add_time(s, meta, "creationTimestamp", &ev->metadata.creationTimestamp);
    add_pairs(s, meta, "labels", &ev->metadata.labels);
    add_pairs(s, meta, "annotations", &ev->metadata.annotations);
    add_json(s, meta, "ownerReferences", ev->metadata.ownerReferences);
    add_json(s, meta, "finalizers", ev->metadata.finalizers);
    add_json(s, meta, "managedFields", ev->metadata.managedFields);
    add_reference(s, root, "involvedObject", &ev->involvedObject);
    add(s, root, "reason", ev->reason);
    add(s, root, "message", ev->message);
    cJSON *source = cJSON_AddObjectToObject(root, "source");
    add(s, source, "component", ev->source.component);
    add(s, source, "host", ev->source.host);
    add_time(s, root, "firstTimestamp", &ev->firstTimestamp);
    add_time(s, root, "lastTimestamp", &ev->lastTimestamp);
    if (ev->count)
        cJSON_AddNumberToObject(root, "count", ev->count);
    add(s, root, "type", ev->type);
    add_time(s, root, "eventTime", &ev->eventTime);
    if (ev->series.set) {
        cJSON *series = cJSON_AddObjectToObject(root, "series");
        cJSON_AddNumberToObject(series, "count", ev->series.count);
        add_time(s, series, "lastObservedTime", &ev->series.lastObservedTime);
    }
    add(s, root, "action", ev->action);
    if (ev->has_related)
        add_reference(s, root, "related", &ev->related);
    cJSON_AddStringToObject(root, "reportingComponent", cstr(s, ev->reportingComponent));
    cJSON_AddStringToObject(root, "reportingInstance", cstr(s, ev->reportingInstance));
    return root;
}

static double cjson_batch(mcr_event *const *events, size_t n, strings *s)
{
    double start = bench_cpu_ns();
    for (size_t i = 0; i < n; i++) {
        cJSON *json = cjson_of(s, events[i]);
        char *text = cJSON_PrintUnformatted(json);
        bench_keep(text);
        cJSON_free(text);
        cJSON_Delete(json);
    }
    return bench_cpu_ns() - start;
}

static double encode_batch(mcr_event *const *events, size_t n, mcr_buf *out)
{
    double start = bench_cpu_ns();
    for (size_t i = 0; i < n; i++) {
        out->len = 0;
        mcr_event_encode(out, events[i], true);
        bench_keep(out->ptr);
    }
    return bench_cpu_ns() - start;
}

// measure encodes events in batches, each just decoded, as the program does: an event that is
// written was read a moment ago. Adds to the nanoseconds per event of ours and of cJSON.
static void measure(const bench_input *input, mcr_decoder *d, double *ours, double *cjson)
{
    enum {
        BATCH = 128
    };
    mcr_event *events[BATCH];
    mcr_buf out = { 0 };
    strings s = { 0 };
    for (size_t at = 0; at < input->n; at += BATCH) {
        size_t n = input->n - at < BATCH ? input->n - at : BATCH;
        for (size_t i = 0; i < n; i++) {
            mcr_decode_error err;
            if (mcr_decode(d, input->lines[at + i], 0, &events[i], &err) != MCR_DECODED_EVENT) {
                fprintf(stderr, "bench: line %zu: %s\n", at + i + 1, err.text);
                exit(1);
            }
        }
        *ours += encode_batch(events, n, &out) / (double)input->n;
        *cjson += cjson_batch(events, n, &s) / (double)input->n;
        for (size_t i = 0; i < n; i++)
            mcr_event_unref(events[i]);
    }
    mcr_buf_fini(&out);
    mcr_buf_fini(&s.scratch);
}

// report prints a bench's line; `ours` and `cjson` hold the runs.
static void report(const mcr_bench *self, const bench_input *input, int runs, double *ours,
                   double *cjson, const char *baseline)
{
    double *ratio = mcr_alloc((size_t)runs * sizeof *ratio);
    for (int i = 0; i < runs; i++)
        ratio[i] = cjson[i] / ours[i];
    double ns = bench_median(ours, (size_t)runs);
    printf("{\"bench\":\"%s\",\"events\":%zu,\"bytes_per_event\":%zu,\"runs\":%d,"
           "\"ns_per_event\":%.0f,\"events_per_cpu_s\":%.0f,\"baseline\":\"%s\","
           "\"baseline_ns\":%.0f,\"ratio\":%.2f,\"memcpy_ns\":%.0f,\"input\":\"%s\"}\n",
           self->name, input->n, input->len / input->n, runs, ns, 1e9 / ns, baseline,
           bench_median(cjson, (size_t)runs), bench_median(ratio, (size_t)runs),
           bench_memcpy_ns(input), input->name);
    free(ratio);
}

int bench_encode(const mcr_bench *self, int runs)
{
    bench_input input = bench_input_load();
    mcr_decoder *d = mcr_decoder_new();
    double *ours = mcr_zalloc((size_t)runs * sizeof *ours);
    double *cjson = mcr_zalloc((size_t)runs * sizeof *cjson);
    for (int i = 0; i < runs; i++)
        measure(&input, d, &ours[i], &cjson[i]);
    report(self, &input, runs, ours, cjson, "cJSON build + print");
    free(ours);
    free(cjson);
    mcr_decoder_free(d);
    bench_input_free(&input);
    return 0;
}

static const char patch[] = "{\"message\":\"[high] Back-off restarting failed container\","
                            "\"severity\":\"high\"}";

static double merge_all(const bench_input *input, mcr_buf *out)
{
    double start = bench_cpu_ns();
    for (size_t i = 0; i < input->n; i++) {
        out->len = 0;
        mcr_json_merge(out, input->lines[i], mcr_str_n(patch, sizeof patch - 1));
        bench_keep(out->ptr);
    }
    return (bench_cpu_ns() - start) / (double)input->n;
}

static double cjson_merge_all(const bench_input *input)
{
    double start = bench_cpu_ns();
    for (size_t i = 0; i < input->n; i++) {
        cJSON *json = cJSON_ParseWithLength(input->lines[i].ptr, input->lines[i].len);
        cJSON *message = cJSON_CreateString("[high] Back-off restarting failed container");
        cJSON_ReplaceItemInObjectCaseSensitive(json, "message", message);
        cJSON_AddStringToObject(json, "severity", "high");
        char *text = cJSON_PrintUnformatted(json);
        bench_keep(text);
        cJSON_free(text);
        cJSON_Delete(json);
    }
    return (bench_cpu_ns() - start) / (double)input->n;
}

int bench_merge(const mcr_bench *self, int runs)
{
    bench_input input = bench_input_load();
    double *ours = mcr_alloc((size_t)runs * sizeof *ours);
    double *cjson = mcr_alloc((size_t)runs * sizeof *cjson);
    mcr_buf out = { 0 };
    merge_all(&input, &out);
    for (int i = 0; i < runs; i++) {
        ours[i] = merge_all(&input, &out);
        cjson[i] = cjson_merge_all(&input);
    }
    report(self, &input, runs, ours, cjson, "cJSON parse + replace + print");
    mcr_buf_fini(&out);
    free(ours);
    free(cjson);
    bench_input_free(&input);
    return 0;
}
