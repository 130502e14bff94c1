#include "script/script_parts.h"

#include <lualib.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "script/core_module.h"
#include "script/driver.h"
#include "script/embedded.h"
#include "script/guard.h"
#include "script/hook_calls.h"
#include "script/memory.h"
#include "script/render.h"
#include "script/shared.h"
#include "script/sink_hooks.h"
#include "script/state.h"
#include "script/stop.h"
#include "script/text_hooks.h"

// package.searchers entry for the modules inside the binary.
static int search_embedded(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const char *file_name = luaL_gsub(L, name, ".", "/"); // name path
    for (const mcr_embedded *file = mcr_embedded_files; file->name; file++) {
        size_t len = strlen(file_name);
        if (strncmp(file->name, file_name, len) != 0 || strcmp(file->name + len, ".lua") != 0)
            continue;
        lua_pushfstring(L, "=%s", file->name);                                   // … chunk name
        if (luaL_loadbuffer(L, file->text, file->len, lua_tostring(L, -1)) != 0) // … chunk
            return lua_error(L);
        return 1;
    }
    lua_pushfstring(L, "\n\tno file '%s.lua' in mooncrier itself", file_name); // … why
    return 1;
}

static void prepare_package(lua_State *L)
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
    prepare_package(L);
    if (luaL_loadstring(L, jit_options) || !mcr_lua_pcall(L, 0, 0, true)) // [message]
        return lua_error(L);
    if (luaL_loadstring(L, "return require('mooncrier.scripts')") || !mcr_lua_pcall(L, 0, 1, true))
        return lua_error(L);
    return 1; // scripts
}

static void run_handle(void *self, mcr_verdict *v, uint32_t n, int64_t now);
static void run_route(void *self, mcr_verdict *v, uint32_t n, int64_t now);
static bool next_direct(void *self, mcr_direct *out);
static mcr_render_result run_render(void *self, mcr_event *ev, const char *sink, mcr_rendered *out,
                                    mcr_errbuf *err);
static int64_t run_tick(void *self, int64_t now);
static void run_fini(void *self, int64_t now);

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

mcr_scripts *mcr_scripts_new(const mcr_script_options *options)
{
    mcr_scripts *s = mcr_zalloc(sizeof *s);
    mcr_lua_init(&s->lua, options);
    mcr_lua_open(&s->lua, options->memory);
    lua_State *L = s->lua.L;
    if (options->deadline != MCR_NO_DEADLINE)
        s->lua.guarded = mcr_guard_new(L, &s->lua.run);
    lua_pushcfunction(L, open_state);    // open_state
    if (!mcr_lua_pcall(L, 0, 1, true)) { // scripts or message
        // Only our own embedded files run here: a failure is a broken build.
        mcr_log(MCR_LOG_ERROR, "the script layer does not load: %s", lua_tostring(L, -1));
        abort();
    }
    s->module = luaL_ref(L, LUA_REGISTRYINDEX); //
    if (options->scripts_dir)
        set_sandbox_dir(L, options->scripts_dir);
    s->hooks = (mcr_hooks){ .self = s, .next_direct = next_direct };
    return s;
}

void mcr_scripts_free(mcr_scripts *s)
{
    if (!s)
        return;
    mcr_lua_close(&s->lua);
    mcr_guard_free(s->lua.guarded);
    mcr_lua_fini(&s->lua);
    free(s->chain);
    free(s);
}

struct lua_State *mcr_scripts_state(mcr_scripts *s)
{
    return s->lua.L;
}

void mcr_scripts_push_function(const mcr_scripts *s, const char *name)
{
    lua_State *L = s->lua.L;
    lua_rawgeti(L, LUA_REGISTRYINDEX, s->module); // scripts
    lua_getfield(L, -1, name);                    // scripts function
    lua_remove(L, -2);                            // function
}

