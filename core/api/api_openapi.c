#include "api/api_discovery.h"

// What OpenAPI says of one field of Event; `ref` names a schema of its own.
typedef struct field {
    const char *core;   // its name in core/v1, NULL: not there
    const char *events; // in events.k8s.io/v1
    const char *type;   // JSON of the schema
    const char *doc;
} field;

#define TEXT   "\"type\":\"string\""
#define NUMBER "\"type\":\"integer\",\"format\":\"int32\""
#define TIME   "\"type\":\"string\",\"format\":\"date-time\""
#define OBJECT "\"type\":\"object\",\"additionalProperties\":true"

static const field fields[] = {
    { "apiVersion", "apiVersion", TEXT, "the version of this form of the object" },
    { "kind", "kind", TEXT, "what the object is: Event" },
    { "metadata", "metadata", OBJECT, "name, namespace, labels and annotations" },
    { "involvedObject", "regarding", OBJECT, "the object that this event is about" },
    { "reason", "reason", TEXT, "why it happened, one word for machines" },
    { "message", "note", TEXT, "what happened, a sentence for people" },
    { "type", "type", TEXT, "Normal or Warning" },
    { "count", "deprecatedCount", NUMBER, "how often it happened" },
    { "firstTimestamp", "deprecatedFirstTimestamp", TIME, "when it happened first" },
    { "lastTimestamp", "deprecatedLastTimestamp", TIME, "when it happened last" },
    { "source", "deprecatedSource", OBJECT, "component and host that reported it" },
    { "eventTime", "eventTime", TIME, "when it happened first, with microseconds" },
    { "series", "series", OBJECT, "count and lastObservedTime of repeats" },
    { "action", "action", TEXT, "what was done or failed regarding the object" },
    { "related", "related", OBJECT, "a second object that took part" },
    { "reportingComponent", "reportingController", TEXT, "the controller that reported it" },
    { "reportingInstance", "reportingInstance", TEXT, "which instance of that controller" },
};

static void write_schema(mcr_buf *out, bool events_api)
{
    mcr_buf_puts(out, "{\"type\":\"object\",\"description\":\"Something that was observed of an "
                      "object of the cluster.\",\"properties\":{");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        mcr_buf_printf(out, "%s\"%s\":{%s,\"description\":\"%s\"}", i ? "," : "",
                       events_api ? fields[i].events : fields[i].core, fields[i].type,
                       fields[i].doc);
    mcr_buf_printf(out,
                   "},\"x-kubernetes-group-version-kind\":[{\"group\":\"%s\",\"version\":\"v1\","
                   "\"kind\":\"Event\"}]}",
                   events_api ? "events.k8s.io" : "");
}

static const char *schema_name(bool events_api)
{
    return events_api ? "io.k8s.api.events.v1.Event" : "io.k8s.api.core.v1.Event";
}

static const char *prefix(bool events_api)
{
    return events_api ? "/apis/events.k8s.io/v1" : "/api/v1";
}

static const char *const query[] = { "dryRun", "fieldManager", "fieldValidation" };

// One operation. `v3`: parameters have schemas, bodies are not parameters.
static void write_operation(mcr_buf *out, const char *method, const char *action, bool events_api,
                            bool v3)
{
    mcr_buf_printf(out, "\"%s\":{\"operationId\":\"%s%sV1NamespacedEvent\",\"parameters\":[",
                   method, action, events_api ? "Events" : "Core");
    for (size_t i = 0; i < sizeof query / sizeof *query; i++)
        mcr_buf_printf(out, "%s{\"name\":\"%s\",\"in\":\"query\",%s}", i ? "," : "", query[i],
                       v3 ? "\"schema\":{\"type\":\"string\",\"uniqueItems\":true}"
                          : "\"type\":\"string\",\"uniqueItems\":true");
    mcr_buf_printf(out,
                   "],\"responses\":{\"200\":{\"description\":\"OK\"}},"
                   "\"x-kubernetes-action\":\"%s\",\"x-kubernetes-group-version-kind\":"
                   "{\"group\":\"%s\",\"version\":\"v1\",\"kind\":\"Event\"}}",
                   method, events_api ? "events.k8s.io" : "");
}

static void write_paths(mcr_buf *out, bool events_api, bool v3)
{
    mcr_buf_printf(out, "\"%s/namespaces/{namespace}/events\":{", prefix(events_api));
    write_operation(out, "post", "create", events_api, v3);
    mcr_buf_printf(out, "},\"%s/namespaces/{namespace}/events/{name}\":{", prefix(events_api));
    write_operation(out, "put", "replace", events_api, v3);
    mcr_buf_putc(out, ',');
    write_operation(out, "patch", "patch", events_api, v3);
    mcr_buf_putc(out, ',');
    write_operation(out, "delete", "delete", events_api, v3);
    mcr_buf_putc(out, '}');
}

void mcr_api_openapi(mcr_buf *out, bool events_api)
{
    mcr_buf_puts(out, "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"mooncrier events\","
                      "\"version\":\"v1\"},\"paths\":{");
    write_paths(out, events_api, true);
    mcr_buf_printf(out, "},\"components\":{\"schemas\":{\"%s\":", schema_name(events_api));
    write_schema(out, events_api);
    mcr_buf_puts(out, "}}}\n");
}

void mcr_api_openapi_v2(mcr_buf *out)
{
    mcr_buf_puts(out, "{\"swagger\":\"2.0\",\"info\":{\"title\":\"mooncrier events\","
                      "\"version\":\"v1\"},\"paths\":{");
    write_paths(out, false, false);
    mcr_buf_putc(out, ',');
    write_paths(out, true, false);
    mcr_buf_printf(out, "},\"definitions\":{\"%s\":", schema_name(false));
    write_schema(out, false);
    mcr_buf_printf(out, ",\"%s\":", schema_name(true));
    write_schema(out, true);
    mcr_buf_puts(out, "}}\n");
}
