-- Counts the back-offs of each pod in a sliding window and emits an event when there are too many, at most
-- once per window. (scripts/handlers/crashloop.lua is the same with more parameters.)
--
-- @param threshold count    (5)      back-offs in the window that are too many
-- @param window    duration ("10m")  the window

local params = require("mooncrier.params")
local window = require("mooncrier.window")

local given, back_offs, told

---@type mooncrier.Hooks
return {
  init = function(init_params)
    given = params.read(init_params, { threshold = { "count", 5 }, window = { "duration", "10m" } })
    back_offs = window.new({ span = given.window })
    told = window.once({ every = given.window })
  end,

  handle = function(event)
    if event.reason ~= "BackOff" then
      return
    end
    local pod = event.involvedObject
    local key = pod.namespace .. "/" .. pod.name
    -- One record may stand for many occurrences: delta is how many of them are news. The event's own time
    -- makes a recorded file count as the live stream did.
    local n = back_offs:add(key, event.delta, event.time)
    if n >= given.threshold and told:first(key, event.time) then
      emit({
        type = "Warning",
        reason = "CrashLoop",
        message = ("%d back-offs within %g minutes: %s"):format(n, given.window / 60, event.message),
        involvedObject = pod,
      })
    end
  end,
}
