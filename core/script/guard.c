#include "script/guard.h"

#include <errno.h>
#include <lauxlib.h>
#include <linux/membarrier.h>
#include <lualib.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/park.h"
#include "broadcast/host.h"
#include "script/cut_off.h"
#include "script/state.h"
#include "script/stop.h"

#define TICK_NS   (2 * INT64_C(1000000)) // between two looks while something runs …
#define LAZY_NS   (5 * INT64_C(1000000)) // … that may take long (a look costs some 20 µs in all)
#define LINGER_NS (20 * INT64_C(1000000)) // it stays awake so long when nothing runs any more
#define RETRY_NS  (1 * INT64_C(1000000))  // between two signals
#define NAP_NS    (50 * INT64_C(1000000)) // asleep, when nothing tells for sure
#define ASLEEP_NS (50 * INT64_C(1000000)) // later than this, the guard was kept from running

// CPU time of a thread that does not stop: before it is cut off, and before the process gives up.
#define CUT_OFF_NS (20 * INT64_C(1000000))
#define GIVE_UP_NS (300 * INT64_C(1000000))

// ThreadSanitizer hands signals on only where its own code is called, which a loop in Lua does not.
#if defined(__SANITIZE_THREAD__)
static const bool can_stop = false;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
static const bool can_stop = false;
#else
static const bool can_stop = true;
#endif
#else
static const bool can_stop = true;
#endif

struct mcr_guarded {
    lua_State *L;
    mcr_run *run;

    // Written by the thread that runs hooks, read by the guard.
    atomic_bool inside;
    atomic_bool ran; // entered since the guard's last look
    atomic_int tid;

    // Written by the guard: the run.gen of the hook that is to stop.
    _Atomic double wanted;

    // The running thread's, in part from within a signal handler.
    volatile sig_atomic_t armed;
    bool told; // trace is of this stop
    mcr_stop_trace trace;
    bool on_trial;
    mcr_exit *exit;       // where to go when nothing else stops it; NULL: nowhere
    int64_t armed_at;     // CPU time of the thread when it was armed first
    atomic_bool heard;    // the last signal has been handled
    _Atomic int64_t used; // CPU time since it was armed

    mcr_slow slow;

    // The guard's, under lock.
    double seen;       // run.gen when it looked last; NAN: nothing ran
    int64_t since;     // monotonic ns: when it first saw that
    int64_t deadline;  // ns, of what it saw then
    int64_t signalled; // … when it signalled first; 0: not yet
};

