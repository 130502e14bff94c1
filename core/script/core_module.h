#pragma once
// The C functions of `mooncrier.core`, by subject; each adds its own to the table on top of the
// stack. They are plain Lua C functions: they may raise errors, and run only inside a protected
// call.

#include <lua.h>

#include "correlate/key_spec.h"
#include "script/state.h"

// mcr_lua_register_modules makes `require` find `mooncrier.core` and the modules inside the binary,
// before files of the system. The libraries must be open.
void mcr_lua_register_modules(lua_State *L);

// Events: get, merge, new_event, wrap_table, event_json, event_name, time_text.
void mcr_lua_register_events(lua_State *L);

// What hooks cause: emit, deliver, unknown_sink, hook_failed, script_failed, may_run, ran, stopped,
// deadline, log, warn.
void mcr_lua_register_outcomes(lua_State *L);

// The `shared` table: shared_get, shared_set, shared_add, shared_delete.
void mcr_lua_register_shared(lua_State *L);

// Keys by declaration: key_spec, key_text.
void mcr_lua_register_keys(lua_State *L);

// mcr_lua_key_spec_at is the key that core.key_spec made, at `index`; it lives as long as the
// value.
const mcr_key_spec *mcr_lua_key_spec_at(lua_State *L, int index);

// How C lays out the structs that Lua reads: layout.
void mcr_lua_register_layout(lua_State *L);

typedef enum mcr_failure {
    MCR_FAILED_ERROR,
    MCR_FAILED_DEADLINE
} mcr_failure;

// mcr_lua_add_event appends " on namespace/name": the event, or what it is about when it has no
// name.
void mcr_lua_add_event(mcr_buf *out, const mcr_event *ev);

// mcr_lua_note_failure counts and logs that the hook `stage` of `script` failed on `ev` (NULL: on
// no event); events that it failed on in the same way are not logged within a minute. `text` is the
// reason, then lines of traceback.
void mcr_lua_note_failure(mcr_lua *st, const char *stage, const char *script, mcr_failure failure,
                          const char *text, const mcr_event *ev);

// mcr_lua_fail_event counts and logs that a hook failed on the event in run.slot[slot] and settles
// what becomes of it: by on_error, or the fallback sinks for stage "route". `text` is
// NUL-terminated: the reason, then lines of traceback.
void mcr_lua_fail_event(mcr_lua *st, const char *stage, const char *script, uint32_t slot,
                        mcr_failure failure, mcr_str text);

// mcr_lua_skip_event settles likewise what becomes of an event whose hook is not called, since its
// breaker is open.
void mcr_lua_skip_event(mcr_lua *st, const char *stage, const char *script, uint32_t slot);

// mcr_lua_fail_hook counts, logs and tells the breaker that a hook without an event failed. `stage`
// must be a literal.
void mcr_lua_fail_hook(mcr_lua *st, const char *stage, const char *script, mcr_failure failure,
                       const char *text);
