#include "rehearse/explanation.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/shown.h"
#include "event/time.h"
#include "rehearse/event_changes.h"

struct mcr_explanation {
    bool open_sinks;
    const mcr_rehearsal *rehearsal;
    const mcr_event *ev; // the one that is explained
    uint64_t input;      // the number of the step that is explained; 0: none
    cJSON *watchers;     // what it has come to
    cJSON *watcher;      // … the one at work
};

mcr_explanation *mcr_explanation_new(bool open_sinks)
{
    mcr_explanation *x = mcr_zalloc(sizeof *x);
    x->open_sinks = open_sinks;
    return x;
}

void mcr_explanation_free(mcr_explanation *x)
{
    free(x);
}

static void add_str(cJSON *to, const char *name, mcr_str value)
{
    mcr_buf text = { 0 };
    mcr_buf_add(&text, value);
    cJSON_AddStringToObject(to, name, mcr_buf_cstr(&text));
    mcr_buf_fini(&text);
}

static void add_if_any(cJSON *to, const char *name, mcr_str value)
{
    if (value.len)
        add_str(to, name, value);
}

static void add_identity(cJSON *to, const mcr_event *ev)
{
    add_str(to, "namespace", ev->metadata.namespace);
    add_str(to, "name", ev->metadata.name);
    add_if_any(to, "uid", ev->metadata.uid);
    add_str(to, "kind", ev->involvedObject.kind);
    mcr_buf object = { 0 };
    mcr_buf_add(&object, ev->involvedObject.namespace);
    mcr_buf_puts(&object, object.len ? "/" : "");
    mcr_buf_add(&object, ev->involvedObject.name);
    add_str(to, "object", mcr_buf_str(&object));
    mcr_buf_fini(&object);
    add_str(to, "reason", ev->reason);
    add_str(to, "type", ev->type);
    add_str(to, "message", ev->message);
}

// Which of its times is event.time.
static const char *time_from(const mcr_event *ev, const mcr_time *time)
{
    const struct {
        const mcr_time *at;
        const char *name;
    } all[] = { { &ev->series.lastObservedTime, "series.lastObservedTime" },
                { &ev->lastTimestamp, "lastTimestamp" },
                { &ev->eventTime, "eventTime" },
                { &ev->firstTimestamp, "firstTimestamp" },
                { &ev->metadata.creationTimestamp, "metadata.creationTimestamp" } };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].at == time)
            return all[i].name;
    return "";
}

static cJSON *decoded(const mcr_event *ev)
{
    static const char *const changes[] = { "new", "new", "repeat", "deleted" };
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "api", ev->api == MCR_API_EVENTS_V1 ? "events.k8s.io/v1" : "v1");
    cJSON_AddNumberToObject(json, "bytes", ev->raw.len);
    cJSON_AddBoolToObject(json, "unknownFields", ev->unknown_fields);
    const mcr_time *time = mcr_event_time(ev);
    if (time) {
        mcr_buf text = { 0 };
        mcr_time_format(&text, time->sec, time->nsec, time->nsec ? 6 : 0);
        add_str(json, "time", mcr_buf_str(&text));
        mcr_buf_fini(&text);
        cJSON_AddStringToObject(json, "timeFrom", time_from(ev, time));
    }
    cJSON_AddStringToObject(json, "change", changes[ev->change]);
    cJSON_AddNumberToObject(json, "delta", ev->delta);
    cJSON_AddNumberToObject(json, "occurrences", mcr_event_occurrences(ev));
    return json;
}

static bool is_explained(const mcr_explanation *x, const mcr_rehearsal_place *at)
{
    return x->input && at->input == x->input && at->came;
}

static const mcr_config_watcher *config_of(const mcr_explanation *x, uint32_t watcher)
{
    return &mcr_rehearsal_config(x->rehearsal)->watchers[watcher];
}

static const char *sink_name(const mcr_explanation *x, uint32_t watcher, uint32_t sink)
{
    return mcr_watcher_sink(mcr_rehearsal_watcher(x->rehearsal, watcher), sink)->name;
}

