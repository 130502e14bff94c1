#include <inttypes.h>
#include <stdio.h>

#include "api/api_answer.h"
#include "api/api_managed.h"
#include "api/api_reply.h"
#include "api/api_tree.h"
#include "api/api_validate.h"
#include "api/api_view.h"
#include "api/api_write.h"
#include "base/uuid.h"
#include "event/encode.h"
#include "event/time.h"
#include "sink/go_quote.h"

enum {
    ETCD_MAX = 3 << 19, // bytes of an event: etcd's --max-request-bytes
    SUFFIX = 5          // characters behind a generateName
};

//
// Answers
//

static void name_of(const mcr_event *ev, mcr_buf *out)
{
    mcr_go_escape(out, ev->metadata.name, true);
    mcr_buf_cstr(out);
}

// 422 with all causes.
static void reply_invalid(mcr_api_call *call, const mcr_event *ev, mcr_api_causes *causes)
{
    mcr_buf name = { 0 }, details = { 0 }, message = { 0 };
    name_of(ev, &name);
    bool generated = !ev->metadata.name.len;
    mcr_buf_puts(&details, "{");
    if (!generated) {
        mcr_buf_puts(&details, "\"name\":");
        mcr_json_string(&details, ev->metadata.name);
        mcr_buf_putc(&details, ',');
    }
    mcr_buf_puts(&details, "\"kind\":\"Event\",\"causes\":[");
    mcr_buf_add(&details, mcr_buf_str(&causes->json));
    mcr_buf_puts(&details, "]}");
    mcr_buf_printf(&message, "Event \"%s\" is invalid: %s%s%s", name.ptr,
                   causes->shown > 1 ? "[" : "", mcr_buf_cstr(&causes->list),
                   causes->shown > 1 ? "]" : "");
    call->reply.body.len = 0;
    mcr_api_status_write(&call->reply.body, 422, "Invalid", mcr_buf_cstr(&details), "{}",
                         mcr_buf_str(&message));
    mcr_buf_putc(&call->reply.body, '\n');
    mcr_api_reply_json(call, 422);
    mcr_buf_fini(&name);
    mcr_buf_fini(&details);
    mcr_buf_fini(&message);
}

static void reply_about(mcr_api_call *call, int code, const char *reason, mcr_str name,
                        const char *format, const char *more)
{
    mcr_buf details = { 0 }, text = { 0 };
    mcr_buf_add(&text, name);
    mcr_api_details(&details, call->request.events_api, mcr_buf_cstr(&text), NULL, NULL);
    text.len = 0;
    mcr_go_escape(&text, name, true);
    mcr_buf_cstr(&text);
    mcr_api_reply_status(call, code, reason, mcr_buf_cstr(&details), "%s%s \"%s\"%s", format,
                         mcr_api_resource_name(call->request.events_api), text.ptr, more);
    mcr_buf_fini(&details);
    mcr_buf_fini(&text);
}

#define CANNOT_BE_FULFILLED "Operation cannot be fulfilled on "

static bool is_good(mcr_api_call *call, const mcr_event *ev, mcr_api_causes *causes)
{
    bool good = causes->n == 0;
    if (!good)
        reply_invalid(call, ev, causes);
    mcr_api_causes_fini(causes);
    return good;
}

//
// Writing
//

static void make_name(mcr_buf *out, mcr_str prefix, const mcr_random *random)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    mcr_buf_add(out, prefix);
    for (int i = 0; i < SUFFIX; i++)
        mcr_buf_putc(out, letters[mcr_random_next(random) % (sizeof letters - 1)]);
}

// What the server itself says about an event.
typedef struct made {
    mcr_buf time;
    mcr_buf managed;
    mcr_buf json;
    char uid[MCR_UUID_LEN];
    char version[24];
} made;

static void fini_made(made *m)
{
    mcr_buf_fini(&m->time);
    mcr_buf_fini(&m->managed);
    mcr_buf_fini(&m->json);
}

static void encode(made *m, mcr_event *ev, uint64_t version)
{
    int n = version ? snprintf(m->version, sizeof m->version, "%" PRIu64, version) : 0;
    ev->metadata.resourceVersion = mcr_str_n(m->version, (size_t)n);
    m->json.len = 0;
    mcr_event_encode(&m->json, ev, false);
}

