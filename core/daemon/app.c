#include "daemon/app.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "script/script_sink.h"

mcr_err mcr_app_open_dead_letters(mcr_app *app, const mcr_config *config, const mcr_clock *clock,
                                  mcr_errbuf *err)
{
    if (!config->dead_letters)
        return MCR_OK;
    app->dead = mcr_dead_letters_open(config->dead_letters, clock, err);
    return app->dead ? MCR_OK : MCR_EIO;
}

mcr_generation_world mcr_app_world(const mcr_app *app)
{
    return (mcr_generation_world){ .clock = app->clock,
                                   .shared = app->shared,
                                   .dead = app->dead,
                                   .broadcaster = app->broadcaster };
}

static mcr_app_watcher *describe_watcher(mcr_config *config, uint32_t i,
                                         mcr_watcher_scripts scripts)
{
    mcr_app_watcher *w = mcr_zalloc(sizeof *w);
    mcr_config_ref(config);
    w->held = config;
    w->config = &config->watchers[i];
    w->name = mcr_strdup(w->config->name);
    w->group = w->config->group ? mcr_strdup(w->config->group) : NULL;
    w->loaded = scripts;
    w->scripts = w->loaded.hooks;
    w->loaded.hooks = NULL;
    return w;
}

static void append_watcher(mcr_app *app, mcr_app_watcher *w)
{
    app->watchers = mcr_realloc(app->watchers, (app->watcher_n + 1) * sizeof *app->watchers);
    app->watchers[app->watcher_n++] = w;
}

mcr_err mcr_app_load(mcr_app *app, mcr_generation *first, const mcr_clock *clock, mcr_errbuf *err)
{
    mcr_config *config = first->config;
    mcr_config_ref(config);
    app->config = config;
    app->clock = clock;
    app->shared = mcr_shared_new();
    app->tapping = mcr_tapping_new();
    app->broadcaster = mcr_broadcaster_new(&(mcr_broadcaster_options){
        .queue = 1000, .incoming = (uint32_t)config->emit_queue, .is_inline = true });
    mcr_broadcaster_hold_wakes(app->broadcaster);
    const mcr_generation_world world = mcr_app_world(app);
    mcr_err code = mcr_generation_load(first, &world, err);
    if (code)
        return code;
    first->number = 1;
    for (uint32_t i = 0; i < config->watcher_n; i++)
        append_watcher(app, describe_watcher(config, i, mcr_generation_take_scripts(first, i)));
    return MCR_OK;
}

// What a sink has been lent for its life.
typedef struct loan {
    mcr_config *config;
    mcr_file_set *files; // of its script; NULL: it is none
} loan;

static void give_back(void *self)
{
    loan *lent = self;
    mcr_config_unref(lent->config);
    mcr_file_set_free(lent->files);
    free(lent);
}

const mcr_file_set *mcr_app_sink_files(const mcr_sink *sink)
{
    return ((const loan *)sink->lender.self)->files;
}

// Opens a sink that the configuration names. `files` is set for a script.
static mcr_sink *open_named(const mcr_config_sink *sink, mcr_scripts **script, mcr_file_set **files,
                            mcr_errbuf *why)
{
    if (!*script)
        return sink->kind->open(sink->options, why);
    *files = mcr_file_set_new();
    mcr_file_set_add_used(*files, mcr_scripts_files(*script));
    mcr_scripts *taken = *script;
    *script = NULL;
    return mcr_script_sink_open_take(taken, sink->script.name, sink->options, why);
}

mcr_sink *mcr_app_new_sink(mcr_app *app, mcr_config *config, const mcr_config_watcher *watcher,
                           uint32_t i, mcr_watcher_scripts *scripts, mcr_errbuf *err)
{
    bool is_log = i == watcher->sink_n;
    const mcr_config_sink *named = is_log ? NULL : &config->sinks[watcher->sinks[i]];
    const char *name = is_log ? MCR_LOG_SINK : named->name;
    mcr_file_set *files = NULL;
    mcr_errbuf why;
    mcr_sink *sink = is_log ? mcr_sink_kind_find("stderr")->open(watcher->log_options, &why)
                            : open_named(named, &scripts->sinks[i], &files, &why);
    if (!sink) {
        mcr_file_set_free(files);
        mcr_errf(err, MCR_EIO, "sink '%s' of watcher '%s': %s", name, watcher->name, why.text);
        return NULL;
    }
    loan *lent = mcr_zalloc(sizeof *lent);
    mcr_config_ref(config);
    *lent = (loan){ config, files };
    sink->lender = (mcr_lender){ give_back, lent };
    sink->name = name;
    sink->dead = app->dead;
    return sink;
}

