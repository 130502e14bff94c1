#include "cli/config_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/suggest.h"
#include "cli/config_line.h"

mcr_err mcr_config_fail(mcr_config_reader *r, const char *where, const char *word,
                        const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    int line = word ? mcr_config_line(r->text, where, word) : 0;
    char place[32] = "";
    if (line)
        snprintf(place, sizeof place, ":%d", line);
    return mcr_errf(r->err, MCR_ECONFIG, "%s%s: %s%s%s", r->path, place, message,
                    *where ? " in " : "", where);
}

static bool contains(const char *const *words, const char *word)
{
    for (; *words; words++)
        if (strcmp(*words, word) == 0)
            return true;
    return false;
}

static mcr_err unknown_key(mcr_config_reader *r, const char *where, const char *key,
                           const char *const *keys)
{
    size_t n = 0;
    while (keys[n])
        n++;
    const char *meant = mcr_suggest(key, keys, n);
    if (meant)
        return mcr_config_fail(r, where, key, "unknown key '%s'; did you mean '%s'?", key, meant);
    return mcr_config_fail(r, where, key, "unknown key '%s'", key);
}

// The key on top of `value` in a lua_next loop, as text; numbers too.
static const char *key_text(lua_State *L, char *room, size_t size)
{
    if (lua_type(L, -2) == LUA_TSTRING)
        return lua_tostring(L, -2);
    if (lua_type(L, -2) == LUA_TNUMBER)
        snprintf(room, size, "[%d]", (int)lua_tonumber(L, -2));
    else
        snprintf(room, size, "(a %s)", luaL_typename(L, -2));
    return room;
}

mcr_err mcr_config_check_keys(mcr_config_reader *r, const char *where, const char *const *keys)
{
    lua_State *L = r->L;
    char room[32];
    lua_pushnil(L);           // table nil
    while (lua_next(L, -2)) { // table key value
        const char *key = key_text(L, room, sizeof room);
        if (!contains(keys, key)) {
            mcr_err code = unknown_key(r, where, key, keys);
            lua_pop(L, 2); // table
            return code;
        }
        lua_pop(L, 1); // table key
    }
    return MCR_OK;
}

static mcr_option_value value_on_top(lua_State *L)
{
    mcr_option_value value = { .kind = MCR_VALUE_OTHER };
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        value.kind = MCR_VALUE_STRING;
        value.string = lua_tostring(L, -1);
        break;
    case LUA_TNUMBER:
        value.kind = MCR_VALUE_NUMBER;
        value.number = lua_tonumber(L, -1);
        break;
    case LUA_TBOOLEAN:
        value.kind = MCR_VALUE_BOOL;
        value.boolean = lua_toboolean(L, -1);
        break;
    default:
        break;
    }
    return value;
}

// The key in the lua_next loop of mcr_config_options: what `others` has is not ours to set.
static mcr_err set_option(mcr_config_reader *r, const char *where, const mcr_option *list,
                          const char *const *others, const char *key, void *options)
{
    const char *known[64];
    size_t n = 0;
    for (const mcr_option *option = list; option->name && n < 48; option++)
        known[n++] = option->name;
    for (; *others && n < 63; others++)
        known[n++] = *others;
    known[n] = NULL;
    if (!contains(known, key))
        return unknown_key(r, where, key, known);
    mcr_option_value value = value_on_top(r->L);
    mcr_errbuf why;
    if (mcr_option_set(options, list, key, &value, &why))
        return mcr_config_fail(r, where, key, "%s", why.text);
    return MCR_OK;
}

mcr_err mcr_config_options(mcr_config_reader *r, const char *where, const mcr_option *list,
                           const char *const *others, void *options)
{
    lua_State *L = r->L;
    char room[32];
    lua_pushnil(L);           // table nil
    while (lua_next(L, -2)) { // table key value
        const char *key = key_text(L, room, sizeof room);
        mcr_err code =
            contains(others, key) ? MCR_OK : set_option(r, where, list, others, key, options);
        if (code) {
            lua_pop(L, 2); // table
            return code;
        }
        lua_pop(L, 1); // table key
    }
    return MCR_OK;
}

mcr_err mcr_config_string(mcr_config_reader *r, const char *where, const char *key, char **out)
{
    lua_State *L = r->L;
    mcr_err code = MCR_OK;
    lua_getfield(L, -1, key); // table value
    if (lua_type(L, -1) == LUA_TSTRING) {
        free(*out);
        *out = mcr_strdup(lua_tostring(L, -1));
    } else if (!lua_isnil(L, -1)) {
        code = mcr_config_fail(r, where, key, "'%s' must be a string, not a %s", key,
                               luaL_typename(L, -1));
    }
    lua_pop(L, 1); // table
    return code;
}

mcr_err mcr_config_open_table(mcr_config_reader *r, const char *where, const char *key, bool *found)
{
    lua_State *L = r->L;
    lua_getfield(L, -1, key); // table value
    *found = lua_istable(L, -1);
    if (*found)
        return MCR_OK;
    mcr_err code = MCR_OK;
    if (!lua_isnil(L, -1))
        code = mcr_config_fail(r, where, key, "'%s' must be a table, not a %s", key,
                               luaL_typename(L, -1));
    lua_pop(L, 1); // table
    return code;
}

mcr_err mcr_config_open_list(mcr_config_reader *r, const char *where, const char *key, bool *found,
                             size_t *n)
{
    lua_State *L = r->L;
    *n = 0;
    mcr_err code = mcr_config_open_table(r, where, key, found); // table [list]
    if (code || !*found)
        return code;
    *n = lua_objlen(L, -1);
    char room[32];
    lua_pushnil(L);           // table list nil
    while (lua_next(L, -2)) { // table list i item
        double i = lua_type(L, -2) == LUA_TNUMBER ? lua_tonumber(L, -2) : 0;
        if (i < 1 || i > (double)*n || i != (double)(size_t)i) {
            const char *odd = key_text(L, room, sizeof room);
            code = mcr_config_fail(r, where, lua_type(L, -2) == LUA_TSTRING ? odd : key,
                                   "'%s' is a list, but it has a key '%s'", key, odd);
            lua_pop(L, 3); // table
            return code;
        }
        lua_pop(L, 1); // table list i
    }
    return MCR_OK;
}
