#pragma once
// The observer of a state's hooks, from the inside (script/hook_observer.h). Internal to
// core/script; everything does nothing when there is no observer.

#include "script/hook_calls.h"

static inline bool mcr_lua_is_observed(const mcr_lua *st)
{
    return st->observer.result != NULL;
}

// mcr_lua_observed_begin: a hook is about to run.
void mcr_lua_observed_begin(mcr_lua *st);

// mcr_lua_observed_why notes why it drops its event, or (`failed`) how it failed.
void mcr_lua_observed_why(mcr_lua *st, mcr_str text, bool failed);

// mcr_lua_observed_tell tells its result: `result` has what is known but for the hook's names and
// its failure, which takes the place of `did`. Without a text, the reason noted is taken.
void mcr_lua_observed_tell(mcr_lua *st, const mcr_hook *hook, mcr_hook_result result);

// mcr_lua_observed_emit tells that the hook at work emits `ev`, to its sink `sink`, or to the other
// watchers (-1).
void mcr_lua_observed_emit(mcr_lua *st, mcr_event *ev, int sink);
