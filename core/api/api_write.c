#include "api/api_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_reply.h"
#include "api/api_tree.h"
#include "base/alloc.h"
#include "event/encode.h"
#include "net/yaml.h"

#define MEDIA_TYPES                                                                                \
    "the body of the request was in an unknown format - accepted media types include: "            \
    "application/json, application/yaml"

static void free_write(void *state)
{
    mcr_api_write *w = state;
    mcr_decoder_free(w->decoder);
    mcr_api_body_fini(&w->body);
    mcr_buf_fini(&w->json);
    mcr_buf_fini(&w->name);
    cJSON_Delete(w->patch);
    free(w);
}

bool mcr_api_bad_request(mcr_api_call *call, const char *text)
{
    mcr_api_reply_status(call, 400, "BadRequest", NULL, "%s", text);
    return false;
}

bool mcr_api_matches_url(mcr_api_call *call, const mcr_event *ev)
{
    mcr_str name = ev->metadata.name, namespace = ev->metadata.namespace;
    if (!mcr_str_is(name, call->request.name)) {
        mcr_api_reply_status(call, 400, "BadRequest", NULL,
                             "the name of the object (%.*s) does not match the name on the URL "
                             "(%s)",
                             name.len < 2048 ? (int)name.len : 2048, name.len ? name.ptr : "",
                             call->request.name);
        return false;
    }
    if (namespace.len && !mcr_str_is(namespace, call->request.namespace))
        return mcr_api_bad_request(call, "the namespace of the provided object does not match the "
                                         "namespace sent on the request");
    return true;
}

static bool unsupported(mcr_api_call *call, const char *kind, const char *field, const char *value,
                        const char *supported)
{
    mcr_buf details = { 0 }, message = { 0 }, cause = { 0 };
    mcr_buf_printf(&cause, "Unsupported value: %s: supported values: %s", value, supported);
    mcr_buf_printf(&details,
                   "{\"group\":\"meta.k8s.io\",\"kind\":\"%s\",\"causes\":[{\"reason\":"
                   "\"FieldValueNotSupported\",\"message\":",
                   kind);
    mcr_json_string(&details, mcr_buf_str(&cause));
    mcr_buf_printf(&details, ",\"field\":\"%s\"}]}", field);
    mcr_api_reply_status(call, 422, "Invalid", mcr_buf_cstr(&details),
                         "%s.meta.k8s.io \"\" is invalid: %s: %s", kind, field,
                         mcr_buf_cstr(&cause));
    mcr_buf_fini(&details);
    mcr_buf_fini(&message);
    mcr_buf_fini(&cause);
    return false;
}

// Query parameters of writing. False: the call has its answer.
static bool read_options(mcr_api_call *call, mcr_api_write *w, const char *kind)
{
    const char *dry = mcr_api_param_get(&call->request, "dryRun");
    const char *checked = mcr_api_param_get(&call->request, "fieldValidation");
    const char *manager = mcr_api_param_get(&call->request, "fieldManager");
    mcr_buf shown = { 0 };
    bool good = true;
    if (dry && strcmp(dry, "All") != 0) {
        mcr_buf_printf(&shown, "[]string{\"%s\"}", dry);
        good = unsupported(call, kind, "dryRun", mcr_buf_cstr(&shown), "\"All\"");
    } else if (checked && *checked && strcmp(checked, "Strict") != 0 &&
               strcmp(checked, "Warn") != 0 && strcmp(checked, "Ignore") != 0) {
        mcr_buf_printf(&shown, "\"%s\"", checked);
        good = unsupported(call, kind, "fieldValidation", mcr_buf_cstr(&shown),
                           "\"Ignore\", \"Strict\", \"Warn\"");
    }
    mcr_buf_fini(&shown);
    w->dry_run = dry != NULL;
    const char *agent = call->user_agent ? call->user_agent : "unknown";
    if (manager && *manager)
        snprintf(w->manager, sizeof w->manager, "%s", manager);
    else
        snprintf(w->manager, sizeof w->manager, "%.*s", (int)strcspn(agent, "/"), agent);
    return good;
}

// What the body has that the API does not know: warnings, or a refusal.
static bool check_unknown(mcr_api_call *call, const mcr_api_body *body)
{
    const char *checked = mcr_api_param_get(&call->request, "fieldValidation");
    bool strict = checked && strcmp(checked, "Strict") == 0;
    if (!body->unknown.len || (checked && strcmp(checked, "Ignore") == 0))
        return true;
    mcr_buf text = { 0 };
    const char *at = body->unknown.ptr, *end = at + body->unknown.len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        mcr_str line = mcr_str_n(at, (size_t)(stop - at));
        if (strict) {
            mcr_buf_printf(&text, "%s%.*s", text.len ? ", " : "", (int)line.len, line.ptr);
        } else {
            text.len = 0;
            mcr_buf_puts(&text, "299 - ");
            mcr_json_string(&text, line);
            mcr_api_reply_header(call, "Warning", mcr_buf_cstr(&text));
        }
        at = stop + 1;
    }
    if (strict)
        mcr_api_reply_status(call, 400, "BadRequest", NULL,
                             "Event in version \"v1\" cannot be handled as a Event: strict "
                             "decoding error: %s",
                             mcr_buf_cstr(&text));
    mcr_buf_fini(&text);
    return !strict;
}

static bool is_media(const char *content_type, const char *wanted)
{
    size_t len = strlen(wanted);
    return strncmp(content_type, wanted, len) == 0 &&
           (!content_type[len] || content_type[len] == ';' || content_type[len] == ' ');
}

