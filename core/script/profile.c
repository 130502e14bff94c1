#include "script/profile.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/lru.h"
#include "broadcast/host.h"
#include "correlate/keys.h"
#include "script/guard.h"
#include "script/own_calls.h"
#include "script/profile_stack.h"
#include "script/script_parts.h"
#include "script/stop.h"

#define PERIOD_NS 1000003 // not in step with what happens each millisecond

// A stack and how often it was seen.
typedef struct stack {
    char *text;
    uint64_t n;
} stack;

// The one profile. What is not atomic belongs to the thread of its state, or, once that has gone,
// to whoever stops it.
static struct {
    atomic_bool taken; // from start to stop
    mcr_profile_kind kind;
    int64_t began, ns;
    const char *ended;
    mcr_buf jit;
    // Of stacks.
    timer_t timer;
    mcr_stop_trigger *trigger;
    const void *registry; // that of the state
    mcr_buf text;
    mcr_lru *places; // the text of a stack → its place in `stacks`
    stack *stacks;
    uint32_t n;
    uint64_t samples, others;
    // The signal handler's, too.
    _Atomic(mcr_lua *) lua; // NULL: there is none, or it has ended
    atomic_int tid;
    atomic_int handling;
    _Atomic uint64_t outside;
} the;

static pthread_once_t once = PTHREAD_ONCE_INIT;

//
// Samples
//

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(&the.handling, 1);
    const mcr_lua *lua = atomic_load(&the.lua);
    if (lua && (int)syscall(SYS_gettid) == atomic_load(&the.tid)) {
        if (!lua->guarded || mcr_guard_is_inside(lua->guarded))
            the.trigger(SIGPROF);
        else
            atomic_fetch_add_explicit(&the.outside, 1, memory_order_relaxed);
    }
    atomic_fetch_sub(&the.handling, 1);
}

static void install(void)
{
    // A handler for ever: a signal of a timer that is no more may still be on its way.
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    sigfillset(&action.sa_mask);
    sigaction(MCR_PROFILE_SIGNAL, &action, NULL);
}

static void note(mcr_str text, uint64_t n)
{
    const mcr_key key = mcr_key_of(text, 0, NULL);
    the.samples += n;
    uint32_t *place = mcr_lru_get(the.places, text, key.hash);
    if (place) {
        the.stacks[*place].n += n;
        return;
    }
    if (the.n == MCR_PROFILE_STACKS_MAX) {
        the.others += n;
        return;
    }
    bool is_new;
    place = mcr_lru_put(the.places, text, key.hash, &is_new);
    *place = the.n;
    the.stacks[the.n++] = (stack){ mcr_strndup(text.ptr, text.len), n };
}

// LuaJIT calls this between two instructions of any state (script/stop.h).
static void on_sample(void *arg, lua_State *L, int samples, int vmstate)
{
    (void)arg;
    const mcr_lua *lua = atomic_load(&the.lua);
    if (!lua || samples <= 0 || (int)syscall(SYS_gettid) != atomic_load(&the.tid) ||
        lua_topointer(L, LUA_REGISTRYINDEX) != the.registry)
        return;
    mcr_own_calls_begin();
    the.text.len = 0;
    mcr_profile_stack_write(&the.text, L, vmstate,
                            lua->batch_hook ? lua->batch_hook : lua->tick_hook);
    note(mcr_buf_str(&the.text), (uint64_t)samples);
    mcr_own_calls_end();
}

//
// Start and end
//

static void let_signal(bool in)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, MCR_PROFILE_SIGNAL);
    pthread_sigmask(in ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

static int start_stacks(lua_State *L)
{
    the.trigger = mcr_stop_lend_profiler(L, on_sample);
    return 0;
}

static void push_report(lua_State *L, const char *function)
{
    lua_getglobal(L, "require");                // require
    lua_pushliteral(L, "mooncrier.jit_report"); // require name
    if (!mcr_lua_pcall(L, 1, 1, false))         // report or message
        lua_error(L);
    lua_getfield(L, -1, function); // report function
    lua_remove(L, -2);             // function
}

static int start_jit(lua_State *L)
{
    mcr_stop_lend_events(L);
    push_report(L, "start");            // start
    if (!mcr_lua_pcall(L, 0, 0, false)) // [message]
        lua_error(L);
    return 0;
}

static int stop_jit(lua_State *L)
{
    push_report(L, "stop");             // stop
    if (!mcr_lua_pcall(L, 0, 1, false)) // json or message
        lua_error(L);
    size_t len;
    const char *json = lua_tolstring(L, -1, &len);
    mcr_buf_append(&the.jit, json, len);
    return 0;
}

static int prepare(lua_State *L)
{
    mcr_stop_prepare(L);
    return 0;
}

static mcr_err call(lua_State *L, lua_CFunction function, mcr_errbuf *err)
{
    lua_pushcfunction(L, function);    // function
    if (mcr_lua_pcall(L, 0, 0, false)) // [message]
        return MCR_OK;
    mcr_errf(err, MCR_ESCRIPT, "LuaJIT refuses: %s", lua_tostring(L, -1));
    lua_pop(L, 1); //
    return MCR_ESCRIPT;
}

static mcr_err start_timer(mcr_errbuf *err)
{
    struct sigevent to = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = MCR_PROFILE_SIGNAL };
    to._sigev_un._tid = atomic_load(&the.tid);
    if (timer_create(CLOCK_MONOTONIC, &to, &the.timer) != 0)
        return mcr_errf(err, MCR_EIO, "the system gives no timer to take samples by");
    const struct itimerspec each = { { 0, PERIOD_NS }, { 0, PERIOD_NS } };
    timer_settime(the.timer, 0, &each, NULL);
    return MCR_OK;
}

