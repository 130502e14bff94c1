// mooncrier.h: the EventRecorder as C programs use it.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "broadcast/broadcaster.h"
#include "broadcast/recorder.h"

struct mcr_event_recorder {
    mcr_recorder recorder;
    char *component;
    char *host;
};

static mcr_err action_or_drop(void *self, mcr_event *ev, bool *accepted, mcr_errbuf *err)
{
    return mcr_broadcaster_action_or_drop(self, ev, accepted, err);
}

static mcr_str str_or_empty(const char *text)
{
    return text ? mcr_str_of(text) : MCR_STR("");
}

mcr_event_recorder *mcr_new_recorder(mcr_broadcaster *b, const char *component, const char *host)
{
    mcr_event_recorder *r = mcr_zalloc(sizeof *r);
    r->component = mcr_strdup(component ? component : "");
    r->host = mcr_strdup(host ? host : "");
    r->recorder = (mcr_recorder){
        .source = { mcr_str_of(r->component), mcr_str_of(r->host) },
        .clock = mcr_clock_wall,
        .uuids = &mcr_random_system,
        .publish = { action_or_drop, b },
    };
    return r;
}

void mcr_event_recorder_set_clock(mcr_event_recorder *r, mcr_now *now, void *arg)
{
    r->recorder.clock = (mcr_clock){ now, arg };
}

void mcr_event_recorder_free(mcr_event_recorder *r)
{
    if (!r)
        return;
    free(r->component);
    free(r->host);
    free(r);
}

static mcr_record_result record(const mcr_event_recorder *r, const mcr_record_object *object,
                                const mcr_recorded *what)
{
    if (!object)
        return MCR_RECORD_NO_REFERENCE;
    mcr_object_reference reference = {
        .kind = str_or_empty(object->kind),
        .namespace = str_or_empty(object->ns),
        .name = str_or_empty(object->name),
        .uid = str_or_empty(object->uid),
        .apiVersion = str_or_empty(object->api_version),
        .resourceVersion = str_or_empty(object->resource_version),
        .fieldPath = str_or_empty(object->field_path),
    };
    mcr_regarding regarding = { .reference = object->json ? NULL : &reference,
                                .json = str_or_empty(object->json) };
    return mcr_recorder_event(&r->recorder, &regarding, what);
}

mcr_record_result mcr_record(mcr_event_recorder *r, const mcr_record_object *object,
                             const char *type, const char *reason, const char *message)
{
    return record(r, object,
                  &(mcr_recorded){ .type = mcr_str_of(type),
                                   .reason = mcr_str_of(reason),
                                   .message = mcr_str_of(message) });
}

mcr_record_result mcr_vrecord_annotatedf(mcr_event_recorder *r, const mcr_record_object *object,
                                         const mcr_record_annotation *annotations, size_t n,
                                         const char *type, const char *reason, const char *format,
                                         va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0)
        return MCR_RECORD_BAD_FORMAT;
    char *message = mcr_alloc((size_t)len + 1);
    if (vsnprintf(message, (size_t)len + 1, format, args) < 0) {
        free(message);
        return MCR_RECORD_BAD_FORMAT;
    }
    mcr_pair *pairs = mcr_alloc((n + 1) * sizeof *pairs);
    for (size_t i = 0; i < n; i++)
        pairs[i] = (mcr_pair){ mcr_str_of(annotations[i].key), mcr_str_of(annotations[i].value) };
    mcr_record_result result = record(r, object,
                                      &(mcr_recorded){ .type = mcr_str_of(type),
                                                       .reason = mcr_str_of(reason),
                                                       .message = mcr_str_of(message),
                                                       .annotations = { pairs, (uint32_t)n } });
    free(message);
    free(pairs);
    return result;
}

mcr_record_result mcr_recordf(mcr_event_recorder *r, const mcr_record_object *object,
                              const char *type, const char *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    mcr_record_result result =
        mcr_vrecord_annotatedf(r, object, NULL, 0, type, reason, format, args);
    va_end(args);
    return result;
}

mcr_record_result mcr_record_annotatedf(mcr_event_recorder *r, const mcr_record_object *object,
                                        const mcr_record_annotation *annotations, size_t n,
                                        const char *type, const char *reason, const char *format,
                                        ...)
{
    va_list args;
    va_start(args, format);
    mcr_record_result result =
        mcr_vrecord_annotatedf(r, object, annotations, n, type, reason, format, args);
    va_end(args);
    return result;
}
