-- The scripts of one state: loading them, their hooks, their life. C (core/script/script.c) calls
-- this; so does plain Lua through `require "mooncrier"`.

local core = require("mooncrier.core")
local advice = require("mooncrier.advice")
local event = require("mooncrier.event")
local driver = require("mooncrier.driver")
local grants = require("mooncrier.grants")
local known_hooks = require("mooncrier.hooks")
local sandbox = require("mooncrier.sandbox")
local saved = require("mooncrier.saved")
local sink_hooks = require("mooncrier.sink_hooks")
local sink_names = require("mooncrier.sink_names")
local texts = require("mooncrier.texts")

local scripts = {
  list = {}, -- { name, hooks, params } in the order loaded
  chain = {}, -- drivers { stage, script, batch, one, timed } of filter and handle, in the order they run
  route = nil, -- the drivers of the one route hook
  texts = {}, -- hook → { script, entry = function } or { script, spec = key by declaration }
  render = nil, -- { script, entry } of the watcher's render hook
  renderers = {}, -- sink → the same of its own
  sink = nil, -- hook → what C calls for it, when this state is that of a sink
  sinks = { bits = {}, index = sandbox.sink_index },
  names = {}, -- { hook, name, place } of each sink that the scripts name as a constant
}

-- These make the correlator's texts; there is one of each in a watcher.
local text_names = { "aggregate_key", "local_key", "spam_key", "aggregate_message" }

local where_of = driver.where_of

-- "file:line: " of the first line of the script that has `word`, for what is no function.
local function where_written(chunk, word, name)
  local path = debug.getinfo(chunk, "S").source:match("^@(.*)")
  local text = path and core.read_file(path) or ""
  local n, found = 0, nil
  for line in text:gmatch("([^\n]*)\n?") do
    n = n + 1
    if not found and line:gsub("%-%-.*", ""):find("%f[%w_]" .. word:gsub("%W", "%%%0") .. "%f[^%w_]") then
      found = n
    end
  end
  return found and ("%s:%d: "):format(path, found) or name .. ": "
end

