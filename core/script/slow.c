#include "script/slow.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

enum {
    ASKED_MOST = 5 // times; LuaJIT may forget one
};

void mcr_slow_init(mcr_slow *s)
{
    atomic_init(&s->asked, NAN);
    atomic_init(&s->answered, false);
}

// The CPU time of the thread, by Linux's way to name its clock; 0 when it is gone.
static int64_t cpu_time_of(int tid)
{
    const unsigned per_thread = 4, scheduled = 2;
    clockid_t clock = (clockid_t)(~(unsigned)tid << 3 | per_thread | scheduled);
    struct timespec now;
    if (clock_gettime(clock, &now) != 0)
        return 0;
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void mcr_slow_begin(mcr_slow *s, int tid)
{
    if (!s->namer.name)
        return;
    s->cpu_since = cpu_time_of(tid);
    s->is_slow = false;
    s->asked_n = 0;
}

static int64_t at_least(int64_t ns)
{
    return ns > MCR_SLOW_LEAST_NS ? ns : MCR_SLOW_LEAST_NS;
}

bool mcr_slow_look(mcr_slow *s, double gen, int64_t ns, int64_t deadline, int tid)
{
    if (!s->namer.name)
        return false;
    int64_t computing = at_least(deadline / 10);
    if (!s->is_slow) {
        if (ns < computing)
            return false;
        s->is_slow = ns >= at_least(deadline / 2) || cpu_time_of(tid) - s->cpu_since >= computing;
        if (!s->is_slow)
            return false;
        s->hook[0] = s->event[0] = s->place[0] = '\0';
        atomic_store(&s->answered, false);
        atomic_store(&s->asked, gen);
    }
    return !atomic_load(&s->answered) && s->asked_n++ < ASKED_MOST;
}

// The innermost function of a script; false: there is none.
static bool find_place(lua_State *L, char *out, size_t size)
{
    lua_Debug at;
    for (int level = 0; lua_getstack(L, level, &at); level++) {
        if (!lua_getinfo(L, "Sl", &at) || at.currentline < 0 ||
            strncmp(at.source, "=mooncrier/", 11) == 0 || strncmp(at.source, "=event:", 7) == 0)
            continue;
        // Down at a driver ("=filter of x.lua"): none of a script is left.
        if (at.source[0] == '=' && strstr(at.source, " of "))
            return false;
        snprintf(out, size, "%s:%d", at.short_src, at.currentline);
        return true;
    }
    return false;
}

void mcr_slow_answer(mcr_slow *s, lua_State *L, lua_State *main_state)
{
    if (!find_place(L, s->place, sizeof s->place) && L != main_state)
        find_place(main_state, s->place, sizeof s->place);
    s->namer.name(s->namer.self, s->hook, s->event);
    atomic_store(&s->asked, NAN);
    atomic_store(&s->answered, true);
}

void mcr_slow_end(mcr_slow *s, int64_t ns, int64_t deadline, bool stopped)
{
    if (!s->is_slow)
        return;
    s->is_slow = false;
    atomic_store(&s->asked, NAN);
    if (stopped)
        return;
    // What was not answered in time is not known: loading, init, a function of the library.
    bool answered = atomic_load(&s->answered);
    const char *hook = answered && s->hook[0] ? s->hook : "a script";
    const char *event = answered ? s->event : "", *place = answered ? s->place : "";
    char cause[MCR_SLOW_NAME + 256];
    snprintf(cause, sizeof cause, "slow %s %s %s", s->namer.watcher, hook, place);
    mcr_log_cause_once_a_minute(MCR_LOG_WARN, cause,
                                "watcher '%s': %s%s took %.3g s%s%s; it may take %g s",
                                s->namer.watcher, hook, event, (double)ns / 1e9,
                                *place ? ", for a while at " : "", place, (double)deadline / 1e9);
}
