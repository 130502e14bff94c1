#include "cli/config.h"

#include <errno.h>
#include <libgen.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/suggest.h"
#include "cli/config_table.h"
#include "cli/install_dirs.h"
#include "script/state.h"
#include "sink/format.h"

// What the file sees besides its own text.
static const char sandbox[] =
    "local chunk = ...\n"
    "local world = {}\n"
    "for name in ('assert error ipairs next pairs select string table math tonumber tostring '\n"
    "  .. 'type unpack'):gmatch('%S+') do world[name] = _G[name] end\n"
    "local getenv, open = os.getenv, io.open\n"
    "function world.env(name)\n"
    "  local value = getenv(name)\n"
    "  if value == nil then error('environment variable ' .. name .. ' is not set', 2) end\n"
    "  return value\n"
    "end\n"
    "function world.file(path)\n"
    "  local f, why = open(path, 'r')\n"
    "  if not f then error(why, 2) end\n"
    "  local text = f:read('*a')\n"
    "  f:close()\n"
    "  if not text then error(path .. ' cannot be read', 2) end\n"
    "  return (text:gsub('\\n$', ''))\n"
    "end\n"
    "setmetatable(world, { __index = function(_, name)\n"
    "  error(\"undefined global '\" .. tostring(name) .. \"'\", 2) end })\n"
    "return setfenv(chunk, world)()\n";

static mcr_err read_text(const char *path, char **text, mcr_errbuf *err)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return mcr_errf(err, MCR_ECONFIG, "%s: %s", path, strerror(errno));
    mcr_buf content = { 0 };
    size_t n;
    do {
        n = fread(mcr_buf_reserve(&content, 65536), 1, 65536, file);
        content.len += n;
    } while (n > 0);
    bool failed = ferror(file);
    fclose(file);
    mcr_buf_cstr(&content);
    *text = content.ptr;
    return failed ? mcr_errf(err, MCR_ECONFIG, "%s: cannot be read", path) : MCR_OK;
}

// Runs the file; its table is then on the stack.
static mcr_err evaluate(mcr_config *c, mcr_errbuf *err)
{
    lua_State *L = c->L;
    char name[4096];
    snprintf(name, sizeof name, "@%s", c->path);
    if (luaL_loadstring(L, sandbox) ||                            // sandbox
        luaL_loadbufferx(L, c->text, strlen(c->text), name, "t")) // sandbox chunk
        return mcr_errf(err, MCR_ECONFIG, "%s", lua_tostring(L, -1));
    if (!mcr_lua_pcall(L, 1, 1, true)) { // table or message
        const char *message = lua_tostring(L, -1);
        return mcr_errf(err, MCR_ECONFIG, "%.*s", (int)strcspn(message, "\n"), message);
    }
    if (!lua_istable(L, -1))
        return mcr_errf(err, MCR_ECONFIG, "%s: must return a table, not %s", c->path,
                        lua_isnil(L, -1) ? "nothing" : luaL_typename(L, -1));
    return MCR_OK;
}

static const char *const kind_key[] = { "kind", NULL };
static const char *const source_keys[] = { "kind", "name", NULL };

