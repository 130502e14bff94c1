#include "config/generation.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "config/config_warnings.h"
#include "config/install_dirs.h"

mcr_generation *mcr_generation_new(const mcr_file_set *earlier)
{
    mcr_generation *g = mcr_zalloc(sizeof *g);
    g->files = mcr_file_set_new();
    if (earlier)
        mcr_file_set_add(g->files, earlier);
    return g;
}

mcr_err mcr_generation_read(mcr_generation *g, const char *path, mcr_errbuf *err)
{
    g->config = mcr_config_load_through(path, g->files, err);
    return g->config ? MCR_OK : MCR_ECONFIG;
}

void mcr_generation_free(mcr_generation *g)
{
    if (!g)
        return;
    for (uint32_t i = 0; g->scripts && i < g->config->watcher_n; i++)
        mcr_watcher_scripts_fini(&g->scripts[i]);
    free(g->scripts);
    mcr_config_unref(g->config);
    mcr_file_set_free(g->files);
    free(g);
}

static bool has_scripts(const mcr_config *config, const mcr_config_watcher *w)
{
    bool has = w->script_n > 0;
    for (uint32_t i = 0; i < w->sink_n; i++)
        has |= config->sinks[w->sinks[i]].render.name != NULL;
    return has;
}

static int64_t deadline_of(const mcr_config *config, const mcr_config_watcher *w,
                           const mcr_config_script *script)
{
    if (script->deadline)
        return script->deadline;
    return w->deadline ? w->deadline : config->script_deadline;
}

// Loads what the configuration names for the watcher into its state.
static mcr_err load_scripts(const mcr_config *config, const mcr_config_watcher *w, bool open_sinks,
                            mcr_scripts *scripts, mcr_errbuf *err)
{
    for (uint32_t i = 0; i < w->script_n; i++) {
        const mcr_config_script *script = &w->scripts[i];
        mcr_config_push_params(config, script, mcr_scripts_state(scripts));
        mcr_scripts_allow(scripts, script->allow);
        mcr_scripts_set_deadline(scripts, deadline_of(config, w, script));
        mcr_err code = mcr_scripts_load(scripts, script->path, script->name, err);
        if (code)
            return code;
    }
    const char *names[MCR_MAX_SINKS];
    uint32_t n = 0;
    for (; n < w->sink_n; n++) {
        const mcr_config_sink *sink = &config->sinks[w->sinks[n]];
        names[n] = sink->name;
        if (!sink->render.name)
            continue;
        mcr_config_push_params(config, &sink->render, mcr_scripts_state(scripts));
        mcr_scripts_allow(scripts, sink->render.allow);
        mcr_scripts_set_deadline(scripts, deadline_of(config, w, &sink->render));
        mcr_err code = mcr_scripts_load_renderer(scripts, sink->name, sink->render.path,
                                                 sink->render.name, err);
        if (code)
            return code;
    }
    if (w->log_format)
        names[n++] = MCR_LOG_SINK;
    if (open_sinks) {
        for (uint32_t i = 1; i + 1 < n; i++)
            names[i] = "";
        mcr_scripts_open_sinks(scripts, names, n);
    } else {
        mcr_scripts_set_sinks(scripts, names, n, w->fallback);
    }
    return mcr_scripts_check_sinks(scripts, err);
}

static mcr_err load_watcher(mcr_generation *g, uint32_t i, const mcr_generation_world *world,
                            const char *scripts_dir, mcr_errbuf *err)
{
    const mcr_config_watcher *w = &g->config->watchers[i];
    mcr_scripts *scripts = g->scripts[i].hooks = mcr_scripts_new(&(mcr_script_options){
        .watcher = w->name,
        .scripts_dir = scripts_dir,
        .clock = world->clock,
        .shared = world->shared,
        .ordered = world->ordered,
        .dead = world->dead,
        .on_error = (mcr_on_error)w->on_error,
        .memory = (size_t)(w->memory ? w->memory : g->config->script_memory),
        .broadcaster = world->broadcaster,
        .files = g->files,
    });
    int64_t now = mcr_clock_now(world->clock);
    mcr_err code = load_scripts(g->config, w, world->open_sinks, scripts, err);
    if (!code)
        code = mcr_scripts_init(scripts, now, err);
    if (!code)
        code = mcr_scripts_self_test(scripts, now, err);
    mcr_file_set_add(g->files, mcr_scripts_files(scripts));
    return code;
}

