#include "cli/app.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/install_dirs.h"
#include "script/script_sink.h"

// The script of the watcher's sink `i`, when it is one.
static mcr_err load_sink(mcr_app *app, mcr_app_watcher *w, uint32_t i, const char *scripts_dir,
                         mcr_errbuf *err)
{
    const mcr_config_script *script = &app->config->sinks[w->config->sinks[i]].script;
    if (!script->name)
        return MCR_OK;
    int64_t deadline = w->config->deadline ? w->config->deadline : app->config->script_deadline;
    const mcr_script_options options = {
        .watcher = w->config->name,
        .scripts_dir = scripts_dir,
        .clock = app->clock,
        .shared = app->shared,
        .deadline = script->deadline ? script->deadline : deadline,
    };
    mcr_scripts *s = w->sinks[i] = mcr_scripts_new(&options);
    mcr_config_push_params(app->config, script, mcr_scripts_state(s));
    mcr_scripts_allow(s, script->allow);
    mcr_err code = mcr_scripts_load_sink(s, script->path, script->name, err);
    return code ? code : mcr_scripts_init(s, mcr_clock_now(app->clock), err);
}

mcr_err mcr_app_open_dead_letters(mcr_app *app, const mcr_config *config, const mcr_clock *clock,
                                  mcr_errbuf *err)
{
    if (!config->dead_letters)
        return MCR_OK;
    app->dead = mcr_dead_letters_open(config->dead_letters, clock, err);
    return app->dead ? MCR_OK : MCR_EIO;
}

mcr_err mcr_app_load(mcr_app *app, mcr_generation *first, const mcr_clock *clock, mcr_errbuf *err)
{
    mcr_config *config = first->config;
    mcr_config_ref(config);
    app->config = config;
    app->clock = clock;
    app->shared = mcr_shared_new();
    app->broadcaster = mcr_broadcaster_new(&(mcr_broadcaster_options){
        .queue = 1000, .incoming = (uint32_t)config->emit_queue, .is_inline = true });
    mcr_broadcaster_hold_wakes(app->broadcaster);
    const mcr_generation_world world = mcr_app_world(app);
    mcr_err code = mcr_generation_load(first, &world, err);
    if (code)
        return code;
    first->number = 1;
    app->watchers = mcr_zalloc((config->watcher_n + 1) * sizeof *app->watchers);
    app->watcher_n = config->watcher_n;
    char *installed = config->scripts_dir ? NULL : mcr_install_dir("scripts");
    const char *dir = config->scripts_dir ? config->scripts_dir : installed;
    for (uint32_t i = 0; i < config->watcher_n; i++) {
        mcr_app_watcher *w = &app->watchers[i];
        w->config = &config->watchers[i];
        w->scripts = first->scripts[i];
        w->sinks = mcr_zalloc((w->config->sink_n + 1) * sizeof(mcr_scripts *));
        for (uint32_t k = 0; k < w->config->sink_n && !code; k++)
            code = load_sink(app, w, k, dir, err);
    }
    free(installed);
    return code;
}

mcr_generation_world mcr_app_world(const mcr_app *app)
{
    return (mcr_generation_world){ app->clock, app->shared, app->dead, app->broadcaster };
}

// Gives the watcher what opening made, NULL with a sentence in `why` when it failed.
static mcr_err add_sink(mcr_app *app, mcr_app_watcher *w, mcr_sink *sink, const char *name,
                        const mcr_errbuf *why, mcr_errbuf *err)
{
    if (!sink)
        return mcr_errf(err, MCR_EIO, "sink '%s' of watcher '%s': %s", name, w->config->name,
                        why->text);
    sink->name = name;
    sink->watcher = w->config->name;
    sink->dead = app->dead;
    mcr_watcher_add_sink_take(w->watcher, sink);
    return MCR_OK;
}

static void correlate(mcr_app_watcher *w)
{
    mcr_correlator_options options = w->config->correlate;
    if (w->scripts)
        mcr_scripts_correlator_hooks(w->scripts, &options);
    if (w->config->correlates)
        mcr_watcher_correlate(w->watcher, &options, w->config->learns);
}

static mcr_sink *open_sink(mcr_app_watcher *w, const mcr_config_sink *sink, uint32_t i,
                           mcr_errbuf *why)
{
    mcr_scripts *script = w->sinks[i];
    if (!script)
        return sink->kind->open(sink->options, why);
    w->sinks[i] = NULL;
    return mcr_script_sink_open_take(script, sink->script.name, sink->options, why);
}

