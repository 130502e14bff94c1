#include "config/config_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/suggest.h"
#include "base/units.h"
#include "broadcast/updates.h"
#include "config/config_script.h"
#include "script/script_sink.h"

// The keys of every sink, whatever its kind.
static const char *const own_keys[] = { "kind", "updates", "on_full", "render", "script", NULL };

// updates = "all", "first", or the least time between two repeats.
static mcr_err read_updates(mcr_config_reader *r, const char *where, mcr_config_sink *sink)
{
    lua_State *L = r->L;
    sink->updates = MCR_UPDATES_ALL;
    lua_getfield(L, -1, "updates"); // sink updates
    mcr_err code = MCR_OK;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    if (lua_isnil(L, -1) || (text && strcmp(text, "all") == 0))
        sink->updates = MCR_UPDATES_ALL;
    else if (text && strcmp(text, "first") == 0)
        sink->updates = MCR_UPDATES_FIRST;
    else if (lua_type(L, -1) == LUA_TNUMBER && lua_tonumber(L, -1) > 0 && lua_tonumber(L, -1) < 1e9)
        sink->updates = (int64_t)(lua_tonumber(L, -1) * 1e9);
    else if (!text || !mcr_parse_duration(mcr_str_of(text), &sink->updates) || sink->updates <= 0) {
        static const char *const words[] = { "all", "first" };
        const char *meant = text ? mcr_suggest(text, words, 2) : NULL;
        code =
            mcr_config_fail(r, where, "updates",
                            "'updates' is \"all\", \"first\", or the least time between two "
                            "repeats, such as \"10m\"%s%s%s",
                            meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
    }
    lua_pop(L, 1); // sink
    return code;
}

// on_full = "wait" or "drop": what the watcher does while the sink has no room.
static mcr_err read_on_full(mcr_config_reader *r, const char *where, mcr_config_sink *sink)
{
    char *text = NULL;
    mcr_err code = mcr_config_string(r, where, "on_full", &text);
    sink->drops = text && strcmp(text, "drop") == 0;
    if (!code && text && !sink->kind->room)
        code = mcr_config_fail(r, where, "on_full",
                               "a sink of kind '%s' has no queue that could be full",
                               sink->kind->name);
    else if (!code && text && !sink->drops && strcmp(text, "wait") != 0)
        code = mcr_config_fail(r, where, "on_full", "'on_full' is \"wait\" or \"drop\"");
    free(text);
    return code;
}

// render = "slack" is short for "renderers/slack.lua".
static mcr_err read_renderer(mcr_config *c, mcr_config_reader *r, const char *where,
                             mcr_config_sink *sink)
{
    lua_State *L = r->L;
    lua_getfield(L, -1, "render"); // sink render
    mcr_err code = MCR_OK;
    if (!lua_isnil(L, -1) && !sink->kind->renders)
        code = mcr_config_fail(r, where, "render", "a sink of kind '%s' renders nothing",
                               sink->kind->name);
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    if (name && !strchr(name, '/') && !strchr(name, '.')) {
        lua_pushfstring(L, "renderers/%s.lua", name); // sink render path
        lua_replace(L, -2);                           // sink path
    }
    if (!code && !lua_isnil(L, -1))
        code = mcr_config_read_script(c, r, &sink->render, where, "render");
    lua_pop(L, 1); // sink
    return code;
}

// The script that a sink of the kind "script" is.
static mcr_err read_sink_script(mcr_config *c, mcr_config_reader *r, const char *where,
                                mcr_config_sink *sink)
{
    lua_State *L = r->L;
    bool is_script = sink->kind == &mcr_sink_kind_script;
    lua_getfield(L, -1, "script"); // sink script
    mcr_err code = MCR_OK;
    if (!lua_isnil(L, -1))
        code = is_script ? mcr_config_read_script(c, r, &sink->script, where, "script")
                         : mcr_config_fail(r, where, "script",
                                           "only a sink of kind 'script' has a script, not '%s'",
                                           sink->kind->name);
    else if (is_script)
        code = mcr_config_fail(r, where, "kind", "a script sink needs a 'script'");
    lua_pop(L, 1); // sink
    return code;
}

static mcr_err find_kind(mcr_config_reader *r, const char *where, const char *name,
                         const mcr_sink_kind **kind)
{
    const char *names[16] = { mcr_sink_kind_script.name };
    size_t n = 1;
    for (; mcr_sink_kinds[n - 1] && n < 16; n++)
        names[n] = mcr_sink_kinds[n - 1]->name;
    *kind = strcmp(name, mcr_sink_kind_script.name) == 0 ? &mcr_sink_kind_script
                                                         : mcr_sink_kind_find(name);
    return *kind ? MCR_OK : mcr_config_unknown_kind(r, where, "sink", name, names, n);
}

// Files and the store take what comes: to hold them back would only hold back the source.
static mcr_err check_rate(mcr_config_reader *r, const char *where, const mcr_sink_kind *kind)
{
    lua_getfield(r->L, -1, "rate"); // sink rate
    bool said = !lua_isnil(r->L, -1);
    lua_pop(r->L, 1); // sink
    if (!said || mcr_option_find(kind->options, "rate"))
        return MCR_OK;
    return mcr_config_fail(r, where, "rate",
                           "a sink of kind '%s' has no rate: it takes events as they come (kube, "
                           "webhook and script have one; 'updates' leaves out repeats)",
                           kind->name);
}

static mcr_err read_sink(mcr_config *c, mcr_config_reader *r, const char *name)
{
    mcr_config_sink *sink = &c->sinks[c->sink_n++];
    *sink = (mcr_config_sink){ .name = mcr_strdup(name),
                               .render.params = LUA_NOREF,
                               .script.params = LUA_NOREF };
    char where[128];
    snprintf(where, sizeof where, "sinks.%s", name);
    char *kind_name = NULL;
    mcr_err code = mcr_config_string(r, where, "kind", &kind_name);
    if (!code)
        code = kind_name ? find_kind(r, where, kind_name, &sink->kind)
                         : mcr_config_fail(r, where, name, "'kind' is missing");
    free(kind_name);
    if (code || !sink->kind)
        return code;
    sink->options = mcr_zalloc(sink->kind->options_size);
    if (sink->kind->defaults)
        sink->kind->defaults(sink->options);
    code = check_rate(r, where, sink->kind);
    if (!code)
        code = mcr_config_options(r, where, sink->kind->options, own_keys, sink->options);
    if (!code)
        code = mcr_config_check_options(r, where, sink->kind->check, sink->options);
    if (!code && sink->kind->settle)
        sink->kind->settle(sink->options);
    if (!code)
        code = read_updates(r, where, sink);
    if (!code)
        code = read_on_full(r, where, sink);
    if (!code)
        code = read_renderer(c, r, where, sink);
    if (!code)
        code = read_sink_script(c, r, where, sink);
    return code;
}

static int compare_sinks(const void *a, const void *b)
{
    return strcmp(((const mcr_config_sink *)a)->name, ((const mcr_config_sink *)b)->name);
}

mcr_err mcr_config_read_sinks(mcr_config *c, mcr_config_reader *r)
{
    lua_State *L = r->L;
    bool found;
    mcr_err code = mcr_config_open_table(r, "", "sinks", &found); // config [sinks]
    if (code || !found)
        return code;
    size_t n = 0;
    lua_pushnil(L);              // config sinks nil
    for (; lua_next(L, -2); n++) // config sinks key value
        lua_pop(L, 1);           // config sinks key
    c->sinks = mcr_zalloc((n + 1) * sizeof *c->sinks);
    lua_pushnil(L);                    // config sinks nil
    while (!code && lua_next(L, -2)) { // config sinks key value
        if (lua_type(L, -2) != LUA_TSTRING || !lua_istable(L, -1))
            code = mcr_config_fail(r, "", "sinks", "'sinks' maps names to tables");
        else if (strcmp(lua_tostring(L, -2), "log") == 0)
            code = mcr_config_fail(r, "sinks", "log", "'log' is the built-in sink of `log = …`");
        else
            code = read_sink(c, r, lua_tostring(L, -2));
        lua_pop(L, code ? 2 : 1); // config sinks [key]
    }
    lua_pop(L, 1); // config
    qsort(c->sinks, c->sink_n, sizeof *c->sinks, compare_sinks);
    return code;
}

void mcr_config_sink_fini(mcr_config_sink *sink)
{
    if (sink->options)
        mcr_options_fini(sink->options, sink->kind->options);
    free(sink->options);
    free(sink->name);
    mcr_config_script_fini(&sink->render);
    mcr_config_script_fini(&sink->script);
}
