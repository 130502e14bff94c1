#pragma once
// What happens when a state nears its limit of memory, or reaches it.
//
// LuaJIT collects garbage when it has about doubled, whatever room is left, and an allocation that
// is refused is an error without a collection. So the collector is started early when a state is
// past half of what it may have, and after a refusal everything is collected at once: the next
// event finds room. What a script holds on to stays; a state that is still nearly full then is
// marked `spent`, and is of no use until it is made anew.

#include "script/arena.h"
#include "script/state.h"

// mcr_lua_open makes the Lua state of `s`, with memory of its own of at most `limit` bytes
// (0: MCR_SCRIPT_MEMORY), and ties both together. Aborts when there is no memory for it.
void mcr_lua_open(mcr_lua *s, size_t limit);

// mcr_lua_close closes the state of `s` and gives its memory back.
void mcr_lua_close(mcr_lua *s);

// mcr_lua_discard throws away the state of `s` as it is, with its memory: nothing in it is
// finalised, but what its views hold is let go of. After mcr_lua_end_hook.
void mcr_lua_discard(mcr_lua *s);

// mcr_lua_relieve is called after each call into Lua that went well: collects garbage when it is
// time to.
void mcr_lua_relieve_now(mcr_lua *s);
static inline void mcr_lua_relieve(mcr_lua *s)
{
    if (s->arena && (mcr_arena_used(s->arena) > s->relieve_at || mcr_arena_is_full(s->arena)))
        mcr_lua_relieve_now(s);
}

// mcr_lua_failure is `message`, the reason why a call into Lua failed, as users should read it:
// for memory that ran out the limit (and everything is collected), else the message itself.
const char *mcr_lua_failure(mcr_lua *s, const char *message);

// mcr_lua_register_memory adds core.failure(message), as above, to the table on top of the stack.
void mcr_lua_register_memory(lua_State *L);
