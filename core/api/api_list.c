#include "api/api_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_answer.h"
#include "api/api_batch.h"
#include "api/api_continue.h"
#include "api/api_reply.h"
#include "base/alloc.h"

//
// The query
//

static bool invalid_options(mcr_api_call *call, const char *reason, const char *field,
                            const char *message)
{
    mcr_buf details = { 0 };
    mcr_buf_printf(&details,
                   "{\"group\":\"meta.k8s.io\",\"kind\":\"ListOptions\",\"causes\":[{\"reason\":"
                   "\"%s\",\"message\":\"%s\",\"field\":\"%s\"}]}",
                   reason, message, field);
    mcr_api_reply_status(call, 422, "Invalid", mcr_buf_cstr(&details),
                         "ListOptions.meta.k8s.io \"\" is invalid: %s: %s", field, message);
    mcr_buf_fini(&details);
    return false;
}

static bool parse_number(mcr_api_call *call, const char *name, int64_t *out)
{
    const char *text = mcr_api_param_get(&call->request, name);
    char *end;
    if (!text || !*text)
        return true;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (!*end && !errno)
        return true;
    mcr_api_reply_status(call, 400, "BadRequest", NULL, "strconv.ParseInt: parsing \"%s\": %s",
                         text, errno ? "value out of range" : "invalid syntax");
    return false;
}

static bool parse_version(mcr_api_list_query *q, mcr_api_call *call)
{
    const char *text = mcr_api_param_get(&call->request, "resourceVersion");
    if (!text || !*text)
        return true;
    q->has_version = true;
    if (text[strspn(text, "0123456789")] == '\0' && strlen(text) < 20) {
        q->version = strtoull(text, NULL, 10);
        return true;
    }
    bool watch = call->request.watch; // kube-apiserver has two answers to it
    mcr_api_reply_status(call, watch ? 500 : 400, watch ? NULL : "BadRequest", NULL,
                         "%sresourceVersion: Invalid value: \"%s\": strconv.ParseUint: parsing "
                         "\"%s\": invalid syntax",
                         watch ? "" : "invalid resource version: ", text, text);
    return false;
}

