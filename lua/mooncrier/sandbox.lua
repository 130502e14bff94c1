-- The world of user scripts: the globals they see, and how `require` finds their modules.
--
-- Globals are exactly `emit new_event log json time shared env` and the safe part of Lua's library;
-- anything else read or written is an error that names the line.

local core = require("mooncrier.core")
local duration = require("mooncrier.duration")
local event = require("mooncrier.event")
local frozen = require("mooncrier.frozen")
local grants = require("mooncrier.grants")
local ordered = require("mooncrier.ordered")
local teach = require("mooncrier.teach")

local run = event.run

require("mooncrier.strings")

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
    local text = tostring(format)
    if select("#", ...) > 0 then
      local ok, message = pcall(string.format, text, ...)
      if not ok then
        error(teach.of_format("log." .. name, message), 2)
      end
      text = message
    end
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
    error("new_event takes a table of fields, not a " .. type(fields), 2)
  end
  local made = event.new(fields) -- no tail call: errors count levels
  return made
end

-- Sink names to indices; filled when the watcher's sinks are known.
local sink_index = {}

local sandbox = {
  publish = core.emit,
  -- (event, index of the sink, its name)
  deliver = function(what, index)
    local taken = core.deliver(what, index)
    return taken
  end,
}

-- emit(event) publishes to the other watchers; emit(event, "sink") sends it straight to a sink of
-- this one. True when there was room for it.
local function emit(what, sink)
  if run.answers ~= 0 then
    error("emit: not from a hook that makes a key, a text or a body, nor from a sink; "
      .. "emit from filter, handle, route or tick", 2)
  end
  if type(what) == "table" then
    what = event.new(what)
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
    local names = {}
    for name in pairs(sink_index) do
      names[#names + 1] = name
    end
    table.sort(names)
    local meant = type(sink) == "string" and core.suggest(sink, names)
    error(("emit: the watcher has no sink '%s'; %s"):format(tostring(sink), meant
      and ("did you mean '%s'?"):format(meant)
      or #names > 0 and "it has " .. table.concat(names, ", ") or "it has none"), 2)
  end
  return sandbox.deliver(what, index, sink)
end

local json = {
  decode = core.json_decode,
  encode = core.json_encode,
  null = core.json_null,
  array = core.json_array,
}

-- A life time in seconds, from "10m" or seconds.
local function ttl_of(ttl)
  local seconds = duration.parse(ttl)
  if not seconds or seconds <= 0 then
    local shown = type(ttl) == "string" and ("%q"):format(ttl) or tostring(ttl)
    error(("a life time in shared is a duration such as \"10m\", not %s"):format(shown), 3)
  end
  return seconds
end

local shared = {
  get = core.shared_get,
  delete = core.shared_delete,
  set = function(key, value, ttl)
    core.shared_set(key, value, ttl ~= nil and ttl_of(ttl) or nil)
  end,
  add = function(key, n, ttl)
    local sum = core.shared_add(key, n, ttl ~= nil and ttl_of(ttl) or nil)
    return sum
  end,
}

local function date(format, when)
  return os.date(format or "%c", when or math.floor(run.now))
end

-- No xpcall: a handler of their own would run where a stopped script must not.
local globals = copy(_G, [[assert error ipairs next pcall rawequal rawget rawset select setmetatable
  tonumber tostring type unpack _VERSION]])
-- The metatable of strings would give scripts the string table that our own modules call.
globals.getmetatable = function(value)
  if type(value) == "table" then
    return getmetatable(value)
  end
end
globals.string = copy(string, "byte char find format gmatch gsub len lower match rep reverse sub upper")
globals.table = copy(table, "concat insert maxn remove sort")
globals.math = copy(math, [[abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp
  log log10 max min modf pi pow rad random randomseed sin sinh sqrt tan tanh]])
globals.bit = copy(bit, "arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex")
globals.coroutine = copy(coroutine, "create resume running status wrap yield")
globals.os = { time = function(t) return t and os.time(t) or math.floor(run.now) end,
               clock = os.clock, date = date, difftime = os.difftime }
globals.pairs = event.pairs
if run.ordered ~= 0 then
  globals.next = ordered.next
  globals.pairs = function(value)
    if type(value) == "table" then
      return ordered.pairs(value)
    end
    return event.pairs(value)
  end
end
globals.rawset = frozen.rawset
globals.print = print_to_log
globals.log, globals.env, globals.json, globals.time = log, env, json, time
globals.shared, globals.emit, globals.new_event = shared, emit, new_event

sandbox.globals = globals
sandbox.scripts_dir = nil

-- `globals` as scripts see them: what one could do to a table would reach the others.
local visible = {}
for name, value in pairs(globals) do
  visible[name] = type(value) == "table" and frozen.view(value, name) or value
end

-- What reading the undefined global `name` means, among those in the tables given.
local function undefined(name, ...)
  local names = teach.variables(3)
  for _, known in ipairs({ ... }) do
    for other in pairs(known) do
      names[#names + 1] = other
    end
  end
  local meant = type(name) == "string" and core.suggest(name, names)
  local hint = teach.defined_below(name, 3) or meant and ("did you mean '%s'?"):format(meant)
    or teach.undefined_global(name)
  hint = hint and "; " .. hint or ""
  error(("undefined global '%s'%s"):format(tostring(name), hint), 3)
end

local function undefined_among(known)
  return function(_, name)
    undefined(name, known)
  end
end

local function assigned(_, name)
  error(("assignment to global '%s'; %s"):format(tostring(name), teach.assigned_global(name)), 2)
end

-- Scripts with the same grants live in one realm: its modules are loaded once, and have the grants too.
-- Those of other realms never meet them.
local realms = {}
local require_from

local function realm_of(allowed)
  local realm = realms[allowed.names]
  if not realm then
    realm = { allowed = allowed, opened = grants.open(allowed, globals), envs = {}, loaded = {} }
    realms[allowed.names] = realm
  end
  return realm
end

-- What chunks in the folder `dir` see as their globals: those of everybody, those of their grants, and
-- a `require` that knows where it is called from. Made once per realm and folder.
local function env_of(realm, dir)
  local chunk_env = realm.envs[dir]
  if not chunk_env then
    chunk_env = frozen.mark({})
    local own = {}
    for name, value in pairs(visible) do
      own[name] = value
    end
    for name, value in pairs(realm.opened) do
      own[name] = value
    end
    own._G = chunk_env
    own.require = function(name)
      local value = require_from(realm, dir, name)
      return value
    end
    setmetatable(own, { __index = undefined_among(own) })
    setmetatable(chunk_env, {
      __index = own,
      __newindex = assigned,
      __metatable = "the globals of mooncrier scripts",
    })
    realm.envs[dir] = chunk_env
  end
  return chunk_env
end

-- Compiles text (never bytecode) in the sandbox, as if it stood in the folder `dir` (default: the
-- current one), with the grants `allowed` (default: none); nil and the message when it does not compile.
function sandbox.compile(text, name, dir, allowed)
  if text:sub(1, 1) == "\27" then
    return nil, ("%s: this is bytecode; scripts are text"):format(name:sub(2))
  end
  local chunk, message = core.compile(text, name)
  if not chunk then
    return nil, teach.of_syntax(message, text)
  end
  return setfenv(chunk, env_of(realm_of(allowed or grants.none), dir or "."))
end

function sandbox.compile_file(path, allowed)
  local text, message = core.read_file(path)
  if not text then
    return nil, message
  end
  return sandbox.compile(text, "@" .. path, path:match("^(.*)/[^/]*$"), allowed)
end

-- The globals of somebody at a prompt: those of scripts in the current folder, and `own`, which can be
-- assigned to; `absent` is what to say of those that are not there yet. Gives a function that compiles
-- text to see them (the chunk, or nil and the message), and the table of the first.
function sandbox.session(own, absent)
  local theirs = debug.getmetatable(env_of(realm_of(grants.none), ".")).__index
  own._G = own
  setmetatable(own, {
    __index = function(_, name)
      local value = rawget(theirs, name)
      if value == nil and absent[name] then
        error(absent[name], 2)
      elseif value == nil then
        undefined(name, theirs, own)
      end
      return value
    end,
    __metatable = "the globals of this session",
  })
  return function(text, name)
    local chunk, message = core.compile(text, name)
    return chunk and setfenv(chunk, own), message
  end, theirs
end

-- Name → what scripts see of it, made when it is first required; false before.
local public_modules = {
  ["mooncrier.match"] = false,
  ["mooncrier.params"] = false,
  ["mooncrier.window"] = false,
  ["mooncrier.template"] = false,
  ["mooncrier.alarm"] = false,
  ["mooncrier.workload"] = false,
}

local libraries = { string = true, table = true, math = true, bit = true, coroutine = true, os = true }

-- The file names that `?` of each template stands for.
local function candidates(dir, file_name, path)
  local list = {}
  for _, folder in ipairs({ dir, sandbox.scripts_dir }) do
    list[#list + 1] = folder .. "/" .. file_name .. ".lua"
    list[#list + 1] = folder .. "/" .. file_name .. "/init.lua"
  end
  -- Only what is absolute belongs to the system; "./?.lua" would be wherever we were started.
  for template in path:gmatch("[^;]+") do
    if template:sub(1, 1) == "/" then
      list[#list + 1] = (template:gsub("%?", (file_name:gsub("%%", "%%%%"))))
    end
  end
  return list
end

-- Modules that people take for JSON; scripts have it without.
local json_modules = { cjson = true, ["cjson.safe"] = true, dkjson = true, json = true, rapidjson = true }

local function not_found(name, tried)
  if name == "mooncrier" or name:match("^mooncrier%.") then
    local names = {}
    for known in pairs(public_modules) do
      names[#names + 1] = known
    end
    local meant = core.suggest(name, names)
    return ("no module '%s'%s"):format(name, meant and ("; did you mean '%s'?"):format(meant) or "")
  end
  if package.loaded[name] or package.preload[name] then
    return ("module '%s' is not open to scripts"):format(name)
  end
  if sandbox.globals[name] ~= nil then
    return ("'%s' is a global of all scripts: it needs no require"):format(name)
  end
  if json_modules[name] then
    return ("no module '%s': scripts have json.decode and json.encode without require"):format(name)
  end
  local file_name = name:gsub("%.", "/")
  for template in package.cpath:gmatch("[^;]+") do
    local path = template:gsub("%?", (file_name:gsub("%%", "%%%%")))
    if core.has_file(path) then
      return ("module '%s' is a C library (%s), which the configuration must grant: allow = { \"c_modules\" }")
        :format(name, path)
    end
  end
  return ("module '%s' not found:\n\tno file '%s'"):format(name, table.concat(tried, "'\n\tno file '"))
end

local LOADING = {}

-- Runs the module in the file at `path`, once in each realm.
local function load_module(realm, name, path)
  local loaded = realm.loaded
  if loaded[path] == LOADING then
    error(("module '%s' requires itself (%s)"):format(name, path), 4)
  end
  if loaded[path] ~= nil then
    return loaded[path]
  end
  local chunk, message = sandbox.compile_file(path, realm.allowed)
  if not chunk then
    error(message, 0)
  end
  loaded[path] = LOADING
  local ok, value = pcall(chunk, name)
  if not ok then
    loaded[path] = nil
    error(value, 0)
  end
  if value == nil then
    value = true
  end
  loaded[path] = value
  return value
end

-- Looks beside the requiring script, then in the configured script directory, then where Lua on this
-- system looks. Whatever is found runs in the sandbox.
function require_from(realm, dir, name)
  if type(name) ~= "string" then
    error("require takes the name of a module, not a " .. type(name), 3)
  end
  if public_modules[name] ~= nil then
    public_modules[name] = public_modules[name] or frozen.view(require(name), name)
    return public_modules[name]
  elseif libraries[name] then
    return realm.opened[name] or visible[name]
  end
  local opened = grants.library(realm.allowed, realm.opened, name)
  if opened ~= nil then
    return opened
  end
  local tried = candidates(dir, (name:gsub("%.", "/")), package.path)
  if not name:match("^mooncrier%f[%.%z]") then
    for _, path in ipairs(tried) do
      if realm.loaded[path] ~= nil or core.has_file(path) then
        local value = load_module(realm, name, path)
        return value
      end
    end
  end
  local opened_c, message = grants.c_module(realm.allowed, name)
  if opened_c ~= nil then
    return opened_c
  end
  error(message or not_found(name, tried), 3)
end

sandbox.sink_index = sink_index

return sandbox
