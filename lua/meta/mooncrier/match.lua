---@meta mooncrier.match
-- Written by lua/reference/write.lua from lua/mooncrier/match.lua: change that.

---Matching strings: globs, compiled once to plain comparisons that stay JIT-compiled and make no
---garbage, and regular expressions by PCRE2.
---@class mooncrier.match
local match = {}

---A predicate for one glob.
---`*` any characters, `?` one character, `[a-z]` `[!0-9]` one of a set (ASCII), `{a,b}` one of several,
---`\` takes the next character as it is. The whole string must match.
---
---```lua
---local in_production = match.glob("prod{,-*}") -- once, at the top of the script
---in_production(event.metadata.namespace) --> true
---in_production("preprod") --> false
---```
---@param glob string
---@return fun(s: string): boolean
function match.glob(glob) end

---A predicate that is true when one of the globs matches; false for all when the list is empty.
---
---```lua
---local ours = match.any({ "prod-*", "kube-system" })
---ours("kube-system") --> true
---ours("dev") --> false
---```
---@param globs string[]
---@return fun(s: string): boolean
function match.any(globs) end

---A compiled regular expression; its methods are described in lua/meta/mooncrier.lua.
---@class mooncrier.Regex

---A regular expression of PCRE2, with the methods of mooncrier.Regex. Flags: "i" caseless, "m"
---^ and $ at line ends, "s" . matches line feeds, "x" white space in the pattern does not count. A match
---that takes a million steps raises an error.
---
---```lua
---match.regex("^back-off", "i"):test(event.message) --> true
---```
---@param pattern string
---@param flags? string
---@return mooncrier.Regex
function match.regex(pattern, flags) end

return match