static struct {
    pthread_once_t once;
    pthread_t thread;
    mcr_parker parker;
    atomic_bool asleep; // the next enter must wake it
    pthread_mutex_t lock;
    mcr_guarded **all; // under lock
    size_t n;
} guard = { .once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local mcr_guarded *current; // what this thread is inside of
static _Thread_local int own_tid;          // 0: the signal is not let in yet

static double gen_of(const mcr_guarded *g)
{
    double gen;
    __atomic_load(&g->run->gen, &gen, __ATOMIC_RELAXED);
    return gen;
}

static int64_t deadline_of(const mcr_guarded *g)
{
    double deadline;
    __atomic_load(&g->run->deadline, &deadline, __ATOMIC_RELAXED);
    return (int64_t)deadline;
}

// Whether what runs is a function of our own that must come to its end: it holds events, or has
// lists half changed. Those that only compute, perhaps for long, may be left anywhere.
static bool is_own(lua_State *L, lua_Debug *ar)
{
    static const char ours[] = "=mooncrier/";
    for (int level = 0; lua_getstack(L, level, ar) && lua_getinfo(L, "S", ar); level++) {
        if (ar->what[0] == 'C')
            continue; // the one that called it decides
        if (strncmp(ar->source, ours, sizeof ours - 1) != 0)
            return false;
        const char *name = ar->source + sizeof ours - 1;
        return strcmp(name, "match.lua") != 0 && strcmp(name, "template.lua") != 0;
    }
    return false;
}

// Called by Lua between two instructions.
static void stop(lua_State *L, lua_Debug *ar)
{
    mcr_guarded *g = current;
    if (!g || !g->armed || atomic_load_explicit(&g->wanted, memory_order_relaxed) != gen_of(g)) {
        if (g && mcr_slow_is_asked(&g->slow, gen_of(g)))
            mcr_slow_answer(&g->slow, L, g->L);
        if (g)
            g->armed = 0;
        mcr_stop_disarm(L); // the hook is over
        return;
    }
    if (is_own(L, ar))
        return;
    if (!g->told) {
        g->told = true;
        mcr_stop_trace_take(&g->trace, L, g->L);
    }
    lua_pushliteral(L, "deadline"); // message
    lua_error(L);
}

static int64_t cpu_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void on_signal(int number, siginfo_t *from, void *ucontext)
{
    (void)number, (void)from;
    mcr_guarded *g = current;
    if (!g)
        return;
    atomic_store_explicit(&g->heard, true, memory_order_relaxed);
    if (!atomic_load_explicit(&g->inside, memory_order_relaxed))
        return;
    if (atomic_load_explicit(&g->wanted, memory_order_relaxed) != gen_of(g)) {
        if (mcr_slow_is_asked(&g->slow, gen_of(g)))
            mcr_stop_arm(g->L, stop);
        return; // it has ended by itself
    }
    int64_t now = cpu_time();
    if (!g->armed)
        g->armed_at = now;
    g->armed = 1;
    mcr_stop_arm(g->L, stop);
    atomic_store_explicit(&g->used, now - g->armed_at, memory_order_relaxed);
    if (!g->exit || now - g->armed_at < CUT_OFF_NS)
        return;
    if (g->on_trial) // it holds nothing
        mcr_cut_off_anyhow(g->exit, ucontext);
    mcr_cut_off(g->exit, ucontext);
}

static _Noreturn void give_up(const mcr_guarded *g)
{
    mcr_log(MCR_LOG_ERROR,
            "a hook did not end within its deadline of %g s, nor within %g s of being told to: it "
            "is in a library function that cannot be left. The process aborts, since nothing else "
            "would end it",
            (double)deadline_of(g) / 1e9, (double)MCR_GUARD_GRACE_NS / 1e9);
    abort();
}

static void send_signal(const mcr_guarded *g)
{
    // Not pthread_kill: the thread may be gone by now, and nothing happens then.
    syscall(SYS_tgkill, getpid(), atomic_load(&g->tid), MCR_GUARD_SIGNAL);
}

static void signal_thread(mcr_guarded *g, double gen, int64_t now)
{
    if (!can_stop)
        return;
    if (!g->signalled) {
        g->signalled = now;
        atomic_store(&g->used, 0);
        atomic_store(&g->heard, true);
    }
    // A thread that gets no CPU, on a machine that is overloaded, has had no chance.
    if (now - g->signalled > MCR_GUARD_GRACE_NS && atomic_load(&g->used) > GIVE_UP_NS)
        give_up(g);
    atomic_store_explicit(&g->wanted, gen, memory_order_relaxed);
    // They queue: one at a time.
    if (atomic_exchange(&g->heard, false))
        send_signal(g);
}

// The hook that was seen last is over.
static void end_seen(mcr_guarded *g, int64_t now)
{
    if (!isnan(g->seen))
        mcr_slow_end(&g->slow, now - g->since, g->deadline, g->signalled != 0);
}

// Between two looks at a hook that may take `deadline`: what it may overrun by, besides.
static int64_t tick_of(int64_t deadline)
{
    int64_t tick = deadline / 200;
    tick = tick < TICK_NS ? TICK_NS : tick > LAZY_NS ? LAZY_NS : tick;
    return deadline / 4 < tick ? deadline / 4 : tick;
}

// What a look has found.
typedef struct finding {
    bool ran;     // something has run since the last look
    int64_t tick; // the least that any state wants, TICK_NS at least
} finding;

// Looks at one state; returns when to look again, INT64_MAX when nothing runs in it.
static int64_t look_at(mcr_guarded *g, int64_t now, finding *found)
{
    if (tick_of(g->deadline) < found->tick)
        found->tick = TICK_NS;
    if (atomic_load_explicit(&g->ran, memory_order_relaxed)) {
        atomic_store_explicit(&g->ran, false, memory_order_relaxed);
        found->ran = true;
    }
    if (!atomic_load(&g->inside)) {
        end_seen(g, now);
        g->seen = NAN;
        return INT64_MAX;
    }
    double gen = gen_of(g);
    int64_t deadline = deadline_of(g);
    if (gen != g->seen) {
        end_seen(g, now);
        g->seen = gen;
        g->since = now;
        g->deadline = deadline;
        g->signalled = 0;
        mcr_slow_begin(&g->slow, atomic_load(&g->tid));
    } else if (mcr_slow_look(&g->slow, gen, now - g->since, deadline, atomic_load(&g->tid)) &&
               can_stop) {
        send_signal(g);
    }
    int64_t due = g->since + deadline;
    if (now >= due) {
        signal_thread(g, gen, now);
        return now + RETRY_NS;
    }
    int64_t tick = tick_of(deadline);
    return due < now + tick ? due : now + tick;
}

static int64_t look_at_all(int64_t now, finding *found)
{
    int64_t next = INT64_MAX;
    *found = (finding){ .tick = LAZY_NS };
    pthread_mutex_lock(&guard.lock);
    for (size_t i = 0; i < guard.n; i++) {
        int64_t again = look_at(guard.all[i], now, found);
        next = again < next ? again : next;
    }
    pthread_mutex_unlock(&guard.lock);
    return next;
}

// The guard was kept from running for `ns`: so was, for all it knows, what it guards.
static void forgive(int64_t ns)
{
    pthread_mutex_lock(&guard.lock);
    for (size_t i = 0; i < guard.n; i++) {
        guard.all[i]->since += ns;
        guard.all[i]->signalled += guard.all[i]->signalled ? ns : 0;
    }
    pthread_mutex_unlock(&guard.lock);
}

static void *watch(void *arg)
{
    (void)arg;
    int64_t last_ran = 0;
    for (;;) {
        int64_t now = mcr_clock_monotonic();
        finding found;
        int64_t next = look_at_all(now, &found);
        if (found.ran)
            last_ran = now;
        // Going to sleep interrupts all other threads, and waking up costs the next to enter a
        // system call: not between two batches.
        if (next == INT64_MAX && now - last_ran < LINGER_NS)
            next = now + found.tick;
        if (next != INT64_MAX) {
            mcr_park(&guard.parker, next > now ? next - now : 1);
            int64_t late = mcr_clock_monotonic() - next;
            if (late > ASLEEP_NS)
                forgive(late);
            continue;
        }
        // An enter either sees `asleep`, or is seen by the second look. The fence that this takes
        // on both sides is put into the other threads from here, so that enter needs none; without
        // such a thing, an enter may be missed for as long as a nap.
        atomic_store(&guard.asleep, true);
        bool fenced = syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
        if (look_at_all(mcr_clock_monotonic(), &found) == INT64_MAX)
            mcr_park(&guard.parker, fenced ? -1 : NAP_NS);
        atomic_store(&guard.asleep, false);
    }
    return NULL;
}

static void start(void)
{
    mcr_parker_init(&guard.parker);
    mcr_cut_off_init();
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_RESTART | SA_SIGINFO };
    sigfillset(&action.sa_mask);
    sigaction(MCR_GUARD_SIGNAL, &action, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&guard.thread, NULL, watch, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        mcr_log(MCR_LOG_ERROR, "the system gives no thread to guard scripts: %s", strerror(failed));
        abort();
    }
    pthread_setname_np(guard.thread, "guard");
}

