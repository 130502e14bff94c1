#pragma once
// Regular expressions for scripts: PCRE2, compiled to machine code, with bounded matching.
//
// In Lua (lua/mooncrier/match.lua is the face users see):
//
//   core.regex_new(pattern [, flags])  -> regex, or nil and a message with the offset in the
//   pattern regex:test(s)                      -> true or false regex:find(s [, init]) -> first,
//   last byte (1-based, as string.find), or nil regex:captures(s)                  -> { [0] =
//   whole, "first group", …, name = … }, or nil regex:replace(s, replacement)      -> string, how
//   many times ($1, ${name}, $$ in replacement)
//
// Flags: "i" caseless, "m" ^ and $ at line ends, "s" . matches a line feed, "x" white space and
// #comments in the pattern are ignored. Patterns and subjects are UTF-8; a subject that is not is
// matched all the same, its invalid bytes match nothing.
//
// A match that takes more than MCR_REGEX_MATCH_LIMIT steps raises an error, so that a pattern such
// as (a+)+$ costs milliseconds and is seen, and never looks like "does not match".

// Steps of one match; PCRE2's own default is 10,000,000.
#define MCR_REGEX_MATCH_LIMIT 1000000
// Nesting of backtracking points and memory (KiB) where the interpreter has to match.
#define MCR_REGEX_DEPTH_LIMIT 10000
#define MCR_REGEX_HEAP_LIMIT  4096
// Bytes of the longest pattern.
#define MCR_REGEX_PATTERN_MAX 65536

struct lua_State;

// mcr_regex_register sets `regex_new` in the table on top of L's stack and leaves the stack as it
// was. Regexes belong to the Lua state: freed by its collector, used by its thread only.
void mcr_regex_register(struct lua_State *L);