static bool parse_match(mcr_api_list_query *q, mcr_api_call *call)
{
    const char *match = mcr_api_param_get(&call->request, "resourceVersionMatch");
    bool initial = mcr_api_param_true(&call->request, "sendInitialEvents");
    if (call->request.watch && initial && (!match || strcmp(match, "NotOlderThan") != 0))
        return invalid_options(
            call, "FieldValueForbidden", "resourceVersionMatch",
            "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    if (!match || !*match)
        return true;
    q->exact = strcmp(match, "Exact") == 0;
    q->not_older = strcmp(match, "NotOlderThan") == 0;
    if (call->request.watch && !initial)
        return invalid_options(call, "FieldValueForbidden", "resourceVersionMatch",
                               "Forbidden: resourceVersionMatch is forbidden for watch unless "
                               "sendInitialEvents is provided");
    if (!q->exact && !q->not_older)
        return invalid_options(call, "FieldValueNotSupported", "resourceVersionMatch",
                               "Unsupported value: supported values: Exact, NotOlderThan");
    if (!call->request.watch && !q->has_version)
        return invalid_options(call, "FieldValueForbidden", "resourceVersionMatch",
                               "Forbidden: resourceVersionMatch is forbidden unless "
                               "resourceVersion is provided");
    if (q->exact && q->version == 0)
        return invalid_options(call, "FieldValueForbidden", "resourceVersionMatch",
                               "Forbidden: resourceVersionMatch exact is forbidden for "
                               "resourceVersion 0");
    return true;
}

bool mcr_api_list_query_parse(mcr_api_list_query *out, mcr_api_call *call)
{
    *out = (mcr_api_list_query){ 0 };
    mcr_errbuf err;
    if (!parse_number(call, "limit", &out->limit) ||
        !parse_number(call, "timeoutSeconds", &out->timeout_s) || !parse_version(out, call) ||
        !parse_match(out, call))
        return false;
    out->selector = mcr_api_selector_new(mcr_api_param_get(&call->request, "labelSelector"),
                                         mcr_api_param_get(&call->request, "fieldSelector"),
                                         call->request.events_api, &err);
    if (!out->selector)
        mcr_api_reply_status(call, 400, "BadRequest", NULL, "%s", err.text);
    return out->selector != NULL;
}

void mcr_api_list_query_fini(mcr_api_list_query *q)
{
    mcr_api_selector_free(q->selector);
}

//
// LIST
//

typedef struct list {
    mcr_api_list_query query;
    mcr_api_continue from; // where the page begins
    bool continued;
    bool dated; // it continues a list of a version
    mcr_api_batch batch;
    uint64_t version; // of the list
    uint64_t remaining;
    bool more;
} list;

static void free_list(void *state)
{
    list *l = state;
    mcr_api_list_query_fini(&l->query);
    mcr_api_continue_fini(&l->from);
    mcr_api_batch_fini(&l->batch);
    free(l);
}

static bool gather(void *self, const mcr_stored *event)
{
    list *l = self;
    // What is newer than the first page is not in the list: a watch from its version tells it.
    if (l->dated && event->created > l->version)
        return true;
    if (!mcr_api_selector_match(l->query.selector, event))
        return true;
    if (l->query.limit > 0 && l->batch.n >= (uint64_t)l->query.limit) {
        l->more = true;
        l->remaining++;
        // With selectors nobody is told how many remain.
        return mcr_api_selector_empty(l->query.selector);
    }
    mcr_api_batch_add(&l->batch, MCR_STORE_ADDED, event);
    return true;
}

// Whether there is a list for the version asked for; otherwise the reply says why not. Old states
// are not kept: of the past, only the present is there.
static bool check_version(mcr_api_call *call, const list *l, uint64_t now, uint64_t oldest)
{
    mcr_buf token = { 0 };
    // A token from the future is one of a store that was there before.
    if (l->continued && l->from.version >= 0 &&
        ((uint64_t)l->from.version < oldest || (uint64_t)l->from.version > now)) {
        mcr_api_continue_write(&token, !*call->request.namespace, -1,
                               mcr_buf_str(&l->from.namespace), mcr_buf_str(&l->from.name));
        mcr_buf metadata = { 0 };
        mcr_buf_printf(&metadata, "{\"continue\":\"%s\"}", mcr_buf_cstr(&token));
        mcr_api_status_write(
            &call->reply.body, 410, "Expired", NULL, mcr_buf_cstr(&metadata),
            MCR_STR("The provided continue parameter is too old to display a consistent list "
                    "result. You can start a new list without the continue parameter, or use the "
                    "continue token in this response to retrieve the remainder of the results. "
                    "Continuing with the provided token results in an inconsistent list - objects "
                    "that were created, modified, or deleted between the time the first chunk was "
                    "returned and now may show up in the list."));
        mcr_buf_putc(&call->reply.body, '\n');
        mcr_api_reply_json(call, 410);
        mcr_buf_fini(&token);
        mcr_buf_fini(&metadata);
        return false;
    }
    if (l->query.version > now) {
        mcr_api_reply_status(call, 504, "Timeout",
                             "{\"causes\":[{\"reason\":\"ResourceVersionTooLarge\",\"message\":"
                             "\"Too large resource version\"}]}",
                             "Timeout: Too large resource version: %llu, current: %llu",
                             (unsigned long long)l->query.version, (unsigned long long)now);
        return false;
    }
    if (l->query.exact && l->query.version != now) {
        mcr_api_reply_status(call, 410, "Expired", NULL,
                             "The resourceVersion for the provided list is too old.");
        return false;
    }
    return true;
}

static bool run_list(mcr_api_call *call, mcr_store_tx *tx)
{
    list *l = call->state;
    uint64_t now = mcr_store_now(tx);
    if (!check_version(call, l, now, mcr_store_oldest(tx))) {
        call->finish = NULL;
        return true;
    }
    l->dated = l->continued && l->from.version > 0;
    l->version = l->dated ? (uint64_t)l->from.version : now;
    mcr_str namespace = mcr_buf_str(&l->from.namespace), name = mcr_buf_str(&l->from.name);
    mcr_store_list(tx, mcr_str_of(call->request.namespace), l->continued ? &namespace : NULL,
                   l->continued ? &name : NULL, gather, l);
    return true;
}

static void finish_list(mcr_api_call *call)
{
    list *l = call->state;
    mcr_buf token = { 0 };
    if (l->more)
        mcr_api_continue_write(&token, !*call->request.namespace, (int64_t)l->version,
                               mcr_api_item_namespace(&l->batch, l->batch.n - 1),
                               mcr_api_item_name(&l->batch, l->batch.n - 1));
    const mcr_api_list_meta meta = {
        .version = l->version,
        .token = mcr_buf_str(&token),
        .remaining = mcr_api_selector_empty(l->query.selector) ? l->remaining : 0,
    };
    mcr_api_answer_list(call, &l->batch, &meta);
    mcr_buf_fini(&token);
    mcr_api_call_answer(call);
}

void mcr_api_list(mcr_api_call *call)
{
    list *l = mcr_zalloc(sizeof *l);
    call->state = l;
    call->free_state = free_list;
    const char *token = mcr_api_param_get(&call->request, "continue");
    mcr_errbuf err;
    bool good = mcr_api_list_query_parse(&l->query, call);
    if (good && token && *token) {
        l->continued = true;
        good = false;
        if (l->query.version > 0)
            mcr_api_reply_status(call, 400, "BadRequest", NULL,
                                 "specifying resource version is not allowed when using continue");
        else if (!mcr_api_continue_parse(&l->from, token, call->request.namespace, &err))
            mcr_api_reply_status(call, 400, "BadRequest", NULL, "%s", err.text);
        else
            good = true;
    }
    if (!good) {
        mcr_api_call_answer(call);
        return;
    }
    call->run = run_list;
    call->finish = finish_list;
    mcr_api_call_store(call);
}

//
// GET
//

static void free_batch(void *state)
{
    mcr_api_batch_fini(state);
    free(state);
}

static bool run_get(mcr_api_call *call, mcr_store_tx *tx)
{
    mcr_stored event;
    if (mcr_store_get(tx, mcr_str_of(call->request.namespace), mcr_str_of(call->request.name),
                      &event))
        mcr_api_batch_add(call->state, MCR_STORE_ADDED, &event);
    return true;
}

static void finish_get(mcr_api_call *call)
{
    const mcr_api_batch *batch = call->state;
    if (batch->n)
        mcr_api_answer_event(call, 200, mcr_api_item_json(batch, 0));
    else
        mcr_api_answer_not_found(call);
    mcr_api_call_answer(call);
}

void mcr_api_get(mcr_api_call *call)
{
    call->state = mcr_zalloc(sizeof(mcr_api_batch));
    call->free_state = free_batch;
    call->run = run_get;
    call->finish = finish_get;
    mcr_api_call_store(call);
}
