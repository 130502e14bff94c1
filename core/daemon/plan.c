#include "daemon/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "config/config_same.h"

// What happens to a watcher that stays.
typedef struct change {
    mcr_app_watcher *w;
    const mcr_config_watcher *config; // the new one
    mcr_watcher_scripts loaded;       // what is not in use: before the switch the new hooks, then
                                      // the old
    bool sinks_change;
    bool updates_change; // what its sinks are told of
    bool correlator_changes;
    uint32_t sink_n;
    mcr_sink *sinks[MCR_MAX_SINKS]; // in the new order
    bool is_new[MCR_MAX_SINKS];     // opened here
} change;

typedef struct plan {
    mcr_app *app;
    mcr_config *config; // the new one
    const mcr_file_set *files;
    change *changes;
    uint32_t change_n;
    mcr_app_watcher **added; // until they are part of the app
    uint32_t added_n;
    mcr_app_watcher **parting;
    uint32_t parting_n;
    mcr_app_source **new_sources; // until they are part of the app
    uint32_t new_source_n;
    mcr_app_source **old_sources;
    uint32_t old_source_n;
    mcr_buf description;
} plan;

static void note(plan *p, const char *what, const char *name, const char *how)
{
    mcr_buf_printf(&p->description, "%s%s %s %s", p->description.len ? ", " : "", what, name, how);
}

static mcr_app_watcher *running(const mcr_app *app, const char *name)
{
    for (uint32_t i = 0; i < app->watcher_n; i++)
        if (!app->watchers[i]->leaving && strcmp(app->watchers[i]->name, name) == 0)
            return app->watchers[i];
    return NULL;
}

// The sink of the running watcher that is the same as sink `k` of its new configuration.
static mcr_sink *present_sink(const plan *p, const change *c, uint32_t k)
{
    const mcr_config_watcher *now = c->w->config;
    for (uint32_t i = 0; i < mcr_config_watcher_sinks(now); i++)
        if (mcr_config_same_sink(c->w->held, now, i, p->config, c->config, k)) {
            mcr_sink *sink = mcr_watcher_sink(c->w->watcher, i);
            const mcr_file_set *files = mcr_app_sink_files(sink);
            return !files || mcr_file_set_agrees(files, p->files) ? sink : NULL;
        }
    return NULL;
}

static mcr_err choose_sinks(plan *p, change *c, mcr_errbuf *err)
{
    uint32_t n = mcr_config_watcher_sinks(c->config);
    c->sinks_change = n != mcr_watcher_sink_count(c->w->watcher);
    for (; c->sink_n < n; c->sink_n++) {
        uint32_t k = c->sink_n;
        c->sinks[k] = present_sink(p, c, k);
        if (!c->sinks[k]) {
            c->sinks[k] = mcr_app_new_sink(p->app, p->config, c->config, k, &c->loaded, err);
            if (!c->sinks[k])
                return MCR_EIO;
            c->is_new[k] = true;
        }
        c->sinks_change |= k >= mcr_watcher_sink_count(c->w->watcher) ||
                           c->sinks[k] != mcr_watcher_sink(c->w->watcher, k);
        c->updates_change |=
            !c->sinks_change && k < c->config->sink_n &&
            mcr_watcher_updates(c->w->watcher, k) != p->config->sinks[c->config->sinks[k]].updates;
    }
    if (c->sinks_change)
        note(p, "watcher", c->w->name, "has other sinks");
    return MCR_OK;
}

static mcr_err plan_change(plan *p, mcr_app_watcher *w, const mcr_config_watcher *config,
                           mcr_watcher_scripts scripts, mcr_errbuf *err)
{
    change *c = &p->changes[p->change_n++];
    *c = (change){ .w = w, .config = config, .loaded = scripts };
    c->correlator_changes = !mcr_config_same_correlator(w->config, config);
    if (c->correlator_changes)
        note(p, "watcher", w->name, "correlates anew");
    return choose_sinks(p, c, err);
}

static mcr_err plan_watchers(plan *p, mcr_generation *g, mcr_errbuf *err)
{
    mcr_app *app = p->app;
    for (uint32_t i = 0; i < p->config->watcher_n; i++) {
        const mcr_config_watcher *config = &p->config->watchers[i];
        mcr_app_watcher *w = running(app, config->name);
        mcr_watcher_scripts scripts = mcr_generation_take_scripts(g, i);
        mcr_err code = MCR_OK;
        if (w && mcr_config_same_queue(w->config, config)) {
            code = plan_change(p, w, config, scripts, err);
        } else {
            note(p, "watcher", config->name, w ? "begins anew" : "added");
            mcr_app_watcher *added = mcr_app_new_watcher(app, p->config, i, scripts, err);
            if (added)
                p->added[p->added_n++] = added;
            else
                code = MCR_EIO;
        }
        if (code)
            return code;
    }
    return MCR_OK;
}