static mcr_guarded *add(lua_State *L, mcr_run *run)
{
    mcr_guarded *g = mcr_zalloc(sizeof *g);
    g->L = L;
    g->run = run;
    g->seen = NAN;
    atomic_init(&g->wanted, NAN);
    mcr_slow_init(&g->slow);
    pthread_mutex_lock(&guard.lock);
    guard.all = mcr_realloc(guard.all, (guard.n + 1) * sizeof *guard.all);
    guard.all[guard.n++] = g;
    pthread_mutex_unlock(&guard.lock);
    return g;
}

static int open_trial(lua_State *L)
{
    luaL_openlibs(L);
    mcr_stop_prepare(L);
    luaL_loadstring(L, "while true do end"); // loop
    return 1;
}

// Runs the loop that nothing but the poll can end; whether it was ended.
static bool trial(void)
{
    mcr_run run = { .deadline = 500e3 };
    lua_State *L = luaL_newstate();
    if (!L)
        return false;
    lua_pushcfunction(L, open_trial); // open
    if (!mcr_lua_pcall(L, 0, 1, false)) {
        lua_close(L);
        return false;
    }
    mcr_guarded *g = add(L, &run);
    mcr_exit exit;
    bool lost = mcr_exit_set(&exit) != 0;
    if (!lost) {
        g->exit = &exit;
        g->on_trial = true;
        mcr_guard_enter(g);
        mcr_lua_pcall(L, 0, 0, false); // message
    }
    bool stopped = mcr_guard_leave(g) && !lost;
    mcr_guard_free(g);
    if (!lost) // else it is in no state to be closed
        lua_close(L);
    return stopped;
}

