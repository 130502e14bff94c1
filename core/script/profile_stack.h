#pragma once
// A stack of a Lua state as one line of a profile (script/profile.h).

#include <lua.h>

#include "base/buf.h"
#include "script/hook_calls.h"

enum {
    MCR_PROFILE_DEPTH = 100 // functions, from the inside out; what is further out is left out
};

// mcr_profile_stack_write appends what runs in `L`, a state or a coroutine of it, with no newline.
// `vmstate` is LuaJIT's letter; `hook` is the one that runs when the stack does not show it (NULL:
// not known). Allocates nothing in the state and raises no errors.
void mcr_profile_stack_write(mcr_buf *out, lua_State *L, int vmstate, const mcr_hook *hook);
