#include "base/alloc.h"
#include "correlate/key_spec.h"
#include "script/core_module.h"
#include "script/state.h"

// The metatable of keys; its address is the key in the registry.
static const char spec_key;

const mcr_key_spec *mcr_lua_key_spec_at(lua_State *L, int index)
{
    return *(mcr_key_spec **)lua_touserdata(L, index);
}

static int free_spec(lua_State *L)
{
    mcr_key_spec **spec = lua_touserdata(L, 1);
    mcr_key_spec_free(*spec);
    *spec = NULL;
    return 0;
}

// core.key_spec(paths, normalize): a key by declaration, or nil and what is wrong with it
static int key_spec(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    size_t n = lua_objlen(L, 1);
    mcr_str *paths = lua_newuserdata(L, (n + 1) * sizeof *paths); // memory
    for (size_t i = 0; i < n; i++) {
        size_t len;
        lua_rawgeti(L, 1, (int)i + 1); // memory path
        const char *path = lua_tolstring(L, -1, &len);
        paths[i] = mcr_str_n(path, len);
        lua_pop(L, 1); // memory
    }
    mcr_key_spec **spec = lua_newuserdata(L, sizeof *spec); // memory spec
    *spec = NULL;
    lua_pushlightuserdata(L, (void *)&spec_key); // memory spec key
    lua_rawget(L, LUA_REGISTRYINDEX);            // memory spec meta
    lua_setmetatable(L, -2);                     // memory spec
    mcr_errbuf err;
    *spec = mcr_key_spec_new(paths, n, lua_toboolean(L, 2), &err);
    if (*spec)
        return 1;
    lua_pushnil(L);              // … nil
    lua_pushstring(L, err.text); // … nil message
    return 2;
}

// core.key_text(spec, view): the key of an event
static int key_text(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TUSERDATA);
    const mcr_view *view = lua_topointer(L, 2);
    mcr_buf *text = &mcr_lua_of(L)->text_b;
    text->len = 0;
    mcr_key_spec_write(mcr_lua_key_spec_at(L, 1), text, (const mcr_event *)(uintptr_t)view->handle);
    lua_pushlstring(L, text->ptr ? text->ptr : "", text->len); // text
    return 1;
}

void mcr_lua_register_keys(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "key_spec", key_spec },
        { "key_text", key_text },
        { NULL, NULL },
    };
    luaL_register(L, NULL, functions);           // core
    lua_pushlightuserdata(L, (void *)&spec_key); // core key
    lua_newtable(L);                             // core key meta
    lua_pushcfunction(L, free_spec);             // core key meta free
    lua_setfield(L, -2, "__gc");                 // core key meta
    lua_rawset(L, LUA_REGISTRYINDEX);            // core
}
