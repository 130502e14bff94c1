-- Drivers: the loops that call one hook for each event of a batch. C sets run.slot, run.first and
-- run.last and calls; the driver answers in the slots.
--
-- The loop is compiled from text anew for every hook, so that each has a prototype, and hence a root
-- trace, of its own: one shared loop over many handlers would be compiled for none of them (spec
-- LIMITS §1, "Many handlers in one VM").

local core = require("mooncrier.core")
local event = require("mooncrier.event")
local teach = require("mooncrier.teach")

local run, api, view_t = event.run, event.api, event.view_t
local kind_of = event.kind_of

local driver = {}

-- How many events each reason of the scripts has dropped. Bounded: past the limit the rest is one.
local reasons = { by_text = {}, n = 0, place = {}, at = {} }
local MAX_REASONS = 200
local MAX_REASON_LENGTH = 200
local OTHER_REASONS = "(other reasons)"

-- Called outside the protected call of the hook: it must not raise, whatever the reason is. Returns the
-- place of the reason, for driver.reason_at.
function driver.note_reason(reason, times)
  local text = reason
  if type(reason) ~= "string" then
    local plain = type(reason) == "number" or type(reason) == "boolean"
    text = plain and tostring(reason) or "(a " .. type(reason) .. " as reason)"
  end
  local by_text = reasons.by_text
  local n = by_text[text]
  if not n then
    text = text:sub(1, MAX_REASON_LENGTH)
    if not by_text[text] then
      if reasons.n >= MAX_REASONS then
        text = OTHER_REASONS
      else
        reasons.n = reasons.n + 1
      end
    end
    n = by_text[text]
    if not n then
      n = 0
      reasons.at[#reasons.at + 1] = text
      reasons.place[text] = #reasons.at
    end
  end
  by_text[text] = n + (times or 1)
  if run.observed ~= 0 then
    core.observe_why(text)
  end
  return reasons.place[text]
end

driver.reasons = reasons.by_text

function driver.reason_at(place)
  return reasons.at[place]
end

-- Our own files, as chunk names begin: what stands in them tells script authors nothing.
local driver_source = debug.getinfo(1, "S").source
local own_source = driver_source:gsub("driver%.lua$", "")
local own_place = own_source:sub(2)

-- "file:line: " of the innermost function of a script at the point of the error.
local function place_of_script()
  for level = 3, 60 do
    local info = debug.getinfo(level, "Sl")
    if not info or info.source == driver_source or info.source:match("^=[%a_]+ of ") then
      return "" -- down at the driver: the script's functions were gone by tail calls
    end
    if info.currentline > 0 and info.source:sub(1, #own_source) ~= own_source then
      return ("%s:%d: "):format(info.short_src, info.currentline)
    end
  end
  return ""
end

local function text_of(err)
  if type(err) == "string" then
    return err
  end
  local ok, text = pcall(tostring, err)
  return ok and type(text) == "string" and text or "(an error that is a " .. type(err) .. ")"
end

-- "\n" and the stack from where the error was raised, without our own frames; "" when the script's
-- have all gone by tail calls.
local function trace_of()
  local lines = {}
  for line in debug.traceback("", 3):gsub("\n\t%[C%]: in function 'xpcall'.*", ""):gmatch("[^\n]+") do
    local place = line:match("^\t(.*)")
    if not place or (place:sub(1, #own_place) ~= own_place and place ~= "[C]: in function 'error'") then
      lines[#lines + 1] = line
    end
  end
  return #lines > 1 and "\n" .. table.concat(lines, "\n") or ""
end

-- The message handler of every call into a script: "file:line: what", then the stack.
function driver.on_raise(err)
  local text = teach.of_error(text_of(err), 2)
  if text:sub(1, #own_place) == own_place then
    text = text:gsub("^[^\n]-:%d+: ", "", 1)
  end
  if not text:match("^[^\n]-:%d+: ") then
    text = place_of_script() .. text
  end
  return text .. trace_of()
end

-- A script's result that makes no sense is an error of the script like any other.
local function complain(hook, i, text)
  core.hook_failed(hook.stage, hook.script, i, hook.where .. text)
end

-- "file:line: " of the function `hook`.
function driver.where_of(hook)
  local info = debug.getinfo(hook, "S")
  if info.what == "C" then
    return ""
  end
  return ("%s:%d: "):format(info.short_src, info.linedefined)
end

-- Why a call into a script failed, with its place: when the message has none (the script's function was
-- gone by a tail call, or there was no memory to find out) it is `where`.
function driver.failure(text, where)
  text = core.failure(text)
  return text:match("^[^\n]-:%d+: ") and text or where .. text
end

local function raised(hook, i, text)
  core.hook_failed(hook.stage, hook.script, i, driver.failure(text, hook.where))
end

local function settle_handle(hook, i, result)
  if not event.is(result) then
    complain(hook, i, "handle must return nil, true, false or an event, not " .. kind_of(result)
      .. (type(result) == "table" and "; event:with{ … } makes an event of a table of changes" or ""))
  elseif not event.is_alive(result) then
    complain(hook, i, "handle returned an event that was used after its hook returned")
  else
    api.replace(run.slot + i, result.handle)
  end
end

-- What is wrong with one member of the table that route gave; nil when nothing is.
local function route_problem(key, value)
  if type(key) == "number" then
    return type(value) ~= "string" and "route: a list holds sink names, not " .. kind_of(value) or nil
  elseif type(key) ~= "string" then
    return "route: a map has sink names as keys, not " .. kind_of(key)
  elseif value == true or value == false then
    return nil
  elseif not event.is(value) then
    return ("route: the value of '%s' must be true or an event, not %s"):format(key, kind_of(value))
  elseif not event.is_alive(value) then
    return ("route: the value of '%s' is an event that was used after its hook returned"):format(key)
  end
end

-- What route's answer means, when it is not nil or the name of a sink. `hook.bits` maps sink names to
-- 2^index, `hook.index` to the index.
local function settle_route(hook, i, result)
  local slot, bits = run.slot[i], hook.bits
  if result == false then
    slot.sinks = 0
    return
  end
  if type(result) == "string" then
    result = { result }
  end
  if type(result) ~= "table" then
    complain(hook, i, "route must return nil, false, a sink name or a table, not " .. kind_of(result))
    return
  end
  -- All of it is checked before anything is delivered: a failed route goes to the fallback alone.
  for key, value in next, result do
    local problem = route_problem(key, value)
    if problem then
      complain(hook, i, problem)
      return
    end
  end
  local set, chosen, unknown, delivered = 0, {}, false, false
  for key, value in next, result do
    local name = type(key) == "number" and value or key
    if value and not bits[name] then
      core.unknown_sink(hook.script, name)
      unknown = true
    elseif event.is(value) then
      core.deliver(value, hook.index[name], i + 1)
      delivered = true
    elseif value and not chosen[name] then
      chosen[name] = true
      set = set + bits[name]
    end
  end
  slot.sinks = set
  -- A slip of the pen must not lose the event.
  if unknown and set == 0 and not delivered then
    core.use_fallback(i)
  end
end

-- Three ways in: over a batch; the same with a look at the clock after each event; and for the one
-- event at run.first. That has no loop, so that it compiles to a trace that ends where the function
-- does, with no exit to pay for each call.
local template = [[
local type = type
local handler, hook, run, view_t, xpcall, on_raise, failed, settle, note_reason, bits, api = ...
local function batch()
  for i = run.first, run.last - 1 do
    local slot = run.slot[i]
    if slot.outcome == 0 then
      BODY
    end
  end
  run.gen = run.gen + 1
end
local function timed()
  for i = run.first, run.last - 1 do
    local slot = run.slot[i]
    if slot.outcome == 0 then
      BODY
      api.lap(run)
    end
  end
  run.gen = run.gen + 1
end
local function one()
  local i = run.first
  local slot = run.slot[i]
  BODY
  run.gen = run.gen + 1
end
return batch, one, timed
]]

local body = [[
      local gen = run.gen + 1
      run.gen = gen
      run.first = i
      local ok, result, reason = xpcall(handler, on_raise, view_t(slot.handle, gen))
      if not ok then
        failed(hook, i, result)
      ANSWER
      end
      if run.scoped ~= 0 then
        api.release_scoped(run)
      end]]

local answers = {
  filter = [[elseif not result then
        slot.outcome = 1
        if reason ~= nil then
          slot.sinks = note_reason(reason)
        end]],
  handle = [[elseif result == false then
        slot.outcome = 1
        if reason ~= nil then
          slot.sinks = note_reason(reason)
        end
      elseif result ~= nil and result ~= true then
        settle(hook, i, result)]],
  route = [[elseif result ~= nil then
        local bit = bits[result]
        if bit then
          slot.sinks = bit
        else
          settle(hook, i, result)
        end]],
}

local settlers = { handle = settle_handle, route = settle_route }

-- The driver functions (batch, one, timed) for the hook `name` ("filter", "handle" or "route") of the script
-- called `script`. The names in `sinks` are filled in later, when the sinks are known.
function driver.new(name, handler, script, where, sinks)
  local hook = { stage = name, script = script, where = where, bits = sinks.bits, index = sinks.index }
  local text = template:gsub("BODY", (body:gsub("ANSWER", answers[name])))
  local chunk = assert(loadstring(text, "=" .. name .. " of " .. script))
  return chunk(
    handler, hook, run, view_t, xpcall, driver.on_raise, raised, settlers[name], driver.note_reason,
    sinks.bits, api
  )
end

-- Runs `hook(…)` of `script` (an item of scripts.list) once, outside batches (init, tick, fini): true
-- and its results, or nil, the message with its traceback and whether it was stopped. It may take
-- `deadline` ns; nil: what C said. Views made before are stale inside.
function driver.once(script, deadline, hook, ...)
  run.script = script.place
  run.deadline = deadline or run.deadline
  run.gen = run.gen + 1
  local ok, first, second = xpcall(hook, driver.on_raise, ...)
  if not ok then
    first = core.failure(first) -- before anything that needs memory
  end
  run.gen = run.gen + 1
  api.release_scoped(run)
  if not ok then
    local stop = core.stopped()
    if stop then
      return nil, stop, true
    end
    return nil, driver.failure(first, driver.where_of(hook)), false
  end
  return true, first, second
end

return driver
