-- A watcher in a test: scripts in a world of their own, called as core/script/driver.c and the watcher
-- call them, with sinks that only remember. `mooncrier.test` is the interface to it.
--
-- Every watcher loads the script layer anew, so that tests share neither modules nor sinks; only the
-- event type and the C half are of the whole Lua state. The C half is seen through a table that takes
-- what scripts cause: logs, errors, emitted events.

local ffi = require("ffi")
local core = require("mooncrier.core")
local event = require("mooncrier.event")

local run, api, view_t = event.run, event.api, event.view_t

local outcomes = { [0] = "passed", "dropped", "refused" } -- mcr_outcome of core/broadcast/hooks.h
local PASSED, REFUSED = 0, 2
local SUPPRESSED, RENDER_FAILED = 2, 3 -- mcr_render_result of core/sink/sink.h

-- slot.sinks of an event whose route has nothing to say; above all sets of sinks.
local ALL = 2 ^ 60

-- More ticks in one go are not worth waiting for: the clock jumps.
local MAX_TICKS = 100000

---Scripts under test, with their sinks, as one watcher of the program has them.
---@class mooncrier.test.Watcher
local Watcher = {}
Watcher.__index = Watcher

-- What a Lua state has once, whatever is loaded anew.
local function is_lasting(name)
  return not name:find("^mooncrier%.") or name == "mooncrier.event" or name:find("^mooncrier%.test")
end

-- Takes the modules of the script layer out of package.loaded.
local function take_modules()
  local taken = {}
  for name, module in pairs(package.loaded) do
    if not is_lasting(name) then
      taken[name] = module
    end
  end
  for name in pairs(taken) do
    package.loaded[name] = nil
  end
  return taken
end

local function put_modules(modules)
  for name, module in pairs(modules) do
    package.loaded[name] = module
  end
end

-- The chunks of modules, by name: loading one anew is running it again, which spares the parser.
local chunks = {}

-- Among package.loaders while a watcher's modules are loaded.
local function load_again(name)
  if is_lasting(name) then
    return nil
  end
  for i = 2, #package.loaders do
    chunks[name] = chunks[name] or package.loaders[i](name)
    if type(chunks[name]) ~= "function" then
      chunks[name] = nil
    end
  end
  return chunks[name]
end

-- Stops what runs on and on, as the guard of the program does (core/script/guard.h); nobody else may be
-- using the hook. Only the interpreter calls it, so nothing is compiled meanwhile. Gives what ends that.
local function guard(seconds)
  if debug.gethook() then
    return function() end
  end
  local stop_at = os.clock() + seconds
  debug.sethook(function()
    if os.clock() > stop_at then
      error(("deadline: stopped after %g s"):format(seconds), 2)
    end
  end, "", 100000)
  local compiles = jit.status()
  jit.off()
  return function()
    debug.sethook()
    if compiles then
      jit.on()
    end
  end
end

-- Calls `inside(…)` where `require` finds the watcher's own modules, at the watcher's time. With
-- `in_hook`, events that are made live as long as the hook.
function Watcher:within(in_hook, inside, ...)
  local others, before, was_in_hook, slot = take_modules(), run.now, run.in_hook, run.slot
  put_modules(self.modules)
  core.set_now(self.now)
  -- Ticks and the like have no event at hand; that of the last one is gone.
  run.in_hook, run.slot = in_hook, nil
  table.insert(package.loaders, 1, load_again)
  local unguard = guard(self.setup.deadline)
  local ok, first, second = xpcall(inside, function(message)
    return type(message) == "string" and message or tostring(message)
  end, ...)
  unguard()
  table.remove(package.loaders, 1)
  run.in_hook, run.slot, run.answers = was_in_hook, slot, 0
  core.set_now(before)
  self.modules = take_modules()
  put_modules(others)
  if not ok then
    error(first, 0)
  end
  return first, second
end

