#pragma once
// Borrowed strings. Nothing here allocates; whoever made the bytes keeps them alive.

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/str_abi.h"

// MCR_STR makes an mcr_str of a string literal.
#define MCR_STR(literal) ((mcr_str){ (literal), sizeof(literal) - 1, 0 })

// mcr_str_of borrows the NUL-terminated `text`; NULL gives the empty string.
static inline mcr_str mcr_str_of(const char *text)
{
    return (mcr_str){ text, text ? (uint32_t)strlen(text) : 0, 0 };
}

// mcr_str_n borrows `len` bytes at `ptr`.
static inline mcr_str mcr_str_n(const char *ptr, size_t len)
{
    return (mcr_str){ ptr, (uint32_t)len, 0 };
}

static inline bool mcr_str_eq(mcr_str a, mcr_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

// mcr_str_is compares with a string literal or other NUL-terminated text.
static inline bool mcr_str_is(mcr_str s, const char *text)
{
    return mcr_str_eq(s, mcr_str_of(text));
}
