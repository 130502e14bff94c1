#include "daemon/census.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"

// What one watcher is asked. The host's thread fills it; `answered` hands it over.
typedef struct piece {
    struct round *round;
    const mcr_app_watcher *w;
    const mcr_watcher *watcher;
    mcr_host *host;
    char *name;
    char *group;
    bool leaving;
    mcr_ledger ledger; // of this watcher alone
    mcr_buf scripts;
    mcr_buf shadow;
    mcr_hook_figures hooks;
    bool taken;    // the counters are there
    bool answered; // by the host: under the census' lock
} piece;

// One census.
typedef struct round {
    struct round *next;
    mcr_census *census;
    piece *pieces;
    uint32_t n;
    uint32_t open; // pieces that a host still has; under the census' lock
    bool over;     // `done` was called
    ev_timer patience;
    mcr_census_done *done;
    void *arg;
} round;

struct mcr_census {
    mcr_app *app;
    struct ev_loop *loop;
    round *rounds;
    pthread_mutex_t lock;
    ev_async answered;
};

static void take(piece *p)
{
    mcr_ledger_add_watcher(&p->ledger, p->w->watcher, p->w->scripts, p->w->watch);
    mcr_ledger_own_names(&p->ledger);
    if (p->w->scripts)
        mcr_scripts_describe(p->w->scripts, &p->scripts);
    mcr_hook_figures_take(&p->hooks, p->w->watcher, p->w->scripts);
    if (p->w->shadow)
        mcr_shadow_report(p->w->shadow, &p->shadow);
    p->taken = true;
}

// On the host's thread. A watcher that has left may be freed by now.
static void on_asked(void *arg, bool refused)
{
    piece *p = arg;
    mcr_census *c = p->round->census;
    if (!refused && mcr_host_has(p->host, p->watcher))
        take(p);
    pthread_mutex_lock(&c->lock);
    p->answered = true;
    p->round->open--;
    pthread_mutex_unlock(&c->lock);
    ev_async_send(c->loop, &c->answered);
}

static bool is_part(const mcr_app *app, const mcr_app_watcher *w)
{
    for (uint32_t i = 0; i < app->watcher_n; i++)
        if (app->watchers[i] == w)
            return true;
    return false;
}

// What belongs to the main thread.
static void take_ours(mcr_app *app, mcr_ledger *ledger)
{
    for (uint32_t i = 0; i < app->source_n; i++)
        mcr_ledger_add_source(ledger, app->sources[i]->source);
    mcr_ledger_add_former(ledger, &app->former);
    mcr_ledger_set_broadcaster(ledger, app->broadcaster);
    if (app->dead)
        mcr_ledger_set_dead_letters(ledger, app->dead);
}

static void conclude(round *r)
{
    mcr_app *app = r->census->app;
    r->over = true;
    ev_timer_stop(r->census->loop, &r->patience);
    mcr_ledger ledger = { 0 };
    mcr_census_watcher *watchers = mcr_zalloc((r->n + 1) * sizeof *watchers);
    uint32_t n = 0;
    take_ours(app, &ledger);
    for (uint32_t i = 0; i < r->n; i++) {
        piece *p = &r->pieces[i];
        pthread_mutex_lock(&r->census->lock);
        bool answered = p->answered;
        pthread_mutex_unlock(&r->census->lock);
        if (answered && !p->taken) {
            if (!is_part(app, p->w))
                continue; // it has left, and is among the former ones
            if (mcr_host_ends(p->w->host, 0))
                take(p);
        }
        bool there = answered && p->taken;
        static const mcr_hook_figures none;
        if (there)
            mcr_ledger_add_former(&ledger, &p->ledger);
        if (there && p->scripts.len && p->scripts.ptr[p->scripts.len - 1] == '\n')
            p->scripts.len--;
        watchers[n++] = (mcr_census_watcher){ .name = p->name,
                                              .group = p->group,
                                              .scripts = there ? mcr_buf_cstr(&p->scripts) : "",
                                              .shadow = there ? mcr_buf_cstr(&p->shadow) : "",
                                              .hooks = there ? &p->hooks : &none,
                                              .silent = !there,
                                              .leaving = p->leaving };
    }
    r->done(r->arg, &(mcr_census_result){ &ledger, watchers, n });
    mcr_ledger_fini(&ledger);
    free(watchers);
}

