#pragma once
// An event in a line, for decode_test.c: every field that is not empty, `name=value` each, in the
// order of the struct.

#include "base/buf.h"
#include "event/event.h"

static inline void dump_str(mcr_buf *out, const char *name, mcr_str s)
{
    if (!s.len)
        return;
    mcr_buf_printf(out, "%s%s=", out->len ? " " : "", name);
    mcr_buf_add(out, s);
}

static inline void dump_int(mcr_buf *out, const char *name, int64_t value, int64_t usual)
{
    if (value != usual)
        mcr_buf_printf(out, "%s%s=%lld", out->len ? " " : "", name, (long long)value);
}

static inline void dump_time(mcr_buf *out, const char *name, const mcr_time *t)
{
    if (t->set)
        mcr_buf_printf(out, "%s%s=%lld.%d", out->len ? " " : "", name, (long long)t->sec, t->nsec);
}

static inline void dump_pairs(mcr_buf *out, const char *name, const mcr_pairs *pairs)
{
    if (!pairs->n)
        return;
    mcr_buf_printf(out, "%s%s={", out->len ? " " : "", name);
    for (uint32_t i = 0; i < pairs->n; i++) {
        mcr_buf_puts(out, i ? "," : "");
        mcr_buf_add(out, pairs->at[i].key);
        mcr_buf_putc(out, ':');
        mcr_buf_add(out, pairs->at[i].value);
    }
    mcr_buf_putc(out, '}');
}

static inline void dump_reference(mcr_buf *out, const char *name, const mcr_object_reference *ref)
{
    const struct {
        const char *name;
        mcr_str value;
    } fields[] = {
        { "kind", ref->kind },
        { "namespace", ref->namespace },
        { "name", ref->name },
        { "uid", ref->uid },
        { "apiVersion", ref->apiVersion },
        { "resourceVersion", ref->resourceVersion },
        { "fieldPath", ref->fieldPath },
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s.%s", name, fields[i].name);
        dump_str(out, path, fields[i].value);
    }
}

static inline void dump_event(mcr_buf *out, const mcr_event *ev)
{
    const mcr_object_meta *m = &ev->metadata;
    dump_int(out, "change", ev->change, MCR_CHANGE_UNKNOWN);
    dump_int(out, "api", ev->api, MCR_API_CORE_V1);
    dump_int(out, "count", ev->count, 0);
    dump_str(out, "metadata.name", m->name);
    dump_str(out, "metadata.generateName", m->generateName);
    dump_str(out, "metadata.namespace", m->namespace);
    dump_str(out, "metadata.selfLink", m->selfLink);
    dump_str(out, "metadata.uid", m->uid);
    dump_str(out, "metadata.resourceVersion", m->resourceVersion);
    dump_int(out, "metadata.generation", m->generation, 0);
    dump_time(out, "metadata.creationTimestamp", &m->creationTimestamp);
    dump_time(out, "metadata.deletionTimestamp", &m->deletionTimestamp);
    dump_int(out, "metadata.deletionGracePeriodSeconds", m->deletionGracePeriodSeconds, -1);
    dump_pairs(out, "metadata.labels", &m->labels);
    dump_pairs(out, "metadata.annotations", &m->annotations);
    dump_str(out, "metadata.finalizers", m->finalizers);
    dump_str(out, "metadata.ownerReferences", m->ownerReferences);
    dump_str(out, "metadata.managedFields", m->managedFields);
    dump_reference(out, "involvedObject", &ev->involvedObject);
    dump_str(out, "reason", ev->reason);
    dump_str(out, "message", ev->message);
    dump_str(out, "source.component", ev->source.component);
    dump_str(out, "source.host", ev->source.host);
    dump_time(out, "firstTimestamp", &ev->firstTimestamp);
    dump_time(out, "lastTimestamp", &ev->lastTimestamp);
    dump_str(out, "type", ev->type);
    dump_time(out, "eventTime", &ev->eventTime);
    dump_int(out, "series", ev->series.set, 0);
    dump_int(out, "series.count", ev->series.count, 0);
    dump_time(out, "series.lastObservedTime", &ev->series.lastObservedTime);
    dump_str(out, "action", ev->action);
    dump_int(out, "related", ev->has_related, 0);
    dump_reference(out, "related", &ev->related);
    dump_int(out, "unknown_fields", ev->unknown_fields, 0);
    dump_str(out, "reportingComponent", ev->reportingComponent);
    dump_str(out, "reportingInstance", ev->reportingInstance);
}