-- What was probably meant by a hook of this name, where there may be `types`.
local function hint_of_hook(key, types)
  if types == known_hooks.of_watchers and known_hooks.of_sinks[key] then
    return ": it is one of sinks, which a configuration has among its sinks: { kind = \"script\", script = … }"
  elseif types == known_hooks.of_sinks and known_hooks.of_watchers[key] then
    return ": it is one of watchers; a sink has write(event)"
  end
  local names = {}
  for known in pairs(types) do
    names[#names + 1] = known
  end
  local meant = core.suggest(tostring(key), names)
  return meant and ("; did you mean '%s'?"):format(meant) or ""
end

-- `types` are the hooks that there may be.
local function check_hooks(hooks, chunk, name, types)
  if type(hooks) ~= "table" then
    error(("%s: a script must return a table of hooks, not %s; end it with return { filter = …, handle = … }")
      :format(name, hooks == nil and "nothing" or "a " .. type(hooks)), 0)
  end
  if type(hooks.watchers) == "table" then
    error(name .. ": this is a configuration, which has watchers, not a script", 0)
  end
  for key, value in pairs(hooks) do
    local wanted = types[key]
    if not wanted then
      -- A function that the script did not write itself says nothing of where it is.
      local own = type(value) == "function"
        and debug.getinfo(value, "S").source == debug.getinfo(chunk, "S").source
      local where = own and where_of(value) or where_written(chunk, tostring(key), name)
      error(("%sunknown hook '%s'%s"):format(where, tostring(key), hint_of_hook(key, types)), 0)
    end
    if not wanted:find(type(value), 1, true) then
      error(("%shook '%s' must be a %s, not a %s"):format(
        where_written(chunk, key, name), key, wanted, type(value)), 0)
    end
    if type(value) == "table" then
      local spec, problem = texts.declare(value)
      if not spec then
        error(where_written(chunk, key, name) .. key .. ": " .. problem, 0)
      end
    end
  end
end

local function tick_period(hooks, name)
  if not hooks.tick then
    return nil
  end
  local every = hooks.tick_every == nil and 1 or hooks.tick_every
  local ok, seconds = pcall(sandbox.globals.time.duration, every)
  if not ok or seconds <= 0 then
    error(("%s: tick_every must be a duration such as \"30s\", not %s"):format(
      name, tostring(every)), 0)
  end
  return seconds
end

-- What the script that is loaded next may use (grants.lua).
local allowed_next = grants.none

-- Gives the next script these grants: their names, separated by commas.
function scripts.allow(names)
  allowed_next = grants.set(names)
end

-- The grants for the script at hand; the one after has none.
local function take_allowed()
  local allowed = allowed_next
  allowed_next = grants.none
  return allowed
end

-- Notes the sinks that a script names in its code.
local function note_sinks(chunk, hooks)
  local found = { emit = sink_names.of_emits(chunk), route = hooks.route and sink_names.of_route(hooks.route) or {} }
  for _, hook in ipairs({ "route", "emit" }) do
    for _, named in ipairs(found[hook]) do
      named.hook = hook
      scripts.names[#scripts.names + 1] = named
    end
  end
end

-- Says what `look`, a function of advice.lua, finds in `what`. It is no reason to refuse a script.
local function advise(look, what, name)
  local ok, found = pcall(look, what)
  if not ok then
    core.warn(("%s: could not be looked through for mistakes: %s"):format(name, tostring(found)))
    return
  end
  for _, piece in ipairs(found) do
    core.warn(piece.place .. piece.text)
  end
end

-- Runs a script's chunk and gives its checked table of hooks.
local function run_chunk(chunk, message, name, types)
  if not chunk then
    error(message, 0)
  end
  local where = name .. ": "
  local ok, hooks = xpcall(chunk, driver.on_raise)
  if not ok then
    error(driver.failure(hooks, where), 0)
  end
  check_hooks(hooks, chunk, name, types or known_hooks.of_watchers)
  note_sinks(chunk, hooks)
  advise(advice.of_hooks, hooks, name)
  return hooks
end

-- The hooks of the script file at `path`, not added to anything, and the names of its grants.
function scripts.read_file(path, name, types)
  local allowed = take_allowed()
  local chunk, message = sandbox.compile_file(path, allowed)
  local hooks = run_chunk(chunk, message, name, types)
  return hooks, allowed.names
end

-- The same for a sink script.
function scripts.read_sink(path, name)
  local hooks, allowed = scripts.read_file(path, name, known_hooks.of_sinks)
  if not hooks.write then
    error(("%s: a sink has a write hook; this script has none"):format(name), 0)
  end
  return hooks, allowed
end

-- Notes that the script `name` defines `hook`, which a watcher may have only once.
local defined_in = {}

local function define_once(hook, value, name)
  if defined_in[hook] then
    error(("%sa second %s hook in one watcher; the first is in %s"):format(
      type(value) == "function" and where_of(value) or name .. ": ", hook, defined_in[hook]), 0)
  end
  defined_in[hook] = name
end

local function add_texts(hooks, name)
  for _, hook in ipairs(text_names) do
    local value = hooks[hook]
    if value then
      define_once(hook, value, name)
      scripts.texts[hook] = type(value) == "table" and { script = name, spec = texts.declare(value) }
        or { script = name, where = where_of(value), entry = texts.new(hook, value, name, where_of(value)) }
    end
  end
end

local function append(script)
  local list = scripts.list
  script.place = #list + 1
  list[script.place] = script
  return script
end

-- `where` is the place of hooks whose functions are our own.
local function add(hooks, name, params, where, allowed)
  local script = { name = name, hooks = hooks, params = params or {}, every = tick_period(hooks, name),
                   allowed = allowed, deadline = core.deadline() }
  for _, stage in ipairs({ "filter", "handle" }) do
    if hooks[stage] then
      local place = where or where_of(hooks[stage])
      local batch, one, timed = driver.new(stage, hooks[stage], name, place, scripts.sinks)
      scripts.chain[#scripts.chain + 1] =
        { stage = stage, script = name, where = place, batch = batch, one = one, timed = timed }
    end
  end
  add_texts(hooks, name)
  if hooks.route then
    define_once("route", hooks.route, name)
    local place = where_of(hooks.route)
    local batch, one, timed = driver.new("route", hooks.route, name, place, scripts.sinks)
    scripts.route = { stage = "route", script = name, where = place, batch = batch, one = one, timed = timed }
  end
  if hooks.render then
    define_once("render", hooks.render, name)
    local place = where_of(hooks.render)
    scripts.render = { script = name, where = place, entry = texts.new_render(hooks.render, name, place) }
  end
  return append(script)
end

-- Parameters as bytes, for when the state is made anew, and back.
function scripts.pack(params)
  return params ~= nil and assert(saved.encode(params)) or ""
end

function scripts.unpack(bytes)
  return bytes ~= "" and saved.decode(bytes) or nil
end

-- Loads the script file at `path`; `name` is what messages call it.
function scripts.load_file(path, name, params)
  local hooks, allowed = scripts.read_file(path, name)
  return add(hooks, name, params, nil, allowed)
end

-- Loads the script at `path` for the sink called `sink` alone: its render wins over the watcher's.
function scripts.load_renderer(sink, path, name, params)
  local hooks, allowed = scripts.read_file(path, name)
  if not hooks.render then
    error(("%s: a renderer has a render hook; this script has none"):format(name), 0)
  end
  for hook, value in pairs(hooks) do
    if hook ~= "render" and hook ~= "init" then
      local where = type(value) == "function" and where_of(value) or name .. ": "
      error(("%sa renderer has render and init, not '%s'"):format(where, hook), 0)
    end
  end
  if scripts.renderers[sink] then
    error(("%s: sink '%s' has a renderer already"):format(name, sink), 0)
  end
  local place = where_of(hooks.render)
  scripts.renderers[sink] =
    { script = name, where = place, entry = texts.new_render(hooks.render, name, place) }
  append({ name = name, hooks = hooks, params = params or {}, sink = sink, allowed = allowed,
           deadline = core.deadline() })
end

-- Makes this state that of a sink: the script at `path`, the only one in it.
function scripts.load_sink(path, name, params)
  local hooks, allowed = scripts.read_sink(path, name)
  scripts.sink = sink_hooks.new(hooks, name, where_of)
  append({ name = name, hooks = hooks, params = params or {}, every = tick_period(hooks, name), allowed = allowed,
           deadline = core.deadline() })
end

function scripts.load_text(text, name, params)
  local allowed = take_allowed()
  local chunk, message = sandbox.compile(text, "=" .. name, nil, allowed)
  return add(run_chunk(chunk, message, name), name, params, nil, allowed.names)
end

-- Loads `text`, an expression or statements over `event`, as a handle hook: false or nil drops (a
-- second value is the reason), an event or a table takes the event's place, anything else passes it.
function scripts.load_expression(text, name)
  local chunk, message = sandbox.compile("local event = ... return " .. text, "=" .. name)
  if not chunk then
    local as_statements, statement_message = sandbox.compile("local event = ... " .. text, "=" .. name)
    if not as_statements then
      local simple = not text:find("\n") and not text:find("^%s*local ") and not text:find("return")
      error(simple and message or statement_message, 0)
    end
    chunk = as_statements
  end
  advise(advice.of_expression, chunk, name)
  local function handle(ev)
    local result, reason = chunk(ev)
    if not result then
      return false, reason
    end
    if type(result) == "table" then
      core.wrap_table(result)
      return event.take_made()
    end
    if event.is(result) then
      return result
    end
    return true
  end
  return add({ handle = handle }, name, nil, name .. ": ", "")
end

-- Gives names that are no sink's the sinks that have none yet (`free`, places), the last of which
-- keeps to itself what is left over.
local function open_sinks(free, last)
  local bits, index = scripts.sinks.bits, scripts.sinks.index
  local function name_next(name)
    if type(name) ~= "string" or name == "" then
      return nil
    end
    local place = table.remove(free, 1)
    if not place then
      return last
    end
    rawset(bits, name, 2 ^ place)
    rawset(index, name, place)
    core.name_sink(place, name)
    return place
  end
  setmetatable(index, { __index = function(_, name) return name_next(name) end })
  setmetatable(bits, {
    __index = function(_, name)
      local place = name_next(name)
      return place and 2 ^ place
    end,
  })
end

-- Tells route and emit what the sinks are called: names in the order of the watcher. With empty ones
-- among them any name is a sink.
function scripts.set_sinks(names)
  local free = {}
  for i, name in ipairs(names) do
    if name == "" then
      free[#free + 1] = i - 1
    else
      scripts.sinks.bits[name] = 2 ^ (i - 1)
      scripts.sinks.index[name] = i - 1
    end
  end
  if #free > 0 then
    open_sinks(free, #names - 1)
  end
end

-- What is wrong with the sinks that scripts name in their code; nil when nothing is.
function scripts.check_sinks()
  local known = {}
  for name in pairs(scripts.sinks.bits) do
    known[#known + 1] = name
  end
  table.sort(known)
  for _, named in ipairs(scripts.names) do
    if not scripts.sinks.bits[named.name] then
      local meant = core.suggest(named.name, known)
      return ("%s%s names sink '%s', which the watcher does not have; %s"):format(named.place, named.hook, named.name,
        meant and ("did you mean '%s'?"):format(meant)
          or #known > 0 and "it has " .. table.concat(known, ", ") or "it has none")
    end
  end
end

-- From here on hooks run inside drivers, which end what the hooks made.
function scripts.start()
  event.run.in_hook = 1
end

-- Runs `hook` of a script that may refuse; nil, or what went wrong.
local function ask(script, hook, argument)
  local ok, result, reason = driver.once(script, nil, script.hooks[hook], argument)
  if not ok then
    return ("%s: %s: %s"):format(script.name, hook, result)
  elseif result == false then
    return ("%s: %s refused: %s"):format(script.name, hook, tostring(reason or "no reason given"))
  end
end

-- Runs every init(params); an error message when one raised or refused.
function scripts.init()
  for _, script in ipairs(scripts.list) do
    local problem = script.hooks.init and ask(script, "init", script.params)
    if problem then
      return problem
    end
  end
end

-- Runs every self_test(), likewise.
function scripts.self_test()
  for _, script in ipairs(scripts.list) do
    local problem = script.hooks.self_test and ask(script, "self_test")
    if problem then
      return problem
    end
  end
end

-- Calls `each(script, key)`; the key is the same for the same script in another state. A watcher may
-- list one script several times.
local function each_keyed(each)
  local times = {}
  for _, script in ipairs(scripts.list) do
    local n = (times[script.name] or 0) + 1
    times[script.name] = n
    local problem = each(script, script.name .. "#" .. n)
    if problem then
      return problem
    end
  end
end

-- What every save() returns, as bytes; "" when no script has one. nil and a message: one failed.
function scripts.save()
  local all = {}
  local problem = each_keyed(function(script, key)
    if not script.hooks.save then
      return nil
    end
    local ok, result = driver.once(script, nil, script.hooks.save)
    if not ok then
      return ("%s: save: %s"):format(script.name, result)
    end
    local bytes, why = saved.encode(result)
    if not bytes then
      return ("%s%s"):format(where_of(script.hooks.save), why)
    end
    if result ~= nil then
      all[key] = bytes
    end
  end)
  if problem then
    return nil, problem
  end
  return next(all) and saved.join(all) or ""
end

-- Gives what save() of another state made to every restore(saved); a message when one raised or
-- refused.
function scripts.restore(bytes)
  local all = bytes ~= "" and saved.split(bytes) or {}
  return each_keyed(function(script, key)
    if script.hooks.restore and all[key] then
      return ask(script, "restore", saved.decode(all[key]))
    end
  end)
end

-- Counts what another state has counted before.
function scripts.add_reason(reason, n)
  driver.note_reason(reason, n)
end

-- Runs the ticks that are due at `now` (Unix seconds); returns when the next one is, nil for never.
function scripts.tick(now)
  local next_due
  for _, script in ipairs(scripts.list) do
    if script.every then
      script.due = script.due or now + script.every
      -- Times come as rounded numbers: a tick that is due at this very moment must not miss it.
      if now >= script.due - 1e-6 then
        -- A late tick is not made up for: the next one is due a full period from now. Set before the
        -- call, which may not return.
        local next_time = script.due + script.every
        script.due = next_time > now and next_time or now + script.every
        if core.may_run("tick", script.name) then
          local ok, message, stopped = driver.once(script, script.deadline, script.hooks.tick, now)
          core.ran("tick", script.name, not ok and message or nil, stopped)
        end
      end
      next_due = math.min(next_due or script.due, script.due)
    end
  end
  return next_due
end

function scripts.fini()
  for _, script in ipairs(scripts.list) do
    if script.hooks.fini and not script.ended then
      script.ended = true -- before the call, which may not return
      local ok, message, stopped = driver.once(script, nil, script.hooks.fini)
      core.ran("fini", script.name, not ok and message or nil, stopped)
    end
  end
end

-- One line per script: its name, hooks and grants.
function scripts.describe()
  local lines = {}
  for i, script in ipairs(scripts.list) do
    local names = {}
    for _, name in ipairs(known_hooks.names) do
      local hook = script.hooks[name]
      if type(hook) == "table" then
        names[#names + 1] = ("%s = %s%s"):format(
          name, table.concat(hook, " + "), hook.normalize and ", normalized" or "")
      elseif hook then
        names[#names + 1] = name
      end
    end
    lines[i] = ("%s (%s%s%s)"):format(script.name, #names > 0 and table.concat(names, ", ") or "no hooks",
      script.sink and ("; for sink '%s'"):format(script.sink) or "",
      (script.allowed ~= "" and "; allowed: " .. script.allowed or "")
        .. (script.deadline ~= 1e9 and ("; deadline %g s"):format(script.deadline / 1e9) or ""))
  end
  return table.concat(lines, "\n")
end

-- The name of the first script of the watcher that has the hook, nil when there is none.
function scripts.owner(hook)
  for _, script in ipairs(scripts.list) do
    if script.hooks[hook] and not script.sink then
      return script.name
    end
  end
end

-- The reason that a driver has left in a slot; nil when there is none.
function scripts.reason_at(place)
  return driver.reason_at(place)
end

-- { reason, how many events it dropped }, most frequent first.
function scripts.reasons()
  local list = {}
  for reason, n in pairs(driver.reasons) do
    list[#list + 1] = { reason, n }
  end
  table.sort(list, function(a, b)
    if a[2] ~= b[2] then
      return a[2] > b[2]
    end
    return a[1] < b[1]
  end)
  return list
end

return scripts
