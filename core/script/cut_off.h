#pragma once
// Cutting off code that nothing else stops: a long function of LuaJIT's library (a pattern that
// backtracks for ever, a table that is sorted), or Lua code that runs with hooks disabled. A signal
// handler jumps out of it to where it was entered. The Lua state is lost by that, as anything in it
// may be half done: its memory must be an arena that is thrown away whole (script/arena.h).
//
// The jump is made only out of LuaJIT's own code: elsewhere (malloc, the unwinder) a lock may be
// held. And only while no C function of ours is at work (script/own_calls.h).

#include <setjmp.h>
#include <stdbool.h>

// mcr_cut_off_init finds LuaJIT's code. Before the first handler runs; not in one.
void mcr_cut_off_init(void);

// Where to go. Set by mcr_exit_set, which is 0 at first and something else after the jump; in a
// function that does not return before the exit is out of use. It is set for each call of a hook,
// hence the compiler's own way, a tenth of the cost; AddressSanitizer has to know of jumps.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
typedef struct mcr_exit {
    void *registers[5];
} mcr_exit;
#define mcr_exit_set(exit)  __builtin_setjmp((exit)->registers)
#define mcr_exit_take(exit) __builtin_longjmp((exit)->registers, 1)
#else
typedef struct mcr_exit {
    sigjmp_buf registers;
} mcr_exit;
#define mcr_exit_set(exit)  sigsetjmp((exit)->registers, 0)
#define mcr_exit_take(exit) siglongjmp((exit)->registers, 1)
#endif

// mcr_cut_off goes to `where`, set on this thread, if that is safe at the moment. In a signal
// handler with SA_SIGINFO, whose third argument is `ucontext`; the signals that were blocked before
// it are then blocked again.
void mcr_cut_off(mcr_exit *where, void *ucontext);

// mcr_cut_off_anyhow does so whatever is interrupted.
_Noreturn void mcr_cut_off_anyhow(mcr_exit *where, void *ucontext);
