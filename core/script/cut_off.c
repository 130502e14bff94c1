#include "script/cut_off.h"

#include <link.h>
#include <lua.h>
#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

#include "script/own_calls.h"

// LuaJIT's machine code, without what it compiles: that can be stopped otherwise.
static uintptr_t code_begin, code_end;

// Of the object that has LuaJIT's functions, the segment in which they are.
static int look_into(struct dl_phdr_info *object, size_t size, void *arg)
{
    (void)size;
    uintptr_t function = *(const uintptr_t *)arg;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t begin = object->dlpi_addr + segment->p_vaddr, end = begin + segment->p_memsz;
        if (segment->p_type != PT_LOAD || function < begin || function >= end)
            continue;
        // Linked into this program, it cannot be told from our own code.
        uintptr_t own = (uintptr_t)mcr_cut_off;
        if (own < begin || own >= end) {
            code_begin = begin;
            code_end = end;
        }
        return 1;
    }
    return 0;
}

void mcr_cut_off_init(void)
{
    uintptr_t function = (uintptr_t)lua_pcall;
    dl_iterate_phdr(look_into, &function);
}

static uintptr_t interrupted_at(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.pc;
#else
    (void)context;
    return 0; // nowhere in LuaJIT: nothing is cut off
#endif
}

_Noreturn void mcr_cut_off_anyhow(mcr_exit *where, void *ucontext)
{
    const ucontext_t *context = ucontext;
    pthread_sigmask(SIG_SETMASK, &context->uc_sigmask, NULL);
    mcr_exit_take(where);
}

void mcr_cut_off(mcr_exit *where, void *ucontext)
{
    uintptr_t at = interrupted_at(ucontext);
    if (at >= code_begin && at < code_end && mcr_own_calls() == 0)
        mcr_cut_off_anyhow(where, ucontext);
}
