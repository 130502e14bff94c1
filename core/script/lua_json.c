#include "script/lua_json.h"

#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "event/encode.h"
#include "event/scan.h"
#include "script/state.h"

// Registry keys, by address.
static const char array_meta_key, int64_key, tostring_key;

static void get_registered(lua_State *L, const char *key)
{
    lua_pushlightuserdata(L, (void *)key); // key
    lua_rawget(L, LUA_REGISTRYINDEX);      // value
}

// Registers the value on top of the stack.
static void set_registered(lua_State *L, const char *key)
{
    lua_pushlightuserdata(L, (void *)key); // value key
    lua_insert(L, -2);                     // key value
    lua_rawset(L, LUA_REGISTRYINDEX);      //
}

// json.array(t): marks a table as an array, so that an empty one is written as [].
static int mark_array(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L); // t
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);                   // t
    get_registered(L, &array_meta_key); // t array_meta
    if (lua_getmetatable(L, 1)) {       // t array_meta [meta]
        if (!lua_rawequal(L, -1, -2))
            return luaL_argerror(L, 1, "the table has a metatable");
        lua_pop(L, 1); // t array_meta
    }
    lua_setmetatable(L, 1); // t
    return 1;
}

void mcr_lua_json_setup(lua_State *L)
{
    lua_newtable(L);                    // meta
    lua_pushliteral(L, "a JSON array"); // meta name
    lua_setfield(L, -2, "__metatable"); // meta
    set_registered(L, &array_meta_key); //
    lua_getglobal(L, "tostring");       // tostring
    set_registered(L, &tostring_key);   //
    static const char make_int64[] =
        "local ffi = require('ffi')\n"
        "return function(high, low)\n"
        "  return ffi.cast('int64_t', high) * 4294967296LL + ffi.cast('int64_t', low)\n"
        "end";
    if (luaL_loadbuffer(L, make_int64, sizeof make_int64 - 1, "=int64") || // chunk
        !mcr_lua_pcall(L, 0, 1, true))                                     // make_int64
        luaL_error(L, "%s", lua_tostring(L, -1));
    set_registered(L, &int64_key);    //
    lua_pushcfunction(L, mark_array); // json.array
}

static bool push_int64(lua_State *L, int64_t value)
{
    get_registered(L, &int64_key);                            // make_int64
    lua_pushnumber(L, (double)(value >> 32));                 // make_int64 high
    lua_pushnumber(L, (double)(value & (int64_t)0xffffffff)); // make_int64 high low
    return mcr_lua_pcall(L, 2, 1, true);                      // value or message
}

static bool push_number(lua_State *L, mcr_str text)
{
    char digits[64];
    bool whole = true;
    for (uint32_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '.' || text.ptr[i] == 'e' || text.ptr[i] == 'E')
            whole = false;
    if (text.len >= sizeof digits) {
        char *copy = mcr_alloc((size_t)text.len + 1);
        memcpy(copy, text.ptr, text.len);
        copy[text.len] = '\0';
        lua_pushnumber(L, strtod(copy, NULL)); // number
        free(copy);
        return true;
    }
    memcpy(digits, text.ptr, text.len);
    digits[text.len] = '\0';
    double number = strtod(digits, NULL);
    if (whole && fabs(number) >= 9007199254740992.0) {
        errno = 0;
        long long integer = strtoll(digits, NULL, 10);
        if (errno == 0 && integer != 9007199254740992 && integer != -9007199254740992)
            return push_int64(L, integer); // int64 cdata
    }
    lua_pushnumber(L, number); // number
    return true;
}

typedef struct open_table {
    bool is_array;
    int n;
} open_table;

typedef struct reader {
    lua_State *L;
    mcr_scan scan;
    mcr_buf *scratch;
    open_table open[MCR_LUA_JSON_DEPTH];
    int depth;
} reader;

static bool read_string(reader *r)
{
    mcr_str text;
    r->scratch->len = 0;
    if (!mcr_scan_string(&r->scan, r->scratch, &text))
        return false;
    lua_pushlstring(r->L, text.ptr ? text.ptr : "", text.len); // … string
    return true;
}

static bool read_key(reader *r)
{
    if (mcr_scan_space(&r->scan) != '"')
        return mcr_scan_fail(&r->scan, "expected a field name");
    if (!read_string(r)) // … table key
        return false;
    if (mcr_scan_space(&r->scan) != ':')
        return mcr_scan_fail(&r->scan, "expected ':'");
    r->scan.at++;
    return true;
}

