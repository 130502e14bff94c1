---Reading named options: those of a script (init's argument) and of the modules here. An unknown name
---or a wrong value is an error that says what would be right.
---@class mooncrier.params
local params = {}

local core = require("mooncrier.core")
local duration = require("mooncrier.duration")
local sink_index = require("mooncrier.sandbox").sink_index

local type, tostring, format = type, tostring, string.format

local function is(kind)
  return function(value)
    if type(value) == kind then
      return value
    end
  end
end

local function sorted_names(spec)
  local names = {}
  for name in pairs(spec) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function list_of_strings(value)
  if type(value) == "string" then
    return { value }
  end
  if type(value) ~= "table" then
    return nil
  end
  for key, item in pairs(value) do
    if type(key) ~= "number" or type(item) ~= "string" then
      return nil
    end
  end
  return value
end

-- The same, of sinks that the watcher has; nil and what is wrong. Where none are known (eval, tests),
-- all names will do.
local function list_of_sinks(value)
  local list = list_of_strings(value)
  if not list or not next(sink_index) then
    return list
  end
  for _, name in ipairs(list) do
    if not sink_index[name] then
      local names = sorted_names(sink_index)
      local meant = core.suggest(name, names)
      return nil, format("names sink '%s', which the watcher does not have; %s", name,
        meant and format("did you mean '%s'?", meant) or "it has " .. table.concat(names, ", "))
    end
  end
  return list
end

-- kind → { what it is called, function(value) → the value to use, nil when it is wrong }
local kinds = {
  string = { "a string", is("string") },
  number = { "a number", is("number") },
  boolean = { "true or false", is("boolean") },
  table = { "a table", is("table") },
  count = { "a whole number from 1 on", function(value)
    if type(value) == "number" and value >= 1 and value % 1 == 0 then
      return value
    end
  end },
  duration = { "a duration such as \"10m\"", duration.parse },
  strings = { "a string or a list of strings", list_of_strings },
  sinks = { "a sink or a list of sinks", list_of_sinks },
}

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
function params.read(given, spec, level)
  level = (level or 1) + 1
  given = given or {}
  if type(given) ~= "table" then
    error("parameters are a table of name = value, not a " .. type(given), level)
  end
  local names = sorted_names(spec)
  for name in pairs(given) do
    if not spec[name] then
      local meant = core.suggest(tostring(name), names)
      error(format("unknown parameter '%s'%s (known: %s)", tostring(name),
        meant and format("; did you mean '%s'?", meant) or "", table.concat(names, ", ")), level)
    end
  end
  local out = {}
  for _, name in ipairs(names) do
    local kind, default = spec[name][1], spec[name][2]
    local value = given[name]
    if value == nil then
      if default == nil then
        error(format("parameter '%s' is missing: %s", name, kinds[kind][1]), level)
      end
      value = default
    end
    if value == false and default == false then
      if kind == "boolean" then
        out[name] = false
      end
    else
      local read, problem = kinds[kind][2](value)
      if problem then
        error(format("parameter '%s' %s", name, problem), level)
      elseif read == nil then
        local shown = type(value) == "string" and format("%q", value) or tostring(value)
        error(format("parameter '%s' must be %s, not %s", name, kinds[kind][1], shown), level)
      end
      out[name] = read
    end
  end
  return out
end

return params