static void on_began(void *self, const mcr_rehearsal_place *at)
{
    mcr_explanation *x = self;
    if (!is_explained(x, at))
        return;
    x->watcher = cJSON_CreateObject();
    cJSON_AddItemToArray(x->watchers, x->watcher);
    cJSON_AddStringToObject(x->watcher, "watcher", config_of(x, at->watcher)->name);
    cJSON *event = cJSON_AddObjectToObject(x->watcher, "event");
    add_identity(event, at->came);
    if (at->by_n) {
        cJSON *by = cJSON_AddArrayToObject(x->watcher, "emittedBy");
        for (uint32_t i = 0; i < at->by_n; i++)
            cJSON_AddItemToArray(by, cJSON_CreateString(config_of(x, at->by[i])->name));
    }
    cJSON_AddArrayToObject(x->watcher, "stages");
    cJSON_AddArrayToObject(x->watcher, "sinks");
    cJSON_AddStringToObject(x->watcher, "outcome", "routed");
}

static cJSON *add_to(const mcr_explanation *x, const char *list)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(x->watcher, list), item);
    return item;
}

static void add_sinks(const mcr_explanation *x, cJSON *to, const char *name, uint32_t watcher,
                      uint64_t sinks)
{
    cJSON *list = cJSON_AddArrayToObject(to, name);
    uint32_t n = mcr_watcher_sink_count(mcr_rehearsal_watcher(x->rehearsal, watcher));
    for (uint32_t i = 0; i < n; i++)
        if (sinks >> i & 1)
            cJSON_AddItemToArray(list, cJSON_CreateString(sink_name(x, watcher, i)));
}

static void add_result(const mcr_explanation *x, cJSON *to, uint32_t watcher,
                       const mcr_hook_result *result)
{
    switch (result->did) {
    case MCR_HOOK_PASSED:
    case MCR_HOOK_NONE:
    case MCR_HOOK_SUPPRESSED:
        break;
    case MCR_HOOK_CHANGED:
        cJSON_AddItemToObject(to, "changes", mcr_event_changes(result->before, result->after));
        break;
    case MCR_HOOK_DROPPED:
        add_if_any(to, "reason", result->text);
        break;
    case MCR_HOOK_FAILED:
        add_str(to, "error", result->text);
        break;
    case MCR_HOOK_ROUTED:
        add_sinks(x, to, "sinks", watcher, result->sinks);
        if (result->own)
            add_sinks(x, to, "own", watcher, result->own);
        break;
    case MCR_HOOK_TEXT:
    case MCR_HOOK_RENDERED:
        add_str(to, "text", result->text);
        break;
    case MCR_HOOK_EMITTED:
        if (result->sinks)
            add_sinks(x, to, "sinks", watcher, result->sinks);
        add_identity(cJSON_AddObjectToObject(to, "event"), result->after);
        break;
    }
}

static void on_hook(void *self, const mcr_rehearsal_place *at, const mcr_hook_result *result)
{
    static const char *const did[] = {
        [MCR_HOOK_PASSED] = "passed",         [MCR_HOOK_CHANGED] = "changed",
        [MCR_HOOK_DROPPED] = "dropped",       [MCR_HOOK_FAILED] = "failed",
        [MCR_HOOK_ROUTED] = "routed",         [MCR_HOOK_TEXT] = "text",
        [MCR_HOOK_NONE] = "default",          [MCR_HOOK_RENDERED] = "rendered",
        [MCR_HOOK_SUPPRESSED] = "suppressed", [MCR_HOOK_EMITTED] = "emitted",
    };
    mcr_explanation *x = self;
    if (!is_explained(x, at) || !result->stage)
        return;
    cJSON *stage = add_to(x, "stages");
    cJSON_AddStringToObject(stage, "stage", result->stage);
    cJSON_AddStringToObject(stage, "script", result->script ? result->script : "");
    cJSON_AddStringToObject(stage, "where", result->where ? result->where : "");
    cJSON_AddStringToObject(stage, "did", did[result->did]);
    if (result->sink)
        cJSON_AddStringToObject(stage, "sink", result->sink);
    add_result(x, stage, at->watcher, result);
}

static void add_key(cJSON *keys, const char *name, mcr_str bytes, bool own)
{
    cJSON *key = cJSON_AddObjectToObject(keys, name);
    add_str(key, "key", bytes);
    cJSON_AddBoolToObject(key, "byScript", own);
}