static bool stays(const plan *p, const mcr_app_watcher *w)
{
    for (uint32_t i = 0; i < p->change_n; i++)
        if (p->changes[i].w == w)
            return true;
    return false;
}

static void plan_partings(plan *p)
{
    for (uint32_t i = 0; i < p->app->watcher_n; i++) {
        mcr_app_watcher *w = p->app->watchers[i];
        if (w->leaving || stays(p, w))
            continue;
        p->parting[p->parting_n++] = w;
        bool comes_back = false;
        for (uint32_t k = 0; k < p->added_n; k++)
            comes_back |= strcmp(p->added[k]->name, w->name) == 0;
        if (!comes_back)
            note(p, "watcher", w->name, "removed");
    }
}

static mcr_err plan_sources(plan *p, mcr_errbuf *err)
{
    mcr_app *app = p->app;
    bool *kept = mcr_zalloc((app->source_n + 1) * sizeof *kept);
    mcr_err code = MCR_OK;
    for (uint32_t i = 0; i < p->config->source_n && !code; i++) {
        uint32_t k = 0;
        while (k < app->source_n &&
               (kept[k] || app->sources[k]->leaving ||
                !mcr_config_same_source(app->sources[k]->config, &p->config->sources[i])))
            k++;
        if (k < app->source_n) {
            kept[k] = true;
            continue;
        }
        mcr_app_source *s = mcr_app_new_source(app, p->config, i, err);
        if (!s) {
            code = MCR_EIO;
            continue;
        }
        p->new_sources[p->new_source_n++] = s;
        note(p, "source", s->source->name, "added");
    }
    for (uint32_t k = 0; k < app->source_n && !code; k++) {
        if (kept[k] || app->sources[k]->leaving)
            continue;
        p->old_sources[p->old_source_n++] = app->sources[k];
        note(p, "source", app->sources[k]->source->name, "removed");
    }
    free(kept);
    return code;
}

static bool has_part(const change *c)
{
    return c->w->scripts || c->loaded.hooks || c->sinks_change || c->updates_change ||
           c->correlator_changes;
}

static uint32_t hosts_concerned(const void *self, mcr_host **hosts)
{
    const plan *p = self;
    uint32_t n = 0;
    for (uint32_t h = 0; h < p->app->host_n; h++) {
        bool concerned = false;
        for (uint32_t i = 0; i < p->change_n; i++)
            concerned |= p->changes[i].w->host == p->app->hosts[h] && has_part(&p->changes[i]);
        if (concerned)
            hosts[n++] = p->app->hosts[h];
    }
    return n;
}

static mcr_err prepare(void *self, const mcr_host *host, mcr_errbuf *err)
{
    plan *p = self;
    int64_t now = mcr_clock_now(p->app->clock);
    mcr_buf saved = { 0 };
    mcr_err code = MCR_OK;
    for (uint32_t i = 0; i < p->change_n && !code; i++) {
        const change *c = &p->changes[i];
        if (c->w->host != host || !c->w->scripts || !c->loaded.hooks)
            continue;
        saved.len = 0;
        code = mcr_scripts_save(c->w->scripts, now, &saved, err);
        if (!code && saved.len)
            code = mcr_scripts_restore(c->loaded.hooks, now, mcr_buf_str(&saved), err);
    }
    mcr_buf_fini(&saved);
    return code;
}

static void change_sinks(const plan *p, change *c, mcr_host *host)
{
    mcr_app_watcher *w = c->w;
    if (c->sinks_change)
        mcr_watcher_exchange_sinks(w->watcher, c->sinks, c->sink_n, mcr_host_loop(host),
                                   p->config->drain_timeout, mcr_clock_now(p->app->clock));
    for (uint32_t i = 0; i < c->config->sink_n; i++) {
        const mcr_config_sink *options = &p->config->sinks[c->config->sinks[i]];
        if (c->is_new[i] || mcr_watcher_updates(w->watcher, i) != options->updates)
            mcr_watcher_set_updates(w->watcher, i, options->updates);
        mcr_watcher_set_drops(w->watcher, i, options->drops);
        c->is_new[i] = false; // it is the watcher's now
    }
    if (c->sink_n > c->config->sink_n)
        c->is_new[c->sink_n - 1] = false;
}

