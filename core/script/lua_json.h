#pragma once
// JSON to Lua values and back, keeping JSON's types: null is json.null, integers up to 2^53 are
// numbers and larger ones int64_t cdata, [] and {} stay different.

#include <lua.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

enum {
    MCR_LUA_JSON_DEPTH = 200 // tables inside tables, both ways
};

// mcr_lua_json_setup makes what the two functions need (json.null's and arrays' metatables) and
// leaves the array metatable's marker function `json.array` on the stack.
void mcr_lua_json_setup(lua_State *L);

// mcr_lua_json_push pushes the value of valid JSON `text` (followed by MCR_SCAN_PAD bytes that do
// not continue it). False, pushing an error message, when it is not JSON or too deep.
bool mcr_lua_json_push(lua_State *L, mcr_str text);

// mcr_json_number appends a finite number: whole ones up to 2^53 without fraction or exponent,
// others with as many digits as it takes to read the same number back.
void mcr_json_number(mcr_buf *out, double number);

// mcr_lua_json_write appends the value at `index` as JSON. False, pushing an error message, when it
// holds something JSON does not know (a function, NaN, a cycle).
bool mcr_lua_json_write(lua_State *L, int index, mcr_buf *out);
