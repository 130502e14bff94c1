-- The world of user scripts: the globals they see, and how `require` finds their modules.
--
-- Globals are exactly `emit new_event log json time shared env` and the safe part of Lua's library;
-- anything else read or written is an error that names the line.

local core = require("mooncrier.core")
local event = require("mooncrier.event")

local run = event.run

-- Methods of strings reach the string table whatever the sandbox lists.
string.dump = nil

local function copy(source, names)
  local out = {}
  for name in names:gmatch("%S+") do
    out[name] = source[name]
  end
  return out
end

local function now()
  return run.now
end

local time = require("mooncrier.time")(now)

-- log.info("text") or log.info("%s is %d", name, n).
local log = {}
for level, name in ipairs({ "error", "warn", "info", "debug" }) do
  log[name] = function(format, ...)
    local text = select("#", ...) > 0 and tostring(format):format(...) or tostring(format)
    core.log(level - 1, text)
  end
end

local function print_to_log(...)
  local words = {}
  for i = 1, select("#", ...) do
    words[i] = tostring(select(i, ...))
  end
  core.log(2, table.concat(words, "\t"))
end

-- env("NAME") or env("NAME", "default"): an unset variable without a default is an error.
local function env(name, default)
  local value = os.getenv(name)
  if value == nil then
    value = default
  end
  if value == nil then
    error(("environment variable %s is not set"):format(tostring(name)), 2)
  end
  return value
end

local function new_event(fields)
  if type(fields) ~= "table" then
    error("new_event takes a table of fields", 2)
  end
  return event.new(fields)
end

-- Sink names to indices; filled when the watcher's sinks are known.
local sink_index = {}

local sandbox = {
  publish = core.emit,
  deliver = core.deliver,
}

-- emit(event) publishes to the other watchers; emit(event, "sink") sends it straight to a sink of
-- this one. True when there was room for it.
local function emit(what, sink)
  if type(what) == "table" then
    what = new_event(what)
  end
  if not event.is(what) then
    error("emit takes an event or a table of its fields, not a " .. type(what), 2)
  end
  if not event.is_alive(what) then
    error("event used after its hook returned; event:keep() makes one that lasts", 2)
  end
  if sink == nil then
    return sandbox.publish(what)
  end
  local index = sink_index[sink]
  if not index then
    error(("emit: the watcher has no sink '%s'"):format(tostring(sink)), 2)
  end
  return sandbox.deliver(what, index, sink)
end

local json = {
  decode = core.json_decode,
  encode = core.json_encode,
  null = core.json_null,
  array = core.json_array,
}

local shared = {
  get = core.shared_get,
  set = core.shared_set,
  add = core.shared_add,
  delete = core.shared_delete,
}

local function date(format, when)
  return os.date(format or "%c", when or math.floor(run.now))
end

local globals = copy(_G, [[assert error getmetatable ipairs next pcall rawequal rawget rawset select
  setmetatable tonumber tostring type unpack xpcall _VERSION]])
globals.string = copy(string, "byte char find format gmatch gsub len lower match rep reverse sub upper")
globals.table = copy(table, "concat insert maxn remove sort")
globals.math = copy(math, [[abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp
  log log10 max min modf pi pow rad random randomseed sin sinh sqrt tan tanh]])
globals.bit = copy(bit, "arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex")
globals.coroutine = copy(coroutine, "create resume running status wrap yield")
globals.os = { time = function(t) return t and os.time(t) or math.floor(run.now) end,
               clock = os.clock, date = date, difftime = os.difftime }
globals.pairs = event.pairs
globals.print = print_to_log
globals.log, globals.env, globals.json, globals.time = log, env, json, time
globals.shared, globals.emit, globals.new_event = shared, emit, new_event

-- One table of globals per state: what all scripts of a watcher share besides `shared` is nothing
-- but their modules.
local env_table = setmetatable({}, {
  __index = function(_, name)
    local value = globals[name]
    if value == nil then
      local names = { "require" }
      for known in pairs(globals) do
        names[#names + 1] = known
      end
      local meant = type(name) == "string" and core.suggest(name, names)
      local hint = meant and ("; did you mean '%s'?"):format(meant) or ""
      error(("undefined global '%s'%s"):format(tostring(name), hint), 2)
    end
    return value
  end,
  __newindex = function(_, name)
    error(("assignment to global '%s'; make it local"):format(tostring(name)), 2)
  end,
  __metatable = "the globals of mooncrier scripts",
})
globals._G = env_table

sandbox.globals = globals
sandbox.scripts_dir = nil

local function readable(path)
  local file = io.open(path, "r")
  if file then
    file:close()
  end
  return file ~= nil
end

sandbox.readable = readable

-- Compiles text (never bytecode) in the sandbox; nil and the message when it does not compile.
function sandbox.compile(text, name)
  local chunk, message = core.compile(text, name)
  if not chunk then
    return nil, message
  end
  return setfenv(chunk, env_table)
end

function sandbox.compile_file(path)
  local file, message = io.open(path, "rb")
  if not file then
    return nil, message
  end
  local text = file:read("*a")
  file:close()
  if not text then
    return nil, ("%s: cannot be read as a file"):format(path)
  end
  return sandbox.compile(text, "@" .. path)
end

local loaded = {}
local LOADING = {}

local public_modules = {
  ["mooncrier.match"] = true,
  ["mooncrier.params"] = true,
  ["mooncrier.window"] = true,
  ["mooncrier.template"] = true,
}

-- Looks beside the requiring script, then in the configured script directory, then where Lua on this
-- system looks.
local function require_module(name)
  if type(name) ~= "string" then
    error("require takes a module name", 2)
  end
  if public_modules[name] then
    return require(name)
  end
  local source = debug.getinfo(2, "S").source
  local beside = source:match("^@(.*)/[^/]*$") or "."
  local file_name = name:gsub("%.", "/")
  local tried = {}
  for _, dir in ipairs({ beside, sandbox.scripts_dir }) do
    for _, tail in ipairs({ ".lua", "/init.lua" }) do
      local path = dir .. "/" .. file_name .. tail
      if loaded[path] == LOADING then
        error(("module '%s' requires itself (%s)"):format(name, path), 2)
      end
      if loaded[path] ~= nil then
        return loaded[path]
      end
      if readable(path) then
        local chunk, message = sandbox.compile_file(path)
        if not chunk then
          error(message, 0)
        end
        loaded[path] = LOADING
        local ok, value = pcall(chunk, name)
        if not ok then
          loaded[path] = nil
          error(value, 0)
        end
        loaded[path] = value == nil and true or value
        return loaded[path]
      end
      tried[#tried + 1] = "\n\tno file '" .. path .. "'"
    end
  end
  if name:match("^mooncrier%.") then
    local names = {}
    for known in pairs(public_modules) do
      names[#names + 1] = known
    end
    local meant = core.suggest(name, names)
    error(("no module '%s'%s"):format(name, meant and ("; did you mean '%s'?"):format(meant) or ""), 2)
  end
  local ok, value = pcall(require, name)
  if not ok then
    error(("module '%s' not found:%s\n%s"):format(name, table.concat(tried), value), 2)
  end
  return value
end
globals.require = require_module

sandbox.sink_index = sink_index

return sandbox
