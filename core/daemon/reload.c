#include "daemon/reload.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "config/config_same.h"
#include "daemon/ballot.h"
#include "daemon/plan.h"
#include "daemon/shadowing.h"

#define PATIENCE_S 5. // how long all hosts together may take to vote

typedef struct request {
    struct request *next;
    mcr_reload_what what;
    char *folder; // of a shadow
    const char *who;
    mcr_reload_done *done;
    void *arg;
} request;

typedef enum phase {
    IDLE,
    LOADING, // a thread reads and runs
    VOTING,  // hosts come to the ballot
    LEAVING  // it is decided; some hosts are still in it
} phase;

struct mcr_reload {
    mcr_app *app;
    struct ev_loop *loop;
    char *path;
    mcr_generation *current;
    mcr_file_set *before;   // of the generation before; NULL: there was none
    mcr_generation *shadow; // that runs beside it; NULL: none
    char *shadow_folder;
    mcr_file_set *tried; // what the last attempt read from the disk
    mcr_reload_done *observer;
    void *observer_arg;
    bool stopped;

    phase phase;
    request *answered; // by the reload that runs; all want the same
    request *waiting;  // for the next ones, in order
    int64_t begun_at;  // monotonic ns
    bool switched;
    mcr_ballot *ballot;
    mcr_change change; // while VOTING and LEAVING
    ev_async arrived;
    ev_timer patience;

    // The loading thread.
    pthread_t loader;
    bool has_loader; // to be joined
    mcr_generation_world world;
    mcr_reload_what what;
    mcr_generation *candidate;
    mcr_err code;
    mcr_errbuf err;

    uint64_t succeeded;
    uint64_t failed;
    bool has_outcome;
    mcr_reload_outcome outcome; // the last one; its texts are below
    mcr_buf message;
    mcr_buf changed;
};

static void begin_next(mcr_reload *r);

typedef struct comparison {
    const mcr_file_set *with;
    mcr_buf *out;
    bool missing_only; // what `with` lacks; otherwise also what differs
} comparison;

static void compare_file(void *arg, const char *path, mcr_str text)
{
    const comparison *c = arg;
    mcr_str other = mcr_file_set_find(c->with, path);
    if (other.ptr && (c->missing_only || mcr_str_eq(text, other)))
        return;
    mcr_buf_printf(c->out, "%s%s", c->out->len ? ", " : "", path);
}

// The files of two sets that are not the same.
static void list_changed(mcr_buf *out, const mcr_file_set *before, const mcr_file_set *after)
{
    out->len = 0;
    mcr_file_set_each(after, false, compare_file, &(comparison){ before, out, false });
    mcr_file_set_each(before, false, compare_file, &(comparison){ after, out, true });
    mcr_buf_cstr(out);
}

static void answer(request *list, const mcr_reload_outcome *outcome)
{
    while (list) {
        request *q = list;
        list = q->next;
        if (q->done)
            q->done(q->arg, outcome);
        free(q->folder);
        free(q);
    }
}

// The end of a reload: everybody hears how it went, and the next one may begin.
static void conclude(mcr_reload *r, bool ok)
{
    mcr_buf_cstr(&r->message);
    mcr_buf_cstr(&r->changed);
    request *list = r->answered;
    r->answered = NULL;
    r->phase = IDLE;
    *(ok ? &r->succeeded : &r->failed) += 1;
    r->outcome = (mcr_reload_outcome){
        .ok = ok,
        .what = r->what,
        .who = list->who,
        .generation = r->current->number,
        .message = r->message.ptr,
        .changed = r->changed.ptr,
        .at = mcr_clock_now(r->app->clock),
        .took_ns = mcr_clock_monotonic() - r->begun_at,
    };
    r->has_outcome = true;
    mcr_log(ok ? MCR_LOG_INFO : MCR_LOG_ERROR, "%s: %s", r->outcome.who, r->message.ptr);
    if (r->observer)
        r->observer(r->observer_arg, &r->outcome);
    answer(list, &r->outcome);
    begin_next(r);
}

static void free_change(mcr_reload *r)
{
    if (r->change.self)
        r->change.free(r->change.self);
    r->change = (mcr_change){ .self = NULL };
}

static void fail(mcr_reload *r, const char *why)
{
    free_change(r);
    mcr_generation_free(r->candidate);
    r->candidate = NULL;
    r->message.len = r->changed.len = 0;
    mcr_buf_printf(&r->message, "%s; generation %llu goes on", why,
                   (unsigned long long)r->current->number);
    conclude(r, false);
}