// The script of the watcher's sink `k`, when it is one.
static mcr_err load_sink(mcr_generation *g, uint32_t i, uint32_t k,
                         const mcr_generation_world *world, const char *scripts_dir,
                         mcr_errbuf *err)
{
    const mcr_config_watcher *w = &g->config->watchers[i];
    const mcr_config_script *script = &g->config->sinks[w->sinks[k]].script;
    if (!script->name)
        return MCR_OK;
    mcr_scripts *s = g->scripts[i].sinks[k] = mcr_scripts_new(&(mcr_script_options){
        .watcher = w->name,
        .scripts_dir = scripts_dir,
        .clock = world->clock,
        .shared = world->shared,
        .ordered = world->ordered,
        .deadline = deadline_of(g->config, w, script),
        .memory = (size_t)(w->memory ? w->memory : g->config->script_memory),
        .files = g->files,
    });
    mcr_config_push_params(g->config, script, mcr_scripts_state(s));
    mcr_scripts_allow(s, script->allow);
    mcr_err code = mcr_scripts_load_sink(s, script->path, script->name, err);
    if (!code)
        code = mcr_scripts_init(s, mcr_clock_now(world->clock), err);
    mcr_file_set_add(g->files, mcr_scripts_files(s));
    return code;
}

static mcr_err load_sinks(mcr_generation *g, uint32_t i, const mcr_generation_world *world,
                          const char *scripts_dir, mcr_errbuf *err)
{
    mcr_watcher_scripts *s = &g->scripts[i];
    s->sink_n = g->config->watchers[i].sink_n;
    s->sinks = mcr_zalloc((s->sink_n + 1) * sizeof(mcr_scripts *));
    mcr_err code = MCR_OK;
    for (uint32_t k = 0; k < s->sink_n && !code; k++)
        code = load_sink(g, i, k, world, scripts_dir, err);
    return code;
}

static void hash_file(void *arg, const char *path, mcr_str text)
{
    XXH3_state_t *state = arg;
    XXH3_64bits_update(state, path, strlen(path) + 1);
    XXH3_64bits_update(state, &text.len, sizeof text.len);
    XXH3_64bits_update(state, text.ptr, text.len);
}

static void set_hash(mcr_generation *g)
{
    XXH3_state_t *state = XXH3_createState();
    XXH3_64bits_reset(state);
    mcr_file_set_each(g->files, false, hash_file, state);
    snprintf(g->hash, sizeof g->hash, "%016llx", (unsigned long long)XXH3_64bits_digest(state));
    XXH3_freeState(state);
}

mcr_err mcr_generation_load(mcr_generation *g, const mcr_generation_world *world, mcr_errbuf *err)
{
    const mcr_config *config = g->config;
    char *installed = config->scripts_dir ? NULL : mcr_install_dir("scripts");
    const char *scripts_dir = config->scripts_dir ? config->scripts_dir : installed;
    g->scripts = mcr_zalloc((config->watcher_n + 1) * sizeof *g->scripts);
    mcr_err code = MCR_OK;
    for (uint32_t i = 0; i < config->watcher_n && !code; i++) {
        if (has_scripts(config, &config->watchers[i]))
            code = load_watcher(g, i, world, scripts_dir, err);
        if (!code)
            code = load_sinks(g, i, world, scripts_dir, err);
        // Hooks that nobody calls are not the author's doing then.
        if (!code && !world->open_sinks)
            mcr_config_warn(config, &config->watchers[i], g->scripts[i].hooks);
    }
    free(installed);
    g->made_at = mcr_clock_now(world->clock);
    set_hash(g);
    return code;
}

mcr_watcher_scripts mcr_generation_take_scripts(mcr_generation *g, uint32_t i)
{
    mcr_watcher_scripts taken = g->scripts[i];
    g->scripts[i] = (mcr_watcher_scripts){ 0 };
    return taken;
}

void mcr_watcher_scripts_fini(mcr_watcher_scripts *s)
{
    mcr_scripts_free(s->hooks);
    for (uint32_t i = 0; i < s->sink_n; i++)
        mcr_scripts_free(s->sinks[i]);
    free(s->sinks);
    *s = (mcr_watcher_scripts){ 0 };
}