static void free_round(round *r)
{
    for (uint32_t i = 0; i < r->n; i++) {
        mcr_ledger_fini(&r->pieces[i].ledger);
        mcr_buf_fini(&r->pieces[i].scripts);
        mcr_buf_fini(&r->pieces[i].shadow);
        mcr_hook_figures_fini(&r->pieces[i].hooks);
        free(r->pieces[i].name);
        free(r->pieces[i].group);
    }
    free(r->pieces);
    free(r);
}

static uint32_t open_pieces(round *r)
{
    pthread_mutex_lock(&r->census->lock);
    uint32_t open = r->open;
    pthread_mutex_unlock(&r->census->lock);
    return open;
}

static void on_answered(struct ev_loop *loop, ev_async *answered, int revents)
{
    (void)loop, (void)revents;
    mcr_census *c = answered->data;
    for (round **at = &c->rounds; *at;) {
        round *r = *at;
        if (open_pieces(r)) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        if (!r->over)
            conclude(r);
        free_round(r);
    }
}

static void on_patience(struct ev_loop *loop, ev_timer *patience, int revents)
{
    (void)loop, (void)revents;
    conclude(patience->data); // freed when the last host has answered
}

mcr_census *mcr_census_new(mcr_app *app, struct ev_loop *loop)
{
    mcr_census *c = mcr_zalloc(sizeof *c);
    c->app = app;
    c->loop = loop;
    pthread_mutex_init(&c->lock, NULL);
    ev_async_init(&c->answered, on_answered);
    c->answered.data = c;
    ev_async_start(loop, &c->answered);
    ev_unref(loop);
    return c;
}

void mcr_census_take(mcr_census *c, int64_t patience_ns, mcr_census_done *done, void *arg)
{
    round *r = mcr_zalloc(sizeof *r);
    *r = (round){ .census = c, .done = done, .arg = arg, .n = c->app->watcher_n };
    r->pieces = mcr_zalloc((r->n + 1) * sizeof *r->pieces);
    r->open = r->n;
    round **last = &c->rounds;
    while (*last)
        last = &(*last)->next;
    *last = r;
    for (uint32_t i = 0; i < r->n; i++) {
        const mcr_app_watcher *w = c->app->watchers[i];
        piece *p = &r->pieces[i];
        *p = (piece){ .round = r, .w = w, .watcher = w->watcher, .host = w->host };
        p->name = mcr_strdup(w->name);
        p->group = w->group ? mcr_strdup(w->group) : NULL;
        p->leaving = w->leaving;
        if (!mcr_host_post(w->host, on_asked, p))
            on_asked(p, true);
    }
    ev_timer_init(&r->patience, on_patience, (double)patience_ns / 1e9, 0);
    r->patience.data = r;
    ev_timer_start(c->loop, &r->patience);
    ev_async_send(c->loop, &c->answered); // for a program without watchers
}

void mcr_census_free(mcr_census *c)
{
    if (!c)
        return;
    while (c->rounds) {
        round *r = c->rounds;
        c->rounds = r->next;
        if (!r->over)
            conclude(r);
        free_round(r);
    }
    ev_ref(c->loop);
    ev_async_stop(c->loop, &c->answered);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void mcr_census_take_ended(mcr_app *app, mcr_ledger *ledger)
{
    take_ours(app, ledger);
    for (uint32_t i = 0; i < app->watcher_n; i++) {
        const mcr_app_watcher *w = app->watchers[i];
        if (mcr_host_ends(w->host, 0))
            mcr_ledger_add_watcher(ledger, w->watcher, w->scripts, w->watch);
        else
            mcr_log(MCR_LOG_ERROR,
                    "watcher '%s' is left behind: a hook of it does not return; its events are "
                    "unfinished, its counters unknown",
                    w->name);
    }
}
