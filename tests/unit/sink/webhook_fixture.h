#pragma once
// A webhook sink and the server it sends to, which answers as it is told.

#include "sample.h"

#include <ev.h>
#include <string.h>

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

static inline int setup(void **state)
{
    (void)state;
    mcr_http_global_init();
    mcr_log_set_level(MCR_LOG_ERROR);
    f = (fixture){ .server = scripted_server_new(NULL), .loop = ev_loop_new(0), .now = SAMPLE_NOW };
    f.clock = mcr_clock_fixed(&f.now);
    return 0;
}

static inline mcr_err set(const char *key, mcr_option_value value, mcr_errbuf *err)
{
    return mcr_option_set(f.options, mcr_sink_kind_find("webhook")->options, key, &value, err);
}

static inline void set_text(const char *key, const char *text)
{
    mcr_errbuf err;
    if (set(key, (mcr_option_value){ .kind = MCR_VALUE_STRING, .string = text }, &err))
        fail_msg("%s", err.text);
}

static inline void prepare(const setting *settings, size_t n)
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
static inline void begin(const setting *settings, size_t n)
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

static inline void assert_sum(void)
{
    const mcr_sink_counts *c = &f.sink->counts;
    assert_int_equal(c->assigned, c->delivered + c->merged + c->suppressed + c->rejected +
                                      c->gave_up + c->dead_lettered + c->spooled + c->in_flight);
}

static inline int teardown(void **state)
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
static inline void write_number(int n)
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

static inline void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    wait *w = timer->data;
    w->late = mcr_clock_monotonic() > w->until;
    if (w->late || f.sink->counts.assigned - f.sink->counts.in_flight >= w->n)
        ev_break(loop, EVBREAK_ALL);
}

// Runs the loop until `n` events are decided.
static inline void run_until_settled(uint64_t n)
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

static inline const char *body(size_t request)
{
    return scripted_server_request(f.server, request)->body;
}

static inline const char *header(size_t request, const char *name)
{
    static char value[512];
    return scripted_request_header(scripted_server_request(f.server, request), name, value,
                                   sizeof value)
               ? value
               : "-";
}

static inline void assert_dead(const char *reason)
{
    mcr_buf text = read_file(f.dead_path);
    mcr_buf_cstr(&text);
    char expected[2048];
    snprintf(expected, sizeof expected, "\"reason\":\"%s\"", reason);
    if (!strstr(text.ptr, expected))
        fail_msg("no %s in %s", expected, text.ptr);
    mcr_buf_fini(&text);
}

#define WEBHOOK_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
