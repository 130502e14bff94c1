#pragma once
// Whether a C function of ours that Lua has called is at work on this thread. While one is, a hook
// that has run away must not be cut off (script/guard.h): the function may hold a lock, or have
// something half done. It counts also when such a function ends by an error, which unwinds it.

#include <lua.h>

// mcr_own_calls is how many are on the stack of this thread. In signal handlers, too.
int mcr_own_calls(void);

// mcr_own_calls_wrap replaces every C function in the table on top of the stack by one that counts.
// They must have no upvalues.
void mcr_own_calls_wrap(lua_State *L);

// mcr_own_calls_begin and mcr_own_calls_end count what LuaJIT calls of ours otherwise, in between.
void mcr_own_calls_begin(void);
void mcr_own_calls_end(void);
