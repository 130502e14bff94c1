#pragma once
// The hooks of the correlator that scripts define: functions that C calls for one event at a time,
// and keys by declaration, which never enter Lua. Internal to core/script.

#include <stdbool.h>

#include "correlate/correlator.h"
#include "correlate/key_spec.h"
#include "script/hook_calls.h"

enum {
    MCR_TEXT_HOOKS = 4 // aggregate_key, local_key, spam_key, aggregate_message
};

typedef struct mcr_lua_text_hook {
    mcr_lua *lua;
    const char *stage;
    bool defined;
    mcr_hook *hook;
    int ref;                  // registry: the entry, or what owns `spec`
    const mcr_key_spec *spec; // a key by declaration; NULL: a function
} mcr_lua_text_hook;

// mcr_lua_take_texts takes over the hooks that the table `texts` of lua/mooncrier/scripts.lua, on
// top of the stack, has by now; the table stays there. True when there are any.
bool mcr_lua_take_texts(mcr_lua *lua, mcr_lua_text_hook hooks[MCR_TEXT_HOOKS]);

// mcr_lua_give_texts sets the members of `options` whose hooks are defined; `hooks` must stay where
// they are. True when there are any.
bool mcr_lua_give_texts(mcr_lua_text_hook hooks[MCR_TEXT_HOOKS], mcr_correlator_options *options);

// mcr_lua_enter_one makes `ev` the one event that hooks work on, in `slot`; mcr_lua_leave_one ends
// that and gives `before`, which the former returned, its place back.
mcr_slot *mcr_lua_enter_one(mcr_lua *lua, mcr_slot *slot, mcr_event *ev);
void mcr_lua_leave_one(mcr_lua *lua, mcr_slot *before);

// mcr_lua_one_event is that event while it lasts; NULL: there is none.
const mcr_event *mcr_lua_one_event(const mcr_lua *lua);

// mcr_lua_call_entry calls the entry below `args` arguments, behind the hook's breaker and under
// guard, with `results` results or a message left on the stack. Failures are counted and logged.
bool mcr_lua_call_entry(mcr_lua *lua, mcr_hook *hook, int args, int results);
