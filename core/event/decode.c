#include "event/decode.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "event/atom.h"
#include "event/block.h"
#include "event/read.h"
#include "event/scan_bytes.h"

// What is known of the object being read besides the event's fields.
typedef struct shape {
    mcr_str kind;
    mcr_str api_version;
    bool core_only; // it has said that it is core/v1
    bool v1_fields; // fields of events.k8s.io/v1 alone were read before it said what it is
    bool is_list;
    bool other_fields;  // something else than `type` was read
    const char *object; // where the value of a field `object` begins: perhaps a watch line
} shape;

typedef enum step {
    STEP_OK,
    STEP_BAD,
    STEP_RESTART, // it said core/v1 after fields were read as events.k8s.io/v1
    STEP_WATCH    // it is a watch line
} step;

static inline bool is(mcr_str key, const char *name, size_t len)
{
    return key.len == len && memcmp(key.ptr, name, len) == 0;
}

#define IS(key, name) is(key, name, sizeof(name) - 1)

static inline bool text(mcr_decoder *d, const char *field, mcr_str *to)
{
    return (*d->scan.at == '"' && mcr_scan_text(&d->scan, to)) ||
           mcr_read_string_slow(d, field, to);
}

// A string that recurs: with its atom.
static inline bool word(mcr_decoder *d, const char *field, mcr_str *to)
{
    if (!text(d, field, to))
        return false;
    to->id = mcr_atom(to->ptr, to->len);
    return true;
}

static bool skip(mcr_decoder *d)
{
    mcr_str ignored;
    return mcr_scan_value(&d->scan, &ignored);
}

static bool meta_field(mcr_decoder *d, mcr_str key)
{
    mcr_object_meta *m = &d->ev->metadata;
    switch (key.len) {
    case 3:
        if (IS(key, "uid"))
            return text(d, "metadata.uid", &m->uid);
        break;
    case 4:
        if (IS(key, "name"))
            return text(d, "metadata.name", &m->name);
        break;
    case 6:
        if (IS(key, "labels"))
            return mcr_read_pairs(d, "metadata.labels", &m->labels);
        break;
    case 8:
        if (IS(key, "selfLink"))
            return text(d, "metadata.selfLink", &m->selfLink);
        break;
    case 9:
        if (IS(key, "namespace"))
            return word(d, "metadata.namespace", &m->namespace);
        break;
    case 10:
        if (IS(key, "generation"))
            return mcr_read_int64(d, "metadata.generation", &m->generation);
        if (IS(key, "finalizers"))
            return mcr_read_array(d, "metadata.finalizers", &m->finalizers);
        break;
    case 11:
        if (IS(key, "annotations"))
            return mcr_read_pairs(d, "metadata.annotations", &m->annotations);
        break;
    case 12:
        if (IS(key, "generateName"))
            return text(d, "metadata.generateName", &m->generateName);
        break;
    case 13:
        if (IS(key, "managedFields"))
            return mcr_read_array(d, "metadata.managedFields", &m->managedFields);
        break;
    case 15:
        if (IS(key, "resourceVersion"))
            return text(d, "metadata.resourceVersion", &m->resourceVersion);
        if (IS(key, "ownerReferences"))
            return mcr_read_array(d, "metadata.ownerReferences", &m->ownerReferences);
        break;
    case 17:
        if (IS(key, "creationTimestamp"))
            return mcr_read_time(d, "metadata.creationTimestamp", false, &m->creationTimestamp);
        if (IS(key, "deletionTimestamp"))
            return mcr_read_time(d, "metadata.deletionTimestamp", false, &m->deletionTimestamp);
        break;
    case 26:
        if (IS(key, "deletionGracePeriodSeconds"))
            return mcr_read_int64(d, "metadata.deletionGracePeriodSeconds",
                                  &m->deletionGracePeriodSeconds);
        break;
    default:
        break;
    }
    return skip(d);
}

static bool read_metadata(mcr_decoder *d)
{
    bool is_null;
    if (!mcr_read_open(d, "metadata", &is_null) || is_null)
        return is_null;
    mcr_str key;
    for (bool first = true; mcr_read_next_key(d, first, &key); first = false) {
        if (!key.ptr)
            return true;
        if (!meta_field(d, key))
            return false;
    }
    return false;
}

