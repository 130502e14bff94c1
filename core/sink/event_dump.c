#include "sink/event_dump.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "event/time.h"

static void field(mcr_buf *out, const char *name, mcr_str value)
{
    mcr_buf_puts(out, name);
    mcr_buf_add(out, value);
    mcr_buf_putc(out, ',');
}

static void number(mcr_buf *out, const char *name, int64_t value)
{
    mcr_buf_puts(out, name);
    mcr_buf_i64(out, value);
    mcr_buf_putc(out, ',');
}

// Go's time.Time.String of a UTC time: as many decimals as there are.
static void time_of(mcr_buf *out, const mcr_time *t)
{
    if (!t->set) {
        mcr_buf_puts(out, "0001-01-01 00:00:00 +0000 UTC");
        return;
    }
    size_t from = out->len;
    mcr_time_format(out, t->sec, t->nsec, t->nsec ? 9 : 0);
    char *letter = memchr(out->ptr + from, 'T', out->len - from);
    *letter = ' ';
    out->len--; // the Z
    while (t->nsec && out->ptr[out->len - 1] == '0')
        out->len--;
    mcr_buf_puts(out, " +0000 UTC");
}

static void time_field(mcr_buf *out, const char *name, const mcr_time *t)
{
    mcr_buf_puts(out, name);
    time_of(out, t);
    mcr_buf_putc(out, ',');
}

static int by_key(const void *a, const void *b)
{
    const mcr_str *left = &((const mcr_pair *)a)->key, *right = &((const mcr_pair *)b)->key;
    uint32_t shorter = left->len < right->len ? left->len : right->len;
    int order = shorter ? memcmp(left->ptr, right->ptr, shorter) : 0;
    return order ? order : left->len < right->len ? -1 : left->len > right->len;
}

static void pairs(mcr_buf *out, const mcr_pairs *map)
{
    mcr_pair *sorted = mcr_alloc(((size_t)map->n + 1) * sizeof *sorted);
    if (map->n) {
        memcpy(sorted, map->at, map->n * sizeof *sorted);
        qsort(sorted, map->n, sizeof *sorted, by_key);
    }
    mcr_buf_puts(out, "map[");
    for (uint32_t i = 0; i < map->n; i++) {
        if (i)
            mcr_buf_putc(out, ' ');
        mcr_buf_add(out, sorted[i].key);
        mcr_buf_putc(out, ':');
        mcr_buf_add(out, sorted[i].value);
    }
    mcr_buf_puts(out, "] ");
    free(sorted);
}

static void word(mcr_buf *out, mcr_str value)
{
    mcr_buf_add(out, value);
    mcr_buf_putc(out, ' ');
}

static void metadata(mcr_buf *out, const mcr_object_meta *meta)
{
    word(out, meta->name);
    word(out, meta->generateName);
    word(out, meta->namespace);
    word(out, meta->selfLink);
    word(out, meta->uid);
    word(out, meta->resourceVersion);
    mcr_buf_i64(out, meta->generation);
    mcr_buf_putc(out, ' ');
    time_of(out, &meta->creationTimestamp);
    mcr_buf_putc(out, ' ');
    if (meta->deletionTimestamp.set)
        time_of(out, &meta->deletionTimestamp);
    else
        mcr_buf_puts(out, "<nil>");
    // Go prints where the number is, which says nothing to anyone.
    if (meta->deletionGracePeriodSeconds >= 0)
        mcr_buf_printf(out, " %lld ", (long long)meta->deletionGracePeriodSeconds);
    else
        mcr_buf_puts(out, " <nil> ");
    pairs(out, &meta->labels);
    pairs(out, &meta->annotations);
    const mcr_str lists[] = { meta->ownerReferences, meta->finalizers, meta->managedFields };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        mcr_buf_puts(out, i ? " " : "");
        mcr_buf_add(out, lists[i].len ? lists[i] : MCR_STR("[]"));
    }
}

static void reference(mcr_buf *out, const mcr_object_reference *ref)
{
    field(out, "ObjectReference{Kind:", ref->kind);
    field(out, "Namespace:", ref->namespace);
    field(out, "Name:", ref->name);
    field(out, "UID:", ref->uid);
    field(out, "APIVersion:", ref->apiVersion);
    field(out, "ResourceVersion:", ref->resourceVersion);
    field(out, "FieldPath:", ref->fieldPath);
    mcr_buf_putc(out, '}');
}

void mcr_event_dump(mcr_buf *out, const mcr_event *ev)
{
    mcr_buf_puts(out, "&Event{ObjectMeta:{");
    metadata(out, &ev->metadata);
    mcr_buf_puts(out, "},InvolvedObject:");
    reference(out, &ev->involvedObject);
    field(out, ",Reason:", ev->reason);
    field(out, "Message:", ev->message);
    field(out, "Source:EventSource{Component:", ev->source.component);
    field(out, "Host:", ev->source.host);
    time_field(out, "},FirstTimestamp:", &ev->firstTimestamp);
    time_field(out, "LastTimestamp:", &ev->lastTimestamp);
    number(out, "Count:", ev->count);
    field(out, "Type:", ev->type);
    time_field(out, "EventTime:", &ev->eventTime);
    if (ev->series.set) {
        number(out, "Series:&EventSeries{Count:", ev->series.count);
        time_field(out, "LastObservedTime:", &ev->series.lastObservedTime);
        mcr_buf_puts(out, "},");
    } else {
        mcr_buf_puts(out, "Series:nil,");
    }
    field(out, "Action:", ev->action);
    mcr_buf_puts(out, "Related:");
    if (ev->has_related) {
        mcr_buf_putc(out, '&');
        reference(out, &ev->related);
    } else {
        mcr_buf_puts(out, "nil");
    }
    field(out, ",ReportingController:", ev->reportingComponent);
    field(out, "ReportingInstance:", ev->reportingInstance);
    mcr_buf_putc(out, '}');
}
