#pragma once
// The guard: one thread that knows which hooks run and for how long, and stops those past their
// deadline, each on its own thread, by MCR_GUARD_SIGNAL (broadcast/host.h).
//
//     mcr_guarded *g = mcr_guard_new(L, &run);
//     run.deadline = 1e9;
//     mcr_guard_enter(g);  lua_pcall(L, …);  if (mcr_guard_leave(g)) …  it was stopped
//
// Between enter and leave any number of hooks may run one after the other: what the guard counts is
// how long run.gen has stayed the same, which drivers raise for each. Entering costs no system call
// but the one that wakes the guard when it sleeps, which it does while nothing runs.
//
// A hook is told to stop in such a way that it cannot go on: every instruction raises an error, in
// compiled code, in coroutines and inside pcall, until leave. Time in which the guard itself was
// not run (the machine was asleep, the process stopped) does not count.
//
// Under ThreadSanitizer, which keeps signals from Lua code, nothing is ever stopped.

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "script/cut_off.h"
#include "script/script_abi.h"
#include "script/slow.h"
#include "script/stop_trace.h"

typedef struct mcr_guarded mcr_guarded;

// The shortest time after which the process aborts, since a hook cannot be stopped at all.
#define MCR_GUARD_GRACE_NS (1000 * INT64_C(1000000))

// mcr_guard_new puts `L` under guard; mcr_stop_prepare (script/stop.h) must be called for it, too.
// `run` must outlive it, and is read by the guard while something runs. The first call starts the
// thread, and tries on a state of its own whether compiled code can be stopped with this LuaJIT;
// when it cannot, a warning says that scripts are not compiled from now on. Slow hooks are logged
// with `namer` (copied; NULL: they are not; script/slow.h). Any thread.
mcr_guarded *mcr_guard_new(lua_State *L, mcr_run *run, const mcr_slow_namer *namer);

// mcr_guard_free ends the guard of a state that nothing runs in.
void mcr_guard_free(mcr_guarded *g);

// mcr_guard_set_exit says where to go when a hook cannot be stopped otherwise (script/cut_off.h),
// from the next enter on; NULL: nowhere. After the jump: mcr_guard_leave, then the state is lost.
void mcr_guard_set_exit(mcr_guarded *g, mcr_exit *exit);

// mcr_guard_enter: what runs now on this thread may take run.deadline ns, counted anew when
// run.gen changes. The signal is let in on this thread. Not within another enter on it.
void mcr_guard_enter(mcr_guarded *g);

// mcr_guard_leave ends that. True: a hook was stopped; what it was doing is mcr_guard_trace.
bool mcr_guard_leave(mcr_guarded *g);

// mcr_guard_take tells the same from within, after a driver has raised run.gen again, and forgets
// it: the next hook of the same entry starts afresh.
bool mcr_guard_take(mcr_guarded *g);

// mcr_guard_is_inside: between enter and leave. Any thread, also in a signal handler.
bool mcr_guard_is_inside(const mcr_guarded *g);

// mcr_guard_trace is where the hook stopped last was; all empty when there was no memory to find
// out. Valid until the next enter.
const mcr_stop_trace *mcr_guard_trace(const mcr_guarded *g);
