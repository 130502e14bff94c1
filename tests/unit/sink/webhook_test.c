// The sink "webhook" against a server that answers as it is told.

#include "sample.h"

#include <ev.h>
#include <string.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/http_client.h"
#include "sink/dead_letters.h"
#include "sink/sink.h"
#include "sink/webhook.h"
#include "support/scripted_server.h"

typedef struct setting {
    const char *key;
    const char *text; // NULL: the number, or a bool if that is -1 (true) or -2 (false)
    double number;
} setting;

#define TRUE  -1
#define FALSE -2

typedef struct fixture {
    scripted_server *server;
    struct ev_loop *loop;
    void *options;
    mcr_sink *sink;
    int64_t now; // of write and tick
    mcr_clock clock;
    char *dead_path;
    mcr_event *events[64];
    size_t n_events;
} fixture;

static fixture f;

static int setup(void **state)
{
    (void)state;
    mcr_http_global_init();
    mcr_log_set_level(MCR_LOG_ERROR);
    f = (fixture){ .server = scripted_server_new(NULL), .loop = ev_loop_new(0), .now = SAMPLE_NOW };
    f.clock = mcr_clock_fixed(&f.now);
    return 0;
}

static mcr_err set(const char *key, mcr_option_value value, mcr_errbuf *err)
{
    return mcr_option_set(f.options, mcr_sink_kind_find("webhook")->options, key, &value, err);
}

static void set_text(const char *key, const char *text)
{
    mcr_errbuf err;
    if (set(key, (mcr_option_value){ .kind = MCR_VALUE_STRING, .string = text }, &err))
        fail_msg("%s", err.text);
}

static void prepare(const setting *settings, size_t n)
{
    const mcr_sink_kind *kind = mcr_sink_kind_find("webhook");
    f.options = mcr_zalloc(kind->options_size);
    kind->defaults(f.options);
    for (size_t i = 0; i < n; i++) {
        const setting *s = &settings[i];
        mcr_option_value value = { .kind = s->text         ? MCR_VALUE_STRING
                                           : s->number < 0 ? MCR_VALUE_BOOL
                                                           : MCR_VALUE_NUMBER,
                                   .string = s->text,
                                   .number = s->number,
                                   .boolean = s->number == TRUE };
        mcr_errbuf err;
        if (set(s->key, value, &err))
            fail_msg("%s", err.text);
    }
}

// Opens the sink with the server's URL unless there is one, short waits, and dead letters.
static void begin(const setting *settings, size_t n)
{
    prepare(settings, n);
    mcr_webhook_options *o = f.options;
    if (!o->url)
        set_text("url", scripted_server_url(f.server));
    o->proxy = o->proxy ? o->proxy : mcr_strdup("");
    if (o->wait == SECOND) {
        o->wait = 1000000;
        o->max_wait = 20000000;
    }
    mcr_errbuf err;
    f.sink = mcr_sink_kind_find("webhook")->open(o, &err);
    if (!f.sink)
        fail_msg("%s", err.text);
    f.sink->name = "hook";
    f.sink->watcher = "w";
    f.dead_path = scratch_path("dead.jsonl");
    f.sink->dead = mcr_dead_letters_open(f.dead_path, &f.clock, &err);
    f.sink->kind->start(f.sink, f.loop);
}

static void assert_sum(void)
{
    const mcr_sink_counts *c = &f.sink->counts;
    assert_int_equal(c->assigned, c->delivered + c->merged + c->suppressed + c->rejected +
                                      c->gave_up + c->dead_lettered + c->spooled + c->in_flight);
}

static int teardown(void **state)
{
    (void)state;
    if (f.sink) {
        assert_sum();
        mcr_dead_letters *dead = f.sink->dead;
        f.sink->kind->close(f.sink);
        mcr_dead_letters_close(dead);
        remove_scratch(f.dead_path);
    }
    if (f.options)
        mcr_options_fini(f.options, mcr_sink_kind_find("webhook")->options);
    free(f.options);
    for (size_t i = 0; i < f.n_events; i++) {
        assert_int_equal(holders(f.events[i]), 1);
        mcr_event_unref(f.events[i]);
    }
    ev_loop_destroy(f.loop);
    scripted_server_free(f.server);
    mcr_log_set_level(MCR_LOG_INFO);
    return 0;
}

