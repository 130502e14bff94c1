---mooncrier for plain LuaJIT: run scripts on real events in tests, without the program.
---
---    local mooncrier = require("mooncrier")
---    local script = mooncrier.load("scripts/handlers/crashloop.lua", { threshold = 3 })
---    for event in mooncrier.events("examples/data/events.jsonl") do
---      print(script:filter(event))
---    end
---
---Needs `mooncrier/core.so` (build/<preset>/lua) in package.cpath and `lua/?.lua` in package.path.
---@class mooncrier
local mooncrier = {}

local core = require("mooncrier.core")
local event = require("mooncrier.event")
local known_hooks = require("mooncrier.hooks")
local sandbox = require("mooncrier.sandbox")
local scripts = require("mooncrier.scripts")
local seen = require("mooncrier.seen")
local texts = require("mooncrier.texts")

local run = event.run

-- In a test nobody else is there: what emit is given is collected, whatever the sink is called.
local emitted = {}

function sandbox.publish(what)
  emitted[#emitted + 1] = { event = what:keep() }
  return true
end

function sandbox.deliver(what, _, sink)
  emitted[#emitted + 1] = { event = what:keep(), sink = sink }
  return true
end

setmetatable(sandbox.sink_index, {
  __index = function()
    return 0
  end,
})

---What emit was given since the last call: a list of { event =, sink = }, sink nil for emit(event).
---@return { event: mooncrier.Event, sink: string? }[]
function mooncrier.emitted()
  local list = emitted
  emitted = {}
  return list
end

---Sets the time that scripts see (Unix seconds). Without it, it stands still at the start.
---@param seconds number
function mooncrier.clock(seconds)
  core.set_now(seconds)
end

-- A stream is told of the event.
local function note(told, view)
  return seen.note(told, view, seen.said(view))
end

---Makes an event from its JSON text, as if it were the first of a stream, or from a table as new_event
---does.
---@param source string|table
---@return mooncrier.Event? event nil for a control line (BOOKMARK)
function mooncrier.event(source)
  if type(source) == "table" then
    return note({}, event.new(source))
  end
  if core.decode(source) then
    return note({}, event.take_made())
  end
end

---Iterates over the events of a JSON Lines file or watch stream.
---@param path string
---@return fun(): mooncrier.Event?
function mooncrier.events(path)
  local file = assert(io.open(path, "rb"))
  local told = {}
  return function()
    for line in file:lines() do
      if line:find("%S") and core.decode(line) then
        return note(told, event.take_made())
      end
    end
    file:close()
  end
end

---A loaded script: its hooks as methods.
---@class mooncrier.Script
---@field hooks mooncrier.Hooks|mooncrier.SinkHooks
local Script = {}
Script.__index = Script

for _, name in ipairs(known_hooks.names) do
  Script[name] = function(self, ...)
    local hook = self.hooks[name]
    if not hook then
      error(("the script has no %s hook"):format(name), 2)
    end
    if type(hook) == "table" then
      local ev = ...
      if not event.is_alive(ev) then
        error(("%s takes an event, not a %s"):format(name, type(ev)), 2)
      end
      return core.key_text(texts.declare(hook), ev)
    end
    return hook(...)
  end
end

local function answered(ok, ...)
  run.answers = 0
  if not ok then
    error((...), 0)
  end
  return ...
end

-- Hooks that only make something of an event, and those of sinks, cannot emit, here as in the program.
for _, name in ipairs({
  "aggregate_key", "local_key", "spam_key", "aggregate_message", "render", "open", "write", "flush", "reopen", "close",
}) do
  local call = Script[name]
  Script[name] = function(self, ...)
    run.answers = 1
    return answered(pcall(call, self, ...))
  end
end

local function start(path, params, allow, read)
  scripts.allow(table.concat(allow or {}, ", "))
  local hooks = read(path, path)
  if hooks.init then
    local ok, reason = hooks.init(params or {})
    if ok == false then
      error(("%s: init refused: %s"):format(path, tostring(reason or "no reason given")), 0)
    end
  end
  return setmetatable({ hooks = hooks }, Script)
end

---Loads the script at `path` in the sandbox and runs its init(params); errors as the program would.
---@param path string
---@param params table?
---@param allow string[]? what the script may use beyond the sandbox, as `allow` in the configuration
---@return mooncrier.Script
function mooncrier.load(path, params, allow)
  return start(path, params, allow, scripts.read_file)
end

---The same for a script that is a sink.
---@param path string
---@param params table?
---@param allow string[]?
---@return mooncrier.Script
function mooncrier.load_sink(path, params, allow)
  return start(path, params, allow, scripts.read_sink)
end

---@param value any
---@return boolean
function mooncrier.is_event(value)
  return event.is(value)
end

mooncrier.json = sandbox.globals.json

return mooncrier
