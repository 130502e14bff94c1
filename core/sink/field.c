#include "sink/field.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/suggest.h"
#include "event/encode.h"
#include "event/time.h"
#include "event/walk.h"

typedef enum source {
    FROM_TEXT,   // an mcr_str at `at`
    FROM_TIME,   // an mcr_time
    FROM_MICRO,  // the same, written with six decimals
    FROM_INT,    // an int32_t
    FROM_LABELS, // mcr_pairs at `at`, by the last step
    FROM_EVENT_TIME,
    FROM_OCCURRENCES,
    FROM_CHANGE,
    FROM_JSON
} source;

struct mcr_field {
    mcr_path_step *steps;
    size_t n;
    source from;
    size_t at;
};

#define TEXT(path, member)                                                                         \
    {                                                                                              \
        path, FROM_TEXT, offsetof(mcr_event, member)                                               \
    }
#define TIME(path, member)                                                                         \
    {                                                                                              \
        path, FROM_TIME, offsetof(mcr_event, member)                                               \
    }
#define MICRO(path, member)                                                                        \
    {                                                                                              \
        path, FROM_MICRO, offsetof(mcr_event, member)                                              \
    }
#define INT(path, member)                                                                          \
    {                                                                                              \
        path, FROM_INT, offsetof(mcr_event, member)                                                \
    }
static const struct {
    const char *path;
    source from;
    size_t at;
} known[] = {
    TEXT("type", type),
    TEXT("reason", reason),
    TEXT("message", message),
    TEXT("action", action),
    TEXT("reportingComponent", reportingComponent),
    TEXT("reportingController", reportingComponent),
    TEXT("reportingInstance", reportingInstance),
    TEXT("source.component", source.component),
    TEXT("source.host", source.host),
    TIME("firstTimestamp", firstTimestamp),
    TIME("lastTimestamp", lastTimestamp),
    MICRO("eventTime", eventTime),
    MICRO("series.lastObservedTime", series.lastObservedTime),
    INT("series.count", series.count),
    INT("count", count),
    INT("delta", delta),
    { "time", FROM_EVENT_TIME, 0 },
    { "occurrences", FROM_OCCURRENCES, 0 },
    { "change", FROM_CHANGE, 0 },
    TEXT("involvedObject.kind", involvedObject.kind),
    TEXT("involvedObject.namespace", involvedObject.namespace),
    TEXT("involvedObject.name", involvedObject.name),
    TEXT("involvedObject.uid", involvedObject.uid),
    TEXT("involvedObject.apiVersion", involvedObject.apiVersion),
    TEXT("involvedObject.resourceVersion", involvedObject.resourceVersion),
    TEXT("involvedObject.fieldPath", involvedObject.fieldPath),
    TEXT("related.kind", related.kind),
    TEXT("related.namespace", related.namespace),
    TEXT("related.name", related.name),
    TEXT("related.uid", related.uid),
    TEXT("related.apiVersion", related.apiVersion),
    TEXT("related.resourceVersion", related.resourceVersion),
    TEXT("related.fieldPath", related.fieldPath),
    TEXT("metadata.name", metadata.name),
    TEXT("metadata.generateName", metadata.generateName),
    TEXT("metadata.namespace", metadata.namespace),
    TEXT("metadata.uid", metadata.uid),
    TEXT("metadata.resourceVersion", metadata.resourceVersion),
    TEXT("metadata.selfLink", metadata.selfLink),
    TIME("metadata.creationTimestamp", metadata.creationTimestamp),
    TIME("metadata.deletionTimestamp", metadata.deletionTimestamp),
    // Containers, and what is read out of the JSON.
    { "metadata.labels", FROM_JSON, 0 },
    { "metadata.annotations", FROM_JSON, 0 },
    { "metadata.generation", FROM_JSON, 0 },
    { "metadata.deletionGracePeriodSeconds", FROM_JSON, 0 },
    { "metadata.finalizers", FROM_JSON, 0 },
    { "metadata.ownerReferences", FROM_JSON, 0 },
    { "metadata.managedFields", FROM_JSON, 0 },
    { "metadata", FROM_JSON, 0 },
    { "involvedObject", FROM_JSON, 0 },
    { "related", FROM_JSON, 0 },
    { "source", FROM_JSON, 0 },
    { "series", FROM_JSON, 0 },
    { "kind", FROM_JSON, 0 },
    { "apiVersion", FROM_JSON, 0 },
};