// Puts `fields` as a new event, or in the place of `old`, whose JSON is `before` (version: of its
// creation).
static void put(mcr_api_call *call, mcr_store_tx *tx, const mcr_event *fields, const mcr_event *old,
                mcr_str before, uint64_t created)
{
    mcr_api_write *w = call->state;
    made m = { 0 };
    mcr_event ev = *fields;
    int64_t now = mcr_store_time(tx);
    mcr_time_format(&m.time, now / 1000000000, 0, 0);
    ev.metadata.namespace = mcr_str_of(call->request.namespace);
    ev.metadata.selfLink = (mcr_str){ 0 };
    ev.metadata.deletionTimestamp = (mcr_time){ 0 };
    ev.metadata.deletionGracePeriodSeconds = -1;
    if (old) {
        ev.metadata.uid = old->metadata.uid;
        ev.metadata.creationTimestamp = old->metadata.creationTimestamp;
        ev.metadata.generateName = old->metadata.generateName;
        ev.metadata.managedFields = old->metadata.managedFields;
        // Of the server's own fields, those of before: is it the same event?
        ev.metadata.resourceVersion = old->metadata.resourceVersion;
        mcr_event_encode(&m.json, &ev, false);
        if (mcr_str_eq(mcr_buf_str(&m.json), before)) {
            mcr_api_answer_event(call, 200, before);
            fini_made(&m);
            return;
        }
    } else {
        mcr_uuid(m.uid, &call->server->random);
        ev.metadata.uid = mcr_str_n(m.uid, sizeof m.uid);
        ev.metadata.creationTimestamp = mcr_time_of(now / 1000000000 * 1000000000);
        ev.metadata.managedFields = (mcr_str){ 0 };
        ev.metadata.resourceVersion = (mcr_str){ 0 };
        mcr_event_encode(&m.json, &ev, false);
    }
    const mcr_api_manager who = {
        .name = w->manager,
        .operation = w->kind == MCR_API_PATCH_APPLY ? "Apply" : "Update",
        .events_api = call->request.events_api,
        .time = mcr_buf_cstr(&m.time),
    };
    mcr_api_managed_fields(&m.managed, &who, mcr_buf_str(&m.json), before);
    ev.metadata.managedFields = mcr_buf_str(&m.managed);
    if (m.json.len + m.managed.len > ETCD_MAX) {
        mcr_api_reply_status(call, 500, NULL, NULL, "etcdserver: request is too large");
        fini_made(&m);
        return;
    }
    uint64_t version = w->dry_run ? 0 : mcr_store_next_version(tx);
    encode(&m, &ev, version);
    const mcr_stored event = {
        .namespace = ev.metadata.namespace,
        .name = ev.metadata.name,
        .json = mcr_buf_str(&m.json),
        .version = version,
        .created = old ? created : version,
    };
    if (!w->dry_run)
        mcr_store_put(tx, &event);
    mcr_api_answer_event(call, old ? 200 : 201, event.json);
    fini_made(&m);
}

// The event as it will be stored, for validation: in the namespace of the URL.
static mcr_event placed(const mcr_api_call *call, const mcr_event *fields)
{
    mcr_event ev = *fields;
    ev.metadata.namespace = mcr_str_of(call->request.namespace);
    return ev;
}

static void create(mcr_api_call *call, mcr_store_tx *tx, const mcr_event *fields)
{
    mcr_api_causes causes = { 0 };
    mcr_event ev = placed(call, fields);
    mcr_api_validate_create(&causes, &ev, call->request.events_api);
    if (is_good(call, &ev, &causes))
        put(call, tx, &ev, NULL, (mcr_str){ 0 }, 0);
}

// The event of the store that the call is about, and its JSON, copied.
typedef struct stored_event {
    mcr_event *event; // NULL: there is none
    mcr_buf json;
    uint64_t created;
} stored_event;

static stored_event load(mcr_store_tx *tx, const mcr_api_write *w, mcr_str namespace, mcr_str name)
{
    stored_event out = { 0 };
    mcr_stored found;
    mcr_decode_error why;
    if (!mcr_store_get(tx, namespace, name, &found))
        return out;
    mcr_buf_add(&out.json, found.json);
    out.created = found.created;
    if (mcr_decode(w->decoder, mcr_buf_str(&out.json), 0, &out.event, &why) != MCR_DECODED_EVENT)
        out.event = NULL; // a damaged one is written anew
    return out;
}

