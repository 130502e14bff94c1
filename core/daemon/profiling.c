#include "daemon/profiling.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/suggest.h"
#include "event/encode.h"
#include "script/script_sink.h"

#define LOOK_NS (50 * INT64_C(1000000))

// What one watcher is asked; on the host's thread from a post until `answered`.
typedef struct turn {
    struct mcr_profiling *profiling;
    char *name;
    char *sink; // whose script it is about; NULL: the watcher's own
    const mcr_app_watcher *w;
    const mcr_watcher *watcher;
    mcr_host *host;
    mcr_profile_kind kind;
    bool stops; // else it starts
    mcr_errbuf err;
    bool failed;
    mcr_profile_result result;
    bool answered; // under the lock
} turn;

struct mcr_profiling {
    mcr_app *app;
    struct ev_loop *loop;
    turn *turns; // NULL: nothing is asked for
    uint32_t n, at;
    int64_t ns;    // of each
    int64_t until; // monotonic ns
    mcr_buf out;
    mcr_profiling_done *done;
    void *arg;
    ev_timer look; // whether it is over
    ev_async answered;
    pthread_mutex_t lock;
};

// On the host's thread; NULL: they are gone.
static mcr_scripts *scripts_of(const turn *t)
{
    if (!t->sink)
        return t->w->scripts;
    int i = mcr_watcher_find_sink(t->watcher, mcr_str_of(t->sink));
    return i < 0 ? NULL : mcr_script_sink_scripts(mcr_watcher_sink(t->watcher, (uint32_t)i));
}

static void start(turn *t)
{
    mcr_scripts *scripts = scripts_of(t);
    if (scripts)
        t->failed = mcr_profile_start(scripts, t->kind, &t->err) != MCR_OK;
    else
        t->failed = mcr_errf(&t->err, MCR_EINVAL, "it has no scripts any more") != MCR_OK;
}

// On the host's thread. A watcher that has left may be freed by now.
static void on_turn(void *arg, bool refused)
{
    turn *t = arg;
    mcr_profiling *p = t->profiling;
    if (t->stops)
        mcr_profile_stop(&t->result);
    else if (refused || !mcr_host_has(t->host, t->watcher))
        t->failed = mcr_errf(&t->err, MCR_ESTOPPED, "the watcher ends") != MCR_OK;
    else
        start(t);
    pthread_mutex_lock(&p->lock);
    t->answered = true;
    pthread_mutex_unlock(&p->lock);
    ev_async_send(p->loop, &p->answered);
}

static void post(turn *t)
{
    t->answered = false;
    if (!mcr_host_post(t->host, on_turn, t))
        on_turn(t, true);
}

static void write_turn(mcr_buf *out, const turn *t)
{
    const mcr_profile_result *r = &t->result;
    mcr_buf_puts(out, out->ptr[out->len - 1] == '[' ? "{\"watcher\":" : ",{\"watcher\":");
    mcr_json_string(out, mcr_str_of(t->name));
    mcr_buf_puts(out, ",\"sink\":");
    if (t->sink)
        mcr_json_string(out, mcr_str_of(t->sink));
    else
        mcr_buf_puts(out, "null");
    if (t->failed) {
        mcr_buf_puts(out, ",\"error\":");
        mcr_json_string(out, mcr_str_of(t->err.text));
        mcr_buf_putc(out, '}');
        return;
    }
    mcr_buf_printf(out, ",\"seconds\":%.3f,\"ended\":", (double)r->ns / 1e9);
    if (r->ended)
        mcr_json_string(out, mcr_str_of(r->ended));
    else
        mcr_buf_puts(out, "null");
    if (t->kind == MCR_PROFILE_STACKS) {
        mcr_buf_printf(out,
                       ",\"samples\":%" PRIu64 ",\"outside\":%" PRIu64 ",\"stacks\":", r->samples,
                       r->outside);
        mcr_json_string(out, mcr_buf_str(&r->stacks));
    } else {
        mcr_buf_puts(out, ",\"jit\":");
        if (r->jit.len)
            mcr_buf_add(out, mcr_buf_str(&r->jit));
        else
            mcr_buf_puts(out, "null");
    }
    mcr_buf_putc(out, '}');
}

static void finish(mcr_profiling *p)
{
    turn *turns = p->turns;
    mcr_buf_puts(&p->out, "]}");
    p->turns = NULL; // before: who is told may ask again
    mcr_buf out = p->out;
    p->out = (mcr_buf){ 0 };
    uint32_t n = p->n;
    p->done(p->arg, &out, NULL);
    for (uint32_t i = 0; i < n; i++) {
        mcr_profile_result_fini(&turns[i].result);
        free(turns[i].name);
        free(turns[i].sink);
    }
    free(turns);
    mcr_buf_fini(&out);
}

static void end_turn(mcr_profiling *p)
{
    ev_timer_stop(p->loop, &p->look);
    turn *t = &p->turns[p->at];
    t->stops = true;
    post(t);
}

static void on_look(struct ev_loop *loop, ev_timer *look, int revents)
{
    (void)loop, (void)revents;
    mcr_profiling *p = look->data;
    if (mcr_clock_monotonic() >= p->until || mcr_profile_has_ended())
        end_turn(p);
}