// Writes an event that is {"n":`n`}, and whose name is that, too.
static void write_number(int n)
{
    char raw[32];
    snprintf(raw, sizeof raw, "{\"n\":%d}", n);
    mcr_event *ev = raw_event(raw);
    f.events[f.n_events++] = ev;
    f.sink->kind->write(f.sink, &ev, 1, f.now);
    assert_sum();
}

typedef struct wait {
    uint64_t n;
    int64_t until; // monotonic
    bool late;
} wait;

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    wait *w = timer->data;
    w->late = mcr_clock_monotonic() > w->until;
    if (w->late || f.sink->counts.assigned - f.sink->counts.in_flight >= w->n)
        ev_break(loop, EVBREAK_ALL);
}

// Runs the loop until `n` events are decided.
static void run_until_settled(uint64_t n)
{
    wait w = { .n = n, .until = mcr_clock_monotonic() + 60 * SECOND };
    ev_timer look;
    ev_timer_init(&look, on_look, 0., 0.002);
    look.data = &w;
    ev_timer_start(f.loop, &look);
    ev_run(f.loop, 0);
    ev_timer_stop(f.loop, &look);
    if (w.late)
        fail_msg("%d requests, %d in flight", (int)scripted_server_requests(f.server),
                 (int)f.sink->counts.in_flight);
    assert_sum();
}

static const char *body(size_t request)
{
    return scripted_server_request(f.server, request)->body;
}

static const char *header(size_t request, const char *name)
{
    static char value[512];
    return scripted_request_header(scripted_server_request(f.server, request), name, value,
                                   sizeof value)
               ? value
               : "-";
}

static void assert_dead(const char *reason)
{
    mcr_buf text = read_file(f.dead_path);
    mcr_buf_cstr(&text);
    char expected[2048];
    snprintf(expected, sizeof expected, "\"reason\":\"%s\"", reason);
    if (!strstr(text.ptr, expected))
        fail_msg("no %s in %s", expected, text.ptr);
    mcr_buf_fini(&text);
}

static void one_event_one_request(void **state)
{
    (void)state;
    setting settings[] = { { "headers.X-Scope", "tenant", 0 }, { "method", "PUT", 0 } };
    begin(settings, 2);
    write_number(1);
    run_until_settled(1);
    assert_int_equal(f.sink->counts.delivered, 1);
    const scripted_request *asked = scripted_server_request(f.server, 0);
    assert_string_equal(asked->method, "PUT");
    assert_string_equal(asked->uri, "/");
    assert_string_equal(asked->body, "{\"n\":1}");
    assert_string_equal(header(0, "Content-Type"), "application/json");
    assert_string_equal(header(0, "X-Scope"), "tenant");
    assert_string_equal(header(0, "Authorization"), "-");
}

static void batches_by_number(void **state)
{
    (void)state;
    setting settings[] = { { "batch.events", NULL, 3 }, { "batch.wait", "1h", 0 } };
    begin(settings, 2);
    for (int i = 1; i <= 7; i++)
        write_number(i);
    f.sink->kind->flush(f.sink, f.now);
    run_until_settled(6);
    assert_int_equal(scripted_server_requests(f.server), 2);
    assert_string_equal(body(0), "[{\"n\":1},{\"n\":2},{\"n\":3}]");
    assert_string_equal(body(1), "[{\"n\":4},{\"n\":5},{\"n\":6}]");
    assert_int_equal(f.sink->counts.in_flight, 1);
    f.sink->kind->drain(f.sink, f.now); // sends what waits for company
    run_until_settled(7);
    assert_string_equal(body(2), "[{\"n\":7}]");
    assert_int_equal(f.sink->counts.delivered, 7);
}

