#include "script/state.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "script/hook_calls.h"
#include "script/shared.h"

// Where the registry keeps the mcr_lua and the traceback handler; their addresses are the keys.
static const char state_key, handler_key;

void mcr_lua_init(mcr_lua *s, const mcr_script_options *options)
{
    *s = (mcr_lua){ 0 };
    s->decoder = mcr_decoder_new();
    s->watcher = mcr_strdup(options->watcher ? options->watcher : "");
    s->scripts_dir = mcr_strdup(options->scripts_dir);
    s->clock = options->clock ? *options->clock : mcr_clock_wall;
    s->shared = options->shared;
    if (!s->shared)
        s->shared = s->own_shared = mcr_shared_new();
    s->dead = options->dead;
    s->on_error = options->on_error;
    s->broadcaster = options->broadcaster;
    s->files = mcr_file_set_new();
    if (options->files)
        mcr_file_set_follow(s->files, options->files);
    s->deadline = options->deadline ? options->deadline : MCR_DEADLINE_NS;
    s->run.gen = 1;
    s->run.ordered = options->ordered;
    mcr_lua_set_now(s, mcr_clock_now(&s->clock));
}

void mcr_lua_fini(mcr_lua *s)
{
    while (s->direct_first < s->direct_n)
        mcr_event_unref(s->direct[s->direct_first++].ev);
    free(s->direct);
    mcr_event_unref((mcr_event *)(uintptr_t)s->run.made);
    mcr_pins_fini(&s->pins);
    while (s->run.scoped)
        mcr_event_unref(s->scoped[--s->run.scoped]);
    mcr_patch_fini(&s->patch);
    mcr_decoder_free(s->decoder);
    mcr_buf_fini(&s->text);
    mcr_buf_fini(&s->text_b);
    mcr_buf_fini(&s->json);
    mcr_buf_fini(&s->keys);
    mcr_buf_fini(&s->observed_why);
    for (size_t i = 0; i < sizeof s->refusals / sizeof *s->refusals; i++)
        mcr_buf_fini(&s->refusals[i]);
    mcr_lua_hooks_fini(s);
    mcr_shared_free(s->own_shared);
    mcr_file_set_free(s->files);
    free(s->watcher);
    free(s->scripts_dir);
}

void mcr_lua_set_now(mcr_lua *s, int64_t unix_ns)
{
    s->now_ns = unix_ns;
    s->run.now = (double)unix_ns / 1e9;
}

// Ends what run.made holds.
static void unmake(mcr_lua *s)
{
    mcr_event *made = (mcr_event *)(uintptr_t)s->run.made;
    if (!made)
        return;
    s->run.made = 0;
    mcr_pins_remove(&s->pins, made);
    mcr_event_unref(made);
}

void mcr_lua_made(mcr_lua *s, mcr_event *ev)
{
    unmake(s);
    s->run.made = (uintptr_t)ev;
    mcr_pins_add(&s->pins, ev);
}

void mcr_lua_end_hook(mcr_lua *s)
{
    double gen = s->run.gen + 1;
    __atomic_store(&s->run.gen, &gen, __ATOMIC_RELAXED); // the guard may be looking
    while (s->run.scoped)
        mcr_event_unref(s->scoped[--s->run.scoped]);
    unmake(s);
}

static int free_state(lua_State *L)
{
    mcr_lua_fini(lua_touserdata(L, 1));
    return 0;
}

mcr_lua *mcr_lua_of(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&state_key); // key
    lua_rawget(L, LUA_REGISTRYINDEX);             // state or nil
    mcr_lua *s = lua_touserdata(L, -1);
    lua_pop(L, 1); //
    return s;
}

void mcr_lua_bind(lua_State *L, mcr_lua *s)
{
    s->L = L;
    lua_pushlightuserdata(L, (void *)&state_key); // key
    lua_pushlightuserdata(L, s);                  // key s
    lua_rawset(L, LUA_REGISTRYINDEX);             //
}

mcr_lua *mcr_lua_bind_own(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&state_key); // key
    mcr_lua *s = lua_newuserdata(L, sizeof *s);   // key s
    mcr_lua_init(s, &(mcr_script_options){ .watcher = "lua" });
    mcr_file_set_free(s->files); // tests change files, and mean what is there now
    s->files = NULL;
    s->L = L;
    lua_newtable(L);                  // key s meta
    lua_pushcfunction(L, free_state); // key s meta gc
    lua_setfield(L, -2, "__gc");      // key s meta
    lua_setmetatable(L, -2);          // key s
    lua_rawset(L, LUA_REGISTRYINDEX); //
    return s;
}

static int add_traceback(lua_State *L)
{
    const char *message = lua_tostring(L, 1);
    luaL_traceback(L, L, message ? message : "(an error that is not a string)", 1); // … text
    return 1;
}

// Kept in the registry, so that a protected call needs no memory before it protects.
static void push_handler(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&handler_key); // key
    lua_rawget(L, LUA_REGISTRYINDEX);               // handler or nil
    if (lua_isfunction(L, -1))
        return;
    lua_pop(L, 1);                                  //
    lua_pushcfunction(L, add_traceback);            // handler
    lua_pushlightuserdata(L, (void *)&handler_key); // handler key
    lua_pushvalue(L, -2);                           // handler key handler
    lua_rawset(L, LUA_REGISTRYINDEX);               // handler
}

int mcr_lua_raise(lua_State *L)
{
    luaL_where(L, 1);  // message where
    lua_insert(L, -2); // where message
    lua_concat(L, 2);  // text
    return lua_error(L);
}

bool mcr_lua_pcall(lua_State *L, int args, int results, bool traced)
{
    int handler = 0;
    if (traced) {
        handler = lua_gettop(L) - args;
        push_handler(L);        // f args… handler
        lua_insert(L, handler); // handler f args…
    }
    int status = lua_pcall(L, args, results, handler);
    if (traced)
        lua_remove(L, handler); // results… or message
    return status == 0;
}