enum {
    KNOWN = sizeof known / sizeof *known
};

// Whether the first `n` steps of the field are this path.
static bool is_path(const mcr_field *f, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strcspn(path, ".");
        const char *name = f->steps[i].name;
        if (!name || strlen(name) != len || memcmp(name, path, len) != 0)
            return false;
        path += len;
        if (i + 1 < n && *path++ != '.')
            return false;
    }
    return !*path;
}

static bool find(mcr_field *f)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (is_path(f, f->n, known[i].path)) {
            f->from = known[i].from;
            f->at = known[i].at;
            return true;
        }
    if (f->n != 3 || !f->steps[2].name)
        return false;
    bool labels = is_path(f, 2, "metadata.labels");
    if (!labels && !is_path(f, 2, "metadata.annotations"))
        return false;
    f->from = FROM_LABELS;
    f->at =
        labels ? offsetof(mcr_event, metadata.labels) : offsetof(mcr_event, metadata.annotations);
    return true;
}

// A name on this level of the tree that is close to the one that was given; NULL: none is, or it is
// one of them.
static const char *meant(const mcr_field *f, size_t level, char *room, size_t size)
{
    const char *words[KNOWN];
    char names[KNOWN][40];
    size_t n = 0;
    for (size_t i = 0; i < KNOWN; i++) {
        const char *path = known[i].path;
        for (size_t up = 0; up < level && path; up++) {
            size_t len = strcspn(path, ".");
            bool same = strlen(f->steps[up].name) == len && !memcmp(f->steps[up].name, path, len);
            path = same && path[len] ? path + len + 1 : NULL;
        }
        if (!path)
            continue;
        snprintf(names[n], sizeof names[n], "%.*s", (int)strcspn(path, "."), path);
        if (strcmp(names[n], f->steps[level].name) == 0)
            return NULL;
        words[n] = names[n];
        n++;
    }
    const char *word = n ? mcr_suggest(f->steps[level].name, words, n) : NULL;
    if (word)
        snprintf(room, size, "%s", word);
    return word ? room : NULL;
}

static mcr_err check(const mcr_field *f, mcr_errbuf *err)
{
    char room[40];
    for (size_t level = 0; level < 2 && level < f->n && f->steps[level].name; level++) {
        const char *word = meant(f, level, room, sizeof room);
        if (word)
            return mcr_errf(err, MCR_EINVAL, "no field '%s' in %s; did you mean '%s'?",
                            f->steps[level].name, level ? f->steps[0].name : "an event", word);
    }
    return MCR_OK;
}

mcr_field *mcr_field_new_take(mcr_path_step *steps, size_t n, mcr_errbuf *err)
{
    mcr_field *f = mcr_zalloc(sizeof *f);
    f->steps = steps;
    f->n = n;
    f->from = FROM_JSON;
    if (find(f) || check(f, err) == MCR_OK)
        return f;
    mcr_field_free(f);
    return NULL;
}

void mcr_field_free(mcr_field *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++)
        free(f->steps[i].name);
    free(f->steps);
    free(f);
}

static bool step_into(mcr_str *json, const mcr_path_step *step, mcr_buf *room)
{
    mcr_walk walk;
    mcr_str key, value;
    if (!json->len || *json->ptr != (step->name ? '{' : '['))
        return false;
    mcr_walk_begin(&walk, *json);
    if (!step->name) {
        for (size_t place = 1; mcr_walk_element(&walk, &value); place++)
            if (place == step->place) {
                *json = value;
                return true;
            }
        return false;
    }
    while (mcr_walk_member(&walk, &key, &value))
        if (mcr_str_is(mcr_walk_key(key, room), step->name)) {
            *json = value;
            return true;
        }
    return false;
}

