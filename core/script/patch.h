#pragma once
// event:with for plain changes (strings, numbers, booleans under top-level names), built by FFI
// calls so that handlers which change events stay compiled. Everything else goes through the JSON
// writer.

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "script/script_abi.h"

enum {
    MCR_PATCH_MEMBERS = 32
};

typedef struct mcr_patch {
    mcr_buf text; // the members one after the other: "name":value
    struct {
        uint32_t at; // in text
        uint32_t len;
        uint32_t key_len; // of the escaped name with its quotes
    } member[MCR_PATCH_MEMBERS];
    uint32_t n;
} mcr_patch;

void mcr_patch_fini(mcr_patch *p);
void mcr_patch_begin(mcr_patch *p);

// The three add a member. False: there are too many, or JSON has no such number.
bool mcr_patch_string(mcr_patch *p, mcr_str key, mcr_str value);
bool mcr_patch_number(mcr_patch *p, mcr_str key, double value);
bool mcr_patch_boolean(mcr_patch *p, mcr_str key, bool value);

// mcr_patch_write appends the object, members sorted by name: the order that Lua gave them in
// differs from run to run.
void mcr_patch_write(mcr_patch *p, mcr_buf *out);
