#include "rehearse/reach.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "script/grants.h"

typedef struct told {
    const char **paths; // borrowed from the configuration
    size_t n;
} told;

static bool add(told *t, const char *path)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->paths[i], path) == 0)
            return false;
    t->paths = mcr_realloc(t->paths, (t->n + 1) * sizeof *t->paths);
    t->paths[t->n++] = path;
    return true;
}

static void warn(told *t, const mcr_config_script *script)
{
    mcr_grants outside = script->name ? mcr_grants_outside(script->allow) : 0;
    if (!outside || !add(t, script->path))
        return;
    mcr_buf names = { 0 };
    mcr_grants_print(&names, outside, ", ");
    mcr_log(MCR_LOG_WARN,
            "%s is allowed %s: what it does with that, it really does, here as well; only the "
            "sinks are replaced",
            script->path, mcr_buf_cstr(&names));
    mcr_buf_fini(&names);
}

void mcr_reach_warn(const mcr_config *config)
{
    told t = { 0 };
    for (uint32_t i = 0; i < config->watcher_n; i++) {
        const mcr_config_watcher *w = &config->watchers[i];
        for (uint32_t k = 0; k < w->script_n; k++)
            warn(&t, &w->scripts[k]);
        for (uint32_t k = 0; k < w->sink_n; k++)
            warn(&t, &config->sinks[w->sinks[k]].render);
    }
    free(t.paths);
}
