#pragma once
// One Lua state with the script layer in it: what the C functions that Lua calls work on. Made by
// mcr_scripts_new for the program, or by `require "mooncrier.core"` in a plain LuaJIT.

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "event/decode.h"
#include "script/arena.h"
#include "script/hook_cost.h"
#include "script/hook_observer.h"
#include "script/patch.h"
#include "script/pins.h"
#include "script/script.h"
#include "script/script_abi.h"

#ifndef LUA_VERSION_NUM
#error "lua.h has no version"
#elif LUA_VERSION_NUM != 501
#error "mooncrier needs LuaJIT (Lua 5.1)"
#endif

enum {
    MCR_MAX_EMITTED = 1024, // emit(event, "sink") between two steps
    MCR_MAX_SCOPED = 64     // events of one hook's making that need no garbage collection
};

typedef struct mcr_lua {
    mcr_run run; // the command block shared with Lua; first, so that Lua's pointer leads here
    lua_State *L;
    mcr_decoder *decoder;
    mcr_buf text;   // JSON on its way in
    mcr_buf text_b; // … and a second one, while the first is in use
    mcr_buf json;   // what json.encode writes
    mcr_buf keys;   // mcr_str of the tables it is in
    mcr_patch patch;
    mcr_errbuf why;                    // of the last patch_apply that failed
    mcr_pins pins;                     // what views and run.made hold
    mcr_event *scoped[MCR_MAX_SCOPED]; // made by the current hook; run.scoped of them

    int64_t now_ns;
    int64_t last_name_ns; // of the last generated event name

    // From mcr_script_options; constant while scripts run.
    char *watcher;
    char *scripts_dir;
    mcr_clock clock;
    mcr_shared *shared;
    mcr_shared *own_shared; // the same when it is ours to free
    mcr_dead_letters *dead;
    mcr_on_error on_error;
    mcr_broadcaster *broadcaster;
    mcr_file_set *files; // what was read; NULL: nothing is remembered
    const mcr_watch *watch;
    uint64_t all_sinks;
    uint64_t unrouted; // where events go that route says nothing of
    uint64_t fallback; // where events go whose route failed or named no sink that there is

    mcr_arena *arena;  // the state's memory; NULL: Lua's own, without a limit (script/memory.h)
    size_t relieve_at; // bytes in use from which on garbage is collected early
    bool spent;        // nearly full after everything was collected
    char failure[64];

    mcr_script_counts counts;
    bool is_shadow; // what scripts cause is left out (script/shadow.h)
    struct {
        uint64_t emits;
        uint64_t shared_writes;
    } kept_back;                 // … and counted
    struct mcr_guarded *guarded; // NULL: nothing is ever stopped
    // Makes the Lua state anew, with its scripts in it, after what was in it was cut off. Leaves an
    // empty stack, and `lost` set when the scripts could not be loaded.
    void (*renew)(struct mcr_lua *st);
    bool lost;               // the state is without its scripts: hooks cannot be called
    int64_t deadline;        // ns, of the hooks of scripts loaded from now on
    struct mcr_hook **hooks; // all that were ever loaded (hook_calls.h)
    size_t hooks_n;
    struct mcr_hook *batch_hook;  // what a driver is calling over a batch; NULL: none
    mcr_hook_observer observer;   // who is told what hooks do (script/observed.h)
    mcr_buf observed_why;         // of the hook at work: the reason or error it gave
    bool observed_failure;        // … it failed
    struct mcr_hook *entry_hook;  // what is called for one event of its own; NULL: nothing is
    uint32_t batch_next;          // the slot after the last that it failed on
    struct mcr_hook *tick_hook;   // the tick that runs; NULL: none
    mcr_hook_cost_mark tick_mark; // … when it began
    // Deliveries of their own that wait for next_direct: direct[direct_first … direct_n). Those of
    // route are bounded by the batch and the sinks, those of emit by MCR_MAX_EMITTED.
    mcr_direct *direct;
    uint32_t direct_first;
    uint32_t direct_n;
    uint32_t direct_cap;
    uint32_t emitted_n;                 // of them, by emit
    uint32_t emitted_to[MCR_MAX_SINKS]; // … by sink
    mcr_room_hook room;
    mcr_buf refusals[MCR_BATCH]; // by slot: why it was refused, as long as its outcome is that
} mcr_lua;

// mcr_lua_init prepares everything but `L`.
void mcr_lua_init(mcr_lua *s, const mcr_script_options *options);

// mcr_lua_fini releases what mcr_lua_init made and the undelivered directs; the Lua state must be
// closed already (views that hold events are finalised by it).
void mcr_lua_fini(mcr_lua *s);

// mcr_lua_set_now sets the time that scripts see.
void mcr_lua_set_now(mcr_lua *s, int64_t unix_ns);

// mcr_lua_leave_profile: the state is about to go, and a profile of it ends (script/profile.h).
// `lost`: it is in no order. On any thread, while nothing runs in it.
void mcr_lua_leave_profile(mcr_lua *s, bool lost);

// mcr_lua_made leaves the event in run.made, where the Lua half takes it.
void mcr_lua_made(mcr_lua *s, mcr_event *ev);

// mcr_lua_end_hook ends what a driver that did not come to its end has left: views and events of
// the hook's making.
void mcr_lua_end_hook(mcr_lua *s);

// mcr_lua_of finds the mcr_lua of a state.
mcr_lua *mcr_lua_of(lua_State *L);

// mcr_lua_bind ties `s` (which must outlive the state) to the Lua state.
void mcr_lua_bind(lua_State *L, mcr_lua *s);

// mcr_lua_bind_own makes an mcr_lua that the Lua state owns, for a plain LuaJIT.
mcr_lua *mcr_lua_bind_own(lua_State *L);

// luaopen_mooncrier_core is the module `mooncrier.core`: the C half of lua/mooncrier/*.lua.
__attribute__((visibility("default"))) int luaopen_mooncrier_core(lua_State *L);

// mcr_lua_pcall is the one protected call of the program: lua_pcall, with a traceback handler when
// `traced`. True: `results` values are on the stack in place of function and arguments. False: one
// string is, the message with its traceback.
bool mcr_lua_pcall(lua_State *L, int args, int results, bool traced);

// mcr_lua_raise raises the message on top of the stack, with "file:line: " of the Lua function that
// called the running C function before it. Never returns.
int mcr_lua_raise(lua_State *L);