static bool read_yaml(mcr_api_call *call, mcr_api_write *w)
{
    mcr_errbuf err = { .text = "it is nested too deeply" };
    mcr_yaml *yaml = mcr_yaml_read(call->body, &err);
    bool good = yaml && mcr_yaml_root(yaml) && mcr_yaml_json(yaml, mcr_yaml_root(yaml), &w->json);
    mcr_yaml_free(yaml);
    if (!good)
        mcr_api_reply_status(call, 400, "BadRequest", NULL, "error converting YAML to JSON: %s",
                             err.text);
    return good;
}

// The body as an event. False: the call has its answer.
static bool read_body(mcr_api_call *call, mcr_api_write *w, bool yaml)
{
    if (yaml && !read_yaml(call, w))
        return false;
    mcr_api_body_read(&w->body, w->decoder, yaml ? mcr_buf_str(&w->json) : call->body,
                      call->request.events_api);
    if (w->body.fault)
        return check_unknown(call, &w->body) && mcr_api_bad_request(call, w->body.message.ptr);
    return check_unknown(call, &w->body);
}

static bool read_event(mcr_api_call *call, mcr_api_write *w)
{
    const char *type = call->content_type;
    bool yaml = type && is_media(type, "application/yaml");
    if (type && *type && !yaml && !is_media(type, "application/json")) {
        mcr_api_reply_status(call, 415, "UnsupportedMediaType", NULL, MEDIA_TYPES);
        return false;
    }
    return read_body(call, w, yaml);
}

static mcr_api_write *new_write(mcr_api_call *call, bool (*run)(mcr_api_call *, mcr_store_tx *))
{
    mcr_api_write *w = mcr_zalloc(sizeof *w);
    w->decoder = mcr_decoder_new();
    call->state = w;
    call->free_state = free_write;
    call->run = run;
    return w;
}

static void go_on(mcr_api_call *call, bool good)
{
    if (good)
        mcr_api_call_store(call);
    else
        mcr_api_call_answer(call);
}

static bool check_created(mcr_api_call *call, const mcr_api_write *w)
{
    const mcr_object_meta *meta = &w->body.event->metadata;
    if (meta->namespace.len && !mcr_str_is(meta->namespace, call->request.namespace))
        return mcr_api_bad_request(call, "the namespace of the provided object does not match the "
                                         "namespace sent on the request");
    if (meta->resourceVersion.len) {
        mcr_api_reply_status(call, 500, NULL, NULL,
                             "resourceVersion should not be set on objects to be created");
        return false;
    }
    return true;
}

void mcr_api_create(mcr_api_call *call)
{
    mcr_api_write *w = new_write(call, mcr_api_run_create);
    go_on(call,
          read_options(call, w, "CreateOptions") && read_event(call, w) && check_created(call, w));
}

void mcr_api_update(mcr_api_call *call)
{
    mcr_api_write *w = new_write(call, mcr_api_run_update);
    go_on(call, read_options(call, w, "UpdateOptions") && read_event(call, w) &&
                    mcr_api_matches_url(call, w->body.event));
}

// The body as a patch. False: the call has its answer.
static bool read_patch(mcr_api_call *call, mcr_api_write *w)
{
    w->kind = mcr_api_patch_kind_of(call->content_type);
    if (w->kind == MCR_API_PATCH_NONE) {
        mcr_api_reply_status(call, 415, "UnsupportedMediaType", "{}",
                             "415: Unsupported Media Type");
        return false;
    }
    bool apply = w->kind == MCR_API_PATCH_APPLY;
    const char *manager = mcr_api_param_get(&call->request, "fieldManager");
    if (apply && !(manager && *manager)) {
        mcr_api_reply_status(
            call, 422, "Invalid",
            "{\"group\":\"meta.k8s.io\",\"kind\":\"PatchOptions\",\"causes\":[{\"reason\":"
            "\"FieldValueRequired\",\"message\":\"Required value: is required for apply patch\","
            "\"field\":\"fieldManager\"}]}",
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required "
            "for apply patch");
        return false;
    }
    if (apply && (!read_body(call, w, true) || !mcr_api_matches_url(call, w->body.event)))
        return false;
    mcr_str text = apply ? mcr_buf_str(&w->json) : call->body;
    mcr_buf why = { 0 };
    w->patch = mcr_api_tree_read(text, &why);
    if (!w->patch)
        mcr_api_bad_request(call, mcr_buf_cstr(&why));
    mcr_buf_fini(&why);
    if (!w->patch)
        return false;
    if (w->kind == MCR_API_PATCH_JSON ? !cJSON_IsArray(w->patch) : !cJSON_IsObject(w->patch))
        return mcr_api_bad_request(call, w->kind == MCR_API_PATCH_JSON
                                             ? "a JSON patch is an array of operations"
                                             : "a merge patch of an event is an object");
    if (cJSON_IsArray(w->patch) && cJSON_GetArraySize(w->patch) > MCR_API_OPERATIONS_MAX) {
        mcr_api_reply_status(call, 413, "RequestEntityTooLarge", NULL,
                             "Request entity too large: The allowed maximum operations in a JSON "
                             "patch is %d, got %d",
                             MCR_API_OPERATIONS_MAX, cJSON_GetArraySize(w->patch));
        return false;
    }
    if (!apply && w->kind != MCR_API_PATCH_JSON) {
        mcr_api_body unknown = { 0 };
        mcr_api_unknown_fields(&unknown.unknown, text, call->request.events_api);
        bool good = check_unknown(call, &unknown);
        mcr_api_body_fini(&unknown);
        return good;
    }
    return true;
}

void mcr_api_patch(mcr_api_call *call)
{
    mcr_api_write *w = new_write(call, mcr_api_run_patch);
    go_on(call, read_options(call, w, "PatchOptions") && read_patch(call, w));
}