// On the loading thread.
static void *load(void *arg)
{
    mcr_reload *r = arg;
    const mcr_file_set *earlier = r->what == MCR_RELOAD_ROLLBACK ? r->before : NULL;
    r->candidate = mcr_generation_new(earlier);
    if (r->what == MCR_RELOAD_SHADOW) {
        const mcr_config *config = r->current->config;
        if (config->scripts_dir)
            mcr_file_set_redirect(r->candidate->files, config->scripts_dir, r->answered->folder);
        mcr_file_set_redirect(r->candidate->files, config->dir, r->answered->folder);
    }
    r->code = mcr_generation_read(r->candidate, r->path, &r->err);
    if (!r->code)
        r->code = mcr_generation_load(r->candidate, &r->world, &r->err);
    ev_async_send(r->loop, &r->arrived);
    return NULL;
}

// On a host's thread.
static mcr_err prepare(void *self, mcr_host *host, mcr_errbuf *err)
{
    const mcr_change *c = &((const mcr_reload *)self)->change;
    return c->prepare(c->self, host, err);
}

// On a host's thread.
static void carry_out(void *self, mcr_host *host, bool switched)
{
    const mcr_change *c = &((const mcr_reload *)self)->change;
    if (switched)
        c->carry_out(c->self, host);
}

// On a host's thread.
static void wake(void *self)
{
    mcr_reload *r = self;
    ev_async_send(r->loop, &r->arrived);
}

static void call_ballot(mcr_reload *r)
{
    const mcr_ballot_hooks hooks = { prepare, carry_out, wake, r };
    mcr_host **hosts = mcr_alloc((r->app->host_n + 1) * sizeof(mcr_host *));
    r->phase = VOTING;
    r->ballot = mcr_ballot_call(&hooks, hosts, r->change.hosts(r->change.self, hosts));
    free(hosts);
    ev_timer_set(&r->patience, PATIENCE_S, 0);
    ev_timer_start(r->loop, &r->patience);
    ev_unref(r->loop);
    ev_async_send(r->loop, &r->arrived); // for a ballot without hosts
}

// Makes what was asked for a change; false with a sentence in r->err.
static bool begin_change(mcr_reload *r)
{
    switch (r->what) {
    case MCR_RELOAD_DISK:
    case MCR_RELOAD_ROLLBACK:
        r->change = mcr_plan_new(r->app, r->candidate, &r->err);
        break;
    case MCR_RELOAD_SHADOW:
        r->change = mcr_shadowing_start(r->app, r->candidate, &r->err);
        break;
    case MCR_RELOAD_PROMOTE:
        r->change = mcr_shadowing_promote(r->app);
        break;
    case MCR_RELOAD_DROP:
        r->change = mcr_shadowing_drop(r->app);
        break;
    }
    return r->change.self;
}

static void loaded(mcr_reload *r)
{
    pthread_join(r->loader, NULL);
    r->has_loader = false;
    if (r->what == MCR_RELOAD_DISK) {
        mcr_file_set_free(r->tried);
        r->tried = mcr_file_set_new();
        mcr_file_set_add(r->tried, r->candidate->files);
    }
    if (!r->code && r->what == MCR_RELOAD_SHADOW && !mcr_file_set_redirected(r->candidate->files))
        r->code = mcr_errf(&r->err, MCR_ECONFIG,
                           "nothing in %s has the name of a file of the configuration",
                           r->answered->folder);
    if (!r->code && r->stopped)
        fail(r, "mooncrier is ending");
    else if (!r->code && begin_change(r))
        call_ballot(r);
    else
        fail(r, r->err.text);
}

static void decide(mcr_reload *r, bool yes)
{
    ev_ref(r->loop);
    ev_timer_stop(r->loop, &r->patience);
    r->switched = mcr_ballot_decide(r->ballot, yes ? MCR_BALLOT_SWITCH : MCR_BALLOT_RESUME) && yes;
    r->phase = LEAVING;
}

static void voted(mcr_reload *r)
{
    bool refused;
    if (!mcr_ballot_is_complete(r->ballot, &refused, &r->err))
        return;
    r->code = refused ? MCR_ESCRIPT : MCR_OK;
    decide(r, !refused);
}

