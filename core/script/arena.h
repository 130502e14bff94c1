#pragma once
// The memory of one Lua state: a private region with a limit, and the lua_Alloc over it.
//
// Nothing in it comes from malloc, and it takes no lock: a state whose script was cut off in the
// middle of anything can be thrown away whole with its arena (the guard does so), and what a script
// can take is bounded. The region is reserved as addresses only; memory is committed as it is used,
// and large free stretches go back to the system.
//
// An arena belongs to its state: one thread at a time, none of these may run beside another but
// mcr_arena_used and mcr_arena_limit.

#include <stdbool.h>
#include <stddef.h>

typedef struct mcr_arena mcr_arena;

// What is asked for around every call of a hook, in front of each arena; for the inline functions
// below and arena.c alone.
typedef struct mcr_arena_state {
    size_t limit;
    size_t used;
    size_t allocated;
    bool enforced;
    bool was_full;
} mcr_arena_state;

enum {
    MCR_ARENA_MIN = 8 << 20 // the least limit: a state with the script layer and room to work
};

// mcr_arena_new reserves a region for up to `limit` bytes (at least MCR_ARENA_MIN) in use at a
// time. Aborts when there are no addresses for it.
mcr_arena *mcr_arena_new(size_t limit);

// mcr_arena_free gives everything back, whatever is still in use.
void mcr_arena_free(mcr_arena *arena);

// mcr_arena_alloc is the lua_Alloc; its first argument is the arena. NULL when a limit that holds
// would be passed, or when there is no stretch of that size left.
void *mcr_arena_alloc(void *arena, void *ptr, size_t old_size, size_t size);

// mcr_arena_enforce says whether the limit holds from now on (at first it does not), and gives what
// was said before. Outside of protected calls Lua aborts when it gets no memory: there it must not
// hold.
static inline bool mcr_arena_enforce(mcr_arena *arena, bool enforce)
{
    mcr_arena_state *state = (mcr_arena_state *)(void *)arena;
    bool before = state->enforced;
    state->enforced = enforce;
    return before;
}

// mcr_arena_used is how many bytes are in use, as Lua counts them; any thread.
static inline size_t mcr_arena_used(const mcr_arena *arena)
{
    return __atomic_load_n(&((const mcr_arena_state *)(const void *)arena)->used, __ATOMIC_RELAXED);
}

// mcr_arena_allocated is how many bytes were ever asked for, freed since or not: what a block grew
// by when it grew. On the state's thread.
static inline size_t mcr_arena_allocated(const mcr_arena *arena)
{
    return ((const mcr_arena_state *)(const void *)arena)->allocated;
}

// mcr_arena_limit is the limit in bytes.
static inline size_t mcr_arena_limit(const mcr_arena *arena)
{
    return ((const mcr_arena_state *)(const void *)arena)->limit;
}

// mcr_arena_was_full says whether an allocation was refused since the last call.
static inline bool mcr_arena_was_full(mcr_arena *arena)
{
    mcr_arena_state *state = (mcr_arena_state *)(void *)arena;
    bool was_full = state->was_full;
    state->was_full = false;
    return was_full;
}

// mcr_arena_is_full says the same without forgetting it.
static inline bool mcr_arena_is_full(const mcr_arena *arena)
{
    return ((const mcr_arena_state *)(const void *)arena)->was_full;
}