static bool reference_field(mcr_decoder *d, mcr_object_reference *ref, mcr_str key)
{
    switch (key.len) {
    case 3:
        if (IS(key, "uid"))
            return text(d, "object reference uid", &ref->uid);
        break;
    case 4:
        if (IS(key, "kind"))
            return word(d, "object reference kind", &ref->kind);
        if (IS(key, "name"))
            return text(d, "object reference name", &ref->name);
        break;
    case 9:
        if (IS(key, "namespace"))
            return word(d, "object reference namespace", &ref->namespace);
        if (IS(key, "fieldPath"))
            return text(d, "object reference fieldPath", &ref->fieldPath);
        break;
    case 10:
        if (IS(key, "apiVersion"))
            return word(d, "object reference apiVersion", &ref->apiVersion);
        break;
    case 15:
        if (IS(key, "resourceVersion"))
            return text(d, "object reference resourceVersion", &ref->resourceVersion);
        break;
    default:
        break;
    }
    return skip(d);
}

static bool read_reference(mcr_decoder *d, const char *field, mcr_object_reference *ref)
{
    bool is_null;
    if (!mcr_read_open(d, field, &is_null) || is_null)
        return is_null;
    mcr_str key;
    for (bool first = true; mcr_read_next_key(d, first, &key); first = false) {
        if (!key.ptr)
            return true;
        if (!reference_field(d, ref, key))
            return false;
    }
    return false;
}

// `related` is a pointer in Go: null takes it away.
static bool read_related(mcr_decoder *d)
{
    if (*d->scan.at == 'n') {
        d->ev->related = (mcr_object_reference){ 0 };
        d->ev->has_related = 0;
    } else {
        d->ev->has_related = 1;
    }
    return read_reference(d, "related", &d->ev->related);
}

static bool read_source(mcr_decoder *d, const char *field)
{
    bool is_null;
    if (!mcr_read_open(d, field, &is_null) || is_null)
        return is_null;
    mcr_str key;
    for (bool first = true; mcr_read_next_key(d, first, &key); first = false) {
        bool ok;
        if (!key.ptr)
            return true;
        if (IS(key, "component"))
            ok = word(d, "source.component", &d->ev->source.component);
        else if (IS(key, "host"))
            ok = word(d, "source.host", &d->ev->source.host);
        else
            ok = skip(d);
        if (!ok)
            return false;
    }
    return false;
}

static bool read_series(mcr_decoder *d)
{
    mcr_event_series *series = &d->ev->series;
    bool is_null;
    if (!mcr_read_open(d, "series", &is_null))
        return false;
    if (is_null) {
        *series = (mcr_event_series){ 0 };
        return true;
    }
    series->set = 1;
    mcr_str key;
    for (bool first = true; mcr_read_next_key(d, first, &key); first = false) {
        bool ok;
        if (!key.ptr)
            return true;
        if (IS(key, "count"))
            ok = mcr_read_int32(d, "series.count", &series->count);
        else if (IS(key, "lastObservedTime"))
            ok = mcr_read_time(d, "series.lastObservedTime", true, &series->lastObservedTime);
        else
            ok = skip(d);
        if (!ok)
            return false;
    }
    return false;
}

static step result(bool ok)
{
    return ok ? STEP_OK : STEP_BAD;
}

static step unknown_field(mcr_decoder *d)
{
    d->ev->unknown_fields = 1;
    return result(skip(d));
}

// Fields that only core/v1 has.
static step core_field(mcr_decoder *d, mcr_str key)
{
    mcr_event *ev = d->ev;
    switch (key.len) {
    case 5:
        if (IS(key, "count"))
            return result(mcr_read_int32(d, "count", &ev->count));
        break;
    case 6:
        if (IS(key, "source"))
            return result(read_source(d, "source"));
        break;
    case 7:
        if (IS(key, "message"))
            return result(text(d, "message", &ev->message));
        break;
    case 13:
        if (IS(key, "lastTimestamp"))
            return result(mcr_read_time(d, "lastTimestamp", false, &ev->lastTimestamp));
        break;
    case 14:
        if (IS(key, "involvedObject"))
            return result(read_reference(d, "involvedObject", &ev->involvedObject));
        if (IS(key, "firstTimestamp"))
            return result(mcr_read_time(d, "firstTimestamp", false, &ev->firstTimestamp));
        break;
    case 18:
        if (IS(key, "reportingComponent"))
            return result(word(d, "reportingComponent", &ev->reportingComponent));
        break;
    default:
        break;
    }
    return unknown_field(d);
}