-- What went wrong in a hook, as { hook, script, message, traceback, event }.
function Watcher:failed(hook, script, text)
  local message, traceback = text:match("^([^\n]*)\n?(.*)$")
  local failure = { hook = hook, script = script, message = message, traceback = traceback,
                    event = self.outcome and self.outcome.input }
  self.failure = failure
  self.result.errors[#self.result.errors + 1] = failure
end

-- A sink gets an event; `rendered` is what it sends of it, if a script said.
local function arrive(self, sink, what, rendered)
  local sinks = self.result.sinks
  sinks[sink] = sinks[sink] or {}
  local delivery = rendered or {}
  delivery.event, delivery.sink, delivery.at = what, sink, self.now
  table.insert(sinks[sink], delivery)
end

local log_levels = { [0] = "error", "warn", "info", "debug" }

-- The C half as the scripts of this watcher meet it.
local function core_of(self)
  local own = {}
  function own.log(level, text)
    local log = self.result.log
    log[#log + 1] = { level = log_levels[level], text = text }
  end
  function own.emit(what)
    if not self.started then
      error("emit: nothing runs yet; emit from a tick or a handler", 0)
    end
    self:emitted(what)
    return true
  end
  -- `place` is set when route gives a sink an event of its own, else emit does.
  function own.deliver(what, index, place)
    if place then
      self.own_events[#self.own_events + 1] = { sink = self.sink_names[index + 1], event = what:keep() }
    else
      self:emitted(what, self.sink_names[index + 1])
    end
    return true
  end
  function own.name_sink(place, name)
    self.sink_names[place + 1] = name
  end
  function own.unknown_sink(script, name)
    self:failed("route", script, ("%s names sink '%s', which the watcher does not have"):format(script, name))
  end
  function own.use_fallback(i)
    run.slot[i].sinks = self.fallback
  end
  function own.hook_failed(stage, script, i, text)
    self:failed(stage, script, text)
    local slot = run.slot[i]
    if stage == "route" then
      slot.sinks = self.fallback
    elseif self.on_error ~= "pass" and slot.outcome == PASSED then
      slot.outcome = REFUSED
    end
  end
  function own.script_failed(stage, script, text)
    self:failed(stage, script, text)
  end
  function own.may_run()
    return true
  end
  function own.ran(stage, script, text)
    if text then
      self:failed(stage, script, text)
    end
    if stage == "tick" then
      self.result.ticks = self.result.ticks + 1
    end
  end
  return setmetatable(own, { __index = core })
end

function Watcher:emitted(what, sink)
  local record = { event = what:keep(), sink = sink, at = self.now }
  table.insert(self.result.emitted, record)
  if self.outcome then
    table.insert(self.outcome.emitted, record)
  end
  if sink then
    arrive(self, sink, record.event)
  end
end

-- The names of a watcher without declared sinks: any name is one, until there are too many.
local any_names = {}
for i = 1, 52 do
  any_names[i] = ""
end

local function load(self, setup)
  local scripts, sandbox = require("mooncrier.scripts"), require("mooncrier.sandbox")
  local driver = require("mooncrier.driver")
  self.scripts, sandbox.scripts_dir = scripts, setup.scripts_dir
  local note_reason = driver.note_reason
  function driver.note_reason(reason, times)
    self.reason = type(reason) == "string" and reason or tostring(reason)
    local place = note_reason(reason, times)
    return place
  end
  self.sink_names = setup.sinks or {}
  scripts.set_sinks(setup.sinks or any_names)
  if setup.is_sink then
    local script = setup.scripts[1]
    scripts.allow(table.concat(script.allow, ","))
    scripts.load_sink(script.path, script.name, script.params)
    local problem = scripts.init()
    if problem then
      error(problem, 0)
    end
    return
  end
  for _, script in ipairs(setup.scripts) do
    scripts.allow(table.concat(script.allow, ","))
    scripts.load_file(script.path, script.name, script.params)
  end
  for sink, script in pairs(setup.renderers) do
    scripts.allow(table.concat(script.allow, ","))
    scripts.load_renderer(sink, script.path, script.name, script.params)
  end
  local problem = setup.sinks and scripts.check_sinks() or scripts.init() or scripts.self_test()
  if problem then
    error(problem, 0)
  end
  self.fallback = ALL
  if setup.fallback then
    self.fallback = 0
    for _, name in ipairs(setup.fallback) do
      self.fallback = self.fallback + scripts.sinks.bits[name]
    end
  end
end

-- Loads the scripts into a fresh world.
function Watcher:open(setup)
  self.setup, self.on_error = setup, setup.on_error
  self.modules = { ["mooncrier.core"] = core_of(self) }
  self.slots = ffi.new("mcr_slot[1]")
  self.started = false
  self:within(0, load, self, setup)
  self.started = true
  self.next_tick = self:within(1, self.scripts.tick, self.now)
  if setup.is_sink then
    self:open_sink()
  end
end

---@param setup mooncrier.test.Setup
---@param now number
---@param result table
---@return mooncrier.test.Watcher
local function new(setup, now, result)
  local self = setmetatable({ now = now, result = result, own_events = {} }, Watcher)
  self:open(setup)
  return self
end

-- Time passes until `now`, with the ticks that become due.
function Watcher:advance_to(now)
  local ticks = 0
  while self.next_tick and self.next_tick <= now and ticks < MAX_TICKS do
    self.now = self.next_tick
    self.next_tick = self:within(1, self.scripts.tick, self.now)
    ticks = ticks + 1
  end
  self.now = math.max(self.now, now)
  if self.next_tick and self.next_tick <= now then
    self.next_tick = self:within(1, self.scripts.tick, self.now)
  end
end

-- What the correlator's hooks make of the event in the slot; nil when there are none.
local function keys_of(self, view)
  local keys
  for hook, text in pairs(self.scripts.texts) do
    keys = keys or {}
    keys[hook] = text.spec and core.key_text(text.spec, view) or text.entry and text.entry()
  end
  return keys
end

local function headers_of(lines)
  local headers = {}
  for name, value in (lines or ""):gmatch("([^:]+): ([^\n]*)\n") do
    headers[name] = value
  end
  return headers
end

-- What `sink` sends of `what`: a table, empty when no script has a say; false: nothing; nil: it refuses the
-- event.
local function render(self, what, sink)
  local renderer = self.scripts.renderers[sink] or self.scripts.render
  if not renderer then
    return {}
  end
  self.slots[0].handle = what.handle
  local answer, body, url, method, headers = renderer.entry(sink)
  if answer == SUPPRESSED then
    return false
  elseif answer == RENDER_FAILED then
    return nil
  end
  return { body = body, url = url, method = method, headers = headers_of(headers) }
end

-- The names of the sinks in the set, in order.
local function names_in(self, set)
  local names = {}
  for i, name in ipairs(self.sink_names) do
    if math.floor(set / 2 ^ (i - 1)) % 2 == 1 then
      names[#names + 1] = name
    end
  end
  return names
end

-- Hands the event that left to its sinks.
local function deliver(self, outcome, set)
  local own = {}
  for _, one in ipairs(self.own_events) do
    own[one.sink] = one.event
  end
  self.own_events = {}
  if set == ALL and not self.setup.sinks then
    outcome.sinks = "all"
    return
  end
  local chosen = {}
  for _, name in ipairs(set == ALL and self.sink_names or names_in(self, set)) do
    chosen[name] = outcome.event
  end
  for name, changed in pairs(own) do
    chosen[name] = changed
  end
  outcome.sinks = {}
  run.answers = 1
  for _, name in ipairs(self.sink_names) do
    local what = chosen[name]
    if what then
      table.insert(outcome.sinks, name)
      local rendered = render(self, what, name)
      if rendered then
        arrive(self, name, what, rendered)
      end
    end
  end
  run.answers = 0
end

local function pass_through(self, outcome)
  local slot = self.slots[0]
  run.slot = self.slots
  slot.handle, slot.outcome, slot.sinks = api.ref(outcome.input.handle), PASSED, ALL
  for _, driver in ipairs(self.scripts.chain) do
    if slot.outcome == PASSED then
      run.first, run.last = 0, 1
      driver.one()
    end
  end
  -- What the slot held becomes the view's.
  local left = ffi.gc(view_t(slot.handle, 0), api.unref_view)
  outcome.outcome = outcomes[slot.outcome]
  if slot.outcome ~= PASSED then
    return
  end
  outcome.event = left
  outcome.changed = left.handle ~= outcome.input.handle
  run.answers = 1
  outcome.keys = keys_of(self, left)
  run.answers = 0
  if self.scripts.route then
    run.first, run.last = 0, 1
    self.scripts.route.one()
  end
  deliver(self, outcome, tonumber(slot.sinks))
end

-- One event through everything: what became of it, also added to the result.
function Watcher:take(view)
  local result = self.result
  local outcome = { input = view, emitted = {}, at = self.now }
  self.outcome, self.reason, self.failure = outcome, nil, nil
  self:within(1, pass_through, self, outcome)
  self.outcome = nil
  outcome.reason = outcome.outcome == "dropped" and self.reason or nil
  outcome.error = self.failure and self.failure.message
  result[#result + 1] = outcome
  result[outcome.outcome] = result[outcome.outcome] + 1
  if outcome.outcome == "dropped" then
    local reason = outcome.reason or ""
    result.reasons[reason] = (result.reasons[reason] or 0) + 1
  end
  return outcome
end

-- save() of these scripts, restore() of those of `setup`, which go on in their place.
function Watcher:change_to(setup)
  local bytes = self:within(1, function()
    local saved, message = self.scripts.save()
    if not saved then
      error(message, 0)
    end
    return saved
  end)
  self:open(setup)
  local problem = self:within(1, self.scripts.restore, bytes)
  if problem then
    error(problem, 0)
  end
end

-- fini().
function Watcher:finish()
  self:within(1, self.scripts.fini)
end

require("mooncrier.test_sink")(Watcher)

return { new = new, Watcher = Watcher }