// Takes over the drivers that loading made and fills the hooks table.
static void take_drivers(mcr_scripts *s)
{
    lua_State *L = s->lua.L;
    lua_rawgeti(L, LUA_REGISTRYINDEX, s->module); // scripts
    lua_getfield(L, -1, "chain");                 // scripts chain
    uint32_t n = (uint32_t)lua_objlen(L, -1);
    s->chain = mcr_realloc(s->chain, (n + 1) * sizeof *s->chain);
    for (; s->chain_n < n; s->chain_n++) {
        lua_rawgeti(L, -1, (int)s->chain_n + 1);             // scripts chain driver
        s->chain[s->chain_n] = mcr_lua_take_driver(&s->lua); // scripts chain
    }
    lua_pop(L, 1);                // scripts
    lua_getfield(L, -1, "route"); // scripts route
    if (!s->has_route && lua_istable(L, -1)) {
        s->route = mcr_lua_take_driver(&s->lua); // scripts
        s->has_route = true;
    } else {
        lua_pop(L, 1); // scripts
    }
    bool has_render = mcr_lua_take_render(&s->lua, &s->render);
    lua_getfield(L, -1, "texts"); // scripts texts
    bool has_texts = mcr_lua_take_texts(&s->lua, s->texts);
    lua_pop(L, 2); //
    // Also when there is nothing but what is called later, which sees the time of the batch.
    if (s->chain_n || has_texts || has_render)
        s->hooks.handle = run_handle;
    if (has_render)
        s->hooks.render = run_render;
    if (s->has_route)
        s->hooks.route = run_route;
    s->hooks.tick = run_tick;
    s->hooks.fini = run_fini;
}

// The deadline of what runs once, which may take its time.
int64_t mcr_scripts_unhurried(const mcr_scripts *s)
{
    return s->lua.deadline > MCR_DEADLINE_NS ? s->lua.deadline : MCR_DEADLINE_NS;
}

// Calls the function below `args` arguments, all on the stack, that loads a script.
static mcr_err finish_load(mcr_scripts *s, int args, mcr_errbuf *err)
{
    lua_State *L = s->lua.L;
    if (mcr_lua_call(&s->lua, args, 0, true, mcr_scripts_unhurried(s))) { // [message]
        // The message ends with where in our own Lua it was raised, which tells users nothing.
        mcr_str text = mcr_str_of(mcr_lua_failure(&s->lua, lua_tostring(L, -1)));
        const char *own = strstr(text.ptr, "\nstack traceback:\n\t[C]: in function 'error'");
        if (own)
            text.len = (uint32_t)(own - text.ptr);
        mcr_errf(err, MCR_ECONFIG, "%.*s", (int)text.len, text.ptr);
        lua_pop(L, 1); //
        return MCR_ECONFIG;
    }
    take_drivers(s);
    return MCR_OK;
}

void mcr_scripts_allow(mcr_scripts *s, mcr_grants grants)
{
    lua_State *L = s->lua.L;
    mcr_buf names = { 0 };
    mcr_grants_print(&names, grants, ", ");
    mcr_scripts_push_function(s, "allow");    // allow
    lua_pushlstring(L, names.ptr, names.len); // allow names
    mcr_buf_fini(&names);
    if (!mcr_lua_pcall(L, 1, 0, true)) { // [message]
        mcr_log(MCR_LOG_ERROR, "%s", lua_tostring(L, -1));
        abort();
    }
}

mcr_err mcr_scripts_load(mcr_scripts *s, const char *path, const char *name, mcr_errbuf *err)
{
    lua_State *L = s->lua.L;                   // params
    mcr_scripts_push_function(s, "load_file"); // params load
    lua_insert(L, -2);                         // load params
    lua_pushstring(L, path);                   // load params path
    lua_pushstring(L, name);                   // load params path name
    lua_pushvalue(L, -3);                      // load params path name params
    lua_remove(L, -4);                         // load path name params
    return finish_load(s, 3, err);
}

mcr_err mcr_scripts_load_renderer(mcr_scripts *s, const char *sink, const char *path,
                                  const char *name, mcr_errbuf *err)
{
    lua_State *L = s->lua.L;                       // params
    mcr_scripts_push_function(s, "load_renderer"); // params load
    lua_insert(L, -2);                             // load params
    lua_pushstring(L, sink);                       // load params sink
    lua_insert(L, -2);                             // load sink params
    lua_pushstring(L, path);                       // load sink params path
    lua_insert(L, -2);                             // load sink path params
    lua_pushstring(L, name);                       // load sink path params name
    lua_insert(L, -2);                             // load sink path name params
    return finish_load(s, 4, err);
}

mcr_err mcr_scripts_load_sink(mcr_scripts *s, const char *path, const char *name, mcr_errbuf *err)
{
    lua_State *L = s->lua.L;                   // params
    mcr_scripts_push_function(s, "load_sink"); // params load
    lua_insert(L, -2);                         // load params
    lua_pushstring(L, path);                   // load params path
    lua_insert(L, -2);                         // load path params
    lua_pushstring(L, name);                   // load path params name
    lua_insert(L, -2);                         // load path name params
    mcr_err code = finish_load(s, 3, err);
    if (code)
        return code;
    lua_rawgeti(L, LUA_REGISTRYINDEX, s->module); // scripts
    mcr_lua_take_sink(&s->lua, name, &s->sink);
    lua_pop(L, 1); //
    return MCR_OK;
}