static void on_correlated(void *self, const mcr_rehearsal_place *at, mcr_event *ev,
                          const mcr_correlated *out, mcr_correlator *c)
{
    mcr_explanation *x = self;
    if (!is_explained(x, at))
        return;
    mcr_correlation how;
    mcr_correlator_last(c, &how);
    cJSON *stage = add_to(x, "stages");
    cJSON_AddStringToObject(stage, "stage", "correlate");
    cJSON *keys = cJSON_AddObjectToObject(stage, "keys");
    add_key(keys, "aggregate", how.aggregate_key, how.own_aggregate_key);
    add_key(keys, "local", how.local_key, how.own_local_key);
    add_key(keys, "spam", how.spam_key, how.own_spam_key);
    cJSON *window = cJSON_AddObjectToObject(stage, "window");
    // A full group forgets one for each that it combines.
    cJSON_AddNumberToObject(window, "similar", how.similar + (out->aggregated ? 1 : 0));
    cJSON_AddNumberToObject(window, "max", (double)how.max_events);
    cJSON_AddNumberToObject(window, "interval", (double)how.max_interval_s);
    cJSON_AddBoolToObject(window, "combined", out->aggregated);
    cJSON *bucket = cJSON_AddObjectToObject(stage, "bucket");
    cJSON_AddNumberToObject(bucket, "tokens", how.tokens);
    cJSON_AddNumberToObject(bucket, "burst", (double)how.burst);
    cJSON_AddNumberToObject(bucket, "perSecond", how.qps);
    cJSON_AddBoolToObject(bucket, "passed", out->ev != NULL);
    if (!out->ev)
        return;
    cJSON_AddNumberToObject(stage, "count", out->ev->count);
    cJSON_AddBoolToObject(stage, "repeat", out->counted);
    add_str(stage, "name", out->ev->metadata.name);
    cJSON *changes = mcr_event_changes(ev, out->ev);
    if (cJSON_GetArraySize(changes))
        cJSON_AddItemToObject(stage, "changes", changes);
    else
        cJSON_Delete(changes);
}

// "Name: …" for each header: values may be secrets, but for what kind of body it is.
static void add_headers(cJSON *to, mcr_str headers)
{
    static const char open[] = "Content-Type:";
    cJSON *list = cJSON_AddArrayToObject(to, "headers");
    mcr_buf shown = { 0 };
    while (headers.len) {
        const char *end = memchr(headers.ptr, '\n', headers.len);
        size_t len = end ? (size_t)(end - headers.ptr) : headers.len;
        const char *colon = memchr(headers.ptr, ':', len);
        shown.len = 0;
        if (!colon || strncasecmp(headers.ptr, open, sizeof open - 1) == 0) {
            mcr_buf_append(&shown, headers.ptr, len);
        } else {
            mcr_buf_append(&shown, headers.ptr, (size_t)(colon - headers.ptr));
            mcr_buf_puts(&shown, ": …");
        }
        cJSON_AddItemToArray(list, cJSON_CreateString(mcr_buf_cstr(&shown)));
        size_t used = len + (end ? 1 : 0);
        headers = mcr_str_n(headers.ptr + used, headers.len - used);
    }
    mcr_buf_fini(&shown);
}

// The call of the events API that tells of it.
static void add_call(cJSON *to, const mcr_sent *sent)
{
    bool creates = sent->form == MCR_SENDING_CREATE;
    mcr_str namespace = sent->ev->metadata.namespace;
    mcr_buf path = { 0 };
    mcr_buf_puts(&path, "/api/v1/namespaces/");
    mcr_buf_add(&path, namespace.len ? namespace : MCR_STR("default"));
    mcr_buf_puts(&path, "/events");
    if (!creates) {
        mcr_buf_putc(&path, '/');
        mcr_buf_add(&path, sent->ev->metadata.name);
    }
    cJSON_AddStringToObject(to, "method", creates ? "POST" : "PATCH");
    add_str(to, "path", mcr_buf_str(&path));
    mcr_buf_fini(&path);
}

// Whether the body is the event's own bytes, perhaps as a line.
static bool is_unchanged(const mcr_event *ev, mcr_str body)
{
    if (body.len == ev->raw.len + 1 && body.ptr[body.len - 1] == '\n')
        body.len--;
    return ev->raw.len && body.len == ev->raw.len && memcmp(body.ptr, ev->raw.ptr, body.len) == 0;
}

