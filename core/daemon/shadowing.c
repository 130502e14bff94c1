#include "daemon/shadowing.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "event/encode.h"

// One running watcher, with the candidate before it is put beside the live scripts (start), or the
// scripts that were replaced (promote).
typedef struct part {
    mcr_app_watcher *w;
    mcr_scripts *scripts;
} part;

typedef struct shadowing {
    mcr_app *app;
    const char *what;
    part *parts;
    uint32_t n;
    void (*change)(part *p);
} shadowing;

static void set_hooks(mcr_app_watcher *w)
{
    mcr_correlator_options options = w->config->correlate;
    if (w->shadow)
        mcr_shadow_correlator_hooks(w->shadow, &options);
    else
        mcr_scripts_correlator_hooks(w->scripts, &options);
    mcr_watcher_set_text_hooks(w->watcher, &options);
    mcr_watcher_set_hooks(w->watcher,
                          w->shadow ? mcr_shadow_hooks(w->shadow) : mcr_scripts_hooks(w->scripts));
}

static void start(part *p)
{
    mcr_app_watcher *w = p->w;
    mcr_scripts *candidate = p->scripts;
    if (!candidate)
        return;
    const char *sinks[MCR_MAX_SINKS];
    uint32_t n = mcr_watcher_sink_count(w->watcher);
    for (uint32_t k = 0; k < n; k++)
        sinks[k] = mcr_watcher_sink(w->watcher, k)->name;
    mcr_scripts_set_watch(candidate, w->watch);
    w->shadow = mcr_shadow_new(w->scripts, candidate, sinks, n);
    p->scripts = NULL;
    set_hooks(w);
}

static void promote(part *p)
{
    mcr_app_watcher *w = p->w;
    if (!w->shadow)
        return;
    mcr_scripts *next = mcr_shadow_promote(w->shadow);
    w->shadow = NULL;
    mcr_scripts_inherit(next, w->scripts);
    p->scripts = w->scripts;
    w->scripts = next;
    set_hooks(w);
}

static void drop(part *p)
{
    mcr_app_watcher *w = p->w;
    if (!w->shadow)
        return;
    mcr_shadow *ended = w->shadow;
    w->shadow = NULL;
    set_hooks(w);
    mcr_shadow_free(ended);
}

static uint32_t hosts_concerned(const void *self, mcr_host **hosts)
{
    const shadowing *s = self;
    uint32_t n = 0;
    for (uint32_t h = 0; h < s->app->host_n; h++) {
        bool concerned = false;
        for (uint32_t i = 0; i < s->n; i++)
            concerned |= s->parts[i].w->host == s->app->hosts[h] &&
                         (s->parts[i].w->shadow || s->parts[i].scripts);
        if (concerned)
            hosts[n++] = s->app->hosts[h];
    }
    return n;
}

static mcr_err prepare(void *self, const mcr_host *host, mcr_errbuf *err)
{
    const shadowing *s = self;
    int64_t now = mcr_clock_now(s->app->clock);
    mcr_buf saved = { 0 };
    mcr_err code = MCR_OK;
    for (uint32_t i = 0; i < s->n && !code; i++) {
        const part *p = &s->parts[i];
        if (p->w->host != host || !p->scripts)
            continue;
        saved.len = 0;
        code = mcr_scripts_save(p->w->scripts, now, &saved, err);
        if (!code && saved.len)
            code = mcr_scripts_restore(p->scripts, now, mcr_buf_str(&saved), err);
    }
    mcr_buf_fini(&saved);
    return code;
}

static void carry_out(void *self, mcr_host *host)
{
    shadowing *s = self;
    for (uint32_t i = 0; i < s->n; i++)
        if (s->parts[i].w->host == host)
            s->change(&s->parts[i]);
}

static mcr_err finish(void *self, mcr_errbuf *err)
{
    (void)self, (void)err;
    return MCR_OK;
}

