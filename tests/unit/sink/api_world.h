#pragma once
// A sink "kube" as a watcher has it, on a loop of its own, with a scripted API server at the other
// end.

#include "sample.h"

#include <ev.h>

#include "api_server.h"
#include "base/log.h"
#include "sink/dead_letters.h"
#include "sink/kinds.h"
#include "sink/kube.h"

#define MS (SECOND / 1000)

typedef struct world {
    api_server api;
    char *path;       // a scratch directory's file: dead letters
    char *token_file; // NULL: there is none
    mcr_dead_letters *dead;
    mcr_kube_options options;
    struct ev_loop *loop;
    mcr_sink *sink;
} world;

static inline void begin_world_with(world *w, const scripted_tls *tls)
{
    memset(w, 0, sizeof *w);
    api_server_init(&w->api, tls);
    w->path = scratch_path("dead.jsonl");
    mcr_errbuf err;
    w->dead = mcr_dead_letters_open(w->path, &mcr_clock_wall, &err);
    assert_non_null(w->dead);
    w->loop = ev_loop_new(EVFLAG_AUTO);
    mcr_sink_kind_kube.defaults(&w->options);
    w->options.access.server = scripted_server_url(w->api.server);
    w->options.wait = MS;
    w->options.max_wait = 5 * MS;
}

static inline void begin_world(world *w)
{
    begin_world_with(w, NULL);
}

// A file beside the dead letters; freed by the caller.
static inline char *path_beside(const world *w, const char *name)
{
    mcr_buf path = { 0 };
    mcr_buf_append(&path, w->path, (size_t)(strrchr(w->path, '/') - w->path));
    mcr_buf_printf(&path, "/%s", name);
    mcr_buf_cstr(&path);
    return path.ptr;
}

static inline void write_beside(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

// The token that the sink has in its file; `expected` of the server is another matter.
static inline void write_token(world *w, const char *token)
{
    if (!w->token_file)
        w->token_file = path_beside(w, "token");
    write_beside(w->token_file, token);
}

static inline void expect_token(world *w, const char *token)
{
    pthread_mutex_lock(&w->api.lock);
    snprintf(w->api.token, sizeof w->api.token, "%s", token);
    pthread_mutex_unlock(&w->api.lock);
}

static inline void open_sink(world *w)
{
    mcr_errbuf err;
    if (w->options.policy == MCR_KUBE_CLIENT_GO) // which has no such option
        w->options.max_wait = -1;
    w->sink = mcr_sink_kind_kube.open(&w->options, &err);
    if (!w->sink)
        fail_msg("%s", err.text);
    w->sink->name = "cluster";
    w->sink->watcher = "w";
    w->sink->dead = w->dead;
    mcr_sink_kind_kube.start(w->sink, w->loop);
}

static inline void check_ledger(const world *w)
{
    const mcr_sink_counts *c = &w->sink->counts;
    assert_int_equal(c->assigned, c->delivered + c->merged + c->suppressed + c->rejected +
                                      c->gave_up + c->dead_lettered + c->spooled + c->in_flight);
}

// What is in flight at the end goes to the dead letters.
static inline void close_sink(world *w)
{
    check_ledger(w);
    uint64_t letters = w->sink->counts.dead_lettered + w->sink->counts.in_flight;
    mcr_sink_kind_kube.close(w->sink);
    w->sink = NULL;
    assert_int_equal(mcr_dead_letters_count(w->dead), letters);
}

static inline void end_world(world *w)
{
    if (w->sink)
        close_sink(w);
    ev_loop_destroy(w->loop);
    mcr_dead_letters_close(w->dead);
    api_server_fini(&w->api);
    if (w->token_file)
        unlink(w->token_file);
    free(w->token_file);
    remove_scratch(w->path);
}

static inline void write_text(world *w, const char *name, int count, mcr_str message)
{
    mcr_event fields = sample_fields();
    fields.metadata.name = mcr_str_of(name);
    fields.count = count;
    fields.counted = count > 1;
    if (message.len)
        fields.message = message;
    mcr_event *ev = mcr_event_new(&fields);
    mcr_sink_kind_kube.write(w->sink, &ev, 1, 0);
    mcr_event_unref(ev);
    check_ledger(w);
}

static inline void write_event(world *w, const char *name, int count)
{
    write_text(w, name, count, MCR_STR(""));
}

static inline void on_too_late(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    *(bool *)timer->data = true;
    ev_break(loop, EVBREAK_ALL);
}

// Runs the loop until so many are decided.
static inline void run_until(world *w, uint64_t decided)
{
    bool late = false;
    ev_timer timer;
    ev_timer_init(&timer, on_too_late, 60, 0);
    timer.data = &late;
    ev_now_update(w->loop);
    ev_timer_start(w->loop, &timer);
    const mcr_sink_counts *c = &w->sink->counts;
    while (!late && c->assigned - c->in_flight < decided) {
        ev_run(w->loop, EVRUN_ONCE);
        check_ledger(w);
    }
    ev_timer_stop(w->loop, &timer);
    if (late)
        fail_msg("a minute, and only %d of %d decided, %d delivered",
                 (int)(c->assigned - c->in_flight), (int)decided, (int)c->delivered);
}

static inline void run_to_end(world *w)
{
    run_until(w, w->sink->counts.assigned);
}

// Of the request number api->fault_number: what the fields of `api` say.
static inline bool fault_at(api_server *api, const scripted_request *request, int number,
                            scripted_reply *reply, bool *done)
{
    (void)request;
    if (number != api->fault_number)
        return false;
    if (api->fault_status)
        reply_status(reply, api->fault_status, api->fault_reason);
    else
        *reply = api->fault_reply;
    *done = api->fault_done;
    return true;
}

// No kubeconfig of the one who runs the tests, and no proxy.
static inline void clean_environment(void)
{
    setenv("HOME", "/nonexistent", 1);
    setenv("no_proxy", "*", 1);
    unsetenv("KUBECONFIG");
}