static void add_sent(const mcr_explanation *x, cJSON *to, const char *kind, const mcr_sent *sent)
{
    static const char *const forms[] = { "line", "request", "create", "patch", "event" };
    cJSON_AddStringToObject(to, "form", forms[x->open_sinks ? MCR_SENDING_EVENT : sent->form]);
    if (sent->form == MCR_SENDING_REQUEST && !x->open_sinks) {
        mcr_buf url = { 0 }, shown = { 0 };
        mcr_buf_add(&url, sent->url);
        mcr_url_shown(&shown, mcr_buf_cstr(&url));
        add_str(to, "method", sent->method);
        add_str(to, "url", mcr_buf_str(&shown));
        add_headers(to, sent->headers);
        mcr_buf_fini(&url);
        mcr_buf_fini(&shown);
    } else if (strcmp(kind, "kube") == 0) {
        add_call(to, sent);
    }
    cJSON_AddBoolToObject(to, "unchanged", is_unchanged(x->ev, sent->body));
    add_str(to, "body", sent->body);
}

// Where events go that a script or a sink refuses.
static void add_dead_letters(const mcr_explanation *x, cJSON *to)
{
    const char *path = mcr_rehearsal_config(x->rehearsal)->dead_letters;
    if (path)
        cJSON_AddStringToObject(to, "deadLetters", path);
}

static void on_sink_record(const mcr_explanation *x, const mcr_rehearsal_place *at,
                           const mcr_rehearsal_record *record)
{
    const mcr_config *config = mcr_rehearsal_config(x->rehearsal);
    const mcr_config_watcher *w = &config->watchers[at->watcher];
    uint32_t i = (uint32_t)record->sink;
    const mcr_config_sink *named = i < w->sink_n ? &config->sinks[w->sinks[i]] : NULL;
    const char *kind = x->open_sinks ? "any kind" : named ? named->kind->name : "stderr";
    bool delivered = record->what == MCR_REHEARSED_SENT;
    cJSON *sink = add_to(x, "sinks");
    cJSON_AddStringToObject(sink, "sink", sink_name(x, at->watcher, i));
    cJSON_AddStringToObject(sink, "kind", kind);
    cJSON_AddStringToObject(sink, "outcome",
                            delivered ? "delivered" : mcr_rehearsed_name(record->what));
    cJSON_AddBoolToObject(sink, "direct", record->direct);
    if (record->what == MCR_REHEARSED_SUPPRESSED && !record->why.len)
        cJSON_AddStringToObject(sink, "why",
                                "updates: it is a repeat that the sink is not told of");
    add_if_any(sink, "why", record->why);
    if (record->what == MCR_REHEARSED_REJECTED)
        add_dead_letters(x, sink);
    if (record->sent)
        add_sent(x, sink, kind, record->sent);
}

static void on_record(void *self, const mcr_rehearsal_place *at, const mcr_rehearsal_record *record)
{
    mcr_explanation *x = self;
    if (!is_explained(x, at))
        return;
    if (record->sink >= 0) {
        on_sink_record(x, at, record);
        return;
    }
    cJSON_ReplaceItemInObjectCaseSensitive(x->watcher, "outcome",
                                           cJSON_CreateString(mcr_rehearsed_name(record->what)));
    add_if_any(x->watcher, "why", record->why);
    bool kept = config_of(x, at->watcher)->on_error == MCR_ON_ERROR_DEAD_LETTER;
    if (record->what == MCR_REHEARSED_REFUSED && kept)
        add_dead_letters(x, x->watcher);
}

mcr_rehearsal_observer mcr_explanation_observer(mcr_explanation *x)
{
    return (mcr_rehearsal_observer){ x, on_began, on_hook, on_correlated, on_record };
}

cJSON *mcr_explanation_step(mcr_explanation *x, mcr_rehearsal *r, mcr_event *ev)
{
    cJSON *explained = cJSON_CreateObject();
    add_identity(cJSON_AddObjectToObject(explained, "event"), ev);
    cJSON_AddItemToObject(explained, "decode", decoded(ev));
    x->rehearsal = r;
    x->ev = ev;
    x->watchers = cJSON_AddArrayToObject(explained, "watchers");
    x->input = mcr_rehearsal_counts_now(r).inputs + 1;
    mcr_rehearsal_step(r, &ev, 1);
    x->input = 0;
    return explained;
}
