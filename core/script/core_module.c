#include "script/core_module.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/suggest.h"
#include "broadcast/hooks.h"
#include "event/encode.h"
#include "event/merge.h"
#include "event/scan.h"
#include "script/embedded.h"
#include "script/hook_calls.h"
#include "script/lua_json.h"
#include "script/memory.h"
#include "script/own_calls.h"
#include "script/regex.h"
#include "script/state.h"

_Static_assert(sizeof(mcr_slot) == sizeof(mcr_verdict), "Lua and C see the same slots");
_Static_assert(offsetof(mcr_slot, outcome) == offsetof(mcr_verdict, outcome), "outcome");
_Static_assert(offsetof(mcr_slot, sinks) == offsetof(mcr_verdict, sinks), "sinks");

static mcr_event *event_of(uint64_t handle)
{
    return (mcr_event *)(uintptr_t)handle;
}

static uint64_t api_ref(uint64_t handle)
{
    mcr_event_ref(event_of(handle));
    return handle;
}

static uint64_t api_pin(mcr_run *run, uint64_t handle)
{
    mcr_pins_add(&((mcr_lua *)(void *)run)->pins, event_of(handle));
    return api_ref(handle);
}

static void api_unref_view(void *view)
{
    mcr_event_unref(event_of(((const mcr_view *)view)->handle));
}

static void api_replace(mcr_slot *slot, uint64_t handle)
{
    mcr_event_ref(event_of(handle));
    mcr_event_unref(event_of(slot->handle));
    slot->handle = handle;
}

static const mcr_str *api_pair(uint64_t pairs, const char *key, uint32_t len)
{
    return mcr_pairs_get((const mcr_pairs *)(uintptr_t)pairs, mcr_str_n(key, len));
}

static double api_time(uint64_t handle)
{
    const mcr_time *t = mcr_event_time(event_of(handle));
    return t ? (double)t->sec + (double)t->nsec / 1e9 : 0;
}

static int32_t api_occurrences(uint64_t handle)
{
    return mcr_event_occurrences(event_of(handle));
}

static mcr_lua *state_of(mcr_run *run)
{
    return (mcr_lua *)(void *)run;
}

static int api_scope(mcr_run *run)
{
    if (run->scoped == MCR_MAX_SCOPED)
        return 0;
    mcr_pins_remove(&state_of(run)->pins, event_of(run->made));
    state_of(run)->scoped[run->scoped++] = event_of(run->made);
    run->made = 0;
    return 1;
}

static void api_lap(mcr_run *run)
{
    mcr_lua *st = (mcr_lua *)(void *)run;
    if (st->batch_hook)
        mcr_hook_cost_lap(&st->batch_hook->cost, st->arena);
}

static void api_release_scoped(mcr_run *run)
{
    while (run->scoped)
        mcr_event_unref(state_of(run)->scoped[--run->scoped]);
}

static void api_patch_begin(mcr_run *run)
{
    mcr_patch_begin(&state_of(run)->patch);
}

static int api_patch_string(mcr_run *run, const char *key, uint32_t key_len, const char *value,
                            uint32_t len)
{
    return mcr_patch_string(&state_of(run)->patch, mcr_str_n(key, key_len), mcr_str_n(value, len));
}

static int api_patch_number(mcr_run *run, const char *key, uint32_t key_len, double value)
{
    return mcr_patch_number(&state_of(run)->patch, mcr_str_n(key, key_len), value);
}

static int api_patch_boolean(mcr_run *run, const char *key, uint32_t key_len, int value)
{
    return mcr_patch_boolean(&state_of(run)->patch, mcr_str_n(key, key_len), value != 0);
}

static int api_patch_apply(mcr_run *run, uint64_t handle)
{
    mcr_lua *st = state_of(run);
    mcr_event *changed = mcr_patch_apply(&st->patch, st->decoder, event_of(handle), &st->why);
    if (changed)
        mcr_lua_made(st, changed);
    return changed != NULL;
}

static const mcr_script_api script_api = {
    .ref = api_ref,
    .pin = api_pin,
    .unref_view = api_unref_view,
    .replace = api_replace,
    .pair = api_pair,
    .time = api_time,
    .occurrences = api_occurrences,
    .scope = api_scope,
    .release_scoped = api_release_scoped,
    .lap = api_lap,
    .patch_begin = api_patch_begin,
    .patch_string = api_patch_string,
    .patch_number = api_patch_number,
    .patch_boolean = api_patch_boolean,
    .patch_apply = api_patch_apply,
};

// core.unpin(view): the end of a view that holds its event
static int unpin(lua_State *L)
{
    const mcr_view *view = lua_topointer(L, 1);
    mcr_event *ev = event_of(view->handle);
    mcr_pins_remove(&mcr_lua_of(L)->pins, ev);
    mcr_event_unref(ev);
    return 0;
}

