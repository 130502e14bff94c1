#include <string.h>

#include "api/api_discovery.h"

// What OpenAPI says of one field. `type` is the JSON of its schema, or "@" and the name of a schema
// of its own.
typedef struct property {
    const char *name;
    const char *type;
    const char *doc;
    const char *merge; // of lists: how a strategic merge patch merges them; NULL: it replaces
} property;

#define TEXT    "\"type\":\"string\""
#define NUMBER  "\"type\":\"integer\",\"format\":\"int32\""
#define LONG    "\"type\":\"integer\",\"format\":\"int64\""
#define BOOL    "\"type\":\"boolean\""
#define MAP     "\"type\":\"object\",\"additionalProperties\":{" TEXT "}"
#define LIST(x) "\"type\":\"array\",\"items\":{" x "}"
#define REF     "\"$ref\":\"#/components/schemas/"
#define META    "io.k8s.apimachinery.pkg.apis.meta.v1."
#define TIME    "@" META "Time"
#define MICRO   "@" META "MicroTime"
#define OBJECT  "@io.k8s.api.core.v1.ObjectReference"
#define SOURCE  "@io.k8s.api.core.v1.EventSource"
#define API     "the version of this form of the object"
#define MERGE   "\"x-kubernetes-patch-strategy\":\"merge\""

static const property core_event[] = {
    { "apiVersion", TEXT, API, NULL },
    { "kind", TEXT, "what the object is: Event", NULL },
    { "metadata", "@" META "ObjectMeta", "name, namespace, labels and annotations", NULL },
    { "involvedObject", OBJECT, "the object that this event is about", NULL },
    { "reason", TEXT, "why it happened, one word for machines", NULL },
    { "message", TEXT, "what happened, a sentence for people", NULL },
    { "type", TEXT, "Normal or Warning", NULL },
    { "count", NUMBER, "how often it happened", NULL },
    { "firstTimestamp", TIME, "when it happened first", NULL },
    { "lastTimestamp", TIME, "when it happened last", NULL },
    { "source", SOURCE, "component and host that reported it", NULL },
    { "eventTime", MICRO, "when it happened first, with microseconds", NULL },
    { "series", "@io.k8s.api.core.v1.EventSeries", "repeats; absent: it happened once", NULL },
    { "action", TEXT, "what was done or failed regarding the object", NULL },
    { "related", OBJECT, "a second object that took part", NULL },
    { "reportingComponent", TEXT, "the controller that reported it", NULL },
    { "reportingInstance", TEXT, "which instance of that controller", NULL },
    { 0 },
};

static const property events_event[] = {
    { "apiVersion", TEXT, API, NULL },
    { "kind", TEXT, "what the object is: Event", NULL },
    { "metadata", "@" META "ObjectMeta", "name, namespace, labels and annotations", NULL },
    { "regarding", OBJECT, "the object that this event is about", NULL },
    { "reason", TEXT, "why it happened, one word for machines, at most 128 bytes", NULL },
    { "note", TEXT, "what happened, a sentence for people, at most 1024 bytes", NULL },
    { "type", TEXT, "Normal or Warning", NULL },
    { "eventTime", MICRO, "when it happened first", NULL },
    { "series", "@io.k8s.api.events.v1.EventSeries", "repeats; absent: it happened once", NULL },
    { "action", TEXT, "what was done or failed regarding the object", NULL },
    { "related", OBJECT, "a second object that took part", NULL },
    { "reportingController", TEXT, "the controller that reported it", NULL },
    { "reportingInstance", TEXT, "which instance of that controller", NULL },
    { "deprecatedCount", NUMBER, "count of core/v1", NULL },
    { "deprecatedFirstTimestamp", TIME, "firstTimestamp of core/v1", NULL },
    { "deprecatedLastTimestamp", TIME, "lastTimestamp of core/v1", NULL },
    { "deprecatedSource", SOURCE, "source of core/v1", NULL },
    { 0 },
};

