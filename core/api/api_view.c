#include "api/api_view.h"

#include "event/walk.h"

// Fields of events.k8s.io/v1 in its order, under the names that core/v1 has for them.
static const struct {
    const char *core;
    const char *events;
    const char *missing; // what stands there when the event has none; NULL: nothing
} fields[] = {
    { "metadata", "metadata", "{}" },
    { "eventTime", "eventTime", "null" },
    { "series", "series", NULL },
    { "reportingComponent", "reportingController", NULL },
    { "reportingInstance", "reportingInstance", NULL },
    { "action", "action", NULL },
    { "reason", "reason", NULL },
    { "involvedObject", "regarding", "{}" },
    { "related", "related", NULL },
    { "message", "note", NULL },
    { "type", "type", NULL },
    { "source", "deprecatedSource", "{}" },
    { "firstTimestamp", "deprecatedFirstTimestamp", "null" },
    { "lastTimestamp", "deprecatedLastTimestamp", "null" },
    { "count", "deprecatedCount", NULL },
};

enum {
    FIELDS = sizeof fields / sizeof *fields
};

mcr_str mcr_api_member(mcr_str json, const char *name)
{
    mcr_walk walk;
    mcr_str key, value;
    mcr_walk_begin(&walk, json);
    while (mcr_walk_member(&walk, &key, &value))
        if (mcr_str_is(key, name))
            return value;
    return (mcr_str){ 0 };
}

// core/v1 writes empty strings that events.k8s.io/v1 leaves out.
static bool is_shown(mcr_str value, const char *missing)
{
    return value.len && (missing || !mcr_str_is(value, "\"\""));
}

static void write_events(mcr_buf *out, mcr_str json, bool typed)
{
    mcr_str values[FIELDS] = { { 0 } };
    mcr_walk walk;
    mcr_str key, value;
    mcr_walk_begin(&walk, json);
    while (mcr_walk_member(&walk, &key, &value))
        for (size_t i = 0; i < FIELDS; i++)
            if (mcr_str_is(key, fields[i].core))
                values[i] = value;
    mcr_buf_puts(out, typed ? "{\"kind\":\"Event\",\"apiVersion\":\"events.k8s.io/v1\"" : "{");
    bool comma = typed;
    for (size_t i = 0; i < FIELDS; i++) {
        if (!is_shown(values[i], fields[i].missing) && !fields[i].missing)
            continue;
        mcr_buf_printf(out, "%s\"%s\":", comma ? "," : "", fields[i].events);
        if (values[i].len)
            mcr_buf_add(out, values[i]);
        else
            mcr_buf_puts(out, fields[i].missing);
        comma = true;
    }
    mcr_buf_putc(out, '}');
}

static void write_core(mcr_buf *out, mcr_str json)
{
    mcr_walk walk;
    mcr_str key, value;
    bool comma = false;
    mcr_walk_begin(&walk, json);
    mcr_buf_putc(out, '{');
    while (mcr_walk_member(&walk, &key, &value)) {
        if (mcr_str_is(key, "kind") || mcr_str_is(key, "apiVersion"))
            continue;
        if (comma)
            mcr_buf_putc(out, ',');
        mcr_buf_putc(out, '"');
        mcr_buf_add(out, key);
        mcr_buf_puts(out, "\":");
        mcr_buf_add(out, value);
        comma = true;
    }
    mcr_buf_putc(out, '}');
}

void mcr_api_view_write(mcr_buf *out, mcr_str json, bool events_api, bool typed)
{
    if (events_api)
        write_events(out, json, typed);
    else if (typed)
        mcr_buf_add(out, json);
    else
        write_core(out, json);
}

void mcr_api_view_partial(mcr_buf *out, mcr_str json)
{
    mcr_str metadata = mcr_api_member(json, "metadata");
    mcr_buf_puts(out, "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\","
                      "\"metadata\":");
    mcr_buf_add(out, metadata.len ? metadata : MCR_STR("{}"));
    mcr_buf_putc(out, '}');
}
