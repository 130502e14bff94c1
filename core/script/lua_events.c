#include <stdio.h>
#include <stdlib.h>

#include "event/encode.h"
#include "event/merge.h"
#include "event/scan.h"
#include "event/time.h"
#include "script/core_module.h"
#include "script/lua_json.h"
#include "script/shared.h"
#include "script/state.h"

// The event behind the view at `index`. The Lua half has checked that it is a live view.
static mcr_event *event_at(lua_State *L, int index)
{
    const mcr_view *view = lua_topointer(L, index);
    return (mcr_event *)(uintptr_t)view->handle;
}

// The number that `name` is in plain decimal digits, else 0, which no item has.
static long item_number(const char *name, size_t len)
{
    long n = 0;
    for (size_t i = 0; i < len; i++) {
        if (name[i] < '0' || name[i] > '9' || n > 100000000)
            return 0;
        n = n * 10 + (name[i] - '0');
    }
    return n;
}

// What the next step of event:get finds: a member of an object, or the n-th item of an array.
static bool step_into(mcr_scan *s, mcr_buf *scratch, const char *name, size_t len, mcr_str *found)
{
    char open = mcr_scan_space(s);
    if (open != '{' && open != '[')
        return false;
    char close = open == '{' ? '}' : ']';
    long wanted = open == '[' ? item_number(name, len) : 0;
    bool hit = false;
    s->at++;
    if (mcr_scan_space(s) == close)
        return false;
    for (long n = 1;; n++) {
        bool match = n == wanted;
        if (open == '{') {
            mcr_str key;
            scratch->len = 0;
            mcr_scan_space(s);
            if (!mcr_scan_string(s, scratch, &key) || mcr_scan_space(s) != ':')
                return false;
            s->at++;
            match = key.len == len && memcmp(key.ptr, name, len) == 0;
        }
        mcr_scan_space(s);
        mcr_str value;
        if (!mcr_scan_value(s, &value))
            return false;
        if (match) { // the last duplicate wins
            *found = value;
            hit = true;
        }
        if (mcr_scan_space(s) != ',')
            return hit;
        s->at++;
    }
}

// core.get(view, name…): one name may be a dotted path.
static int get(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    mcr_event *ev = event_at(L, 1);
    int names = lua_gettop(L) - 1;
    mcr_str text = ev->raw;
    if (!text.len) {
        st->text.len = 0;
        mcr_event_encode(&st->text, ev, true);
        memset(mcr_buf_reserve(&st->text, MCR_SCAN_PAD), 0, MCR_SCAN_PAD);
        text = mcr_buf_str(&st->text);
    }
    for (int i = 0; i < names; i++) {
        size_t len;
        const char *name = luaL_checklstring(L, i + 2, &len);
        while (name) {
            const char *dot = names == 1 ? memchr(name, '.', len) : NULL;
            size_t part = dot ? (size_t)(dot - name) : len;
            mcr_scan scan;
            mcr_scan_init(&scan, text, true);
            if (!step_into(&scan, &st->text_b, name, part, &text))
                return 0;
            len -= dot ? part + 1 : part;
            name = dot ? dot + 1 : NULL;
        }
    }
    if (!mcr_lua_json_push(L, text)) // value or message
        return mcr_lua_raise(L);
    return 1;
}

// Writes the table at `index` to st->text as JSON; false: what is wrong with it is pushed.
static bool table_json(lua_State *L, mcr_lua *st, int index, mcr_str *json)
{
    luaL_checktype(L, index, LUA_TTABLE);
    st->text.len = 0;
    if (!mcr_lua_json_write(L, index, &st->text)) // [message]
        return false;
    memset(mcr_buf_reserve(&st->text, MCR_SCAN_PAD), 0, MCR_SCAN_PAD);
    *json = mcr_buf_str(&st->text);
    return true;
}

// core.merge(view, changes): nothing, or what is wrong
static int merge(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    mcr_event *ev = event_at(L, 1);
    mcr_str json;
    if (!table_json(L, st, 2, &json)) // [message]
        return 1;
    mcr_event *changed = mcr_event_merge(st->decoder, ev, json, &st->why);
    if (!changed) {
        lua_pushstring(L, st->why.text); // message
        return 1;
    }
    mcr_lua_made(st, changed);
    return 0;
}

