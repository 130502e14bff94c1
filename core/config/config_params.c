#include "config/config_params.h"

#include <stdio.h>
#include <string.h>

#include "config/config.h"

enum {
    PARAMS_DEPTH = 50 // tables inside tables
};

static bool is_plain(lua_State *L, int index)
{
    int type = lua_type(L, index);
    return type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN;
}

// The member in a lua_next loop: a parameter of the script when `outer`, else part of one.
static mcr_err check_member(mcr_config_reader *r, const char *where, const char *name, bool outer,
                            int depth)
{
    lua_State *L = r->L; // … key value
    if (!is_plain(L, -2))
        return mcr_config_fail(r, where, name, "parameter '%s' has a key that is a %s", name,
                               luaL_typename(L, -2));
    if (outer && lua_type(L, -2) != LUA_TSTRING)
        return mcr_config_fail(r, where, NULL,
                               "a script is { path, name = value, … }, but this has a second item");
    if (lua_istable(L, -1))
        return depth < PARAMS_DEPTH ? MCR_OK
                                    : mcr_config_fail(r, where, name,
                                                      "parameter '%s' is nested too deep, or in a "
                                                      "circle",
                                                      name);
    if (!is_plain(L, -1))
        return mcr_config_fail(r, where, name,
                               "parameter '%s' holds a %s; parameters are strings, numbers, "
                               "booleans and tables of them",
                               name, lua_type(L, -1) == 10 ? "cdata value" : luaL_typename(L, -1));
    return MCR_OK;
}

// Checks the table on top, and the tables in it.
static mcr_err check_params(mcr_config_reader *r, const char *where)
{
    lua_State *L = r->L; // params
    int top = lua_gettop(L);
    char name[64] = "";
    mcr_err code = MCR_OK;
    luaL_checkstack(L, 3 * PARAMS_DEPTH, "parameters");
    lua_pushnil(L); // params nil
    for (int depth = 1; depth > 0 && !code;) {
        if (!lua_next(L, -2)) { // … table [key value]
            lua_pop(L, 1);      // …
            depth--;
            continue;
        }
        if (depth == 1 && lua_type(L, -2) == LUA_TSTRING)
            snprintf(name, sizeof name, "%s", lua_tostring(L, -2));
        code = check_member(r, where, name, depth == 1, depth);
        if (!code && lua_istable(L, -1)) {
            lua_pushnil(L); // … table key value nil
            depth++;
        } else {
            lua_pop(L, 1); // … table key
        }
    }
    if (!code)
        lua_pushnil(L); // the loop took the outermost table too
    lua_settop(L, top); // params
    return code;
}

mcr_err mcr_config_read_params(mcr_config_reader *r, const char *where, int *ref)
{
    lua_State *L = r->L;
    lua_newtable(L);          // script params
    lua_pushnil(L);           // script params nil
    while (lua_next(L, -3)) { // script params key value
        bool is_path = lua_type(L, -2) == LUA_TNUMBER && lua_tonumber(L, -2) == 1;
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        if (is_path || strcmp(key, "allow") == 0 || strcmp(key, "deadline") == 0) {
            lua_pop(L, 1); // script params key
            continue;
        }
        lua_pushvalue(L, -2); // script params key value key
        lua_insert(L, -2);    // script params key key value
        lua_rawset(L, -4);    // script params key
    }
    lua_pushvalue(L, -1); // script params params
    mcr_err code = check_params(r, where);
    lua_pop(L, 1); // script params
    if (code)
        lua_pop(L, 1); // script
    else
        *ref = luaL_ref(L, LUA_REGISTRYINDEX); // script
    return code;
}

static void copy_scalar(lua_State *from, int index, lua_State *to)
{
    size_t len;
    const char *text;
    switch (lua_type(from, index)) {
    case LUA_TSTRING:
        text = lua_tolstring(from, index, &len);
        lua_pushlstring(to, text, len); // value
        return;
    case LUA_TNUMBER:
        lua_pushnumber(to, lua_tonumber(from, index)); // value
        return;
    default:
        lua_pushboolean(to, lua_toboolean(from, index)); // value
        return;
    }
}

void mcr_config_push_params(const mcr_config *config, const mcr_config_script *script,
                            struct lua_State *to)
{
    lua_State *from = config->L;
    if (script->params == LUA_NOREF) {
        lua_pushnil(to); // nil
        return;
    }
    luaL_checkstack(from, 3 * PARAMS_DEPTH, "parameters");
    luaL_checkstack(to, 3 * PARAMS_DEPTH, "parameters");
    lua_rawgeti(from, LUA_REGISTRYINDEX, script->params); // from: params
    lua_pushnil(from);                                    // from: params nil
    lua_newtable(to);                                     // to: copy
    for (int depth = 1; depth > 0;) {
        if (!lua_next(from, -2)) { // from: … table [key value]
            lua_pop(from, 1);      // from: …
            if (--depth > 0)
                lua_rawset(to, -3); // to: … table
            continue;
        }
        copy_scalar(from, -2, to); // to: … table key
        if (lua_istable(from, -1)) {
            lua_pushnil(from); // from: … table key value nil
            lua_newtable(to);  // to: … table key table
            depth++;
            continue;
        }
        copy_scalar(from, -1, to); // to: … table key value
        lua_rawset(to, -3);        // to: … table
        lua_pop(from, 1);          // from: … table key
    }
}
