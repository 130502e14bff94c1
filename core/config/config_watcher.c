#include "config/config_watcher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/suggest.h"
#include "config/config_correlate.h"
#include "config/config_script.h"
#include "sink/format.h"

static mcr_err read_scripts(mcr_config *c, mcr_config_reader *r, mcr_config_watcher *w,
                            const char *where)
{
    lua_State *L = r->L;
    bool found;
    size_t n;
    mcr_err code = mcr_config_open_list(r, where, "scripts", &found, &n); // watcher [scripts]
    if (code)
        return code;
    w->scripts = mcr_zalloc((n + 2) * sizeof *w->scripts);
    for (size_t i = 1; i <= n && !code; i++) {
        lua_rawgeti(L, -1, (int)i); // watcher scripts script
        code = mcr_config_read_script(c, r, &w->scripts[w->script_n++], where, "scripts");
        lua_pop(L, 1); // watcher scripts
    }
    if (found)
        lua_pop(L, 1);             // watcher
    lua_getfield(L, -1, "script"); // watcher script
    if (!code && !lua_isnil(L, -1))
        code = mcr_config_read_script(c, r, &w->scripts[w->script_n++], where, "script");
    lua_pop(L, 1); // watcher
    return code;
}

static mcr_err find_sink(const mcr_config *c, mcr_config_reader *r, const char *where,
                         const char *name, uint32_t *index)
{
    const char *names[256];
    uint32_t n = c->sink_n < 256 ? c->sink_n : 256;
    for (uint32_t i = 0; i < n; i++) {
        names[i] = c->sinks[i].name;
        if (strcmp(names[i], name) == 0) {
            *index = i;
            return MCR_OK;
        }
    }
    const char *meant = mcr_suggest(name, names, n);
    if (meant)
        return mcr_config_fail(r, where, name, "unknown sink '%s'; did you mean '%s'?", name,
                               meant);
    return mcr_config_fail(r, where, name, "unknown sink '%s'", name);
}

static mcr_err read_watcher_sinks(mcr_config *c, mcr_config_reader *r, mcr_config_watcher *w,
                                  const char *where)
{
    lua_State *L = r->L;
    bool found;
    size_t n;
    mcr_err code = mcr_config_open_list(r, where, "sinks", &found, &n); // watcher [sinks]
    if (code || !found)
        return code;
    // One place is kept for the built-in log sink.
    if (n >= MCR_MAX_SINKS)
        code =
            mcr_config_fail(r, where, "sinks", "a watcher has at most %d sinks", MCR_MAX_SINKS - 1);
    w->sinks = mcr_zalloc((n + 1) * sizeof *w->sinks);
    for (size_t i = 1; i <= n && !code; i++) {
        lua_rawgeti(L, -1, (int)i); // watcher sinks name
        const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        code = name ? find_sink(c, r, where, name, &w->sinks[w->sink_n++])
                    : mcr_config_fail(r, where, "sinks", "'sinks' is a list of sink names");
        for (uint32_t k = 0; !code && k + 1 < w->sink_n; k++)
            if (w->sinks[k] == w->sinks[w->sink_n - 1])
                code = mcr_config_fail(r, where, name, "sink '%s' is listed twice", name);
        lua_pop(L, 1); // watcher sinks
    }
    lua_pop(L, 1); // watcher
    return code;
}

// The watcher's own index of a sink: its place in `sinks`, or behind them all for the built-in
// "log".
static mcr_err find_own_sink(const mcr_config *c, mcr_config_reader *r, const mcr_config_watcher *w,
                             const char *where, const char *name, uint32_t *own)
{
    if (strcmp(name, "log") == 0 && w->log_format) {
        *own = w->sink_n;
        return MCR_OK;
    }
    uint32_t index = 0;
    mcr_err code = find_sink(c, r, where, name, &index);
    if (code)
        return code;
    for (*own = 0; *own < w->sink_n; ++*own)
        if (w->sinks[*own] == index)
            return MCR_OK;
    return mcr_config_fail(r, where, name, "fallback '%s' is not among its sinks", name);
}

static mcr_err read_fallback(const mcr_config *c, mcr_config_reader *r, mcr_config_watcher *w,
                             const char *where)
{
    lua_State *L = r->L;
    bool found;
    size_t n;
    w->fallback = UINT64_MAX;
    mcr_err code = mcr_config_open_list(r, where, "fallback", &found, &n); // watcher [fallback]
    if (code || !found)
        return code;
    w->fallback = 0;
    for (size_t i = 1; i <= n && !code; i++) {
        lua_rawgeti(L, -1, (int)i); // watcher fallback name
        const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        uint32_t own = 0;
        code = name ? find_own_sink(c, r, w, where, name, &own)
                    : mcr_config_fail(r, where, "fallback", "'fallback' is a list of sink names");
        if (!code)
            w->fallback |= UINT64_C(1) << own;
        lua_pop(L, 1); // watcher fallback
    }
    lua_pop(L, 1); // watcher
    return code;
}

