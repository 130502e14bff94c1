#include "script/own_calls.h"

#include <signal.h>

// This file is compiled with -fexceptions: LuaJIT raises errors by unwinding C functions, which
// runs the clean-up below.

static _Thread_local volatile sig_atomic_t calls;

int mcr_own_calls(void)
{
    return calls;
}

void mcr_own_calls_begin(void)
{
    calls++;
}

void mcr_own_calls_end(void)
{
    calls--;
}

static void leave(const int *unused)
{
    (void)unused;
    calls--;
}

static int count(lua_State *L)
{
    __attribute__((cleanup(leave))) const int at_the_end = ++calls;
    (void)at_the_end;
    return ((lua_CFunction)lua_touserdata(L, lua_upvalueindex(1)))(L);
}

void mcr_own_calls_wrap(lua_State *L)
{
    lua_pushnil(L);                // table nil
    while (lua_next(L, -2) != 0) { // table name value
        lua_CFunction call = lua_tocfunction(L, -1);
        lua_pop(L, 1); // table name
        if (!call)
            continue;
        lua_pushvalue(L, -1);                   // table name name
        lua_pushlightuserdata(L, (void *)call); // table name name call
        lua_pushcclosure(L, count, 1);          // table name name counted
        lua_rawset(L, -4);                      // table name
    }
}
