-- Scripts and options as a spec gives them, read and checked.

local core = require("mooncrier.core")
local duration = require("mooncrier.duration")
local test_place = require("mooncrier.test_place")

local setup = {}

-- What a watcher is made of.
---@class mooncrier.test.Setup
---@field scripts { name: string, path: string, params: table, allow: string[] }[]
---@field sinks string[]? their names; nil: any name is a sink
---@field renderers table<string, { name: string, path: string, params: table, allow: string[] }>
---@field fallback string[]?
---@field on_error string
---@field deadline number seconds of processor time that the hooks may take for one event
---@field scripts_dir string?

-- What a hook may take when nothing is said, in seconds.
local DEADLINE = 1

local script_options = { allow = true, deadline = true }

-- A script as the configuration has it, found, with its parameters apart.
local function script_of(value, options)
  if type(value) == "string" then
    value = { value }
  end
  if type(value) ~= "table" or type(value[1]) ~= "string" then
    error("a script is a path or { path, parameters }", 0)
  end
  local params = {}
  for name, member in pairs(value) do
    if type(name) == "string" and not script_options[name] then
      params[name] = member
    end
  end
  for name, member in pairs(options and options.params or {}) do
    params[name] = member
  end
  local deadline = duration.parse(value.deadline or DEADLINE)
  if not deadline then
    error(("deadline is a duration such as \"5s\", not %s"):format(tostring(value.deadline)), 0)
  end
  return { name = value[1], path = test_place.find(value[1], "script"), params = params, deadline = deadline,
           allow = value.allow or options and options.allow or {} }
end

-- One script, or a list of them: { "a.lua", threshold = 3 } is one, { "a.lua", { "b.lua", n = 1 } } two.
local function scripts_of(given, options)
  if type(given) == "string" or type(given) == "table" and type(given[1]) == "string" and #given == 1 then
    return { script_of(given, options) }
  elseif type(given) ~= "table" or given[1] == nil then
    error("run takes a script, { path, parameters }, or a list of them", 0)
  elseif options.params or options.allow then
    error("params and allow are for one script; with more, each has its own: { path, parameters }", 0)
  end
  local list = {}
  for i, item in ipairs(given) do
    list[i] = script_of(item)
  end
  return list
end

local option_names = { "params", "allow", "sinks", "fallback", "on_error", "errors", "still", "after", "keep_shared",
                       "seed", "scripts_dir" }

local function check_options(options)
  for name in pairs(options) do
    local known = false
    for _, option in ipairs(option_names) do
      known = known or option == name
    end
    if not known then
      local meant = core.suggest(tostring(name), option_names)
      error(("unknown option '%s'%s"):format(tostring(name), meant and ("; did you mean '%s'?"):format(meant) or ""),
        0)
    end
  end
  local on_error = options.on_error
  if on_error ~= nil and on_error ~= "dead_letter" and on_error ~= "pass" and on_error ~= "drop" then
    error('on_error is "dead_letter", "pass" or "drop"', 0)
  end
end

-- The names of the sinks in order, those with options last, and the renderers that they have.
local function sinks_of(sinks)
  local names, named, renderers = {}, {}, {}
  for i, name in ipairs(sinks) do
    names[i] = name
  end
  for name, sink in pairs(sinks) do
    if type(name) == "string" then
      named[#named + 1] = name
      renderers[name] = sink.render and script_of(sink.render)
    end
  end
  table.sort(named)
  for _, name in ipairs(named) do
    names[#names + 1] = name
  end
  return names, renderers
end

local function check_fallback(fallback, sinks)
  local known = {}
  for _, name in ipairs(sinks or fallback) do
    known[name] = true
  end
  for _, name in ipairs(fallback) do
    if not known[name] then
      error(("fallback names '%s', which is not among the sinks"):format(tostring(name)), 0)
    end
  end
end

-- What the scripts `given` and the options of mooncrier.test come to, for test_watcher.lua. An error says what is
-- wrong with them.
---@return mooncrier.test.Setup
function setup.of(given, options)
  check_options(options)
  local made = { scripts = scripts_of(given, options), renderers = {}, fallback = options.fallback, deadline = 0,
                 on_error = options.on_error or "dead_letter", scripts_dir = options.scripts_dir or "scripts" }
  for _, script in ipairs(made.scripts) do
    made.deadline = made.deadline + script.deadline
  end
  if options.sinks then
    made.sinks, made.renderers = sinks_of(options.sinks)
  end
  check_fallback(options.fallback or {}, made.sinks)
  return made
end

return setup
