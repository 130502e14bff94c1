#pragma once
// The hooks of a sink script, called one at a time (lua/mooncrier/sink_hooks.lua). Internal to
// core/script.

#include <stdint.h>

#include "base/buf.h"
#include "event/event.h"
#include "script/hook_calls.h"

typedef enum mcr_lua_sink_hook {
    MCR_LUA_OPEN,
    MCR_LUA_WRITE, // the only one that every sink script has
    MCR_LUA_FLUSH,
    MCR_LUA_REOPEN,
    MCR_LUA_CLOSE,
    MCR_LUA_SINK_HOOKS
} mcr_lua_sink_hook;

// What a hook answered.
typedef enum mcr_lua_sink_answer {
    MCR_LUA_SINK_DONE,    // nothing or true; also when there is no such hook
    MCR_LUA_SINK_REFUSED, // false: never
    MCR_LUA_SINK_RETRY,   // "retry": not now
    MCR_LUA_SINK_FAILED   // it raised, or answered what means nothing; counted and logged
} mcr_lua_sink_answer;

typedef struct mcr_lua_sink {
    mcr_lua *lua;
    int refs[MCR_LUA_SINK_HOOKS];        // registry; 0: there is none
    mcr_hook *hooks[MCR_LUA_SINK_HOOKS]; // NULL: the same
} mcr_lua_sink;

// mcr_lua_take_sink takes over the hooks that the table of lua/mooncrier/scripts.lua on top of the
// stack has for a sink that is the script called `script`; the table stays there.
void mcr_lua_take_sink(mcr_lua *lua, const char *script, mcr_lua_sink *sink);

// mcr_lua_call_sink calls a hook at the time `now` (Unix ns), `write` for `ev`. What it gave as its
// reason, with a traceback in the lines after the first when it failed, replaces the text in `why`.
mcr_lua_sink_answer mcr_lua_call_sink(const mcr_lua_sink *sink, mcr_lua_sink_hook hook,
                                      mcr_event *ev, int64_t now, mcr_buf *why);
