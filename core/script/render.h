#pragma once
// What scripts make of an event for a sink: one render hook of the watcher, and renderers that one
// sink has for itself. Internal to core/script.

#include "script/state.h"
#include "sink/sink.h"

typedef struct mcr_lua_render {
    mcr_lua *lua;
    int usual;     // registry: the watcher's render hook; 0: there is none
    int renderers; // registry: sink → hook; 0: there are none
} mcr_lua_render;

// mcr_lua_take_render takes over what the table of lua/mooncrier/scripts.lua on top of the stack
// has by now; the table stays there. True when there is anything.
bool mcr_lua_take_render(mcr_lua *lua, mcr_lua_render *render);

// mcr_lua_render_event is `render` of mcr_hooks.
mcr_render_result mcr_lua_render_event(const mcr_lua_render *render, mcr_event *ev,
                                       const char *sink, mcr_rendered *out, mcr_errbuf *err);
