// mooncrier.h's recorder and StartRecordingToSink, against a scripted API server.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <wchar.h>

#include "mooncrier.h"
#include "support/scripted_server.h"

#define SECONDS INT64_C(1000000000)

static const mcr_record_object web = {
    .api_version = "v1", .kind = "Pod", .ns = "shop", .name = "web-1", .uid = "u-1"
};

typedef struct world {
    scripted_server *server;
    mcr_broadcaster *b;
    mcr_event_recorder *r;
    mcr_event_watcher *w;
} world;

static void begin(world *x, bool client_go, bool reachable)
{
    mcr_errbuf err = { "" };
    x->server = scripted_server_new(NULL);
    scripted_server_answer(x->server, (scripted_reply){ .mode = SCRIPTED_ECHO });
    if (!reachable)
        scripted_server_stop(x->server);
    x->b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 1000 });
    x->r = mcr_new_recorder(x->b, "tester", "node-1");
    x->w = mcr_start_recording_to_sink(
        x->b,
        &(mcr_recording_sink_options){ .server = scripted_server_url(x->server),
                                       .client_go = client_go,
                                       .drain_timeout_ns = reachable ? 30 * SECONDS : -1 },
        &err);
    if (!x->w)
        fail_msg("%s", err.text);
}

static void end(world *x)
{
    mcr_broadcaster_shutdown(x->b);
    mcr_event_watcher_stop(x->w);
    mcr_event_recorder_free(x->r);
    mcr_broadcaster_free(x->b);
    scripted_server_free(x->server);
}

static void a_repeat_is_patched(bool client_go)
{
    world x;
    begin(&x, client_go, true);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mcr_recordf(x.r, &web, "Warning", "BackOff", "after %d s", 10),
                         MCR_RECORD_PUBLISHED);
        assert_true(mcr_event_watcher_flush(x.w, 30 * SECONDS));
    }
    assert_int_equal(scripted_server_requests(x.server), 2);
    const scripted_request *post = scripted_server_request(x.server, 0);
    assert_string_equal(post->method, "POST");
    assert_string_equal(post->uri, "/api/v1/namespaces/shop/events");
    assert_non_null(strstr(post->body, "\"message\":\"after 10 s\""));
    assert_non_null(strstr(post->body, "\"component\":\"tester\""));
    const scripted_request *patch = scripted_server_request(x.server, 1);
    assert_string_equal(patch->method, "PATCH");
    assert_non_null(strstr(patch->body, "\"count\":2"));
    mcr_event_watcher_ledger ledger;
    assert_true(mcr_event_watcher_ledger_now(x.w, 30 * SECONDS, &ledger));
    assert_int_equal(ledger.taken, 2);
    assert_int_equal(ledger.counted, 1);
    assert_int_equal(ledger.sink.assigned, 2);
    assert_int_equal(ledger.sink.delivered, 2);
    end(&x);
}

static void a_repeat_is_patched_by_default(void **state)
{
    (void)state;
    a_repeat_is_patched(false);
}

static void a_repeat_is_patched_as_client_go(void **state)
{
    (void)state;
    a_repeat_is_patched(true);
}

static void an_object_and_annotations(void **state)
{
    (void)state;
    world x;
    begin(&x, false, true);
    mcr_record_object node = { .json = "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{"
                                       "\"name\":\"n1\",\"uid\":\"u-9\"}}" };
    mcr_record_annotation why = { "why", "because" };
    assert_int_equal(mcr_record_annotatedf(x.r, &node, &why, 1, "Normal", "Ready", "%s", "ready"),
                     MCR_RECORD_PUBLISHED);
    assert_true(mcr_event_watcher_flush(x.w, 30 * SECONDS));
    const char *body = scripted_server_request(x.server, 0)->body;
    assert_non_null(strstr(body, "\"annotations\":{\"why\":\"because\"}"));
    assert_non_null(strstr(body, "\"kind\":\"Node\""));
    assert_int_equal(mcr_record(x.r, &node, "Error", "Ready", "no"), MCR_RECORD_BAD_TYPE);
    node.json = "{}";
    assert_int_equal(mcr_record(x.r, &node, "Normal", "Ready", "no"), MCR_RECORD_NO_REFERENCE);
    end(&x);
}

static void what_printf_cannot_format_is_no_event(void **state)
{
    (void)state;
    world x;
    begin(&x, false, true);
    // No character of the C locale.
    assert_int_equal(mcr_recordf(x.r, &web, "Normal", "R", "up %lc", (wint_t)0x20ac),
                     MCR_RECORD_BAD_FORMAT);
    mcr_event_recorder *nobody = mcr_new_recorder(x.b, NULL, NULL);
    assert_int_equal(mcr_record(nobody, &web, "Normal", "R", "by nobody"), MCR_RECORD_PUBLISHED);
    assert_true(mcr_event_watcher_flush(x.w, 30 * SECONDS));
    assert_int_equal(scripted_server_requests(x.server), 1);
    const char *body = scripted_server_request(x.server, 0)->body;
    assert_non_null(strstr(body, "\"source\":{}"));
    assert_non_null(strstr(body, "\"reportingComponent\":\"\""));
    mcr_event_recorder_free(nobody);
    end(&x);
}

static void shutdown_drains(void **state)
{
    (void)state;
    world x;
    begin(&x, false, true);
    for (int i = 0; i < 5; i++) {
        char name[16] = "web-0";
        name[4] = (char)('0' + i);
        mcr_record_object pod = web;
        pod.name = name;
        assert_int_equal(mcr_record(x.r, &pod, "Normal", "Started", "up"), MCR_RECORD_PUBLISHED);
    }
    assert_int_equal(mcr_broadcaster_shutdown_drain(x.b, 30 * SECONDS), 0);
    assert_int_equal(scripted_server_requests(x.server), 5);
    mcr_event_watcher_ledger ledger;
    assert_true(mcr_event_watcher_ledger_now(x.w, 0, &ledger));
    assert_int_equal(ledger.sink.delivered, 5);
    assert_true(mcr_event_watcher_flush(x.w, 0));
    assert_int_equal(mcr_record(x.r, &web, "Normal", "Started", "up"), MCR_RECORD_STOPPED);
    end(&x);
}

static void an_unreachable_server_is_not_waited_for(void **state)
{
    (void)state;
    world x;
    begin(&x, false, false);
    assert_int_equal(mcr_record(x.r, &web, "Normal", "Started", "up"), MCR_RECORD_PUBLISHED);
    assert_false(mcr_event_watcher_flush(x.w, SECONDS / 5));
    end(&x);
}

static void options_that_do_not_hold_together(void **state)
{
    (void)state;
    mcr_errbuf err = { "" };
    mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 10 });
    mcr_recording_sink_options both = { .store = "/tmp/x.db", .server = "http://127.0.0.1:1" };
    assert_null(mcr_start_recording_to_sink(b, &both, &err));
    assert_string_equal(err.text, "'store' records to a file: no option of a cluster goes with it");
    mcr_broadcaster_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeat_is_patched_by_default),
        cmocka_unit_test(a_repeat_is_patched_as_client_go),
        cmocka_unit_test(an_object_and_annotations),
        cmocka_unit_test(what_printf_cannot_format_is_no_event),
        cmocka_unit_test(shutdown_drains),
        cmocka_unit_test(an_unreachable_server_is_not_waited_for),
        cmocka_unit_test(options_that_do_not_hold_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
