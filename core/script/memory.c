#include "script/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "script/dead_code.h"

static int panic(lua_State *L)
{
    const char *message = lua_tostring(L, -1);
    mcr_log(MCR_LOG_ERROR, "an error outside of a protected call: %s", message ? message : "?");
    abort();
}

// Past half of the limit, and half of what was left after the last collection: time for the next.
static void plan(mcr_lua *s)
{
    size_t used = mcr_arena_used(s->arena), limit = mcr_arena_limit(s->arena);
    s->relieve_at = used < limit ? used + (limit - used) / 2 : limit;
    if (s->relieve_at < limit / 2)
        s->relieve_at = limit / 2;
}

void mcr_lua_open(mcr_lua *s, size_t limit)
{
    s->arena = mcr_arena_new(limit ? limit : MCR_SCRIPT_MEMORY);
    lua_State *L = lua_newstate(mcr_arena_alloc, s->arena);
    if (!L) {
        // A LuaJIT without GC64 takes no allocator but its own.
        mcr_log(MCR_LOG_WARN, "this build of LuaJIT manages its memory itself: limits.memory has "
                              "no effect");
        mcr_arena_free(s->arena);
        s->arena = NULL;
        L = luaL_newstate();
    }
    if (!L) {
        mcr_log(MCR_LOG_ERROR, "out of memory for a Lua state");
        abort();
    }
    lua_atpanic(L, panic);
    if (s->arena)
        plan(s);
    mcr_lua_bind(L, s);
}

void mcr_lua_close(mcr_lua *s)
{
    mcr_lua_leave_profile(s, false);
    lua_close(s->L);
    s->L = NULL;
    mcr_arena_free(s->arena);
    s->arena = NULL;
}

void mcr_lua_discard(mcr_lua *s)
{
    mcr_lua_leave_profile(s, true);
    mcr_dead_code_release(s->L);
    mcr_pins_release(&s->pins);
    s->L = NULL;
    mcr_arena_free(s->arena);
    s->arena = NULL;
    s->spent = false;
}

// After a refusal: collects everything there is.
static void make_room(mcr_lua *s)
{
    s->counts.memory_full++;
    lua_gc(s->L, LUA_GCCOLLECT, 0);
    size_t used = mcr_arena_used(s->arena), limit = mcr_arena_limit(s->arena);
    bool spent = used > limit - limit / 10;
    if (spent && !s->spent)
        mcr_log(MCR_LOG_ERROR, "watcher '%s': its scripts hold on to %zu of %zu MiB of memory",
                s->watcher, used >> 20, limit >> 20);
    s->spent = spent;
    plan(s);
}

void mcr_lua_relieve_now(mcr_lua *s)
{
    if (mcr_arena_was_full(s->arena))
        make_room(s);
    // A step starts a collection, or takes it further; Lua goes on with it as it allocates.
    else if (mcr_arena_used(s->arena) > s->relieve_at && lua_gc(s->L, LUA_GCSTEP, 0))
        plan(s);
}

const char *mcr_lua_failure(mcr_lua *s, const char *message)
{
    if (!message)
        return "an error that is not a string";
    // The second is what Lua says when there was no memory to describe an error with.
    bool is_memory = strcmp(message, "not enough memory") == 0 ||
                     strcmp(message, "error in error handling") == 0;
    if (!is_memory || !s->arena || !mcr_arena_was_full(s->arena))
        return message;
    make_room(s);
    snprintf(s->failure, sizeof s->failure, "script memory limit of %zu MiB reached",
             mcr_arena_limit(s->arena) >> 20);
    return s->failure;
}

// core.failure(message)
static int failure(lua_State *L)
{
    const char *message = luaL_checkstring(L, 1);
    const char *shown = mcr_lua_failure(mcr_lua_of(L), message);
    if (shown == message)
        lua_settop(L, 1); // message
    else
        lua_pushstring(L, shown); // message shown
    return 1;
}

void mcr_lua_register_memory(lua_State *L)
{
    lua_pushcfunction(L, failure);  // core failure
    lua_setfield(L, -2, "failure"); // core
}
