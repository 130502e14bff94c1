#include "event/block.h"
#include "event/decoder.h"

#define SHAPE(fields)                                                                              \
    {                                                                                              \
        fields, sizeof(fields) / sizeof *(fields)                                                  \
    }

#define META(name, how)   MCR_FIELD(#name, how, mcr_object_meta, name, .own = 0)
#define REF(name, how)    MCR_FIELD(#name, how, mcr_object_reference, name, .own = 0)
#define SOURCE(name, how) MCR_FIELD(#name, how, mcr_event_source, name, .own = 0)
#define SERIES(name, how) MCR_FIELD(#name, how, mcr_event_series, name, .own = 0)

static const mcr_field meta_fields[] = {
    META(name, STRING),
    META(generateName, STRING),
    META(namespace, WORD),
    META(selfLink, STRING),
    META(uid, STRING),
    META(resourceVersion, STRING),
    META(generation, INT64),
    META(creationTimestamp, TIME),
    META(deletionTimestamp, TIME),
    META(deletionGracePeriodSeconds, OPTIONAL_INT64),
    META(labels, PAIRS),
    META(annotations, PAIRS),
    META(ownerReferences, ARRAY),
    META(finalizers, ARRAY),
    META(managedFields, ARRAY),
};

static const mcr_field reference_fields[] = {
    REF(kind, WORD),       REF(namespace, WORD),         REF(name, STRING),      REF(uid, STRING),
    REF(apiVersion, WORD), REF(resourceVersion, STRING), REF(fieldPath, STRING),
};

static const mcr_field source_fields[] = {
    SOURCE(component, WORD),
    SOURCE(host, WORD),
};

static const mcr_field series_fields[] = {
    SERIES(count, INT32),
    SERIES(lastObservedTime, MICRO_TIME),
};

static const mcr_shape meta_shape = SHAPE(meta_fields);
static const mcr_shape reference_shape = SHAPE(reference_fields);
static const mcr_shape source_shape = SHAPE(source_fields);
static const mcr_shape series_shape = SHAPE(series_fields);

// A field of both APIs; one of this API alone.
#define BOTH(name, how)      MCR_FIELD(#name, how, mcr_event, name, .own = 0)
#define OWN(text, how, name) MCR_FIELD(text, how, mcr_event, name, .own = 1)
// The same, with its place in the text remembered for event/splice.h.
#define BOTH_AT(name, how, which) MCR_FIELD(#name, how, mcr_event, name, .span = 1 + (which))
#define OWN_AT(text, how, name, which)                                                             \
    MCR_FIELD(text, how, mcr_event, name, .own = 1, .span = 1 + (which))

#define KIND        MCR_FIELD("kind", KIND, mcr_event, raw, .own = 0)
#define API_VERSION MCR_FIELD("apiVersion", API_VERSION, mcr_event, raw, .own = 0)
#define METADATA    MCR_FIELD("metadata", OBJECT, mcr_event, metadata, .shape = &meta_shape)
#define RELATED                                                                                    \
    MCR_FIELD("related", POINTER, mcr_event, related, .shape = &reference_shape,                   \
              .set = offsetof(mcr_event, has_related), .size = sizeof(mcr_object_reference))
#define SERIES_OBJECT                                                                              \
    MCR_FIELD("series", POINTER, mcr_event, series, .shape = &series_shape,                        \
              .set = offsetof(mcr_event, series.set), .size = sizeof(mcr_event_series))
#define OBJECT(text)                                                                               \
    MCR_FIELD(text, OBJECT, mcr_event, involvedObject, .own = 1, .shape = &reference_shape)
#define SOURCE_OBJECT(text)                                                                        \
    MCR_FIELD(text, OBJECT, mcr_event, source, .own = 1, .shape = &source_shape)

static const mcr_field core_fields[] = {
    KIND,
    API_VERSION,
    METADATA,
    OBJECT("involvedObject"),
    BOTH_AT(reason, WORD, MCR_SPAN_REASON),
    OWN_AT("message", STRING, message, MCR_SPAN_MESSAGE),
    SOURCE_OBJECT("source"),
    OWN("firstTimestamp", TIME, firstTimestamp),
    OWN("lastTimestamp", TIME, lastTimestamp),
    OWN_AT("count", INT32, count, MCR_SPAN_COUNT),
    BOTH_AT(type, WORD, MCR_SPAN_TYPE),
    BOTH(eventTime, MICRO_TIME),
    SERIES_OBJECT,
    BOTH_AT(action, WORD, MCR_SPAN_ACTION),
    RELATED,
    OWN("reportingComponent", WORD, reportingComponent),
    BOTH(reportingInstance, WORD),
};

static const mcr_field v1_fields[] = {
    KIND,
    API_VERSION,
    METADATA,
    BOTH(eventTime, MICRO_TIME),
    SERIES_OBJECT,
    OWN("reportingController", WORD, reportingComponent),
    BOTH(reportingInstance, WORD),
    BOTH(action, WORD),
    BOTH(reason, WORD),
    OBJECT("regarding"),
    RELATED,
    OWN("note", STRING, message),
    BOTH(type, WORD),
    SOURCE_OBJECT("deprecatedSource"),
    OWN("deprecatedFirstTimestamp", TIME, firstTimestamp),
    OWN("deprecatedLastTimestamp", TIME, lastTimestamp),
    OWN("deprecatedCount", INT32, count),
};

static const mcr_shape shapes[] = {
    [MCR_API_CORE_V1] = SHAPE(core_fields),
    [MCR_API_EVENTS_V1] = SHAPE(v1_fields),
};