static const property series[] = {
    { "count", NUMBER, "how often it happened so far", NULL },
    { "lastObservedTime", MICRO, "when it happened last", NULL },
    { 0 },
};

static const property source[] = {
    { "component", TEXT, "who reported it", NULL },
    { "host", TEXT, "on which node", NULL },
    { 0 },
};

static const property object_reference[] = {
    { "apiVersion", TEXT, API, NULL },
    { "kind", TEXT, "what the object is", NULL },
    { "namespace", TEXT, "where it is", NULL },
    { "name", TEXT, "what it is called", NULL },
    { "uid", TEXT, "which one of that name", NULL },
    { "resourceVersion", TEXT, "in which state", NULL },
    { "fieldPath", TEXT, "which part of it, such as spec.containers{web}", NULL },
    { 0 },
};

static const property object_meta[] = {
    { "name", TEXT, "what the object is called, unique in its namespace", NULL },
    { "generateName", TEXT, "the beginning of a name that the server makes", NULL },
    { "namespace", TEXT, "where it is", NULL },
    { "labels", MAP, "names and values that objects are selected by", NULL },
    { "annotations", MAP, "names and values that nothing is selected by", NULL },
    { "uid", TEXT, "which object of that name; the server's", NULL },
    { "resourceVersion", TEXT, "changes with every change; the server's", NULL },
    { "generation", LONG, "the server's", NULL },
    { "selfLink", TEXT, "no longer used", NULL },
    { "creationTimestamp", TIME, "the server's", NULL },
    { "deletionTimestamp", TIME, "the server's", NULL },
    { "deletionGracePeriodSeconds", LONG, "the server's", NULL },
    { "finalizers", LIST(TEXT), "who has to agree before it goes", MERGE },
    { "ownerReferences", LIST(REF META "OwnerReference\""), "what it belongs to",
      MERGE ",\"x-kubernetes-patch-merge-key\":\"uid\"" },
    { "managedFields", LIST(REF META "ManagedFieldsEntry\""), "who set which fields", NULL },
    { 0 },
};

static const property owner_reference[] = {
    { "apiVersion", TEXT, API, NULL },
    { "kind", TEXT, "what the owner is", NULL },
    { "name", TEXT, "what it is called", NULL },
    { "uid", TEXT, "which one of that name", NULL },
    { "controller", BOOL, "whether it is the one that manages the object", NULL },
    { "blockOwnerDeletion", BOOL, "whether it waits for the object to go first", NULL },
    { 0 },
};

static const property managed_fields[] = {
    { "manager", TEXT, "who", NULL },
    { "operation", TEXT, "Apply or Update", NULL },
    { "apiVersion", TEXT, "whose names of fields it uses", NULL },
    { "time", TIME, "when", NULL },
    { "fieldsType", TEXT, "FieldsV1", NULL },
    { "fieldsV1", "@" META "FieldsV1", "which fields", NULL },
    { "subresource", TEXT, "by which part of the API", NULL },
    { 0 },
};

enum {
    IN_CORE = 1,  // of the document of core/v1
    IN_EVENTS = 2 // of that of events.k8s.io/v1
};

typedef struct schema {
    const char *name;
    unsigned in;
    const char *type;           // JSON of what has no fields
    const property *properties; // NULL: none
    const char *required;
    const char *group; // of a kind; NULL: it is none
    const char *doc;
} schema;

#define OBSERVED "something that was observed of an object of the cluster"