static mcr_err take_stacks(mcr_lua *lua, mcr_errbuf *err)
{
    pthread_once(&once, install);
    the.places = mcr_lru_new(MCR_PROFILE_STACKS_MAX, sizeof(uint32_t), NULL);
    the.stacks = mcr_zalloc(MCR_PROFILE_STACKS_MAX * sizeof *the.stacks);
    the.registry = lua_topointer(lua->L, LUA_REGISTRYINDEX);
    mcr_err code = call(lua->L, start_stacks, err);
    if (code)
        return code;
    code = start_timer(err);
    if (code) {
        mcr_stop_take_profiler(lua->L, false);
        return code;
    }
    atomic_store(&the.lua, lua);
    let_signal(true);
    return MCR_OK;
}

static void forget(void)
{
    for (uint32_t i = 0; i < the.n; i++)
        free(the.stacks[i].text);
    free(the.stacks);
    mcr_lru_free(the.places);
    mcr_buf_fini(&the.text);
    mcr_buf_fini(&the.jit);
    the.stacks = NULL;
    the.places = NULL;
    the.n = 0;
    the.samples = the.others = 0;
    the.ended = NULL;
    atomic_store(&the.outside, 0);
}

mcr_err mcr_profile_start(mcr_scripts *s, mcr_profile_kind kind, mcr_errbuf *err)
{
    mcr_lua *lua = &s->lua;
    mcr_errbuf why;
    if (lua->lost)
        return mcr_errf(err, MCR_ESCRIPT, "the scripts could not be loaded anew");
    if (atomic_exchange(&the.taken, true))
        return mcr_errf(err, MCR_EINVAL, "a profile is being taken; there is one at a time");
    the.kind = kind;
    the.began = mcr_clock_monotonic();
    the.ns = 0;
    atomic_store(&the.tid, (int)syscall(SYS_gettid));
    mcr_err code;
    if (kind == MCR_PROFILE_STACKS)
        code = take_stacks(lua, err);
    else if (!(code = call(lua->L, start_jit, err)))
        atomic_store(&the.lua, lua);
    if (!code)
        return MCR_OK;
    call(lua->L, prepare, &why);
    forget();
    atomic_store(&the.taken, false);
    return code;
}

// The state is left as it was, but for being prepared.
static void end(mcr_lua *lua, bool lost)
{
    the.ns = mcr_clock_monotonic() - the.began;
    atomic_store(&the.lua, NULL);
    mcr_errbuf why;
    if (the.kind == MCR_PROFILE_JIT) {
        if (!lost && call(lua->L, stop_jit, &why))
            the.ended = "LuaJIT had no memory for the report";
        return;
    }
    timer_delete(the.timer);
    if (atomic_load(&the.tid) == (int)syscall(SYS_gettid))
        let_signal(false);
    while (atomic_load(&the.handling)) // on its thread; it is short
        sched_yield();
    mcr_stop_take_profiler(lua->L, lost);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const stack *)a)->text, ((const stack *)b)->text);
}

static void give(mcr_profile_result *out)
{
    *out = (mcr_profile_result){ .ns = the.ns,
                                 .samples = the.samples,
                                 .outside = atomic_load(&the.outside),
                                 .jit = the.jit,
                                 .ended = the.ended };
    the.jit = (mcr_buf){ 0 };
    if (the.n)
        qsort(the.stacks, the.n, sizeof *the.stacks, by_text);
    for (uint32_t i = 0; i < the.n; i++)
        mcr_buf_printf(&out->stacks, "%s %llu\n", the.stacks[i].text,
                       (unsigned long long)the.stacks[i].n);
    if (the.others)
        mcr_buf_printf(&out->stacks, "(other stacks) %llu\n", (unsigned long long)the.others);
}

bool mcr_profile_has_ended(void)
{
    return atomic_load(&the.taken) && !atomic_load(&the.lua);
}

void mcr_profile_stop(mcr_profile_result *out)
{
    *out = (mcr_profile_result){ 0 };
    if (!atomic_load(&the.taken))
        return;
    mcr_lua *lua = atomic_load(&the.lua);
    mcr_errbuf why;
    if (lua) {
        end(lua, false);
        // Out of memory for a table or two: the poll is there by now, at every line.
        if (call(lua->L, prepare, &why))
            mcr_log(MCR_LOG_WARN, "after a profile: %s", why.text);
    }
    give(out);
    forget();
    atomic_store(&the.taken, false);
}

void mcr_profile_result_fini(mcr_profile_result *result)
{
    mcr_buf_fini(&result->stacks);
    mcr_buf_fini(&result->jit);
}

void mcr_lua_leave_profile(mcr_lua *s, bool lost)
{
    if (atomic_load(&the.lua) != s)
        return;
    the.ended = lost ? "a hook had to be cut off, and the scripts started anew"
                     : "the scripts were loaded anew, or the watcher ended";
    end(s, lost);
}
