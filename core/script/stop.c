#include "script/stop.h"

#include <lauxlib.h>
#include <luajit.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>

#include "script/state.h"

enum {
    SEARCHED = 8192,      // bytes from the state in which the mask is looked for
    LEAVES_TRACES = 0x80, // the bit of the mask that compiled code tests
    COLLECTS = 0x40,      // … that is set while garbage is collected
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_int mode;
static ptrdiff_t mask_at; // from a state to its hook mask
static ptrdiff_t mode_at; // from a state to the profiler's mode; 0: not known

// LuaJIT's one profiler: who starts it when nobody has it would become its owner.
static pthread_mutex_t profiler = PTHREAD_MUTEX_INITIALIZER;
static lua_State *owner; // has it when nobody else does; does nothing else

static void no_hook(lua_State *L, lua_Debug *ar)
{
    (void)L, (void)ar;
}

static void no_sample(void *arg, lua_State *L, int samples, int vmstate)
{
    (void)arg, (void)L, (void)samples, (void)vmstate;
}

// The one place behind `L` where `may_be` is set; 0 when that is not one.
static ptrdiff_t the_only(const unsigned char *may_be, ptrdiff_t n)
{
    ptrdiff_t found = 0;
    for (ptrdiff_t i = 1; i < n; i++) {
        if (!may_be[i])
            continue;
        if (found)
            return 0;
        found = i;
    }
    return found;
}

// The byte behind `L` that is what lua_sethook was given.
static ptrdiff_t find_mask(lua_State *L)
{
    static const int masks[] = { 1, 2, 4, 8, 5, 10, 15, 3, 0 };
    const volatile unsigned char *bytes = (const volatile unsigned char *)L;
    unsigned char may_be[SEARCHED];
    memset(may_be, 1, sizeof may_be);
    for (size_t m = 0; m < sizeof masks / sizeof *masks; m++) {
        lua_sethook(L, masks[m] ? no_hook : NULL, masks[m], 1000000);
        for (size_t i = 0; i < SEARCHED; i++)
            may_be[i] &= bytes[i] == masks[m];
    }
    lua_sethook(L, NULL, 0, 0);
    return the_only(may_be, SEARCHED);
}

// The int behind `L` that is the letter luaJIT_profile_start was given.
static ptrdiff_t find_mode(lua_State *L)
{
    static const char *const modes[] = { "l", "f", "l", "f" };
    const volatile int *ints = (const volatile int *)(const volatile void *)L;
    unsigned char may_be[SEARCHED / sizeof(int)];
    memset(may_be, 1, sizeof may_be);
    for (size_t m = 0; m < sizeof modes / sizeof *modes; m++) {
        luaJIT_profile_start(L, modes[m], no_sample, NULL);
        for (size_t i = 0; i < sizeof may_be; i++)
            may_be[i] &= ints[i] == modes[m][0];
    }
    return the_only(may_be, sizeof may_be) * (ptrdiff_t)sizeof(int);
}

// Makes `L` the owner of the profiler, which nobody has, without the timer that comes with it; what
// the timer would call.
static mcr_stop_trigger *own_profiler(lua_State *L, const char *how, luaJIT_profile_callback sample)
{
    struct sigaction before, its;
    sigaction(SIGPROF, NULL, &before);
    luaJIT_profile_start(L, how, sample, NULL);
    const struct itimerval never = { .it_value = { 0 } };
    setitimer(ITIMER_PROF, &never, NULL);
    sigaction(SIGPROF, &before, &its);
    return its.sa_handler;
}

static void find_out(void)
{
    lua_State *L = luaL_newstate(); // stays for as long as the program
    mask_at = L ? find_mask(L) : 0;
    if (!mask_at) {
        atomic_store(&mode, MCR_STOP_HOOK);
        return;
    }
    owner = L;
    own_profiler(L, "i1000000", no_sample);
    lua_State *other = luaL_newstate();
    if (!other)
        return;
    mode_at = find_mode(other);
    if (mode_at)
        atomic_store(&mode, MCR_STOP_POLL_ONCE);
    lua_close(other);
}

mcr_stop_mode mcr_stop_mode_now(void)
{
    pthread_once(&once, find_out);
    return (mcr_stop_mode)atomic_load(&mode);
}

void mcr_stop_give_up(void)
{
    int now = atomic_load(&mode);
    atomic_store(&mode, now == MCR_STOP_POLL_ONCE ? MCR_STOP_POLL : MCR_STOP_HOOK);
}

// jit.attach's "record": the compiler is about to record an instruction. The line of the one before
// stands in front of the profiler's mode; it is -1 when a trace begins. (Its event "trace" would
// say so, too, but LuaJIT does not survive that one where the stack of a script ends.)
static int on_record(lua_State *L)
{
    volatile int *at = lua_touserdata(L, lua_upvalueindex(1));
    at[0] = at[-1] == -1 ? 'l' : 0;
    return 0;
}

// Where the registry keeps on_record.
static const char record_key;

static void push_attach(lua_State *L)
{
    lua_getglobal(L, "jit");       // jit
    lua_getfield(L, -1, "attach"); // jit attach
    lua_remove(L, -2);             // attach
}

// In mode "l" the compiler polls at every new line and every function entered or left. Once in a
// trace is enough, since what can run for ever comes by the beginning of one for ever: the poll is
// left in its first instruction alone. Without this a small handler takes a fifth longer.
static void poll_once(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&record_key); // key
    lua_pushlightuserdata(L, (char *)L + mode_at); // key at
    lua_pushcclosure(L, on_record, 1);             // key call
    push_attach(L);                                // key call attach
    lua_pushvalue(L, -2);                          // key call attach call
    lua_pushliteral(L, "record");                  // key call attach call event
    if (!mcr_lua_pcall(L, 2, 0, false))            // key call [message]
        lua_error(L);
    lua_rawset(L, LUA_REGISTRYINDEX); //
}