static mcr_err open_sinks(mcr_app *app, mcr_app_watcher *w, mcr_errbuf *err)
{
    const mcr_config_watcher *config = w->config;
    for (uint32_t i = 0; i < mcr_config_watcher_sinks(config); i++) {
        mcr_sink *sink = mcr_app_new_sink(app, w->held, config, i, &w->loaded, err);
        if (!sink)
            return MCR_EIO;
        mcr_watcher_add_sink_take(w->watcher, sink);
        if (i >= config->sink_n)
            continue;
        const mcr_config_sink *options = &w->held->sinks[config->sinks[i]];
        mcr_watcher_set_updates(w->watcher, i, options->updates);
        mcr_watcher_set_drops(w->watcher, i, options->drops);
    }
    return MCR_OK;
}

// What goes between the parts that there are: hooks and correlator.
static mcr_err open_watcher(mcr_app *app, mcr_app_watcher *w, mcr_errbuf *err)
{
    w->watcher = mcr_watcher_new(w->name);
    mcr_watcher_set_tapping(w->watcher, app->tapping);
    mcr_err code = open_sinks(app, w, err);
    if (code)
        return code;
    mcr_correlator_options options = w->config->correlate;
    if (w->scripts) {
        mcr_watcher_set_hooks(w->watcher, mcr_scripts_hooks(w->scripts));
        mcr_scripts_correlator_hooks(w->scripts, &options);
    }
    if (w->config->correlates)
        mcr_watcher_correlate(w->watcher, &options, w->config->learns);
    return MCR_OK;
}

mcr_app_watcher *mcr_app_new_watcher(mcr_app *app, mcr_config *config, uint32_t i,
                                     mcr_watcher_scripts scripts, mcr_errbuf *err)
{
    mcr_app_watcher *w = describe_watcher(config, i, scripts);
    if (!open_watcher(app, w, err))
        return w;
    mcr_app_watcher_free(w);
    return NULL;
}

static void on_left(void *arg)
{
    mcr_app *app = arg;
    ev_async_send(app->loop, &app->parted);
}

// The host of a watcher: that of its group, made when nobody of the group is there yet.
static mcr_host *host_for(mcr_app *app, const mcr_app_watcher *w)
{
    for (uint32_t i = 0; w->group && i < app->watcher_n; i++) {
        const mcr_app_watcher *other = app->watchers[i];
        if (other->host && !other->leaving && other->group && strcmp(other->group, w->group) == 0)
            return other->host;
    }
    mcr_host *host = mcr_host_new(w->group ? w->group : w->name, app->clock);
    mcr_host_set_drain_timeout(host, app->config->drain_timeout);
    mcr_host_on_left(host, on_left, app);
    app->hosts = mcr_realloc(app->hosts, (app->host_n + 1) * sizeof(mcr_host *));
    app->hosts[app->host_n++] = host;
    return host;
}

// On the host's thread, which goes on while another watcher of the group is there.
static void join_group(void *arg, bool refused)
{
    mcr_app_watcher *w = arg;
    if (!refused)
        mcr_host_add(w->host, w->watcher, w->watch);
    atomic_store(&w->joining, false);
}

static mcr_err put_to_work(mcr_app *app, mcr_app_watcher *w, mcr_errbuf *err)
{
    w->watch = mcr_broadcaster_watch_sized(app->broadcaster, (uint32_t)w->config->queue, err);
    if (!w->watch)
        return MCR_ESTOPPED;
    mcr_watch_set_tapping(w->watch, app->tapping, w->name);
    if (w->scripts)
        mcr_scripts_set_watch(w->scripts, w->watch);
    uint32_t hosts = app->host_n;
    w->host = host_for(app, w);
    bool is_new = app->host_n > hosts;
    if (app->running && !is_new) {
        atomic_store(&w->joining, true);
        bool posted = mcr_host_post(w->host, join_group, w);
        if (posted)
            return MCR_OK;
        atomic_store(&w->joining, false);
        return mcr_errf(err, MCR_ESTOPPED, "watcher '%s': its group has ended", w->name);
    }
    mcr_host_add(w->host, w->watcher, w->watch);
    return app->running ? mcr_host_start(w->host, err) : MCR_OK;
}

mcr_err mcr_app_add_watcher(mcr_app *app, mcr_app_watcher *w, mcr_errbuf *err)
{
    append_watcher(app, w);
    return put_to_work(app, w, err);
}

void mcr_app_part_with(mcr_app *app, mcr_app_watcher *w)
{
    (void)app;
    w->leaving = true;
    mcr_watch_stop(w->watch);
}

static void drop_host(mcr_app *app, mcr_host *host)
{
    for (uint32_t i = 0; i < app->watcher_n; i++)
        if (app->watchers[i]->host == host)
            return;
    for (uint32_t i = 0; i < app->host_n; i++)
        if (app->hosts[i] == host)
            app->hosts[i] = app->hosts[--app->host_n];
    mcr_host_join(host);
}