static const mcr_field *find(const mcr_shape *shape, mcr_str key)
{
    for (unsigned i = 0; i < shape->n; i++)
        if (mcr_key_is(key, shape->fields[i].name, shape->fields[i].len))
            return &shape->fields[i];
    return NULL;
}

bool mcr_is_event_field(mcr_str key)
{
    return !MCR_KEY_IS(key, "type") &&
           (find(&shapes[MCR_API_CORE_V1], key) || find(&shapes[MCR_API_EVENTS_V1], key));
}

// The API that the object turned out to be: what apiVersion says, else what its fields are.
static uint8_t api_of(const mcr_decoder *d)
{
    if (d->api_version.len)
        return MCR_KEY_IS(d->api_version, "v1") ? MCR_API_CORE_V1 : MCR_API_EVENTS_V1;
    return d->v1_own ? MCR_API_EVENTS_V1 : MCR_API_CORE_V1;
}

static mcr_step unless(bool failed)
{
    return failed ? MCR_STEP_FAILED : MCR_STEP_DONE;
}

static mcr_step read_kind(mcr_decoder *d, bool top)
{
    d->kind_at = d->scan.at;
    if (!mcr_decode_string(d, &d->kind))
        return MCR_STEP_FAILED;
    bool list = MCR_KEY_IS(d->kind, "EventList") || MCR_KEY_IS(d->kind, "List");
    return list && top ? MCR_STEP_LIST : MCR_STEP_DONE;
}

static mcr_step read_api_version(mcr_decoder *d)
{
    d->api_version_at = d->scan.at;
    if (!mcr_decode_string(d, &d->api_version))
        return MCR_STEP_FAILED;
    // Nothing that depends on it was read: go by it from here on.
    if (!d->decided && !d->core_own && !d->v1_own && d->api_version.len) {
        d->api = api_of(d);
        d->decided = true;
    }
    return MCR_STEP_DONE;
}

// Reads a field that the shape in use does not know.
static mcr_step read_other(mcr_decoder *d, bool top)
{
    mcr_str key = d->path[0];
    const mcr_field *field;
    if (!d->decided && d->api == MCR_API_CORE_V1 &&
        (field = find(&shapes[MCR_API_EVENTS_V1], key))) {
        d->api = MCR_API_EVENTS_V1;
        d->v1_own = d->fields = true;
        return unless(!mcr_decode_field(d, field, d->ev));
    }
    if (top && !d->fields && !d->never_wrap && MCR_KEY_IS(key, "object"))
        return MCR_STEP_WATCH;
    if (top && !d->kind.len && MCR_KEY_IS(key, "items") && *d->scan.at == '[')
        return MCR_STEP_LIST;
    // Which API's own field it may be: if it was only a guess that it is not this one's, the object
    // will be read again.
    if (find(&shapes[MCR_API_CORE_V1], key))
        d->core_own = true;
    else if (find(&shapes[MCR_API_EVENTS_V1], key))
        d->v1_own = true;
    d->others = true;
    d->ev->unknown_fields = 1;
    mcr_str ignored;
    return unless(!mcr_scan_value(&d->scan, &ignored));
}

// A value that stands twice has no one place.
static void remember(mcr_decoder *d, int span, const char *at)
{
    mcr_block *block = (mcr_block *)(void *)d->ev;
    if (block->spans[span].at)
        block->spans_unknown = true;
    block->spans[span] = (mcr_span){ at, (size_t)(d->scan.at - at) };
}

static mcr_step read_field(mcr_decoder *d, const mcr_field *field, bool top)
{
    if (field->own) {
        d->core_own |= d->api == MCR_API_CORE_V1;
        d->v1_own |= d->api == MCR_API_EVENTS_V1;
    }
    d->fields |= !MCR_KEY_IS(d->path[0], "type");
    if (field->kind == MCR_FIELD_KIND)
        return read_kind(d, top);
    if (field->kind == MCR_FIELD_API_VERSION)
        return read_api_version(d);
    const char *at = d->scan.at;
    if (!mcr_decode_field(d, field, d->ev))
        return MCR_STEP_FAILED;
    if (field->span)
        remember(d, field->span - 1, at);
    return MCR_STEP_DONE;
}

mcr_step mcr_decode_event(mcr_decoder *d, bool top)
{
    d->depth = 0;
    memset(((mcr_block *)(void *)d->ev)->spans, 0, sizeof((mcr_block *)NULL)->spans);
    ((mcr_block *)(void *)d->ev)->spans_unknown = false;
    unsigned next = 0;
    int more = mcr_enter(d);
    for (; more > 0; more = mcr_next_key(&d->scan)) {
        const mcr_field *field;
        if (!mcr_decode_key(d, &shapes[d->api], &next, &field))
            return MCR_STEP_FAILED;
        mcr_step step = field ? read_field(d, field, top) : read_other(d, top);
        if (step != MCR_STEP_DONE)
            return step;
    }
    if (more < 0)
        return MCR_STEP_FAILED;
    d->depth = 0;
    uint8_t api = api_of(d);
    if (api != d->api || (!d->decided && d->core_own && d->v1_own)) {
        d->api = api;
        d->decided = true;
        return MCR_STEP_AGAIN;
    }
    d->ev->api = api;
    if (api != MCR_API_CORE_V1)
        ((mcr_block *)(void *)d->ev)->spans_unknown = true;
    return MCR_STEP_DONE;
}
