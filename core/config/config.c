#include "config/config.h"

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
#include "config/config_live.h"
#include "config/config_script.h"
#include "config/config_sink.h"
#include "config/config_table.h"
#include "config/config_watcher.h"
#include "script/state.h"
#include "source/jsonl.h"

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

static const char *const source_keys[] = { "kind", "name", NULL };

static bool reads_stdin(const mcr_config_source *source)
{
    return source->kind == &mcr_jsonl_kind &&
           strcmp(((const mcr_jsonl_options *)source->options)->path, "-") == 0;
}

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
        code = mcr_config_unknown_kind(r, where, "source", kind_name, names, n);
    }
    free(kind_name);
    if (code || (code = mcr_config_string(r, where, "name", &source->name)))
        return code;
    source->options = mcr_zalloc(source->kind->options_size);
    if (source->kind->defaults)
        source->kind->defaults(source->options);
    code = mcr_config_options(r, where, source->kind->options, source_keys, source->options);
    if (!code)
        code = mcr_config_check_options(r, where, source->kind->check, source->options);
    for (uint32_t i = 0; !code && i + 1 < c->source_n; i++)
        if (reads_stdin(source) && reads_stdin(&c->sources[i]))
            code = mcr_config_fail(r, where, "path", "another source reads standard input already");
    return code;
}

static mcr_err read_sources(mcr_config *c, mcr_config_reader *r)
{
    lua_State *L = r->L;
    bool found;
    size_t n;
    mcr_err code = mcr_config_open_list(r, "", "sources", &found, &n); // config [sources]
    if (code || !found)
        return code ? code : mcr_config_fail(r, "", NULL, "'sources' is missing");
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

static const mcr_option limit_options[] = {
    { "event", MCR_OPTION_SIZE, offsetof(mcr_config, event_limit), NULL,
      "the longest event that is read" },
    { "emit", MCR_OPTION_INT, offsetof(mcr_config, emit_queue), NULL,
      "how many emitted events may wait" },
    { "deadline", MCR_OPTION_DURATION, offsetof(mcr_config, script_deadline), NULL,
      "how long a hook of a script may run before it is stopped (1s)" },
    { "memory", MCR_OPTION_SIZE, offsetof(mcr_config, script_memory), NULL,
      "how much memory the scripts of a watcher may use (64MiB)" },
    { "drain_timeout", MCR_OPTION_DURATION, offsetof(mcr_config, drain_timeout), NULL,
      "how long deliveries may go on after the end of input or a signal (30s)" },
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
    if (!code && (c->event_limit < 1024 || c->event_limit > 1 << 30))
        code = mcr_config_fail(r, "limits", "event", "'event' must be from 1KiB to 1GiB");
    if (!code && (c->emit_queue < 1 || c->emit_queue > 1 << 24))
        code = mcr_config_fail(r, "limits", "emit", "'emit' must be from 1 to 16777216");
    if (!code)
        code = mcr_config_check_deadline(r, "limits", c->script_deadline);
    if (!code && !mcr_config_is_script_memory(c->script_memory))
        code = mcr_config_fail(r, "limits", "memory", "'memory' must be from 8MiB to 16GiB");
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
    static const char *const keys[] = { "sources", "sinks",        "watchers", "limits",
                                        "scripts", "state_dir",    "reload",   "control",
                                        "admin",   "dead_letters", NULL };
    mcr_err code = mcr_config_check_keys(r, "", keys);
    if (!code)
        code = mcr_config_string(r, "", "dead_letters", &c->dead_letters);
    if (!code)
        code = read_scripts_dir(c, r);
    if (!code)
        code = read_limits(c, r);
    if (!code)
        code = mcr_config_read_live(c, r);
    if (!code)
        code = read_sources(c, r);
    if (!code)
        code = mcr_config_read_sinks(c, r);
    if (!code)
        code = mcr_config_read_watchers(c, r);
    return code;
}

mcr_config *mcr_config_load(const char *path, mcr_errbuf *err)
{
    mcr_file_set *files = mcr_file_set_new();
    mcr_config *c = mcr_config_load_through(path, files, err);
    mcr_file_set_free(files);
    return c;
}

// Where a configuration is looked for that nobody has named.
static const char here[] = "mooncrier.lua", of_machine[] = "/etc/mooncrier/mooncrier.lua";

static mcr_err read_text(mcr_config *c, mcr_errbuf *err)
{
    mcr_str text;
    mcr_errbuf why;
    mcr_err code = mcr_file_set_read(c->files, c->path, &text, &why);
    if (code && strcmp(c->path, of_machine) == 0 && access(c->path, F_OK) != 0 &&
        access(here, F_OK) != 0)
        return mcr_errf(err, MCR_ECONFIG,
                        "there is no configuration: neither %s here nor %s; -c names another, "
                        "'mooncrier init' writes one to begin with",
                        here, of_machine);
    if (code)
        return mcr_errf(err, MCR_ECONFIG, "%s", why.text);
    c->text = mcr_strdup(text.ptr);
    return MCR_OK;
}

const char *mcr_config_place(const char *path)
{
    if (path)
        return path;
    return access(here, F_OK) == 0 ? here : of_machine;
}

static mcr_config *load(const char *path, mcr_file_set *files,
                        mcr_err (*read)(mcr_config *, mcr_config_reader *), mcr_errbuf *err)
{
    path = mcr_config_place(path);
    mcr_config *c = mcr_zalloc(sizeof *c);
    atomic_init(&c->refs, 1);
    c->files = files;
    c->path = mcr_strdup(path);
    char *copy = mcr_strdup(path);
    c->dir = mcr_strdup(dirname(copy));
    free(copy);
    c->event_limit = 4 * 1024 * 1024;
    c->emit_queue = 1000;
    c->script_deadline = MCR_DEADLINE_NS;
    c->script_memory = MCR_SCRIPT_MEMORY;
    c->drain_timeout = 30 * INT64_C(1000000000);
    mcr_config_live_defaults(c);
    if (read_text(c, err))
        goto fail;
    c->L = luaL_newstate();
    luaL_openlibs(c->L);
    if (evaluate(c, err)) // table
        goto fail;
    mcr_config_reader reader = { c->L, c->path, c->text, err };
    if (read(c, &reader)) // table
        goto fail;
    lua_settop(c->L, 0); //
    c->files = NULL;
    return c;
fail:
    mcr_config_unref(c);
    return NULL;
}

mcr_config *mcr_config_load_through(const char *path, mcr_file_set *files, mcr_errbuf *err)
{
    return load(path, files, read_all, err);
}

mcr_config *mcr_config_load_live(const char *path, mcr_file_set *files, mcr_errbuf *err)
{
    return load(path, files, mcr_config_read_live, err);
}

void mcr_config_ref(mcr_config *c)
{
    atomic_fetch_add(&c->refs, 1);
}

void mcr_config_unref(mcr_config *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) > 1)
        return;
    for (uint32_t i = 0; i < c->source_n; i++) {
        if (c->sources[i].options)
            mcr_options_fini(c->sources[i].options, c->sources[i].kind->options);
        free(c->sources[i].options);
        free(c->sources[i].name);
    }
    for (uint32_t i = 0; i < c->sink_n; i++)
        mcr_config_sink_fini(&c->sinks[i]);
    for (uint32_t i = 0; i < c->watcher_n; i++)
        mcr_config_watcher_fini(&c->watchers[i]);
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
    mcr_config_live_fini(c);
    free(c);
}
