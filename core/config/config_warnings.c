#include "config/config_warnings.h"

#include "base/log.h"

static void warn_of_hook(const mcr_config *config, const mcr_config_watcher *w,
                         const mcr_scripts *scripts, const char *hook, const char *why)
{
    mcr_buf owner = { 0 };
    if (mcr_scripts_owner(scripts, hook, &owner))
        mcr_log(MCR_LOG_WARN, "%s: %s has %s, but watcher '%s' %s", config->path,
                mcr_buf_cstr(&owner), hook, w->name, why);
    mcr_buf_fini(&owner);
}

// Why the render hook of its own scripts is never called; NULL: it is.
static const char *why_it_renders_not(const mcr_config *config, const mcr_config_watcher *w)
{
    bool any = false;
    for (uint32_t i = 0; i < w->sink_n; i++) {
        const mcr_config_sink *sink = &config->sinks[w->sinks[i]];
        if (!sink->kind->renders)
            continue;
        if (!sink->render.name)
            return NULL;
        any = true;
    }
    return any ? "has sinks that render with renderers of their own only"
               : "has no sink that renders (webhook)";
}

void mcr_config_warn(const mcr_config *config, const mcr_config_watcher *w,
                     const mcr_scripts *scripts)
{
    static const char *const texts[] = { "aggregate_key", "local_key", "spam_key",
                                         "aggregate_message" };
    // Its sinks' answers are heard of, one event at a time, for the sake of client-go's correlator.
    if (w->correlates && w->learns && w->correlate.key_separator)
        mcr_log(MCR_LOG_WARN,
                "%s: watcher '%s' has a kube sink with policy = \"client-go\", but correlates "
                "otherwise: say correlate = \"client-go\"",
                config->path, w->name);
    if (!scripts)
        return;
    for (size_t i = 0; !w->correlates && i < sizeof texts / sizeof *texts; i++)
        warn_of_hook(config, w, scripts, texts[i], "does not correlate: add correlate = true");
    const char *why = why_it_renders_not(config, w);
    if (why)
        warn_of_hook(config, w, scripts, "render", why);
    if (!mcr_config_watcher_sinks(w))
        warn_of_hook(config, w, scripts, "route", "has no sinks");
}