// Reads one scalar or opens one container; *closed says whether a whole value is on the stack.
static bool read_start(reader *r, bool *closed)
{
    lua_State *L = r->L;
    char c = mcr_scan_space(&r->scan);
    *closed = true;
    if (c == '{' || c == '[') {
        if (r->depth == MCR_LUA_JSON_DEPTH || !lua_checkstack(L, 10))
            return mcr_scan_fail(&r->scan, "nested too deep");
        r->scan.at++;
        lua_newtable(L); // … table
        if (c == '[') {
            get_registered(L, &array_meta_key); // … table meta
            lua_setmetatable(L, -2);            // … table
        }
        if (mcr_scan_space(&r->scan) == (c == '{' ? '}' : ']')) {
            r->scan.at++;
            return true;
        }
        r->open[r->depth++] = (open_table){ c == '[', 0 };
        *closed = false;
        return c == '[' || read_key(r); // … table [key]
    }
    if (c == '"')
        return read_string(r);
    mcr_str text;
    if (!mcr_scan_value(&r->scan, &text))
        return false;
    switch (c) {
    case 't':
    case 'f':
        lua_pushboolean(L, c == 't'); // … boolean
        return true;
    case 'n':
        lua_pushlightuserdata(L, NULL); // … json.null
        return true;
    default:
        return push_number(L, text) ? true : mcr_scan_fail(&r->scan, "bad number"); // … number
    }
}

// Puts the value on top into its container, closing what ends there; *more: another value follows.
static bool read_rest(reader *r, bool *more)
{
    lua_State *L = r->L;
    while (r->depth) {
        open_table *open = &r->open[r->depth - 1];
        if (open->is_array)
            lua_rawseti(L, -2, ++open->n); // … table
        else
            lua_rawset(L, -3); // … table
        char c = mcr_scan_space(&r->scan);
        if (c == ',') {
            r->scan.at++;
            *more = true;
            return open->is_array || read_key(r); // … table [key]
        }
        if (c != (open->is_array ? ']' : '}'))
            return mcr_scan_fail(&r->scan,
                                 open->is_array ? "expected ',' or ']'" : "expected ',' or '}'");
        r->scan.at++;
        r->depth--;
    }
    *more = false;
    return true;
}

bool mcr_lua_json_push(lua_State *L, mcr_str text)
{
    reader r = { .L = L, .scratch = &mcr_lua_of(L)->text_b };
    mcr_scan_init(&r.scan, text, true);
    int top = lua_gettop(L);
    bool ok = true, more = true;
    while (ok && more) {
        bool closed;
        ok = read_start(&r, &closed);
        if (ok && closed)
            ok = read_rest(&r, &more);
    }
    if (ok && (mcr_scan_space(&r.scan), r.scan.at < r.scan.end))
        ok = mcr_scan_fail(&r.scan, "something follows the value");
    if (ok)
        return true;
    lua_settop(L, top);
    lua_pushfstring(L, "not JSON: %s at byte %d", r.scan.why ? r.scan.why : "unexpected end",
                    (int)(r.scan.at - r.scan.begin)); // message
    return false;
}

// A table being written; its keys, sorted, so that output does not depend on hash order.
typedef struct open_value {
    bool is_object;
    size_t keys; // of an object: where its keys begin in writer.keys, in bytes
    int n;
    int i;
} open_value;

typedef struct writer {
    lua_State *L;
    mcr_buf *out;
    mcr_buf *keys; // of all open objects, innermost last
    open_value open[MCR_LUA_JSON_DEPTH];
    int depth;
    const char *why; // a format with one %s for `what`
    const char *what;
} writer;

static bool write_fail(writer *w, const char *why, const char *what)
{
    w->why = why;
    w->what = what;
    return false;
}

