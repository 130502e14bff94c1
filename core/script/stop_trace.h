#pragma once
// Where a script was when it was stopped.

#include <lua.h>

#include "base/buf.h"

typedef struct mcr_stop_trace {
    mcr_buf place; // "file:line: " of the innermost function of a script; empty: none was running
    mcr_buf lines; // "\nstack traceback:\n…" without our own functions; empty likewise
} mcr_stop_trace;

// mcr_stop_trace_take fills `out` with what runs in `L`, the main state or a coroutine of it.
// Called within Lua; may raise out of memory, with `out` empty.
void mcr_stop_trace_take(mcr_stop_trace *out, lua_State *L, lua_State *main_state);

void mcr_stop_trace_fini(mcr_stop_trace *trace);