static const schema schemas[] = {
    { "io.k8s.api.core.v1.Event", IN_CORE, NULL, core_event, "\"metadata\",\"involvedObject\"", "",
      OBSERVED },
    { "io.k8s.api.events.v1.Event", IN_EVENTS, NULL, events_event, "\"eventTime\"", "events.k8s.io",
      OBSERVED },
    { "io.k8s.api.core.v1.EventSeries", IN_CORE, NULL, series, NULL, NULL, "repeats of an event" },
    { "io.k8s.api.events.v1.EventSeries", IN_EVENTS, NULL, series, "\"count\",\"lastObservedTime\"",
      NULL, "repeats of an event" },
    { "io.k8s.api.core.v1.EventSource", IN_CORE | IN_EVENTS, NULL, source, NULL, NULL,
      "who reported an event" },
    { "io.k8s.api.core.v1.ObjectReference", IN_CORE | IN_EVENTS, NULL, object_reference, NULL, NULL,
      "an object, found by its name" },
    { META "ObjectMeta", IN_CORE | IN_EVENTS, NULL, object_meta, NULL, NULL,
      "what all objects have" },
    { META "OwnerReference", IN_CORE | IN_EVENTS, NULL, owner_reference,
      "\"apiVersion\",\"kind\",\"name\",\"uid\"", NULL, "what an object belongs to" },
    { META "ManagedFieldsEntry", IN_CORE | IN_EVENTS, NULL, managed_fields, NULL, NULL,
      "who set which fields" },
    { META "FieldsV1", IN_CORE | IN_EVENTS, "\"type\":\"object\"", NULL, NULL, NULL,
      "fields, as keys of objects in each other" },
    { META "Time", IN_CORE | IN_EVENTS, TEXT ",\"format\":\"date-time\"", NULL, NULL, NULL,
      "a time such as 2026-11-23T05:00:00Z" },
    { META "MicroTime", IN_CORE | IN_EVENTS, TEXT ",\"format\":\"date-time\"", NULL, NULL, NULL,
      "a time such as 2026-11-23T05:00:00.000000Z" },
};

// Appends JSON, in which schemas are where version 2 has them.
static void write_type(mcr_buf *out, const char *json, bool v3)
{
    static const char there[] = "#/components/schemas/";
    const char *at;
    while (!v3 && (at = strstr(json, there))) {
        mcr_buf_append(out, json, (size_t)(at - json));
        mcr_buf_puts(out, "#/definitions/");
        json = at + sizeof there - 1;
    }
    mcr_buf_puts(out, json);
}

static void write_property(mcr_buf *out, const property *p, bool v3)
{
    mcr_buf_printf(out, "\"%s\":{\"description\":\"%s\",", p->name, p->doc);
    // Beside "$ref" version 3 takes no description.
    if (*p->type == '@')
        mcr_buf_printf(out, v3 ? "\"allOf\":[{" REF "%s\"}]" : "\"$ref\":\"#/definitions/%s\"",
                       p->type + 1);
    else
        write_type(out, p->type, v3);
    if (p->merge)
        mcr_buf_printf(out, ",%s", p->merge);
    mcr_buf_putc(out, '}');
}

static void write_schema(mcr_buf *out, const schema *s, bool v3)
{
    mcr_buf_printf(out, "\"%s\":{\"description\":\"%s\",", s->name, s->doc);
    if (s->type)
        mcr_buf_puts(out, s->type);
    if (s->properties)
        mcr_buf_puts(out, "\"type\":\"object\",\"properties\":{");
    for (const property *p = s->properties; p && p->name; p++) {
        if (p != s->properties)
            mcr_buf_putc(out, ',');
        write_property(out, p, v3);
    }
    if (s->properties)
        mcr_buf_putc(out, '}');
    if (s->required)
        mcr_buf_printf(out, ",\"required\":[%s]", s->required);
    if (s->group)
        mcr_buf_printf(out,
                       ",\"x-kubernetes-group-version-kind\":[{\"group\":\"%s\",\"version\":\"v1\","
                       "\"kind\":\"Event\"}]",
                       s->group);
    mcr_buf_putc(out, '}');
}

static void write_schemas(mcr_buf *out, unsigned in, bool v3)
{
    bool first = true;
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        if (!(schemas[i].in & in))
            continue;
        if (!first)
            mcr_buf_putc(out, ',');
        first = false;
        write_schema(out, &schemas[i], v3);
    }
}