// Polls everywhere from now on.
static void poll_at_lines(lua_State *L)
{
    push_attach(L);                                // attach
    lua_pushlightuserdata(L, (void *)&record_key); // attach key
    lua_rawget(L, LUA_REGISTRYINDEX);              // attach call or nil
    if (!lua_isfunction(L, -1))
        lua_pop(L, 2);                       //
    else if (!mcr_lua_pcall(L, 1, 0, false)) // [message]
        lua_error(L);
}

void mcr_stop_prepare(lua_State *L)
{
    if (mcr_stop_mode_now() == MCR_STOP_HOOK) {
        luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
        return;
    }
    pthread_mutex_lock(&profiler);
    luaJIT_profile_start(L, "l", no_sample, NULL);
    pthread_mutex_unlock(&profiler);
    if (mcr_stop_mode_now() == MCR_STOP_POLL_ONCE)
        poll_once(L);
}

void mcr_stop_lend_events(lua_State *L)
{
    poll_at_lines(L);
    pthread_mutex_lock(&profiler);
    luaJIT_profile_start(L, "l", no_sample, NULL);
    pthread_mutex_unlock(&profiler);
}

mcr_stop_trigger *mcr_stop_lend_profiler(lua_State *L, luaJIT_profile_callback sample)
{
    poll_at_lines(L);
    pthread_mutex_lock(&profiler);
    if (owner)
        luaJIT_profile_stop(owner);
    mcr_stop_trigger *trigger = own_profiler(L, "li1000000", sample);
    pthread_mutex_unlock(&profiler);
    return trigger;
}

void mcr_stop_take_profiler(lua_State *L, bool lost)
{
    pthread_mutex_lock(&profiler);
    // Stopping forgets what was compiled, which a state that is in no order would not survive;
    // while garbage is collected LuaJIT leaves that out.
    if (lost && mask_at)
        *((volatile unsigned char *)L + mask_at) |= COLLECTS;
    luaJIT_profile_stop(L);
    if (owner)
        own_profiler(owner, "i1000000", no_sample);
    pthread_mutex_unlock(&profiler);
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