// core.new_event(fields): nothing, or what is wrong
static int new_event(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    mcr_str json;
    if (!table_json(L, st, 1, &json)) // [message]
        return 1;
    mcr_event *ev;
    mcr_decode_error err;
    if (mcr_decode(st->decoder, json, 0, &ev, &err) != MCR_DECODED_EVENT) {
        lua_pushstring(L, err.text); // message
        return 1;
    }
    // To the watchers that get it by emit it is news; it continues the chain of the event being
    // worked on, so that watchers which answer each other come to the hop limit.
    if (st->run.slot) {
        const mcr_slot *slot = &st->run.slot[st->run.first];
        ev->hops = ((const mcr_event *)(uintptr_t)slot->handle)->hops;
    }
    ev->change = MCR_CHANGE_NEW;
    ev->delta = mcr_event_occurrences(ev);
    mcr_lua_made(st, ev);
    return 0;
}

// core.wrap_table(table): an event whose JSON is the table's, event or not (`eval`).
static int wrap_table(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    mcr_str json;
    if (!table_json(L, st, 1, &json)) // [message]
        return mcr_lua_raise(L);
    mcr_event *ev;
    mcr_decode_error err;
    if (mcr_decode(st->decoder, json, 0, &ev, &err) != MCR_DECODED_EVENT)
        ev = mcr_event_opaque(json);
    mcr_lua_made(st, ev);
    return 0;
}

// core.decode(text): true when an event was made, false for a control line
static int decode(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    mcr_event *ev;
    mcr_decode_error err;
    mcr_decoded kind = mcr_decode(st->decoder, mcr_str_n(text, len), 0, &ev, &err);
    if (kind == MCR_DECODED_EVENT)
        mcr_lua_made(st, ev);
    else if (kind != MCR_DECODED_CONTROL)
        return luaL_error(L, "not an event: %s at byte %d", err.text, (int)err.offset);
    lua_pushboolean(L, kind == MCR_DECODED_EVENT); // is event
    return 1;
}

// core.set_now(seconds): what the clock of time.now says, in a plain LuaJIT
static int set_now(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    double seconds = luaL_checknumber(L, 1);
    mcr_lua_set_now(st, (int64_t)(seconds * 1e9));
    st->run.now = seconds; // what a test set is what it reads, to the last bit
    return 0;
}

// core.forget(): what earlier tests have left behind in a plain LuaJIT, the `shared` table and
// which names of events were given
static int forget(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    st->last_name_ns = 0;
    if (st->shared == st->own_shared) {
        mcr_shared_free(st->own_shared);
        st->shared = st->own_shared = mcr_shared_new();
    }
    return 0;
}

// core.event_json(view)
static int event_json(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    st->text_b.len = 0;
    mcr_event_write(&st->text_b, event_at(L, 1));
    lua_pushlstring(L, st->text_b.ptr, st->text_b.len); // json
    return 1;
}

// core.event_name(object name): "<name>.<hex of nanoseconds>", never the same twice in a state.
static int event_name(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    int64_t ns = st->now_ns > st->last_name_ns ? st->now_ns : st->last_name_ns + 1;
    st->last_name_ns = ns;
    char hex[24];
    snprintf(hex, sizeof hex, "%llx", (unsigned long long)ns);
    lua_pushfstring(L, "%s.%s", luaL_checkstring(L, 1), hex); // name
    return 1;
}

// core.time_text(seconds, nanoseconds[, decimals])
static int time_text(lua_State *L)
{
    mcr_buf *text = &mcr_lua_of(L)->text_b;
    text->len = 0;
    mcr_time_format(text, (int64_t)luaL_checknumber(L, 1), (int32_t)luaL_checknumber(L, 2),
                    (int)luaL_optnumber(L, 3, 0));
    lua_pushlstring(L, text->ptr, text->len); // text
    return 1;
}

// core.time_parse(text): seconds, or nil
static int time_parse(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    mcr_time t;
    if (!mcr_time_parse(mcr_str_n(text, len), &t))
        return 0;
    lua_pushnumber(L, (double)t.sec + (double)t.nsec / 1e9); // seconds
    return 1;
}

void mcr_lua_register_events(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "get", get },
        { "merge", merge },
        { "new_event", new_event },
        { "wrap_table", wrap_table },
        { "decode", decode },
        { "set_now", set_now },
        { "forget", forget },
        { "event_json", event_json },
        { "event_name", event_name },
        { "time_text", time_text },
        { "time_parse", time_parse },
        { NULL, NULL },
    };
    luaL_register(L, NULL, functions);
}
