#pragma once
// How running Lua code is stopped from a signal handler, with LuaJIT's compiler on.
//
// A hook set by lua_sethook does not fire in compiled code. But LuaJIT's profiler, in mode "l",
// makes the compiler put a look at one byte of the state, the hook mask, into every trace; a bit of
// it set leaves the trace, and then the hook fires (spec LIMITS §6). Where in the state that byte
// is is found out by setting hooks and looking. It rests on how LuaJIT works, not on what it
// promises: mcr_stop_mode_now tells whether a test at the start of the program bore it out.

#include <lua.h>
#include <luajit.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum mcr_stop_mode {
    MCR_STOP_POLL,      // compiled code polls, at every line
    MCR_STOP_POLL_ONCE, // … once in each trace, which costs next to nothing
    MCR_STOP_HOOK       // nothing is compiled in states that are to be stopped; slow, but sure
} mcr_stop_mode;

// mcr_stop_mode_now is the mode of this process. The first call finds the byte; any thread.
mcr_stop_mode mcr_stop_mode_now(void);

// mcr_stop_give_up: code was not stopped in this mode; the next best is that of states that are
// prepared from now on.
void mcr_stop_give_up(void);

// mcr_stop_prepare makes the code of `L` stoppable: after its libraries were opened, before
// anything is loaded that must be; in a protected call. Nobody may start or stop LuaJIT's profiler
// on `L`, or attach to the compiler's events (jit.attach), afterwards, but by the functions below.
// A second call makes it so again after these.
void mcr_stop_prepare(lua_State *L);

// mcr_stop_lend_events leaves the compiler's events of `L` to the caller, until mcr_stop_prepare;
// in a protected call. All that was compiled is forgotten, and what is compiled polls at every
// line: it can be stopped as before, and takes somewhat longer.
void mcr_stop_lend_events(lua_State *L);

// mcr_stop_lend_profiler does so, too, and puts LuaJIT's profiler, of which a process has one, to
// work on `L`: `sample` is called as luaJIT_profile_start says, between two instructions, soon
// after the function that this returns was called in a signal handler on the thread that runs `L`.
// It is called for other states as well, with samples = 0, when one is stopped, on their threads,
// and until the process ends. On the thread that drives `L`, between two calls, in a protected
// call.
typedef void mcr_stop_trigger(int signal);
mcr_stop_trigger *mcr_stop_lend_profiler(lua_State *L, luaJIT_profile_callback sample);

// mcr_stop_take_profiler ends that; mcr_stop_prepare must follow. `lost`: the state is in no order,
// and will never run again, nor be prepared.
void mcr_stop_take_profiler(lua_State *L, bool lost);

// mcr_stop_arm has `hook` called at the next instruction of `L` and at each that follows. In a
// signal handler, on the thread that runs `L`. LuaJIT may forget it: call it again until it helped.
void mcr_stop_arm(lua_State *L, lua_Hook hook);

// mcr_stop_disarm ends that, on the thread that runs `L`.
void mcr_stop_disarm(lua_State *L);
