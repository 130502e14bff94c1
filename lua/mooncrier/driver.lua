-- Drivers: the loops that call one hook for each event of a batch. C sets run.slot, run.first and
-- run.last and calls; the driver answers in the slots.
--
-- The loop is compiled from text anew for every hook, so that each has a prototype, and hence a root
-- trace, of its own: one shared loop over many handlers would be compiled for none of them (spec
-- LIMITS §1, "Many handlers in one VM").

local ffi = require("ffi")
local core = require("mooncrier.core")
local event = require("mooncrier.event")

local run, api, view_t = event.run, event.api, event.view_t

local PASS, DROP = 0, 1

local driver = {}

-- How many events each reason of the scripts has dropped. Bounded: past the limit the rest is one.
local reasons = { by_text = {}, n = 0 }
local MAX_REASONS = 200

function driver.note_reason(reason)
  local text = tostring(reason)
  local by_text = reasons.by_text
  if not by_text[text] then
    if reasons.n >= MAX_REASONS then
      text = "(other reasons)"
    end
    reasons.n = reasons.n + 1
  end
  by_text[text] = (by_text[text] or 0) + 1
end

driver.reasons = reasons.by_text

-- The message handler of every hook call: the text and where it came from, without our own frames.
local function on_raise(err)
  local text = type(err) == "string" and err or tostring(err)
  local trace = debug.traceback("", 2):gsub("\n\t%[C%]: in function 'xpcall'.*", "")
  return text .. "\n" .. trace:gsub("^\n", "")
end

-- A script's result that makes no sense is an error of the script like any other.
local function complain(hook, i, text)
  core.hook_failed(hook.stage, hook.script, i, hook.where .. text)
end

local function settle_handle(hook, i, result)
  if event.is(result) then
    if event.is_alive(result) then
      api.replace(run.slot + i, result.handle)
    else
      complain(hook, i, "handle returned an event that was used after its hook returned")
    end
  else
    complain(hook, i, "handle must return nil, true, false or an event, not a " .. type(result))
  end
end

-- What route's answer means. `hook.bits` maps sink names to 2^index, `hook.index` to the index.
local function settle_route(hook, i, result)
  local slot = run.slot[i]
  local bits = hook.bits
  if result == false then
    slot.sinks = 0
    return
  end
  if type(result) ~= "table" then
    complain(hook, i, "route must return nil, false, a sink name or a table, not a " .. type(result))
    return
  end
  local set, chosen = 0, {}
  local function choose(name)
    local bit = bits[name]
    if not bit then
      core.unknown_sink(hook.script, tostring(name))
    elseif not chosen[name] then
      chosen[name] = true
      set = set + bit
    end
  end
  for key, value in pairs(result) do
    if type(key) == "number" then
      choose(value)
    elseif value == true then
      choose(key)
    elseif event.is_alive(value) then
      if bits[key] then
        core.deliver(value, hook.index[key], i + 1)
      else
        core.unknown_sink(hook.script, tostring(key))
      end
    elseif value ~= false then
      complain(hook, i, ("route: the value of '%s' must be true or an event"):format(tostring(key)))
      return
    end
  end
  slot.sinks = set
end

-- Two ways in: over a batch, and for the one event at run.first. The second has no loop, so that it
-- compiles to a trace that ends where the function does, with no exit to pay for each call.
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
local function one()
  local i = run.first
  local slot = run.slot[i]
  BODY
  run.gen = run.gen + 1
end
return batch, one
]]

local body = [[
      local gen = run.gen + 1
      run.gen = gen
      local ok, result, reason = xpcall(handler, on_raise, view_t(slot.handle, gen))
      if not ok then
        failed(hook.stage, hook.script, i, result)
      ANSWER
      end
      if run.scoped ~= 0 then
        api.release_scoped(run)
      end]]

local answers = {
  filter = [[elseif not result then
        slot.outcome = 1
        if reason ~= nil then
          note_reason(reason)
        end]],
  handle = [[elseif result == false then
        slot.outcome = 1
        if reason ~= nil then
          note_reason(reason)
        end
      elseif result ~= nil and result ~= true then
        settle(hook, i, result)]],
  route = [[elseif result ~= nil then
        local bit = bits[result]
        if bit then
          slot.sinks = bit
        elseif type(result) == "string" then
          slot.sinks = 0
          note_reason(hook.script, result)
        else
          settle(hook, i, result)
        end]],
}

local settlers = { handle = settle_handle, route = settle_route }

-- The driver functions (batch, one) for the hook `name` ("filter", "handle" or "route") of the script called `script`. `bits`
-- and `index` (for route) are filled later, when the sinks are known.
function driver.new(name, handler, script, where, sinks)
  local hook = { stage = name, script = script, where = where, bits = sinks.bits, index = sinks.index }
  local text = template:gsub("BODY", (body:gsub("ANSWER", answers[name])))
  local chunk = assert(loadstring(text, "=" .. name .. " of " .. script))
  local note = name == "route" and core.unknown_sink or driver.note_reason
  return chunk(
    handler, hook, run, view_t, xpcall, on_raise, core.hook_failed, settlers[name], note, sinks.bits, api
  )
end

-- Runs `hook(…)` once, outside batches (init, tick, fini): true and its results, or nil and the
-- message with its traceback. Views made before are stale inside.
function driver.once(hook, ...)
  run.gen = run.gen + 1
  local ok, first, second = xpcall(hook, on_raise, ...)
  run.gen = run.gen + 1
  api.release_scoped(run)
  if not ok then
    return nil, first
  end
  return true, first, second
end

driver.PASS, driver.DROP, driver.sizeof_slot = PASS, DROP, ffi.sizeof("mcr_slot")

return driver
