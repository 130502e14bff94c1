// api/api_body.h and api/api_validate.h by exchanges with kube-apiserver: tests/data/fixtures.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api_body.h"
#include "api/api_patch.h"
#include "api/api_tree.h"
#include "api/api_validate.h"
#include "api/api_view.h"
#include "base/alloc.h"
#include "event/encode.h"

#define FOLDER "tests/data/fixtures/"

static cJSON *load(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s cannot be opened", path);
    mcr_buf text = { 0 };
    size_t n;
    do {
        n = fread(mcr_buf_reserve(&text, 1 << 16), 1, 1 << 16, file);
        text.len += n;
    } while (n);
    fclose(file);
    cJSON *fixture = cJSON_ParseWithLength(text.ptr, text.len);
    if (!fixture)
        fail_msg("%s is no JSON", path);
    mcr_buf_fini(&text);
    return fixture;
}

static const cJSON *at(const cJSON *object, const char *a, const char *b, const char *c)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, a);
    value = b ? cJSON_GetObjectItemCaseSensitive(value, b) : value;
    return c ? cJSON_GetObjectItemCaseSensitive(value, c) : value;
}

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

// What the server said, and what we have to compare.
typedef struct exchange {
    cJSON *fixture;
    const char *name;
    const char *body; // of the request; NULL: none that is text
    bool events_api;
    char namespace[64];
    int status;
    const char *message; // of a Status
    const cJSON *causes; // the same
} exchange;

static bool open_exchange(exchange *e, const char *path, const char *method)
{
    *e = (exchange){ .fixture = load(path) };
    const char *url = cJSON_GetStringValue(at(e->fixture, "request", "path", NULL));
    const char *used = cJSON_GetStringValue(at(e->fixture, "request", "method", NULL));
    const char *place = url ? strstr(url, "/namespaces/") : NULL;
    e->name = cJSON_GetStringValue(at(e->fixture, "case", NULL, NULL));
    e->body = cJSON_GetStringValue(at(e->fixture, "request", "body", "text"));
    if (!place || !used || strcmp(used, method) != 0 || !e->body || strchr(url, '?'))
        return false;
    place += strlen("/namespaces/");
    snprintf(e->namespace, sizeof e->namespace, "%.*s", (int)strcspn(place, "/"), place);
    e->events_api = starts(url, "/apis/events.k8s.io/v1/");
    e->status = at(e->fixture, "response", "status", NULL)->valueint;
    e->message = cJSON_GetStringValue(at(e->fixture, "response", "json", "message"));
    e->causes = at(at(e->fixture, "response", "json", NULL), "details", "causes", NULL);
    return true;
}

// The same causes in the same order?
static void compare(const exchange *e, mcr_api_causes *causes)
{
    mcr_buf ours = { 0 };
    mcr_buf_putc(&ours, '[');
    mcr_buf_add(&ours, mcr_buf_str(&causes->json));
    mcr_buf_putc(&ours, ']');
    cJSON *got = cJSON_ParseWithLength(ours.ptr, ours.len);
    assert_non_null(got);
    bool same = e->causes ? cJSON_Compare(got, e->causes, true) : cJSON_GetArraySize(got) == 0;
    if (!same)
        fail_msg("%s: %s", e->name, mcr_buf_cstr(&ours));
    if (e->causes && !strstr(e->message, mcr_buf_cstr(&causes->list)))
        fail_msg("%s: %s", e->name, causes->list.ptr);
    cJSON_Delete(got);
    mcr_buf_fini(&ours);
}

static void check_create(const exchange *e, mcr_decoder *decoder)
{
    mcr_api_body body;
    mcr_api_body_read(&body, decoder, mcr_str_of(e->body), e->events_api);
    if (body.fault) {
        if (e->status != 400 || strcmp(e->message, body.message.ptr) != 0)
            fail_msg("%s: %s", e->name, body.message.ptr);
    } else {
        mcr_api_causes causes = { 0 };
        mcr_event ev = *body.event;
        ev.metadata.namespace = mcr_str_of(e->namespace);
        if (!ev.metadata.name.len)
            ev.metadata.name = ev.metadata.generateName;
        mcr_api_validate_create(&causes, &ev, e->events_api);
        compare(e, &causes);
        mcr_api_causes_fini(&causes);
    }
    mcr_api_body_fini(&body);
}

// What the store holds of an event that a body makes.
static mcr_str stored(mcr_buf *out, mcr_decoder *decoder, const exchange *e)
{
    mcr_api_body body;
    mcr_api_body_read(&body, decoder, mcr_str_of(e->body), e->events_api);
    assert_non_null(body.event);
    mcr_event_encode(out, body.event, false);
    mcr_api_body_fini(&body);
    return mcr_buf_str(out);
}

