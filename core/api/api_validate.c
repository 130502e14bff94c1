#include "api/api_validate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "event/encode.h"
#include "event/event_name.h"
#include "event/time.h"
#include "sink/go_quote.h"

enum {
    NAME_PART_MAX = 63,
    PREFIX_MAX = 253,
    FIELD_MAX = 128,
    MESSAGE_MAX = 1024,
    ANNOTATIONS_MAX = 256 << 10,
    TEXT_MAX = 4096 // of one fault
};

#define NAME_PART                                                                                  \
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "  \
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for " \
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

#define LABEL_VALUE                                                                                \
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "    \
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value', " \
    " or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

#define SUBDOMAIN                                                                                  \
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "   \
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "  \
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"

#define INVALID  "FieldValueInvalid"
#define REQUIRED "FieldValueRequired"

void mcr_api_causes_fini(mcr_api_causes *c)
{
    mcr_buf_fini(&c->list);
    mcr_buf_fini(&c->json);
}

// The same words twice are said once, but are two causes.
static bool is_listed(const mcr_buf *list, mcr_str entry)
{
    if (!list->len)
        return false;
    const char *at = list->ptr, *end = at + list->len;
    while ((at = memmem(at, (size_t)(end - at), entry.ptr, entry.len))) {
        bool begins = at == list->ptr || at[-1] == ' ';
        const char *behind = at + entry.len;
        if (begins && (behind == end || *behind == ','))
            return true;
        at++;
    }
    return false;
}

