#include "config/config_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/suggest.h"
#include "config/config_line.h"

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

enum {
    KEYS_MAX = 128, // of an option list, for suggestions
    NAME_MAX_LENGTH = 256
};

// The options of one table: those of the list whose names begin with `prefix` ("retry.").
typedef struct level {
    const mcr_option *list;
    const char *const *others; // keys that are not ours to set
    const char *prefix;
    void *options;
} level;

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static mcr_err unknown_option(mcr_config_reader *r, const char *where, const level *in,
                              const char *key)
{
    char words[KEYS_MAX][64];
    const char *known[KEYS_MAX + 1];
    size_t n = 0;
    for (const mcr_option *option = in->list; option->name && n < KEYS_MAX; option++)
        if (begins(option->name, in->prefix)) {
            const char *word = option->name + strlen(in->prefix);
            snprintf(words[n], sizeof words[n], "%.*s", (int)strcspn(word, "."), word);
            known[n] = words[n];
            n++;
        }
    for (const char *const *other = in->others; *other && n < KEYS_MAX; other++)
        known[n++] = *other;
    known[n] = NULL;
    return unknown_key(r, where, key, known);
}

static mcr_err set_option(mcr_config_reader *r, const char *where, const level *in,
                          const char *name, const char *key)
{
    mcr_option_value value = value_on_top(r->L);
    mcr_errbuf why;
    if (mcr_option_set(in->options, in->list, name, &value, &why))
        return mcr_config_fail(r, where, key, "%s", why.text);
    return MCR_OK;
}

// Each item of the list on top of the stack.
static mcr_err set_items(mcr_config_reader *r, const char *where, const level *in, const char *name,
                         const char *key)
{
    lua_State *L = r->L;
    size_t n = lua_objlen(L, -1), keys = 0;
    lua_pushnil(L);                 // list nil
    for (; lua_next(L, -2); keys++) // list i item
        lua_pop(L, 1);              // list i
    if (keys != n)
        return mcr_config_fail(r, where, key, "'%s' must be a list", key);
    mcr_err code = MCR_OK;
    for (size_t i = 1; i <= n && !code; i++) {
        lua_rawgeti(L, -1, (int)i); // list item
        code = set_option(r, where, in, name, key);
        lua_pop(L, 1); // list
    }
    return code;
}

// Each entry of the table on top of the stack.
static mcr_err set_entries(mcr_config_reader *r, const char *where, const level *in,
                           const char *name, const char *key)
{
    lua_State *L = r->L;
    char room[32], full[NAME_MAX_LENGTH];
    mcr_err code = MCR_OK;
    lua_pushnil(L);                    // map nil
    while (!code && lua_next(L, -2)) { // map key value
        const char *entry = key_text(L, room, sizeof room);
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING ||
            (size_t)snprintf(full, sizeof full, "%s.%s", name, entry) >= sizeof full)
            code = mcr_config_fail(r, where, key, "'%s' must be a table of names and strings", key);
        else
            code = set_option(r, where, in, full, key);
        lua_pop(L, code ? 2 : 1); // map [key]
    }
    return code;
}

static mcr_err set_level(mcr_config_reader *r, const char *where, const level *in);

// `option` is another name of one that the table has as well: which of them counts would be chance.
static bool is_said_twice(lua_State *L, const level *in, const mcr_option *option)
{
    if (!option || option->type != MCR_OPTION_ALIAS || !begins(option->choices, in->prefix))
        return false;
    lua_getfield(L, -3, option->choices + strlen(in->prefix)); // table key value other
    bool there = !lua_isnil(L, -1);
    lua_pop(L, 1); // table key value
    return there;
}

// The value of `key` is on top of the stack, above the key and its table.
static mcr_err set_key(mcr_config_reader *r, const char *where, const level *in, const char *key)
{
    char name[NAME_MAX_LENGTH], below[NAME_MAX_LENGTH + 1], inner[NAME_MAX_LENGTH];
    if (strchr(key, '.') ||
        (size_t)snprintf(name, sizeof name, "%s%s", in->prefix, key) >= sizeof name)
        return unknown_option(r, where, in, key);
    bool table = lua_istable(r->L, -1), is_prefix = false;
    snprintf(below, sizeof below, "%s.", name);
    const mcr_option *exact = mcr_option_find(in->list, name);
    if (is_said_twice(r->L, in, exact))
        return mcr_config_fail(r, where, key, "'%s' is another name of '%s': say one of them", key,
                               exact->choices + strlen(in->prefix));
    for (const mcr_option *option = in->list; option->name; option++)
        is_prefix = is_prefix || begins(option->name, below);
    if (exact && table && exact->type == MCR_OPTION_LIST)
        return set_items(r, where, in, name, key);
    if (exact && table && exact->type == MCR_OPTION_MAP)
        return set_entries(r, where, in, name, key);
    if (!exact && !is_prefix)
        return unknown_option(r, where, in, key);
    if (!is_prefix || (exact && !table))
        return set_option(r, where, in, name, key);
    if (!table)
        return mcr_config_fail(r, where, key, "'%s' must be a table, not a %s", key,
                               luaL_typename(r->L, -1));
    static const char *const none[] = { NULL };
    snprintf(inner, sizeof inner, "%s%s%s", where, *where ? "." : "", key);
    return set_level(r, inner, &(level){ in->list, none, below, in->options });
}

// Each key of the table on top of the stack.
static mcr_err set_level(mcr_config_reader *r, const char *where, const level *in)
{
    lua_State *L = r->L;
    char room[32];
    mcr_err code = MCR_OK;
    lua_pushnil(L);                    // table nil
    while (!code && lua_next(L, -2)) { // table key value
        const char *key = key_text(L, room, sizeof room);
        if (!contains(in->others, key))
            code = set_key(r, where, in, key);
        lua_pop(L, code ? 2 : 1); // table [key]
    }
    return code;
}

mcr_err mcr_config_options(mcr_config_reader *r, const char *where, const mcr_option *list,
                           const char *const *others, void *options)
{
    return set_level(r, where, &(level){ list, others, "", options });
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

mcr_err mcr_config_check_options(mcr_config_reader *r, const char *where,
                                 const char *(*check)(const void *options, mcr_errbuf *err),
                                 const void *options)
{
    mcr_errbuf why;
    const char *wrong = check ? check(options, &why) : NULL;
    if (!wrong)
        return MCR_OK;
    // "retry.attempts" stands in the table "retry", if there is one.
    char inner[160];
    const char *dot = strchr(wrong, '.');
    snprintf(inner, sizeof inner, "%s.%.*s", where, dot ? (int)(dot - wrong) : 0, wrong);
    lua_getfield(r->L, -1, dot ? strchr(inner, '\0') - (dot - wrong) : wrong); // part value
    // What is missing stands nowhere, but its part has a kind.
    const char *word = lua_isnil(r->L, -1) ? "kind" : dot ? dot + 1 : wrong;
    bool nested = dot && lua_istable(r->L, -1);
    lua_pop(r->L, 1); // part
    return mcr_config_fail(r, nested ? inner : where, word, "%s", why.text);
}

mcr_err mcr_config_unknown_kind(mcr_config_reader *r, const char *where, const char *what,
                                const char *kind, const char *const *kinds, size_t n)
{
    const char *meant = mcr_suggest(kind, kinds, n);
    if (meant)
        return mcr_config_fail(r, where, kind, "no %s of kind '%s'; did you mean '%s'?", what, kind,
                               meant);
    return mcr_config_fail(r, where, kind, "no %s of kind '%s'", what, kind);
}