const mcr_lua_sink *mcr_scripts_sink(const mcr_scripts *s)
{
    return &s->sink;
}

mcr_err mcr_scripts_load_text(mcr_scripts *s, mcr_str text, const char *name, mcr_errbuf *err)
{
    lua_State *L = s->lua.L;
    mcr_scripts_push_function(s, "load_text"); // load
    lua_pushlstring(L, text.ptr, text.len);    // load text
    lua_pushstring(L, name);                   // load text name
    return finish_load(s, 2, err);
}

mcr_err mcr_scripts_load_eval(mcr_scripts *s, mcr_str expression, mcr_errbuf *err)
{
    lua_State *L = s->lua.L;
    mcr_scripts_push_function(s, "load_expression");    // load
    lua_pushlstring(L, expression.ptr, expression.len); // load text
    lua_pushliteral(L, "expression");                   // load text name
    return finish_load(s, 2, err);
}

void mcr_scripts_set_deadline(mcr_scripts *s, int64_t ns)
{
    s->lua.deadline = ns;
}

void mcr_scripts_set_sinks(mcr_scripts *s, const char *const *names, uint32_t n, uint64_t fallback)
{
    lua_State *L = s->lua.L;
    s->lua.all_sinks = (UINT64_C(1) << n) - 1;
    s->lua.fallback = fallback & s->lua.all_sinks;
    mcr_scripts_push_function(s, "set_sinks"); // set_sinks
    lua_newtable(L);                           // set_sinks names
    for (uint32_t i = 0; i < n; i++) {
        lua_pushstring(L, names[i]);    // set_sinks names name
        lua_rawseti(L, -2, (int)i + 1); // set_sinks names
    }
    if (!mcr_lua_pcall(L, 1, 0, true)) { // [message]
        mcr_log(MCR_LOG_ERROR, "%s", lua_tostring(L, -1));
        abort();
    }
}

mcr_err mcr_scripts_check_sinks(mcr_scripts *s, mcr_errbuf *err)
{
    lua_State *L = s->lua.L;
    mcr_scripts_push_function(s, "check_sinks"); // check
    bool ok = mcr_lua_pcall(L, 0, 1, true);      // message or nil
    const char *message = lua_tostring(L, -1);
    mcr_err result = MCR_OK;
    if (!ok || message)
        result = mcr_errf(err, MCR_ECONFIG, "%s", message ? message : "not a text");
    lua_pop(L, 1); //
    return result;
}

void mcr_scripts_attach(mcr_scripts *s, const mcr_watcher *w, const mcr_watch *watch)
{
    const char *names[MCR_MAX_SINKS];
    uint32_t n = mcr_watcher_sink_count(w);
    for (uint32_t i = 0; i < n; i++)
        names[i] = mcr_watcher_sink(w, i)->name;
    mcr_scripts_set_sinks(s, names, n, UINT64_MAX);
    s->lua.watch = watch;
}

void mcr_scripts_set_watch(mcr_scripts *s, const mcr_watch *watch)
{
    s->lua.watch = watch;
}

const mcr_file_set *mcr_scripts_files(const mcr_scripts *s)
{
    return s->lua.files;
}

const mcr_hooks *mcr_scripts_hooks(const mcr_scripts *s)
{
    return &s->hooks;
}

mcr_script_counts mcr_scripts_counts_now(const mcr_scripts *s)
{
    mcr_script_counts counts = s->lua.counts;
    if (s->lua.arena) {
        counts.memory_used = mcr_arena_used(s->lua.arena);
        counts.memory_limit = mcr_arena_limit(s->lua.arena);
    }
    return counts;
}

static void begin(mcr_scripts *s, mcr_verdict *v, int64_t now)
{
    mcr_lua_set_now(&s->lua, now);
    s->lua.json.len = s->lua.keys.len = 0; // more than nothing only after an error in between
    s->lua.run.slot = (mcr_slot *)(void *)v;
}

static void run_handle(void *self, mcr_verdict *v, uint32_t n, int64_t now)
{
    mcr_scripts *s = self;
    begin(s, v, now);
    if (s->chain_n == 1)
        mcr_lua_drive(&s->lua, &s->chain[0], 0, n);
    // Several hooks: each event goes through all of them before the next one starts, so that what
    // scripts see of each other does not depend on how events happen to be batched.
    for (uint32_t i = 0; s->chain_n > 1 && i < n; i++)
        for (uint32_t k = 0; k < s->chain_n && v[i].outcome == MCR_PASS; k++)
            mcr_lua_drive(&s->lua, &s->chain[k], i, i + 1);
    s->lua.run.slot = NULL;
}