static bool walk_to(const mcr_field *f, mcr_str json, mcr_str *value)
{
    mcr_buf room = { 0 };
    bool found = true;
    for (size_t i = 0; i < f->n && found; i++)
        found = step_into(&json, &f->steps[i], &room);
    mcr_buf_fini(&room);
    *value = json;
    return found;
}

static void set_json(mcr_field_value *out, mcr_str json)
{
    mcr_buf text = { 0 };
    switch (json.len ? *json.ptr : 'n') {
    case 'n':
        break;
    case '"':
        out->kind = MCR_FIELD_TEXT;
        mcr_buf_add(&out->text, mcr_walk_key(mcr_str_n(json.ptr + 1, json.len - 2), &text));
        break;
    case '{':
    case '[':
    case 't':
    case 'f':
        out->kind = MCR_FIELD_JSON;
        mcr_buf_add(&out->text, json);
        break;
    default:
        out->kind = MCR_FIELD_NUMBER;
        mcr_buf_add(&out->text, json);
    }
    mcr_buf_fini(&text);
}

// The original says most, but under other names if it is of the other API.
static void read_json(const mcr_field *f, const mcr_event *ev, mcr_field_value *out)
{
    mcr_buf encoded = { 0 };
    mcr_str value;
    bool found = false;
    if (ev->api != MCR_API_CORE_V1 || !ev->raw.len) {
        mcr_event_encode(&encoded, ev, true);
        found = walk_to(f, mcr_buf_str(&encoded), &value);
    }
    if (!found && ev->raw.len)
        found = walk_to(f, ev->raw, &value);
    if (found)
        set_json(out, value);
    mcr_buf_fini(&encoded);
}

static void set_time(mcr_field_value *out, const mcr_time *time, int decimals)
{
    out->kind = MCR_FIELD_TEXT;
    if (time->text.len)
        mcr_buf_add(&out->text, time->text);
    else if (time->set)
        mcr_time_format(&out->text, time->sec, time->nsec, decimals);
}

static void set_number(mcr_field_value *out, double number)
{
    out->kind = MCR_FIELD_NUMBER;
    if (number == (double)(int64_t)number)
        mcr_buf_i64(&out->text, (int64_t)number);
    else
        mcr_buf_printf(&out->text, "%.14g", number);
}

static void read_derived(const mcr_field *f, const mcr_event *ev, mcr_field_value *out)
{
    static const char *const changes[] = {
        [MCR_CHANGE_UNKNOWN] = "",
        [MCR_CHANGE_NEW] = "new",
        [MCR_CHANGE_REPEAT] = "repeat",
        [MCR_CHANGE_DELETED] = "deleted",
    };
    const mcr_time *time = mcr_event_time(ev);
    if (f->from == FROM_OCCURRENCES) {
        set_number(out, mcr_event_occurrences(ev));
    } else if (f->from == FROM_EVENT_TIME) {
        set_number(out, time ? (double)time->sec + time->nsec / 1e9 : 0);
    } else {
        out->kind = MCR_FIELD_TEXT;
        mcr_buf_puts(&out->text, changes[ev->change]);
    }
}

void mcr_field_read(const mcr_field *f, const mcr_event *ev, mcr_field_value *out)
{
    const void *at = (const char *)ev + f->at;
    out->kind = MCR_FIELD_ABSENT;
    out->text.len = 0;
    switch (f->from) {
    case FROM_TEXT:
        out->kind = MCR_FIELD_TEXT;
        mcr_buf_add(&out->text, *(const mcr_str *)at);
        break;
    case FROM_TIME:
        set_time(out, at, 0);
        break;
    case FROM_MICRO:
        set_time(out, at, 6);
        break;
    case FROM_INT:
        set_number(out, *(const int32_t *)at);
        break;
    case FROM_LABELS: {
        const mcr_str *value = mcr_pairs_get(at, mcr_str_of(f->steps[2].name));
        if (value) {
            out->kind = MCR_FIELD_TEXT;
            mcr_buf_add(&out->text, *value);
        }
        break;
    }
    case FROM_JSON:
        read_json(f, ev, out);
        break;
    default:
        read_derived(f, ev, out);
    }
}
