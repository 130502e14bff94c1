// Kinds "recorder" and "name": what client-go's EventRecorder makes of an object, or logs.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "broadcast/recorder.h"
#include "event/event_name.h"
#include "vectors/vectors.h"

// The types that client-go's scheme and the vectors share.
static const mcr_scheme_type types[] = {
    { "v1.Pod", "Pod", "v1" },
    { "v1.Node", "Node", "v1" },
    { "v1.PodList", "PodList", "v1" },
    { "v1.Event", "Event", "v1" },
    { "v1.Deployment", "Deployment", "apps/v1" },
};

static const mcr_scheme scheme = { "k8s.io/client-go/kubernetes/scheme/register.go:83", types,
                                   sizeof types / sizeof *types };

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static int wrong(char *why, size_t why_size, const char *what, const mcr_buf *found)
{
    snprintf(why, why_size, "%s %.*s", what, (int)found->len, found->len ? found->ptr : "");
    return 0;
}

// What came out: the event's JSON, or the text of the log lines.
typedef struct outcome {
    mcr_event *ev;
    mcr_buf logs;
    size_t n_logs;
    mcr_log_record first; // its pointers are only good while it is logged; message and flags stay
} outcome;

static mcr_err publish(void *self, mcr_event *ev, bool *accepted, mcr_errbuf *err)
{
    (void)err;
    outcome *o = self;
    o->ev = mcr_event_ref(ev);
    *accepted = true;
    return MCR_OK;
}

static void log_line(void *self, const mcr_log_record *record)
{
    outcome *o = self;
    if (o->n_logs++ == 0)
        o->first = *record;
    mcr_log_record_write(&o->logs, record);
}

// Go's dump of the object, `object=<DUMP>` in the vectors, stands for whatever is said of it here.
static void hide_object(mcr_buf *text)
{
    static const char begin[] = " object=", end[] = " eventType=";
    char *from = memmem(text->ptr, text->len, begin, sizeof begin - 1);
    char *to = from ? memmem(text->ptr, text->len, end, sizeof end - 1) : NULL;
    if (!to)
        return;
    mcr_buf out = { 0 };
    mcr_buf_append(&out, text->ptr, (size_t)(from - text->ptr));
    mcr_buf_puts(&out, " object=<DUMP>");
    mcr_buf_append(&out, to, (size_t)(text->ptr + text->len - to));
    mcr_buf_fini(text);
    *text = out;
}

static bool same_log(const outcome *o, const cJSON *log)
{
    mcr_buf keys = { 0 };
    for (size_t i = 0; i < o->first.n; i++)
        if (strcmp(o->first.values[i].key, "err") != 0)
            mcr_buf_printf(&keys, "%s%s", keys.len ? "," : "", o->first.values[i].key);
    const char *expected = cJSON_GetStringValue(member(log, "keys"));
    bool same = o->first.error == (strcmp(member(log, "level")->valuestring, "error") == 0) &&
                strcmp(o->first.message, member(log, "msg")->valuestring) == 0 &&
                strcmp(mcr_buf_cstr(&keys), expected ? expected : "") == 0;
    mcr_buf_fini(&keys);
    return same;
}

static int compare_logs(outcome *o, const cJSON *logs, char *why, size_t why_size)
{
    if (o->ev || o->n_logs != (size_t)cJSON_GetArraySize(logs) || o->n_logs != 1)
        return wrong(why, why_size, "it logs", &o->logs);
    const cJSON *log = cJSON_GetArrayItem(logs, 0);
    mcr_buf text = { 0 };
    hide_object(&o->logs);
    bool same = vector_text(log, "text", &text) &&
                mcr_str_eq(mcr_buf_str(&text), mcr_buf_str(&o->logs)) && same_log(o, log);
    mcr_buf_fini(&text);
    return same ? 1 : wrong(why, why_size, "it logs", &o->logs);
}

static int compare_event(outcome *o, const cJSON *event, char *why, size_t why_size)
{
    if (!o->ev || o->n_logs)
        return wrong(why, why_size, "there is no event, but", &o->logs);
    mcr_buf text = { 0 };
    bool same = vector_same_event(o->ev, event, &text);
    int result = same ? 1 : wrong(why, why_size, "the event is", &text);
    mcr_buf_fini(&text);
    return result;
}

// An object's JSON. A Go type that has its metadata among its own fields gets them where they are
// looked for.
static char *object_json(const cJSON *object)
{
    cJSON *copy = cJSON_Duplicate(object, true);
    if (cJSON_IsObject(copy) && !member(copy, "metadata") && member(copy, "name")) {
        cJSON *metadata = copy;
        copy = cJSON_CreateObject();
        static const char *const own[] = { "kind", "apiVersion" };
        for (size_t i = 0; i < 2; i++) {
            cJSON *item = cJSON_DetachItemFromObjectCaseSensitive(metadata, own[i]);
            if (item)
                cJSON_AddItemToObject(copy, own[i], item);
        }
        cJSON_AddItemToObject(copy, "metadata", metadata);
    }
    char *text = cJSON_PrintUnformatted(copy);
    cJSON_Delete(copy);
    return text;
}