// What has become of a reload, for people.
static void tell(mcr_reload *r, const mcr_config *before, mcr_err failed)
{
    mcr_buf what = { 0 }, fixed = { 0 };
    r->change.describe(r->change.self, &what);
    mcr_config_note_fixed(&fixed, before, r->current->config);
    mcr_buf_printf(
        &r->message, "generation %llu runs%s, changed: %s", (unsigned long long)r->current->number,
        r->what == MCR_RELOAD_ROLLBACK ? ", with the files of the one before the last" : "",
        r->changed.len ? r->changed.ptr : "nothing");
    if (what.len)
        mcr_buf_printf(&r->message, "; %s", mcr_buf_cstr(&what));
    if (r->shadow)
        mcr_buf_printf(&r->message, "; the shadow of %s has ended", r->shadow_folder);
    if (fixed.len)
        mcr_buf_printf(&r->message, "; only the next start takes up %s", mcr_buf_cstr(&fixed));
    if (failed)
        mcr_buf_printf(&r->message, "; but %s", r->err.text);
    mcr_buf_fini(&what);
    mcr_buf_fini(&fixed);
}

static void end_shadow(mcr_reload *r)
{
    mcr_generation_free(r->shadow);
    r->shadow = NULL;
    free(r->shadow_folder);
    r->shadow_folder = NULL;
}

// `next` (taken over) is the generation that runs now.
static void succeed(mcr_reload *r, mcr_generation *next)
{
    mcr_generation *old = r->current;
    r->current = next;
    next->number = old->number + 1;
    list_changed(&r->changed, old->files, next->files);
    mcr_file_set_free(r->before);
    r->before = old->files;
    old->files = NULL;
}

static void switched(mcr_reload *r)
{
    mcr_err failed = r->change.finish(r->change.self, &r->err);
    mcr_generation *old = r->current;
    r->message.len = r->changed.len = 0;
    switch (r->what) {
    case MCR_RELOAD_DISK:
    case MCR_RELOAD_ROLLBACK:
        succeed(r, r->candidate);
        tell(r, old->config, failed);
        end_shadow(r);
        break;
    case MCR_RELOAD_PROMOTE:
        succeed(r, r->shadow);
        r->shadow = NULL;
        mcr_buf_printf(&r->message, "the shadow of %s is live: generation %llu runs, changed: %s",
                       r->shadow_folder, (unsigned long long)r->current->number, r->changed.ptr);
        end_shadow(r);
        // The files on the disk are other ones, and only their next change is news.
        mcr_file_set_free(r->tried);
        r->tried = mcr_file_set_renewed(r->current->files);
        break;
    case MCR_RELOAD_SHADOW:
        r->shadow = r->candidate;
        r->shadow_folder = mcr_strdup(r->answered->folder);
        mcr_buf_printf(&r->message, "the shadow of %s runs beside generation %llu",
                       r->shadow_folder, (unsigned long long)r->current->number);
        break;
    case MCR_RELOAD_DROP:
        mcr_buf_printf(&r->message, "the shadow of %s has ended; generation %llu goes on",
                       r->shadow_folder, (unsigned long long)r->current->number);
        end_shadow(r);
        break;
    }
    r->candidate = NULL;
    free_change(r);
    if (old != r->current)
        mcr_generation_free(old);
    conclude(r, !failed);
}

static void left(mcr_reload *r)
{
    if (!mcr_ballot_is_over(r->ballot))
        return;
    mcr_ballot_leave(r->ballot);
    r->ballot = NULL;
    if (r->switched)
        switched(r);
    else
        fail(r, r->code ? r->err.text : "a host did not wait for the end of the vote");
}

static void on_arrived(struct ev_loop *loop, ev_async *arrived, int revents)
{
    (void)loop, (void)revents;
    mcr_reload *r = arrived->data;
    if (r->phase == LOADING)
        loaded(r);
    if (r->phase == VOTING)
        voted(r);
    if (r->phase == LEAVING)
        left(r);
}

static void on_patience(struct ev_loop *loop, ev_timer *patience, int revents)
{
    (void)loop, (void)revents;
    mcr_reload *r = patience->data;
    r->code = mcr_errf(&r->err, MCR_ESTOPPED, "not every watcher came to a pause within %d s",
                       (int)PATIENCE_S);
    decide(r, false);
    left(r);
}

// Takes the next request, and those behind it that are answered by the same reload.
static void take_requests(mcr_reload *r)
{
    request *last = r->waiting;
    r->answered = last;
    bool shared = last->what == MCR_RELOAD_DISK || last->what == MCR_RELOAD_ROLLBACK;
    while (shared && last->next && last->next->what == last->what)
        last = last->next;
    r->waiting = last->next;
    last->next = NULL;
}

// Why what is asked for cannot be; NULL: it can.
static const char *objection(const mcr_reload *r)
{
    if (r->stopped)
        return "mooncrier is ending";
    if (r->what == MCR_RELOAD_ROLLBACK && !r->before)
        return "there is no generation before this one";
    if (r->what == MCR_RELOAD_SHADOW && r->shadow)
        return "there is a shadow already: promote or drop it first";
    if ((r->what == MCR_RELOAD_PROMOTE || r->what == MCR_RELOAD_DROP) && !r->shadow)
        return "there is no shadow";
    return NULL;
}

