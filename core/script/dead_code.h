#pragma once
// The machine code that LuaJIT has compiled for a state that is thrown away as it is. It lies
// outside of the state's arena, and must stay mapped, since the unwinder knows its beginning; but
// its pages can be given back.

#include <lua.h>
#include <stddef.h>

// mcr_dead_code_release gives back what can be of the code of `L`, whose memory is still there, and
// which never runs again. Returns how many bytes; 0 also when the areas are not found, which LuaJIT
// tells nobody.
size_t mcr_dead_code_release(lua_State *L);
