---@meta mooncrier.params
-- Written by lua/reference/write.lua from lua/mooncrier/params.lua: change that.

---Reading named options: those of a script (init's argument) and of the modules here. An unknown name
---or a wrong value is an error that says what would be right.
---@class mooncrier.params
local params = {}

---Reads `given` (a table or nil) by `spec`: name → { kind, default }. Kinds: "string", "number",
---"boolean", "table", "count" (1, 2, …), "duration" ("10m" or seconds, given back in seconds),
---"strings" (a list of strings; a string alone is a list of one), "sinks" (the same, of sinks that the
---watcher has). A parameter without default must be given; one with default `false` may be left out and
---is then nil (boolean: false).
---
---```lua
---local given = { window = "5m", namespaces = "prod" } -- what init was called with
---local p = params.read(given, {
---  threshold = { "count", 5 },
---  window = { "duration", "10m" },
---  namespaces = { "strings", "*" },
---})
---p.threshold --> 5
---p.window --> 300
---p.namespaces --> { "prod" }
---```
---@param given table?
---@param spec table<string, { [1]: string, [2]: any }>
---@param level? integer whose fault an error is, as for error(): default 1, the caller
---@return table
function params.read(given, spec, level) end

return params
