#include "config/config_script.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "config/config_params.h"
#include "config/install_dirs.h"
#include "script/arena.h"

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
        if (mcr_file_set_has(c->files, plain))
            found = mcr_strdup(plain);
        mcr_buf_fini(&path);
    }
    free(installed);
    return found;
}

static mcr_err add_script(const mcr_config *c, mcr_config_reader *r, mcr_config_script *script,
                          const char *where, const char *name)
{
    *script = (mcr_config_script){ .name = mcr_strdup(name), .params = LUA_NOREF };
    script->path = find_script(c, name);
    if (script->path)
        return MCR_OK;
    char *installed = mcr_install_dir("scripts");
    const char *nor = installed        ? ", nor among the installed ones"
                      : c->scripts_dir ? ""
                                       : ", and none are installed with this program: where they "
                                         "are is said by scripts = \"FOLDER\"";
    free(installed);
    return mcr_config_fail(r, where, name, "no script '%s' beside the configuration%s%s%s", name,
                           c->scripts_dir ? ", nor in " : "", c->scripts_dir ? c->scripts_dir : "",
                           nor);
}

// allow = { "io", "ffi" } of the script on top of the stack.
static mcr_err read_allow(mcr_config_reader *r, const char *where, mcr_config_script *script)
{
    lua_State *L = r->L;
    bool found;
    size_t n;
    mcr_err code = mcr_config_open_list(r, where, "allow", &found, &n); // script [allow]
    if (code || !found)
        return code;
    for (size_t i = 1; i <= n && !code; i++) {
        lua_rawgeti(L, -1, (int)i); // script allow name
        mcr_errbuf why;
        const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        if (!name)
            code = mcr_config_fail(r, where, "allow", "'allow' is a list of names such as \"io\"");
        else if (mcr_grants_add(&script->allow, mcr_str_of(name), &why))
            code = mcr_config_fail(r, where, name, "allow: %s", why.text);
        lua_pop(L, 1); // script allow
    }
    lua_pop(L, 1); // script
    return code;
}

mcr_err mcr_config_check_deadline(mcr_config_reader *r, const char *where, int64_t ns)
{
    if (ns >= MCR_DEADLINE_MIN_NS && ns <= MCR_DEADLINE_MAX_NS)
        return MCR_OK;
    return mcr_config_fail(r, where, "deadline", "'deadline' must be from 1ms to 60s");
}

// deadline = "5s" of the script on top of the stack.
static mcr_err read_deadline(mcr_config_reader *r, const char *where, mcr_config_script *script)
{
    static const mcr_option options[] = {
        { "deadline", MCR_OPTION_DURATION, offsetof(mcr_config_script, deadline), NULL, "" },
        { NULL, MCR_OPTION_STRING, 0, NULL, NULL },
    };
    lua_State *L = r->L;
    lua_getfield(L, -1, "deadline"); // script deadline
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1); // script
        return MCR_OK;
    }
    static const char *const none[] = { NULL };
    lua_newtable(L);                 // script deadline table
    lua_insert(L, -2);               // script table deadline
    lua_setfield(L, -2, "deadline"); // script table
    mcr_err code = mcr_config_options(r, where, options, none, script);
    lua_pop(L, 1); // script
    return code ? code : mcr_config_check_deadline(r, where, script->deadline);
}

mcr_err mcr_config_read_script(const mcr_config *c, mcr_config_reader *r, mcr_config_script *script,
                               const char *where, const char *key)
{
    lua_State *L = r->L;
    if (lua_type(L, -1) == LUA_TSTRING)
        return add_script(c, r, script, where, lua_tostring(L, -1));
    if (!lua_istable(L, -1))
        return mcr_config_fail(r, where, key, "a script is a path or { path, parameters }");
    lua_rawgeti(L, -1, 1); // script name
    if (lua_type(L, -1) != LUA_TSTRING) {
        lua_pop(L, 1); // script
        return mcr_config_fail(r, where, key, "a script's first item is its path");
    }
    mcr_err code = add_script(c, r, script, where, lua_tostring(L, -1));
    lua_pop(L, 1); // script
    if (code)
        return code;
    code = read_allow(r, where, script);
    if (!code)
        code = read_deadline(r, where, script);
    return code ? code : mcr_config_read_params(r, where, &script->params);
}

bool mcr_config_is_script_memory(int64_t bytes)
{
    return bytes >= MCR_ARENA_MIN && bytes <= INT64_C(16) << 30;
}

void mcr_config_script_fini(mcr_config_script *script)
{
    free(script->name);
    free(script->path);
    *script = (mcr_config_script){ .name = NULL };
}
