#pragma once
// A profile of what the scripts of one Lua state do, by LuaJIT's own profiler (of which a process
// has one: there is one profile at a time), or of what LuaJIT cannot compile of them.
//
//     mcr_profile_start(scripts, MCR_PROFILE_STACKS, &err);     … on the thread that drives them,
//     mcr_profile_stop(&result);                                between two calls, as this
//     mcr_profile_result_fini(&result);
//
// Stacks are sampled each millisecond: a signal to the thread (MCR_PROFILE_SIGNAL) has LuaJIT call
// back before the next instruction. A line of `stacks` is one stack, from the outside in, with how
// many samples it had (what flame graph programs call folded):
//
//     handle of a.lua;classify a.lua:3;a.lua:7;gmatch (C);[c] 42
//
// First the hook; functions with where they begin; the line; functions in C that it was in; and
// what the machine did: [jit] compiled code, [interpreter], [c] a function in C, [gc] collecting
// garbage, [compiler]. Compiled code is sampled at line ends.
//
// While profiled, a state polls at every line instead of once in a trace, and is compiled anew at
// the beginning and at the end: hooks take somewhat longer. Deadlines hold meanwhile and after.
//
// A profile ends by itself when its state does (a reload, or a hook that had to be cut off): the
// result says so, and has what was found until then.

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "script/script.h"

typedef enum mcr_profile_kind {
    MCR_PROFILE_STACKS,
    MCR_PROFILE_JIT
} mcr_profile_kind;

enum {
    MCR_PROFILE_STACKS_MAX = 16384 // different ones; more are counted together
};

typedef struct mcr_profile_result {
    int64_t ns;        // how long it was profiled
    uint64_t samples;  // in the stacks
    uint64_t outside;  // taken while none of its hooks ran
    mcr_buf stacks;    // of MCR_PROFILE_STACKS: lines
    mcr_buf jit;       // of MCR_PROFILE_JIT: a JSON list (lua/mooncrier/jit_report.lua)
    const char *ended; // why it ended before it was stopped; NULL: it did not
} mcr_profile_result;

// mcr_profile_start begins one. MCR_EINVAL when there is one already, MCR_ESCRIPT when LuaJIT
// refuses, with a sentence.
mcr_err mcr_profile_start(mcr_scripts *s, mcr_profile_kind kind, mcr_errbuf *err);

// mcr_profile_has_ended: it has ended by itself, and waits to be stopped. Any thread.
bool mcr_profile_has_ended(void);

// mcr_profile_stop ends it, if it has not ended by itself, and gives what was found; the state is
// guarded as before. Without one the result is empty.
void mcr_profile_stop(mcr_profile_result *out);

void mcr_profile_result_fini(mcr_profile_result *result);