static mcr_err open_sinks(mcr_app *app, mcr_app_watcher *w, mcr_errbuf *err)
{
    const mcr_config_watcher *config = w->config;
    mcr_errbuf why;
    for (uint32_t i = 0; i < config->sink_n; i++) {
        const mcr_config_sink *sink = &app->config->sinks[config->sinks[i]];
        mcr_sink *opened = open_sink(w, sink, i, &why);
        mcr_err code = add_sink(app, w, opened, sink->name, &why, err);
        if (code)
            return code;
        mcr_watcher_set_updates(w->watcher, i, sink->updates);
    }
    if (!config->log_format)
        return MCR_OK;
    mcr_sink *log = mcr_sink_kind_find("stderr")->open(config->log_options, &why);
    return add_sink(app, w, log, MCR_LOG_SINK, &why, err);
}

// The host of a watcher: that of its group, made when it is the first of it.
static mcr_host *host_for(mcr_app *app, const mcr_app_watcher *w)
{
    const char *group = w->config->group;
    for (const mcr_app_watcher *other = app->watchers; group && other < w; other++)
        if (other->config->group && strcmp(other->config->group, group) == 0)
            return other->host;
    mcr_host *host = mcr_host_new(group ? group : w->config->name, app->clock);
    mcr_host_set_drain_timeout(host, app->config->drain_timeout);
    app->hosts[app->host_n++] = host;
    return host;
}

static mcr_err open_watcher(mcr_app *app, mcr_app_watcher *w, mcr_errbuf *err)
{
    w->watcher = mcr_watcher_new(w->config->name);
    mcr_err code = open_sinks(app, w, err);
    if (code)
        return code;
    if (w->scripts)
        mcr_watcher_set_hooks(w->watcher, mcr_scripts_hooks(w->scripts));
    correlate(w);
    w->watch = mcr_broadcaster_watch_sized(app->broadcaster, (uint32_t)w->config->queue, err);
    if (!w->watch)
        return MCR_ESTOPPED;
    if (w->scripts)
        mcr_scripts_set_watch(w->scripts, w->watch);
    w->host = host_for(app, w);
    mcr_host_add(w->host, w->watcher, w->watch);
    return MCR_OK;
}

static mcr_err open_sources(mcr_app *app, struct ev_loop *loop, const mcr_source_owner *owner,
                            mcr_errbuf *err)
{
    const mcr_config *config = app->config;
    app->sources = mcr_zalloc((config->source_n + 1) * sizeof *app->sources);
    for (uint32_t i = 0; i < config->source_n; i++) {
        const mcr_config_source *source = &config->sources[i];
        mcr_errbuf why;
        mcr_source *opened =
            source->kind->open(source->options, loop, owner, (size_t)config->event_limit, &why);
        if (!opened)
            return mcr_errf(err, MCR_EIO, "source %u: %s", i + 1, why.text);
        opened->index = i;
        if (source->name)
            opened->name = source->name;
        app->sources[app->source_n++] = opened;
    }
    return MCR_OK;
}

mcr_err mcr_app_open(mcr_app *app, struct ev_loop *loop, const mcr_source_owner *owner,
                     mcr_errbuf *err)
{
    app->hosts = mcr_zalloc((app->watcher_n + 1) * sizeof(mcr_host *));
    for (uint32_t i = 0; i < app->watcher_n; i++) {
        mcr_err code = open_watcher(app, &app->watchers[i], err);
        if (code)
            return code;
    }
    return open_sources(app, loop, owner, err);
}

void mcr_app_close(mcr_app *app)
{
    for (uint32_t i = 0; i < app->source_n; i++)
        app->sources[i]->kind->close(app->sources[i]);
    for (uint32_t i = 0; i < app->watcher_n; i++) {
        mcr_app_watcher *w = &app->watchers[i];
        if (w->watcher)
            mcr_watcher_free(w->watcher);
        for (uint32_t k = 0; w->sinks && k < w->config->sink_n; k++)
            mcr_scripts_free(w->sinks[k]);
        free(w->sinks);
        if (w->watch)
            mcr_watch_free(w->watch);
    }
    if (app->broadcaster)
        mcr_broadcaster_free(app->broadcaster);
    if (app->dead)
        mcr_dead_letters_close(app->dead);
    mcr_shared_free(app->shared);
    mcr_config_unref(app->config);
    free(app->watchers);
    free(app->hosts);
    free(app->sources);
}