static void unload(stored_event *s)
{
    mcr_event_unref(s->event);
    mcr_buf_fini(&s->json);
}

//
// POST
//

bool mcr_api_run_create(mcr_api_call *call, mcr_store_tx *tx)
{
    mcr_api_write *w = call->state;
    mcr_event ev = placed(call, w->body.event);
    if (!ev.metadata.name.len && ev.metadata.generateName.len) {
        make_name(&w->name, ev.metadata.generateName, &call->server->random);
        ev.metadata.name = mcr_buf_str(&w->name);
    }
    mcr_stored old;
    mcr_api_causes causes = { 0 };
    mcr_api_validate_create(&causes, &ev, call->request.events_api);
    if (!is_good(call, &ev, &causes))
        return true;
    if (mcr_store_get(tx, ev.metadata.namespace, ev.metadata.name, &old))
        reply_about(call, 409, "AlreadyExists", ev.metadata.name, "", " already exists");
    else
        put(call, tx, &ev, NULL, (mcr_str){ 0 }, 0);
    return true;
}

//
// PUT
//

// False: the call has its answer.
static bool check_version(mcr_api_call *call, const mcr_event *ev, const mcr_event *old)
{
    mcr_str version = ev->metadata.resourceVersion;
    if (!version.len || mcr_str_is(version, "0") ||
        mcr_str_eq(version, old->metadata.resourceVersion))
        return true;
    for (uint32_t i = 0; i < version.len; i++) {
        if (version.ptr[i] >= '0' && version.ptr[i] <= '9')
            continue;
        mcr_api_reply_status(call, 500, NULL, NULL,
                             "strconv.ParseUint: parsing \"%.*s\": invalid syntax",
                             version.len < 100 ? (int)version.len : 100, version.ptr);
        return false;
    }
    reply_about(call, 409, "Conflict", old->metadata.name, CANNOT_BE_FULFILLED,
                ": the object has been modified; please apply your changes to the latest version "
                "and try again");
    return false;
}

bool mcr_api_run_update(mcr_api_call *call, mcr_store_tx *tx)
{
    mcr_api_write *w = call->state;
    mcr_str namespace = mcr_str_of(call->request.namespace), name = mcr_str_of(call->request.name);
    stored_event old = load(tx, w, namespace, name);
    mcr_event ev = placed(call, w->body.event);
    mcr_str uid = ev.metadata.uid;
    if (!old.event) {
        create(call, tx, &ev);
    } else if (uid.len && !mcr_str_eq(uid, old.event->metadata.uid)) {
        mcr_buf more = { 0 };
        mcr_buf_printf(&more,
                       ": StorageError: invalid object, Code: 4, Key: /registry/events/%s/%s, "
                       "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in "
                       "precondition: %.*s, UID in object meta: %.*s",
                       call->request.namespace, call->request.name,
                       uid.len < 100 ? (int)uid.len : 100, uid.ptr,
                       (int)old.event->metadata.uid.len, old.event->metadata.uid.ptr);
        reply_about(call, 409, "Conflict", name, CANNOT_BE_FULFILLED, mcr_buf_cstr(&more));
        mcr_buf_fini(&more);
    } else if (check_version(call, &ev, old.event)) {
        mcr_api_causes causes = { 0 };
        mcr_api_validate_update(&causes, &ev, old.event, call->request.events_api);
        if (is_good(call, &ev, &causes))
            put(call, tx, &ev, old.event, mcr_buf_str(&old.json), old.created);
    }
    unload(&old);
    return true;
}

//
// PATCH
//

