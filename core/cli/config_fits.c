#include <string.h>

#include "cli/config.h"

static bool same_watcher(const mcr_config *a, const mcr_config_watcher *v, const mcr_config *b,
                         const mcr_config_watcher *w)
{
    bool same = strcmp(v->name, w->name) == 0 && v->sink_n == w->sink_n;
    for (uint32_t i = 0; same && i < v->sink_n; i++)
        same = strcmp(a->sinks[v->sinks[i]].name, b->sinks[w->sinks[i]].name) == 0;
    return same;
}

mcr_err mcr_config_fits(const mcr_config *now, const mcr_config *next, mcr_errbuf *err)
{
    if (now->source_n != next->source_n || now->watcher_n != next->watcher_n)
        return mcr_errf(err, MCR_ECONFIG, "%s: other sources or watchers need a restart",
                        next->path);
    for (uint32_t i = 0; i < now->watcher_n; i++)
        if (!same_watcher(now, &now->watchers[i], next, &next->watchers[i]))
            return mcr_errf(err, MCR_ECONFIG,
                            "%s: watcher '%s' has another name or other sinks: "
                            "that needs a restart",
                            next->path, next->watchers[i].name);
    return MCR_OK;
}