static bool is_v1_field(mcr_str key)
{
    return IS(key, "regarding") || IS(key, "note") || IS(key, "reportingController") ||
           IS(key, "deprecatedSource") || IS(key, "deprecatedFirstTimestamp") ||
           IS(key, "deprecatedLastTimestamp") || IS(key, "deprecatedCount");
}

// Fields that only events.k8s.io/v1 has.
static step v1_field(mcr_decoder *d, mcr_str key)
{
    mcr_event *ev = d->ev;
    if (IS(key, "regarding"))
        return result(read_reference(d, "regarding", &ev->involvedObject));
    if (IS(key, "note"))
        return result(text(d, "note", &ev->message));
    if (IS(key, "reportingController"))
        return result(word(d, "reportingController", &ev->reportingComponent));
    if (IS(key, "deprecatedSource"))
        return result(read_source(d, "deprecatedSource"));
    if (IS(key, "deprecatedFirstTimestamp"))
        return result(mcr_read_time(d, "deprecatedFirstTimestamp", false, &ev->firstTimestamp));
    if (IS(key, "deprecatedLastTimestamp"))
        return result(mcr_read_time(d, "deprecatedLastTimestamp", false, &ev->lastTimestamp));
    return result(mcr_read_int32(d, "deprecatedCount", &ev->count));
}

static step read_api_version(mcr_decoder *d, shape *s)
{
    if (!text(d, "apiVersion", &s->api_version))
        return STEP_BAD;
    if (IS(s->api_version, "events.k8s.io/v1") || IS(s->api_version, "events.k8s.io/v1beta1")) {
        d->ev->api = MCR_API_EVENTS_V1;
        return STEP_OK;
    }
    if (s->v1_fields && !s->core_only && s->api_version.len)
        return STEP_RESTART;
    s->core_only = s->api_version.len > 0;
    return STEP_OK;
}

// Fields that one of the two APIs alone has, and fields that neither has.
static step other_field(mcr_decoder *d, shape *s, mcr_str key)
{
    if (IS(key, "object") && *d->scan.at == '{' && !s->other_fields) {
        s->object = d->scan.at;
        return STEP_WATCH;
    }
    if (IS(key, "items") && *d->scan.at == '[') {
        s->is_list = true;
        return STEP_BAD;
    }
    if (!s->core_only && is_v1_field(key)) {
        if (d->ev->api != MCR_API_EVENTS_V1 || !s->api_version.len)
            s->v1_fields = true;
        d->ev->api = MCR_API_EVENTS_V1;
        return v1_field(d, key);
    }
    // Once it has said that it is events.k8s.io/v1, core's own fields mean nothing.
    if (d->ev->api == MCR_API_EVENTS_V1 && s->api_version.len)
        return unknown_field(d);
    return core_field(d, key);
}

static step event_field(mcr_decoder *d, shape *s, mcr_str key)
{
    mcr_event *ev = d->ev;
    switch (key.len) {
    case 4:
        if (IS(key, "type"))
            return result(word(d, "type", &ev->type));
        if (IS(key, "kind")) {
            bool ok = text(d, "kind", &s->kind);
            s->is_list |= ok && (IS(s->kind, "EventList") || IS(s->kind, "List"));
            return result(ok && !s->is_list);
        }
        break;
    case 6:
        if (IS(key, "reason"))
            return result(word(d, "reason", &ev->reason));
        if (IS(key, "series"))
            return result(read_series(d));
        if (IS(key, "action"))
            return result(word(d, "action", &ev->action));
        break;
    case 7:
        if (IS(key, "related"))
            return result(read_related(d));
        break;
    case 8:
        if (IS(key, "metadata"))
            return result(read_metadata(d));
        break;
    case 9:
        if (IS(key, "eventTime"))
            return result(mcr_read_time(d, "eventTime", true, &ev->eventTime));
        break;
    case 10:
        if (IS(key, "apiVersion"))
            return read_api_version(d, s);
        break;
    case 17:
        if (IS(key, "reportingInstance"))
            return result(word(d, "reportingInstance", &ev->reportingInstance));
        break;
    default:
        break;
    }
    return other_field(d, s, key);
}

