#pragma once
// Read by the C compiler and by LuaJIT's ffi.cdef: only comments, enums, structs and prototypes.
// The includer brings <stdint.h>.

// mcr_str is a borrowed run of bytes: not NUL-terminated, `ptr` may be NULL when `len` is 0.
// `id` is the string's atom (event/atom.h) or 0; equal non-zero ids mean equal strings.
typedef struct mcr_str {
    const char *ptr;
    uint32_t len;
    uint32_t id;
} mcr_str;