// The host has answered: it has begun, or all is known of this watcher.
static void go_on(mcr_profiling *p)
{
    turn *t = &p->turns[p->at];
    if (!t->stops && !t->failed) {
        p->until = mcr_clock_monotonic() + p->ns;
        ev_tstamp each = p->ns < LOOK_NS ? (double)p->ns / 1e9 : LOOK_NS / 1e9;
        ev_now_update(p->loop);
        ev_timer_set(&p->look, each, each);
        ev_timer_start(p->loop, &p->look);
        return;
    }
    write_turn(&p->out, t);
    if (++p->at == p->n)
        finish(p);
    else
        post(&p->turns[p->at]);
}

static bool take_answer(mcr_profiling *p)
{
    turn *t = &p->turns[p->at];
    pthread_mutex_lock(&p->lock);
    bool is = t->answered;
    t->answered = false;
    pthread_mutex_unlock(&p->lock);
    return is;
}

static void on_answered(struct ev_loop *loop, ev_async *answered, int revents)
{
    (void)loop, (void)revents;
    mcr_profiling *p = answered->data;
    if (p->turns && take_answer(p))
        go_on(p);
}

mcr_profiling *mcr_profiling_new(mcr_app *app, struct ev_loop *loop)
{
    mcr_profiling *p = mcr_zalloc(sizeof *p);
    p->app = app;
    p->loop = loop;
    pthread_mutex_init(&p->lock, NULL);
    ev_init(&p->look, on_look);
    ev_async_init(&p->answered, on_answered);
    p->look.data = p->answered.data = p;
    ev_async_start(loop, &p->answered);
    ev_unref(loop);
    return p;
}

typedef struct list {
    turn *turns;
    uint32_t n;
} list;

static void add_turn(list *to, mcr_profiling *p, const mcr_app_watcher *w, const char *sink)
{
    to->turns = mcr_realloc(to->turns, (to->n + 1) * sizeof *to->turns);
    to->turns[to->n++] = (turn){ .profiling = p,
                                 .name = mcr_strdup(w->name),
                                 .sink = sink ? mcr_strdup(sink) : NULL,
                                 .w = w,
                                 .watcher = w->watcher,
                                 .host = w->host };
}

static void add_turns(list *to, mcr_profiling *p, const mcr_app_watcher *w)
{
    if (w->scripts)
        add_turn(to, p, w, NULL);
    for (uint32_t i = 0; i < w->config->sink_n; i++) {
        const mcr_config_sink *sink = &w->held->sinks[w->config->sinks[i]];
        if (sink->script.name)
            add_turn(to, p, w, sink->name);
    }
}

// Why there is nobody to profile.
static void say_nobody(mcr_buf *why, const mcr_app *app, const char *name)
{
    const char **names = mcr_zalloc((app->watcher_n + 1) * sizeof *names);
    bool is_there = false;
    for (uint32_t i = 0; i < app->watcher_n; i++) {
        names[i] = app->watchers[i]->name;
        is_there |= name && strcmp(name, names[i]) == 0;
    }
    const char *meant = name ? mcr_suggest(name, names, app->watcher_n) : NULL;
    if (!name)
        mcr_buf_puts(why, "no watcher has scripts");
    else if (is_there)
        mcr_buf_printf(why, "watcher '%s' has no scripts", name);
    else
        mcr_buf_printf(why, "there is no watcher '%s'", name);
    if (meant && !is_there)
        mcr_buf_printf(why, ", did you mean '%s'?", meant);
    for (uint32_t i = 0; name && !meant && !is_there && i < app->watcher_n; i++)
        mcr_buf_printf(why, "%s%s", i ? ", " : "; there are: ", names[i]);
    free(names);
}

void mcr_profiling_take(mcr_profiling *p, const mcr_profiling_request *request,
                        mcr_profiling_done *done, void *arg)
{
    if (p->turns) {
        done(arg, NULL, "a profile is being taken; there is one at a time");
        return;
    }
    list all = { 0 };
    for (uint32_t i = 0; i < p->app->watcher_n; i++) {
        const mcr_app_watcher *w = p->app->watchers[i];
        if (!w->leaving && (!request->watcher || strcmp(w->name, request->watcher) == 0))
            add_turns(&all, p, w);
    }
    for (uint32_t i = 0; i < all.n; i++)
        all.turns[i].kind = request->kind;
    if (!all.n) {
        mcr_buf why = { 0 };
        say_nobody(&why, p->app, request->watcher);
        done(arg, NULL, mcr_buf_cstr(&why));
        mcr_buf_fini(&why);
        return;
    }
    p->turns = all.turns;
    p->n = all.n;
    p->at = 0;
    p->ns = request->ns / all.n;
    p->done = done;
    p->arg = arg;
    mcr_buf_printf(&p->out, "{\"kind\":\"%s\",\"profiles\":[",
                   request->kind == MCR_PROFILE_JIT ? "jit" : "stacks");
    post(&p->turns[0]);
}

void mcr_profiling_free(mcr_profiling *p)
{
    if (!p)
        return;
    // No host is left: what is asked of one is refused at once.
    while (p->turns) {
        if (take_answer(p))
            go_on(p);
        else if (ev_is_active(&p->look))
            end_turn(p);
        else
            return; // a host is left behind, and still has it
    }
    ev_ref(p->loop);
    ev_async_stop(p->loop, &p->answered);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
