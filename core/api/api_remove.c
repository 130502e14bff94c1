#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_answer.h"
#include "api/api_list.h"
#include "api/api_reply.h"
#include "api/api_view.h"
#include "base/alloc.h"

//
// DeleteOptions
//

typedef struct delete_options {
    char *uid;     // preconditions; NULL: any
    char *version; // the same
    bool dry_run;
} delete_options;

static void fini_options(delete_options *o)
{
    free(o->uid);
    free(o->version);
}

// The body and the query. False: the call has its answer.
static bool parse_options(delete_options *out, mcr_api_call *call)
{
    const char *dry = mcr_api_param_get(&call->request, "dryRun");
    out->dry_run = dry && strcmp(dry, "All") == 0;
    if (!call->body.len)
        return true;
    cJSON *body = cJSON_ParseWithLength(call->body.ptr, call->body.len);
    if (!cJSON_IsObject(body)) {
        mcr_api_reply_status(call, 400, "BadRequest", NULL,
                             "the body of the request is no DeleteOptions in JSON");
        cJSON_Delete(body);
        return false;
    }
    const cJSON *conditions = cJSON_GetObjectItemCaseSensitive(body, "preconditions");
    out->uid =
        mcr_strdup(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(conditions, "uid")));
    out->version = mcr_strdup(
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(conditions, "resourceVersion")));
    const cJSON *value;
    cJSON_ArrayForEach(value, cJSON_GetObjectItemCaseSensitive(body, "dryRun")) out->dry_run = true;
    cJSON_Delete(body);
    return true;
}

static bool is_text(mcr_str json, const char *text)
{
    return json.len == strlen(text) + 2 && memcmp(json.ptr + 1, text, json.len - 2) == 0;
}

// Removes one event whose JSON is `json`.
static void remove_one(mcr_store_tx *tx, mcr_str namespace, mcr_str name, mcr_str json)
{
    mcr_buf last = { 0 };
    uint64_t version = mcr_store_next_version(tx);
    mcr_store_json_version(&last, json, version);
    mcr_store_remove(tx, namespace, name, version, mcr_buf_str(&last));
    mcr_buf_fini(&last);
}

//
// DELETE of one
//

typedef struct removal {
    delete_options options;
} removal;

static void free_removal(void *state)
{
    removal *r = state;
    fini_options(&r->options);
    free(r);
}

static void conflict(mcr_api_call *call, const char *what, const char *wanted, mcr_str found)
{
    mcr_buf details = { 0 };
    mcr_api_details(&details, call->request.events_api, call->request.name, NULL, NULL);
    mcr_api_reply_status(
        call, 409, "Conflict", mcr_buf_cstr(&details),
        "Operation cannot be fulfilled on %s \"%s\": Precondition failed: %s in precondition: %s, "
        "%s in object meta: %.*s",
        mcr_api_resource_name(call->request.events_api), call->request.name, what, wanted, what,
        found.len > 2 ? (int)found.len - 2 : 0, found.len > 2 ? found.ptr + 1 : "");
    mcr_buf_fini(&details);
}

static void reply_removed(mcr_api_call *call, mcr_str uid)
{
    mcr_buf *out = &call->reply.body;
    char text[64];
    size_t len = uid.len > 2 && uid.len < sizeof text ? uid.len - 2 : 0;
    if (len)
        memcpy(text, uid.ptr + 1, len);
    text[len] = '\0';
    mcr_buf_puts(out, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
                      "\"status\":\"Success\",\"details\":");
    mcr_api_details(out, call->request.events_api, call->request.name, text, NULL);
    mcr_buf_puts(out, "}\n");
    mcr_api_reply_json(call, 200);
}

static bool run_delete(mcr_api_call *call, mcr_store_tx *tx)
{
    const removal *r = call->state;
    mcr_str namespace = mcr_str_of(call->request.namespace), name = mcr_str_of(call->request.name);
    mcr_stored event;
    if (!mcr_store_get(tx, namespace, name, &event)) {
        mcr_api_answer_not_found(call);
        return true;
    }
    mcr_str metadata = mcr_api_member(event.json, "metadata");
    mcr_str uid = mcr_api_member(metadata, "uid");
    mcr_str version = mcr_api_member(metadata, "resourceVersion");
    if (r->options.uid && !is_text(uid, r->options.uid)) {
        conflict(call, "UID", r->options.uid, uid);
    } else if (r->options.version && !is_text(version, r->options.version)) {
        conflict(call, "ResourceVersion", r->options.version, version);
    } else {
        reply_removed(call, uid);
        if (!r->options.dry_run) {
            mcr_buf json = { 0 };
            mcr_buf_add(&json, event.json); // the store's own is good until it is asked again
            remove_one(tx, namespace, name, mcr_buf_str(&json));
            mcr_buf_fini(&json);
        }
    }
    return true;
}

void mcr_api_delete(mcr_api_call *call)
{
    removal *r = mcr_zalloc(sizeof *r);
    call->state = r;
    call->free_state = free_removal;
    call->run = run_delete;
    if (parse_options(&r->options, call))
        mcr_api_call_store(call);
    else
        mcr_api_call_answer(call);
}

//
// DELETE of a collection
//

typedef struct clearance {
    delete_options options;
    mcr_api_list_query query;
    mcr_api_batch batch;
    uint64_t version;
} clearance;

static void free_clearance(void *state)
{
    clearance *c = state;
    fini_options(&c->options);
    mcr_api_list_query_fini(&c->query);
    mcr_api_batch_fini(&c->batch);
    free(c);
}

static bool gather(void *self, const mcr_stored *event)
{
    clearance *c = self;
    if (mcr_api_selector_match(c->query.selector, event))
        mcr_api_batch_add(&c->batch, MCR_STORE_DELETED, event);
    return c->query.limit <= 0 || c->batch.n < (uint64_t)c->query.limit;
}

static bool run_clear(mcr_api_call *call, mcr_store_tx *tx)
{
    clearance *c = call->state;
    mcr_store_list(tx, mcr_str_of(call->request.namespace), NULL, NULL, gather, c);
    for (size_t i = 0; i < c->batch.n && !c->options.dry_run; i++)
        remove_one(tx, mcr_api_item_namespace(&c->batch, i), mcr_api_item_name(&c->batch, i),
                   mcr_api_item_json(&c->batch, i));
    c->version = mcr_store_now(tx);
    return true;
}

static void finish_clear(mcr_api_call *call)
{
    clearance *c = call->state;
    const mcr_api_list_meta meta = { .version = c->version };
    mcr_api_answer_list(call, &c->batch, &meta);
    mcr_api_call_answer(call);
}

void mcr_api_delete_collection(mcr_api_call *call)
{
    clearance *c = mcr_zalloc(sizeof *c);
    call->state = c;
    call->free_state = free_clearance;
    call->run = run_clear;
    call->finish = finish_clear;
    if (mcr_api_list_query_parse(&c->query, call) && parse_options(&c->options, call))
        mcr_api_call_store(call);
    else
        mcr_api_call_answer(call);
}
