#define PCRE2_CODE_UNIT_WIDTH 8

#include "script/regex.h"
#include "script/own_calls.h"

#include <pcre2.h>
#include <stdbool.h>
#include <stdint.h>

#include <lauxlib.h>
#include <lua.h>

#define METATABLE "mooncrier.regex"

struct regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

static struct regex *check_regex(lua_State *L)
{
    return luaL_checkudata(L, 1, METATABLE);
}

static int regex_gc(lua_State *L)
{
    struct regex *re = check_regex(L);
    pcre2_match_data_free(re->match);
    pcre2_match_context_free(re->limits);
    pcre2_code_free(re->code);
    *re = (struct regex){ 0 };
    return 0;
}

static uint32_t check_flags(lua_State *L, const char *flags)
{
    uint32_t options = 0;
    for (const char *f = flags; *f; f++)
        switch (*f) {
        case 'i':
            options |= PCRE2_CASELESS;
            break;
        case 'm':
            options |= PCRE2_MULTILINE;
            break;
        case 's':
            options |= PCRE2_DOTALL;
            break;
        case 'x':
            options |= PCRE2_EXTENDED;
            break;
        default:
            luaL_error(L, "unknown regex flag \"%c\" (known: i, m, s, x)", *f);
        }
    return options;
}

static void push_pcre2_message(lua_State *L, int code)
{
    PCRE2_UCHAR text[256];
    pcre2_get_error_message(code, text, sizeof text);
    lua_pushstring(L, (const char *)text); // message
}

// Never returns; `rc` is a negative result of a match.
static int raise_match_error(lua_State *L, int rc, size_t subject)
{
    bool limit =
        rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT;
    push_pcre2_message(L, rc); // … message
    if (limit)
        return luaL_error(L,
                          "regex gave up on a string of %d bytes: %s; make the pattern less "
                          "ambiguous",
                          (int)subject, lua_tostring(L, -1));
    return luaL_error(L, "regex: %s", lua_tostring(L, -1));
}

// core.regex_new(pattern [, flags])
static int regex_new(lua_State *L)
{
    size_t len;
    const char *pattern = luaL_checklstring(L, 1, &len);
    uint32_t options = check_flags(L, luaL_optstring(L, 2, ""));
    if (len > MCR_REGEX_PATTERN_MAX)
        return luaL_error(L, "regex of %d bytes is longer than %d", (int)len,
                          MCR_REGEX_PATTERN_MAX);

    struct regex *re = lua_newuserdata(L, sizeof *re); // regex
    *re = (struct regex){ 0 };
    luaL_getmetatable(L, METATABLE); // regex metatable
    lua_setmetatable(L, -2);         // regex

    int error;
    PCRE2_SIZE offset;
    re->code =
        pcre2_compile((PCRE2_SPTR)pattern, len,
                      options | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C,
                      &error, &offset, NULL);
    if (!re->code) {
        lua_pushnil(L);               // regex nil
        push_pcre2_message(L, error); // regex nil message
        lua_pushfstring(L, "%s at offset %d", lua_tostring(L, -1),
                        (int)offset); // regex nil message text
        lua_remove(L, -2);            // regex nil text
        return 2;
    }
    // Without permission for executable memory this fails and PCRE2 interprets: same results.
    pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);
    re->match = pcre2_match_data_create_from_pattern(re->code, NULL);
    re->limits = pcre2_match_context_create(NULL);
    if (!re->match || !re->limits)
        return luaL_error(L, "not enough memory");
    pcre2_set_match_limit(re->limits, MCR_REGEX_MATCH_LIMIT);
    pcre2_set_depth_limit(re->limits, MCR_REGEX_DEPTH_LIMIT);
    pcre2_set_heap_limit(re->limits, MCR_REGEX_HEAP_LIMIT);
    return 1;
}

// Matches from byte `start` on. False: no match. Offsets are then in re->match.
static bool run(lua_State *L, struct regex *re, const char *s, size_t len, size_t start)
{
    int rc = pcre2_match(re->code, (PCRE2_SPTR)s, len, start, 0, re->match, re->limits);
    // Machine code has 32 KiB of stack only; the interpreter takes its memory from the heap.
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(re->code, (PCRE2_SPTR)s, len, start, PCRE2_NO_JIT, re->match, re->limits);
    if (rc == PCRE2_ERROR_NOMATCH)
        return false;
    if (rc < 0)
        raise_match_error(L, rc, len);
    return true;
}

// regex:test(s)
static int regex_test(lua_State *L)
{
    struct regex *re = check_regex(L);
    size_t len;
    const char *s = luaL_checklstring(L, 2, &len);
    lua_pushboolean(L, run(L, re, s, len, 0)); // matched
    return 1;
}