// Reads the Event object at the scanner.
static step read_object(mcr_decoder *d, shape *s)
{
    if (mcr_scan_next(&d->scan) != '{')
        return result(mcr_scan_fail(&d->scan, "expected an object"));
    d->scan.at++;
    mcr_str key;
    for (bool first = true; mcr_read_next_key(d, first, &key); first = false) {
        if (!key.ptr)
            return STEP_OK;
        step done = event_field(d, s, key);
        if (done != STEP_OK)
            return done;
        s->other_fields |= !IS(key, "type");
    }
    return STEP_BAD;
}

static void clear_fields(mcr_event *ev)
{
    // Everything but what the block itself needs.
    uint32_t refs = ev->refs;
    memset(ev, 0, sizeof *ev);
    ev->refs = refs;
    ev->metadata.deletionGracePeriodSeconds = -1;
}

// Reads an Event object, again when it says late that it is core/v1, and sets its `raw`.
static step read_event(mcr_decoder *d, shape *s)
{
    mcr_scan_next(&d->scan);
    const char *from = d->scan.at;
    step done = read_object(d, s);
    if (done == STEP_RESTART) {
        clear_fields(d->ev);
        *s = (shape){ .core_only = true };
        d->scan.at = from;
        done = read_object(d, s);
    }
    if (done == STEP_OK)
        d->ev->raw = mcr_str_n(from, (size_t)(d->scan.at - from));
    return done;
}

static bool wrong_kind(mcr_decoder *d, const shape *s, mcr_decode_error *err)
{
    if (s->kind.len == 0 || IS(s->kind, "Event"))
        return false;
    err->offset = (size_t)(s->kind.ptr >= d->scan.begin && s->kind.ptr < d->scan.end
                               ? s->kind.ptr - d->scan.begin
                               : 0);
    snprintf(err->text, sizeof err->text, "kind is %.*s, expected Event",
             (int)(s->kind.len < 64 ? s->kind.len : 64), s->kind.ptr);
    return true;
}

static bool change_of(mcr_str type, uint8_t *change)
{
    if (IS(type, "ADDED"))
        *change = MCR_CHANGE_NEW;
    else if (IS(type, "MODIFIED"))
        *change = MCR_CHANGE_REPEAT;
    else if (IS(type, "DELETED"))
        *change = MCR_CHANGE_DELETED;
    else
        return false;
    return true;
}

// A watch line from its `object` on; the event's `type` is the line's if that came first.
static mcr_decoded read_watch(mcr_decoder *d, const char *object, mcr_decode_error *err)
{
    mcr_str type = d->ev->type;
    shape s = { 0 };
    clear_fields(d->ev);
    d->scan.at = object;
    mcr_str whole;
    // BOOKMARK and ERROR lines carry no event; their objects need not look like one.
    if (!mcr_scan_value(&d->scan, &whole))
        return MCR_DECODED_MALFORMED;
    const char *behind = d->scan.at;
    mcr_str key;
    while (mcr_read_next_key(d, false, &key) && key.ptr)
        if (!(IS(key, "type") ? text(d, "type", &type) : skip(d)))
            return MCR_DECODED_MALFORMED;
    if (d->scan.why)
        return MCR_DECODED_MALFORMED;
    behind = d->scan.at;
    bool is_error = IS(type, "ERROR");
    if (!is_error && !IS(type, "BOOKMARK") && !change_of(type, &d->ev->change)) {
        err->offset = (size_t)(object - d->scan.begin);
        snprintf(err->text, sizeof err->text,
                 "type is '%.*s', expected ADDED, MODIFIED, DELETED, BOOKMARK or ERROR",
                 (int)(type.len < 64 ? type.len : 64), type.ptr ? type.ptr : "");
        return MCR_DECODED_MALFORMED;
    }
    uint8_t change = d->ev->change;
    d->scan.at = object;
    if (is_error || IS(type, "BOOKMARK")) {
        // A Status has its `message` where an event has one.
        bool ok = !is_error || read_event(d, &s) == STEP_OK;
        mcr_str message = ok ? d->ev->message : (mcr_str){ 0 };
        snprintf(err->text, sizeof err->text, "%.*s", (int)(message.len < 200 ? message.len : 200),
                 message.ptr ? message.ptr : "");
        d->scan.why = NULL;
        d->field = NULL;
        d->scan.at = behind;
        return MCR_DECODED_CONTROL;
    }
    if (read_event(d, &s) != STEP_OK || wrong_kind(d, &s, err))
        return MCR_DECODED_MALFORMED;
    d->ev->change = change;
    d->scan.at = behind;
    return MCR_DECODED_EVENT;
}