static void begin(void)
{
    start();
    while (can_stop && mcr_stop_mode_now() != MCR_STOP_HOOK && !trial())
        mcr_stop_give_up();
    if (mcr_stop_mode_now() != MCR_STOP_HOOK)
        return;
    mcr_log(MCR_LOG_WARN,
            "this LuaJIT does not let compiled code be stopped; so that no script can run for "
            "ever, scripts are interpreted, which is many times slower");
}

void mcr_guard_set_exit(mcr_guarded *g, mcr_exit *exit)
{
    g->exit = exit;
}

mcr_guarded *mcr_guard_new(lua_State *L, mcr_run *run, const mcr_slow_namer *namer)
{
    pthread_once(&guard.once, begin);
    mcr_guarded *g = add(L, run);
    if (namer)
        g->slow.namer = *namer;
    return g;
}

void mcr_guard_free(mcr_guarded *g)
{
    if (!g)
        return;
    pthread_mutex_lock(&guard.lock);
    end_seen(g, mcr_clock_monotonic());
    for (size_t i = 0; i < guard.n; i++)
        if (guard.all[i] == g)
            guard.all[i] = guard.all[--guard.n];
    pthread_mutex_unlock(&guard.lock);
    mcr_stop_trace_fini(&g->trace);
    free(g);
}

// Lets the signal in on this thread, once. Kept out of mcr_guard_enter, which is in every call.
static __attribute__((noinline)) void let_in(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, MCR_GUARD_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    own_tid = (int)syscall(SYS_gettid);
}

void mcr_guard_enter(mcr_guarded *g)
{
    if (!own_tid)
        let_in();
    current = g;
    g->told = false;
    // A number of its own: what is entered need not be a hook.
    double gen = g->run->gen + 1;
    __atomic_store(&g->run->gen, &gen, __ATOMIC_RELAXED);
    atomic_store_explicit(&g->tid, own_tid, memory_order_relaxed);
    atomic_store_explicit(&g->ran, true, memory_order_relaxed);
    atomic_store_explicit(&g->inside, true, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&guard.asleep, memory_order_relaxed) &&
        atomic_exchange(&guard.asleep, false))
        mcr_unpark(&guard.parker);
}

// A signal that comes in between arms it again: only before the last hook was over.
static void disarm(mcr_guarded *g)
{
    g->armed = 0;
    mcr_stop_disarm(g->L);
}

bool mcr_guard_leave(mcr_guarded *g)
{
    atomic_store_explicit(&g->inside, false, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    current = NULL;
    if (g->armed)
        disarm(g);
    return g->told;
}

bool mcr_guard_take(mcr_guarded *g)
{
    if (!g->told)
        return false;
    g->told = false;
    disarm(g);
    return true;
}

bool mcr_guard_is_inside(const mcr_guarded *g)
{
    return atomic_load_explicit(&g->inside, memory_order_relaxed);
}

const mcr_stop_trace *mcr_guard_trace(const mcr_guarded *g)
{
    return &g->trace;
}