void mcr_api_cause_add(mcr_api_causes *c, const char *reason, const char *field, const char *format,
                       ...)
{
    char text[TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (c->n++)
        mcr_buf_putc(&c->json, ',');
    mcr_buf shown = { 0 };
    mcr_buf_printf(&shown, "%s: %s", field, text);
    if (!is_listed(&c->list, mcr_buf_str(&shown))) {
        if (c->shown++)
            mcr_buf_puts(&c->list, ", ");
        mcr_buf_add(&c->list, mcr_buf_str(&shown));
    }
    mcr_buf_fini(&shown);
    mcr_buf_printf(&c->json, "{\"reason\":\"%s\",\"message\":", reason);
    mcr_json_string(&c->json, mcr_str_of(text));
    mcr_buf_printf(&c->json, ",\"field\":\"%s\"}", field);
}

#define SHOW(s) (int)((s).len < 2048 ? (s).len : 2048), (s).len ? (s).ptr : ""

static void invalid(mcr_api_causes *c, const char *field, mcr_str value, const char *message)
{
    mcr_buf quoted = { 0 };
    mcr_go_escape(&quoted, value, true);
    mcr_str shown = mcr_buf_str(&quoted);
    mcr_api_cause_add(c, INVALID, field, "Invalid value: \"%.*s\": %s", SHOW(shown), message);
    mcr_buf_fini(&quoted);
}

//
// Names
//

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// [A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?
static bool is_name(mcr_str s)
{
    if (!s.len || !is_alphanumeric(s.ptr[0]) || !is_alphanumeric(s.ptr[s.len - 1]))
        return false;
    for (uint32_t i = 0; i < s.len; i++)
        if (!is_alphanumeric(s.ptr[i]) && !(s.ptr[i] && strchr("-_.", s.ptr[i])))
            return false;
    return true;
}

enum {
    FAULTS_MAX = 3 // of one name
};

// prefix/name, as keys of labels and names of controllers are. How many faults there are.
static size_t qualified_faults(const char *faults[FAULTS_MAX], mcr_str value)
{
    const char *slash = value.len ? memchr(value.ptr, '/', value.len) : NULL;
    mcr_str name = value;
    size_t n = 0;
    if (slash) {
        mcr_str prefix = mcr_str_n(value.ptr, (size_t)(slash - value.ptr));
        name = mcr_str_n(slash + 1, value.len - prefix.len - 1);
        if (!prefix.len)
            faults[n++] = "prefix part must be non-empty";
        else if (prefix.len > PREFIX_MAX)
            faults[n++] = "prefix part must be no more than 253 characters";
        else if (!mcr_event_name_valid(prefix))
            faults[n++] = "prefix part " SUBDOMAIN;
    }
    if (!name.len)
        faults[n++] = "name part must be non-empty";
    else if (name.len > NAME_PART_MAX)
        faults[n++] = "name part must be no more than 63 characters";
    if (!is_name(name))
        faults[n++] = NAME_PART;
    return n;
}

static size_t label_value_faults(const char *faults[FAULTS_MAX], mcr_str value)
{
    size_t n = 0;
    if (value.len > NAME_PART_MAX)
        faults[n++] = "must be no more than 63 characters";
    if (value.len && !is_name(value))
        faults[n++] = LABEL_VALUE;
    return n;
}

static void add_faults(mcr_api_causes *c, const char *field, mcr_str value,
                       const char *const *faults, size_t n)
{
    for (size_t i = 0; i < n; i++)
        invalid(c, field, value, faults[i]);
}

static void check_qualified(mcr_api_causes *c, const char *field, mcr_str value)
{
    const char *faults[FAULTS_MAX];
    add_faults(c, field, value, faults, qualified_faults(faults, value));
}

void mcr_api_label_faults(mcr_buf *out, mcr_str text, bool is_key)
{
    const char *faults[FAULTS_MAX];
    size_t n = is_key ? qualified_faults(faults, text) : label_value_faults(faults, text);
    for (size_t i = 0; i < n; i++)
        mcr_buf_printf(out, "%s%s", i ? "; " : "", faults[i]);
}

// What cannot be part of a path.
static void check_path_segment(mcr_api_causes *c, mcr_str name)
{
    if (mcr_str_is(name, ".") || mcr_str_is(name, ".."))
        invalid(c, "metadata.name", name, name.len == 1 ? "may not be '.'" : "may not be '..'");
    if (memchr(name.ptr, '/', name.len))
        invalid(c, "metadata.name", name, "may not contain '/'");
    if (memchr(name.ptr, '%', name.len))
        invalid(c, "metadata.name", name, "may not contain '%'");
}

static void check_subdomain(mcr_api_causes *c, mcr_str name)
{
    if (name.len > PREFIX_MAX)
        invalid(c, "metadata.name", name, "must be no more than 253 characters");
    else if (!mcr_event_name_valid(name))
        invalid(c, "metadata.name", name, SUBDOMAIN);
}

static void check_labels(mcr_api_causes *c, const mcr_pairs *labels)
{
    for (uint32_t i = 0; i < labels->n; i++) {
        mcr_str value = labels->at[i].value;
        const char *faults[FAULTS_MAX];
        check_qualified(c, "metadata.labels", labels->at[i].key);
        add_faults(c, "metadata.labels", value, faults, label_value_faults(faults, value));
    }
}

static void check_annotations(mcr_api_causes *c, const mcr_pairs *annotations)
{
    size_t size = 0;
    for (uint32_t i = 0; i < annotations->n; i++) {
        check_qualified(c, "metadata.annotations", annotations->at[i].key);
        size += annotations->at[i].key.len + annotations->at[i].value.len;
    }
    if (size > ANNOTATIONS_MAX)
        mcr_api_cause_add(c, "FieldValueTooLong", "metadata.annotations",
                          "Too long: may not be more than 262144 bytes");
}

static void check_metadata(mcr_api_causes *c, const mcr_event *ev, bool events_api)
{
    mcr_str name = ev->metadata.name;
    if (!name.len)
        mcr_api_cause_add(c, REQUIRED, "metadata.name",
                          "Required value: name or generateName is required");
    else if (events_api)
        check_subdomain(c, name);
    else
        check_path_segment(c, name);
    check_labels(c, &ev->metadata.labels);
    check_annotations(c, &ev->metadata.annotations);
}

//
// Fields
//

static void check_text(mcr_api_causes *c, const char *field, mcr_str value, bool required,
                       size_t max)
{
    if (required && !value.len)
        mcr_api_cause_add(c, REQUIRED, field, "Required value");
    if (value.len > max)
        mcr_api_cause_add(c, INVALID, field, "Invalid value: \"\": can have at most %zu characters",
                          max);
}

// Rules of both APIs: lax for events without eventTime.
static void check_event(mcr_api_causes *c, const mcr_event *ev, bool events_api)
{
    mcr_str namespace = ev->metadata.namespace, involved = ev->involvedObject.namespace;
    bool in_default = mcr_str_is(namespace, "default");
    if (!ev->eventTime.set) {
        bool good = involved.len ? mcr_str_eq(involved, namespace) : in_default;
        if (!good)
            invalid(c, "involvedObject.namespace", involved, "does not match event.namespace");
        return;
    }
    if (!involved.len && !in_default && !mcr_str_is(namespace, "kube-system"))
        invalid(c, "involvedObject.namespace", involved, "does not match event.namespace");
    const char *component = events_api ? "reportingController" : "reportingComponent";
    if (!ev->reportingComponent.len)
        mcr_api_cause_add(c, REQUIRED, component, "Required value");
    check_qualified(c, component, ev->reportingComponent);
    check_text(c, "reportingInstance", ev->reportingInstance, true, FIELD_MAX);
    check_text(c, "action", ev->action, true, FIELD_MAX);
    check_text(c, "reason", ev->reason, true, FIELD_MAX);
    check_text(c, "message", ev->message, false, MESSAGE_MAX);
}

static void check_series(mcr_api_causes *c, const mcr_event *ev)
{
    if (!ev->series.set)
        return;
    if (ev->series.count < 2)
        mcr_api_cause_add(c, INVALID, "series.count", "Invalid value: \"\": should be at least 2");
    if (!ev->series.lastObservedTime.set)
        mcr_api_cause_add(c, REQUIRED, "series.lastObservedTime", "Required value");
}

static void check_unset(mcr_api_causes *c, const char *field, bool set)
{
    if (set)
        mcr_api_cause_add(c, INVALID, field, "Invalid value: \"\": needs to be unset");
}

// What events.k8s.io/v1 wants of new events besides.
static void check_new(mcr_api_causes *c, const mcr_event *ev)
{
    check_series(c, ev);
    if (!ev->eventTime.set)
        mcr_api_cause_add(c, REQUIRED, "eventTime", "Required value");
    if (!mcr_str_is(ev->type, "Normal") && !mcr_str_is(ev->type, "Warning"))
        mcr_api_cause_add(c, INVALID, "type", "Invalid value: \"\": has invalid value: %.*s",
                          SHOW(ev->type));
    check_unset(c, "firstTimestamp", ev->firstTimestamp.set);
    check_unset(c, "lastTimestamp", ev->lastTimestamp.set);
    check_unset(c, "count", ev->count != 0);
    check_unset(c, "source", ev->source.component.len || ev->source.host.len);
}

void mcr_api_validate_create(mcr_api_causes *out, const mcr_event *ev, bool events_api)
{
    check_event(out, ev, events_api);
    if (events_api) {
        check_metadata(out, ev, true);
        check_new(out, ev);
    } else if (!out->n) {
        check_metadata(out, ev, false);
    }
}

//
// Changes
//

#define IMMUTABLE "field is immutable"

static void keep_text(mcr_api_causes *c, const char *field, mcr_str now, mcr_str before)
{
    if (!mcr_str_eq(now, before))
        invalid(c, field, now, IMMUTABLE);
}

static bool same_time(const mcr_time *a, const mcr_time *b)
{
    return a->set == b->set && (!a->set || (a->sec == b->sec && a->nsec == b->nsec));
}

static void keep_time(mcr_api_causes *c, const char *field, const mcr_time *now,
                      const mcr_time *before)
{
    if (same_time(now, before))
        return;
    mcr_buf text = { 0 };
    if (now->set) {
        mcr_time_format(&text, now->sec, now->nsec, now->nsec ? 6 : 0);
        mcr_buf_cstr(&text);
        text.ptr[10] = ' '; // as Go prints a time: 2026-11-23 04:09:00 +0000 UTC
        text.len--;
        mcr_buf_puts(&text, " +0000 UTC");
    } else {
        mcr_buf_puts(&text, "null");
    }
    mcr_api_cause_add(c, INVALID, field, "Invalid value: %s: " IMMUTABLE, mcr_buf_cstr(&text));
    mcr_buf_fini(&text);
}

static bool same_reference(const mcr_object_reference *a, const mcr_object_reference *b)
{
    return mcr_str_eq(a->kind, b->kind) && mcr_str_eq(a->namespace, b->namespace) &&
           mcr_str_eq(a->name, b->name) && mcr_str_eq(a->uid, b->uid) &&
           mcr_str_eq(a->apiVersion, b->apiVersion) &&
           mcr_str_eq(a->resourceVersion, b->resourceVersion) &&
           mcr_str_eq(a->fieldPath, b->fieldPath);
}

static void keep_reference(mcr_api_causes *c, const char *field, const mcr_object_reference *now,
                           const mcr_object_reference *before)
{
    if (same_reference(now, before))
        return;
    mcr_api_cause_add(
        c, INVALID, field,
        "Invalid value: core.ObjectReference{Kind:\"%.*s\", Namespace:\"%.*s\", Name:\"%.*s\", "
        "UID:\"%.*s\", APIVersion:\"%.*s\", ResourceVersion:\"%.*s\", FieldPath:\"%.*s\"}: "
        "" IMMUTABLE,
        SHOW(now->kind), SHOW(now->namespace), SHOW(now->name), SHOW(now->uid),
        SHOW(now->apiVersion), SHOW(now->resourceVersion), SHOW(now->fieldPath));
}

static bool same_series(const mcr_event_series *a, const mcr_event_series *b)
{
    return a->set == b->set && (!a->set || (a->count == b->count &&
                                            same_time(&a->lastObservedTime, &b->lastObservedTime)));
}

// Through events.k8s.io/v1 only series, labels and annotations may change.
static void check_kept(mcr_api_causes *c, const mcr_event *ev, const mcr_event *old)
{
    if (!same_series(&ev->series, &old->series))
        check_series(c, ev);
    keep_reference(c, "involvedObject", &ev->involvedObject, &old->involvedObject);
    keep_text(c, "reason", ev->reason, old->reason);
    keep_text(c, "message", ev->message, old->message);
    if (!mcr_str_eq(ev->source.component, old->source.component) ||
        !mcr_str_eq(ev->source.host, old->source.host))
        mcr_api_cause_add(c, INVALID, "source",
                          "Invalid value: core.EventSource{Component:\"%.*s\", Host:\"%.*s\"}: "
                          "" IMMUTABLE,
                          SHOW(ev->source.component), SHOW(ev->source.host));
    keep_time(c, "firstTimestamp", &ev->firstTimestamp, &old->firstTimestamp);
    keep_time(c, "lastTimestamp", &ev->lastTimestamp, &old->lastTimestamp);
    if (ev->count != old->count)
        mcr_api_cause_add(c, INVALID, "count", "Invalid value: %d: " IMMUTABLE, (int)ev->count);
    keep_text(c, "reason", ev->reason, old->reason); // twice, as kube-apiserver
    keep_text(c, "type", ev->type, old->type);
    keep_time(c, "eventTime", &ev->eventTime, &old->eventTime);
    keep_text(c, "action", ev->action, old->action);
    keep_reference(c, "related", &ev->related, &old->related);
    keep_text(c, "reportingController", ev->reportingComponent, old->reportingComponent);
    keep_text(c, "reportingInstance", ev->reportingInstance, old->reportingInstance);
}

void mcr_api_validate_update(mcr_api_causes *out, const mcr_event *ev, const mcr_event *old,
                             bool events_api)
{
    if (ev->metadata.uid.len && !mcr_str_eq(ev->metadata.uid, old->metadata.uid))
        invalid(out, "metadata.uid", ev->metadata.uid, IMMUTABLE);
    check_labels(out, &ev->metadata.labels);
    check_annotations(out, &ev->metadata.annotations);
    check_event(out, ev, events_api);
    if (events_api)
        check_kept(out, ev, old);
}
