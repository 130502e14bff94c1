#pragma once
// The inside of mcr_scripts, for the files that make it up: script.c (what is done with it),
// script_open.c (the empty state), script_load.c (what is in it, at first and when it is made
// anew), script_life.c (init, save and such). Internal to core/script.

#include "script/driver.h"
#include "script/hook_calls.h"
#include "script/recipe.h"
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
    uint32_t chain_n, chain_cap;
    mcr_lua_driver route;
    bool has_route;
    bool has_tick;
    mcr_lua_text_hook texts[MCR_TEXT_HOOKS];
    mcr_lua_render render;
    mcr_lua_sink sink;

    // How the state is made anew.
    mcr_recipe recipe;
    mcr_grants next_grants; // of the script that is loaded next
    char *sandbox_dir;
    size_t memory;
    bool guards;      // hooks have deadlines
    bool started;     // init has run: what is lost from now on is made anew
    bool renewing;    // that is being done
    int64_t retry_at; // Unix ns: when it is tried again
};

// mcr_scripts_open makes the Lua state with the script layer in it and no scripts.
void mcr_scripts_open(mcr_scripts *s);

// mcr_scripts_push pushes function `name` of lua/mooncrier/scripts.lua.
void mcr_scripts_push_function(const mcr_scripts *s, const char *name);

// mcr_scripts_fill_hooks makes the table of hooks say what there is by now.
void mcr_scripts_fill_hooks(mcr_scripts *s, bool has_texts, bool has_render);

// mcr_scripts_name_sink: sink `i`, which had no name, is called `name` from now on.
void mcr_scripts_name_sink(mcr_lua *st, uint32_t i, const char *name);

// mcr_scripts_ask calls function `name` of scripts.lua with the `args` values on top of the stack;
// it gives a message when a script failed.
mcr_err mcr_scripts_ask(mcr_scripts *s, const char *name, int args, int64_t now, mcr_errbuf *err);

// mcr_scripts_last_name is the script whose hook driver.once has called last.
const char *mcr_scripts_name(mcr_scripts *s);

// mcr_scripts_unhurried is the deadline of what runs once, in ns: it may take its time.
int64_t mcr_scripts_unhurried(const mcr_scripts *s);

// mcr_scripts_renew is mcr_lua.renew: the scripts loaded again as the recipe says, with the files
// as they were, and their init run. What they kept in variables is lost; counters, breakers and
// `shared` stay. When that fails, the state is `lost` until retry_at.
void mcr_scripts_renew(mcr_lua *st);

// mcr_scripts_revive tries it again when it is time to, and makes a state anew that is full of what
// its scripts hold on to; whether the scripts are there. While nothing runs in the state.
bool mcr_scripts_revive(mcr_scripts *s, int64_t now);