// core.why(): what the last patch_apply that gave no event found
static int why(lua_State *L)
{
    lua_pushstring(L, mcr_lua_of(L)->why.text); // why
    return 1;
}

// core.suggest(word, words): the word that was meant, or nil
static int suggest(lua_State *L)
{
    const char *typed = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t n = lua_objlen(L, 2);
    const char **words = lua_newuserdata(L, (n + 1) * sizeof *words); // memory
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, 2, (int)i + 1); // memory word
        words[i] = lua_tostring(L, -1);
        lua_pop(L, 1); // memory
    }
    const char *meant = mcr_suggest(typed, words, n);
    if (!meant)
        return 0;
    lua_pushstring(L, meant); // memory meant
    return 1;
}

// core.compile(text, chunk name): the function, or nil and the message. Never bytecode.
static int compile(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    if (luaL_loadbufferx(L, text, len, luaL_checkstring(L, 2), "t") == 0) // chunk or message
        return 1;
    lua_pushnil(L);    // message nil
    lua_insert(L, -2); // nil message
    return 2;
}

// core.read_file(path): the text, or nil and why there is none
static int read_file(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    mcr_file_set *kept = mcr_lua_of(L)->files;
    mcr_file_set *files = kept ? kept : mcr_file_set_new();
    mcr_str text;
    mcr_errbuf why_not;
    bool found = mcr_file_set_read(files, path, &text, &why_not) == MCR_OK;
    if (found)
        lua_pushlstring(L, text.ptr, text.len); // text
    else
        lua_pushnil(L); // nil
    if (!kept)
        mcr_file_set_free(files);
    if (found)
        return 1;
    lua_pushstring(L, why_not.text); // nil why
    return 2;
}

// core.has_file(path)
static int has_file(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    mcr_file_set *kept = mcr_lua_of(L)->files;
    mcr_file_set *files = kept ? kept : mcr_file_set_new();
    bool has = mcr_file_set_has(files, path);
    if (!kept)
        mcr_file_set_free(files);
    lua_pushboolean(L, has); // has
    return 1;
}

// core.json_decode(text)
static int json_decode(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    // The scanner reads past the end in steps of 16 bytes, which a Lua string does not allow.
    mcr_lua *st = mcr_lua_of(L);
    st->text.len = 0;
    mcr_buf_append(&st->text, text, len);
    memset(mcr_buf_reserve(&st->text, MCR_SCAN_PAD), 0, MCR_SCAN_PAD);
    if (!mcr_lua_json_push(L, mcr_buf_str(&st->text))) // value or message
        return mcr_lua_raise(L);
    return 1;
}

// core.json_encode(value)
static int json_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    // A part of an event inside the value comes back here through tostring: it writes behind what
    // there is.
    mcr_buf *json = &mcr_lua_of(L)->json;
    size_t begin = json->len;
    bool ok = mcr_lua_json_write(L, 1, json); // [message]
    if (ok)
        lua_pushlstring(L, json->ptr + begin, json->len - begin); // json
    json->len = begin;
    return ok ? 1 : mcr_lua_raise(L);
}

// The headers that ffi.cdef reads, in order.
static void push_abi(lua_State *L)
{
    static const char *const names[] = { "str_abi.h", "event_abi.h", "script_abi.h" };
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (const mcr_embedded *file = mcr_embedded_files; file->name; file++)
            if (strcmp(file->name, names[i]) == 0)
                luaL_addlstring(&text, file->text, file->len);
    luaL_pushresult(&text); // abi
}

int luaopen_mooncrier_core(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "suggest", suggest },
        { "why", why },
        { "unpin", unpin },
        { "compile", compile },
        { "json_decode", json_decode },
        { "json_encode", json_encode },
        { "read_file", read_file },
        { "has_file", has_file },
        { NULL, NULL },
    };
    mcr_lua *st = mcr_lua_of(L);
    if (!st)
        st = mcr_lua_bind_own(L);
    lua_newtable(L);                               // core
    luaL_register(L, NULL, functions);             // core
    mcr_lua_register_events(L);                    // core
    mcr_lua_register_outcomes(L);                  // core
    mcr_lua_register_shared(L);                    // core
    mcr_lua_register_memory(L);                    // core
    mcr_lua_register_keys(L);                      // core
    mcr_lua_register_layout(L);                    // core
    mcr_regex_register(L);                         // core
    mcr_lua_json_setup(L);                         // core json.array
    lua_setfield(L, -2, "json_array");             // core
    mcr_own_calls_wrap(L);                         // core
    lua_pushlightuserdata(L, NULL);                // core null
    lua_setfield(L, -2, "json_null");              // core
    push_abi(L);                                   // core abi
    lua_setfield(L, -2, "abi");                    // core
    lua_pushlightuserdata(L, &st->run);            // core run
    lua_setfield(L, -2, "run");                    // core
    lua_pushlightuserdata(L, (void *)&script_api); // core api
    lua_setfield(L, -2, "api");                    // core
    return 1;
}
