// The arena under a Lua state: blocks keep their bytes, the limit holds, memory comes back.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// cmocka.h wants the five above first.
#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

#include "script/arena.h"

static uint64_t seed = 1;

static uint32_t random_below(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static void counts_what_is_used(void **state)
{
    (void)state;
    mcr_arena *a = mcr_arena_new(MCR_ARENA_MIN);
    assert_int_equal(mcr_arena_limit(a), MCR_ARENA_MIN);
    char *p = mcr_arena_alloc(a, NULL, 5, 100); // an old size without a block means nothing
    assert_non_null(p);
    assert_int_equal(mcr_arena_used(a), 100);
    memset(p, 'x', 100);
    p = mcr_arena_alloc(a, p, 100, 100000);
    assert_int_equal(mcr_arena_used(a), 100000);
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], 'x');
    p = mcr_arena_alloc(a, p, 100000, 10);
    assert_int_equal(p[9], 'x');
    assert_null(mcr_arena_alloc(a, p, 10, 0));
    assert_null(mcr_arena_alloc(a, NULL, 0, 0));
    assert_int_equal(mcr_arena_used(a), 0);
    mcr_arena_free(a);
    mcr_arena_free(NULL);
}

static void refuses_past_the_limit(void **state)
{
    (void)state;
    mcr_arena *a = mcr_arena_new(MCR_ARENA_MIN);
    assert_false(mcr_arena_enforce(a, true));
    assert_null(mcr_arena_alloc(a, NULL, 0, MCR_ARENA_MIN + 1));
    assert_true(mcr_arena_was_full(a));
    assert_false(mcr_arena_was_full(a));
    assert_null(mcr_arena_alloc(a, NULL, 0, SIZE_MAX));
    assert_true(mcr_arena_was_full(a));
    size_t n = 0;
    void *blocks[MCR_ARENA_MIN / 4096 + 1];
    while ((blocks[n] = mcr_arena_alloc(a, NULL, 0, 4096)))
        n++;
    assert_int_equal(n, MCR_ARENA_MIN / 4096); // every byte of the limit can be had
    assert_true(mcr_arena_was_full(a));
    // A refused block stays as it is.
    assert_null(mcr_arena_alloc(a, blocks[0], 4096, 8192));
    memset(blocks[0], 1, 4096);
    for (size_t i = 0; i < n; i++)
        mcr_arena_alloc(a, blocks[i], 4096, 0);
    // What was small blocks can be one large one.
    void *large = mcr_arena_alloc(a, NULL, 0, MCR_ARENA_MIN);
    assert_non_null(large);
    memset(large, 2, MCR_ARENA_MIN);
    assert_non_null(large = mcr_arena_alloc(a, large, MCR_ARENA_MIN, MCR_ARENA_MIN / 2));
    assert_non_null(large = mcr_arena_alloc(a, large, MCR_ARENA_MIN / 2, MCR_ARENA_MIN));
    assert_null(mcr_arena_alloc(a, NULL, 0, 1));
    assert_true(mcr_arena_enforce(a, false));
    assert_non_null(mcr_arena_alloc(a, NULL, 0, 1 << 20));
    assert_null(mcr_arena_alloc(a, NULL, 0, SIZE_MAX));
    mcr_arena_free(a);
}

typedef struct block {
    unsigned char *ptr;
    size_t size;
    unsigned char fill;
} block;

static size_t random_size(void)
{
    static const uint32_t most[] = { 64, 300, 5000, 9000, 200000 };
    return 1 + random_below(most[random_below(5)]);
}

static void check(const block *b)
{
    for (size_t i = 0; i < b->size; i += i < 64 || i + 64 > b->size ? 1 : 61)
        if (b->ptr[i] != b->fill)
            fail_msg("byte %zu of %zu is %d, not %d", i, b->size, b->ptr[i], b->fill);
}

// Blocks come, grow, shrink and go at random; none may touch another.
static void keeps_blocks_apart(void **state)
{
    (void)state;
    enum {
        BLOCKS = 400
    };
    mcr_arena *a = mcr_arena_new(MCR_ARENA_MIN);
    block blocks[BLOCKS] = { 0 };
    mcr_arena_enforce(a, true);
    size_t used = 0;
    for (int round = 0; round < 60000; round++) {
        block *b = &blocks[random_below(BLOCKS)];
        check(b);
        size_t size = random_below(3) ? random_size() : 0;
        unsigned char *p = mcr_arena_alloc(a, b->ptr, b->size, size);
        if (size && !p) {
            check(b);
            assert_true(size > b->size);
            continue;
        }
        size_t kept = size < b->size ? size : b->size;
        for (size_t i = 0; i < kept; i += 7)
            assert_int_equal(p[i], b->fill);
        assert_int_equal((uintptr_t)p % 16, 0);
        used = used - b->size + size;
        *b = (block){ p, size, (unsigned char)round };
        if (size)
            memset(p, b->fill, size);
        assert_int_equal(mcr_arena_used(a), used);
    }
    for (int i = 0; i < BLOCKS; i++) {
        check(&blocks[i]);
        mcr_arena_alloc(a, blocks[i].ptr, blocks[i].size, 0);
    }
    assert_int_equal(mcr_arena_used(a), 0);
    assert_non_null(mcr_arena_alloc(a, NULL, 0, MCR_ARENA_MIN / 2));
    mcr_arena_free(a);
}

static int open_libs(lua_State *L)
{
    luaL_openlibs(L);
    return 0;
}

// A Lua state lives in it, runs into the limit, and lives on.
static void carries_a_state(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool fails;
    } cases[] = {
        { "local t = {} for i = 1, 1e5 do t[i] = { i } end", false },
        { "local t = {} for i = 1, 1e9 do t[i] = { i } end", true },
        { "local s = 'x' while true do s = s .. s end", true },
        { "local s = ('x'):rep(1e9)", true },
        { "local t = {} for i = 1, 1e9 do t[i] = i end", true },
        { "local t = {} for i = 1, 1e9 do t['k' .. i] = i end", true },
        { "local function f() return f() + 1 end f()", true },
        { "local t = {} for i = 1, 1e5 do t[i] = tostring(i) end", false },
    };
    mcr_arena *a = mcr_arena_new(MCR_ARENA_MIN * 2);
    lua_State *L = lua_newstate(mcr_arena_alloc, a);
    assert_non_null(L);
    lua_pushcfunction(L, open_libs);
    assert_int_equal(lua_pcall(L, 0, 0, 0), 0);
    mcr_arena_enforce(a, true);
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            int status = luaL_dostring(L, cases[i].text);
            if (cases[i].fails != (status != 0))
                fail_msg("%s: %s", cases[i].text, status ? lua_tostring(L, -1) : "went through");
            lua_settop(L, 0);
            // Stacks and the table of strings shrink by half at a time.
            for (int times = 0; times < 8; times++)
                lua_gc(L, LUA_GCCOLLECT, 0);
            if (mcr_arena_used(a) > MCR_ARENA_MIN / 4)
                fail_msg("%s: %zu bytes left", cases[i].text, mcr_arena_used(a));
        }
    lua_close(L);
    assert_int_equal(mcr_arena_used(a), 0);
    mcr_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_is_used),
        cmocka_unit_test(refuses_past_the_limit),
        cmocka_unit_test(keeps_blocks_apart),
        cmocka_unit_test(carries_a_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