static void begin_next(mcr_reload *r)
{
    if (r->phase != IDLE || !r->waiting)
        return;
    take_requests(r);
    r->what = r->answered->what;
    r->begun_at = mcr_clock_monotonic();
    r->phase = LOADING;
    const char *why = objection(r);
    if (why) {
        fail(r, why);
    } else if (r->what == MCR_RELOAD_PROMOTE || r->what == MCR_RELOAD_DROP) {
        begin_change(r);
        call_ballot(r);
    } else if ((r->has_loader = pthread_create(&r->loader, NULL, load, r) == 0)) {
        pthread_setname_np(r->loader, "reload");
    } else {
        fail(r, "the system gives no thread to load the scripts on");
    }
}

mcr_reload *mcr_reload_new(mcr_app *app, struct ev_loop *loop, mcr_generation *first,
                           const char *path)
{
    mcr_reload *r = mcr_zalloc(sizeof *r);
    r->app = app;
    r->loop = loop;
    r->path = mcr_strdup(path);
    r->current = first;
    r->world = mcr_app_world(app);
    r->tried = mcr_file_set_new();
    mcr_file_set_add(r->tried, first->files);
    ev_async_init(&r->arrived, on_arrived);
    r->arrived.data = r;
    ev_async_start(loop, &r->arrived);
    ev_unref(loop);
    ev_timer_init(&r->patience, on_patience, PATIENCE_S, 0);
    r->patience.data = r;
    return r;
}

void mcr_reload_free(mcr_reload *r)
{
    if (!r)
        return;
    if (r->has_loader)
        pthread_join(r->loader, NULL);
    ev_ref(r->loop);
    ev_async_stop(r->loop, &r->arrived);
    free_change(r);
    end_shadow(r);
    mcr_generation_free(r->candidate);
    mcr_generation_free(r->current);
    mcr_file_set_free(r->before);
    mcr_file_set_free(r->tried);
    mcr_buf_fini(&r->message);
    mcr_buf_fini(&r->changed);
    free(r->path);
    free(r);
}

void mcr_reload_observe(mcr_reload *r, mcr_reload_done *each, void *arg)
{
    r->observer = each;
    r->observer_arg = arg;
}

static void enqueue(mcr_reload *r, request wanted)
{
    request *q = mcr_zalloc(sizeof *q);
    *q = wanted;
    request **last = &r->waiting;
    while (*last)
        last = &(*last)->next;
    *last = q;
    begin_next(r);
}

void mcr_reload_request(mcr_reload *r, mcr_reload_what what, const char *who, mcr_reload_done *done,
                        void *arg)
{
    enqueue(r, (request){ .what = what, .who = who, .done = done, .arg = arg });
}

void mcr_reload_request_shadow(mcr_reload *r, const char *folder, const char *who,
                               mcr_reload_done *done, void *arg)
{
    enqueue(r, (request){ .what = MCR_RELOAD_SHADOW,
                          .folder = mcr_strdup(folder),
                          .who = who,
                          .done = done,
                          .arg = arg });
}

bool mcr_reload_is_stale(const mcr_reload *r)
{
    return !mcr_file_set_is_current(r->tried);
}

const mcr_file_set *mcr_reload_tried(const mcr_reload *r)
{
    return r->tried;
}

void mcr_reload_set_tried(mcr_reload *r, const mcr_file_set *files)
{
    mcr_file_set_free(r->tried);
    r->tried = mcr_file_set_new();
    mcr_file_set_add(r->tried, files);
}

void mcr_reload_refuse(mcr_reload *r)
{
    r->stopped = true;
    if (r->phase != VOTING)
        return;
    r->code = mcr_errf(&r->err, MCR_ESTOPPED, "mooncrier is ending");
    decide(r, false);
    ev_async_send(r->loop, &r->arrived);
}

void mcr_reload_stop(mcr_reload *r)
{
    mcr_reload_refuse(r);
    ev_ref(r->loop);
    while (r->phase != IDLE)
        ev_run(r->loop, EVRUN_ONCE);
    ev_unref(r->loop);
}

mcr_reload_status mcr_reload_status_now(const mcr_reload *r)
{
    return (mcr_reload_status){
        .generation = r->current,
        .shadow = r->shadow ? r->shadow_folder : NULL,
        .busy = r->phase != IDLE,
        .succeeded = r->succeeded,
        .failed = r->failed,
        .last = r->has_outcome ? &r->outcome : NULL,
    };
}