static const mcr_option watcher_options[] = {
    { "name", MCR_OPTION_STRING, offsetof(mcr_config_watcher, name), NULL,
      "what messages and the ledger call it" },
    { "group", MCR_OPTION_STRING, offsetof(mcr_config_watcher, group), NULL,
      "watchers of one group share a thread" },
    { "log", MCR_OPTION_STRING, offsetof(mcr_config_watcher, log_format), NULL,
      "write every event that passes to stderr: structured, plain, json or another format" },
    { "queue", MCR_OPTION_INT, offsetof(mcr_config_watcher, queue), NULL,
      "how many events may wait for it" },
    { "deadline", MCR_OPTION_DURATION, offsetof(mcr_config_watcher, deadline), NULL,
      "how long a hook of its scripts may run before it is stopped (limits.deadline)" },
    { "memory", MCR_OPTION_SIZE, offsetof(mcr_config_watcher, memory), NULL,
      "how much memory its scripts may use (limits.memory)" },
    { "on_error", MCR_OPTION_CHOICE, offsetof(mcr_config_watcher, on_error),
      "dead_letter|pass|drop", "what happens to an event whose filter or handle fails" },
    { NULL, MCR_OPTION_STRING, 0, NULL, NULL },
};

static mcr_err check_log_format(mcr_config_reader *r, mcr_config_watcher *w, const char *where)
{
    if (!w->log_format)
        return MCR_OK;
    if (strcmp(w->log_format, "json") == 0) {
        free(w->log_format);
        w->log_format = mcr_strdup("json-log");
    }
    mcr_errbuf why;
    mcr_formatter *formatter = mcr_formatter_new(w->log_format, &why);
    if (!formatter)
        return mcr_config_fail(r, where, w->log_format, "log: %s", why.text);
    mcr_formatter_free(formatter);
    const mcr_sink_kind *kind = mcr_sink_kind_find("stderr");
    w->log_options = mcr_zalloc(kind->options_size);
    if (kind->defaults)
        kind->defaults(w->log_options);
    const mcr_option_value format = { .kind = MCR_VALUE_STRING, .string = w->log_format };
    return mcr_option_set(w->log_options, kind->options, "format", &format, r->err);
}

static mcr_err read_watcher(mcr_config *c, mcr_config_reader *r, const char *where)
{
    static const char *const others[] = { "scripts",  "script",    "sinks",
                                          "fallback", "correlate", NULL };
    mcr_config_watcher *w = &c->watchers[c->watcher_n++];
    *w = (mcr_config_watcher){ .queue = 1000 };
    mcr_err code = mcr_config_options(r, where, watcher_options, others, w);
    if (!code && (w->queue < 1 || w->queue > 1 << 24))
        code = mcr_config_fail(r, where, "queue", "'queue' must be from 1 to 16777216");
    if (!code && w->deadline)
        code = mcr_config_check_deadline(r, where, w->deadline);
    if (!code && w->memory && !mcr_config_is_script_memory(w->memory))
        code = mcr_config_fail(r, where, "memory", "'memory' must be from 8MiB to 16GiB");
    if (!code && !w->name) {
        mcr_buf name = { 0 };
        mcr_buf_printf(&name, "watcher%u", c->watcher_n);
        w->name = mcr_strdup(mcr_buf_cstr(&name));
        mcr_buf_fini(&name);
    }
    for (uint32_t i = 0; !code && i + 1 < c->watcher_n; i++)
        if (strcmp(c->watchers[i].name, w->name) == 0)
            code = mcr_config_fail(r, where, w->name, "a second watcher called '%s'", w->name);
    if (!code)
        code = check_log_format(r, w, where);
    if (!code)
        code = read_scripts(c, r, w, where);
    if (!code)
        code = read_watcher_sinks(c, r, w, where);
    if (!code)
        code = read_fallback(c, r, w, where);
    if (!code)
        code = mcr_config_read_correlate(c, r, w, where);
    return code;
}

mcr_err mcr_config_read_watchers(mcr_config *c, mcr_config_reader *r)
{
    lua_State *L = r->L;
    bool found;
    size_t n;
    mcr_err code = mcr_config_open_list(r, "", "watchers", &found, &n); // config [watchers]
    if (code || !found)
        return code ? code : mcr_config_fail(r, "", NULL, "'watchers' is missing");
    c->watchers = mcr_zalloc((n + 1) * sizeof *c->watchers);
    for (size_t i = 1; i <= n && !code; i++) {
        char where[64];
        snprintf(where, sizeof where, "watchers[%zu]", i);
        lua_rawgeti(L, -1, (int)i); // config watchers watcher
        code = lua_istable(L, -1)
                   ? read_watcher(c, r, where)
                   : mcr_config_fail(r, "watchers", "watchers", "a watcher is a table");
        lua_pop(L, 1); // config watchers
    }
    lua_pop(L, 1); // config
    if (!code && !n)
        code = mcr_config_fail(r, "", "watchers", "'watchers' lists no watcher");
    return code;
}

void mcr_config_watcher_fini(mcr_config_watcher *w)
{
    for (uint32_t i = 0; i < w->script_n; i++)
        mcr_config_script_fini(&w->scripts[i]);
    free(w->scripts);
    free(w->sinks);
    if (w->log_options)
        mcr_options_fini(w->log_options, mcr_sink_kind_find("stderr")->options);
    free(w->log_options);
    mcr_options_fini(w, watcher_options);
}