static void check_patch(const exchange *e, const exchange *created, mcr_decoder *decoder)
{
    mcr_buf old_json = { 0 }, text = { 0 }, why = { 0 };
    mcr_event *old;
    mcr_decode_error bad;
    mcr_str json = stored(&old_json, decoder, created);
    assert_int_equal(MCR_DECODED_EVENT, mcr_decode(decoder, json, 0, &old, &bad));
    mcr_api_view_write(&text, json, e->events_api, true);
    cJSON *tree = mcr_api_tree_read(mcr_buf_str(&text), &why);
    cJSON *patch = mcr_api_tree_read(mcr_str_of(e->body), &why);
    assert_non_null(patch);
    mcr_errbuf err;
    assert_true(mcr_api_merge(&tree, patch, true, &err));
    text.len = 0;
    mcr_api_tree_write(&text, tree);
    mcr_api_body body;
    mcr_api_body_read(&body, decoder, mcr_buf_str(&text), e->events_api);
    if (!body.event) {
        fail_msg("%s: %s", e->name, body.message.ptr);
        return;
    }
    mcr_event ev = *body.event;
    ev.metadata.namespace = mcr_str_of(e->namespace);
    mcr_api_causes causes = { 0 };
    mcr_api_validate_update(&causes, &ev, old, e->events_api);
    compare(e, &causes);
    mcr_api_causes_fini(&causes);
    mcr_api_body_fini(&body);
    mcr_event_unref(old);
    cJSON_Delete(tree);
    cJSON_Delete(patch);
    mcr_buf_fini(&old_json);
    mcr_buf_fini(&text);
    mcr_buf_fini(&why);
}

// Bodies that the server took, found malformed, or invalid.
static void created(void **state)
{
    (void)state;
    glob_t found;
    unsigned compared = 0;
    mcr_decoder *decoder = mcr_decoder_new();
    assert_int_equal(0, glob(FOLDER "*.json", 0, NULL, &found));
    for (size_t i = 0; i < found.gl_pathc; i++) {
        exchange e;
        // Not YAML, and not what says 400 of something that is no body's fault.
        bool wanted = open_exchange(&e, found.gl_pathv[i], "POST") && !strstr(e.name, "yaml") &&
                      !strstr(e.name, "ns-mismatch") &&
                      (e.status == 201 || e.status == 400 || (e.status == 422 && e.causes));
        if (wanted || (e.name && strstr(e.name, "create-involved-ns-mismatch"))) {
            check_create(&e, decoder);
            compared++;
        }
        cJSON_Delete(e.fixture);
    }
    assert_true(compared > 70);
    globfree(&found);
    mcr_decoder_free(decoder);
}

// Patches of the events of core-create-ok and events-create-ok that break a rule or keep them all.
static void patched(void **state)
{
    (void)state;
    static const char *const names[] = {
        "core-patch-ok",
        "core-patch-reason",
        "core-patch-involved-ns",
        "core-patch-noop",
        "events-labels-patch",
        "events-series-patch",
        "events-series-patch-remove",
        "events-immutable-action",
        "events-immutable-deprecatedCount",
        "events-immutable-eventTime",
        "events-immutable-note",
        "events-immutable-reason",
        "events-immutable-regarding",
        "events-immutable-related",
        "events-immutable-reportingController",
        "events-immutable-reportingInstance",
        "events-immutable-type",
    };
    mcr_decoder *decoder = mcr_decoder_new();
    exchange core, events;
    assert_true(open_exchange(&core, FOLDER "core-create-ok.json", "POST"));
    assert_true(open_exchange(&events, FOLDER "events-create-ok.json", "POST"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[200];
        exchange e;
        snprintf(path, sizeof path, FOLDER "%s.json", names[i]);
        assert_true(open_exchange(&e, path, "PATCH"));
        check_patch(&e, e.events_api ? &events : &core, decoder);
        cJSON_Delete(e.fixture);
    }
    cJSON_Delete(core.fixture);
    cJSON_Delete(events.fixture);
    mcr_decoder_free(decoder);
}

// Names come in Go's quotes.
static void quoted(void **state)
{
    (void)state;
    mcr_decoder *decoder = mcr_decoder_new();
    mcr_api_body body;
    mcr_api_causes causes = { 0 };
    mcr_api_body_read(&body, decoder,
                      MCR_STR("{\"metadata\":{\"name\":\"a\\\"/\",\"namespace\":\"n\",\"labels\":"
                              "{\"a\\u0000b\":\"\\n\"}},\"involvedObject\":{\"namespace\":\"n\"}}"),
                      false);
    assert_non_null(body.event);
    mcr_api_validate_create(&causes, body.event, false);
    assert_int_equal(3, causes.n);
    mcr_buf_cstr(&causes.list);
    assert_non_null(strstr(causes.list.ptr, "metadata.name: Invalid value: \"a\\\"/\": may not"));
    assert_non_null(
        strstr(causes.list.ptr, "metadata.labels: Invalid value: \"a\\x00b\": name part"));
    assert_non_null(
        strstr(causes.list.ptr, "metadata.labels: Invalid value: \"\\n\": a valid label"));
    mcr_api_causes_fini(&causes);
    mcr_api_body_fini(&body);
    mcr_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(created),
        cmocka_unit_test(patched),
        cmocka_unit_test(quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