// Frees the watchers that have left their hosts.
static void on_parted(struct ev_loop *loop, ev_async *parted, int revents)
{
    (void)loop, (void)revents;
    mcr_app *app = parted->data;
    for (uint32_t i = 0; i < app->watcher_n; i++) {
        mcr_app_watcher *w = app->watchers[i];
        if (!w->leaving || atomic_load(&w->joining) || mcr_host_has(w->host, w->watcher))
            continue;
        mcr_ledger_fold_watcher(&app->former, w->watcher, w->scripts, w->watch);
        mcr_host *host = w->host;
        memmove(&app->watchers[i], &app->watchers[i + 1],
                (--app->watcher_n - i) * sizeof *app->watchers);
        i--;
        mcr_app_watcher_free(w);
        drop_host(app, host);
    }
}

void mcr_app_watcher_free(mcr_app_watcher *w)
{
    mcr_watcher_free(w->watcher);
    mcr_watch_free(w->watch);
    mcr_shadow_free(w->shadow);
    mcr_scripts_free(w->scripts);
    mcr_watcher_scripts_fini(&w->loaded);
    mcr_config_unref(w->held);
    free(w->name);
    free(w->group);
    free(w);
}

mcr_app_source *mcr_app_new_source(mcr_app *app, mcr_config *config, uint32_t i, mcr_errbuf *err)
{
    const mcr_config_source *source = &config->sources[i];
    mcr_errbuf why;
    mcr_source *opened = source->kind->open(source->options, app->loop, &app->owner,
                                            (size_t)config->event_limit, &why);
    if (!opened) {
        mcr_errf(err, MCR_EIO, "source %u: %s", i + 1, why.text);
        return NULL;
    }
    if (source->name)
        opened->name = source->name;
    mcr_app_source *s = mcr_zalloc(sizeof *s);
    mcr_config_ref(config);
    *s = (mcr_app_source){ .held = config, .config = source, .source = opened };
    return s;
}

void mcr_app_add_source(mcr_app *app, mcr_app_source *s)
{
    app->sources = mcr_realloc(app->sources, (app->source_n + 1) * sizeof *app->sources);
    s->source->index = app->source_serial++;
    app->sources[app->source_n++] = s;
}

void mcr_app_source_free(mcr_app_source *s)
{
    if (s->source)
        s->source->kind->close(s->source);
    mcr_config_unref(s->held);
    free(s);
}

void mcr_app_source_ended(mcr_app *app, const mcr_source *source, bool failed)
{
    for (uint32_t i = 0; i < app->source_n; i++) {
        mcr_app_source *s = app->sources[i];
        if (s->source != source)
            continue;
        s->ended = true;
        s->failed = failed;
        if (!s->leaving)
            return;
        mcr_ledger_fold_source(&app->former, s->source);
        app->sources[i] = app->sources[--app->source_n];
        mcr_app_source_free(s);
        return;
    }
}

bool mcr_app_has_sources(const mcr_app *app)
{
    for (uint32_t i = 0; i < app->source_n; i++)
        if (!app->sources[i]->ended)
            return true;
    return false;
}

mcr_err mcr_app_open(mcr_app *app, struct ev_loop *loop, const mcr_source_owner *owner,
                     mcr_errbuf *err)
{
    app->loop = loop;
    app->owner = *owner;
    ev_async_init(&app->parted, on_parted);
    app->parted.data = app;
    ev_async_start(loop, &app->parted);
    ev_unref(loop);
    for (uint32_t i = 0; i < app->watcher_n; i++) {
        mcr_err code = open_watcher(app, app->watchers[i], err);
        if (!code)
            code = put_to_work(app, app->watchers[i], err);
        if (code)
            return code;
    }
    for (uint32_t i = 0; i < app->config->source_n; i++) {
        mcr_app_source *s = mcr_app_new_source(app, app->config, i, err);
        if (!s)
            return MCR_EIO;
        mcr_app_add_source(app, s);
    }
    return MCR_OK;
}

mcr_err mcr_app_start(mcr_app *app, mcr_errbuf *err)
{
    mcr_err code = MCR_OK;
    for (uint32_t i = 0; i < app->host_n && !code; i++)
        code = mcr_host_start(app->hosts[i], err);
    app->running = true;
    for (uint32_t i = 0; i < app->source_n && !code; i++)
        app->sources[i]->source->kind->start(app->sources[i]->source);
    return code;
}

void mcr_app_close(mcr_app *app)
{
    if (app->loop) {
        ev_ref(app->loop);
        ev_async_stop(app->loop, &app->parted);
    }
    for (uint32_t i = 0; i < app->source_n; i++)
        mcr_app_source_free(app->sources[i]);
    for (uint32_t i = 0; i < app->watcher_n; i++)
        mcr_app_watcher_free(app->watchers[i]);
    if (app->broadcaster)
        mcr_broadcaster_free(app->broadcaster);
    if (app->dead)
        mcr_dead_letters_close(app->dead);
    mcr_shared_free(app->shared);
    mcr_config_unref(app->config);
    mcr_ledger_fini(&app->former);
    mcr_tapping_free(app->tapping);
    free(app->watchers);
    free(app->hosts);
    free(app->sources);
}