static void describe(mcr_decoder *d, mcr_decode_error *err)
{
    err->offset = (size_t)(d->scan.at - d->scan.begin);
    if (d->field) {
        uint32_t len = d->found.len < 40 ? d->found.len : 40;
        snprintf(err->text, sizeof err->text, "%s: expected %s, found %.*s%s", d->field,
                 d->expected, (int)len, d->found.ptr, len < d->found.len ? "…" : "");
    } else {
        snprintf(err->text, sizeof err->text, "%s", d->scan.why ? d->scan.why : "not an event");
    }
}

// Decodes the text that is in the event's own block.
static mcr_decoded decode_block(mcr_decoder *d, mcr_str owned, bool lenient, mcr_decode_error *err)
{
    mcr_scan_init(&d->scan, owned, lenient);
    d->field = NULL;
    err->text[0] = '\0';
    err->offset = 0;
    shape s = { 0 };
    mcr_decoded kind = MCR_DECODED_MALFORMED;
    switch (read_event(d, &s)) {
    case STEP_OK:
        if (!wrong_kind(d, &s, err))
            kind = MCR_DECODED_EVENT;
        break;
    case STEP_WATCH:
        kind = read_watch(d, s.object, err);
        break;
    default:
        break;
    }
    if (s.is_list)
        return MCR_DECODED_LIST;
    if (kind != MCR_DECODED_MALFORMED) {
        mcr_scan_next(&d->scan);
        if (d->scan.at < d->scan.end) {
            kind = MCR_DECODED_MALFORMED;
            mcr_scan_fail(&d->scan, "something follows the document");
        }
    }
    if (kind == MCR_DECODED_MALFORMED && !err->text[0]) {
        if (d->scan.at >= d->scan.end)
            kind = MCR_DECODED_INCOMPLETE;
        describe(d, err);
    }
    return kind;
}

static mcr_decoded decode_copy(mcr_decoder *d, mcr_str source, bool lenient, mcr_event **out,
                               mcr_decode_error *err)
{
    // Room behind the text: the pad, then what unescaping and labels usually need.
    size_t room = (size_t)source.len + MCR_SCAN_PAD + source.len / 4 + 512;
    d->ev = mcr_block_new(room);
    char *bytes = mcr_block_take(d->ev, (size_t)source.len + MCR_SCAN_PAD);
    memcpy(bytes, source.ptr, source.len);
    memset(bytes + source.len, 0, MCR_SCAN_PAD);
    mcr_decoded kind = decode_block(d, mcr_str_n(bytes, source.len), lenient, err);
    if (kind == MCR_DECODED_EVENT)
        *out = d->ev;
    else
        mcr_event_unref(d->ev);
    d->ev = NULL;
    return kind;
}

static bool spans_lines(mcr_str source)
{
    return source.len && (memchr(source.ptr, '\n', source.len) != NULL);
}

mcr_decoder *mcr_decoder_new(void)
{
    return mcr_zalloc(sizeof(mcr_decoder));
}

void mcr_decoder_free(mcr_decoder *d)
{
    if (!d)
        return;
    mcr_buf_fini(&d->scratch);
    mcr_buf_fini(&d->compact);
    free(d->pairs);
    free(d);
}

mcr_decoded mcr_decode(mcr_decoder *d, mcr_str source, unsigned flags, mcr_event **out,
                       mcr_decode_error *err)
{
    bool lenient = flags & MCR_DECODE_GO;
    const char *begin = source.ptr;
    while (source.len && mcr_is_space(*source.ptr)) {
        source.ptr++;
        source.len--;
    }
    while (source.len && mcr_is_space(source.ptr[source.len - 1]))
        source.len--;
    size_t skipped = (size_t)(source.ptr - begin);
    mcr_decoded kind = decode_copy(d, source, lenient, out, err);
    err->offset += skipped;
    if (kind != MCR_DECODED_EVENT || !spans_lines(source))
        return kind;
    // Known to be valid now: only valid JSON keeps its meaning without white space.
    mcr_event_unref(*out);
    d->compact.len = 0;
    mcr_json_compact(&d->compact, source);
    return decode_copy(d, mcr_buf_str(&d->compact), lenient, out, err);
}