static mcr_err read_source(mcr_config *c, mcr_config_reader *r, const char *where)
{
    mcr_config_source *source = &c->sources[c->source_n++];
    *source = (mcr_config_source){ .name = NULL };
    char *kind_name = NULL;
    mcr_err code = mcr_config_string(r, where, "kind", &kind_name);
    if (!code && !kind_name)
        code = mcr_config_fail(r, where, "sources", "'kind' is missing");
    if (!code && !(source->kind = mcr_source_kind_find(kind_name))) {
        const char *names[16];
        size_t n = 0;
        while (mcr_source_kinds[n] && n < 16) {
            names[n] = mcr_source_kinds[n]->name;
            n++;
        }
        const char *meant = mcr_suggest(kind_name, names, n);
        code =
            mcr_config_fail(r, where, kind_name, "no source of kind '%s'%s%s%s", kind_name,
                            meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
    }
    free(kind_name);
    if (code || (code = mcr_config_string(r, where, "name", &source->name)))
        return code;
    source->options = mcr_zalloc(source->kind->options_size);
    if (source->kind->defaults)
        source->kind->defaults(source->options);
    return mcr_config_options(r, where, source->kind->options, source_keys, source->options);
}

static mcr_err read_sources(mcr_config *c, mcr_config_reader *r)
{
    lua_State *L = r->L;
    bool found;
    mcr_err code = mcr_config_open_table(r, "", "sources", &found); // config [sources]
    if (code || !found)
        return code ? code : mcr_config_fail(r, "", NULL, "'sources' is missing");
    size_t n = lua_objlen(L, -1);
    c->sources = mcr_zalloc((n + 1) * sizeof *c->sources);
    for (size_t i = 1; i <= n && !code; i++) {
        char where[64];
        snprintf(where, sizeof where, "sources[%zu]", i);
        lua_rawgeti(L, -1, (int)i); // config sources source
        code = lua_istable(L, -1) ? read_source(c, r, where)
                                  : mcr_config_fail(r, "sources", "sources", "a source is a table");
        lua_pop(L, 1); // config sources
    }
    lua_pop(L, 1); // config
    if (!code && !n)
        code = mcr_config_fail(r, "", "sources", "'sources' lists no source");
    return code;
}

static mcr_err read_sink(mcr_config *c, mcr_config_reader *r, const char *name)
{
    mcr_config_sink *sink = &c->sinks[c->sink_n++];
    *sink = (mcr_config_sink){ .name = mcr_strdup(name) };
    char where[128];
    snprintf(where, sizeof where, "sinks.%s", name);
    char *kind_name = NULL;
    mcr_err code = mcr_config_string(r, where, "kind", &kind_name);
    if (!code && !kind_name)
        code = mcr_config_fail(r, where, name, "'kind' is missing");
    if (!code && !(sink->kind = mcr_sink_kind_find(kind_name))) {
        const char *names[16];
        size_t n = 0;
        while (mcr_sink_kinds[n] && n < 16) {
            names[n] = mcr_sink_kinds[n]->name;
            n++;
        }
        const char *meant = mcr_suggest(kind_name, names, n);
        code =
            mcr_config_fail(r, where, kind_name, "no sink of kind '%s'%s%s%s", kind_name,
                            meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
    }
    free(kind_name);
    if (code)
        return code;
    sink->options = mcr_zalloc(sink->kind->options_size);
    if (sink->kind->defaults)
        sink->kind->defaults(sink->options);
    return mcr_config_options(r, where, sink->kind->options, kind_key, sink->options);
}

static int compare_sinks(const void *a, const void *b)
{
    return strcmp(((const mcr_config_sink *)a)->name, ((const mcr_config_sink *)b)->name);
}

static mcr_err read_sinks(mcr_config *c, mcr_config_reader *r)
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

// Finds a script beside the configuration, in its `scripts` folder, or among the installed ones.
static char *find_script(const mcr_config *c, const char *name)
{
    char *installed = mcr_install_dir("scripts");
    const char *const dirs[] = { name[0] == '/' ? "" : c->dir, c->scripts_dir, installed };
    char *found = NULL;
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs && !found; i++) {
        if (!dirs[i])
            continue;
        mcr_buf path = { 0 };
        mcr_buf_printf(&path, "%s%s%s", dirs[i], name[0] == '/' ? "" : "/", name);
        mcr_buf_cstr(&path);
        // Names stay as users wrote them: "./x.lua" helps nobody.
        const char *plain = strncmp(path.ptr, "./", 2) == 0 ? path.ptr + 2 : path.ptr;
        if (access(plain, R_OK) == 0)
            found = mcr_strdup(plain);
        mcr_buf_fini(&path);
    }
    free(installed);
    return found;
}

static mcr_err add_script(mcr_config *c, mcr_config_reader *r, mcr_config_watcher *w,
                          const char *where, const char *name)
{
    mcr_config_script *script = &w->scripts[w->script_n++];
    *script = (mcr_config_script){ .name = mcr_strdup(name), .params = LUA_NOREF };
    script->path = find_script(c, name);
    if (!script->path)
        return mcr_config_fail(r, where, name,
                               "no script '%s' beside the configuration%s%s, nor "
                               "among the installed ones",
                               name, c->scripts_dir ? ", in " : "",
                               c->scripts_dir ? c->scripts_dir : "");
    return MCR_OK;
}

// The script on top of the stack: a name, or a table of a name and parameters.
static mcr_err read_script(mcr_config *c, mcr_config_reader *r, mcr_config_watcher *w,
                           const char *where)
{
    lua_State *L = r->L;
    if (lua_type(L, -1) == LUA_TSTRING)
        return add_script(c, r, w, where, lua_tostring(L, -1));
    if (!lua_istable(L, -1))
        return mcr_config_fail(r, where, "scripts", "a script is a path or { path, parameters }");
    lua_rawgeti(L, -1, 1); // script name
    if (lua_type(L, -1) != LUA_TSTRING) {
        lua_pop(L, 1); // script
        return mcr_config_fail(r, where, "scripts", "a script's first item is its path");
    }
    mcr_err code = add_script(c, r, w, where, lua_tostring(L, -1));
    lua_pop(L, 1); // script
    if (code)
        return code;
    lua_newtable(L);          // script params
    lua_pushnil(L);           // script params nil
    while (lua_next(L, -3)) { // script params key value
        if (lua_type(L, -2) == LUA_TNUMBER && lua_tonumber(L, -2) == 1) {
            lua_pop(L, 1); // script params key
            continue;
        }
        lua_pushvalue(L, -2); // script params key value key
        lua_insert(L, -2);    // script params key key value
        lua_rawset(L, -4);    // script params key
    }
    w->scripts[w->script_n - 1].params = luaL_ref(L, LUA_REGISTRYINDEX); // script
    return MCR_OK;
}

static mcr_err read_scripts(mcr_config *c, mcr_config_reader *r, mcr_config_watcher *w,
                            const char *where)
{
    lua_State *L = r->L;
    bool found;
    mcr_err code = mcr_config_open_table(r, where, "scripts", &found); // watcher [scripts]
    if (code)
        return code;
    size_t n = found ? lua_objlen(L, -1) : 0;
    w->scripts = mcr_zalloc((n + 2) * sizeof *w->scripts);
    for (size_t i = 1; i <= n && !code; i++) {
        lua_rawgeti(L, -1, (int)i); // watcher scripts script
        code = read_script(c, r, w, where);
        lua_pop(L, 1); // watcher scripts
    }
    if (found)
        lua_pop(L, 1);             // watcher
    lua_getfield(L, -1, "script"); // watcher script
    if (!code && !lua_isnil(L, -1))
        code = read_script(c, r, w, where);
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
    mcr_err code = mcr_config_open_table(r, where, "sinks", &found); // watcher [sinks]
    if (code || !found)
        return code;
    size_t n = lua_objlen(L, -1);
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

static mcr_err read_fallback(const mcr_config *c, mcr_config_reader *r, mcr_config_watcher *w,
                             const char *where)
{
    lua_State *L = r->L;
    bool found;
    w->fallback = UINT64_MAX;
    mcr_err code = mcr_config_open_table(r, where, "fallback", &found); // watcher [fallback]
    if (code || !found)
        return code;
    w->fallback = 0;
    for (size_t i = 1; i <= lua_objlen(L, -1) && !code; i++) {
        lua_rawgeti(L, -1, (int)i); // watcher fallback name
        const char *name = lua_tostring(L, -1);
        uint32_t index = 0, k = 0;
        code = name ? find_sink(c, r, where, name, &index)
                    : mcr_config_fail(r, where, "fallback", "'fallback' is a list of sink names");
        while (k < w->sink_n && w->sinks[k] != index)
            k++;
        if (!code && k == w->sink_n)
            code = mcr_config_fail(r, where, name, "fallback '%s' is not among its sinks", name);
        w->fallback |= UINT64_C(1) << k;
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
    static const char *const others[] = { "scripts", "script", "sinks", "fallback", NULL };
    mcr_config_watcher *w = &c->watchers[c->watcher_n++];
    *w = (mcr_config_watcher){ .queue = 1000 };
    mcr_err code = mcr_config_options(r, where, watcher_options, others, w);
    if (!code && (w->queue < 1 || w->queue > 1 << 24))
        code = mcr_config_fail(r, where, "queue", "'queue' must be from 1 to 16777216");
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
    return code;
}

static mcr_err read_watchers(mcr_config *c, mcr_config_reader *r)
{
    lua_State *L = r->L;
    bool found;
    mcr_err code = mcr_config_open_table(r, "", "watchers", &found); // config [watchers]
    if (code || !found)
        return code ? code : mcr_config_fail(r, "", NULL, "'watchers' is missing");
    size_t n = lua_objlen(L, -1);
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

static const mcr_option limit_options[] = {
    { "event", MCR_OPTION_SIZE, offsetof(mcr_config, event_limit), NULL,
      "the longest event that is read" },
    { "emit", MCR_OPTION_INT, offsetof(mcr_config, emit_queue), NULL,
      "how many emitted events may wait" },
    { NULL, MCR_OPTION_STRING, 0, NULL, NULL },
};

static mcr_err read_limits(mcr_config *c, mcr_config_reader *r)
{
    static const char *const none[] = { NULL };
    bool found;
    mcr_err code = mcr_config_open_table(r, "", "limits", &found); // config [limits]
    if (code || !found)
        return code;
    code = mcr_config_options(r, "limits", limit_options, none, c);
    lua_pop(r->L, 1); // config
    if (!code && c->event_limit < 1024)
        code = mcr_config_fail(r, "limits", "event", "'event' must be at least 1KiB");
    return code;
}

static mcr_err read_scripts_dir(mcr_config *c, mcr_config_reader *r)
{
    char *given = NULL;
    mcr_err code = mcr_config_string(r, "", "scripts", &given);
    if (code || !given)
        return code;
    mcr_buf path = { 0 };
    if (given[0] != '/' && strcmp(c->dir, ".") != 0)
        mcr_buf_printf(&path, "%s/", c->dir);
    mcr_buf_puts(&path, given);
    c->scripts_dir = mcr_strdup(mcr_buf_cstr(&path));
    mcr_buf_fini(&path);
    free(given);
    if (access(c->scripts_dir, R_OK | X_OK) != 0)
        return mcr_config_fail(r, "", "scripts", "scripts folder '%s': %s", c->scripts_dir,
                               strerror(errno));
    return MCR_OK;
}

static mcr_err read_all(mcr_config *c, mcr_config_reader *r)
{
    static const char *const keys[] = { "sources",      "sinks",   "watchers", "limits",
                                        "dead_letters", "scripts", NULL };
    mcr_err code = mcr_config_check_keys(r, "", keys);
    if (!code)
        code = mcr_config_string(r, "", "dead_letters", &c->dead_letters);
    if (!code)
        code = read_scripts_dir(c, r);
    if (!code)
        code = read_limits(c, r);
    if (!code)
        code = read_sources(c, r);
    if (!code)
        code = read_sinks(c, r);
    if (!code)
        code = read_watchers(c, r);
    return code;
}

mcr_config *mcr_config_load(const char *path, mcr_errbuf *err)
{
    if (!path)
        path =
            access("mooncrier.lua", F_OK) == 0 ? "mooncrier.lua" : "/etc/mooncrier/mooncrier.lua";
    mcr_config *c = mcr_zalloc(sizeof *c);
    c->path = mcr_strdup(path);
    char *copy = mcr_strdup(path);
    c->dir = mcr_strdup(dirname(copy));
    free(copy);
    c->event_limit = 4 * 1024 * 1024;
    c->emit_queue = 1000;
    if (read_text(path, &c->text, err))
        goto fail;
    c->L = luaL_newstate();
    luaL_openlibs(c->L);
    if (evaluate(c, err)) // table
        goto fail;
    mcr_config_reader reader = { c->L, c->path, c->text, err };
    if (read_all(c, &reader)) // table
        goto fail;
    lua_settop(c->L, 0); //
    return c;
fail:
    mcr_config_free(c);
    return NULL;
}

void mcr_config_free(mcr_config *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; i < c->source_n; i++) {
        if (c->sources[i].options)
            mcr_options_fini(c->sources[i].options, c->sources[i].kind->options);
        free(c->sources[i].options);
        free(c->sources[i].name);
    }
    for (uint32_t i = 0; i < c->sink_n; i++) {
        if (c->sinks[i].options)
            mcr_options_fini(c->sinks[i].options, c->sinks[i].kind->options);
        free(c->sinks[i].options);
        free(c->sinks[i].name);
    }
    for (uint32_t i = 0; i < c->watcher_n; i++) {
        mcr_config_watcher *w = &c->watchers[i];
        for (uint32_t k = 0; k < w->script_n; k++) {
            free(w->scripts[k].name);
            free(w->scripts[k].path);
        }
        free(w->scripts);
        free(w->sinks);
        if (w->log_options)
            mcr_options_fini(w->log_options, mcr_sink_kind_find("stderr")->options);
        free(w->log_options);
        mcr_options_fini(w, watcher_options);
    }
    free(c->sources);
    free(c->sinks);
    free(c->watchers);
    if (c->L)
        lua_close(c->L);
    free(c->path);
    free(c->dir);
    free(c->text);
    free(c->scripts_dir);
    free(c->dead_letters);
    free(c);
}

enum {
    PARAMS_DEPTH = 50
};

// Copies the plain value at the top of `from` to the top of `to`: tables, strings, numbers,
// booleans.
static void copy_value(lua_State *from, lua_State *to, int depth)
{
    switch (lua_type(from, -1)) {
    case LUA_TSTRING: {
        size_t len;
        const char *text = lua_tolstring(from, -1, &len);
        lua_pushlstring(to, text, len); // value
        return;
    }
    case LUA_TNUMBER:
        lua_pushnumber(to, lua_tonumber(from, -1)); // value
        return;
    case LUA_TBOOLEAN:
        lua_pushboolean(to, lua_toboolean(from, -1)); // value
        return;
    case LUA_TTABLE:
        break;
    default:
        lua_pushnil(to); // nil
        return;
    }
    lua_newtable(to); // table
    if (depth == PARAMS_DEPTH)
        return;
    luaL_checkstack(from, 4, "parameters");
    luaL_checkstack(to, 4, "parameters");
    lua_pushnil(from);           // … nil
    while (lua_next(from, -2)) { // … key value
        lua_pushvalue(from, -2); // … key value key
        copy_value(from, to, depth + 1);
        lua_pop(from, 1); // … key value
        copy_value(from, to, depth + 1);
        lua_rawset(to, -3); // table
        lua_pop(from, 1);   // … key
    }
}

void mcr_config_push_params(const mcr_config *config, const mcr_config_script *script,
                            struct lua_State *to)
{
    if (script->params == LUA_NOREF) {
        lua_pushnil(to); // nil
        return;
    }
    lua_rawgeti(config->L, LUA_REGISTRYINDEX, script->params); // params
    copy_value(config->L, to, 0);
    lua_pop(config->L, 1); //
}
