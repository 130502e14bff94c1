#include "script/stop.h"

#include <lauxlib.h>
#include <luajit.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/time.h>

#include "base/log.h"

enum {
    SEARCHED = 4096,      // bytes from the state in which the mask is looked for
    LEAVES_TRACES = 0x80, // the bit of the mask that compiled code tests
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_int mode;
static ptrdiff_t mask_at; // from a state to its hook mask

static void no_hook(lua_State *L, lua_Debug *ar)
{
    (void)L, (void)ar;
}

static void no_sample(void *arg, lua_State *L, int samples, int vmstate)
{
    (void)arg, (void)L, (void)samples, (void)vmstate;
}

// The one byte behind `L` that is what lua_sethook was given; 0 when that is not one.
static ptrdiff_t find_mask(lua_State *L)
{
    static const int masks[] = { 1, 2, 4, 8, 5, 10, 15, 3, 0 };
    const volatile unsigned char *bytes = (const volatile unsigned char *)L;
    unsigned char may_be[SEARCHED];
    for (size_t i = 0; i < SEARCHED; i++)
        may_be[i] = 1;
    for (size_t m = 0; m < sizeof masks / sizeof *masks; m++) {
        lua_sethook(L, masks[m] ? no_hook : NULL, masks[m], 1000000);
        for (size_t i = 0; i < SEARCHED; i++)
            may_be[i] &= bytes[i] == masks[m];
    }
    lua_sethook(L, NULL, 0, 0);
    ptrdiff_t found = 0;
    for (ptrdiff_t i = 1; i < SEARCHED; i++) {
        if (!may_be[i])
            continue;
        if (found)
            return 0;
        found = i;
    }
    return found;
}

// LuaJIT has one profiler, and only its owner may stop it: a state that does nothing else owns it.
static void own_profiler(lua_State *owner)
{
    struct sigaction before;
    sigaction(SIGPROF, NULL, &before);
    luaJIT_profile_start(owner, "i1000000", no_sample, NULL);
    const struct itimerval never = { .it_value = { 0 } };
    setitimer(ITIMER_PROF, &never, NULL);
    sigaction(SIGPROF, &before, NULL);
}

static void find_out(void)
{
    lua_State *L = luaL_newstate(); // stays for as long as the program
    mask_at = L ? find_mask(L) : 0;
    if (!mask_at) {
        mcr_stop_give_up();
        return;
    }
    own_profiler(L);
}

mcr_stop_mode mcr_stop_mode_now(void)
{
    pthread_once(&once, find_out);
    return (mcr_stop_mode)atomic_load(&mode);
}

void mcr_stop_give_up(void)
{
    atomic_store(&mode, MCR_STOP_HOOK);
}

void mcr_stop_prepare(lua_State *L)
{
    if (mcr_stop_mode_now() == MCR_STOP_POLL)
        luaJIT_profile_start(L, "l", no_sample, NULL);
    else
        luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
}

static volatile unsigned char *mask_of(lua_State *L)
{
    return mask_at ? (volatile unsigned char *)L + mask_at : NULL;
}

void mcr_stop_arm(lua_State *L, lua_Hook hook)
{
    lua_sethook(L, hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
    // After the hook: setting it makes the interpreter look at the mask, and clear the bit.
    volatile unsigned char *mask = mask_of(L);
    if (mask)
        *mask |= LEAVES_TRACES;
}

void mcr_stop_disarm(lua_State *L)
{
    volatile unsigned char *mask = mask_of(L);
    if (mask)
        *mask &= (unsigned char)~LEAVES_TRACES;
    lua_sethook(L, NULL, 0, 0);
}
