#pragma once
// The inside of mcr_scripts. Internal to core/script.

#include "script/driver.h"
#include "script/hook_calls.h"
#include "script/render.h"
#include "script/script.h"
#include "script/sink_hooks.h"
#include "script/state.h"
#include "script/text_hooks.h"

struct mcr_scripts {
    mcr_lua lua;
    mcr_hooks hooks;
    // Registry reference of lua/mooncrier/scripts.lua.
    int module;
    mcr_lua_driver *chain;
    uint32_t chain_n;
    mcr_lua_driver route;
    bool has_route;
    bool has_tick;
    mcr_lua_text_hook texts[MCR_TEXT_HOOKS];
    mcr_lua_render render;
    mcr_lua_sink sink;
};

// mcr_scripts_push_function pushes function `name` of lua/mooncrier/scripts.lua.
void mcr_scripts_push_function(const mcr_scripts *s, const char *name);

// mcr_scripts_unhurried is the deadline of what is no hook of an event.
int64_t mcr_scripts_unhurried(const mcr_scripts *s);

// mcr_scripts_name is the name of the script whose hook driver.once has called last.
const char *mcr_scripts_name(mcr_scripts *s);