static void change_hooks(change *c)
{
    static const mcr_hooks no_hooks = { 0 };
    mcr_app_watcher *w = c->w;
    mcr_scripts *next = c->loaded.hooks;
    mcr_shadow_free(w->shadow); // it was one of the scripts that go
    w->shadow = NULL;
    mcr_correlator_options options = c->config->correlate;
    if (next) {
        if (w->scripts)
            mcr_scripts_inherit(next, w->scripts);
        mcr_scripts_set_watch(next, w->watch);
        mcr_scripts_correlator_hooks(next, &options);
    }
    if (c->correlator_changes)
        mcr_watcher_correlate(w->watcher, c->config->correlates ? &options : NULL,
                              c->config->learns);
    else
        mcr_watcher_set_text_hooks(w->watcher, &options);
    mcr_watcher_set_hooks(w->watcher, next ? mcr_scripts_hooks(next) : &no_hooks);
    c->loaded.hooks = w->scripts;
    w->scripts = next;
}

static void carry_out(void *self, mcr_host *host)
{
    plan *p = self;
    for (uint32_t i = 0; i < p->change_n; i++) {
        change *c = &p->changes[i];
        if (c->w->host != host || !has_part(c))
            continue;
        change_sinks(p, c, host);
        change_hooks(c);
    }
}

static void hold(plan *p, change *c)
{
    mcr_config_ref(p->config);
    mcr_config_unref(c->w->held);
    c->w->held = p->config;
    c->w->config = c->config;
}

static void change_sources(plan *p)
{
    mcr_app *app = p->app;
    for (uint32_t i = 0; i < p->new_source_n; i++) {
        mcr_app_add_source(app, p->new_sources[i]);
        p->new_sources[i]->source->kind->start(p->new_sources[i]->source);
    }
    p->new_source_n = 0;
    for (uint32_t i = 0; i < p->old_source_n; i++) {
        mcr_app_source *s = p->old_sources[i];
        s->leaving = true;
        if (s->ended)
            mcr_app_source_ended(app, s->source, s->failed);
        else
            s->source->kind->finish(s->source);
    }
}

static mcr_err finish(void *self, mcr_errbuf *err)
{
    plan *p = self;
    mcr_app *app = p->app;
    mcr_config_ref(p->config);
    mcr_config_unref(app->config);
    app->config = p->config;
    for (uint32_t i = 0; i < p->change_n; i++)
        hold(p, &p->changes[i]);
    // One after the other in this moment, in which nothing is distributed: every event goes to the
    // old watcher of a name or to the new one.
    for (uint32_t i = 0; i < p->parting_n; i++)
        mcr_app_part_with(app, p->parting[i]);
    mcr_err code = MCR_OK;
    for (uint32_t i = 0; i < p->added_n; i++) {
        mcr_err failed = mcr_app_add_watcher(app, p->added[i], err);
        code = failed ? failed : code;
    }
    p->added_n = 0;
    change_sources(p);
    return code;
}

static void describe(const void *self, mcr_buf *out)
{
    const plan *p = self;
    mcr_buf_append(out, p->description.ptr, p->description.len);
}

static void free_change(change *c)
{
    for (uint32_t i = 0; i < c->sink_n; i++)
        if (c->is_new[i])
            mcr_sink_close(c->sinks[i]);
    mcr_watcher_scripts_fini(&c->loaded);
}

static void free_plan(void *self)
{
    plan *p = self;
    for (uint32_t i = 0; i < p->change_n; i++)
        free_change(&p->changes[i]);
    for (uint32_t i = 0; i < p->added_n; i++)
        mcr_app_watcher_free(p->added[i]);
    for (uint32_t i = 0; i < p->new_source_n; i++)
        mcr_app_source_free(p->new_sources[i]);
    free(p->changes);
    free(p->added);
    free(p->parting);
    free(p->new_sources);
    free(p->old_sources);
    mcr_buf_fini(&p->description);
    mcr_config_unref(p->config);
    free(p);
}

mcr_change mcr_plan_new(mcr_app *app, mcr_generation *g, mcr_errbuf *err)
{
    plan *p = mcr_zalloc(sizeof *p);
    p->app = app;
    p->config = g->config;
    p->files = g->files;
    mcr_config_ref(p->config);
    p->changes = mcr_zalloc((p->config->watcher_n + 1) * sizeof *p->changes);
    p->added = mcr_zalloc((p->config->watcher_n + 1) * sizeof *p->added);
    p->parting = mcr_zalloc((app->watcher_n + 1) * sizeof *p->parting);
    p->new_sources = mcr_zalloc((p->config->source_n + 1) * sizeof *p->new_sources);
    p->old_sources = mcr_zalloc((app->source_n + 1) * sizeof *p->old_sources);
    mcr_err code = plan_watchers(p, g, err);
    if (!code)
        plan_partings(p);
    if (!code)
        code = plan_sources(p, err);
    if (!code)
        return (mcr_change){ p, hosts_concerned, prepare, carry_out, finish, describe, free_plan };
    free_plan(p);
    return (mcr_change){ .self = NULL };
}
