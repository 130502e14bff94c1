-- Lets the first event about an object and reason pass and drops its repeats for a while; the first one
-- after that passes again. Times are those of the events.
--
-- @param every   duration ("10m")  how long repeats are dropped after the one that passed
-- @param message boolean  (false)  events with different messages are different
--
-- { "handlers/dedup.lua", every = "1h" }

local params = require("mooncrier.params")
local window = require("mooncrier.window")

local passed, with_message

---@param event mooncrier.Event
local function key_of(event)
  local object = event.involvedObject
  local key = table.concat({ object.kind, object.namespace, object.name, object.uid, event.type, event.reason }, "\0")
  return with_message and key .. "\0" .. event.message or key
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      every = { "duration", "10m" },
      message = { "boolean", false },
    })
    with_message = given.message
    passed = window.once({ every = given.every })
  end,

  filter = function(event)
    local now = event.time > 0 and event.time or time.now()
    if passed:first(key_of(event), now) then
      return true
    end
    return false, "repeat"
  end,

  save = function()
    return { passed = passed:save() }
  end,

  restore = function(saved)
    passed:restore(saved.passed)
  end,
}
