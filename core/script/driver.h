#pragma once
// The C half of lua/mooncrier/driver.lua: calls filter, handle or route of one script over a batch.
// Internal to core/script.

#include "script/hook_calls.h"

typedef struct mcr_lua_driver {
    int batch; // registry: over run.slot[run.first … run.last)
    int timed; // … with api.lap after each
    int one;   // registry: for run.slot[run.first]
    mcr_hook *hook;
} mcr_lua_driver;

// mcr_lua_take_driver is the driver in the table on top of the stack, which it pops.
mcr_lua_driver mcr_lua_take_driver(mcr_lua *lua);

// mcr_lua_drive calls the driver over run.slot[first … last), all of them MCR_PASS when it is only
// one. An event whose hook fails, is stopped or may not be called goes the way of on_error, and the
// others on.
void mcr_lua_drive(mcr_lua *lua, const mcr_lua_driver *d, uint32_t first, uint32_t last);

// mcr_lua_drive_chain runs `n` drivers over slots [0, last): each event goes through all of them
// before the next one starts, so that what scripts see of each other does not depend on how events
// happen to be batched.
void mcr_lua_drive_chain(mcr_lua *lua, const mcr_lua_driver *chain, uint32_t n, uint32_t last);