static void write_parameter(mcr_buf *out, const char *name, const char *where, bool v3)
{
    bool needed = strcmp(where, "path") == 0;
    mcr_buf_printf(out, "{\"name\":\"%s\",\"in\":\"%s\",%s%s}", name, where,
                   needed ? "\"required\":true," : "",
                   v3 ? "\"schema\":{\"type\":\"string\",\"uniqueItems\":true}"
                      : "\"type\":\"string\",\"uniqueItems\":true");
}

typedef struct operation {
    const char *method;
    const char *action; // Kubernetes' word for it
    const char *id;
    bool writes;
} operation;

static void write_operation(mcr_buf *out, const operation *o, bool events_api, bool v3)
{
    static const char *const query[] = { "dryRun", "fieldManager", "fieldValidation" };
    mcr_buf_printf(out, "\"%s\":{\"operationId\":\"%s%sV1NamespacedEvent\",\"parameters\":[",
                   o->method, o->id, events_api ? "Events" : "Core");
    for (size_t i = 0; o->writes && i < sizeof query / sizeof *query; i++) {
        if (i)
            mcr_buf_putc(out, ',');
        write_parameter(out, query[i], "query", v3);
    }
    mcr_buf_printf(out,
                   "],\"responses\":{\"200\":{\"description\":\"OK\"}},"
                   "\"x-kubernetes-action\":\"%s\",\"x-kubernetes-group-version-kind\":"
                   "{\"group\":\"%s\",\"version\":\"v1\",\"kind\":\"Event\"}}",
                   o->action, events_api ? "events.k8s.io" : "");
}

static void write_path(mcr_buf *out, const char *rest, const operation *operations, size_t n,
                       bool events_api, bool v3)
{
    mcr_buf_printf(out, "\"%s/namespaces/{namespace}/events%s\":{\"parameters\":[",
                   events_api ? "/apis/events.k8s.io/v1" : "/api/v1", rest);
    write_parameter(out, "namespace", "path", v3);
    if (*rest) {
        mcr_buf_putc(out, ',');
        write_parameter(out, "name", "path", v3);
    }
    mcr_buf_putc(out, ']');
    for (size_t i = 0; i < n; i++) {
        mcr_buf_putc(out, ',');
        write_operation(out, &operations[i], events_api, v3);
    }
    mcr_buf_putc(out, '}');
}

static void write_paths(mcr_buf *out, bool events_api, bool v3)
{
    static const operation of_all[] = {
        { "get", "list", "list", false },
        { "post", "post", "create", true },
        { "delete", "deletecollection", "deleteAll", false },
    };
    static const operation of_one[] = {
        { "get", "get", "read", false },
        { "put", "put", "replace", true },
        { "patch", "patch", "patch", true },
        { "delete", "delete", "delete", false },
    };
    write_path(out, "", of_all, sizeof of_all / sizeof *of_all, events_api, v3);
    mcr_buf_putc(out, ',');
    write_path(out, "/{name}", of_one, sizeof of_one / sizeof *of_one, events_api, v3);
}

void mcr_api_openapi(mcr_buf *out, bool events_api)
{
    mcr_buf_puts(out, "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"mooncrier events\","
                      "\"version\":\"v1\"},\"paths\":{");
    write_paths(out, events_api, true);
    mcr_buf_puts(out, "},\"components\":{\"schemas\":{");
    write_schemas(out, events_api ? IN_EVENTS : IN_CORE, true);
    mcr_buf_puts(out, "}}}\n");
}

void mcr_api_openapi_v2(mcr_buf *out)
{
    mcr_buf_puts(out, "{\"swagger\":\"2.0\",\"info\":{\"title\":\"mooncrier events\","
                      "\"version\":\"v1\"},\"paths\":{");
    write_paths(out, false, false);
    mcr_buf_putc(out, ',');
    write_paths(out, true, false);
    mcr_buf_puts(out, "},\"definitions\":{");
    write_schemas(out, IN_CORE | IN_EVENTS, false);
    mcr_buf_puts(out, "}}\n");
}