static void batches_by_bytes(void **state)
{
    (void)state;
    // "{"n":1}\n" is 8 bytes.
    setting settings[] = { { "batch.events", NULL, 100 },
                           { "batch.bytes", NULL, 23 },
                           { "batch.format", "ndjson", 0 } };
    begin(settings, 3);
    for (int i = 1; i <= 3; i++)
        write_number(i);     // the third would make 24
    write_number(123456789); // too long together with it: it goes alone, as does the next
    write_number(1234567890);
    f.sink->kind->drain(f.sink, f.now);
    run_until_settled(5);
    assert_int_equal(scripted_server_requests(f.server), 4);
    assert_string_equal(body(0), "{\"n\":1}\n{\"n\":2}\n");
    assert_string_equal(body(1), "{\"n\":3}\n");
    assert_string_equal(body(2), "{\"n\":123456789}\n");
    assert_string_equal(header(0, "Content-Type"), "application/x-ndjson");
}

static void batches_by_time(void **state)
{
    (void)state;
    setting settings[] = { { "batch.events", NULL, 100 }, { "batch.wait", "2s", 0 } };
    begin(settings, 2);
    assert_int_equal(f.sink->kind->tick(f.sink, f.now), 0);
    int64_t due = f.now + 2 * SECOND;
    write_number(1);
    f.now += SECOND;
    write_number(2);
    assert_int_equal(f.sink->kind->tick(f.sink, f.now), due);
    f.now = due - 1;
    assert_int_equal(f.sink->kind->tick(f.sink, f.now), due);
    assert_int_equal(scripted_server_requests(f.server), 0);
    f.now = due;
    assert_int_equal(f.sink->kind->tick(f.sink, f.now), 0);
    run_until_settled(2);
    assert_string_equal(body(0), "[{\"n\":1},{\"n\":2}]");
}

static void bodies_are_wrapped(void **state)
{
    (void)state;
    setting settings[] = { { "batch.prefix", "{\"streams\":[", 0 },
                           { "batch.suffix", "]}", 0 },
                           { "batch.separator", ";", 0 },
                           { "batch.events", NULL, 2 } };
    begin(settings, 4);
    write_number(1);
    write_number(2);
    run_until_settled(2);
    assert_string_equal(body(0), "{\"streams\":[{\"n\":1};{\"n\":2}]}");
}

static void statuses_and_what_they_mean(void **state)
{
    (void)state;
    static const struct {
        scripted_reply first;
        size_t requests; // until it is decided; the second is answered 200
        const char *dead;
    } cases[] = {
        { { .status = 204 }, 1, NULL },
        { { .status = 408 }, 2, NULL },
        { { .status = 425 }, 2, NULL },
        { { .status = 429 }, 2, NULL },
        { { .status = 500 }, 2, NULL },
        { { .status = 503, .headers = "Retry-After: 0\n" }, 2, NULL },
        { { .mode = SCRIPTED_RESET }, 2, NULL },
        { { .mode = SCRIPTED_CLOSE }, 2, NULL },
        { { .mode = SCRIPTED_GARBAGE, .body = MCR_STR("what?\r\n\r\n") }, 2, NULL },
        { { .mode = SCRIPTED_TRUNCATE, .status = 503 }, 2, NULL },
        { { .mode = SCRIPTED_TRUNCATE, .status = 200 }, 1, NULL }, // it was taken
        { { .status = 400, .body = MCR_STR("no such\nindex\n") },
          1,
          "POST http://127.0.0.1:%d: answered 400: no such index" },
        { { .status = 401 }, 1, "POST http://127.0.0.1:%d: answered 401" },
        { { .status = 404, .body = MCR_STR("gone") },
          1,
          "POST http://127.0.0.1:%d: answered 404: gone" },
        { { .mode = SCRIPTED_TRUNCATE, .status = 413 }, 1, NULL },
        { { .status = 302, .headers = "Location: /x\n" },
          1,
          "POST http://127.0.0.1:%d: answered 302, a redirect that is not followed" },
    };
    begin(NULL, 0);
    uint64_t delivered = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scripted_server_clear(f.server);
        scripted_server_forget(f.server);
        scripted_server_answer(f.server, cases[i].first);
        scripted_server_answer(f.server, (scripted_reply){ .status = 200 });
        write_number((int)i);
        run_until_settled(i + 1);
        bool dead = cases[i].dead || cases[i].first.status == 413;
        delivered += !dead;
        if (f.sink->counts.delivered != delivered ||
            scripted_server_requests(f.server) != cases[i].requests)
            fail_msg("case %zu: %d delivered, %d requests", i, (int)f.sink->counts.delivered,
                     (int)scripted_server_requests(f.server));
        char expected[256];
        if (cases[i].dead) {
            snprintf(expected, sizeof expected, cases[i].dead, scripted_server_port(f.server));
            assert_dead(expected);
        }
    }
    assert_int_equal(f.sink->counts.dead_lettered, 5);
}

