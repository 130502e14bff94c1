#include "script/script_parts.h"

#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "script/core_module.h"
#include "script/embedded.h"
#include "script/guard.h"
#include "script/hook_calls.h"
#include "script/memory.h"
#include "script/stop.h"

// The modules inside the binary, compiled: every state after the first one is spared the parser,
// which is most of what opening a state, and so a reload, costs.
static struct {
    pthread_mutex_t lock;
    mcr_buf *compiled; // by the place in mcr_embedded_files; empty: not yet. They are never freed.
} cache = { .lock = PTHREAD_MUTEX_INITIALIZER };

static mcr_str find_compiled(size_t i)
{
    pthread_mutex_lock(&cache.lock);
    mcr_str found = cache.compiled ? mcr_buf_str(&cache.compiled[i]) : (mcr_str){ 0 };
    pthread_mutex_unlock(&cache.lock);
    return found;
}

static void keep_compiled(size_t i, mcr_buf *code)
{
    size_t n = 0;
    while (mcr_embedded_files[n].name)
        n++;
    pthread_mutex_lock(&cache.lock);
    if (!cache.compiled)
        cache.compiled = mcr_zalloc(n * sizeof *cache.compiled);
    if (cache.compiled[i].len == 0) {
        cache.compiled[i] = *code;
        *code = (mcr_buf){ 0 };
    }
    pthread_mutex_unlock(&cache.lock);
    mcr_buf_fini(code);
}

static int append_code(lua_State *L, const void *bytes, size_t len, void *code)
{
    (void)L;
    mcr_buf_append(code, bytes, len);
    return 0;
}

// Pushes the chunk, or a message; 0 or an error of Lua's.
static int load_embedded(lua_State *L, const mcr_embedded *file)
{
    size_t i = (size_t)(file - mcr_embedded_files);
    mcr_str code = find_compiled(i);
    if (code.len)
        return luaL_loadbuffer(L, code.ptr, code.len, file->name); // it knows its chunk's name
    lua_pushfstring(L, "=%s", file->name);                         // name
    int failed = luaL_loadbuffer(L, file->text, file->len, lua_tostring(L, -1)); // name chunk
    lua_remove(L, -2);                                                           // chunk
    mcr_buf fresh = { 0 };
    if (!failed && lua_dump(L, append_code, &fresh) == 0)
        keep_compiled(i, &fresh);
    return failed;
}

// package.searchers entry for the modules inside the binary.
static int search_embedded(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const char *file_name = luaL_gsub(L, name, ".", "/"); // name path
    for (const mcr_embedded *file = mcr_embedded_files; file->name; file++) {
        size_t len = strlen(file_name);
        if (strncmp(file->name, file_name, len) != 0 ||
            (strcmp(file->name + len, ".lua") != 0 && strcmp(file->name + len, "/init.lua") != 0))
            continue;
        if (load_embedded(L, file) != 0) // … chunk
            return lua_error(L);
        return 1;
    }
    lua_pushfstring(L, "\n\tno file '%s.lua' in mooncrier itself", file_name); // … why
    return 1;
}

void mcr_lua_register_modules(lua_State *L)
{
    lua_getglobal(L, "package");                  // package
    lua_getfield(L, -1, "preload");               // package preload
    lua_pushcfunction(L, luaopen_mooncrier_core); // package preload open
    lua_setfield(L, -2, "mooncrier.core");        // package preload
    lua_pop(L, 1);                                // package
    lua_getfield(L, -1, "loaders");               // package loaders
    // Ours comes second, right after preload: a file of the system never replaces our modules.
    for (int i = (int)lua_objlen(L, -1); i >= 2; i--) {
        lua_rawgeti(L, -1, i);     // package loaders loader
        lua_rawseti(L, -2, i + 1); // package loaders
    }
    lua_pushcfunction(L, search_embedded); // package loaders search
    lua_rawseti(L, -2, 2);                 // package loaders
    lua_pop(L, 2);                         //
}

// Room for many handlers in one state: with the defaults, some 200 of them evict each other's
// machine code for ever (spec LIMITS §1).
static const char jit_options[] = "jit.opt.start('maxtrace=8000', 'maxmcode=65536')";

// Opens the libraries and requires lua/mooncrier/scripts.lua; runs inside a protected call.
static int open_state(lua_State *L)
{
    luaL_openlibs(L);
    if (mcr_lua_of(L)->guarded)
        mcr_stop_prepare(L);
    mcr_lua_register_modules(L);
    if (luaL_loadstring(L, jit_options) || !mcr_lua_pcall(L, 0, 0, true)) // [message]
        return lua_error(L);
    if (luaL_loadstring(L, "return require('mooncrier.scripts')") || !mcr_lua_pcall(L, 0, 1, true))
        return lua_error(L);
    return 1; // scripts
}

static void set_sandbox_dir(lua_State *L, const char *scripts_dir)
{
    lua_getglobal(L, "require");             // require
    lua_pushliteral(L, "mooncrier.sandbox"); // require name
    if (mcr_lua_pcall(L, 1, 1, true)) {      // sandbox or message
        lua_pushstring(L, scripts_dir);      // sandbox dir
        lua_setfield(L, -2, "scripts_dir");  // sandbox
    }
    lua_pop(L, 1); //
}

// What is at work, for messages about slow hooks.
static void name_hook(const void *self, char *name, char *event)
{
    const mcr_lua *lua = self;
    const mcr_hook *hook = lua->entry_hook ? lua->entry_hook : lua->batch_hook;
    if (!hook)
        return;
    const mcr_slot *slot = lua->run.slot;
    if (slot && !lua->entry_hook)
        slot += lua->run.first; // where the driver is
    mcr_buf on = { 0 };
    if (slot && slot->handle)
        mcr_lua_add_event(&on, (const mcr_event *)(uintptr_t)slot->handle);
    snprintf(name, MCR_SLOW_NAME, "%s of %s", hook->stage, hook->script);
    snprintf(event, MCR_SLOW_NAME, "%s", mcr_buf_cstr(&on));
    mcr_buf_fini(&on);
}

void mcr_scripts_open(mcr_scripts *s)
{
    mcr_lua_open(&s->lua, s->memory);
    lua_State *L = s->lua.L;
    if (s->guards)
        s->lua.guarded =
            mcr_guard_new(L, &s->lua.run, &(mcr_slow_namer){ s->lua.watcher, name_hook, &s->lua });
    lua_pushcfunction(L, open_state);    // open_state
    if (!mcr_lua_pcall(L, 0, 1, true)) { // scripts or message
        // Only our own embedded files run here: a failure is a broken build.
        mcr_log(MCR_LOG_ERROR, "the script layer does not load: %s", lua_tostring(L, -1));
        abort();
    }
    s->module = luaL_ref(L, LUA_REGISTRYINDEX); //
    if (s->sandbox_dir)
        set_sandbox_dir(L, s->sandbox_dir);
}

void mcr_scripts_push_function(const mcr_scripts *s, const char *name)
{
    lua_State *L = s->lua.L;
    lua_rawgeti(L, LUA_REGISTRYINDEX, s->module); // scripts
    lua_getfield(L, -1, name);                    // scripts function
    lua_remove(L, -2);                            // function
}