// regex:find(s [, init])
static int regex_find(lua_State *L)
{
    struct regex *re = check_regex(L);
    size_t len;
    const char *s = luaL_checklstring(L, 2, &len);
    lua_Integer init = luaL_optinteger(L, 3, 1);
    luaL_argcheck(L, init >= 1, 3, "must be 1 or more");
    if ((size_t)init > len + 1 || !run(L, re, s, len, (size_t)init - 1))
        return 0;
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(re->match);
    lua_pushinteger(L, (lua_Integer)at[0] + 1); // first
    lua_pushinteger(L, (lua_Integer)at[1]);     // first last
    return 2;
}

// regex:captures(s)
static int regex_captures(lua_State *L)
{
    struct regex *re = check_regex(L);
    size_t len;
    const char *s = luaL_checklstring(L, 2, &len);
    if (!run(L, re, s, len, 0))
        return 0;
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(re->match);
    uint32_t groups;
    pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    lua_createtable(L, (int)groups, 1); // captures
    for (uint32_t i = 0; i <= groups; i++) {
        if (at[2 * i] == PCRE2_UNSET)
            continue;
        lua_pushlstring(L, s + at[2 * i], at[2 * i + 1] - at[2 * i]); // captures text
        lua_rawseti(L, -2, (int)i);                                   // captures
    }

    uint32_t names, width;
    PCRE2_SPTR row;
    pcre2_pattern_info(re->code, PCRE2_INFO_NAMECOUNT, &names);
    pcre2_pattern_info(re->code, PCRE2_INFO_NAMEENTRYSIZE, &width);
    pcre2_pattern_info(re->code, PCRE2_INFO_NAMETABLE, &row);
    // A row is the group's number in two bytes, then its name.
    for (uint32_t i = 0; i < names; i++, row += width) {
        lua_rawgeti(L, -1, row[0] << 8 | row[1]);     // captures text|nil
        lua_setfield(L, -2, (const char *)(row + 2)); // captures
    }
    return 1;
}

// regex:replace(s, replacement)
static int regex_replace(lua_State *L)
{
    struct regex *re = check_regex(L);
    size_t len, with_len;
    const char *s = luaL_checklstring(L, 2, &len);
    const char *with = luaL_checklstring(L, 3, &with_len);
    if (!run(L, re, s, len, 0)) {
        lua_settop(L, 2);      // regex s
        lua_pushinteger(L, 0); // regex s 0
        return 2;
    }

    uint32_t options = PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_EXTENDED |
                       PCRE2_SUBSTITUTE_UNSET_EMPTY | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH;
    PCRE2_SIZE room = len + with_len + 128;
    for (;;) {
        PCRE2_SIZE written = room;
        char *out = lua_newuserdata(L, room); // regex s replacement … out
        int rc = pcre2_substitute(re->code, (PCRE2_SPTR)s, len, 0, options, re->match, re->limits,
                                  (PCRE2_SPTR)with, with_len, (PCRE2_UCHAR *)out, &written);
        if (rc >= 0) {
            lua_pushlstring(L, out, written); // … out text
            lua_pushinteger(L, rc);           // … out text times
            return 2;
        }
        if (rc == PCRE2_ERROR_NOMEMORY && written > room)
            room = written;
        else if (rc == PCRE2_ERROR_JIT_STACKLIMIT && !(options & PCRE2_NO_JIT))
            options |= PCRE2_NO_JIT;
        else
            return raise_match_error(L, rc, len);
    }
}

void mcr_regex_register(lua_State *L)
{
    static const luaL_Reg methods[] = { { "test", regex_test },
                                        { "find", regex_find },
                                        { "captures", regex_captures },
                                        { "replace", regex_replace },
                                        { NULL, NULL } };
    // core
    luaL_newmetatable(L, METATABLE); // core metatable
    lua_newtable(L);                 // core metatable methods
    for (const luaL_Reg *m = methods; m->name; m++) {
        lua_pushcfunction(L, m->func); // core metatable methods function
        lua_setfield(L, -2, m->name);  // core metatable methods
    }
    mcr_own_calls_wrap(L);              // core metatable methods
    lua_setfield(L, -2, "__index");     // core metatable
    lua_pushcfunction(L, regex_gc);     // core metatable gc
    lua_setfield(L, -2, "__gc");        // core metatable
    lua_pushstring(L, METATABLE);       // core metatable name
    lua_setfield(L, -2, "__metatable"); // core metatable
    lua_pop(L, 1);                      // core
    lua_pushcfunction(L, regex_new);    // core regex_new
    lua_setfield(L, -2, "regex_new");   // core
}
