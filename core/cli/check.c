#include <stdio.h>

#include "base/log.h"
#include "broadcast/updates.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "config/config_correlate.h"
#include "daemon/app.h"

static void describe_scripts(mcr_buf *out, const mcr_scripts *scripts, const char *title)
{
    mcr_buf lines = { 0 };
    mcr_scripts_describe(scripts, &lines);
    mcr_buf_cstr(&lines);
    for (const char *at = lines.ptr; at;) {
        const char *end = strchr(at, '\n');
        mcr_buf_printf(out, "%s%.*s\n", title, end ? (int)(end - at) : (int)strlen(at), at);
        at = end ? end + 1 : NULL;
    }
    mcr_buf_fini(&lines);
}

static void describe_watcher(mcr_buf *out, const mcr_config *config, const mcr_app_watcher *w)
{
    static const char *const policies[] = { "dead_letter", "pass", "drop" };
    mcr_buf_printf(out, "watcher %s\n", w->config->name);
    if (w->scripts) {
        describe_scripts(out, w->scripts, "  script    ");
        mcr_buf_printf(out, "  memory    %llu MiB\n",
                       (unsigned long long)mcr_scripts_counts_now(w->scripts).memory_limit >> 20);
        mcr_buf_printf(out, "  on_error  %s\n", policies[w->config->on_error]);
    }
    for (uint32_t i = 0; i < w->config->sink_n; i++) {
        mcr_buf_printf(out, "  sink      %s\n", config->sinks[w->config->sinks[i]].name);
        if (w->loaded.sinks[i])
            describe_scripts(out, w->loaded.sinks[i], "    script  ");
    }
    if (w->config->log_format)
        mcr_buf_printf(out, "  log       %s\n", w->config->log_format);
    mcr_buf_puts(out, "  correlate ");
    mcr_config_correlate_describe(out, w->config);
    mcr_buf_putc(out, '\n');
    mcr_buf_printf(out, "  queue     %lld\n", (long long)w->config->queue);
    if (w->config->group)
        mcr_buf_printf(out, "  group     %s\n", w->config->group);
}

static void describe_sink(mcr_buf *out, const mcr_config_sink *sink)
{
    static const mcr_option updates[] = {
        { "updates", MCR_OPTION_DURATION, offsetof(mcr_config_sink, updates), NULL, "" },
        { NULL, MCR_OPTION_STRING, 0, NULL, NULL },
    };
    mcr_buf_printf(out, "sink %s (%s)\n", sink->name, sink->kind->name);
    mcr_options_describe(out, sink->options, sink->kind->options);
    if (sink->updates == MCR_UPDATES_FIRST)
        mcr_buf_puts(out, "  updates   first\n");
    else if (sink->updates != MCR_UPDATES_ALL)
        mcr_options_describe(out, sink, updates);
    if (sink->drops)
        mcr_buf_puts(out, "  on_full   drop\n");
    if (sink->render.name)
        mcr_buf_printf(out, "  render    %s\n", sink->render.name);
}

static void describe(mcr_buf *out, const mcr_app *app)
{
    const mcr_config *config = app->config;
    mcr_buf_printf(out, "%s is valid. It would run:\n", config->path);
    for (uint32_t i = 0; i < config->source_n; i++) {
        const mcr_config_source *source = &config->sources[i];
        mcr_buf_printf(out, "source %s%s%s\n", source->kind->name, source->name ? " " : "",
                       source->name ? source->name : "");
        mcr_options_describe(out, source->options, source->kind->options);
    }
    for (uint32_t i = 0; i < config->sink_n; i++)
        describe_sink(out, &config->sinks[i]);
    for (uint32_t i = 0; i < app->watcher_n; i++)
        describe_watcher(out, config, app->watchers[i]);
    mcr_buf_printf(out, "dead letters %s\n",
                   config->dead_letters ? config->dead_letters
                                        : "(none: refused events are only "
                                          "counted)");
}

// Warns of what is valid but surely not meant, or will not do here.
static void warn(const mcr_config *config)
{
    for (uint32_t i = 0; i < config->sink_n; i++) {
        bool used = false;
        for (uint32_t k = 0; k < config->watcher_n; k++)
            for (uint32_t s = 0; s < config->watchers[k].sink_n; s++)
                used |= config->watchers[k].sinks[s] == i;
        if (!used)
            mcr_log(MCR_LOG_WARN, "%s: no watcher uses sink '%s'", config->path,
                    config->sinks[i].name);
        // A configuration may be checked on another machine than it is for.
        const mcr_config_sink *sink = &config->sinks[i];
        mcr_errbuf why;
        if (used && sink->kind->probe && sink->kind->probe(sink->options, &why))
            mcr_log(MCR_LOG_WARN, "%s: sink '%s': %s; `run` would not start on this machine",
                    config->path, sink->name, why.text);
    }
}

int mcr_cmd_check(int argc, char **argv)
{
    const char *path = NULL;
    int verbose = 0, quiet = 0;
    const mcr_flag flags[] = {
        MCR_FLAG_CONFIG(&path),
        MCR_FLAG_VERBOSE(&verbose),
        MCR_FLAG_QUIET(&quiet),
        { 0 },
    };
    const mcr_usage usage = {
        .command = "check",
        .synopsis = "[flags] [FILE]",
        .about =
            "Reads the configuration as `run` would, compiles every script and runs its init,\n"
            "and prints what would run. Reads no events and opens no sink. Exit code 78 when\n"
            "something is wrong.",
        .examples = "  # before a deployment\n"
                    "  mooncrier check -c mooncrier.lua",
        .flags = flags,
    };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    if (args.n > 1 || (args.n == 1 && path))
        return mcr_args_usage_error(&usage, "unexpected argument '%s'", args.operands[args.n - 1]);
    mcr_args_log_level(verbose, quiet);

    mcr_errbuf err;
    mcr_app app = { 0 };
    mcr_generation *g = mcr_generation_new(NULL);
    mcr_err code = mcr_generation_read(g, args.n ? args.operands[0] : path, &err);
    if (!code)
        code = mcr_app_load(&app, g, &mcr_clock_wall, &err);
    if (code) {
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
    } else {
        warn(g->config);
        mcr_buf text = { 0 };
        describe(&text, &app);
        if (!mcr_print(&text))
            code = MCR_EIO;
        mcr_buf_fini(&text);
    }
    mcr_app_close(&app);
    mcr_generation_free(g);
    return code == MCR_OK ? MCR_EXIT_OK : code == MCR_EIO ? MCR_EXIT_FAILED : MCR_EXIT_CONFIG;
}