static void statuses_are_chosen(void **state)
{
    (void)state;
    setting settings[] = { { "retry.statuses", NULL, 404 }, { "retry.attempts", NULL, 3 } };
    begin(settings, 2);
    scripted_server_answer(f.server, (scripted_reply){ .status = 404 });
    write_number(1);
    run_until_settled(1);
    assert_int_equal(scripted_server_requests(f.server), 3);
    assert_int_equal(f.sink->counts.dead_lettered, 1);
    scripted_server_clear(f.server);
    scripted_server_forget(f.server);
    scripted_server_answer(f.server, (scripted_reply){ .status = 503 });
    write_number(2);
    run_until_settled(2);
    assert_int_equal(scripted_server_requests(f.server), 1);
    assert_int_equal(f.sink->counts.dead_lettered, 2);
}

static void success_is_what_is_expected(void **state)
{
    (void)state;
    setting settings[] = { { "expect", "\"errors\":false", 0 } };
    begin(settings, 1);
    scripted_server_answer(f.server, (scripted_reply){ .body = MCR_STR("{\"errors\":true}") });
    scripted_server_answer(f.server, (scripted_reply){ .body = MCR_STR("{\"errors\":false}") });
    write_number(1);
    write_number(2);
    run_until_settled(2);
    assert_int_equal(f.sink->counts.delivered, 1);
    char expected[128];
    snprintf(expected, sizeof expected,
             "POST http://127.0.0.1:%d: answered 200: {\\\"errors\\\":true}",
             scripted_server_port(f.server));
    assert_dead(expected);
}

static void bodies_are_compressed(void **state)
{
    (void)state;
    setting settings[] = { { "gzip", NULL, TRUE }, { "batch.events", NULL, 2 } };
    begin(settings, 2);
    scripted_server_answer(f.server, (scripted_reply){ .status = 503 });
    scripted_server_answer(f.server, (scripted_reply){ .status = 200 });
    write_number(1);
    write_number(2);
    run_until_settled(2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(header(i, "Content-Encoding"), "gzip");
        const scripted_request *asked = scripted_server_request(f.server, i);
        char plain[64];
        z_stream z = { .next_in = (Bytef *)asked->body,
                       .avail_in = (uInt)asked->body_len,
                       .next_out = (Bytef *)plain,
                       .avail_out = sizeof plain };
        assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
        assert_int_equal(z.total_out, 17);
        assert_memory_equal(plain, "[{\"n\":1},{\"n\":2}]", 17);
        inflateEnd(&z);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(one_event_one_request), CASE(batches_by_number),
        CASE(batches_by_bytes),      CASE(batches_by_time),
        CASE(bodies_are_wrapped),    CASE(statuses_and_what_they_mean),
        CASE(statuses_are_chosen),   CASE(success_is_what_is_expected),
        CASE(bodies_are_compressed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