// As Go prints what it has parsed: map[count:x].
static void print_go(mcr_buf *out, const cJSON *value)
{
    const cJSON *item;
    if (cJSON_IsString(value)) {
        mcr_buf_puts(out, value->valuestring);
    } else if (cJSON_IsObject(value) || cJSON_IsArray(value)) {
        mcr_buf_puts(out, cJSON_IsObject(value) ? "map[" : "[");
        cJSON_ArrayForEach(item, value)
        {
            if (item != value->child)
                mcr_buf_putc(out, ' ');
            if (cJSON_IsObject(value))
                mcr_buf_printf(out, "%s:", item->string);
            print_go(out, item);
        }
        mcr_buf_putc(out, ']');
    } else if (cJSON_IsNull(value)) {
        mcr_buf_puts(out, "<nil>");
    } else {
        char *text = cJSON_PrintUnformatted(value);
        mcr_buf_puts(out, text ? text : "");
        cJSON_free(text);
    }
}

// The patch makes something that is no event.
static void reply_unfit(mcr_api_call *call, const mcr_api_body *body)
{
    const mcr_api_write *w = call->state;
    const char *type = strstr(body->message.ptr, " of type ");
    mcr_buf cause = { 0 }, details = { 0 };
    mcr_buf_puts(&cause, "Invalid value: \"");
    print_go(&cause, w->patch);
    mcr_buf_printf(&cause, "\": %s%s", type ? "unrecognized type: " : "",
                   type ? type + 9 : body->message.ptr);
    mcr_buf_puts(&details, "{\"causes\":[{\"reason\":\"FieldValueInvalid\",\"message\":");
    mcr_json_string(&details, mcr_buf_str(&cause));
    mcr_buf_puts(&details, ",\"field\":\"patch\"}]}");
    mcr_api_reply_status(call, 422, "Invalid", mcr_buf_cstr(&details),
                         " \"\" is invalid: patch: %s", mcr_buf_cstr(&cause));
    mcr_buf_fini(&cause);
    mcr_buf_fini(&details);
}

// The patched event, read; false: the call has its answer.
static bool patched(mcr_api_call *call, const stored_event *old, mcr_api_body *out)
{
    const mcr_api_write *w = call->state;
    mcr_buf text = { 0 }, why = { 0 };
    mcr_api_view_write(&text, mcr_buf_str(&old->json), call->request.events_api, true);
    cJSON *tree = mcr_api_tree_read(mcr_buf_str(&text), &why);
    mcr_buf_fini(&why);
    mcr_errbuf err;
    bool good = w->kind == MCR_API_PATCH_JSON
                    ? mcr_api_json_patch(&tree, w->patch, &err)
                    : mcr_api_merge(&tree, w->patch, w->kind == MCR_API_PATCH_STRATEGIC, &err);
    text.len = 0;
    if (good) {
        mcr_api_tree_write(&text, tree);
        mcr_api_body_read(out, w->decoder, mcr_buf_str(&text), call->request.events_api);
    } else if (w->kind == MCR_API_PATCH_JSON) {
        mcr_api_reply_status(call, 422, "Invalid", "{}",
                             "the server rejected our request due to an error in our request");
    } else {
        mcr_api_bad_request(call, err.text);
    }
    cJSON_Delete(tree);
    mcr_buf_fini(&text);
    if (!good)
        return false;
    if (!out->fault)
        return true;
    reply_unfit(call, out);
    mcr_api_body_fini(out);
    return false;
}

static void patch_event(mcr_api_call *call, mcr_store_tx *tx, const stored_event *old)
{
    mcr_api_body body;
    if (!patched(call, old, &body))
        return;
    mcr_event ev = placed(call, body.event);
    if (mcr_api_matches_url(call, body.event) && check_version(call, &ev, old->event)) {
        mcr_api_causes causes = { 0 };
        mcr_api_validate_update(&causes, &ev, old->event, call->request.events_api);
        if (is_good(call, &ev, &causes))
            put(call, tx, &ev, old->event, mcr_buf_str(&old->json), old->created);
    }
    mcr_api_body_fini(&body);
}

bool mcr_api_run_patch(mcr_api_call *call, mcr_store_tx *tx)
{
    mcr_api_write *w = call->state;
    stored_event old =
        load(tx, w, mcr_str_of(call->request.namespace), mcr_str_of(call->request.name));
    if (old.event)
        patch_event(call, tx, &old);
    else if (w->kind == MCR_API_PATCH_APPLY)
        create(call, tx, w->body.event);
    else
        mcr_api_answer_not_found(call);
    unload(&old);
    return true;
}
