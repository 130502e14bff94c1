#include <stdlib.h>

#include "script/core_module.h"
#include "script/shared.h"
#include "script/state.h"

static mcr_str check_key(lua_State *L)
{
    size_t len;
    const char *key = luaL_checklstring(L, 1, &len);
    return mcr_str_n(key, len);
}

// When a value set now with `ttl` seconds (argument `index`, none or nil: for ever) expires.
static double expiry(lua_State *L, const mcr_lua *st, int index)
{
    double ttl = luaL_optnumber(L, index, 0);
    return ttl > 0 ? st->run.now + ttl : 0;
}

static int shared_get(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    mcr_shared_value value = mcr_shared_get(st->shared, check_key(L), st->run.now);
    switch (value.kind) {
    case MCR_SHARED_NONE:
        return 0;
    case MCR_SHARED_NUMBER:
        lua_pushnumber(L, value.number); // value
        return 1;
    case MCR_SHARED_BOOL:
        lua_pushboolean(L, value.boolean); // value
        return 1;
    case MCR_SHARED_STRING:
        break;
    }
    // Not pushed from where it is: Lua may raise for want of memory, and nobody would free it.
    st->text_b.len = 0;
    mcr_buf_append(&st->text_b, value.string, value.len);
    free(value.string);
    lua_pushlstring(L, st->text_b.ptr ? st->text_b.ptr : "", value.len); // value
    return 1;
}

static int full(lua_State *L)
{
    return luaL_error(L, "shared is full (%d keys, %d MiB)", MCR_SHARED_KEYS,
                      MCR_SHARED_BYTES / (1024 * 1024));
}

static int shared_set(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    mcr_str key = check_key(L);
    mcr_shared_value value = { .kind = MCR_SHARED_NONE };
    size_t len = 0;
    switch (lua_type(L, 2)) {
    case LUA_TNIL:
        break;
    case LUA_TNUMBER:
        value.kind = MCR_SHARED_NUMBER;
        value.number = lua_tonumber(L, 2);
        break;
    case LUA_TBOOLEAN:
        value.kind = MCR_SHARED_BOOL;
        value.boolean = lua_toboolean(L, 2);
        break;
    case LUA_TSTRING:
        value.kind = MCR_SHARED_STRING;
        value.string = (char *)lua_tolstring(L, 2, &len);
        value.len = (uint32_t)len;
        break;
    default:
        return luaL_error(L, "shared holds strings, numbers and booleans, not a %s",
                          luaL_typename(L, 2));
    }
    if (st->is_shadow)
        st->kept_back.shared_writes++;
    else if (!mcr_shared_set(st->shared, key, &value, st->run.now, expiry(L, st, 3)))
        return full(L);
    return 0;
}

// What the sum would be: a shadow writes nothing.
static int add_in_shadow(lua_State *L, mcr_lua *st, mcr_str key)
{
    mcr_shared_value held = mcr_shared_get(st->shared, key, st->run.now);
    double n = held.kind == MCR_SHARED_NUMBER ? held.number : 0;
    if (held.kind == MCR_SHARED_STRING)
        free(held.string);
    if (held.kind == MCR_SHARED_STRING || held.kind == MCR_SHARED_BOOL)
        return luaL_error(L, "shared.add: '%s' does not hold a number", key.ptr);
    st->kept_back.shared_writes++;
    lua_pushnumber(L, n + luaL_optnumber(L, 2, 1)); // sum
    return 1;
}

static int shared_add(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    mcr_str key = check_key(L);
    double result;
    if (st->is_shadow)
        return add_in_shadow(L, st, key);
    if (!mcr_shared_add(st->shared, key, luaL_optnumber(L, 2, 1), st->run.now, expiry(L, st, 3),
                        &result)) {
        mcr_shared_value held = mcr_shared_get(st->shared, key, st->run.now);
        if (held.kind == MCR_SHARED_STRING)
            free(held.string);
        if (held.kind == MCR_SHARED_STRING || held.kind == MCR_SHARED_BOOL)
            return luaL_error(L, "shared.add: '%s' does not hold a number", key.ptr);
        return full(L);
    }
    lua_pushnumber(L, result); // result
    return 1;
}

static int shared_delete(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    mcr_str key = check_key(L);
    if (st->is_shadow)
        st->kept_back.shared_writes++;
    else
        mcr_shared_set(st->shared, key, &(mcr_shared_value){ .kind = MCR_SHARED_NONE }, st->run.now,
                       0);
    return 0;
}

void mcr_lua_register_shared(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "shared_get", shared_get },
        { "shared_set", shared_set },
        { "shared_add", shared_add },
        { "shared_delete", shared_delete },
        { NULL, NULL },
    };
    luaL_register(L, NULL, functions);
}