void mcr_json_number(mcr_buf *out, double number)
{
    char text[40];
    if (number == floor(number) && fabs(number) <= 9007199254740992.0) {
        mcr_buf_i64(out, (int64_t)number);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    mcr_buf_puts(out, text);
}

static bool write_number(writer *w, double number)
{
    if (!isfinite(number))
        return write_fail(w, "JSON has no %s", isnan(number) ? "NaN" : "infinity");
    mcr_json_number(w->out, number);
    return true;
}

// Events and their parts are JSON already when turned into text; int64 cdata are digits and "LL".
static bool write_cdata(writer *w)
{
    lua_State *L = w->L;
    get_registered(L, &tostring_key);  // value tostring
    lua_pushvalue(L, -2);              // value tostring value
    if (!mcr_lua_pcall(L, 1, 1, true)) // value text
        return write_fail(w, "%s", "an event in it was used after its hook returned");
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    size_t digits = strspn(text, "-0123456789");
    bool ok = true;
    if (text[0] == '{' || text[0] == '[')
        mcr_buf_append(w->out, text, len);
    else if (digits && strspn(text + digits, "UL") == len - digits)
        mcr_buf_append(w->out, text, digits);
    else
        ok = write_fail(w, "JSON has no %s", "cdata of this type");
    lua_pop(L, 1); // value
    return ok;
}

static int compare_keys(const void *a, const void *b)
{
    const mcr_str *x = a, *y = b;
    uint32_t len = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->ptr, y->ptr, len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

// Collects the keys of the table on top. The strings stay alive as long as the table is unchanged.
static bool sort_keys(writer *w, open_value *open)
{
    lua_State *L = w->L;
    int n = 0;
    lua_pushnil(L);           // table nil
    while (lua_next(L, -2)) { // table key value
        lua_pop(L, 1);        // table key
        if (lua_type(L, -1) != LUA_TSTRING) {
            lua_pop(L, 1); // table
            return write_fail(w, "%s", "a table has both list items and named fields");
        }
        size_t len;
        const char *text = lua_tolstring(L, -1, &len);
        mcr_str key = mcr_str_n(text, len);
        mcr_buf_append(w->keys, &key, sizeof key);
        n++;
    }
    open->n = n;
    if (n)
        qsort(w->keys->ptr + open->keys, (size_t)n, sizeof(mcr_str), compare_keys);
    return true;
}

static bool is_array(lua_State *L)
{
    if (lua_objlen(L, -1) > 0)
        return true;
    if (!lua_getmetatable(L, -1)) // table [meta]
        return false;
    get_registered(L, &array_meta_key); // table meta array_meta
    bool marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2); // table
    return marked;
}

// A list must be one through and through: as many fields as items.
static bool check_list(writer *w, int n)
{
    lua_State *L = w->L;
    int fields = 0;
    lua_pushnil(L);           // table nil
    while (lua_next(L, -2)) { // table key value
        lua_pop(L, 1);        // table key
        fields++;
    }
    return fields == n
               ? true
               : write_fail(w, "%s", "a table has both list items and other fields, or gaps");
}

static bool open_container(writer *w)
{
    lua_State *L = w->L;
    if (w->depth == MCR_LUA_JSON_DEPTH || !lua_checkstack(L, 10))
        return write_fail(w, "%s", "tables are nested too deep, or in a circle");
    open_value *open = &w->open[w->depth++];
    *open = (open_value){ 0 };
    if (is_array(L)) {
        open->n = (int)lua_objlen(L, -1);
        mcr_buf_putc(w->out, '[');
        return check_list(w, open->n);
    }
    mcr_buf_putc(w->out, '{');
    open->is_object = true;
    open->keys = w->keys->len;
    return sort_keys(w, open);
}

// Writes the value on top; containers are opened only and stay on the stack.
static bool write_value(writer *w)
{
    lua_State *L = w->L;
    size_t len;
    const char *text;
    bool ok = true;
    switch (lua_type(L, -1)) {
    case LUA_TTABLE:
        return open_container(w);
    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &len);
        mcr_json_string(w->out, mcr_str_n(text, len));
        break;
    case LUA_TNUMBER:
        ok = write_number(w, lua_tonumber(L, -1));
        break;
    case LUA_TBOOLEAN:
        mcr_buf_puts(w->out, lua_toboolean(L, -1) ? "true" : "false");
        break;
    case LUA_TNIL:
        mcr_buf_puts(w->out, "null");
        break;
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L, -1))
            return write_fail(w, "JSON has no %s", "userdata");
        mcr_buf_puts(w->out, "null");
        break;
    case 10: // LuaJIT's cdata, which lua.h has no name for
        ok = write_cdata(w);
        break;
    default:
        return write_fail(w, "JSON has no %s", luaL_typename(L, -1));
    }
    lua_pop(L, 1); //
    return ok;
}

// Pushes the next value of the innermost open table, closing tables that have no more.
static bool next_value(writer *w)
{
    lua_State *L = w->L;
    while (w->depth) {
        open_value *open = &w->open[w->depth - 1];
        if (open->i < open->n) {
            if (open->i)
                mcr_buf_putc(w->out, ',');
            if (open->is_object) {
                mcr_str key;
                memcpy(&key, w->keys->ptr + open->keys + (size_t)open->i++ * sizeof key,
                       sizeof key);
                mcr_json_string(w->out, key);
                mcr_buf_putc(w->out, ':');
                lua_pushlstring(L, key.ptr, key.len); // table key
                lua_rawget(L, -2);                    // table value
            } else {
                lua_rawgeti(L, -1, ++open->i); // table value
            }
            return true;
        }
        mcr_buf_putc(w->out, open->is_object ? '}' : ']');
        if (open->is_object)
            w->keys->len = open->keys;
        lua_pop(L, 1); //
        w->depth--;
    }
    return false;
}

bool mcr_lua_json_write(lua_State *L, int index, mcr_buf *out)
{
    writer w = { .L = L, .out = out, .keys = &mcr_lua_of(L)->keys };
    size_t keys = w.keys->len;
    int top = lua_gettop(L);
    lua_pushvalue(L, index); // value
    bool ok;
    do
        ok = write_value(&w);
    while (ok && next_value(&w));
    if (ok)
        return true;
    w.keys->len = keys;
    lua_settop(L, top);
    lua_pushfstring(L, w.why, w.what); // message
    return false;
}