static void run_route(void *self, mcr_verdict *v, uint32_t n, int64_t now)
{
    mcr_scripts *s = self;
    begin(s, v, now);
    for (uint32_t i = 0; i < n; i++)
        v[i].sinks = s->lua.all_sinks;
    mcr_lua_drive(&s->lua, &s->route, 0, n);
    s->lua.run.slot = NULL;
}

static bool next_direct(void *self, mcr_direct *out)
{
    mcr_lua *lua = &((mcr_scripts *)self)->lua;
    if (lua->direct_first == lua->direct_n) {
        lua->direct_first = lua->direct_n = lua->emitted_n = 0;
        return false;
    }
    *out = lua->direct[lua->direct_first++];
    return true;
}

static mcr_render_result run_render(void *self, mcr_event *ev, const char *sink, mcr_rendered *out,
                                    mcr_errbuf *err)
{
    return mcr_lua_render_event(&((mcr_scripts *)self)->render, ev, sink, out, err);
}

bool mcr_scripts_correlator_hooks(mcr_scripts *s, mcr_correlator_options *options)
{
    return mcr_lua_give_texts(s->texts, options);
}

// Says what the message on top is about, and pops it; returns `call`.
static mcr_call call_failed(mcr_scripts *s, const char *stage, mcr_call call)
{
    const char *message = mcr_lua_failure(&s->lua, lua_tostring(s->lua.L, -1));
    mcr_lua_end_hook(&s->lua);
    if (call == MCR_CALL_STOPPED)
        mcr_lua_fail_hook(&s->lua, stage, mcr_scripts_name(s), MCR_FAILED_DEADLINE, message);
    else
        mcr_log(MCR_LOG_ERROR, "watcher '%s': %s", s->lua.watcher, message);
    lua_pop(s->lua.L, 1);
    return call;
}

static int64_t run_tick(void *self, int64_t now)
{
    mcr_scripts *s = self;
    lua_State *L = s->lua.L;
    mcr_lua_set_now(&s->lua, now);
    mcr_call call;
    // The tick that was stopped is not due again: the others come to their turn.
    do {
        mcr_scripts_push_function(s, "tick");                      // tick
        lua_pushnumber(L, s->lua.run.now);                         // tick now
        call = mcr_lua_call(&s->lua, 1, 1, true, s->lua.deadline); // due, nil or message
    } while (call && call_failed(s, "tick", call) == MCR_CALL_STOPPED);
    if (call)
        return now + 1000000000;
    int64_t due = lua_isnumber(L, -1) ? (int64_t)(lua_tonumber(L, -1) * 1e9) : 0;
    lua_pop(L, 1); //
    return due;
}

static void run_fini(void *self, int64_t now)
{
    mcr_scripts *s = self;
    mcr_lua_set_now(&s->lua, now);
    mcr_call call;
    do {
        mcr_scripts_push_function(s, "fini");                               // fini
        call = mcr_lua_call(&s->lua, 0, 0, true, mcr_scripts_unhurried(s)); // [message]
    } while (call && call_failed(s, "fini", call) == MCR_CALL_STOPPED);
}

void mcr_scripts_describe(const mcr_scripts *s, mcr_buf *out)
{
    lua_State *L = s->lua.L;
    mcr_scripts_push_function(s, "describe"); // describe
    if (mcr_lua_pcall(L, 0, 1, true)) {       // text or message
        size_t len;
        const char *text = lua_tolstring(L, -1, &len);
        mcr_buf_append(out, text, len);
    }
    lua_pop(L, 1); //
}

void mcr_scripts_each_reason(const mcr_scripts *s,
                             void (*each)(void *arg, mcr_str reason, uint64_t n), void *arg)
{
    lua_State *L = s->lua.L;
    mcr_scripts_push_function(s, "reasons"); // reasons
    if (!mcr_lua_pcall(L, 0, 1, true)) {     // list or message
        lua_pop(L, 1);                       //
        return;
    }
    int base = lua_gettop(L);
    for (int i = 1;; i++) {
        lua_settop(L, base);   // list
        lua_rawgeti(L, -1, i); // list item
        if (!lua_istable(L, -1))
            break;
        lua_rawgeti(L, -1, 1); // list item reason
        lua_rawgeti(L, -2, 2); // list item reason n
        size_t len;
        const char *reason = lua_tolstring(L, -2, &len);
        each(arg, mcr_str_n(reason, len), (uint64_t)lua_tonumber(L, -1));
    }
    lua_settop(L, base - 1); //
}