static mcr_str string_of(const cJSON *object, const char *name)
{
    return mcr_str_of(cJSON_GetStringValue(member(object, name)));
}

static mcr_object_reference reference_of(const cJSON *o)
{
    return (mcr_object_reference){ .kind = string_of(o, "kind"),
                                   .namespace = string_of(o, "namespace"),
                                   .name = string_of(o, "name"),
                                   .uid = string_of(o, "uid"),
                                   .apiVersion = string_of(o, "apiVersion"),
                                   .resourceVersion = string_of(o, "resourceVersion"),
                                   .fieldPath = string_of(o, "fieldPath") };
}

static mcr_go_arg arg_of(const cJSON *item)
{
    double number = cJSON_IsNumber(item) ? item->valuedouble : 0;
    bool whole = number == (double)(int64_t)number;
    return (mcr_go_arg){ .type = cJSON_IsBool(item)     ? MCR_GO_BOOL
                                 : cJSON_IsString(item) ? MCR_GO_STRING
                                 : cJSON_IsNull(item)   ? MCR_GO_NIL
                                 : whole                ? MCR_GO_INT
                                                        : MCR_GO_FLOAT,
                         .boolean = cJSON_IsTrue(item),
                         .integer = whole ? (int64_t)number : 0,
                         .number = number,
                         .string = mcr_str_of(cJSON_GetStringValue(item)) };
}

static void record(const mcr_recorder *r, const cJSON *scenario, const mcr_regarding *object)
{
    const cJSON *item, *annotations = member(scenario, "annotations");
    size_t n_args = (size_t)cJSON_GetArraySize(member(scenario, "args"));
    mcr_pair *pairs = mcr_alloc(((size_t)cJSON_GetArraySize(annotations) + 1) * sizeof *pairs);
    mcr_go_arg *args = mcr_alloc((n_args + 1) * sizeof *args), *arg = args;
    mcr_recorded what = { .type = string_of(scenario, "type"),
                          .reason = string_of(scenario, "reason"),
                          .message = string_of(scenario, "fmt"),
                          .annotations = { .at = pairs } };
    cJSON_ArrayForEach(item, annotations)
    {
        pairs[what.annotations.n++] =
            (mcr_pair){ mcr_str_of(item->string), mcr_str_of(cJSON_GetStringValue(item)) };
    }
    cJSON_ArrayForEach(item, member(scenario, "args"))
    {
        *arg++ = arg_of(item);
    }
    if (mcr_str_is(string_of(scenario, "method"), "Event"))
        mcr_recorder_event(r, object, &what);
    else
        mcr_recorder_eventf(r, object, &what, args, n_args);
    free(pairs);
    free(args);
}

int vectors_recorder(const cJSON *scenario, char *why, size_t why_size)
{
    const cJSON *out = member(scenario, "out"), *source = member(scenario, "source");
    int64_t t = vector_int(member(scenario, "t"));
    outcome o = { 0 };
    mcr_recorder r = { .source = { string_of(source, "component"), string_of(source, "host") },
                       .clock = mcr_clock_fixed(&t),
                       .scheme = &scheme,
                       .publish = { publish, &o },
                       .log = { log_line, &o } };
    mcr_str type = string_of(scenario, "go_type");
    if (type.len && *type.ptr == '*')
        type = mcr_str_n(type.ptr + 1, type.len - 1);
    char *json = object_json(member(scenario, "object"));
    mcr_object_reference reference = reference_of(member(scenario, "object"));
    bool is_reference = mcr_str_is(type, "v1.ObjectReference");
    bool typed = !mcr_str_is(type, "unstructured.Unstructured") && !mcr_str_is(type, "nil");
    mcr_regarding object = { .reference = is_reference ? &reference : NULL,
                             .json = mcr_str_of(json),
                             .type = typed ? type : MCR_STR("") };
    record(&r, scenario, &object);
    const cJSON *event = member(out, "event");
    int passed = event ? compare_event(&o, event, why, why_size)
                       : compare_logs(&o, member(out, "logs"), why, why_size);
    mcr_event_unref(o.ev);
    mcr_buf_fini(&o.logs);
    cJSON_free(json);
    return passed;
}

static uint64_t all_ones(void *self)
{
    (void)self;
    return UINT64_MAX;
}

int vectors_name(const cJSON *scenario, char *why, size_t why_size)
{
    static const char uuid[] = "ffffffff-ffff-4fff-bfff-ffffffffffff";
    mcr_random random = { all_ones, NULL };
    mcr_str object = string_of(scenario, "ref_name"), name = string_of(scenario, "name");
    mcr_str name_033 = string_of(scenario, "name_033");
    if (mcr_str_is(name_033, "<uuid>"))
        name_033 = mcr_str_of(uuid);
    int64_t t = vector_int(member(scenario, "t"));
    mcr_buf found = { 0 };
    mcr_event_name(&found, object, t, NULL);
    int passed = mcr_str_eq(mcr_buf_str(&found), name);
    if (passed) {
        found.len = 0;
        mcr_event_name(&found, object, t, &random);
        passed = mcr_str_eq(mcr_buf_str(&found), name_033);
    }
    if (!passed)
        wrong(why, why_size, "the name is", &found);
    mcr_buf_fini(&found);
    return passed;
}