static void describe(const void *self, mcr_buf *out)
{
    const shadowing *s = self;
    mcr_buf_puts(out, s->what);
}

static void free_shadowing(void *self)
{
    shadowing *s = self;
    for (uint32_t i = 0; i < s->n; i++)
        mcr_scripts_free(s->parts[i].scripts);
    free(s->parts);
    free(s);
}

static mcr_change make(mcr_app *app, const char *what, void (*change)(part *p))
{
    shadowing *s = mcr_zalloc(sizeof *s);
    *s = (shadowing){ .app = app, .what = what, .change = change };
    s->parts = mcr_zalloc((app->watcher_n + 1) * sizeof *s->parts);
    for (uint32_t i = 0; i < app->watcher_n; i++)
        if (!app->watchers[i]->leaving)
            s->parts[s->n++].w = app->watchers[i];
    return (mcr_change){ s, hosts_concerned, prepare, carry_out, finish, describe, free_shadowing };
}

static bool same_sinks(const mcr_app_watcher *w, const mcr_config *config,
                       const mcr_config_watcher *other)
{
    bool same = mcr_watcher_sink_count(w->watcher) == mcr_config_watcher_sinks(other);
    for (uint32_t k = 0; same && k < other->sink_n; k++)
        same =
            strcmp(mcr_watcher_sink(w->watcher, k)->name, config->sinks[other->sinks[k]].name) == 0;
    return same;
}

static part *find(const shadowing *s, const char *name)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (strcmp(s->parts[i].w->name, name) == 0)
            return &s->parts[i];
    return NULL;
}

mcr_change mcr_shadowing_start(mcr_app *app, mcr_generation *g, mcr_errbuf *err)
{
    mcr_change change = make(app, "a shadow runs beside it", start);
    shadowing *s = change.self;
    uint32_t n = 0;
    mcr_err code = MCR_OK;
    for (uint32_t k = 0; k < g->config->watcher_n && !code; k++) {
        const mcr_config_watcher *other = &g->config->watchers[k];
        part *p = find(s, other->name);
        if (!p || !p->w->scripts || !g->scripts[k].hooks)
            continue;
        mcr_watcher_scripts taken = mcr_generation_take_scripts(g, k);
        p->scripts = taken.hooks;
        taken.hooks = NULL;
        mcr_watcher_scripts_fini(&taken);
        n++;
        if (!same_sinks(p->w, g->config, other))
            code = mcr_errf(err, MCR_ECONFIG,
                            "watcher '%s' would have other sinks: a shadow compares scripts only",
                            other->name);
    }
    if (!code && n == 0)
        code = mcr_errf(err, MCR_ECONFIG, "no watcher has scripts to compare");
    if (!code)
        return change;
    free_shadowing(s);
    return (mcr_change){ .self = NULL };
}

mcr_change mcr_shadowing_promote(mcr_app *app)
{
    return make(app, "the shadow is live", promote);
}

mcr_change mcr_shadowing_drop(mcr_app *app)
{
    return make(app, "the shadow has ended", drop);
}

void mcr_shadowing_report(mcr_buf *json, const char *folder, const mcr_census_result *counted)
{
    bool any = false;
    mcr_buf_puts(json, "{\"folder\":");
    mcr_json_string(json, mcr_str_of(folder));
    mcr_buf_puts(json, ",\"watchers\":[");
    for (uint32_t i = 0; i < counted->watcher_n; i++) {
        const mcr_census_watcher *w = &counted->watchers[i];
        if (!w->silent && !w->shadow[0])
            continue;
        mcr_buf_puts(json, any ? ",{\"watcher\":" : "{\"watcher\":");
        mcr_json_string(json, mcr_str_of(w->name));
        if (w->silent)
            mcr_buf_puts(json, ",\"silent\":true}");
        else
            mcr_buf_printf(json, ",\"report\":%s}", w->shadow);
        any = true;
    }
    mcr_buf_puts(json, "]}");
}
